package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// foldArithmetic makes sums, differences, products and quotients of an activation and a constant parts of layers: a
// float32 network, as trained, has them from normalizations that weren't folded. A constant is one number, or one for each
// channel. It becomes a part of the weights of the layer before, if only this node reads that and nothing is fused into it
// yet; else a depthwise layer of 1×1. What isn't of that kind stays. The graph must be sound.
func (g *Graph) foldArithmetic() {
	scaled := make([]affine, len(g.Nodes)) // what is left to do with the layer at each node, once
	left := sharingAllowance               // bytes of constants for layers of their own, many of which may come from one
	for i := 0; i < len(g.Nodes); i++ {
		n := &g.Nodes[i]
		x, by, ok := g.linear(n)
		if !ok {
			continue
		}
		a := fusedArithmetic(n.Op)
		if before, last := g.layerBefore(x); before >= 0 {
			scaled[before].do(by)
			g.Nodes[before].Op = withActivation(g.Nodes[before].Op, a)
			g.Nodes[last].Outputs = n.Outputs
			g.Nodes, scaled = slices.Delete(g.Nodes, i, i+1), slices.Delete(scaled, i, i+1)
			i--
			continue
		}
		shape := g.Tensors[x].Shape
		channels := shape[len(shape)-1]
		if left -= 8 * channels; left < 0 {
			break
		}
		own := affine{make([]float64, channels), make([]float64, channels)}
		for c := range channels {
			own.factor[c], own.offset[c] = by.at(c)
		}
		name := g.Tensors[n.Outputs[0]].Name
		layer := Node{Op: DepthwiseConv2D{Window{1, 1, Valid}, 1, a}, Name: n.Name, Outputs: n.Outputs, Inputs: []int{
			x, g.floatConstant(name+"/scale", own.factor, 1, 1, 1, channels), g.floatConstant(name+"/shift", own.offset, channels),
		}}
		if len(shape) == 4 && shape[0] == 1 {
			g.Nodes[i] = layer
			continue
		}
		image := []int{1, 1, Elements(shape) / channels, channels} // a layer takes nothing else
		layer.Inputs[0], layer.Outputs = g.activation(name+"/image", image), []int{g.activation(name+"/scaled", image)}
		g.Nodes = slices.Replace(g.Nodes, i, i+1, Node{Op: Reshape{}, Inputs: []int{x}, Outputs: []int{layer.Inputs[0]}}, layer,
			Node{Op: Reshape{}, Inputs: slices.Clone(layer.Outputs), Outputs: n.Outputs})
		scaled = slices.Insert(scaled, i, affine{}, affine{})
		i += 2
	}
	for i, by := range scaled {
		if by.factor != nil {
			g.scaleLayer(&g.Nodes[i], by)
		}
	}
}

// affine is factor · x + offset, one of each for all channels or one for each; nil for x itself.
type affine struct{ factor, offset []float64 }

// do appends what a node does.
func (a *affine) do(by linear) {
	if a.factor == nil {
		a.factor, a.offset = []float64{1}, []float64{0}
	}
	for len(a.factor) == 1 && len(a.factor) < by.channels {
		a.factor, a.offset = slices.Repeat(a.factor, by.channels), slices.Repeat(a.offset, by.channels)
	}
	for i := range a.factor {
		factor, offset := by.at(i)
		a.factor[i], a.offset[i] = factor*a.factor[i], factor*a.offset[i]+offset
	}
}

// linear is what a node does with an activation: factor · x + offset, for each of so many channels, or for all.
type linear struct {
	channels int
	at       func(channel int) (factor, offset float64)
}

