//go:build !purego && (amd64 || arm64)

package kernels

// patchesBytes is how much one call into assembly copies at most, as it can't be interrupted.
const patchesBytes = 64 << 10

// shortPatches copies rows of 8 to 32 bytes in two overlapping words, as copy is slow for them. It reports whether it did.
func shortPatches(dst, src []byte, count, rows, row, pitch, step int) bool {
	size := rows * row
	if row < 8 || row > 32 || size > patchesBytes || count == 0 || pitch < 0 || step < 0 {
		return false
	}
	_, _ = dst[count*size-1], src[(count-1)*step+(rows-1)*pitch+row-1]
	most := patchesBytes / size
	for i := 0; i < count; i += most {
		if to, from, n := &dst[i*size], &src[i*step], min(most, count-i); row <= 16 {
			patches_8b(to, from, n, rows, row, pitch, step)
		} else {
			patches_16b(to, from, n, rows, row, pitch, step)
		}
	}
	return true
}
