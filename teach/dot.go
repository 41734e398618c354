package teach

// Rows are multiplied four by four, so that what is loaded takes part in four products: sums[4·i+j] is row i of a times
// row j of b. Each machine adds in an order of its own.

// dot8Generic is the sum of the products of two slices of the same length, at most 2^17.
func dot8Generic(a, b []int8) int32 {
	var s0, s1, s2, s3 int32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += int32(a[i]) * int32(b[i])
		s1 += int32(a[i+1]) * int32(b[i+1])
		s2 += int32(a[i+2]) * int32(b[i+2])
		s3 += int32(a[i+3]) * int32(b[i+3])
	}
	for ; i < len(a); i++ {
		s0 += int32(a[i]) * int32(b[i])
	}
	return s0 + s1 + s2 + s3
}

// unitStep is what the length of a row of units is a multiple of, filled with zeros.
const unitStep = 32

// dotsGeneric multiplies the first n cells of rows, n > 0 a multiple of 4. The rows of a begin so many cells apart, those of b so
// many.
func dotsGeneric(sums *[16]float32, a []float32, strideA int, b []float32, strideB, n int) {
	for i := 0; i < 4; i += 2 {
		a0, a1 := a[i*strideA:][:n], a[(i+1)*strideA:][:n]
		for j := 0; j < 4; j += 2 {
			b0, b1 := b[j*strideB:][:n], b[(j+1)*strideB:][:n]
			var s00, s01, s10, s11 float32
			for k, x0 := range a0 {
				x1, y0, y1 := a1[k], b0[k], b1[k]
				s00 += x0 * y0
				s01 += x0 * y1
				s10 += x1 * y0
				s11 += x1 * y1
			}
			sums[4*i+j], sums[4*i+j+1], sums[4*i+j+4], sums[4*i+j+5] = s00, s01, s10, s11
		}
	}
}

// addUnitsGeneric adds x times a row of units to sums of the same length.
func addUnitsGeneric(to []float32, x float32, row []int8) {
	row = row[:len(to)]
	for i, v := range row {
		to[i] += x * float32(v)
	}
}
