package teach

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// dot8 is the sum of the products of two slices of the same length, at most 2^17.
func dot8(a, b []int8) int32 {
	whole := len(a) &^ 31
	if !hasAVX2 || whole == 0 {
		return dot8Generic(a, b)
	}
	b = b[:len(a)]
	return dot8AVX2(&a[0], &b[0], whole) + dot8Generic(a[whole:], b[whole:])
}

// dot8AVX2 is dot8 for n bytes, a multiple of 32.
//
//go:noescape
func dot8AVX2(a, b *int8, n int) int32
