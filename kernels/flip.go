package kernels

import "crypto/subtle"

// Flip turns int8 activations into uint8 ones that are 128 larger, and back: dst[i] = src[i] ^ 0x80. The slices have one
// length, and are either the same or don't overlap.
func Flip(dst, src []byte) {
	const signs = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"
	var mask [1024]byte
	for at := 0; at < len(mask); at += len(signs) {
		copy(mask[at:], signs)
	}
	for len(src) > 0 {
		n := subtle.XORBytes(dst, src, mask[:])
		dst, src = dst[n:], src[n:]
	}
}
