// Package quant holds the arithmetic of quantization: what a scale, a zero point and a multiplier mean, and the one
// place that decides how an accumulator is rounded.
//
// The rounding is that of TensorFlow Lite's reference kernels (gemmlowp's fixed point: a saturating, rounding,
// doubling high multiply and then a rounding division by a power of two; so two roundings). Every kernel of every
// instruction set gives the same bytes as these functions.
package quant

import (
	"fmt"
	"math"
)

// Params map a quantized value q to a real one: real = Scale · (q − ZeroPoint).
type Params struct {
	Scale     float32
	ZeroPoint int32
}

// Real returns the real value that q stands for.
func (p Params) Real(q int32) float32 { return p.Scale * float32(q-p.ZeroPoint) }

// Quantize returns the value nearest to real, halves away from zero, clamped to [lo, hi].
func (p Params) Quantize(real float32, lo, hi int32) int32 {
	q := math.Round(float64(real/p.Scale)) + float64(p.ZeroPoint)
	if q != q {
		q = float64(p.ZeroPoint)
	}
	return min(max(Saturate(q), lo), hi)
}

// Saturate returns real as an int32, without its fraction: the nearest one if it is out of range, and 0 for NaN. Go's
// own conversion gives, out of range, what the processor gives; Arm's and Intel's differ. All conversions of numbers
// that a file can choose go through here; a test makes sure of that.
func Saturate(real float64) int32 {
	switch {
	case real != real:
		return 0
	case real <= math.MinInt32:
		return math.MinInt32
	case real >= math.MaxInt32:
		return math.MaxInt32
	}
	return int32(real)
}

// Multiplier is a positive real number as a fixed-point one: real = Mantissa · 2^(Shift−31), where Mantissa is 0 or in
// [2^30, 2^31). A positive Shift shifts left.
type Multiplier struct {
	Mantissa, Shift int32
}

// MultiplierOf returns the multiplier nearest to real. It fails if real isn't in [0, 2^31).
// A number below 2^-32 becomes 0, as in TensorFlow Lite's QuantizeMultiplier.
func MultiplierOf(real float64) (Multiplier, error) {
	if !(real >= 0 && real < 1<<31) {
		return Multiplier{}, fmt.Errorf("quant: multiplier %g isn't in [0, 2^31)", real)
	}
	if real == 0 {
		return Multiplier{}, nil
	}
	fraction, exponent := math.Frexp(real)
	mantissa := int64(math.Round(fraction * (1 << 31))) // in range: the fraction is below 1
	if mantissa == 1<<31 {                              // rounded up to 1.0
		mantissa /= 2
		exponent++
	}
	if exponent < -31 {
		return Multiplier{}, nil
	}
	return Multiplier{int32(mantissa), int32(exponent)}, nil
}

// Apply returns acc · m, rounded as the reference does.
func (m Multiplier) Apply(acc int32) int32 {
	left, right := max(m.Shift, 0), max(-m.Shift, 0)
	return RoundingShift(HighMul(acc<<left, m.Mantissa), right)
}

// ApplyOnce returns acc · m rounded once, to nearest with halves up. The reference does so in fully connected layers.
func (m Multiplier) ApplyOnce(acc int32) int32 {
	shift := 31 - m.Shift
	return int32((int64(acc)*int64(m.Mantissa) + 1<<(shift-1)) >> shift)
}

// HighMul returns a·b / 2^31, rounded to nearest with halves away from zero, saturated: the one case that overflows,
// both −2^31, gives 2^31 − 1. (gemmlowp: SaturatingRoundingDoublingHighMul.)
func HighMul(a, b int32) int32 {
	if a == math.MinInt32 && b == math.MinInt32 {
		return math.MaxInt32
	}
	ab := int64(a) * int64(b)
	nudge := int64(1 << 30)
	if ab < 0 {
		nudge = 1 - 1<<30
	}
	return int32((ab + nudge) / (1 << 31))
}

// RoundingShift returns x / 2^e for 0 ≤ e ≤ 31, rounded to nearest with halves away from zero. (gemmlowp:
// RoundingDivideByPOT.)
func RoundingShift(x, e int32) int32 {
	mask := int32(1)<<e - 1
	remainder := x & mask
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	y := x >> e
	if remainder > threshold {
		y++
	}
	return y
}
