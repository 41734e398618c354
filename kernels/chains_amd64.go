//go:build !purego

package kernels

import "math"

// Chains are how VPMADDUBSW multiplies exactly. It multiplies bytes, unsigned activations by signed weights, and adds
// the products in pairs to a lane of 16 bits: of the quad of input channels k…k+3, one lane has k and k+1, the other
// k+2 and k+3. Lanes of several quads can be added up before they are widened to 32 bits, as long as 16 bits hold the
// sum. They do, whatever the activations are, if in each lane
//
//	the sum of positive weights ≤ 128 and that of negative ones ≥ −128, as 255 · 128 < 2^15.
//
// A run of quads for which this holds, in all lanes of all channels of a panel, is a chain. The longer chains are, the
// cheaper is a layer. Weights here are those less their zero point.
//
//	quads of the panel     0   1   2   3   4   5   6   7   8 …
//	                     └── chain ──┘ └ chain ┘ └─ chain …     5 has too large weights: the excess goes into
//	                                        5                    chains of their own, behind the others

// chain is a run of quads: 4·quads input channels from first on.
type chain struct{ first, quads int32 }

const (
	chainWidth = 16  // channels of a panel
	laneReach  = 128 // of a lane's positive weights, and of its negative ones
)

// quadBytes is the size of a panel's weights for a quad of input channels.
const quadBytes = 4 * chainWidth

// four are the weights of one channel for a quad.
type four [4]int16

// laneSums are the sums of a channel's positive and of its negative weights in both lanes of a quad, 16 bits each.
type laneSums uint64

const (
	each   = 1 | 1<<16 | 1<<32 | 1<<48
	over   = laneSums(0x8000 * each)                   // what is set in a sum beyond laneReach …
	toOver = laneSums((0x8000 - laneReach - 1) * each) // … when this is added
)

// sumOf returns what a weight adds to the sums of the first lane. Beyond 8 bits it is too large for any.
func sumOf(w int16) laneSums {
	switch {
	case w > math.MaxInt8:
		return laneReach + 1
	case w > 0:
		return laneSums(w)
	}
	return laneSums(-w) << 16
}

// chainPacker makes a panel's weights chains: first those that have all quads, one after the other, then the extras, of
// one quad each.
type chainPacker struct {
	zero int8
	sums [256]laneSums // by weight

	// Of the last panel:
	list         []chain // ends with one without quads
	extras       int     // the first of them in list
	weights      []byte  // int8 [quads][chainWidth][4]
	extraList    []chain
	extraWeights []byte
}

func newChainPacker(weightZero int8) *chainPacker {
	p := &chainPacker{zero: weightZero}
	for b := range p.sums {
		p.sums[b] = sumOf(int16(int8(b)) - int16(weightZero))
	}
	return p
}

// saves reports whether a layer costs less with chains than with VPMADDWD, from parts of some panels. For each row and
// each vector of channels, that takes four instructions a quad: two VPMADDWD and two VPADDD. Here a quad takes
// VPMADDUBSW and VPADDW, and a chain VPMADDWD, VPADDD and a store, measured as two and a half. A single pixel waits for
// its weights instead: a quad of chains has half the bytes.
func (k *pointwiseKernel) saves(l *PointwiseLayer) bool {
	const costWithout = 8 // halves of an instruction
	if l.WeightZero != int32(int8(l.WeightZero)) {
		return false
	}
	p := newChainPacker(int8(l.WeightZero))
	panels := (l.Out + k.width - 1) / k.width
	samples, depth := min(4, panels), min(64, l.In)
	cost, without := 0, 0
	for i := range samples {
		p.packPanel(k, l, i*panels/samples, depth)
		quads := len(p.weights) / quadBytes
		if l.Pixels <= k.ones {
			cost += costWithout / 2 * quads
		} else {
			cost += 4*quads + 5*len(p.list)
		}
		without += (depth + 3) / 4 * costWithout
	}
	return 100*cost <= k.most*without
}

