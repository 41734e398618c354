package engine

import (
	"fmt"

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
	row := w.kernelW * w.depth
	y, x := first/w.outW, first%w.outW
	for len(dst) > 0 {
		top, left := y*w.strideH-w.padTop, x*w.strideW-w.padLeft
		from, to := max(0, -left), min(w.kernelW, w.inW-left)
		for i := range w.kernelH {
			patch := dst[i*row : (i+1)*row]
			switch {
			case top+i < 0 || top+i >= w.inH || from >= to:
				fill(patch, zero)
			case to-from == w.kernelW:
				copy(patch, src[((top+i)*w.inW+left)*w.depth:])
			default:
				fill(patch[:from*w.depth], zero)
				copy(patch[from*w.depth:to*w.depth], src[((top+i)*w.inW+left+from)*w.depth:])
				fill(patch[to*w.depth:], zero)
			}
		}
		dst = dst[w.kernelH*row:]
		if x++; x == w.outW {
			y, x = y+1, 0
		}
	}
}

func fill(dst []byte, b byte) {
	for i := range dst {
		dst[i] = b
	}
}
