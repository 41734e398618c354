package ptq

import (
	"context"
	"fmt"
	"math"
	"slices"

	"edge/model"
)

// spread is what values a tensor takes.
type spread struct {
	lo, hi  float32
	tops    []float32 // the greatest magnitude in each channel, channels being the last dimension
	sums    []float64 // of each channel
	samples float64   // in each of the sums
	bins    []uint64  // how many values lie in each of binCount equal parts of lo…hi; nil before they are counted
}

const binCount = 2048

func newSpreads(g *model.Graph) []spread {
	spreads := make([]spread, len(g.Tensors))
	for t := range spreads {
		spreads[t].reset(&g.Tensors[t])
	}
	return spreads
}

func (s *spread) reset(t *model.Tensor) {
	channels := 1
	if len(t.Shape) > 0 {
		channels = t.Shape[len(t.Shape)-1]
	}
	if t.Data != nil {
		channels = 0
	}
	*s = spread{
		lo: float32(math.Inf(1)), hi: float32(math.Inf(-1)), tops: make([]float32, channels), sums: make([]float64, channels),
	}
}

// add sees the values of one sample. It returns the place of the first one that isn't finite, or −1.
func (s *spread) add(values []float32) int {
	channels := len(s.sums)
	s.samples += float64(len(values) / channels)
	for at := 0; at < len(values); at += channels {
		for i, v := range values[at : at+channels] {
			if notFinite(v) {
				return at + i
			}
			s.lo, s.hi = min(s.lo, v), max(s.hi, v)
			s.tops[i] = max(s.tops[i], v, -v)
			s.sums[i] += float64(v)
		}
	}
	return -1
}

// merge adds what other has seen.
func (s *spread) merge(other *spread) {
	s.lo, s.hi, s.samples = min(s.lo, other.lo), max(s.hi, other.hi), s.samples+other.samples
	for i := range s.sums {
		s.tops[i] = max(s.tops[i], other.tops[i])
		s.sums[i] += other.sums[i]
	}
}

// means of the channels.
func (s *spread) means() []float64 {
	means := slices.Clone(s.sums)
	for i := range means {
		means[i] /= s.samples
	}
	return means
}

// bin is where in bins v belongs.
func (s *spread) bin(v float32) int {
	return min(int(float64(v-s.lo)/float64(s.hi-s.lo)*binCount), binCount-1)
}

// center is the value in the middle of a bin.
func (s *spread) center(bin int) float64 {
	return float64(s.lo) + (float64(bin)+0.5)/binCount*float64(s.hi-s.lo)
}

// measure finds the spread of every activation, without bins.
func (c *calibration) measure(ctx context.Context) ([]spread, error) {
	g := c.graph
	total := newSpreads(g)
	parts := make([][]spread, len(c.executors))
	for w := range parts {
		parts[w] = newSpreads(g)
	}
	visit := func(w int) error {
		e := c.executors[w]
		in := g.Inputs[0]
		parts[w][in].reset(&g.Tensors[in])
		if at := parts[w][in].add(e.input()); at >= 0 {
			return fmt.Errorf("the input is %v at %d", e.input()[at], at)
		}
		for i := range e.steps {
			e.steps[i]()
			out := g.Nodes[i].Outputs[0]
			parts[w][out].reset(&g.Tensors[out])
			if at := parts[w][out].add(e.output(i)); at >= 0 {
				return fmt.Errorf("%s: the output is %v at %d", place(g, i), e.output(i)[at], at)
			}
		}
		return nil
	}
	merge := func(w int) {
		for t := range total {
			total[t].merge(&parts[w][t])
		}
	}
	return total, c.each(ctx, "measuring ranges", c.samples.Count, visit, merge)
}

// count fills the spreads' bins.
func (c *calibration) count(ctx context.Context, spreads []spread) error {
	g := c.graph
	parts := make([][][]uint32, len(c.executors)) // by worker and tensor
	for w := range parts {
		parts[w] = make([][]uint32, len(spreads))
		for t := range spreads {
			parts[w][t] = make([]uint32, binCount)
		}
	}
	for t := range spreads {
		spreads[t].bins = make([]uint64, binCount)
	}
	visit := func(w int) error {
		e := c.executors[w]
		for i := range e.steps {
			e.steps[i]()
			t := g.Nodes[i].Outputs[0]
			s, bins := &spreads[t], parts[w][t]
			if s.hi == s.lo {
				continue
			}
			for _, v := range e.output(i) {
				bins[s.bin(v)]++
			}
		}
		return nil
	}
	merge := func(w int) {
		for t, bins := range parts[w] {
			for i, n := range bins {
				spreads[t].bins[i] += uint64(n)
			}
			clear(bins)
		}
	}
	return c.each(ctx, "counting values", c.samples.Count, visit, merge)
}
