package kernels

// Patches copies as many patches as fit into dst, one after another: patch i is rows × row bytes, the rows pitch bytes
// apart in src, the first of them at i·step. So windows of a picture become the pixels of a pointwise layer.
func Patches(dst, src []byte, rows, row, pitch, step int) {
	if rows <= 0 || row <= 0 {
		return
	}
	count := len(dst) / (rows * row)
	if done := patches(dst, src, count, rows, row, pitch, step); done {
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
