// Package budget finds the MobileNet that a machine can afford: the most accurate one that still recognises as many
// frames a second as are asked for.
//
// A camera sets the budget: at 15 frames a second an inference may take 66.7 ms. Measure times a network by Time, and
// puts what was published about its accuracy next to that. Judge then answers two questions about all of them:
//
//   - Which hold the rate? Those whose 95th percentile fits: 19 of 20 inferences are done before the next frame. The
//     best is the most accurate of them.
//   - Which are worth having at all? Those on the Pareto front: no other network is both faster and more accurate.
//
// Draw shows the answers as a picture:
//
//	top-1 %
//	   │     in time ┊ too slow
//	   │       (●)───┊──●       ●  on the front, (●) the best
//	   │   ●──╯  ○   ┊    ○     ○  another is faster and more accurate
//	   └─────────────┴───────── ms, logarithmic
//	            1000 / rate
//
// Networks have random weights and look at noise: no kernel's time depends on the values.
package budget

import (
	"cmp"
	"context"
	"math"
	"slices"

	"edge/engine"
	"edge/mobilenet"
)

// Budget is what each MobileNet costs on this machine, and which to choose. Whoever makes one fills in the first four
// fields, and Networks with what Measure returns; Judge does the rest. As JSON it is what edge budget --json prints.
type Budget struct {
	FPS      float64   `json:"fps"` // the rate that is asked for, above 0
	Machine  string    `json:"machine,omitempty"`
	Kernels  string    `json:"kernels"`
	Threads  int       `json:"threads"`
	Best     string    `json:"best"`     // the most accurate that holds the rate; empty if none does
	Networks []Network `json:"networks"` // fastest first, once they are judged
}

// Network is one α × β. Times are of one inference, in milliseconds. Accuracy is top-1 in per cent, as
// published: always for float32, which networks are compared by, and 0 for the quantized network if nobody published it.
type Network struct {
	Name            string           `json:"name"`
	Family          mobilenet.Family `json:"family"`
	Alpha           float64          `json:"alpha"`
	Resolution      int              `json:"resolution"`
	MACs            int              `json:"macs"`
	Parameters      int              `json:"parameters"`
	Arena           int              `json:"arena_bytes"`
	Weights         int              `json:"weight_bytes"`
	P50             float64          `json:"p50_ms"`
	P95             float64          `json:"p95_ms"`
	FPS             float64          `json:"fps"` // at the median
	Float           float64          `json:"top1_float"`
	FloatSource     string           `json:"top1_float_source"`
	Quantized       float64          `json:"top1_quantized,omitempty"`
	QuantizedSource string           `json:"top1_quantized_source,omitempty"`
	Holds           bool             `json:"holds"`  // the rate, 19 times of 20
	Pareto          bool             `json:"pareto"` // no other is both faster and more accurate
}

// A network is timed for half a second, or longer if that isn't enough runs for a 95th percentile.
const (
	milliseconds        = 500
	leastRuns, mostRuns = 20, 500
	trials, warmup      = 3, 2
)

// Measure times a network on noise. The net must be compiled from a's blueprint; its weights may be random. It fails only
// if a has no blueprint or ctx ends.
func Measure(ctx context.Context, a mobilenet.Accuracy, net *engine.Net) (*Network, error) {
	plan, err := a.Blueprint()
	if err != nil {
		return nil, err
	}
	trial, err := Time(ctx, net, trials, warmup, false)
	if err != nil {
		return nil, err
	}
	runs := min(max(int(milliseconds/trial.Min), leastRuns), mostRuns)
	t, err := Time(ctx, net, runs, 0, false)
	if err != nil {
		return nil, err
	}
	cost := plan.Cost()
	arena, _, weights := net.Memory()
	return &Network{
		Name: plan.Name(), Family: a.Family, Alpha: a.Alpha, Resolution: a.Resolution,
		MACs: cost.MACs, Parameters: cost.Parameters, Arena: arena, Weights: weights,
		P50: t.P50, P95: t.P95, FPS: 1000 / t.P50,
		Float: a.Top1, FloatSource: a.Source, Quantized: a.Quantized1, QuantizedSource: a.QuantizedSource,
	}, nil
}

// Judge sorts the networks by time, and finds the front and the best. They are compared by their accuracy in float32,
// since that was published for all of them.
func (b *Budget) Judge() {
	slices.SortFunc(b.Networks, func(x, y Network) int {
		return cmp.Or(cmp.Compare(x.P50, y.P50), cmp.Compare(y.Float, x.Float))
	})
	highest, best := math.Inf(-1), math.Inf(-1)
	for i := range b.Networks {
		m := &b.Networks[i]
		m.Pareto = m.Float > highest
		highest = max(highest, m.Float)
		m.Holds = m.P95 <= 1000/b.FPS
		if m.Holds && m.Float > best {
			b.Best, best = m.Name, m.Float
		}
	}
}
