//go:build purego || !(amd64 || arm64)

package kernels

import "encoding/binary"

// shortPatches copies rows of 8 to 16 bytes in two overlapping words, as copy is slow for them. It reports whether it did.
func shortPatches(dst, src []byte, count, rows, row, pitch, step int) bool {
	if row < 8 || row > 16 {
		return false
	}
	for i := range count {
		for j := range rows {
			at := i*step + j*pitch
			from := src[at : at+row : at+row]
			head, tail := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[row-8:])
			binary.LittleEndian.PutUint64(dst, head)
			binary.LittleEndian.PutUint64(dst[row-8:], tail)
			dst = dst[row:]
		}
	}
	return true
}
