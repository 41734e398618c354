//go:build !purego

package kernels

import "testing"

// Chains have every weight just as it is, and no lane of one can leave 16 bits.
func TestChains(t *testing.T) {
	d := roll(20)
	for range thin(2000) {
		depth, count, zero := d.between(1, 70), d.between(1, chainWidth), int8(d.weightZero())
		var rows [chainWidth][]int8
		for j := range count {
			rows[j] = d.weights(depth, int32(zero))
		}
		c := newChainPacker(zero)
		c.pack(&rows, depth)

		rest := make([][chainWidth]int, (depth+3)/4*4)
		for j := range count {
			for k, w := range rows[j] {
				rest[k][j] = int(w) - int(zero)
			}
		}
		weights, next := c.weights, 0
		for i, chain := range c.list[:len(c.list)-1] {
			switch {
			case chain.quads < 1:
				t.Fatalf("chain %d of %d is empty", i, len(c.list)-1)
			case i < c.extras && int(chain.first) != next:
				t.Fatalf("chain %d begins at %d, the one before ended at %d", i, chain.first, next)
			case i >= c.extras && chain.quads != 1:
				t.Fatalf("extra chain %d has %d quads", i, chain.quads)
			}
			next = int(chain.first + 4*chain.quads)
			var least, most [chainWidth][2]int // of a lane, with the worst activations
			for k := int(chain.first); k < next; k += 4 {
				for j := range chainWidth {
					for b := range 4 {
						w := int(int8(weights[4*j+b]))
						rest[k+b][j] -= w
						least[j][b/2] += 255 * min(w, 0)
						most[j][b/2] += 255 * max(w, 0)
					}
				}
				weights = weights[4*chainWidth:]
			}
			for j := range chainWidth {
				for lane := range 2 {
					if least[j][lane] < -1<<15 || most[j][lane] > 1<<15-1 {
						t.Fatalf("chain %d, channel %d, lane %d: from %d to %d", i, j, lane, least[j][lane], most[j][lane])
					}
				}
			}
			if i == c.extras-1 && next != (depth+3)/4*4 {
				t.Fatalf("chains end at %d, of %d input channels", next, depth)
			}
		}
		if len(weights) > 0 || c.list[len(c.list)-1].quads != 0 {
			t.Fatalf("%d weights behind the last chain %v", len(weights), c.list[len(c.list)-1])
		}
		for k, channels := range rest {
			for j, w := range channels {
				if w != 0 {
					t.Fatalf("weight %d of channel %d: %d is missing", k, j, w)
				}
			}
		}
	}
}

// Chains are used where weights are small, and not where they aren't.
func TestChainsByCost(t *testing.T) {
	if ByName("avx2") == nil {
		t.Skip("no AVX2 here")
	}
	layer := func(pixels int, weight func(i int) int8) *pointwiseKernel {
		d := roll(21)
		a := d.pointwise(pixels, 64, 32)
		a.WeightZero = 0
		for i := range a.Weights {
			a.Weights[i] = weight(i)
		}
		return avx2.pointwiseKernel(&a.PointwiseLayer)
	}
	small := func(i int) int8 { return int8(i%19 - 9) }
	large := func(i int) int8 { return int8(i%201 - 100) }
	if k := layer(49, small); k.most == 0 {
		t.Error("small weights: no chains")
	}
	if k := layer(49, large); k.most != 0 {
		t.Error("large weights: chains")
	}
}
