package engine

import (
	"fmt"

	"edge/kernels"
	"edge/model"
)

// windowOf takes shapes [1, height, width, depth]. With padding SAME the odd row or column is at the end.
func windowOf(w model.Window, kernelH, kernelW int, in, out []int) kernels.Window {
	before := func(in, out, stride, kernel int) int {
		if w.Padding == model.Valid {
			return 0
		}
		return max((out-1)*stride+kernel-in, 0) / 2
	}
	return kernels.Window{
		InH: in[1], InW: in[2], OutH: out[1], OutW: out[2],
		KernelH: kernelH, KernelW: kernelW, StrideH: w.StrideH, StrideW: w.StrideW,
		PadTop:  before(in[1], out[1], w.StrideH, kernelH),
		PadLeft: before(in[2], out[2], w.StrideW, kernelW),
	}
}

// sizes says, for example, "3×3/2": kernel and stride.
func sizes(w kernels.Window) string {
	if w.StrideH == w.StrideW {
		return fmt.Sprintf("%d×%d/%d", w.KernelH, w.KernelW, w.StrideH)
	}
	return fmt.Sprintf("%d×%d/%d,%d", w.KernelH, w.KernelW, w.StrideH, w.StrideW)
}

func fill(dst []byte, b byte) {
	for i := range dst {
		dst[i] = b
	}
}
