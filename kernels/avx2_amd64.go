//go:build !purego

package kernels

// avx2 is the set for AVX2. Its product of bytes saturates: unless it is proved that this can't happen, bytes are widened
// to 16 bits.
var avx2 = x86{
	narrow: &pointwiseAVX2, wide: &pointwiseAVX2, wider: &pointwiseAVX2,
	chained:  &pointwiseChains,
	widen:    widen__avx2,
	addFloat: add_float__avx2, addInteger: add_integer__avx2, addBlock: 32,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwise_3x3s1_16ch__avx2},
			{width: 8, taps: 2, vectors: 2, plain: depthwise_3x3s1_8ch__avx2},
		},
		{3, 2}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwise_3x3s2_16ch__avx2},
			{width: 8, taps: 2, vectors: 2, plain: depthwise_3x3s2_8ch__avx2},
		},
		{5, 1}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwise_5x5s1_16ch__avx2},
			{width: 8, taps: 2, vectors: 2, plain: depthwise_5x5s1_8ch__avx2},
		},
		{5, 2}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwise_5x5s2_16ch__avx2},
			{width: 8, taps: 2, vectors: 2, plain: depthwise_5x5s2_8ch__avx2},
		},
	},
}

var pointwiseAVX2 = pointwiseKernel{
	by: "VPMADDWD", rows: 6, width: 16, taps: 2, ones: 3, order: inPairs256,
	many: [3]func(pointwiseTile){pointwise_6x16c2_float__avx2, pointwise_6x16c2_integer__avx2, pointwise_6x16c2_signed__avx2},
	one:  [3]func(pointwiseTile){pointwise_1x16c2_float__avx2, pointwise_1x16c2_integer__avx2, pointwise_1x16c2_signed__avx2},
}

var pointwiseChains = pointwiseKernel{
	by: "VPMADDUBSW", rows: 6, width: chainWidth, taps: 4, most: 95, ones: 3, order: inPairs256,
	many: [3]func(pointwiseTile){pointwise_6x16c4chain_float__avx2, pointwise_6x16c4chain_integer__avx2, pointwise_6x16c4chain_signed__avx2},
	one:  [3]func(pointwiseTile){pointwise_1x16c4chain_float__avx2, pointwise_1x16c4chain_integer__avx2, pointwise_1x16c4chain_signed__avx2},
}

// avxvnni is the set for AVX2 with VNNI, but without AVX-512.
var avxvnni = x86{
	narrow: &pointwiseVNNI, wide: &pointwiseVNNI, wider: &pointwiseVNNI,
	sums:     pixelsums__avx2,
	addFloat: add_float__avx2, addInteger: add_integer__avx2, addBlock: 32,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwise_3x3s1_16ch__avxvnni, zeroed: depthwise_3x3s1_16ch_zero__avxvnni},
			{width: 8, taps: 4, vectors: 2, plain: depthwise_3x3s1_8ch__avxvnni, zeroed: depthwise_3x3s1_8ch_zero__avxvnni},
		},
		{3, 2}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwise_3x3s2_16ch__avxvnni, zeroed: depthwise_3x3s2_16ch_zero__avxvnni},
			{width: 8, taps: 4, vectors: 2, plain: depthwise_3x3s2_8ch__avxvnni, zeroed: depthwise_3x3s2_8ch_zero__avxvnni},
		},
		{5, 1}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwise_5x5s1_16ch__avxvnni, zeroed: depthwise_5x5s1_16ch_zero__avxvnni},
			{width: 8, taps: 4, vectors: 2, plain: depthwise_5x5s1_8ch__avxvnni, zeroed: depthwise_5x5s1_8ch_zero__avxvnni},
		},
		{5, 2}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwise_5x5s2_16ch__avxvnni, zeroed: depthwise_5x5s2_16ch_zero__avxvnni},
			{width: 8, taps: 4, vectors: 2, plain: depthwise_5x5s2_8ch__avxvnni, zeroed: depthwise_5x5s2_8ch_zero__avxvnni},
		},
	},
}

var pointwiseVNNI = pointwiseKernel{
	rows: 6, width: 16, taps: 4, order: inPairs256,
	many: [3]func(pointwiseTile){pointwise_6x16c4_float__avxvnni, pointwise_6x16c4_integer__avxvnni, pointwise_6x16c4_signed__avxvnni},
	one:  [3]func(pointwiseTile){pointwise_1x16c4_float__avxvnni, pointwise_1x16c4_integer__avxvnni, pointwise_1x16c4_signed__avxvnni},
}
