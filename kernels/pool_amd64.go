//go:build !purego

package kernels

// packAveragePoolAVX2 sums windows 16 channels at a time; the last ones overlap those before.
func packAveragePoolAVX2(l PoolLayer) *Pool {
	const block = 16
	if l.Depth < block || l.KernelH*l.KernelW > 1<<16/256 { // sums are of 16 bits
		return packGenericAveragePool[uint8](l)
	}
	return &Pool{func(c PoolCall) {
		var sums [block]uint16
		l.eachWindow(c, func(dst []byte, i0, i1, j0, j1 int) {
			count := int32((i1 - i0) * (j1 - j0))
			src := c.Src[(i0*l.InW+j0)*l.Depth:]
			for n := 0; n < l.Depth; n += block {
				n := min(n, l.Depth-block)
				windowsums__avx2(&src[n], i1-i0, j1-j0, l.InW*l.Depth, l.Depth, &sums)
				for i, sum := range sums {
					dst[n+i] = l.mean(int32(sum)-count*l.Origin, count)
				}
			}
		})
	}}
}