// packPanel packs panel n of a layer, of which it takes the first depth input channels.
func (p *chainPacker) packPanel(k *pointwiseKernel, l *PointwiseLayer, n, depth int) {
	var rows [chainWidth][]int8
	from, count := k.channels(l.Out, n)
	for j := range rows {
		if c := k.order(j); c < count {
			rows[j] = l.Weights[(from+c)*l.In:][:depth]
		}
	}
	p.pack(&rows, depth)
}

// pack packs rows of weights, one for each channel of a panel in its order; those of channels that don't exist are
// empty.
func (p *chainPacker) pack(rows *[chainWidth][]int8, depth int) {
	p.list, p.weights, p.extraList, p.extraWeights = p.list[:0], p.weights[:0], p.extraList[:0], p.extraWeights[:0]
	var total [chainWidth]laneSums // of the running chain
	for k := 0; k < depth; k += 4 {
		own, fits := p.packQuad(rows, k)
		if !fits {
			p.splitQuad(rows, k, &own)
		}
		together := laneSums(0)
		for j, s := range own {
			together |= s + total[j] + toOver
		}
		if together&over != 0 || k == 0 {
			p.list = append(p.list, chain{first: int32(k)})
			total = own
		} else {
			for j, s := range own {
				total[j] += s
			}
		}
		p.list[len(p.list)-1].quads++
	}
	p.extras = len(p.list)
	p.list = append(append(p.list, p.extraList...), chain{})
	p.weights = append(p.weights, p.extraWeights...)
}

// packQuad appends the quad from channel k on, as it is; it returns its sums, and whether it fits.
func (p *chainPacker) packQuad(rows *[chainWidth][]int8, k int) (own [chainWidth]laneSums, fits bool) {
	var alone laneSums
	for j, row := range rows {
		w := fourOf(row, k, p.zero)
		own[j] = p.sums[uint8(w[0])] + p.sums[uint8(w[1])] + (p.sums[uint8(w[2])]+p.sums[uint8(w[3])])<<32
		alone |= own[j] + toOver
		p.weights = append(p.weights, byte(w[0]-p.zero), byte(w[1]-p.zero), byte(w[2]-p.zero), byte(w[3]-p.zero))
	}
	return own, alone&over == 0
}

// splitQuad takes from the quad that was appended last, and its sums, what is too large, and puts it into extras. Those
// take as much as they can: what is left then rarely ends a chain.
func (p *chainPacker) splitQuad(rows *[chainWidth][]int8, k int, own *[chainWidth]laneSums) {
	left := p.weights[len(p.weights)-quadBytes:]
	first := len(p.extraWeights)
	p.extraWeights = append(p.extraWeights, left...)
	p.extraList = append(p.extraList, chain{int32(k), 1})
	clear(left)
	for j, row := range rows {
		if (own[j]+toOver)&over == 0 {
			own[j] = 0
			continue
		}
		var f four
		for i, w := range fourOf(row, k, p.zero) {
			f[i] = int16(w) - int16(p.zero)
		}
		for extra := first; (f.sums()+toOver)&over != 0; extra += quadBytes {
			if extra == len(p.extraWeights) {
				p.extraWeights = append(p.extraWeights, make([]byte, quadBytes)...)
				p.extraList = append(p.extraList, chain{int32(k), 1})
			}
			f.take(p.extraWeights[extra+4*j:])
		}
		own[j] = f.sums()
		f.take(left[4*j:])
	}
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

func (f *four) sums() laneSums {
	return sumOf(f[0]) + sumOf(f[1]) + (sumOf(f[2])+sumOf(f[3]))<<32
}

// take moves as much of f to weights as the two lanes of one quad hold.
func (f *four) take(weights []byte) {
	for lane := 0; lane < len(f); lane += 2 {
		up, down := int16(laneReach), int16(laneReach)
		for i := lane; i < lane+2; i++ {
			w := max(-down, min(f[i], up, math.MaxInt8))
			weights[i] = byte(w)
			f[i] -= w
			up, down = up-max(w, 0), down-max(-w, 0)
		}
	}
}