// linear says what a node does with its activation x, if it is an operation with a constant.
func (g *Graph) linear(n *Node) (x int, by linear, ok bool) {
	var of [2]func(c float64) (factor, offset float64) // with the constant second, first
	switch n.Op.(type) {
	case Add:
		of[0] = func(c float64) (float64, float64) { return 1, c }
		of[1] = of[0]
	case Sub:
		of[0] = func(c float64) (float64, float64) { return 1, -c }
		of[1] = func(c float64) (float64, float64) { return -1, c }
	case Mul:
		of[0] = func(c float64) (float64, float64) { return c, 0 }
		of[1] = of[0]
	case Div:
		of[0] = func(c float64) (float64, float64) { return 1 / c, 0 }
	default:
		return 0, by, false
	}
	for k, f := range of {
		c, shape := &g.Tensors[n.Inputs[1-k]], g.Tensors[n.Inputs[k]].Shape
		if c.Data == nil || f == nil || c.Type != Float32 || len(shape) == 0 {
			continue
		}
		channels, given := shape[len(shape)-1], len(c.Data)/4
		perChannel := len(c.Shape) > 0 && c.Shape[len(c.Shape)-1] == channels && given == channels
		if given != 1 && !perChannel || !slices.Equal(g.Tensors[n.Outputs[0]].Shape, shape) {
			continue
		}
		by = linear{given, func(channel int) (float64, float64) { return f(float64(float32At(c.Data, channel%given))) }}
		for i := range given {
			a, b := by.at(i)
			if v := a + b; math.IsNaN(v) || math.Abs(v) > math.MaxFloat32 {
				return 0, by, false
			}
		}
		return n.Inputs[k], by, true
	}
	return 0, by, false
}

// layerBefore is the layer that computes x, and the node that makes x of what that computes: the same, or a Reshape. layer
// is −1 if there is none, if other nodes read it, or if something is fused into it.
func (g *Graph) layerBefore(x int) (layer, last int) {
	last = g.onlyComputed(x)
	if layer = last; layer < 0 {
		return -1, -1
	}
	if _, ok := g.Nodes[layer].Op.(Reshape); ok {
		from := g.Nodes[layer].Inputs[0]
		a, b := g.Tensors[x].Shape, g.Tensors[from].Shape
		if layer = g.onlyComputed(from); layer < 0 || len(a) == 0 || len(b) == 0 || a[len(a)-1] != b[len(b)-1] {
			return -1, -1
		}
	}
	if !hasWeights(g.Nodes[layer].Op) {
		return -1, -1
	}
	if a, _ := fusedLayer(g.Nodes[layer].Op); a != None {
		return -1, -1
	}
	return layer, last
}

// onlyComputed is the node that computes x, if one node reads that and it is no output of the network; else −1.
func (g *Graph) onlyComputed(x int) int {
	node, readers := -1, 0
	for k := range g.Nodes {
		if slices.Contains(g.Nodes[k].Inputs, x) {
			readers++
		}
		if g.Nodes[k].Outputs[0] == x {
			node = k
		}
	}
	if readers != 1 || slices.Contains(g.Outputs, x) {
		return -1
	}
	return node
}

// scaleLayer does by with what a layer computes, for each output channel. Its weights and its bias become tensors of their
// own.
func (g *Graph) scaleLayer(n *Node, by affine) {
	factor, offset := by.factor, by.offset
	if shape := g.Tensors[n.Outputs[0]].Shape; len(factor) == 1 {
		channels := shape[len(shape)-1]
		factor, offset = slices.Repeat(factor, channels), slices.Repeat(offset, channels)
	}
	old := g.Tensors[n.Inputs[1]]
	weights := make([]float64, len(old.Data)/4)
	for i := range weights {
		channel := i / (len(weights) / len(factor)) // OHWI and [O, K]
		if _, depthwise := n.Op.(DepthwiseConv2D); depthwise {
			channel = i % len(factor) // 1HWO
		}
		weights[i] = float64(float32At(old.Data, i)) * factor[channel]
	}
	bias := slices.Clone(offset)
	if b := n.Inputs[2]; b >= 0 {
		for i := range bias {
			bias[i] += float64(float32At(g.Tensors[b].Data, i)) * factor[i]
		}
	}
	w := g.floatConstant(old.Name, weights, old.Shape...)
	if slices.ContainsFunc(factor, func(f float64) bool { return f != 1 }) {
		old.Quant = nil
	}
	g.Tensors[w].Quant, g.Tensors[w].Axis = old.Quant, old.Axis
	n.Inputs = []int{n.Inputs[0], w, g.floatConstant(g.Tensors[n.Outputs[0]].Name+"/bias", bias, len(bias))}
}

