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
// What an accumulator becomes, clamp(Zero + Multiplier.Apply(acc), Lo, Hi), is a staircase: it never falls as acc grows,
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

// goal returns what acc·b, b being the mantissa of a channel's multiplier, must be at least, to give zero+u.
//
// Apply is y = (acc·b + 2^30) >> 31 and then y / 2^e to nearest, halves away from zero. So it gives at least u where
// y ≥ u·2^e − 2^(e−1), without equality for u ≤ 0; and y ≥ Y where acc·b ≥ Y·2^31 − 2^30.
// ApplyOnce is (acc·b + 2^(30+e)) >> (31+e): acc·b ≥ u·2^(31+e) − 2^(30+e).
func goal(m quant.Multiplier, once bool, u int64) int64 {
	e := -m.Shift
	if once || e <= 0 {
		return u<<(31+e) - 1<<(30+e)
	}
	y := u<<e - 1<<(e-1)
	if u <= 0 {
		y++
	}
	return y<<31 - 1<<30
}

// step returns the smallest accumulator that gives at least zero+u, 2^31 where none does. The mantissa isn't 0.
func step(m quant.Multiplier, once bool, u int64) int64 {
	const far = 1 << 62 // more than any product, and well within int64
	if limit := int64(far) >> (31 - m.Shift); u > limit {
		return 1 << 31
	} else if u < -limit {
		return math.MinInt32
	}
	return min(max(ceilDivide(goal(m, once, u), int64(m.Mantissa)), math.MinInt32), 1<<31)
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
// below zero, unless rounding is done once: where acc is negative Apply rounds its halves the other way.
func (r *Requant) fitSingle(n int) (single, bool) {
	m := r.Multipliers[n]
	if m.Mantissa == 0 {
		return single{0, float32(r.Zero)}, true
	}
	if r.Lo < r.Zero && !r.Once || m.Shift >= 0 || m.Shift < -16 {
		return single{}, false
	}
	mul := float32(math.Ldexp(float64(m.Mantissa), int(m.Shift)-31))
	for _, mul := range [...]float32{mul, math.Nextafter32(mul, 0), math.Nextafter32(mul, 1)} {
		if add, ok := r.fitAdd(m, mul); ok {
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
func (r *Requant) fitAdd(m quant.Multiplier, mul float32) (add float32, ok bool) {
	if r.Lo >= r.Hi {
		return float32(r.Lo), true
	}
	const most = 1 << 24 // beyond, accumulators are rounded when they are converted
	// The goals are 2^(31+e) apart: t and t·b − goal can be found without a division each.
	b, apart := int64(m.Mantissa), int64(1)<<(31-m.Shift)
	first := goal(m, r.Once, int64(r.Lo+1-r.Zero))
	t := ceilDivide(first, b)
	over := t*b - first
	jump, jumpOver := apart/b, apart%b
	if t <= -most {
		return 0, false
	}
	width := float64(mul)
	lowest, highest := math.Inf(1), math.Inf(-1)
	for v := r.Lo + 1; v <= r.Hi; v++ {
		gap := float64(t)*width - (float64(v) - 0.5)
		h := halfUlps[v]
		lowest, highest = min(lowest, gap-h), max(highest, gap+h)
		if t, over = t+jump, over-jumpOver; over < 0 {
			t, over = t+1, over+b
		}
	}
	if highest-lowest >= width || t >= most {
		return 0, false
	}
	add = float32((width - highest - lowest) / 2)
	return add, lowest+float64(add) > 0 && highest+float64(add) < width
}

// halfUlps[v] is half of the distance between float32 numbers at v − ½.
var halfUlps = func() (h [256]float64) {
	for v := 1; v < len(h); v++ {
		h[v] = math.Ldexp(1, bits.Len(uint(2*v-1))-26)
	}
	return h
}()

// fitDouble returns constants for a channel whose accumulators are within ±reach, false where none were found.
func (r *Requant) fitDouble(n int, reach int64) (double, bool) {
	m := r.Multipliers[n]
	if m.Mantissa == 0 {
		return double{0, float64(r.Zero), 0}, true
	}
	if m.Shift >= 0 && reach > math.MaxInt32>>(m.Shift+1) {
		return double{}, false // shifted left it could overflow
	}
	e := max(-int(m.Shift), 0)
	d := double{mul: math.Ldexp(float64(m.Mantissa), int(m.Shift)-31), add: float64(r.Zero)}
	if e > 0 && !r.Once {
		d.add += math.Ldexp(1, -e-1)
		d.below = -math.Ldexp(1, -e)
	}
	// acc·b is an integer, and so is its goal, in units of 2^−(31+e): half of one is room enough for the rounding of
	// float64, at most 2^−45 here.
	if e <= 12 {
		d.add += math.Ldexp(1, -e-32)
		return d, true
	}
	for v := r.Lo + 1; v <= r.Hi; v++ {
		t := step(m, r.Once, int64(v-r.Zero))
		if t <= math.MaxInt32 && d.apply(t) < float64(v) || t > math.MinInt32 && d.apply(t-1) >= float64(v) {
			return double{}, false
		}
	}
	return d, true
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
		s, ok := r.fitSingle(c)
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
		d, ok := r.fitDouble(c, reach[c])
		if !ok {
			return nil, false
		}
		for i, v := range [...]float64{d.mul, d.add, d.below} {
			binary.LittleEndian.PutUint64(constants[8*(i*width+j):], math.Float64bits(v))
		}
	}
	return constants, true
}

// of returns the channels [from, from+n).
func (r *Requant) of(from, n int) *Requant {
	part := *r
	part.Multipliers = r.Multipliers[from : from+n]
	return &part
}
