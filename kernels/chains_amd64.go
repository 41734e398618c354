//go:build !purego

package kernels

import "math"

// Chains are how VPMADDUBSW multiplies exactly. It multiplies bytes, unsigned activations by signed weights, and adds
// the products in pairs to a lane of 16 bits: of the quad of input channels k…k+3, one lane has k and k+1, the other
// k+2 and k+3. Lanes of several quads can be added up before they are widened to 32 bits, as long as 16 bits hold the
// sum. They do, whatever the activations are, where in each lane
//
//	the sum of positive weights ≤ 128 and that of negative ones ≥ −128, as 255 · 128 < 2^15.
//
// A run of quads for which this holds, in all lanes of all channels of a panel, is a chain. The longer chains are, the
// cheaper is a layer. Weights here are those less their zero point.
//
//	quads of the panel     0   1   2   3   4   5   6   7   8 …
//	                     └── chain ──┘ └ chain ┘ └─ chain …     5 has too large weights: what is too much goes into
//	                                        5                    chains of their own, behind the others

// chain is a run of quads: 4·quads input channels from first on.
type chain struct{ first, quads int32 }

const (
	chainWidth = 16  // channels of a panel
	laneReach  = 128 // of a lane's positive weights, and of its negative ones
)

// quad is the weights of a panel for a quad of input channels: four for each of its channels, as it orders them.
type quad [4 * chainWidth]int16

// laneSums are the sums of a channel's positive and of its negative weights in both lanes of a quad, 16 bits each.
type laneSums uint64

const (
	each   = 1 | 1<<16 | 1<<32 | 1<<48
	over   = laneSums(0x8000 * each)                   // what is set in a sum beyond laneReach …
	toOver = laneSums((0x8000 - laneReach - 1) * each) // … when this is added
)

// sumsOf returns, by weight, what it adds to the sums of the first lane. Beyond 8 bits it is too large for any.
func sumsOf(weightZero int8) *[256]laneSums {
	var sums [256]laneSums
	for b := range sums {
		sums[b] = sumOf(int16(int8(b)) - int16(weightZero))
	}
	return &sums
}

func sumOf(w int16) laneSums {
	switch {
	case w > math.MaxInt8:
		return laneReach + 1
	case w > 0:
		return laneSums(w)
	}
	return laneSums(-w) << 16
}

// chains is a panel's weights as chains: those that have all quads, one after the other, then the extras, of one quad
// each.
type chains struct {
	list    []chain // ends with one without quads
	extras  int     // the first of them
	weights []byte  // int8 [quads][chainWidth][4]
}

// chainsOf returns a layer's weights as chains, panel by panel; nil where they cost more than VPMADDWD does. For each
// row and each vector of channels, that takes four instructions a quad: two VPMADDWD and two VPADDD. Here a quad takes
// VPMADDUBSW and VPADDW, and a chain VPMADDWD, VPADDD and a store, measured as two and a half. A single pixel waits for
// its weights instead: a quad of chains has half the bytes.
func (k *pointwiseKernel) chainsOf(a *PointwiseArgs) []chains {
	const costWithout = 8 // halves of an instruction
	if a.WeightZero != int32(int8(a.WeightZero)) {
		return nil
	}
	sums := sumsOf(int8(a.WeightZero))
	list := make([]chains, (a.Out+k.width-1)/k.width)
	cost, without := 0, 0
	for n := range list {
		var rows [chainWidth][]int8
		from, count := k.channels(a, n)
		for j := range rows {
			if c := k.order(j); c < count {
				rows[j] = a.Weights[(from+c)*a.In:][:a.In]
			}
		}
		c := packChains(&rows, a.In, int8(a.WeightZero), sums)
		quads := len(c.weights) / len(quad{})
		if a.Pixels <= k.ones {
			cost += costWithout / 2 * quads
		} else {
			cost += 4*quads + 5*(len(c.list)-1)
		}
		without += (a.In + 3) / 4 * costWithout
		if 100*cost > k.most*without && (n >= 3 || n == len(list)-1) {
			return nil
		}
		list[n] = c
	}
	return list
}

// packChains packs rows of weights, one for each channel of a panel in its order; those of channels that don't exist
// are empty.
func packChains(rows *[chainWidth][]int8, depth int, weightZero int8, sums *[256]laneSums) chains {
	c := chains{weights: make([]byte, 0, (depth+3)/4*len(quad{}))}
	var extras []chain
	var extraWeights []byte
	var total [chainWidth]laneSums // of the running chain
	for k := 0; k < depth; k += 4 {
		var own [chainWidth]laneSums
		var alone, together laneSums
		at := len(c.weights)
		for j, row := range rows {
			w := fourOf(row, k, weightZero)
			s := sums[uint8(w[0])] + sums[uint8(w[1])] + (sums[uint8(w[2])]+sums[uint8(w[3])])<<32
			own[j] = s
			alone |= s + toOver
			together |= s + total[j] + toOver
			c.weights = append(c.weights,
				byte(w[0]-weightZero), byte(w[1]-weightZero), byte(w[2]-weightZero), byte(w[3]-weightZero))
		}
		if alone&over != 0 {
			var q quad
			for j, row := range rows {
				for i, w := range fourOf(row, k, weightZero) {
					q[4*j+i] = int16(w) - int16(weightZero)
				}
			}
			for own, alone = q.sums(); alone&over != 0; own, alone = q.sums() {
				extras = append(extras, chain{int32(k), 1})
				extraWeights = q.take(extraWeights)
			}
			c.weights = q.take(c.weights[:at])
			together = 0
			for j, s := range own {
				together |= s + total[j] + toOver
			}
		}
		if together&over != 0 || len(c.list) == 0 {
			c.list = append(c.list, chain{first: int32(k)})
			total = own
		} else {
			for j, s := range own {
				total[j] += s
			}
		}
		c.list[len(c.list)-1].quads++
	}
	c.extras = len(c.list)
	c.list = append(append(c.list, extras...), chain{})
	c.weights = append(c.weights, extraWeights...)
	return c
}

// fourOf returns the weights of a row from k on, beyond its end the zero point.
func fourOf(row []int8, k int, zero int8) [4]int8 {
	if k+4 <= len(row) {
		return [4]int8(row[k:])
	}
	four := [4]int8{zero, zero, zero, zero}
	copy(four[:], row[min(k, len(row)):])
	return four
}

// sums returns the sums of each channel, and whether one is over.
func (q *quad) sums() (own [chainWidth]laneSums, alone laneSums) {
	for j := range own {
		w := q[4*j:][:4]
		own[j] = sumOf(w[0]) + sumOf(w[1]) + (sumOf(w[2])+sumOf(w[3]))<<32
		alone |= own[j] + toOver
	}
	return own, alone
}

// take appends to weights as much of q as the lanes of one quad hold, and leaves the rest in q.
func (q *quad) take(weights []byte) []byte {
	for lane := 0; lane < len(q); lane += 2 {
		up, down := int16(laneReach), int16(laneReach)
		for i := lane; i < lane+2; i++ {
			w := max(-down, min(q[i], up, math.MaxInt8))
			weights = append(weights, byte(w))
			q[i] -= w
			up, down = up-max(w, 0), down-max(-w, 0)
		}
	}
	return weights
}
