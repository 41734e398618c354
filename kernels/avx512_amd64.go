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
	sums: sums512,
}

func pointwise512x14x16Single(t pointwiseTile)

func pointwise512x14x16Double(t pointwiseTile)

func pointwise512x7x32Single(t pointwiseTile)

func pointwise512x7x32Double(t pointwiseTile)

func pointwise512x7x48Single(t pointwiseTile)

func pointwise512x7x48Double(t pointwiseTile)

func pointwise512x1x16Single(t pointwiseTile)

func pointwise512x1x16Double(t pointwiseTile)

func pointwise512x1x32Single(t pointwiseTile)

func pointwise512x1x32Double(t pointwiseTile)

func pointwise512x1x48Single(t pointwiseTile)

func pointwise512x1x48Double(t pointwiseTile)

func sums512(t pixelSums)
