package kernels

import (
	"math"
	"time"

	"edge/quant"
)

// Peak measures the GMAC/s that a set reaches on one thread if nothing holds it up: its pointwise kernel, on whole tiles,
// deep sums and data that stays in the first-level cache of the smallest board. It takes the best of what it sees in that
// time, which should be long enough for a clock to reach its turbo, some 300 ms.
func (s *Set) Peak(during time.Duration) float64 {
	const pixels, in, out = 84, 256, 48
	l := PointwiseLayer{
		Pixels: pixels, In: in, Out: out, SrcStride: in, DstStride: out,
		Weights: make([]int8, out*in), Bias: make([]int32, out),
		Requant: Requant{Multipliers: make([]quant.Multiplier, out), Hi: 127},
	}
	for i := range l.Multipliers {
		l.Multipliers[i] = quant.Multiplier{Mantissa: 1 << 30, Shift: 6}
	}
	layer := s.PackPointwise(l)
	call := PointwiseCall{
		Src: make([]byte, pixels*in), Dst: make([]byte, pixels*out), Scratch: make([]byte, layer.Scratch), P1: pixels, N1: out,
	}
	best := time.Duration(math.MaxInt64)
	for until := time.Now().Add(during); time.Now().Before(until); {
		start := time.Now()
		layer.Run(call)
		best = min(best, max(time.Since(start), 1))
	}
	return float64(pixels*in*out) / float64(best.Nanoseconds())
}
