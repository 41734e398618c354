package kernels

import "encoding/binary"

// Flip turns int8 activations into the uint8 ones that stand 128 higher, and back: dst[i] = src[i] ^ 0x80. The slices
// are of one length, and may be the same.
func Flip(dst, src []byte) {
	const signs = 0x8080808080808080
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^signs)
		dst, src = dst[8:], src[8:]
	}
	for i, b := range src {
		dst[i] = b ^ 0x80
	}
}
