package kernels

// Gather writes what output pixels see of the input, their patches, one after another: those from pixel first on, until
// dst is full. A patch is the rows of a window, [KernelH][KernelW][depth]; what of it lies outside of src is zero. So
// any convolution becomes a pointwise one on patches.
//
//	src, 3×3 windows      dst
//	┌───────┐
//	│ a b c │ d …         a b c │ h i j │ o p q   the patch of the first pixel
//	│ h i j │ k …         b c d │ i j k │ p q r   that of the next
//	│ o p q │ r …         …
//	└───────┘
func (w *Window) Gather(dst, src []byte, depth int, zero byte, first int) {
	row, pitch, step := w.KernelW*depth, w.InW*depth, w.StrideW*depth
	size := w.KernelH * row
	// Windows of the pixels [x0, x1) of an output row lie between the left and the right border.
	x0 := (w.PadLeft + w.StrideW - 1) / w.StrideW
	x1 := (w.InW-w.KernelW+w.PadLeft)/w.StrideW + 1
	y, x := first/w.OutW, first%w.OutW
	for len(dst) >= size {
		top, left, count := y*w.StrideH-w.PadTop, x*w.StrideW-w.PadLeft, 1
		if top >= 0 && top+w.KernelH <= w.InH && x >= x0 && x < x1 && w.InW >= w.KernelW {
			count = min(min(x1, w.OutW)-x, len(dst)/size)
			patches(dst[:count*size], src[top*pitch+left*depth:], w.KernelH, row, pitch, step)
		} else {
			w.gatherBorder(dst[:size], src, depth, zero, top, left)
		}
		dst = dst[count*size:]
		if x += count; x == w.OutW {
			y, x = y+1, 0
		}
	}
}

// gatherBorder writes a patch that lies partly outside of src.
func (w *Window) gatherBorder(patch, src []byte, depth int, zero byte, top, left int) {
	size := w.KernelW * depth
	from, to := max(0, -left), min(w.KernelW, w.InW-left)
	for i := range w.KernelH {
		row, y := patch[i*size:][:size], top+i
		if y < 0 || y >= w.InH || from >= to {
			fillBytes(row, zero)
			continue
		}
		fillBytes(row[:from*depth], zero)
		copy(row[from*depth:to*depth], src[(y*w.InW+left+from)*depth:])
		fillBytes(row[to*depth:], zero)
	}
}

func fillBytes(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// patches copies as many patches as fit into dst: patch i is rows × row bytes, the rows pitch bytes apart in src, the
// first of them at i·step.
func patches(dst, src []byte, rows, row, pitch, step int) {
	count := len(dst) / (rows * row)
	if done := shortPatches(dst, src, count, rows, row, pitch, step); done {
		return
	}
	for i := range count {
		for j := range rows {
			at := i*step + j*pitch
			copy(dst[:row], src[at:at+row])
			dst = dst[row:]
		}
	}
}
