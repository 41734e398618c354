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
	sums:     sums512,
	addFloat: addFloat512, addInteger: addInteger512, addBlock: 64,
	masked: true,
	depthwise: depthwiseTable{
		{3, 1}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise512k3s1x64, zeroed: depthwise512k3s1x64Zero},
			{width: 32, taps: 4, vectors: 4, plain: depthwise512k3s1x32, zeroed: depthwise512k3s1x32Zero},
			{width: 16, taps: 4, vectors: 2, plain: depthwise512k3s1x16, zeroed: depthwise512k3s1x16Zero, masked: true},
		},
		{3, 2}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise512k3s2x64, zeroed: depthwise512k3s2x64Zero},
			{width: 32, taps: 4, vectors: 4, plain: depthwise512k3s2x32, zeroed: depthwise512k3s2x32Zero},
			{width: 16, taps: 4, vectors: 2, plain: depthwise512k3s2x16, zeroed: depthwise512k3s2x16Zero, masked: true},
		},
		{5, 1}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise512k5s1x64, zeroed: depthwise512k5s1x64Zero},
			{width: 32, taps: 4, vectors: 4, plain: depthwise512k5s1x32, zeroed: depthwise512k5s1x32Zero},
			{width: 16, taps: 4, vectors: 2, plain: depthwise512k5s1x16, zeroed: depthwise512k5s1x16Zero, masked: true},
		},
		{5, 2}: {
			{width: 64, taps: 4, vectors: 4, plain: depthwise512k5s2x64, zeroed: depthwise512k5s2x64Zero},
			{width: 32, taps: 4, vectors: 4, plain: depthwise512k5s2x32, zeroed: depthwise512k5s2x32Zero},
			{width: 16, taps: 4, vectors: 2, plain: depthwise512k5s2x16, zeroed: depthwise512k5s2x16Zero, masked: true},
		},
	},
}
