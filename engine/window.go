package engine

import (
	"fmt"

	"edge/kernels"
	"edge/model"
)

// window is how a convolution or a pooling moves over its input: sizes, in pixels, and depth, in channels.
type window struct {
	inH, inW, outH, outW, depth int
	kernelH, kernelW            int
	strideH, strideW            int
	padTop, padLeft             int
}

// windowOf takes shapes [1, height, width, depth]. With padding SAME the odd row or column is at the end.
func windowOf(w model.Window, kernelH, kernelW int, in, out []int) window {
	before := func(in, out, stride, kernel int) int {
		if w.Padding == model.Valid {
			return 0
		}
		return max((out-1)*stride+kernel-in, 0) / 2
	}
	return window{
		inH: in[1], inW: in[2], outH: out[1], outW: out[2], depth: in[3],
		kernelH: kernelH, kernelW: kernelW, strideH: w.StrideH, strideW: w.StrideW,
		padTop:  before(in[1], out[1], w.StrideH, kernelH),
		padLeft: before(in[2], out[2], w.StrideW, kernelW),
	}
}

// String says, for example, "3×3/2": kernel and stride.
func (w window) String() string {
	if w.strideH == w.strideW {
		return fmt.Sprintf("%d×%d/%d", w.kernelH, w.kernelW, w.strideH)
	}
	return fmt.Sprintf("%d×%d/%d,%d", w.kernelH, w.kernelW, w.strideH, w.strideW)
}

// gather writes the patches of the output pixels from first on, until dst is full.
func gather(dst, src []byte, w *window, zero byte, first int) {
	row, pitch, step := w.kernelW*w.depth, w.inW*w.depth, w.strideW*w.depth
	size := w.kernelH * row
	// Windows of the pixels [x0, x1) of an output row lie between the left and the right border.
	x0 := (w.padLeft + w.strideW - 1) / w.strideW
	x1 := (w.inW-w.kernelW+w.padLeft)/w.strideW + 1
	y, x := first/w.outW, first%w.outW
	for len(dst) >= size {
		top, left, count := y*w.strideH-w.padTop, x*w.strideW-w.padLeft, 1
		if top >= 0 && top+w.kernelH <= w.inH && x >= x0 && x < x1 && w.inW >= w.kernelW {
			count = min(x1, w.outW) - x
			count = min(count, len(dst)/size)
			kernels.Patches(dst[:count*size], src[top*pitch+left*w.depth:], w.kernelH, row, pitch, step)
		} else {
			gatherBorder(dst[:size], src, w, zero, top, left)
		}
		dst = dst[count*size:]
		if x += count; x == w.outW {
			y, x = y+1, 0
		}
	}
}

// gatherBorder fills what lies outside of src with zero.
func gatherBorder(patch, src []byte, w *window, zero byte, top, left int) {
	row := w.kernelW * w.depth
	from, to := max(0, -left), min(w.kernelW, w.inW-left)
	fill(patch, zero)
	for i := range w.kernelH {
		if y := top + i; y >= 0 && y < w.inH && from < to {
			copy(patch[i*row:][from*w.depth:to*w.depth], src[(y*w.inW+left+from)*w.depth:])
		}
	}
}

func fill(dst []byte, b byte) {
	for i := range dst {
		dst[i] = b
	}
}
