//go:build !purego

package kernels

// avx2 is the set for AVX2. Its product of bytes saturates: where that isn't proved not to happen, all is widened to 16
// bits.
var avx2 = x86{
	narrow: &pointwiseAVX2, wide: &pointwiseAVX2, wider: &pointwiseAVX2,
	chained:  &pointwiseChains,
	widen:    widenAVX2,
	addFloat: addFloatAVX2, addInteger: addIntegerAVX2, addBlock: 32,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwiseAVX2k3s1x16},
			{width: 8, taps: 2, vectors: 2, plain: depthwiseAVX2k3s1x8},
		},
		{3, 2}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwiseAVX2k3s2x16},
			{width: 8, taps: 2, vectors: 2, plain: depthwiseAVX2k3s2x8},
		},
		{5, 1}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwiseAVX2k5s1x16},
			{width: 8, taps: 2, vectors: 2, plain: depthwiseAVX2k5s1x8},
		},
		{5, 2}: {
			{width: 16, taps: 2, vectors: 2, plain: depthwiseAVX2k5s2x16},
			{width: 8, taps: 2, vectors: 2, plain: depthwiseAVX2k5s2x8},
		},
	},
}

var pointwiseAVX2 = pointwiseKernel{
	by: "VPMADDWD", rows: 6, width: 16, taps: 2, ones: 3, order: inPairs256,
	many: [3]func(pointwiseTile){pointwiseAVX2x6x16, pointwiseAVX2x6x16Integer, pointwiseAVX2x6x16Signed},
	one:  [3]func(pointwiseTile){pointwiseAVX2x1x16, pointwiseAVX2x1x16Integer, pointwiseAVX2x1x16Signed},
}

var pointwiseChains = pointwiseKernel{
	by: "VPMADDUBSW", rows: 6, width: chainWidth, taps: 4, most: 95, ones: 3, order: inPairs256,
	many: [3]func(pointwiseTile){pointwiseChainsx6x16, pointwiseChainsx6x16Integer, pointwiseChainsx6x16Signed},
	one:  [3]func(pointwiseTile){pointwiseChainsx1x16, pointwiseChainsx1x16Integer, pointwiseChainsx1x16Signed},
}

// avxVNNI is the set for AVX2 with VNNI, but without AVX-512.
var avxVNNI = x86{
	narrow: &pointwiseVEX, wide: &pointwiseVEX, wider: &pointwiseVEX,
	sums:     sumsAVX2,
	addFloat: addFloatAVX2, addInteger: addIntegerAVX2, addBlock: 32,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwiseVEXk3s1x16, zeroed: depthwiseVEXk3s1x16Zero},
			{width: 8, taps: 4, vectors: 2, plain: depthwiseVEXk3s1x8, zeroed: depthwiseVEXk3s1x8Zero},
		},
		{3, 2}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwiseVEXk3s2x16, zeroed: depthwiseVEXk3s2x16Zero},
			{width: 8, taps: 4, vectors: 2, plain: depthwiseVEXk3s2x8, zeroed: depthwiseVEXk3s2x8Zero},
		},
		{5, 1}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwiseVEXk5s1x16, zeroed: depthwiseVEXk5s1x16Zero},
			{width: 8, taps: 4, vectors: 2, plain: depthwiseVEXk5s1x8, zeroed: depthwiseVEXk5s1x8Zero},
		},
		{5, 2}: {
			{width: 16, taps: 4, vectors: 2, plain: depthwiseVEXk5s2x16, zeroed: depthwiseVEXk5s2x16Zero},
			{width: 8, taps: 4, vectors: 2, plain: depthwiseVEXk5s2x8, zeroed: depthwiseVEXk5s2x8Zero},
		},
	},
}

var pointwiseVEX = pointwiseKernel{
	rows: 6, width: 16, taps: 4, order: inPairs256,
	many: [3]func(pointwiseTile){pointwiseVEXx6x16, pointwiseVEXx6x16Integer, pointwiseVEXx6x16Signed},
	one:  [3]func(pointwiseTile){pointwiseVEXx1x16, pointwiseVEXx1x16Integer, pointwiseVEXx1x16Signed},
}
