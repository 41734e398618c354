// Package ptq turns a float32 network into an int8 one without retraining it (post-training quantization).
//
//	float network ─ run on samples ─→ spreads of all activations ─→ ranges ─┬→ int8 network
//	      └──────── weights, perhaps equalized ─────────────────────────────┘       └→ compared with the float one: Report
//
// The scheme is that of TensorFlow Lite's int8 specification: activations have one scale and zero point a tensor,
// weights one scale an output channel in −127…127, biases the product of both in int32. Jacob et al., Quantization and
// Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference (2018); Nagel et al., Data-Free
// Quantization Through Weight Equalization and Bias Correction (2019).
package ptq

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"edge/model"
)

// Ranges says how an activation's range is found.
type Ranges uint8

// MinMax takes the least and the greatest value, Percentile leaves the outermost 0.01 % out at each end, LeastError
// takes the range whose squared error, of rounding and of clipping, is the least.
const (
	MinMax Ranges = iota
	Percentile
	LeastError
)

var rangesNames = [...]string{"min-max", "percentile", "least-error"}

// String returns what ParseRanges takes.
func (r Ranges) String() string { return rangesNames[r] }

// ParseRanges reads "min-max", "percentile" or "least-error".
func ParseRanges(s string) (Ranges, error) {
	for i, name := range rangesNames {
		if s == name {
			return Ranges(i), nil
		}
	}
	return 0, fmt.Errorf("ranges %q: choose %s", s, strings.Join(rangesNames[:], ", "))
}

// Options say how to quantize. The zero value does nothing but what is needed.
type Options struct {
	Ranges      Ranges
	Equalize    bool // scale channels between layers so that each uses its tensor's range
	CorrectBias bool // correct the mean error that rounded weights cause in the bias
	PerLayer    bool // compare each layer with float32, for the report
	Threads     int  // 0: as many as there are cores, at most 4. The result doesn't depend on it.
	// Progress, if it isn't nil, is called after each sample of each pass.
	Progress func(pass string, done, total int)
}

// Samples are inputs that are typical of what the network will see.
type Samples struct {
	Count int
	// Read writes sample i, normalized, to input, which has the elements of the network's input in its layout.
	// It is never called by two goroutines at a time.
	Read func(i int, input []float32) error
}

// Quantize returns g with int8 activations and weights, and a report. Fused activations, names, labels and the
// normalization stay. If there is a normalization, the input's range is that of all pixels; else that of the samples. How
// a file quantizes its tensors (their Quant) stays, too, where int8 here can have it. g is left as it is.
//
// It fails if g isn't a float32 network with one input, if there are no samples, if Read fails, and if a weight or an
// activation is infinite or not a number; the error names the layer.
func Quantize(ctx context.Context, g *model.Graph, s Samples, o Options) (*model.Graph, *Report, error) {
	int8Graph, report, err := quantize(ctx, g, s, o)
	if err != nil {
		return nil, nil, fmt.Errorf("quantize: %w", err)
	}
	return int8Graph, report, nil
}

func quantize(ctx context.Context, g *model.Graph, s Samples, o Options) (*model.Graph, *Report, error) {
	if err := checkFloat(g); err != nil {
		return nil, nil, err
	}
	if s.Count < 1 {
		return nil, nil, errors.New("no samples to calibrate with")
	}
	layers, err := layersOf(g)
	if err != nil {
		return nil, nil, err
	}
	c := &calibration{graph: g, layers: layers, samples: s, options: o}
	for range workers(o.Threads, s.Count) {
		e, err := newExecutor(g, layers)
		if err != nil {
			return nil, nil, err
		}
		c.executors = append(c.executors, e)
	}
	spreads, err := c.measure(ctx)
	if err != nil {
		return nil, nil, err
	}
	if o.Equalize && own(g) == 0 && equalize(g, layers, spreads) {
		if spreads, err = c.measure(ctx); err != nil {
			return nil, nil, err
		}
	}
	if o.Ranges != MinMax {
		if err := c.count(ctx, spreads); err != nil {
			return nil, nil, err
		}
	}
	params, kept, err := chooseParams(g, spreads, o.Ranges)
	if err != nil {
		return nil, nil, err
	}
	rounded := make([]*layer, len(layers)) // what the int8 layers stand for
	out := int8Graph(g, params)
	for i, l := range layers {
		if l == nil {
			continue
		}
		n := &g.Nodes[i]
		in, y := params[n.Inputs[0]], params[n.Outputs[0]]
		scales := l.scales(in, y)
		bias := l.bias
		if o.CorrectBias && l.given == nil {
			bias = l.correctedBias(scales, spreads[n.Inputs[0]].means())
		}
		if rounded[i], err = setLayer(out, i, l, bias, scales, in); err != nil {
			return nil, nil, err
		}
	}
	rescale(out)
	if err := out.Check(); err != nil {
		return nil, nil, err
	}
	report := &Report{Kept: kept, Own: own(g)}
	if o.PerLayer {
		err = c.compare(ctx, rounded, params, report)
	}
	return out, report, err
}

// own counts the tensors that a file gives a scale.
func own(g *model.Graph) int {
	n := 0
	for t := range g.Tensors {
		if g.Tensors[t].Data == nil && len(g.Tensors[t].Quant) == 1 {
			n++
		}
	}
	return n
}

// checkFloat checks that g is a whole float32 network.
func checkFloat(g *model.Graph) error {
	if err := g.Check(); err != nil {
		return err
	}
	if len(g.Inputs) != 1 {
		return fmt.Errorf("the network has %d inputs: only networks with one are quantized here", len(g.Inputs))
	}
	for i, n := range g.Nodes {
		for _, t := range append(n.Outputs, n.Inputs...) {
			if t >= 0 && g.Tensors[t].Type != model.Float32 {
				return fmt.Errorf("%s: %s is %v: this network is quantized already, at least in part; "+
					"start from the float32 one", place(g, i), g.Tensors[t].Name, g.Tensors[t].Type)
			}
		}
	}
	return nil
}

func workers(threads, samples int) int {
	if threads < 1 {
		threads = min(runtime.NumCPU(), 4)
	}
	return min(threads, samples)
}

// calibration runs a network on samples.
type calibration struct {
	graph     *model.Graph
	layers    []*layer
	samples   Samples
	options   Options
	executors []*executor // one a worker
}

// each runs the network on count of the samples, spread evenly. visit is called for a sample whose input has been read,
// by several goroutines; merge after that, for one sample after another, so that sums don't depend on the threads.
func (c *calibration) each(ctx context.Context, pass string, count int,
	visit func(worker int) error, merge func(worker int),
) error {
	for done := 0; done < count; {
		batch := min(len(c.executors), count-done)
		for w := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := (done + w) * c.samples.Count / count
			if err := c.samples.Read(at, c.executors[w].input()); err != nil {
				return fmt.Errorf("sample %d: %w", at, err)
			}
		}
		errs := make([]error, batch)
		var all sync.WaitGroup
		for w := range batch {
			all.Go(func() { errs[w] = visit(w) })
		}
		all.Wait()
		for w := range batch {
			if errs[w] != nil {
				return fmt.Errorf("sample %d: %w", (done+w)*c.samples.Count/count, errs[w])
			}
			merge(w)
		}
		done += batch
		if c.options.Progress != nil {
			c.options.Progress(pass, done, count)
		}
	}
	return nil
}
