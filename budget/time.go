package budget

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"edge/engine"
	"edge/model"
)

// Times are those of one inference, in milliseconds, over all runs.
type Times struct {
	Min, P50, P95, P99 float64
	Steps              []float64 // each step's median, in the order of net.Steps; nil unless asked for
}

// Time times runs inferences on noise, at least one, after warmup that don't count. With steps it also times each step
// alone, on the calling goroutine: times of one thread. It fails only if ctx ends.
func Time(ctx context.Context, net *engine.Net, runs, warmup int, steps bool) (*Times, error) {
	noise := noiseFor(net.Inputs())
	whole := make([]time.Duration, 0, runs)
	each := make([][]time.Duration, len(net.Steps()))
	for r := -warmup; r < runs; r++ {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted after %d runs", max(r, 0))
		}
		for i, in := range net.Inputs() {
			copy(in.Data, noise[i])
		}
		start := time.Now()
		if steps && r >= 0 {
			for i := range each {
				at := time.Now()
				net.RunStep(i)
				each[i] = append(each[i], time.Since(at))
			}
		} else {
			net.Run()
		}
		if r >= 0 {
			whole = append(whole, time.Since(start))
		}
	}
	slices.Sort(whole)
	t := &Times{Min: percentile(whole, 0), P50: percentile(whole, 50), P95: percentile(whole, 95), P99: percentile(whole, 99)}
	if steps {
		for _, times := range each {
			slices.Sort(times)
			t.Steps = append(t.Steps, percentile(times, 50))
		}
	}
	return t, nil
}

// noiseFor makes values for inputs; float32 ones are zeros.
func noiseFor(inputs []engine.Tensor) [][]byte {
	rng := rand.New(rand.NewPCG(1, 1))
	noise := make([][]byte, len(inputs))
	for i, in := range inputs {
		noise[i] = make([]byte, len(in.Data))
		if in.Type == model.Float32 {
			continue
		}
		for k := range noise[i] {
			noise[i][k] = byte(rng.IntN(256))
		}
	}
	return noise
}

// percentile returns the percentile of sorted times by the nearest-rank method, in milliseconds; the 0th is the least.
func percentile(sorted []time.Duration, p int) float64 {
	rank := max((len(sorted)*p+99)/100, 1)
	return float64(sorted[rank-1].Nanoseconds()) / 1e6
}
