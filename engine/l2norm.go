package engine

import (
	"math"
	"math/bits"

	"edge/model"
	"edge/quant"
)

// l2Normalization divides each row, the last dimension, by its Euclidean length, in the reference's fixed point:
//
//	out[i] = 128 · (in[i] − zi) / √(Σ_j (in[j] − zi)²)
//
// The length in steps of the input is that of the reals in units of the scale, which therefore doesn't matter.
func (c *compiler) l2Normalization(n *model.Node) {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	depth := in.Shape[len(in.Shape)-1]
	lo, hi := c.limits()
	zeroIn, zeroOut := c.zero(in), c.zero(o)
	read := func(b byte) int32 { return int32(b) - zeroIn }
	if c.set.Signed {
		read = func(b byte) int32 { return int32(int8(b)) - zeroIn }
	}
	c.add(StepInfo{Kind: "l2 normalization"}, n, single(func() {
		for at := 0; at < len(src); at += depth {
			sum := int32(0)
			for _, b := range src[at : at+depth] {
				d := read(b)
				sum += d * d
			}
			m := inverseRoot(sum, in.Type)
			var table [512]byte // a difference is from −255 to 255
			for d := range int32(len(table)) {
				table[d] = byte(min(max(zeroOut+m.apply(d-256), lo), hi))
			}
			for i, b := range src[at : at+depth] {
				dst[at+i] = table[read(b)+256]
			}
		}
	}))
}

// l2Multiplier brings a difference from the zero point to steps of 1/128.
type l2Multiplier struct {
	quant.Multiplier
	before int32 // the shift, in bits, before the multiplication; else it is in Shift, after it
}

func (m l2Multiplier) apply(d int32) int32 { return m.Apply(d << m.before) }

// inverseRoot is 128/√x for x ≥ 0, as a multiplier. (TensorFlow Lite: GetInvSqrtQuantizedMultiplierExp; five Newton
// steps y ← y · (3 − x·y²) / 2, in Q3.28.) Nothing, and a single 1, are multiplied by 128, nearly. The reference multiplies
// u8 by 128 first, whatever the shift.
func inverseRoot(x int32, t model.Type) l2Multiplier {
	const steps = 7 // 2^7 to a real 1
	if x <= 1 {
		return l2Multiplier{quant.Multiplier{Mantissa: math.MaxInt32, Shift: 0}, steps}
	}
	shift := int32(11)
	for x >= 1<<29 {
		x /= 4
		shift++
	}
	pairs := int32(bits.LeadingZeros32(uint32(x))-1)/2 - 1
	shift -= pairs
	x <<= 2 * pairs // in [2^27, 2^29)
	const threeHalves, halfRootOf2 = 1<<28 + 1<<27, 1518500250
	half := quant.RoundingShift(x>>1, 1)
	y := int32(1 << 28)
	for range 5 {
		cube := saturatingShift(quant.HighMul(quant.HighMul(y, y), y), 6)
		y = saturatingShift(quant.HighMul(threeHalves, y)-quant.HighMul(half, cube), 3)
	}
	y = quant.HighMul(y, halfRootOf2)
	if shift < 0 {
		y <<= -shift
		shift = 0
	}
	switch {
	case t == model.Uint8:
		return l2Multiplier{quant.Multiplier{Mantissa: y, Shift: -shift}, steps}
	case shift <= steps:
		return l2Multiplier{quant.Multiplier{Mantissa: y}, steps - shift}
	}
	return l2Multiplier{quant.Multiplier{Mantissa: y, Shift: steps - shift}, 0}
}
