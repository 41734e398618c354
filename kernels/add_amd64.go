//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"

	"edge/quant"
)

// addPart is what a kernel that adds works on.
type addPart struct {
	a, b, dst unsafe.Pointer
	n         int
	// Of the multipliers of A, of B and of the sum: left, mul, add, below, right (see integer); the zero points of A and
	// B, the clamp range; each in every lane of a vector.
	constants [3*5 + 4][64]byte
}

// addElements is how many elements one call of a kernel adds at most.
const addElements = 1 << 16

func (s *x86) runAdd(a *AddArgs, i0, i1 int) {
	var p addPart
	if !p.multiplier(0, a.AMul, 0) || !p.multiplier(1, a.BMul, 0) || !p.multiplier(2, a.Mul, a.Zero) {
		genericAdd[uint8](a, i0, i1)
		return
	}
	for i, v := range [...]int32{a.AZero, a.BZero, a.Lo, a.Hi} {
		p.fill(3*5+i, v)
	}
	whole := i1
	if !s.masked {
		whole -= (i1 - i0) % 8
	}
	for i := i0; i < whole; i += addElements {
		p.a, p.b, p.dst = unsafe.Pointer(&a.A[i]), unsafe.Pointer(&a.B[i]), unsafe.Pointer(&a.Dst[i])
		p.n = min(addElements, whole-i)
		if s.masked {
			add512(&p)
		} else {
			addAVX2(&p)
		}
	}
	genericAdd[uint8](a, whole, i1)
}

// multiplier sets the constants of the i-th, false where they don't fit.
func (p *addPart) multiplier(i int, m quant.Multiplier, zero int32) bool {
	one := [1]quant.Multiplier{m}
	r := Requant{Multipliers: one[:], Zero: zero, Lo: -1 << 31, Hi: 1<<31 - 1}
	reach := span{-256 << AddShift, 256 << AddShift} // of an input
	if i == 2 {
		reach = span{-1 << 31, 1<<31 - 1}
	}
	c, ok := r.fitInteger(0, reach)
	p.fill(5*i, c.left)
	p.fill(5*i+1, c.mul)
	p.fill64(5*i+2, c.add)
	p.fill64(5*i+3, c.below)
	p.fill(5*i+4, c.right)
	return ok
}

func (p *addPart) fill(i int, v int32) {
	for j := 0; j < len(p.constants[i]); j += 4 {
		binary.LittleEndian.PutUint32(p.constants[i][j:], uint32(v))
	}
}

func (p *addPart) fill64(i int, v int64) {
	for j := 0; j < len(p.constants[i]); j += 8 {
		binary.LittleEndian.PutUint64(p.constants[i][j:], uint64(v))
	}
}
