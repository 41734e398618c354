package teach

// dot8 is the sum of the products of two slices of the same length, at most 2^17.
func dot8(a, b []int8) int32 { return dot8Generic(a, b) }

// unitsAtOnce is how many bytes of units are summed in 16 bits. A unit is 128 steps long, so that no sum of products of some of
// its bytes exceeds 128² by more than rounding adds: of 1024 bytes, each wrong by half a step, (128 + ½·√1024)² = 20,736.
const unitsAtOnce = 1024

func units4x4(sums *[16]int32, a, b []int8, length int) {
	a, b = a[:4*length], b[:4*length]
	*sums = [16]int32{}
	for at := 0; at < length; at += unitsAtOnce {
		unitsNEON(sums, &a[at], &b[at], length, min(length-at, unitsAtOnce))
	}
}

func dots4x4(sums *[16]float32, a []float32, strideA int, b []float32, strideB, n int) {
	_, _ = a[3*strideA+n-1], b[3*strideB+n-1]
	dotsNEON(sums, &a[0], strideA, &b[0], strideB, n)
}

func addUnits(to []float32, x float32, row []int8) {
	addUnitsNEON(&to[:len(row)][0], x, &row[0], len(row))
}

// unitsNEON adds to sums the products of n bytes of rows that lie so far apart, n > 0 a multiple of 16.
//
//go:noescape
func unitsNEON(sums *[16]int32, a, b *int8, stride, n int)

// dotsNEON is dots4x4.
//
//go:noescape
func dotsNEON(sums *[16]float32, a *float32, strideA int, b *float32, strideB, n int)

// addUnitsNEON is addUnits for n units, n > 0 a multiple of 16.
//
//go:noescape
func addUnitsNEON(to *float32, x float32, row *int8, n int)
