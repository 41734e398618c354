package frame

import "encoding/binary"

// block is 8×8 coefficients, and on its way to samples. Two numbers side by side make one word, left + right·2^32, and
// since adding, and multiplying by a constant, does the same to both, the transform computes two columns in one go. It
// is exact as long as both stay in 32 bits, which those of a sound picture do; other pictures get other garbage.
//
//	row 0   b[0] = columns 0, 1   b[1] = 2, 3   b[2] = 4, 5   b[3] = 6, 7
//	row 1   b[4] …
type block [32]int64

// set sets the coefficient at place row·8 + column, zero before.
func (b *block) set(place uint8, value int32) {
	b[place/2&31] += int64(value) << (place % 2 * 32)
}

// split returns the two numbers of a word.
func split(x int64) (left, right int64) {
	left = int64(int32(x))
	return left, (x - left) >> 32
}

// both is a number in both halves of a word.
const both = 1<<32 + 1

// Fixed point: 13 bits after the point for the constants, 2 more for what goes from the first pass to the second. The
// transform is not normalized and yields 8 times too much in two passes. These are the bits of libjpeg's accurate
// transform, which everyone compares with.
const (
	constantBits = 13
	passBits     = 2
)

// inverse turns dequantized coefficients into samples, 8 rows stride bytes apart, and leaves b zero.
func (b *block) inverse(to []byte, stride int) {
	// First pass: down the columns, two at a time. t is the result lying on its side: t[r] holds rows 2r and 2r+1.
	var t [4][8]int64
	for c := range 4 {
		col := (*[29]int64)(b[c:])
		if col[4]|col[8]|col[12]|col[16]|col[20]|col[24]|col[28] == 0 {
			if col[0] == 0 {
				continue
			}
			left, right := split(col[0] << passBits)
			for r := range t {
				t[r][2*c], t[r][2*c+1] = left*both, right*both
			}
			continue
		}
		const start = 1 << (constantBits - passBits - 1) * both // for rounding
		y0, y1, y2, y3, y4, y5, y6, y7 := transform(
			col[0], col[4], col[8], col[12], col[16], col[20], col[24], col[28], start)
		t[0][2*c], t[0][2*c+1] = turn(y0, y1)
		t[1][2*c], t[1][2*c+1] = turn(y2, y3)
		t[2][2*c], t[2][2*c+1] = turn(y4, y5)
		t[3][2*c], t[3][2*c+1] = turn(y6, y7)
	}
	clear(b[:])

	// Second pass: along the rows, two at a time. Samples are signed here: 0 is 128.
	for r := range t {
		const start = (128<<sampleShift + 1<<(sampleShift-1)) * both
		x := &t[r]
		y0, y1, y2, y3, y4, y5, y6, y7 := transform(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], start)
		upper, lower := to[2*r*stride:][:8], to[(2*r+1)*stride:][:8]
		upper[0], lower[0] = samples(y0)
		upper[1], lower[1] = samples(y1)
		upper[2], lower[2] = samples(y2)
		upper[3], lower[3] = samples(y3)
		upper[4], lower[4] = samples(y4)
		upper[5], lower[5] = samples(y5)
		upper[6], lower[6] = samples(y6)
		upper[7], lower[7] = samples(y7)
	}
}

// turn makes, of two rows' words for the same two columns, two columns' words for those rows, rounded down.
func turn(upper, lower int64) (left, right int64) {
	const shift = constantBits - passBits
	ul, ur := split(upper)
	ll, lr := split(lower)
	return ul>>shift + ll>>shift<<32, ur>>shift + lr>>shift<<32
}

const sampleShift = constantBits + passBits + 3

// samples returns the samples in a word.
func samples(word int64) (upper, lower byte) {
	u, l := split(word)
	return clamp(u >> sampleShift), clamp(l >> sampleShift)
}

// clamp returns the byte nearest to x.
func clamp(x int64) byte {
	if uint64(x) > 255 {
		x = ^x >> 63
	}
	return byte(x)
}

