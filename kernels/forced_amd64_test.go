//go:build !purego

package kernels

import "math"

// forced returns avx2 with chains for all weights, whatever they cost.
func forced() []*Set {
	if ByName("avx2") == nil {
		return nil
	}
	chained := pointwiseChains
	chained.most = math.MaxInt32
	set := avx2
	set.chained = &chained
	return []*Set{set.set("avx2-chains")}
}
