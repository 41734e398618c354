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

func units4x4(sums *[16]int32, a, b []int8, length int) { unitsGeneric(sums, a, b, length) }

func dots4x4(sums *[16]float32, a []float32, strideA int, b []float32, strideB, n int) {
	dotsGeneric(sums, a, strideA, b, strideB, n)
}

func addUnits(to []float32, x float32, row []int8) { addUnitsGeneric(to, x, row) }
