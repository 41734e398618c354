//go:build !purego

package kernels

import (
	"testing"

	"edge/quant"
)

// Floating point serves nearly all products with the scales of networks: else it isn't worth its place.
func TestMultiplyFits(t *testing.T) {
	eachX86(t, func(t *testing.T, s *x86, _ *Set) {
		d := roll(18)
		const layers = 200
		fit := 0
		for i := range layers {
			l := MultiplyLayer{AZero: d.zero(), BZero: d.zero(), Zero: d.zero(), Hi: 255}
			l.Mul = quant.Multiplier{Mantissa: 1<<30 + d.Int32N(1<<30), Shift: -int32(d.between(4, 9))}
			if i%10 == 0 { // a logistic's scale is a power of two
				l.Mul.Mantissa = 1 << 30
			}
			if s.multiplication(&l) != nil {
				fit++
			}
		}
		t.Logf("%d of %d", fit, layers)
		if fit < layers*9/10 {
			t.Errorf("float32 serves %d of %d products", fit, layers)
		}
	})
}
