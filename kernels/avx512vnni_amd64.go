//go:build !purego

package kernels

// avx512vnni is the set for AVX-512 with VNNI.
var avx512vnni = x86{
	narrow: &pointwiseKernel{
		rows: 14, width: 16, taps: 4, masked: true, order: inOrder,
		many: [3]func(pointwiseTile){pointwise_14x16c4_float__avx512vnni, pointwise_14x16c4_integer__avx512vnni, pointwise_14x16c4_signed__avx512vnni},
		one:  [3]func(pointwiseTile){pointwise_1x16c4_float__avx512vnni, pointwise_1x16c4_integer__avx512vnni, pointwise_1x16c4_signed__avx512vnni},
	},
	wide: &pointwiseKernel{
		rows: 7, width: 32, taps: 4, masked: true, order: inPairs512,
		many: [3]func(pointwiseTile){pointwise_7x32c4_float__avx512vnni, pointwise_7x32c4_integer__avx512vnni, pointwise_7x32c4_signed__avx512vnni},
		one:  [3]func(pointwiseTile){pointwise_1x32c4_float__avx512vnni, pointwise_1x32c4_integer__avx512vnni, pointwise_1x32c4_signed__avx512vnni},
	},
	wider: &pointwiseKernel{
		rows: 7, width: 48, taps: 4, masked: true, order: inPairs512,
		many: [3]func(pointwiseTile){pointwise_7x48c4_float__avx512vnni, pointwise_7x48c4_integer__avx512vnni, pointwise_7x48c4_signed__avx512vnni},
		one:  [3]func(pointwiseTile){pointwise_1x48c4_float__avx512vnni, pointwise_1x48c4_integer__avx512vnni, pointwise_1x48c4_signed__avx512vnni},
	},
	sums:     pixelsums__avx512vnni,
	addFloat: add_float__avx512vnni, addInteger: add_integer__avx512vnni, addBlock: 64,
	masked: true,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise_3x3s1_64ch__avx512vnni, zeroed: depthwise_3x3s1_64ch_zero__avx512vnni},
			{width: 32, taps: 4, vectors: 4, plain: depthwise_3x3s1_32ch__avx512vnni, zeroed: depthwise_3x3s1_32ch_zero__avx512vnni},
			{width: 16, taps: 4, vectors: 2, plain: depthwise_3x3s1_16ch__avx512vnni, zeroed: depthwise_3x3s1_16ch_zero__avx512vnni, masked: true},
		},
		{3, 2}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise_3x3s2_64ch__avx512vnni, zeroed: depthwise_3x3s2_64ch_zero__avx512vnni},
			{width: 32, taps: 4, vectors: 4, plain: depthwise_3x3s2_32ch__avx512vnni, zeroed: depthwise_3x3s2_32ch_zero__avx512vnni},
			{width: 16, taps: 4, vectors: 2, plain: depthwise_3x3s2_16ch__avx512vnni, zeroed: depthwise_3x3s2_16ch_zero__avx512vnni, masked: true},
		},
		{5, 1}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise_5x5s1_64ch__avx512vnni, zeroed: depthwise_5x5s1_64ch_zero__avx512vnni},
			{width: 32, taps: 4, vectors: 4, plain: depthwise_5x5s1_32ch__avx512vnni, zeroed: depthwise_5x5s1_32ch_zero__avx512vnni},
			{width: 16, taps: 4, vectors: 2, plain: depthwise_5x5s1_16ch__avx512vnni, zeroed: depthwise_5x5s1_16ch_zero__avx512vnni, masked: true},
		},
		{5, 2}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise_5x5s2_64ch__avx512vnni, zeroed: depthwise_5x5s2_64ch_zero__avx512vnni},
			{width: 32, taps: 4, vectors: 4, plain: depthwise_5x5s2_32ch__avx512vnni, zeroed: depthwise_5x5s2_32ch_zero__avx512vnni},
			{width: 16, taps: 4, vectors: 2, plain: depthwise_5x5s2_16ch__avx512vnni, zeroed: depthwise_5x5s2_16ch_zero__avx512vnni, masked: true},
		},
	},
}
