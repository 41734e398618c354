//go:build !purego

package kernels

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"edge/quant"
)

// An addition in floating point is exact here, as in requant_amd64.go: there are only 65 536 pairs of inputs, so when a
// layer is packed the kernel itself is run on all of them, and is used if it gives what integers give.

// addPart is what a kernel that adds works on.
type addPart struct {
	a, b, dst unsafe.Pointer
	n         int
	constants unsafe.Pointer // addFloats or addIntegers
}

// addFloats are the constants of an addition in float32.
type addFloats struct {
	aMul, bMul, add float32
	lo, hi, flip    [4]byte // the clamp range and 128, four times
}

// addIntegers are those of one in integers: of the multipliers of A, of B and of the sum left, mul, add, below and right
// (see integer); the zero points of A and B, the clamp range; each in every lane of a vector.
type addIntegers [3*5 + 4][64]byte

// addition is how a layer is computed: in floating point, if that is exact, else in integers.
type addition struct {
	*x86
	layer    AddLayer
	floats   *addFloats // or nil
	integers *addIntegers
}

// addElements is how many elements one call of a kernel adds at most.
const addElements = 1 << 16

func (s *x86) packAdd(l AddLayer) *Add {
	packed, ok := s.addition(l)
	if !ok {
		return packGenericAdd[uint8](l)
	}
	return &Add{packed.run}
}

// addition packs a layer; false if no constants fit.
func (s *x86) addition(l AddLayer) (*addition, bool) {
	var c addIntegers
	if !c.multiplier(0, l.AMul, 0) || !c.multiplier(1, l.BMul, 0) || !c.multiplier(2, l.Mul, l.Zero) {
		return nil, false
	}
	for i, v := range [...]int32{l.AZero, l.BZero, l.Lo, l.Hi} {
		c.fill(3*5+i, v)
	}
	a := &addition{x86: s, layer: l, integers: &c}
	a.floats = a.fit()
	return a, true
}

func (a *addition) run(c AddCall) {
	n := len(c.A)
	if a.floats != nil && n >= a.addBlock {
		whole := n - n%a.addBlock
		runPart(a.addFloat, unsafe.Pointer(a.floats), &c, 0, whole)
		if whole < n { // the last block overlaps the one before
			runPart(a.addFloat, unsafe.Pointer(a.floats), &c, n-a.addBlock, n)
		}
		return
	}
	whole := n
	if !a.masked {
		whole -= n % 8
	}
	runPart(a.addInteger, unsafe.Pointer(a.integers), &c, 0, whole)
	if whole < n {
		genericAdd[uint8](&a.layer, AddCall{c.A[whole:], c.B[whole:], c.Dst[whole:]})
	}
}

func runPart(add func(addPart), constants unsafe.Pointer, c *AddCall, from, to int) {
	for i := from; i < to; i += addElements {
		add(addPart{
			unsafe.Pointer(&c.A[i]), unsafe.Pointer(&c.B[i]), unsafe.Pointer(&c.Dst[i]), min(addElements, to-i), constants,
		})
	}
}

// multiplier sets the constants of the i-th multiplier; false if they don't fit.
func (c *addIntegers) multiplier(i int, m quant.Multiplier, zero int32) bool {
	one := [1]quant.Multiplier{m}
	r := Requant{Multipliers: one[:], Zero: zero, Lo: -1 << 31, Hi: 1<<31 - 1}
	reach := span{-256 << AddShift, 256 << AddShift} // of an input
	if i == 2 {
		reach = span{-1 << 31, 1<<31 - 1}
	}
	n, ok := r.fitInteger(0, reach)
	c.fill(5*i, n.left)
	c.fill(5*i+1, n.mul)
	c.fill64(5*i+2, n.add)
	c.fill64(5*i+3, n.below)
	c.fill(5*i+4, n.right)
	return ok
}

func (c *addIntegers) fill(i int, v int32) {
	for j := 0; j < len(c[i]); j += 4 {
		binary.LittleEndian.PutUint32(c[i][j:], uint32(v))
	}
}

func (c *addIntegers) fill64(i int, v int64) {
	for j := 0; j < len(c[i]); j += 8 {
		binary.LittleEndian.PutUint64(c[i][j:], uint64(v))
	}
}

// fit returns constants for the addition in float32, nil if none were found. Sums are computed around 0, so
// less 128, where float32 is finest. Its last bit is still some 2^-17 of an output step, so that one pair in 65 536 may
// be rounded to the other side; then constants a few bits from the nearest are tried, most of them on a few pairs only.
func (a *addition) fit() *addFloats {
	p, l := a.pairs(), &a.layer
	scale := math.Ldexp(real(l.Mul), AddShift)
	aMul, bMul := real(l.AMul)*scale, real(l.BMul)*scale
	add := float64(l.Zero) - 128 - float64(l.AZero)*aMul - float64(l.BZero)*bMul
	lo, hi := byte(l.Lo), byte(l.Hi)
	f := &addFloats{lo: [4]byte{lo, lo, lo, lo}, hi: [4]byte{hi, hi, hi, hi}, flip: [4]byte{128, 128, 128, 128}}
	for i := range uint32(9) {
		for j := range uint32(5) {
			for k := range uint32(5) {
				f.add, f.aMul, f.bMul = near(add, i), near(aMul, j), near(bMul, k)
				if p.agree(a.x86, f) {
					return f
				}
			}
		}
	}
	return nil
}

// real is the number that m stands for.
func real(m quant.Multiplier) float64 { return math.Ldexp(float64(m.Mantissa), int(m.Shift)-31) }

// near returns the number 0, 1, −1, 2, −2, … steps from the nearest to x.
func near(x float64, i uint32) float32 {
	return math.Float32frombits(math.Float32bits(float32(x)) + (i+1)/2*(i%2*2-1))
}

// pairs are all pairs of inputs of an addition, in rows: A is the row's number, B is 0…255.
type pairs struct {
	a, b, got [pairRows * 256]byte
	want      [256 * 256]byte
	fails     int // where a block of rows begins that the last constants got wrong
}

// pairRows is how many rows are computed at once.
const pairRows = 16

// pairs returns them with what integers make of them.
func (a *addition) pairs() *pairs {
	p := &pairs{}
	for i := range p.b {
		p.b[i] = byte(i)
	}
	for row := 0; row < 256; row += pairRows {
		p.run(a.addInteger, unsafe.Pointer(a.integers), row, p.want[row*256:])
	}
	return p
}

// run computes a block of rows.
func (p *pairs) run(add func(addPart), constants unsafe.Pointer, row int, dst []byte) {
	for i := range p.a {
		p.a[i] = byte(row + i/256)
	}
	add(addPart{unsafe.Pointer(&p.a), unsafe.Pointer(&p.b), unsafe.Pointer(&dst[0]), len(p.a), constants})
}

// agree reports whether an addition in float32 gives the same for all pairs.
func (p *pairs) agree(s *x86, f *addFloats) bool {
	for i := 0; i < 256; i += pairRows {
		row := (p.fails + i) % 256
		p.run(s.addFloat, unsafe.Pointer(f), row, p.got[:])
		if !bytes.Equal(p.got[:], p.want[row*256:][:len(p.got)]) {
			p.fails = row
			return false
		}
	}
	return true
}
