//go:build !purego

package kernels

const multiplyBlock = 16

// multiplication is a product of 16 · blocks elements, with each constant in all lanes of a vector.
type multiplication struct {
	a, b, dst    *byte
	count        int // blocks
	aZero, bZero [16]int8
	mul, right   [4]int32
	lo, hi       [16]int8
	zero         [8]int16
}

// packMultiplyNeon packs a product. Multipliers that don't shift right are left to the generic code.
func packMultiplyNeon(l MultiplyLayer) *Multiply {
	if l.Mul.Shift >= 0 {
		return packGenericMultiply[int8](l)
	}
	var m multiplication
	for i := range m.lo {
		m.aZero[i], m.bZero[i], m.lo[i], m.hi[i] = int8(l.AZero), int8(l.BZero), int8(l.Lo), int8(l.Hi)
	}
	for i := range m.zero {
		m.zero[i] = int16(l.Zero)
	}
	for i := range m.mul {
		m.mul[i], m.right[i] = l.Mul.Mantissa, l.Mul.Shift
	}
	return &Multiply{m.run}
}

func (m *multiplication) blocks(a, b, dst *byte, n int) {
	call := *m
	call.a, call.b, call.dst, call.count = a, b, dst, n/multiplyBlock
	multiply__neon(&call)
}
