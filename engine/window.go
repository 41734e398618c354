package engine

import (
	"encoding/binary"
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
	row, pitch := w.kernelW*w.depth, w.inW*w.depth
	size := w.kernelH * row
	y, x := first/w.outW, first%w.outW
	for len(dst) >= size {
		top, left := y*w.strideH-w.padTop, x*w.strideW-w.padLeft
		patch := dst[:size]
		if top >= 0 && top+w.kernelH <= w.inH && left >= 0 && left+w.kernelW <= w.inW {
			gatherInside(patch, src[top*pitch+left*w.depth:], row, pitch)
		} else {
			gatherBorder(patch, src, w, zero, top, left)
		}
		dst = dst[size:]
		if x++; x == w.outW {
			y, x = y+1, 0
		}
	}
}

// gatherInside copies a patch: rows that are pitch bytes apart in src. The usual row, of 3 pixels of 3 colours, is too short
// for copy to be fast.
func gatherInside(patch, src []byte, row, pitch int) {
	if row < 8 || row > 16 {
		for ; len(patch) >= row; patch, src = patch[row:], src[min(pitch, len(src)):] {
			copy(patch[:row], src)
		}
		return
	}
	for at := 0; ; at += pitch {
		from := src[at:][:row]
		to := patch[:row]
		head, tail := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[row-8:])
		binary.LittleEndian.PutUint64(to, head)
		binary.LittleEndian.PutUint64(to[row-8:], tail)
		if patch = patch[row:]; len(patch) < row {
			return
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
