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

//go:noescape
func addBlocks(call *addCall)

// add computes the elements [i0, i1). Of the two inputs, that of the larger scale is multiplied by 1/2, which doesn't
// shift; any other addition is left to the generic code.
func add(a *AddArgs, i0, i1 int) {
	x, y := a.A, a.B
	xZero, yZero, xMul, yMul := a.AZero, a.BZero, a.AMul, a.BMul
	if xMul.Shift != 0 {
		x, y, xZero, yZero, xMul, yMul = y, x, yZero, xZero, yMul, xMul
	}
	if xMul.Shift != 0 || yMul.Shift > 0 || a.Mul.Shift >= 0 {
		genericAdd[int8](a, i0, i1)
		return
	}
	var c addCall
	for i := range c.lo {
		c.aZero[i], c.bZero[i], c.lo[i], c.hi[i] = int8(xZero), int8(yZero), int8(a.Lo), int8(a.Hi)
	}
	for i := range c.zero {
		c.zero[i] = int16(a.Zero)
	}
	for i := range c.mul {
		c.aMul[i], c.bMul[i], c.mul[i] = xMul.Mantissa, yMul.Mantissa, a.Mul.Mantissa
		c.bRight[i], c.right[i] = yMul.Shift, a.Mul.Shift
	}
	const most = 1 << 14 // elements of one call
	for ; i0+16 <= i1; i0 += c.blocks * 16 {
		c.blocks = min(i1-i0, most) / 16
		c.a, c.b, c.dst = &x[i0], &y[i0], &a.Dst[i0]
		addBlocks(&c)
	}
	if i0 < i1 { // less than a block: by way of the stack
		var tail [3][16]byte
		copy(tail[0][:], x[i0:i1])
		copy(tail[1][:], y[i0:i1])
		c.a, c.b, c.dst, c.blocks = &tail[0][0], &tail[1][0], &tail[2][0], 1
		addBlocks(&c)
		copy(a.Dst[i0:i1], tail[2][:])
	}
}

// windowCall is a sum over a window of sixteen channels.
type windowCall struct {
	sums          [16]int16
	src           *byte
	rows, columns int
	step, rowStep int // bytes from column to column, and from row to row
}

//go:noescape
func sumWindow(call *windowCall)

// averagePool computes the output rows [y0, y1).
func averagePool(a *PoolArgs, y0, y1 int) {
	if a.Depth < 16 || a.KernelH*a.KernelW > math.MaxInt16/128 {
		genericAveragePool[int8](a, y0, y1)
		return
	}
	c := windowCall{step: a.Depth, rowStep: a.InW * a.Depth}
	for y := y0; y < y1; y++ {
		i0, i1 := inside(y*a.StrideH-a.PadTop, a.KernelH, a.InH)
		for x := range a.OutW {
			j0, j1 := inside(x*a.StrideW-a.PadLeft, a.KernelW, a.InW)
			c.rows, c.columns = i1-i0, j1-j0
			src := a.Src[(i0*a.InW+j0)*a.Depth:]
			dst := a.Dst[(y*a.OutW+x)*a.Depth:][:a.Depth]
			count := int32(c.rows * c.columns)
			for n := 0; n < a.Depth; n += 16 {
				n := min(n, a.Depth-16) // some of the last channels twice, if they aren't whole sixteens
				c.src = &src[n]
				sumWindow(&c)
				for i, sum := range c.sums {
					sum := int32(sum) - a.Origin*count
					half := count / 2
					if sum < 0 {
						half = -half
					}
					dst[n+i] = byte(min(max((sum+half)/count+a.Origin, a.Lo), a.Hi))
				}
			}
		}
	}
}
