package quant

import (
	"math"
	"math/bits"
)

// UnitMultiplier brings the elements of a vector to steps of 1/128 of its length.
type UnitMultiplier struct {
	Multiplier
	before int32 // bits that are shifted before the multiplication; those after it are in Shift
}

// Apply returns 128 · d / length.
func (m UnitMultiplier) Apply(d int32) int32 { return m.Multiplier.Apply(d << m.before) }

// UnitLength returns the multiplier for a vector whose elements' squares have this sum, x ≥ 0: 128/√x. Nothing, and a
// single 1, are multiplied by 128, nearly. (TensorFlow Lite: GetInvSqrtQuantizedMultiplierExp; five Newton steps
// y ← y · (3 − x·y²) / 2, in Q3.28.) The reference shifts unsigned elements before it multiplies, whatever x is.
func UnitLength(x int32, unsigned bool) UnitMultiplier {
	const steps = 7 // 2^7 to a real 1
	if x <= 1 {
		return UnitMultiplier{Multiplier{Mantissa: math.MaxInt32}, steps}
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
	half := RoundingShift(x>>1, 1)
	y := int32(1 << 28)
	for range 5 {
		cube := SaturatingShift(HighMul(HighMul(y, y), y), 6)
		y = SaturatingShift(HighMul(threeHalves, y)-HighMul(half, cube), 3)
	}
	y = HighMul(y, halfRootOf2)
	if shift < 0 {
		y <<= -shift
		shift = 0
	}
	switch {
	case unsigned:
		return UnitMultiplier{Multiplier{Mantissa: y, Shift: -shift}, steps}
	case shift <= steps:
		return UnitMultiplier{Multiplier{Mantissa: y}, steps - shift}
	}
	return UnitMultiplier{Multiplier{Mantissa: y, Shift: steps - shift}, 0}
}

// SaturatingShift is x · 2^e for e ≥ 0; the least or the largest number there is, if that is beyond it.
func SaturatingShift(x int32, e int) int32 {
	return int32(min(max(int64(x)<<e, math.MinInt32), math.MaxInt32))
}
