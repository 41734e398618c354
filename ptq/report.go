package ptq

import (
	"cmp"
	"context"
	"math"
	"slices"

	"edge/model"
	"edge/quant"
)

// Report says what was done, and how well each layer of the int8 network follows the float one.
type Report struct {
	Own, Kept int           // activations whose scale the file gives, and those that have kept it
	Samples   int           // that were compared; 0 unless Options.PerLayer
	Layers    []LayerReport // nil unless Options.PerLayer
}

// LayerReport is about the output of one layer, compared over all samples.
type LayerReport struct {
	Name    string
	Op      string
	Lo, Hi  float32 // the least and greatest value that int8 stands for
	Clipped float64 // share of the float values that lie outside of that
	SNR     float64 // signal to noise in dB, the noise of the layers before it included; +Inf without any noise
}

// Worst returns the layers with the most noise, at most n, the worst first.
func (r *Report) Worst(n int) []LayerReport {
	worst := slices.Clone(r.Layers)
	slices.SortStableFunc(worst, func(a, b LayerReport) int { return cmp.Compare(a.SNR, b.SNR) })
	return worst[:min(n, len(worst))]
}

// maxCompared is how many samples are compared.
const maxCompared = 32

// deviation is one layer's sums.
type deviation struct{ signal, noise, clipped, count float64 }

func (d *deviation) add(real, rounded []float32, p quant.Params) {
	lo, hi := p.Real(-128)-p.Scale/2, p.Real(127)+p.Scale/2
	for i, v := range real {
		e := float64(v - rounded[i])
		d.signal += float64(v) * float64(v)
		d.noise += e * e
		if v < lo || v > hi {
			d.clipped++
		}
	}
	d.count += float64(len(real))
}

func (d *deviation) merge(other deviation) {
	d.signal += other.signal
	d.noise += other.noise
	d.clipped += other.clipped
	d.count += other.count
}

func (d *deviation) snr() float64 {
	if d.noise == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(d.signal/d.noise)
}

// compare runs the float network beside one that rounds as the int8 network does.
func (c *calibration) compare(ctx context.Context, rounded []*layer, params []quant.Params, r *Report) error {
	g := c.graph
	var copies []*executor
	for range c.executors {
		e, err := newExecutor(g, rounded)
		if err != nil {
			return err
		}
		copies = append(copies, e)
	}
	parts := make([][]deviation, len(c.executors))
	visit := func(w int) error {
		real, copied := c.executors[w], copies[w]
		parts[w] = make([]deviation, len(g.Nodes))
		copy(copied.input(), real.input())
		roundAll(copied.input(), params[g.Inputs[0]])
		for i, n := range g.Nodes {
			real.steps[i]()
			copied.steps[i]()
			p := params[n.Outputs[0]]
			roundAll(copied.output(i), p)
			parts[w][i].add(real.output(i), copied.output(i), p)
		}
		return nil
	}
	total := make([]deviation, len(g.Nodes))
	merge := func(w int) {
		for i, d := range parts[w] {
			total[i].merge(d)
		}
	}
	r.Samples = min(c.samples.Count, maxCompared)
	if err := c.each(ctx, "comparing layers", r.Samples, visit, merge); err != nil {
		return err
	}
	for i := range g.Nodes {
		p := params[g.Nodes[i].Outputs[0]]
		r.Layers = append(r.Layers, LayerReport{
			Name: nameOf(g, i), Op: model.OpName(g.Nodes[i].Op), Lo: p.Real(-128), Hi: p.Real(127),
			Clipped: total[i].clipped / total[i].count, SNR: total[i].snr(),
		})
	}
	return nil
}

// roundAll replaces values by what their int8 values stand for.
func roundAll(values []float32, p quant.Params) {
	for i, v := range values {
		values[i] = p.Real(p.Quantize(v, -128, 127))
	}
}
