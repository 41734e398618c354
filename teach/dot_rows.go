//go:build !arm64

package teach

// units4x4 multiplies rows of so many bytes that follow one another.
func units4x4(sums *[16]int32, a, b []int8, length int) {
	for i := range 4 {
		for j := range 4 {
			sums[4*i+j] = dot8(a[i*length:(i+1)*length], b[j*length:(j+1)*length])
		}
	}
}

func dots4x4(sums *[16]float32, a []float32, strideA int, b []float32, strideB, n int) {
	dotsGeneric(sums, a, strideA, b, strideB, n)
}

func addUnits(to []float32, x float32, row []int8) { addUnitsGeneric(to, x, row) }
