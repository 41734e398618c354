//go:build !amd64 && !arm64

package teach

// dot8 is the sum of the products of two slices of the same length, at most 2^17.
func dot8(a, b []int8) int32 { return dot8Generic(a, b) }

func units4x4(sums *[16]int32, a, b []int8, length int) { unitsGeneric(sums, a, b, length) }

func dots4x4(sums *[16]float32, a []float32, strideA int, b []float32, strideB, n int) {
	dotsGeneric(sums, a, strideA, b, strideB, n)
}

func addUnits(to []float32, x float32, row []int8) { addUnitsGeneric(to, x, row) }
