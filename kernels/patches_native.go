//go:build !purego && (amd64 || arm64)

package kernels

//go:noescape
func patches8(dst, src *byte, count, rows, row, pitch, step int)

//go:noescape
func patches16(dst, src *byte, count, rows, row, pitch, step int)

// patches copies rows of 8 to 32 bytes in two words that overlap: for those copy takes long. It reports whether it did.
func patches(dst, src []byte, count, rows, row, pitch, step int) bool {
	if row < 8 || row > 32 || count == 0 || pitch < 0 || step < 0 {
		return false
	}
	_ = src[(count-1)*step+(rows-1)*pitch+row-1]
	if row <= 16 {
		patches8(&dst[0], &src[0], count, rows, row, pitch, step)
	} else {
		patches16(&dst[0], &src[0], count, rows, row, pitch, step)
	}
	return true
}
