package ptq

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"edge/model"
	"edge/quant"
)

// executor runs a network in float32, node by node, to see what values its tensors take. It belongs to one goroutine.
// Tensors share memory when they aren't alive at the same time, so a tensor's values must be looked at right after the
// node that computes them.
type executor struct {
	graph  *model.Graph
	values [][]float32 // by tensor; nil for constants
	steps  []func()    // by node
}

// layer is the weights and the bias of a node that has some: a copy of its own, which may be changed.
type layer struct {
	weights, bias []float32
	channels      int            // of the output
	groups        int            // that share the input's channels and the output's; 1 if all are one
	depthwise     bool           // weights lie 1HWO, else OHWI or [O, K]
	given         []quant.Params // how the file quantizes the weights, if it does so as int8 does here
}

// channel is the output channel that the weight at i belongs to.
func (l *layer) channel(i int) int {
	if l.depthwise {
		return i % l.channels
	}
	return i / (len(l.weights) / l.channels)
}

// layersOf reads the weights of all nodes, nil for those without. A missing bias becomes zeros.
func layersOf(g *model.Graph) ([]*layer, error) {
	layers := make([]*layer, len(g.Nodes))
	for i, n := range g.Nodes {
		row, err := rowOf(g, i)
		if err != nil {
			return nil, err
		}
		if row.channels < 0 {
			continue
		}
		w := &g.Tensors[n.Inputs[1]]
		l := &layer{weights: float32s(w.Data), channels: w.Shape[row.channels], depthwise: row.channels == 3, groups: 1}
		if _, ok := n.Op.(model.Conv2D); ok {
			l.groups = g.Tensors[n.Inputs[0]].Shape[3] / w.Shape[3]
		}
		if n := len(w.Quant); (n == 1 || n == l.channels && w.Axis == row.channels) &&
			!slices.ContainsFunc(w.Quant, func(q quant.Params) bool { return q.ZeroPoint != 0 }) {
			l.given = w.Quant
		}
		l.bias = make([]float32, l.channels)
		if b := n.Inputs[2]; b >= 0 {
			l.bias = float32s(g.Tensors[b].Data)
		}
		if at := slices.IndexFunc(l.weights, notFinite); at >= 0 {
			return nil, fmt.Errorf("%s: weight %d is %v", place(g, i), at, l.weights[at])
		}
		if at := slices.IndexFunc(l.bias, notFinite); at >= 0 {
			return nil, fmt.Errorf("%s: bias %d is %v", place(g, i), at, l.bias[at])
		}
		layers[i] = l
	}
	return layers, nil
}

func float32s(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

func notFinite(v float32) bool { return v-v != 0 }

// place names a node, for errors and reports.
func place(g *model.Graph, node int) string {
	n := &g.Nodes[node]
	return fmt.Sprintf("layer %d (%s, %s)", node, model.OpName(n.Op), nameOf(g, node))
}

func nameOf(g *model.Graph, node int) string {
	if n := &g.Nodes[node]; n.Name != "" {
		return n.Name
	}
	return g.Tensors[g.Nodes[node].Outputs[0]].Name
}

func newExecutor(g *model.Graph, layers []*layer) (*executor, error) {
	e := &executor{graph: g, values: allocate(g)}
	for i := range g.Nodes {
		row, err := rowOf(g, i)
		if err != nil {
			return nil, err
		}
		e.steps = append(e.steps, e.saturated(&g.Nodes[i], row.run(e, &g.Nodes[i], layers[i])))
	}
	return e, nil
}

// saturated is a step whose output stays in the range of what a file quantizes it to: quantizers leave out a ReLU that the
// range does, too.
func (e *executor) saturated(n *model.Node, step func()) func() {
	q := e.graph.Tensors[n.Outputs[0]].Quant
	if len(q) != 1 {
		return step
	}
	dst, c := e.values[n.Outputs[0]], clamp{q[0].Real(-128), q[0].Real(127)}
	return func() {
		step()
		for i, v := range dst {
			dst[i] = c.apply(v)
		}
	}
}

// allocate gives each activation its values: memory of its own from the node that computes it to the last that reads
// it, where a later tensor takes it over.
func allocate(g *model.Graph) [][]float32 {
	last := make([]int, len(g.Tensors))
	for i, n := range g.Nodes {
		for _, t := range n.Inputs {
			if t >= 0 {
				last[t] = i
			}
		}
	}
	for _, t := range slices.Concat(g.Inputs, g.Outputs) { // inputs may be run on again
		last[t] = len(g.Nodes)
	}
	var sizes, free []int // of each buffer; which of them no tensor needs at this point
	bufferOf := make([]int, len(g.Tensors))
	take := func(t int) { // the smallest that is large enough, else the largest
		size := model.Elements(g.Tensors[t].Shape)
		if len(free) == 0 {
			free, sizes = append(free, len(sizes)), append(sizes, size)
		}
		slices.SortFunc(free, func(a, b int) int { return cmp.Or(sizes[a]-sizes[b], a-b) })
		best := slices.IndexFunc(free, func(b int) bool { return sizes[b] >= size })
		if best < 0 {
			best = len(free) - 1
		}
		bufferOf[t] = free[best]
		sizes[free[best]] = max(sizes[free[best]], size)
		free = slices.Delete(free, best, best+1)
	}
	activation := func(t int) bool { return t >= 0 && g.Tensors[t].Data == nil }
	for _, t := range g.Inputs {
		take(t)
	}
	for i, n := range g.Nodes {
		take(n.Outputs[0])
		for k, t := range n.Inputs {
			if activation(t) && last[t] == i && !slices.Contains(n.Inputs[:k], t) {
				free = append(free, bufferOf[t])
			}
		}
		if out := n.Outputs[0]; last[out] < i { // nobody reads it
			free = append(free, bufferOf[out])
		}
	}
	buffers := make([][]float32, len(sizes))
	for b, size := range sizes {
		buffers[b] = make([]float32, size)
	}
	values := make([][]float32, len(g.Tensors))
	computed := slices.Clone(g.Inputs)
	for _, n := range g.Nodes {
		computed = append(computed, n.Outputs[0])
	}
	for _, t := range computed {
		values[t] = buffers[bufferOf[t]][:model.Elements(g.Tensors[t].Shape)]
	}
	return values
}

// input is the values of the network's first input.
func (e *executor) input() []float32 { return e.values[e.graph.Inputs[0]] }

// output is what a node has computed.
func (e *executor) output(node int) []float32 { return e.values[e.graph.Nodes[node].Outputs[0]] }
