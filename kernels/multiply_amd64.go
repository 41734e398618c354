//go:build !purego

package kernels

import (
	"bytes"
	"unsafe"
)

// A product in floating point is exact here, as in requant_amd64.go. A product p of two activations, less their zero
// points, has 17 bits, so float32 holds it. What it becomes is
//
//	round(p·mul + above)  if p ≥ 0,   round(p·mul − below)  if p < 0
//
// as halves are rounded away from zero. All pairs of inputs are 65 536: when a layer is packed, the kernel itself is run on
// them all, and is used if it gives what integers give.

// multiplyPart is what a kernel that multiplies works on; n is a multiple of multiplyBlock, ≥ 1.
type multiplyPart struct {
	a, b, dst unsafe.Pointer
	n         int
	constants unsafe.Pointer // multiplyFloats
}

const multiplyBlock = 64

// multiplyFloats are its constants: above and below are middle ± aside.
type multiplyFloats struct {
	aZero, bZero, mul, middle, aside float32
	sign                             uint32
	zero                             [2]int16 // the output's zero point, twice
	lo, hi                           [4]byte  // the clamp range, four times
}

// multiplication is a layer that float32 serves.
type multiplication struct {
	multiplyFloats
	wide bool // AVX-512
}

func (s *x86) packMultiply(l MultiplyLayer) *Multiply {
	if m := s.multiplication(&l); m != nil {
		return &Multiply{m.run}
	}
	return packGenericMultiply[uint8](l)
}

// multiplication returns constants for a layer, nil if none were found.
func (s *x86) multiplication(l *MultiplyLayer) *multiplication {
	if l.Mul.Shift >= 0 || l.Mul.Shift < -16 || l.Mul.Mantissa == 0 {
		return nil
	}
	lo, hi := byte(l.Lo), byte(l.Hi)
	m := &multiplication{wide: s.masked, multiplyFloats: multiplyFloats{
		aZero: float32(l.AZero), bZero: float32(l.BZero), sign: 1 << 31,
		zero: [2]int16{int16(l.Zero), int16(l.Zero)}, lo: [4]byte{lo, lo, lo, lo}, hi: [4]byte{hi, hi, hi, hi},
	}}
	var want []byte
	for i := range uint32(13) {
		m.mul = near(real(l.Mul), i)
		above, okAbove := l.fitAside(float64(m.mul), 1)
		below, okBelow := l.fitAside(float64(m.mul), -1)
		if !okAbove || !okBelow {
			continue
		}
		m.middle, m.aside = float32((above-below)/2), float32((above+below)/2)
		if want == nil {
			want = l.products()
		}
		if m.aside >= 0 && m.gives(want) {
			return m
		}
	}
	return nil
}

// fitAside returns what is to be added to the magnitude of products of a sign, such that it exceeds v − ½ from the
// magnitude on from which the output is v from zero, but not before; false if there is no such number.
func (l *MultiplyLayer) fitAside(mul float64, sign int64) (aside float64, ok bool) {
	const largest = 255 * 255
	lowest, highest := 0.0, mul
	for v := int64(1); v <= 255; v++ {
		// The least product that gives u is t. For negative ones: the greatest that gives less than u is t − 1.
		u := v
		if sign < 0 {
			u = 1 - v
		}
		t := ceilDivide(goal(l.Mul, false, u), int64(l.Mul.Mantissa))
		if sign < 0 {
			t = 1 - t
		}
		if t > largest {
			break
		}
		edge := float64(v) - 0.5 - float64(t)*mul
		lowest, highest = max(lowest, edge), min(highest, edge+mul)
	}
	return (lowest + highest) / 2, lowest < highest
}

// products returns what integers make of all pairs of inputs.
func (l *MultiplyLayer) products() []byte {
	dst := make([]byte, 1<<16)
	for a := range int32(256) {
		for b := range int32(256) {
			dst[a<<8|b] = byte(min(max(l.Zero+l.Mul.Apply((a-l.AZero)*(b-l.BZero)), l.Lo), l.Hi))
		}
	}
	return dst
}

// gives reports whether the kernel gives those products.
func (m *multiplication) gives(want []byte) bool {
	var a, b, got [256]byte
	for i := range b {
		b[i] = byte(i)
	}
	for row := range 256 {
		for i := range a {
			a[i] = byte(row)
		}
		m.blocks(&a[0], &b[0], &got[0], len(a))
		if !bytes.Equal(got[:], want[row<<8:][:len(got)]) {
			return false
		}
	}
	return true
}

func (m *multiplication) blocks(a, b, dst *byte, n int) {
	part := multiplyPart{
		unsafe.Pointer(a), unsafe.Pointer(b), unsafe.Pointer(dst), n, unsafe.Pointer(&m.multiplyFloats),
	}
	if m.wide {
		multiply_float__avx512vnni(part)
	} else {
		multiply_float__avx2(part)
	}
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
