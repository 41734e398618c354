//go:build !purego

package kernels

// avx512 is the set for AVX-512 with VNNI.
var avx512 = x86{
	narrow: &pointwiseKernel{
		rows: 14, width: 16, taps: 4, masked: true, order: inOrder,
		many: [3]func(pointwiseTile){pointwise512x14x16, pointwise512x14x16Integer, pointwise512x14x16Signed},
		one:  [3]func(pointwiseTile){pointwise512x1x16, pointwise512x1x16Integer, pointwise512x1x16Signed},
	},
	wide: &pointwiseKernel{
		rows: 7, width: 32, taps: 4, masked: true, order: inPairs512,
		many: [3]func(pointwiseTile){pointwise512x7x32, pointwise512x7x32Integer, pointwise512x7x32Signed},
		one:  [3]func(pointwiseTile){pointwise512x1x32, pointwise512x1x32Integer, pointwise512x1x32Signed},
	},
	wider: &pointwiseKernel{
		rows: 7, width: 48, taps: 4, masked: true, order: inPairs512,
		many: [3]func(pointwiseTile){pointwise512x7x48, pointwise512x7x48Integer, pointwise512x7x48Signed},
		one:  [3]func(pointwiseTile){pointwise512x1x48, pointwise512x1x48Integer, pointwise512x1x48Signed},
	},
	sums:   sums512,
	masked: true,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k3s1x64, exact: depthwise512k3s1x64Exact, wide: depthwise512k3s1x64Wide, any: depthwise512k3s1x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k3s1x32, exact: depthwise512k3s1x32Exact, wide: depthwise512k3s1x32Wide, any: depthwise512k3s1x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k3s1x16, exact: depthwise512k3s1x16Exact, wide: depthwise512k3s1x16Wide, any: depthwise512k3s1x16Any, masked: true},
		},
		{3, 2}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k3s2x64, exact: depthwise512k3s2x64Exact, wide: depthwise512k3s2x64Wide, any: depthwise512k3s2x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k3s2x32, exact: depthwise512k3s2x32Exact, wide: depthwise512k3s2x32Wide, any: depthwise512k3s2x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k3s2x16, exact: depthwise512k3s2x16Exact, wide: depthwise512k3s2x16Wide, any: depthwise512k3s2x16Any, masked: true},
		},
		{5, 1}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k5s1x64, exact: depthwise512k5s1x64Exact, any: depthwise512k5s1x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k5s1x32, exact: depthwise512k5s1x32Exact, any: depthwise512k5s1x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k5s1x16, exact: depthwise512k5s1x16Exact, any: depthwise512k5s1x16Any, masked: true},
		},
		{5, 2}: {
			{width: 64, taps: 4, vectors: 4, fast: depthwise512k5s2x64, exact: depthwise512k5s2x64Exact, any: depthwise512k5s2x64Any},
			{width: 32, taps: 4, vectors: 4, fast: depthwise512k5s2x32, exact: depthwise512k5s2x32Exact, any: depthwise512k5s2x32Any},
			{width: 16, taps: 4, vectors: 2, fast: depthwise512k5s2x16, exact: depthwise512k5s2x16Exact, any: depthwise512k5s2x16Any, masked: true},
		},
	},
}
