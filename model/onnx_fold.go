package model

import (
	"encoding/binary"
	"fmt"
	"math"
)

// What becomes a part of the layer before it.

// producer returns the node that computes v, if v is read once only and nothing has been fused into the node: then
// what follows can become a part of it.
func (r *onnxReader) producer(n *onnxNode, i int, v value) (*Node, bool) {
	if v.node < 0 || r.uses[r.root(n.input(i))] != 1 {
		return nil, false
	}
	node := &r.g.Nodes[v.node]
	switch op := node.Op.(type) {
	case Conv2D:
		return node, op.Activation == None
	case DepthwiseConv2D:
		return node, op.Activation == None
	case FullyConnected:
		return node, op.Activation == None
	case Add:
		return node, op.Activation == None
	}
	return nil, false
}

// absorb makes v, whose node has taken n in, the output of n.
func (r *onnxReader) absorb(n *onnxNode, v value) {
	r.g.Tensors[v.tensor].Name = n.outputs[0]
	r.values[n.outputs[0]] = v
}

func (r *onnxReader) fuse(n *onnxNode, a Activation) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	node, ok := r.producer(n, 0, v)
	if !ok {
		return fmt.Errorf("an activation is only supported right after a convolution, an addition, a fully connected " +
			"layer or a batch normalization whose output nothing else uses")
	}
	switch op := node.Op.(type) {
	case Conv2D:
		op.Activation = a
		node.Op = op
	case DepthwiseConv2D:
		op.Activation = a
		node.Op = op
	case FullyConnected:
		op.Activation = a
		node.Op = op
	case Add:
		op.Activation = a
		node.Op = op
	}
	r.absorb(n, v)
	return nil
}

func (r *onnxReader) clip(n *onnxNode) error {
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	lo, hi = n.float("min", lo), n.float("max", hi) // as before operator set 11: tools that raise the number leave it
	for i, bound := range []*float32{&lo, &hi} {
		data, _, err := r.floats(n, 1+i)
		if err != nil {
			return err
		}
		if len(data) > 4 {
			return fmt.Errorf("bounds of %d elements", len(data)/4)
		}
		if data != nil {
			*bound = float32s(data)[0]
		}
	}
	unbounded := float64(hi) >= math.MaxFloat32
	switch {
	case lo == 0 && hi == 6:
		return r.fuse(n, Relu6)
	case lo == 0 && unbounded:
		return r.fuse(n, Relu)
	case lo == -1 && hi == 1:
		return r.fuse(n, ReluN1To1)
	}
	return fmt.Errorf("to %g…%g: only 0…6, 0…∞ and −1…1 are supported", lo, hi)
}

// batchNormalization folds y = (x − mean) / √(variance + ε) · scale + shift into the weights before it. Where there
// are none, it becomes a depthwise convolution of 1×1.
func (r *onnxReader) batchNormalization(n *onnxNode) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	if n.integer("training_mode", 0) != 0 {
		return fmt.Errorf("it is in training mode: export the network in evaluation mode (model.eval())")
	}
	shape := r.g.Tensors[v.tensor].Shape
	channels := 1
	if len(shape) > 0 {
		channels = shape[len(shape)-1]
	}
	var p [4][]float32 // scale, shift, mean, variance
	for i := range p {
		data, _, err := r.floats(n, 1+i)
		if err != nil {
			return err
		}
		if len(data) != 4*channels {
			return fmt.Errorf("%d values in %s for %d channels", len(data)/4, printable(n.input(1+i)), channels)
		}
		p[i] = float32s(data)
	}
	factor, offset := make([]float64, channels), make([]float64, channels)
	for c := range channels {
		variance := float64(p[3][c]) + float64(n.float("epsilon", 1e-5))
		if !(variance > 0) {
			return fmt.Errorf("the variance of channel %d is %g", c, p[3][c])
		}
		factor[c] = float64(p[0][c]) / math.Sqrt(variance)
		offset[c] = float64(p[1][c]) - float64(p[2][c])*factor[c]
	}
	if node, ok := r.producer(n, 0, v); ok && hasWeights(node.Op) {
		r.absorb(n, v)
		return r.scaleWeights(node, n.outputs[0], factor, offset)
	}
	if len(shape) != 4 {
		return fmt.Errorf("a batch normalization of %s that doesn't follow a convolution or a fully connected layer "+
			"isn't supported", shapeString(shape))
	}
	var data, bias []byte
	for c := range channels {
		data, bias = appendFloat32(data, float32(factor[c])), appendFloat32(bias, float32(offset[c]))
	}
	inOrder := func(i int) int { return i }
	w, err := r.weightsTensor(n.outputs[0]+"/scale", data, []int{1, 1, 1, channels}, inOrder)
	if err != nil {
		return err
	}
	b, err := r.weightsTensor(n.outputs[0]+"/shift", bias, []int{channels}, inOrder)
	if err != nil {
		return err
	}
	_, err = r.emit(n, DepthwiseConv2D{Window: Window{1, 1, Valid}, Multiplier: 1}, v.tensor, w, b)
	return err
}

