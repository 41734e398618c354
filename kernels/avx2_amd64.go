//go:build !purego

package kernels

// avx2 is the set for AVX2: without a product of bytes that doesn't saturate, all is widened to 16 bits.
var avx2 = x86{
	narrow: &pointwiseAVX2, wide: &pointwiseAVX2, wider: &pointwiseAVX2,
	widen: widenAVX2,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 2, vectors: 2, fast: depthwiseAVX2k3s1x16, exact: depthwiseAVX2k3s1x16Exact, any: depthwiseAVX2k3s1x16Any},
			{width: 8, taps: 2, vectors: 2, fast: depthwiseAVX2k3s1x8, exact: depthwiseAVX2k3s1x8Exact, any: depthwiseAVX2k3s1x8Any},
		},
		{3, 2}: {
			{width: 16, taps: 2, vectors: 2, fast: depthwiseAVX2k3s2x16, exact: depthwiseAVX2k3s2x16Exact, any: depthwiseAVX2k3s2x16Any},
			{width: 8, taps: 2, vectors: 2, fast: depthwiseAVX2k3s2x8, exact: depthwiseAVX2k3s2x8Exact, any: depthwiseAVX2k3s2x8Any},
		},
		{5, 1}: {
			{width: 16, taps: 2, vectors: 2, fast: depthwiseAVX2k5s1x16, exact: depthwiseAVX2k5s1x16Exact, any: depthwiseAVX2k5s1x16Any},
			{width: 8, taps: 2, vectors: 2, fast: depthwiseAVX2k5s1x8, exact: depthwiseAVX2k5s1x8Exact, any: depthwiseAVX2k5s1x8Any},
		},
		{5, 2}: {
			{width: 16, taps: 2, vectors: 2, fast: depthwiseAVX2k5s2x16, exact: depthwiseAVX2k5s2x16Exact, any: depthwiseAVX2k5s2x16Any},
			{width: 8, taps: 2, vectors: 2, fast: depthwiseAVX2k5s2x8, exact: depthwiseAVX2k5s2x8Exact, any: depthwiseAVX2k5s2x8Any},
		},
	},
}

var pointwiseAVX2 = pointwiseKernel{
	rows: 6, width: 16, taps: 2, ones: 3, order: inPairs256,
	many: [3]func(pointwiseTile){pointwiseAVX2x6x16, pointwiseAVX2x6x16Integer, pointwiseAVX2x6x16Signed},
	one:  [3]func(pointwiseTile){pointwiseAVX2x1x16, pointwiseAVX2x1x16Integer, pointwiseAVX2x1x16Signed},
}

// avxVNNI is the set for AVX2 with VNNI, but without AVX-512.
var avxVNNI = x86{
	narrow: &pointwiseVEX, wide: &pointwiseVEX, wider: &pointwiseVEX,
	sums: sumsAVX2,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 16, taps: 4, vectors: 2, fast: depthwiseVEXk3s1x16, exact: depthwiseVEXk3s1x16Exact, wide: depthwiseVEXk3s1x16Wide, any: depthwiseVEXk3s1x16Any},
			{width: 8, taps: 4, vectors: 2, fast: depthwiseVEXk3s1x8, exact: depthwiseVEXk3s1x8Exact, wide: depthwiseVEXk3s1x8Wide, any: depthwiseVEXk3s1x8Any},
		},
		{3, 2}: {
			{width: 16, taps: 4, vectors: 2, fast: depthwiseVEXk3s2x16, exact: depthwiseVEXk3s2x16Exact, wide: depthwiseVEXk3s2x16Wide, any: depthwiseVEXk3s2x16Any},
			{width: 8, taps: 4, vectors: 2, fast: depthwiseVEXk3s2x8, exact: depthwiseVEXk3s2x8Exact, wide: depthwiseVEXk3s2x8Wide, any: depthwiseVEXk3s2x8Any},
		},
		{5, 1}: {
			{width: 16, taps: 4, vectors: 2, fast: depthwiseVEXk5s1x16, exact: depthwiseVEXk5s1x16Exact, any: depthwiseVEXk5s1x16Any},
			{width: 8, taps: 4, vectors: 2, fast: depthwiseVEXk5s1x8, exact: depthwiseVEXk5s1x8Exact, any: depthwiseVEXk5s1x8Any},
		},
		{5, 2}: {
			{width: 16, taps: 4, vectors: 2, fast: depthwiseVEXk5s2x16, exact: depthwiseVEXk5s2x16Exact, any: depthwiseVEXk5s2x16Any},
			{width: 8, taps: 4, vectors: 2, fast: depthwiseVEXk5s2x8, exact: depthwiseVEXk5s2x8Exact, any: depthwiseVEXk5s2x8Any},
		},
	},
}

var pointwiseVEX = pointwiseKernel{
	rows: 6, width: 16, taps: 4, order: inPairs256,
	many: [3]func(pointwiseTile){pointwiseVEXx6x16, pointwiseVEXx6x16Integer, pointwiseVEXx6x16Signed},
	one:  [3]func(pointwiseTile){pointwiseVEXx1x16, pointwiseVEXx1x16Integer, pointwiseVEXx1x16Signed},
}
