//go:build !purego

package kernels

import "math"

// addCall is an addition of 16 · blocks elements, with each constant in all lanes of a vector.
type addCall struct {
	a, b, dst    *byte
	blocks       int
	aZero, bZero [16]int8
	aMul, bMul   [4]int32
	mul, bRight  [4]int32
	right        [4]int32
	zero         [8]int16
	lo, hi       [16]int8
}

// packAddNeon packs an addition. Of the two inputs, that of the larger scale is multiplied by 1/2, which doesn't shift;
// any other addition is left to the generic code.
func packAddNeon(l AddLayer) *Add {
	aZero, bZero, aMul, bMul := l.AZero, l.BZero, l.AMul, l.BMul
	swap := aMul.Shift != 0
	if swap {
		aZero, bZero, aMul, bMul = bZero, aZero, bMul, aMul
	}
	if aMul.Shift != 0 || bMul.Shift > 0 || l.Mul.Shift >= 0 {
		return packGenericAdd[int8](l)
	}
	var call addCall
	for i := range call.lo {
		call.aZero[i], call.bZero[i], call.lo[i], call.hi[i] = int8(aZero), int8(bZero), int8(l.Lo), int8(l.Hi)
	}
	for i := range call.zero {
		call.zero[i] = int16(l.Zero)
	}
	for i := range call.mul {
		call.aMul[i], call.bMul[i], call.mul[i] = aMul.Mantissa, bMul.Mantissa, l.Mul.Mantissa
		call.bRight[i], call.right[i] = bMul.Shift, l.Mul.Shift
	}
	return &Add{func(c AddCall) {
		if swap {
			c.A, c.B = c.B, c.A
		}
		call.run(c)
	}}
}

// run adds with the constants of a call, which is a copy.
func (constants *addCall) run(c AddCall) {
	const most = 1 << 14 // elements of one call
	call, n := *constants, len(c.A)
	for i := 0; i+16 <= n; i += call.blocks * 16 {
		call.blocks = min(n-i, most) / 16
		call.a, call.b, call.dst = &c.A[i], &c.B[i], &c.Dst[i]
		add__neon(&call)
	}
	if i := n / 16 * 16; i < n { // less than a block: by way of the stack
		var tail [3][16]byte
		copy(tail[0][:], c.A[i:])
		copy(tail[1][:], c.B[i:])
		call.a, call.b, call.dst, call.blocks = &tail[0][0], &tail[1][0], &tail[2][0], 1
		add__neon(&call)
		copy(c.Dst[i:n], tail[2][:])
	}
}

// windowCall is a sum over a window of sixteen channels.
type windowCall struct {
	sums          [16]int16
	src           *byte
	rows, columns int
	step, rowStep int // bytes from column to column, and from row to row
}

// packAveragePoolNeon sums windows 16 channels at a time; the last ones overlap those before. Sums are of 16 bits, so a
// large window is summed in bands of rows.
func packAveragePoolNeon(l PoolLayer) *Pool {
	const pixels = math.MaxInt16 / 128
	if l.Depth < 16 || l.KernelW > pixels {
		return packGenericAveragePool[int8](l)
	}
	return &Pool{func(c PoolCall) {
		call := windowCall{step: l.Depth, rowStep: l.InW * l.Depth}
		l.eachWindow(c, func(dst []byte, i0, i1, j0, j1 int) {
			call.columns = j1 - j0
			count := int32((i1 - i0) * call.columns)
			for n := 0; n < l.Depth; n += 16 {
				n := min(n, l.Depth-16)
				var sums [16]int32
				for i := i0; i < i1; i += pixels / call.columns {
					call.rows, call.src = min(pixels/call.columns, i1-i), &c.Src[(i*l.InW+j0)*l.Depth+n]
					windowsums__neon(&call)
					for k, sum := range call.sums {
						sums[k] += int32(sum)
					}
				}
				for k, sum := range sums {
					dst[n+k] = l.mean(sum-l.Origin*count, count)
				}
			}
		})
	}}
}
