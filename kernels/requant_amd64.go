//go:build !purego

package kernels

import (
	"encoding/binary"
	"math"
	"math/bits"

	"edge/quant"
)

// Requantization in floating point, and yet exact.
//
// What an accumulator becomes, clamp(zero + Multiplier.Apply(acc), lo, hi), is a staircase: it never falls as acc grows,
// and so it is told by its steps, the smallest acc that gives each value. There are at most 255. So is
//
//	round(acc·mul + add)
//
// computed by one fused multiply-add and one conversion (rounding to nearest, halves to even) and then clamped. If the
// two agree just below and at each of the first one's steps, they agree everywhere. This is checked, once for every
// channel, when a layer is prepared; where float32 isn't good enough, float64 is.

// single are the constants of one channel in float32: round(acc·mul + add).
type single struct{ mul, add float32 }

// double are those in float64: round(acc·mul + add), + below where acc is negative.
type double struct{ mul, add, below float64 }

// steps yields, for u from lo+1 to hi, the smallest accumulator for which m.Apply gives at least u; where none of 32 bits
// does, 2^31. m isn't 0.
//
// Apply is y = (acc·b + 2^30) >> 31 with b the mantissa, and then y / 2^e to nearest, halves away from zero. So it
// gives at least u where y ≥ u·2^e − 2^(e−1), without equality for u ≤ 0; and y ≥ Y where acc·b ≥ Y·2^31 − 2^30.
func steps(m quant.Multiplier, lo, hi int64, yield func(u, acc int64) bool) {
	e, left := max(-m.Shift, 0), max(m.Shift, 0)
	b := int64(m.Mantissa) << left
	for u := lo + 1; u <= hi; u++ {
		y := u << e
		if e > 0 {
			y -= 1 << (e - 1)
			if u <= 0 {
				y++
			}
		}
		acc := int64(math.MinInt32)
		if y > 1<<31 {
			acc = 1 << 31
		} else if y > -1<<31 {
			acc = min(max(ceilDivide(y<<31-1<<30, b), math.MinInt32), 1<<31)
		}
		if !yield(u, acc) {
			return
		}
	}
}

// ceilDivide returns a/b rounded up; b > 0.
func ceilDivide(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// fitSingle returns constants for a channel, false where none were found. It asks for a clamp range without values
// below zero: where acc is negative Apply rounds its halves the other way.
func fitSingle(m quant.Multiplier, zero, lo, hi int32) (single, bool) {
	if lo < zero || m.Shift >= 0 || m.Shift < -16 {
		return single{}, false
	}
	if m.Mantissa == 0 {
		return single{0, float32(zero)}, true
	}
	mul := float32(math.Ldexp(float64(m.Mantissa), int(m.Shift)-31))
	for _, mul := range [...]float32{mul, math.Nextafter32(mul, 0), math.Nextafter32(mul, 1)} {
		if add, ok := fitAdd(m, zero, lo, hi, mul); ok {
			return single{mul, add}, true
		}
	}
	return single{}, false
}

// fitAdd finds the constant to add for one factor. A step from v−1 to v at the accumulator t asks for
//
//	t·mul + add > v − ½ + h   and   (t−1)·mul + add < v − ½ − h
//
// where h, half of the distance between float32 numbers there, allows for the rounding of the sum.
func fitAdd(m quant.Multiplier, zero, lo, hi int32, mul float32) (add float32, ok bool) {
	width := float64(mul)
	lowest, highest := math.Inf(1), math.Inf(-1)
	b, e := uint64(m.Mantissa), uint(-m.Shift)
	// As in steps, without its divisions: t·b ≥ goal, where goal grows by 2^(31+e) from step to step.
	u := uint64(lo-zero) + 1
	goal := (u<<e-1<<(e-1))<<31 - 1<<30
	t, rest := (goal+b-1)/b, (goal+b-1)%b
	jump, jumpRest := (uint64(1)<<(31+e))/b, (uint64(1)<<(31+e))%b
	for v := lo + 1; v <= hi; v++ {
		at := float64(v) - 0.5
		h := math.Ldexp(1, bits.Len32(uint32(2*v-1))-26)
		gap := float64(t)*width - at
		lowest, highest = min(lowest, gap-h), max(highest, gap+h)
		t, rest = t+jump, rest+jumpRest
		if rest >= b {
			t, rest = t+1, rest-b
		}
	}
	if lo >= hi {
		return float32(lo), true
	}
	if highest-lowest >= width || t >= 1<<24 { // beyond 2^24 conversion rounds
		return 0, false
	}
	add = float32((width - highest - lowest) / 2)
	return add, lowest+float64(add) > 0 && highest+float64(add) < width
}

// fitDouble returns constants for a channel whose accumulators are within ±reach, false where none were found.
func fitDouble(m quant.Multiplier, zero, lo, hi int32, reach int64) (double, bool) {
	if m.Mantissa == 0 {
		return double{0, float64(zero), 0}, true
	}
	if m.Shift >= 0 && reach > math.MaxInt32>>(m.Shift+1) {
		return double{}, false // shifted left it could overflow
	}
	// acc·b is an integer, and so is what it is compared with, in units of 2^−(31+e): half of one is room enough for
	// the rounding of float64, at most 2^−45 here.
	e := max(-int(m.Shift), 0)
	d := double{mul: math.Ldexp(float64(m.Mantissa), int(m.Shift)-31), add: float64(zero)}
	if e > 0 {
		d.add += math.Ldexp(1, -e-1)
		d.below = -math.Ldexp(1, -e)
	}
	if e <= 12 {
		d.add += math.Ldexp(1, -e-32)
		return d, true
	}
	ok := true
	steps(m, int64(lo-zero), int64(hi-zero), func(u, acc int64) bool {
		v := float64(u + int64(zero))
		ok = (acc > math.MaxInt32 || d.apply(acc) >= v) && (acc == math.MinInt32 || d.apply(acc-1) < v)
		return ok
	})
	return d, ok
}

// apply is what the kernels compute.
func (d double) apply(acc int64) float64 {
	sum := math.FMA(float64(acc), d.mul, d.add)
	if acc < 0 {
		sum += d.below
	}
	return math.RoundToEven(sum)
}

// fitSingles returns the constants of requantization of up to width channels, in order: mul, add as float32; false where
// that isn't exact for all of them.
func fitSingles(r *Requant, width int, order func(int) int) (constants []byte, ok bool) {
	constants = make([]byte, 2*4*width)
	for j := range width {
		c := order(j)
		if c >= len(r.Multipliers) {
			continue
		}
		s, ok := fitSingle(r.Multipliers[c], r.Zero, r.Lo, r.Hi)
		if !ok {
			return nil, false
		}
		binary.LittleEndian.PutUint32(constants[4*j:], math.Float32bits(s.mul))
		binary.LittleEndian.PutUint32(constants[4*(width+j):], math.Float32bits(s.add))
	}
	return constants, true
}

// fitDoubles returns them as float64: mul, add, below.
func fitDoubles(r *Requant, reach []int64, width int, order func(int) int) (constants []byte, ok bool) {
	constants = make([]byte, 3*8*width)
	for j := range width {
		c := order(j)
		if c >= len(r.Multipliers) {
			continue
		}
		d, ok := fitDouble(r.Multipliers[c], r.Zero, r.Lo, r.Hi, reach[c])
		if !ok {
			return nil, false
		}
		for i, v := range [...]float64{d.mul, d.add, d.below} {
			binary.LittleEndian.PutUint64(constants[8*(i*width+j):], math.Float64bits(v))
		}
	}
	return constants, true
}