func (g *Graph) floatConstant(name string, values []float64, shape ...int) int {
	t := Tensor{Name: name, Type: Float32, Shape: shape, Data: make([]byte, 0, 4*len(values))}
	for _, v := range values {
		t.Data = appendFloat32(t.Data, float32(v))
	}
	g.Tensors = append(g.Tensors, t)
	return len(g.Tensors) - 1
}

func (g *Graph) activation(name string, shape []int) int {
	g.Tensors = append(g.Tensors, Tensor{Name: name, Type: Float32, Shape: shape})
	return len(g.Tensors) - 1
}

// readFloatTFLite is readTFLite for a network to be quantized: weights of float16, and such as are quantized while the
// activations aren't (dynamic range), become float32. How they were quantized stays in their Quant.
func readFloatTFLite(b []byte) (*Graph, error) {
	g, err := readTFLiteAs(b, true)
	if err != nil {
		return nil, err
	}
	g.foldArithmetic()
	if err := g.check(); err != nil {
		return nil, err
	}
	g.dropUnused()
	return g, nil
}

// halves makes float32 numbers of float16 ones.
func (r *tfliteReader) halves(data []byte) ([]byte, error) {
	if err := r.make(2 * len(data)); err != nil {
		return nil, err
	}
	out := make([]byte, 0, 2*len(data))
	for i := 0; i+2 <= len(data); i += 2 {
		out = appendFloat32(out, float16(binary.LittleEndian.Uint16(data[i:])))
	}
	return out, nil
}

// make counts bytes of weights that are made of those of the file.
func (r *tfliteReader) make(bytes int) error {
	r.made += bytes
	if r.made > 8*len(r.bytes)+sharingAllowance {
		return fmt.Errorf("damaged file: its tensors use more weights than it has")
	}
	return nil
}

// dequantize makes a quantized constant float32.
func (r *tfliteReader) dequantize(t *Tensor) error {
	if t.Type == Float32 || t.Data == nil {
		return nil
	}
	if t.Type != Int8 && t.Type != Uint8 {
		return fmt.Errorf("%s of type %v can't become float32", printable(t.Name), t.Type)
	}
	if err := t.checkConstant(weights); err != nil {
		return err
	}
	if err := r.make(4 * len(t.Data)); err != nil {
		return err
	}
	inner := 1
	if len(t.Quant) > 1 {
		inner = Elements(t.Shape[t.Axis+1:])
	}
	data := make([]byte, 0, 4*len(t.Data))
	for i, b := range t.Data {
		code := int32(int8(b))
		if t.Type == Uint8 {
			code = int32(b)
		}
		data = appendFloat32(data, t.Quant[i/inner%len(t.Quant)].Real(code))
	}
	if t.Type == Uint8 { // the same numbers, counted from −128
		t.Quant = slices.Clone(t.Quant)
		for i := range t.Quant {
			t.Quant[i].ZeroPoint -= 128
		}
	}
	t.Type, t.Data = Float32, data
	return nil
}

// floatWeights makes the weights of layers float32 whose activations are.
func (r *tfliteReader) floatWeights() error {
	for i := range r.g.Nodes {
		n := &r.g.Nodes[i]
		if !hasWeights(n.Op) || len(n.Inputs) < 2 || !r.holds(n.Inputs[0]) || !r.holds(n.Inputs[1]) || r.g.Tensors[n.Inputs[0]].Type != Float32 {
			continue
		}
		if err := r.dequantize(&r.g.Tensors[n.Inputs[1]]); err != nil {
			return fmt.Errorf("%s: %w", r.g.nodePlace(i), err)
		}
	}
	return nil
}

func (r *tfliteReader) holds(tensor int) bool { return tensor >= 0 && tensor < len(r.g.Tensors) }
