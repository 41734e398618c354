//go:build !purego

package kernels

// avx512 is the set for AVX-512 with VNNI.
var avx512 = x86{
	narrow: &pointwiseKernel{
		14, 16, inOrder,
		pointwise512x14x16Single, pointwise512x1x16Single, pointwise512x14x16Double, pointwise512x1x16Double,
	},
	wide: &pointwiseKernel{
		7, 32, inPairs,
		pointwise512x7x32Single, pointwise512x1x32Single, pointwise512x7x32Double, pointwise512x1x32Double,
	},
	wider: &pointwiseKernel{
		7, 48, inPairs,
		pointwise512x7x48Single, pointwise512x1x48Single, pointwise512x7x48Double, pointwise512x1x48Double,
	},
	sums:      sums512,
	depthwise: depthwiseOf512,
}

func depthwiseOf512(a *DepthwiseArgs) []depthwiseKernel {
	blocks := func(fast64, any64, fast32, any32, fast16, any16 func(depthwiseRow)) []depthwiseKernel {
		return []depthwiseKernel{
			{width: 64, taps: 4, vectors: 4, fast: fast64, any: any64},
			{width: 32, taps: 4, vectors: 4, fast: fast32, any: any32},
			{width: 16, taps: 4, vectors: 2, fast: fast16, any: any16, masked: true},
		}
	}
	if a.Multiplier != 1 || a.KernelH != a.KernelW || a.StrideH != a.StrideW {
		return nil
	}
	switch [2]int{a.KernelH, a.StrideH} {
	case [2]int{3, 1}:
		return blocks(depthwise512k3s1x64, depthwise512k3s1x64Any, depthwise512k3s1x32, depthwise512k3s1x32Any,
			depthwise512k3s1x16, depthwise512k3s1x16Any)
	case [2]int{3, 2}:
		return blocks(depthwise512k3s2x64, depthwise512k3s2x64Any, depthwise512k3s2x32, depthwise512k3s2x32Any,
			depthwise512k3s2x16, depthwise512k3s2x16Any)
	case [2]int{5, 1}:
		return blocks(depthwise512k5s1x64, depthwise512k5s1x64Any, depthwise512k5s1x32, depthwise512k5s1x32Any,
			depthwise512k5s1x16, depthwise512k5s1x16Any)
	case [2]int{5, 2}:
		return blocks(depthwise512k5s2x64, depthwise512k5s2x64Any, depthwise512k5s2x32, depthwise512k5s2x32Any,
			depthwise512k5s2x16, depthwise512k5s2x16Any)
	}
	return nil
}
