package teach

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"edge/model"
)

// head adds operations behind a backbone.
type head struct {
	model.Graph
	typ model.Type // of activations
}

// newHead begins with a copy of g; g's tensors and nodes keep their numbers.
func newHead(g *model.Graph) *head {
	h := &head{Graph: *g}
	h.Tensors, h.Nodes = slices.Clone(g.Tensors), slices.Clone(g.Nodes)
	h.Inputs = slices.Clone(g.Inputs)
	h.typ = g.Tensors[g.Inputs[0]].Type
	return h
}

func (h *head) tensor(name string, q model.Quant, shape ...int) int {
	h.Tensors = append(h.Tensors, model.Tensor{Name: "edge/" + name, Type: h.typ, Shape: shape, Quant: []model.Quant{q}})
	return len(h.Tensors) - 1
}

// constant is a single number.
func (h *head) constant(name string, number float32) int {
	t := h.tensor(name, model.Quant{Scale: number}, 1)
	h.Tensors[t].Data = []byte{1}
	return t
}

func (h *head) node(op model.Op, out int, in ...int) int {
	h.Nodes = append(h.Nodes, model.Node{Op: op, Inputs: in, Outputs: []int{out}})
	return out
}

// quant is a quantization whose zero point is given for s8, and so much more for u8.
func (h *head) quant(scale float32, zero int32) model.Quant {
	if h.typ == model.Uint8 {
		zero += 128
	}
	return model.Quant{Scale: scale, ZeroPoint: zero}
}

func (h *head) softmax(in int, beta float32, name string) int {
	out := h.tensor(name, h.quant(1./256, -128), h.Tensors[in].Shape...)
	return h.node(model.Softmax{Beta: beta}, out, in)
}

// unit is a layer's features at unit length, 1×channels, in steps of 1/128. A value above the layer's range is clipped,
// and textures are bent: see span.
func (h *head) unit(l layer, s span) int {
	in := l.tensor
	if l.name == "opinion" {
		in = h.softmax(in, 0.5, l.name)
		if shape := h.Tensors[in].Shape; len(shape) != 2 {
			flat := h.tensor(l.name+"/flat", h.Tensors[in].Quant[0], 1, l.channels)
			in = h.node(model.Reshape{}, flat, in)
		}
	} else {
		scale := s.step() / rawSteps * h.Tensors[in].Quant[0].Scale
		mean := h.tensor(l.name+"/mean", h.quant(scale, s.zero()-128), 1, l.channels)
		in = h.node(model.Mean{Axes: []int{1, 2}}, mean, in)
		if s.bend > 0 {
			// The bytes stay, and what a step stands for changes.
			bends := h.tensor(l.name+"/bends", h.quant(s.bends(), s.zero()-128), 1, l.channels)
			in = h.node(model.Mul{}, bends, in, h.constant(l.name+"/factor", s.bends()/scale))
			in = h.node(model.Tanh{}, h.tensor(l.name+"/bent", h.quant(1./128, 0), 1, l.channels), in)
		}
	}
	return h.node(model.L2Normalization{}, h.tensor(l.name+"/unit", h.quant(1./128, 0), 1, l.channels), in)
}

// concat puts units side by side.
func (h *head) concat(units []int, name string) int {
	if len(units) == 1 {
		return units[0]
	}
	width := 0
	for _, u := range units {
		width += h.Tensors[u].Shape[1]
	}
	return h.node(model.Concatenation{Axis: 1}, h.tensor(name, h.quant(1./128, 0), 1, width), units...)
}

// dense is a fully connected layer: weights[o] are those of output o.
func (h *head) dense(in int, weights [][]float32, out model.Quant, name string) int {
	largest := float32(0)
	for _, row := range weights {
		for _, w := range row {
			largest = max(largest, float32(math.Abs(float64(w))))
		}
	}
	scale := max(largest, 1e-6) / 127
	var data []byte
	for _, row := range weights {
		// What rounding takes from one weight is given to the next: features are all positive, so that errors that add up
		// would count.
		rest := float32(0)
		for _, w := range row {
			steps := w/scale + rest
			q := int32(min(max(math.Round(float64(steps)), -127), 127))
			rest = steps - float32(q)
			if h.typ == model.Uint8 {
				q += 128
			}
			data = append(data, byte(q))
		}
	}
	units, depth := len(weights), len(weights[0])
	zero := int32(0)
	if h.typ == model.Uint8 {
		zero = 128
	}
	h.Tensors = append(h.Tensors, model.Tensor{
		Name: "edge/" + name + "/weights", Type: h.typ, Shape: []int{units, depth},
		Quant: []model.Quant{{Scale: scale, ZeroPoint: zero}}, Data: data,
	})
	w := len(h.Tensors) - 1
	bias := make([]byte, 4*units)
	for o := range units {
		binary.LittleEndian.PutUint32(bias[4*o:], 0)
	}
	h.Tensors = append(h.Tensors, model.Tensor{
		Name: "edge/" + name + "/bias", Type: model.Int32, Shape: []int{units},
		Quant: []model.Quant{{Scale: scale * h.Tensors[in].Quant[0].Scale}}, Data: bias,
	})
	return h.node(model.FullyConnected{}, h.tensor(name, out, 1, units), in, w, w+1)
}

// finish leaves only what the outputs need.
func (h *head) finish(outputs []int) (*model.Graph, error) {
	needed := make([]bool, len(h.Tensors))
	for _, t := range outputs {
		needed[t] = true
	}
	var nodes []model.Node
	for _, n := range slices.Backward(h.Nodes) {
		if !needed[n.Outputs[0]] {
			continue
		}
		for _, t := range n.Inputs {
			if t >= 0 {
				needed[t] = true
			}
		}
		nodes = append(nodes, n)
	}
	slices.Reverse(nodes)
	h.Nodes, h.Outputs = nodes, outputs
	h.Labels = nil
	if err := h.Check(); err != nil {
		return nil, fmt.Errorf("its features can't be had: %w", err)
	}
	return &h.Graph, nil
}
