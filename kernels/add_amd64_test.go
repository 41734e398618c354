//go:build amd64 && !purego

package kernels

import (
	"math"
	"testing"

	"edge/quant"
)

// eachX86 runs test for each of this machine's sets in assembly.
func eachX86(t *testing.T, test func(t *testing.T, s *x86, set *Set)) {
	for name, s := range x86Sets {
		t.Run(name, func(t *testing.T) {
			set := ByName(name)
			if set == nil {
				t.Skipf("this machine lacks %s", name)
			}
			test(t, s, set)
		})
	}
}

// likeNetworks returns an addition with scales and zero points as the residual connections of networks have them.
func (d dice) likeNetworks(t *testing.T) AddLayer {
	zero := func() int32 { return int32(d.between(100, 155)) }
	a := AddLayer{AZero: zero(), BZero: zero(), Zero: zero(), Hi: 255}
	scaleA, scaleB := 0.3+d.Float64(), 0.3+d.Float64()
	twice := 2 * max(scaleA, scaleB)
	scale := twice / 2 * (0.8 + 0.6*d.Float64())
	for _, m := range []struct {
		to   *quant.Multiplier
		real float64
	}{{&a.AMul, scaleA / twice}, {&a.BMul, scaleB / twice}, {&a.Mul, twice / (1 << AddShift * scale)}} {
		var err error
		if *m.to, err = quant.MultiplierOf(m.real); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// Floating point serves nearly all additions: else it isn't worth its place.
func TestAddFits(t *testing.T) {
	eachX86(t, func(t *testing.T, s *x86, _ *Set) {
		d := roll(16)
		const layers = 100
		fit := 0
		for range layers {
			if a, ok := s.addition(d.likeNetworks(t)); ok && a.floats != nil {
				fit++
			}
		}
		t.Logf("%d of %d", fit, layers)
		if fit < layers*9/10 {
			t.Errorf("float32 serves %d of %d additions", fit, layers)
		}
	})
}

// Constants that are wrong for a single pair are refused; so are those that are no numbers.
func TestAddRefuses(t *testing.T) {
	eachX86(t, func(t *testing.T, s *x86, _ *Set) {
		d := roll(17)
		a, ok := s.addition(d.likeNetworks(t))
		for !ok || a.floats == nil {
			a, ok = s.addition(d.likeNetworks(t))
		}
		p, f := a.pairs(), *a.floats
		if !p.agree(s, &f) {
			t.Fatal("constants that fit are refused")
		}
		for range 100 {
			pair, by := d.IntN(len(p.want)), byte(1+d.IntN(255))
			p.want[pair] ^= by
			if p.agree(s, &f) {
				t.Errorf("pair %d: %d isn't noticed", pair, by)
			}
			p.want[pair] ^= by
		}
		for _, wrong := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30, 0} {
			for _, field := range []*float32{&f.aMul, &f.bMul, &f.add} {
				old := *field
				if *field = wrong; p.agree(s, &f) {
					t.Errorf("%v fits", f)
				}
				*field = old
			}
		}
	})
}

// Multipliers as far from usual ones as the reference takes them.
func TestAddExtremes(t *testing.T) {
	eachX86(t, func(t *testing.T, _ *x86, set *Set) {
		d := roll(18)
		m := newMemory(t, d.Rand)
		for i := range thin(60) {
			layer := d.add(1 << 16)
			for i := range layer.A {
				layer.A[i], layer.B[i] = byte(i), byte(i>>8)
			}
			if i%3 == 0 {
				layer.AZero, layer.BZero = d.zero(), 255-d.zero()
			}
			if i%2 == 0 {
				layer.AMul.Shift = -int32(d.IntN(31))
			} else {
				layer.BMul = quant.Multiplier{}
			}
			layer.Mul.Shift = -int32(d.IntN(24))
			want := append([]byte(nil), m.add(t, Generic(), layer)...)
			same(t, set, m.add(t, set, layer), want, &layer)
		}
	})
}
