package teach

// dot8 is the sum of the products of two slices of the same length, at most 2^17.
func dot8(a, b []int8) int32 {
	whole := len(a) &^ 15
	if whole == 0 {
		return dot8Generic(a, b)
	}
	b = b[:len(a)]
	return dot8NEON(&a[0], &b[0], whole) + dot8Generic(a[whole:], b[whole:])
}

// dot8NEON is dot8 for n bytes, a multiple of 16.
//
//go:noescape
func dot8NEON(a, b *int8, n int) int32
