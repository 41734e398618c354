package quant_test

import (
	"math"
	"math/big"
	"testing"

	"edge/internal/naive"
	"edge/quant"
)

func TestMultiplierOf(t *testing.T) {
	for _, real := range []float64{1, 0.5, 0.25, 2, 3.7, 1e-3, 0.0072474273418460, math.Nextafter(1, 0), 1 << 30, 1e-9} {
		m, err := quant.MultiplierOf(real)
		if err != nil {
			t.Fatalf("%g: %v", real, err)
		}
		if m.Mantissa < 1<<30 {
			t.Errorf("%g: the mantissa %d is below 2^30", real, m.Mantissa)
		}
		got := math.Ldexp(float64(m.Mantissa), int(m.Shift)-31)
		if math.Abs(got/real-1) > 1.0/(1<<31) {
			t.Errorf("%g became %g", real, got)
		}
	}
	for _, real := range []float64{0, 1e-12} {
		if m, err := quant.MultiplierOf(real); err != nil || m != (quant.Multiplier{}) {
			t.Errorf("%g became %v, %v; 0 was expected", real, m, err)
		}
	}
	for _, real := range []float64{-1, math.NaN(), math.Inf(1), 1 << 31} {
		if m, err := quant.MultiplierOf(real); err == nil {
			t.Errorf("%g became %v", real, m)
		}
	}
}

// Halves are where roundings differ.
func TestApplyRoundsTwice(t *testing.T) {
	for _, test := range []struct {
		acc  int32
		m    quant.Multiplier
		want int32
	}{
		{3, quant.Multiplier{Mantissa: 1 << 30}, 2},              // 1.5
		{-3, quant.Multiplier{Mantissa: 1 << 30}, -1},            // −1.5: the first rounding takes halves up
		{-6, quant.Multiplier{Mantissa: 1 << 30, Shift: -1}, -2}, // −3 / 2: the second away from zero
		{5, quant.Multiplier{Mantissa: 1 << 30, Shift: -1}, 2},   // 1.25 is rounded to 3/2 and then to 2
		{math.MinInt32, quant.Multiplier{Mantissa: 1 << 30}, -1 << 30},
		{7, quant.Multiplier{Mantissa: 1 << 30, Shift: 3}, 28},
	} {
		if got := test.m.Apply(test.acc); got != test.want {
			t.Errorf("%d · %v = %d, want %d", test.acc, test.m, got, test.want)
		}
	}
	if got := quant.HighMul(math.MinInt32, math.MinInt32); got != math.MaxInt32 {
		t.Errorf("the product that overflows is %d", got)
	}
}

// FuzzApply compares with the definition, in int64, and rounding once with exact arithmetic.
func FuzzApply(f *testing.F) {
	f.Add(int32(-1234567), int32(1<<30+12345), int32(-7))
	f.Add(int32(5), int32(1<<30), int32(-1))
	f.Add(int32(math.MinInt32), int32(math.MaxInt32), int32(0))
	f.Fuzz(func(t *testing.T, acc, mantissa, shift int32) {
		if mantissa < 1<<30 || shift < -31 || shift > 30 {
			return
		}
		m := quant.Multiplier{Mantissa: mantissa, Shift: shift}
		if shifted := int64(acc) << max(shift, 0); shifted == int64(int32(shifted)) {
			if got, want := int64(m.Apply(acc)), naive.Requantize(int64(acc), mantissa, shift); got != want {
				t.Errorf("%d · %v = %d, by definition %d", acc, m, got, want)
			}
		}
		exact := new(big.Int).Mul(big.NewInt(int64(acc)), big.NewInt(int64(mantissa)))
		exact.Add(exact, new(big.Int).Lsh(big.NewInt(1), uint(30-shift))).Rsh(exact, uint(31-shift))
		if exact.IsInt64() && exact.Int64() == int64(int32(exact.Int64())) {
			if got := int64(m.ApplyOnce(acc)); got != exact.Int64() {
				t.Errorf("%d · %v once = %d, exactly %d", acc, m, got, exact.Int64())
			}
		}
	})
}

func TestQuantize(t *testing.T) {
	p := quant.Params{Scale: 0.5, ZeroPoint: 10}
	for _, test := range []struct {
		real float32
		want int32
	}{
		{0, 10},
		{0.25, 11},
		{-0.25, 9},
		{1, 12},
		{1e9, 127},
		{-1e9, -128},
		{float32(math.NaN()), 10},
		{float32(math.Inf(1)), 127},
		{float32(math.Inf(-1)), -128},
	} {
		if got := p.Quantize(test.real, -128, 127); got != test.want {
			t.Errorf("%v becomes %d, want %d", test.real, got, test.want)
		}
	}
	if got := p.Real(12); got != 1 {
		t.Errorf("12 stands for %v, want 1", got)
	}
}
