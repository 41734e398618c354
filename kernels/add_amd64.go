//go:build !purego

package kernels

import (
	"bytes"
	"encoding/binary"
	"math"
	"unsafe"

	"edge/quant"
)

// An addition in floating point, and yet exact, as in requant_amd64.go: all its inputs are 65 536 pairs, so for each
// layer the kernel itself is run on them all, when it is prepared, and is used if it gives what integers give.

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

// nativeSum is how an addition is computed: in floating point, else in integers, else by generic code.
type nativeSum struct {
	floats   *addFloats
	integers *addIntegers
}

// addElements is how many elements one call of a kernel adds at most.
const addElements = 1 << 16

func (s *x86) runAdd(a *AddArgs, i0, i1 int) {
	switch {
	case a.floats != nil && i1-i0 >= s.addBlock:
		whole := i1 - (i1-i0)%s.addBlock
		runPart(s.addFloat, unsafe.Pointer(a.floats), a, i0, whole)
		if whole < i1 { // the last block overlaps the one before
			runPart(s.addFloat, unsafe.Pointer(a.floats), a, i1-s.addBlock, i1)
		}
	case a.integers != nil:
		whole := i1
		if !s.masked {
			whole -= (i1 - i0) % 8
		}
		runPart(s.addInteger, unsafe.Pointer(a.integers), a, i0, whole)
		genericAdd[uint8](a, whole, i1)
	default:
		genericAdd[uint8](a, i0, i1)
	}
}

func runPart(add func(addPart), constants unsafe.Pointer, a *AddArgs, i0, i1 int) {
	for i := i0; i < i1; i += addElements {
		add(addPart{
			unsafe.Pointer(&a.A[i]), unsafe.Pointer(&a.B[i]), unsafe.Pointer(&a.Dst[i]), min(addElements, i1-i), constants,
		})
	}
}

func (s *x86) prepareAdd(a *AddArgs) {
	a.nativeSum = nativeSum{}
	var c addIntegers
	if !c.multiplier(0, a.AMul, 0) || !c.multiplier(1, a.BMul, 0) || !c.multiplier(2, a.Mul, a.Zero) {
		return
	}
	for i, v := range [...]int32{a.AZero, a.BZero, a.Lo, a.Hi} {
		c.fill(3*5+i, v)
	}
	a.integers = &c
	a.floats = s.fitAddition(a)
}

// multiplier sets the constants of the i-th, false where they don't fit.
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

// fitAddition returns constants for an addition in float32, nil where none were found. Sums are computed around 0, so
// less 128, where float32 is finest. Its last bit is still some 2^-17 of an output step, so that one pair in 65 536 may
// be rounded to the other side; then constants a few bits from the nearest are tried, most of them on a few pairs only.
func (s *x86) fitAddition(a *AddArgs) *addFloats {
	p := s.pairsOf(a)
	scale := math.Ldexp(real(a.Mul), AddShift)
	aMul, bMul := real(a.AMul)*scale, real(a.BMul)*scale
	add := float64(a.Zero) - 128 - float64(a.AZero)*aMul - float64(a.BZero)*bMul
	lo, hi := byte(a.Lo), byte(a.Hi)
	f := &addFloats{lo: [4]byte{lo, lo, lo, lo}, hi: [4]byte{hi, hi, hi, hi}, flip: [4]byte{128, 128, 128, 128}}
	for i := range uint32(9) {
		for j := range uint32(5) {
			for k := range uint32(5) {
				f.add, f.aMul, f.bMul = near(add, i), near(aMul, j), near(bMul, k)
				if p.agree(s, f) {
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

// pairsOf returns them with what integers make of them.
func (s *x86) pairsOf(a *AddArgs) *pairs {
	p := &pairs{}
	for i := range p.b {
		p.b[i] = byte(i)
	}
	for row := 0; row < 256; row += pairRows {
		p.run(s.addInteger, unsafe.Pointer(a.integers), row, p.want[row*256:])
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

// agree tells whether an addition in float32 gives the same for all pairs.
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
