//go:build !purego

package kernels

import (
	"encoding/binary"
	"math"
	"math/bits"

	"edge/quant"
)

// Requantization in floating point is exact here.
//
// What an accumulator becomes, clamp(Zero + Multiplier.Apply(acc), Lo, Hi), is a staircase: it never falls as acc grows,
// and so it is told by its steps, the smallest acc that gives each value. There are at most 255. So is
//
//	round(acc·mul + add)
//
// computed in float32 by one fused multiply-add and one conversion (to nearest, halves to even), and then clamped. If the
// two agree just below and at each of the first one's steps, they agree everywhere. This is checked, once for every
// channel, when a layer is packed. If they don't agree, kernels use integers: more instructions, always exact.

// single are the constants of one channel in float32: round(acc·mul + add).
type single struct{ mul, add float32 }

// integer are those in integers: with a = acc << left, (a·mul + add (+ below where a·mul < 0)) >> 32 >> right.
type integer struct {
	left, mul  int32
	add, below int64
	right      int32
}

// span is the range that the accumulators of a channel can reach.
type span struct{ low, high int64 }

// fits reports whether that is within 32 bits.
func (s span) fits() bool { return s.low >= math.MinInt32 && s.high <= math.MaxInt32 }

// add adds a product with the weight w, of an activation from 0 to 255.
func (s *span) add(w int32) {
	s.low += 255 * int64(min(w, 0))
	s.high += 255 * int64(max(w, 0))
}

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

// ceilDivide returns a/b rounded up; b > 0.
func ceilDivide(a, b int64) int64 {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// constant reports whether channel n gives the same output for all accumulators within reach, and returns it.
func (r *Requant) constant(n int, reach span) (output int32, ok bool) {
	m := r.Multipliers[n]
	switch {
	case m.Mantissa == 0:
		return min(max(r.Zero, r.Lo), r.Hi), true
	case m.Shift >= 0:
		return 0, false
	}
	apply := m.Apply
	if r.Once {
		apply = m.ApplyOnce
	}
	low := min(max(r.Zero+apply(int32(reach.low)), r.Lo), r.Hi)
	high := min(max(r.Zero+apply(int32(reach.high)), r.Lo), r.Hi)
	return low, low == high
}

// fitSingle returns constants for a channel, false if none were found. It needs a clamp range without values below
// zero, unless rounding is done once: if acc is negative, Apply rounds its halves the other way.
func (r *Requant) fitSingle(n int, reach span) (single, bool) {
	if output, ok := r.constant(n, reach); ok {
		return single{0, float32(output)}, true
	}
	m := r.Multipliers[n]
	if r.Lo < r.Zero && !r.Once || m.Shift >= 0 || m.Shift < -16 {
		return single{}, false
	}
	nearest := math.Float32bits(float32(math.Ldexp(float64(m.Mantissa), int(m.Shift)-31)))
	for i := range uint32(13) { // 0, 1, −1, 2, −2, … steps from the nearest
		mul := math.Float32frombits(nearest + (i+1)/2*(i%2*2-1))
		if add, ok := r.fitAdd(m, mul, reach); ok {
			return single{mul, add}, true
		}
	}
	return single{}, false
}

// fitAdd finds the constant to add for one factor. A step from v−1 to v at the accumulator t asks for
//
//	t·mul + add > edge   and   (t−1)·mul + add < edge
//
// where edge is v − ½, but for the rounding of the sum and of halves: a sum next to v − ½ becomes v − ½, and that becomes
// v if v is even, else v − 1. So edge is half of the distance between float32 numbers less, or more.
func (r *Requant) fitAdd(m quant.Multiplier, mul float32, reach span) (add float32, ok bool) {
	const (
		most = 1 << 24 // beyond, accumulators are rounded when they are converted
		tiny = 1.0 / (1 << 40)
	)
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
		gap := float64(t)*width - edges[v]
		highest = max(highest, gap)
		if t > reach.high {
			break // this step isn't reached, the next ones neither
		}
		lowest = min(lowest, gap)
		if t, over = t+jump, over-jumpOver; over < 0 {
			t, over = t+1, over+b
		}
	}
	if highest-lowest >= width || t >= most {
		return 0, false
	}
	add = float32((width - highest - lowest) / 2)
	return add, lowest+float64(add) > tiny && highest+float64(add) < width-tiny
}

