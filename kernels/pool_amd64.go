//go:build !purego

package kernels

// packAveragePoolAVX2 sums windows 16 channels at a time; the last ones overlap those before. Sums are of 16 bits, so a
// large window is summed in bands of rows.
func packAveragePoolAVX2(l PoolLayer) *Pool {
	const block = 16
	const pixels = (1<<16 - 1) / 255
	if l.Depth < block || l.KernelW > pixels {
		return packGenericAveragePool[uint8](l)
	}
	return &Pool{func(c PoolCall) {
		var band [block]uint16
		l.eachWindow(c, func(dst []byte, i0, i1, j0, j1 int) {
			columns := j1 - j0
			count := int32((i1 - i0) * columns)
			for n := 0; n < l.Depth; n += block {
				n := min(n, l.Depth-block)
				var sums [block]int32
				for i := i0; i < i1; i += pixels / columns {
					rows := min(pixels/columns, i1-i)
					windowsums__avx2(&c.Src[(i*l.InW+j0)*l.Depth+n], rows, columns, l.InW*l.Depth, l.Depth, &band)
					for k, sum := range band {
						sums[k] += int32(sum)
					}
				}
				for k, sum := range sums {
					dst[n+k] = l.mean(sum-count*l.Origin, count)
				}
			}
		})
	}}
}
