package ptq

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"edge/model"
	"edge/quant"
)

// int8Graph copies g with int8 activations. Nodes still have the float weights.
func int8Graph(g *model.Graph, params []quant.Params) *model.Graph {
	out := *g
	out.Tensors, out.Nodes = slices.Clone(g.Tensors), slices.Clone(g.Nodes)
	for t := range out.Tensors {
		if out.Tensors[t].Data == nil {
			out.Tensors[t].Type, out.Tensors[t].Axis = model.Int8, 0
			out.Tensors[t].Quant = []model.Quant{params[t]}
		}
	}
	for i := range out.Nodes {
		if row, _ := rowOf(g, i); row.constant {
			n := &out.Nodes[i]
			out.Tensors = append(out.Tensors, roundedConstant(&g.Tensors[n.Inputs[1]]))
			n.Inputs = []int{n.Inputs[0], len(out.Tensors) - 1}
		}
	}
	return &out
}

// rescale puts a Quantize before each input of a concatenation that has another scale than its output: int8 ones may not.
func rescale(g *model.Graph) {
	var nodes []model.Node
	for _, n := range g.Nodes {
		if _, ok := n.Op.(model.Concatenation); ok {
			n.Inputs = slices.Clone(n.Inputs)
			out := g.Tensors[n.Outputs[0]]
			for k, t := range n.Inputs {
				from := g.Tensors[t]
				if from.Quant[0] == out.Quant[0] {
					continue
				}
				from.Name, from.Quant = from.Name+"/rescaled", out.Quant
				g.Tensors = append(g.Tensors, from)
				n.Inputs[k] = len(g.Tensors) - 1
				nodes = append(nodes, model.Node{Op: model.Quantize{}, Inputs: []int{t}, Outputs: []int{n.Inputs[k]}})
			}
		}
		nodes = append(nodes, n)
	}
	g.Nodes = nodes
}

// roundedConstant is a constant with one scale, as weights have it.
func roundedConstant(t *model.Tensor) model.Tensor {
	values := float32s(t.Data)
	top := float32(leastScale)
	for _, v := range values {
		top = max(top, v, -v)
	}
	out := *t
	p := quant.Params{Scale: top / 127}
	out.Type, out.Quant, out.Data = model.Int8, []model.Quant{p}, make([]byte, len(values))
	for i, v := range values {
		out.Data[i] = byte(p.Quantize(v, -127, 127))
	}
	return out
}

// scales returns the weights' scale for each output channel, in being the input's params and out the output's.
func (l *layer) scales(in, out quant.Params) []float32 {
	const maxBias = 1 << 29 // leaves room for the sum in the accumulator
	scales := make([]float32, l.channels)
	if l.given != nil {
		for o := range scales {
			scales[o] = l.given[o%len(l.given)].Scale
		}
		return scales
	}
	for i, w := range l.weights {
		o := l.channel(i)
		scales[o] = max(scales[o], w, -w)
	}
	for o, top := range scales {
		scale := float64(top) / 127
		// A channel may have no weights to speak of, and only a bias, which must fit, too.
		scale = max(scale, math.Abs(float64(l.bias[o]))/(float64(in.Scale)*maxBias))
		scale = max(scale, float64(out.Scale)/float64(in.Scale)*math.Ldexp(1, -30)) // the multiplier isn't 0
		scales[o] = float32(scale)
	}
	return scales
}

// round returns a weight in steps of its scale. A file's own may reach −128.
func (l *layer) round(w, scale float32) int32 {
	least := int32(-127)
	if l.given != nil {
		least = -128
	}
	return quant.Params{Scale: scale}.Quantize(w, least, 127)
}

// correctedBias takes out what the rounding of the weights adds to each output channel on average, means being those
// of the input's channels. (Nagel et al., section 4.2.)
func (l *layer) correctedBias(scales []float32, means []float64) []float32 {
	shifts := make([]float64, l.channels)
	for i, w := range l.weights {
		o := l.channel(i)
		c := l.inputChannel(i, len(means))
		shifts[o] += (float64(scales[o])*float64(l.round(w, scales[o])) - float64(w)) * means[c]
	}
	bias := slices.Clone(l.bias)
	for o, shift := range shifts {
		bias[o] = float32(float64(bias[o]) - shift)
	}
	return bias
}

// setLayer gives a node of the int8 graph its weights and bias. It returns what they stand for, as a float layer.
func setLayer(g *model.Graph, node int, l *layer, bias, scales []float32, in quant.Params) (*layer, error) {
	n := &g.Nodes[node]
	w := g.Tensors[n.Inputs[1]] // a copy: other nodes may have the same weights with an input of another scale
	w.Type, w.Data, w.Quant, w.Axis = model.Int8, make([]byte, len(l.weights)), nil, 0
	if l.depthwise {
		w.Axis = 3
	}
	b := model.Tensor{
		Name: g.Tensors[n.Outputs[0]].Name + "/bias", Type: model.Int32, Shape: []int{l.channels},
		Data: make([]byte, 4*l.channels),
	}
	if n.Inputs[2] >= 0 {
		b.Name = g.Tensors[n.Inputs[2]].Name
	}
	rounded := &layer{
		weights: make([]float32, len(l.weights)), bias: make([]float32, l.channels), channels: l.channels, depthwise: l.depthwise,
		groups: l.groups,
	}
	for i, v := range l.weights {
		scale := scales[l.channel(i)]
		q := l.round(v, scale)
		w.Data[i] = byte(q)
		rounded.weights[i] = float32(q) * scale
	}
	for o, v := range bias {
		step := float64(in.Scale) * float64(scales[o])
		q := math.Round(float64(v) / step)
		w.Quant = append(w.Quant, model.Quant{Scale: scales[o]})
		if !(math.Abs(q) <= math.MaxInt32) {
			return nil, fmt.Errorf("%s: the bias %g is too large for the scale %g of its output channel %d", place(g, node), v, scales[o], o)
		}
		b.Quant = append(b.Quant, model.Quant{Scale: float32(step)})
		binary.LittleEndian.PutUint32(b.Data[4*o:], uint32(int32(q)))
		rounded.bias[o] = float32(q * step)
	}
	g.Tensors = append(g.Tensors, w, b)
	n.Inputs = []int{n.Inputs[0], len(g.Tensors) - 2, len(g.Tensors) - 1}
	return rounded, nil
}