// edges[v] is what a sum must exceed to become v at least.
var edges = func() (e [256]float64) {
	for v := 1; v < len(e); v++ {
		half := math.Ldexp(1, bits.Len(uint(2*v-1))-26)
		if v%2 == 0 {
			half = -half
		}
		e[v] = float64(v) - 0.5 + half
	}
	return e
}()

// fitInteger returns constants for a channel, false if none fit, which happens with extreme multipliers only.
func (r *Requant) fitInteger(n int, reach span) (integer, bool) {
	if output, ok := r.constant(n, reach); ok {
		return integer{add: int64(output) << 32}, true
	}
	m := r.Multipliers[n]
	e := -m.Shift
	switch {
	case e > 22: // add could overflow
		return integer{}, false
	case e > 0:
		i := integer{mul: m.Mantissa, add: int64(r.Zero)<<(31+e) + 1<<(30+e), right: e - 1}
		if !r.Once {
			i.add += 1 << 30
			i.below = -1 << 31
		}
		return i, true
	}
	i := integer{left: 1 - e, mul: m.Mantissa, add: int64(r.Zero)<<32 + 1<<31}
	limit := int64(math.MaxInt32) >> i.left
	return i, reach.low >= -limit && reach.high <= limit
}

// fitSingles returns the constants of requantization of up to width channels, in order: arrays of mul and add as float32;
// false if that isn't exact for all of them.
func (r *Requant) fitSingles(reach []span, width int, order func(int) int) (constants []byte, ok bool) {
	constants = make([]byte, 2*4*width)
	for j := range width {
		c := order(j)
		if c >= len(r.Multipliers) {
			continue
		}
		s, ok := r.fitSingle(c, reach[c])
		if !ok {
			return nil, false
		}
		binary.LittleEndian.PutUint32(constants[4*j:], math.Float32bits(s.mul))
		binary.LittleEndian.PutUint32(constants[4*(width+j):], math.Float32bits(s.add))
	}
	return constants, true
}

// fitIntegers returns them as integers: arrays of left, mul, mul of odd channels, add of even ones, of odd ones, below of
// even ones, of odd ones, right. Those of odd or even ones are of 64 bits for each second channel.
func (r *Requant) fitIntegers(reach []span, width int, order func(int) int) (constants []byte, signed, ok bool) {
	constants = make([]byte, 8*4*width)
	for j := range width {
		c := order(j)
		if c >= len(r.Multipliers) {
			continue
		}
		i, ok := r.fitInteger(c, reach[c])
		if !ok {
			return nil, false, false
		}
		signed = signed || i.below != 0 && r.Lo < r.Zero
		put := func(array int, v int32) {
			binary.LittleEndian.PutUint32(constants[4*(array*width+j):], uint32(v))
		}
		put64 := func(array int, v int64) {
			binary.LittleEndian.PutUint64(constants[4*(array*width+j&^1):], uint64(v))
		}
		put(0, i.left)
		put(1, i.mul)
		put(7, i.right)
		if j%2 == 0 {
			put64(3, i.add)
			put64(5, i.below)
		} else {
			put64(2, int64(i.mul))
			put64(4, i.add)
			put64(6, i.below)
		}
	}
	return constants, signed, true
}

// of returns the channels [from, from+n).
func (r *Requant) of(from, n int) *Requant {
	part := *r
	part.Multipliers = r.Multipliers[from : from+n]
	return &part
}