// transform is the inverse cosine transform of 8 numbers (of pairs of them), √8·2^13 times too large, with start added
// to each result. (C. Loeffler, A. Ligtenberg, G. Moschytz: Practical fast 1-D DCT algorithms with 11 multiplications,
// ICASSP 1989; figure 1, from right to left, the rotations written with three multiplications each.)
func transform(
	x0, x1, x2, x3, x4, x5, x6, x7, start int64,
) (y0, y1, y2, y3, y4, y5, y6, y7 int64) {
	// The constants are √2·cos and sums of such, times 2^13.
	const (
		f0298 = 2446
		f0390 = 3196
		f0541 = 4433
		f0765 = 6270
		f0899 = 7373
		f1175 = 9633
		f1501 = 12299
		f1847 = 15137
		f1961 = 16069
		f2053 = 16819
		f2562 = 20995
		f3072 = 25172
	)
	// Even inputs.
	z := (x2 + x6) * f0541
	d, c := z-x6*f1847, z+x2*f0765
	a, b := (x0+x4)<<constantBits+start, (x0-x4)<<constantBits+start
	e0, e3 := a+c, a-c
	e1, e2 := b+d, b-d

	// Odd inputs.
	z71, z53, z73, z51 := x7+x1, x5+x3, x7+x3, x5+x1
	z5 := (z73 + z51) * f1175
	z71 *= -f0899
	z53 *= -f2562
	z73 = z5 - z73*f1961
	z51 = z5 - z51*f0390
	o3 := x7*f0298 + z71 + z73
	o2 := x5*f2053 + z53 + z51
	o1 := x3*f3072 + z53 + z73
	o0 := x1*f1501 + z71 + z51

	return e0 + o0, e1 + o1, e2 + o2, e3 + o3, e3 - o3, e2 - o2, e1 - o1, e0 - o0
}

// fillFlat is inverse for a block whose first coefficient alone may not be zero.
func (b *block) fillFlat(to []byte, stride int) {
	dc, _ := split(b[0])
	b[0] = 0
	word := uint64(clamp((dc+4)>>3+128)) * 0x0101010101010101
	for r := range 8 {
		binary.LittleEndian.PutUint64(to[r*stride:], word)
	}
}

// The halfCosines are C(k)/2 · cos((2n+1)kπ/2N), times 2^13, by n and k, where C(0) = √½ and C(k) = 1, for N = 4 and 2.
// (Together they are the inverse cosine transform of N × N numbers, for coefficients in the scale of one of 8 × 8.)
var (
	halfCosines4 = [4][4]int64{
		{2896, 3784, 2896, 1567},
		{2896, 1567, -2896, -3784},
		{2896, -1567, -2896, 3784},
		{2896, -3784, 2896, -1567},
	}
	halfCosines2 = [4][4]int64{{2896, 2896}, {2896, -2896}}
)

// reduced makes size × size samples of a block, for size 4, 2 or 1, and leaves b zero. It transforms the coefficients of
// low frequency as if they were all of a smaller block's. That shows the picture smaller, without the fine patterns that
// so few samples can't show.
func (b *block) reduced(to []byte, stride, size int) {
	cosines := &halfCosines4
	switch size {
	case 2:
		cosines = &halfCosines2
	case 1:
		mean, _ := split(b[0])
		to[0] = clamp((mean+4)>>3 + 128)
		clear(b[:])
		return
	}
	var columns [4][4]int64 // by coefficient of a row and sample of a column
	for u := range size {
		for v := range size {
			value, other := split(b[4*v+u/2])
			if u%2 == 1 {
				value = other
			}
			for y := range size {
				columns[u][y] += value * cosines[y][v]
			}
		}
	}
	clear(b[:])
	const scale = 2 * constantBits
	for y := range size {
		for x := range size {
			sum := int64(128<<scale + 1<<(scale-1))
			for u := range size {
				sum += columns[u][y] * cosines[x][u]
			}
			to[y*stride+x] = clamp(sum >> scale)
		}
	}
}
