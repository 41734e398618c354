//go:build !purego

package kernels

//go:noescape
func windowSums(src *byte, rows, columns, pitch, step int, sums *[16]uint16)

// averagePoolAVX2 sums windows 16 channels at a time; the last ones overlap those before.
func averagePoolAVX2(a *PoolArgs, y0, y1 int) {
	const block = 16
	if a.Depth < block || a.KernelH*a.KernelW > 1<<16/256 { // sums are of 16 bits
		genericAveragePool[uint8](a, y0, y1)
		return
	}
	var sums [block]uint16
	for y := y0; y < y1; y++ {
		i0, i1 := inside(y*a.StrideH-a.PadTop, a.KernelH, a.InH)
		for x := range a.OutW {
			j0, j1 := inside(x*a.StrideW-a.PadLeft, a.KernelW, a.InW)
			count := int32((i1 - i0) * (j1 - j0))
			src := a.Src[(i0*a.InW+j0)*a.Depth:]
			dst := a.Dst[(y*a.OutW+x)*a.Depth:][:a.Depth]
			for c := 0; c < a.Depth; c += block {
				c := min(c, a.Depth-block)
				windowSums(&src[c], i1-i0, j1-j0, a.InW*a.Depth, a.Depth, &sums)
				for i, s := range sums {
					sum, half := int32(s)-count*a.Origin, count/2
					if sum < 0 {
						half = -half
					}
					dst[c+i] = byte(min(max((sum+half)/count+a.Origin, a.Lo), a.Hi))
				}
			}
		}
	}
}
