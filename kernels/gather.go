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
	var padded [4 << 10]byte
	row, pitch, step := w.KernelW*depth, w.InW*depth, w.StrideW*depth
	size := w.KernelH * row
	y, x := first/w.OutW, first%w.OutW
	for len(dst) >= size {
		top, left, count := y*w.StrideH-w.PadTop, x*w.StrideW-w.PadLeft, min(w.OutW-x, len(dst)/size)
		from := top*pitch + left*depth
		to := from + (count-1)*step + (w.KernelH-1)*pitch + row
		if top >= 0 && top+w.KernelH <= w.InH && from >= 0 && to <= len(src) {
			patches(dst[:count*size], src[from:], w.KernelH, row, pitch, step)
			w.blank(dst[:count*size], depth, zero, x)
		} else if count = min(count, (len(padded)/(w.KernelH*depth)-w.KernelW)/w.StrideW+1); count > 1 {
			columns := (count-1)*w.StrideW + w.KernelW
			rows := padded[:w.KernelH*columns*depth]
			w.pad(rows, src, depth, zero, top, left, columns)
			patches(dst[:count*size], rows, w.KernelH, row, columns*depth, step)
		} else {
			count = 1
			w.pad(dst[:size], src, depth, zero, top, left, w.KernelW)
		}
		dst = dst[count*size:]
		if x += count; x == w.OutW {
			y, x = y+1, 0
		}
	}
}

// blank lets what patches of an output row see beside src be zero. They are those from pixel x on, and have what lies there in
// memory: ends of other rows.
func (w *Window) blank(patches []byte, depth int, zero byte, x int) {
	row := w.KernelW * depth
	size := w.KernelH * row
	// Windows of the pixels [x0, x1) lie between the left and the right border.
	x0 := (w.PadLeft + w.StrideW - 1) / w.StrideW
	x1 := max(0, w.InW-w.KernelW+w.PadLeft+w.StrideW) / w.StrideW
	border := func(x int) int {
		if x >= x0 {
			return max(x, x1)
		}
		return x
	}
	for p, end := border(x), x+len(patches)/size; p < end; p = border(p + 1) {
		patch, left := patches[(p-x)*size:], p*w.StrideW-w.PadLeft
		from, to := min(w.KernelW, max(0, -left))*depth, max(0, min(w.KernelW, w.InW-left))*depth
		for range w.KernelH {
			fillBytes(patch[:from], zero)
			fillBytes(patch[to:row], zero)
			patch = patch[row:]
		}
	}
}

// pad writes so many columns of the rows that a window sees, of which some lie outside of src.
func (w *Window) pad(rows, src []byte, depth int, zero byte, top, left, columns int) {
	size := columns * depth
	from, to := max(0, -left), min(columns, w.InW-left)
	for i := range w.KernelH {
		row, y := rows[i*size:][:size], top+i
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