// scaleWeights multiplies what node computes by factor and adds offset, for each output channel.
func (r *onnxReader) scaleWeights(node *Node, name string, factor, offset []float64) error {
	w := &r.g.Tensors[node.Inputs[1]]
	channel := func(i int) int { return i / (len(w.Data) / 4 / len(factor)) } // OHWI and [O, K]
	if _, depthwise := node.Op.(DepthwiseConv2D); depthwise {
		channel = func(i int) int { return i % len(factor) } // 1HWO
	}
	for i := range len(w.Data) / 4 {
		scaleFloat32(w.Data[4*i:], factor[channel(i)], 0)
	}
	if err := r.ensureBias(node, name); err != nil {
		return err
	}
	bias := r.g.Tensors[node.Inputs[2]].Data
	for c := range factor {
		scaleFloat32(bias[4*c:], factor[c], offset[c])
	}
	return nil
}

func scaleFloat32(b []byte, factor, offset float64) {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v*factor+offset)))
}

// ensureBias gives node a bias of zeros if it has none.
func (r *onnxReader) ensureBias(node *Node, name string) error {
	if node.Inputs[2] >= 0 {
		return nil
	}
	shape := r.g.Tensors[node.Outputs[0]].Shape
	bias, err := r.biasTensor(name+"/bias", make([]byte, 4), shape[len(shape)-1], 1)
	node.Inputs[2] = bias
	return err
}

func (r *onnxReader) add(n *onnxNode) error {
	for i := range 2 {
		if name := r.root(n.input(1 - i)); r.constants[name] != nil {
			return r.addBias(n, i)
		}
	}
	a, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	b, err := r.plain(n, 1)
	if err != nil {
		return err
	}
	if ranks := len(r.g.Tensors[a.tensor].Shape); ranks != len(r.g.Tensors[b.tensor].Shape) {
		return fmt.Errorf("inputs of %d and %d dimensions", ranks, len(r.g.Tensors[b.tensor].Shape))
	}
	_, err = r.emit(n, Add{}, a.tensor, b.tensor)
	return err
}

// addBias adds a constant to the bias of what computes input i.
func (r *onnxReader) addBias(n *onnxNode, i int) error {
	v, err := r.plain(n, i)
	if err != nil {
		return err
	}
	data, dims, err := r.floats(n, 1-i)
	if err != nil {
		return err
	}
	node, ok := r.producer(n, i, v)
	if !ok || !hasWeights(node.Op) {
		return fmt.Errorf("adding a constant is only supported right after a convolution or a fully connected layer")
	}
	shape := r.g.Tensors[v.tensor].Shape
	channels := shape[len(shape)-1]
	trailing := 0 // dimensions behind the channels, in the file
	if len(shape) == 4 {
		trailing = 2
	}
	at := len(dims) - 1 - trailing // of the channels
	if n := len(data) / 4; n != 1 && (n != channels || at < 0 || dims[at] != channels) {
		return fmt.Errorf("a constant of %s is added to %d channels: only one value, or one for each, is supported",
			shapeString(dims), channels)
	}
	r.absorb(n, v)
	if err := r.ensureBias(node, n.outputs[0]); err != nil {
		return err
	}
	bias, given := r.g.Tensors[node.Inputs[2]].Data, float32s(data)
	for c := range channels {
		scaleFloat32(bias[4*c:], 1, float64(given[c%len(given)]))
	}
	return nil
}
