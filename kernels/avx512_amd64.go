//go:build !purego

package kernels

// avx512 is the set for AVX-512 with VNNI.
var avx512 = x86{
	narrow: &pointwiseKernel{
		rows: 14, width: 16, taps: 4, masked: true, order: inOrder,
		many: pointwise512x14x16Single, one: pointwise512x1x16Single,
		manyD: pointwise512x14x16Double, oneD: pointwise512x1x16Double,
	},
	wide: &pointwiseKernel{
		rows: 7, width: 32, taps: 4, masked: true, order: inPairs512,
		many: pointwise512x7x32Single, one: pointwise512x1x32Single,
		manyD: pointwise512x7x32Double, oneD: pointwise512x1x32Double,
	},
	wider: &pointwiseKernel{
		rows: 7, width: 48, taps: 4, masked: true, order: inPairs512,
		many: pointwise512x7x48Single, one: pointwise512x1x48Single,
		manyD: pointwise512x7x48Double, oneD: pointwise512x1x48Double,
	},
	sums:   sums512,
	masked: true,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k3s1x64, any: depthwise512k3s1x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k3s1x32, any: depthwise512k3s1x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k3s1x16, any: depthwise512k3s1x16Any, masked: true},
		},
		{3, 2}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k3s2x64, any: depthwise512k3s2x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k3s2x32, any: depthwise512k3s2x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k3s2x16, any: depthwise512k3s2x16Any, masked: true},
		},
		{5, 1}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k5s1x64, any: depthwise512k5s1x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k5s1x32, any: depthwise512k5s1x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k5s1x16, any: depthwise512k5s1x16Any, masked: true},
		},
		{5, 2}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k5s2x64, any: depthwise512k5s2x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k5s2x32, any: depthwise512k5s2x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k5s2x16, any: depthwise512k5s2x16Any, masked: true},
		},
	},
}
