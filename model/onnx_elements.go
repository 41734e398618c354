package model

import (
	"fmt"
	"math"
	"slices"
)

// Operations on each element. What can become a part of the layer before does.

// producer returns the node that computes v, input i of n, if v is read once only and nothing has been fused into the
// node: then what follows can become a part of it.
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
	case Sub:
		return node, op.Activation == None
	case Mul:
		return node, op.Activation == None
	}
	return nil, false
}

// absorb makes v, whose node has taken n in, the output of n.
func (r *onnxReader) absorb(n *onnxNode, v value) {
	r.g.Tensors[v.tensor].Name = n.outputs[0]
	r.g.Tensors[v.tensor].Quant = nil // of what was there before
	r.values[n.outputs[0]] = v
}

// unary reads an operation that is one here, too.
func unary(op Op) func(r *onnxReader, n *onnxNode) error {
	return func(r *onnxReader, n *onnxNode) error {
		v, err := r.activation(n, 0)
		if err != nil {
			return err
		}
		return r.emitLike(n, v, op, v.tensor)
	}
}

func (r *onnxReader) relu(n *onnxNode) error { return r.fuse(n, Relu) }

// fuse makes an activation a part of the operation before it, if it can be, else an operation of its own.
func (r *onnxReader) fuse(n *onnxNode, a Activation) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	node, ok := r.producer(n, 0, v)
	if !ok {
		return r.emitLike(n, v, Rectifier{a}, v.tensor)
	}
	node.Op = withActivation(node.Op, a)
	r.absorb(n, v)
	return nil
}

// withActivation is op with another fused activation.
func withActivation(op Op, a Activation) Op {
	switch op := op.(type) {
	case Conv2D:
		op.Activation = a
		return op
	case DepthwiseConv2D:
		op.Activation = a
		return op
	case FullyConnected:
		op.Activation = a
		return op
	case Add:
		op.Activation = a
		return op
	case Sub:
		op.Activation = a
		return op
	case Mul:
		op.Activation = a
		return op
	}
	return op
}

func (r *onnxReader) leakyRelu(n *onnxNode) error {
	return unary(LeakyRelu{Alpha: n.float("alpha", 0.01)})(r, n)
}

func (r *onnxReader) pRelu(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	given, err := r.channelConstants(n, 1, v)
	if err != nil {
		return err
	}
	var data []byte
	for _, alpha := range given {
		data = appendFloat32(data, float32(alpha))
	}
	alpha, err := r.weightsTensor(n.outputs[0]+"/alpha", data, []int{len(given)}, func(i int) int { return i })
	if err != nil {
		return err
	}
	return r.emitLike(n, v, PRelu{}, v.tensor, alpha)
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
		if len(data) == 4 {
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
	// Any other range from 0 or −h on is one of those, if what is before is made smaller, and what is behind larger.
	a, top := Relu6, float64(hi)/6
	switch {
	case lo == -hi && hi > 0 && !unbounded:
		a, top = ReluN1To1, float64(hi)
	case lo != 0 || !(hi > 0) || unbounded:
		return fmt.Errorf("to %g…%g: only ranges that begin with 0 or are as wide on both sides are supported", lo, hi)
	}
	return r.between(n, a, 1/top, 0, top)
}

// between computes top · a(factor · x + offset).
func (r *onnxReader) between(n *onnxNode, a Activation, factor, offset, top float64) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	if err := r.scaled(n, v, []float64{factor}, []float64{offset}); err != nil {
		return err
	}
	v = r.values[n.outputs[0]]
	r.g.Nodes[v.node].Op = Add{a}
	return r.emitConstant(n, v, Mul{}, []float64{top}, false)
}

// hardSigmoid is max(0, min(1, α·x + β)), so relu6(6α·x + 6β) / 6.
func (r *onnxReader) hardSigmoid(n *onnxNode) error {
	alpha, beta := float64(n.float("alpha", 0.2)), float64(n.float("beta", 0.5))
	if math.Abs(alpha-1./6) < 1e-4 { // files round it
		alpha = 1. / 6
	}
	return r.between(n, Relu6, 6*alpha, 6*beta, 1./6)
}

// batchNormalization is y = (x − mean) / √(variance + ε) · scale + shift.
func (r *onnxReader) batchNormalization(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	if n.integer("training_mode", 0) != 0 {
		return fmt.Errorf("it is in training mode: export the network in evaluation mode (model.eval())")
	}
	if len(v.dims) < 2 {
		return fmt.Errorf("an input of %s", shapeString(v.shape()))
	}
	channels := v.dims[1].size
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
	dims := make([]int, len(v.dims))
	for i := range dims {
		dims[i] = 1
	}
	dims[1] = channels
	if factor, err = r.byChannel(v, dims, factor); err != nil {
		return err
	}
	return r.scaled(n, v, factor, offset)
}

// byChannel returns constants of these dimensions as one value for all elements of v, or one for each of the channels of
// its tensor.
func (r *onnxReader) byChannel(v value, dims []int, given []float64) ([]float64, error) {
	if len(given) == 1 {
		return given, nil
	}
	shape := r.g.Tensors[v.tensor].Shape
	channels := 1
	if len(shape) > 0 {
		channels = shape[len(shape)-1]
	}
	along := -1
	for i, d := range dims {
		at := i + len(v.dims) - len(dims)
		switch {
		case d == 1:
		case at < 0 || along >= 0 || v.dims[at].size != d:
			along = len(v.dims)
		default:
			along = at
		}
	}
	if along < 0 || along >= len(v.dims) || !slices.Equal(v.dims[along].strides, []stride{{channels, 1}}) {
		return nil, fmt.Errorf("a constant of %s with an input of %s: only one value, or one for each channel, is supported",
			shapeString(dims), shapeString(v.shape()))
	}
	return given, nil
}

// scaled makes n's output factor · v + offset, one value for all or one for each channel. foldArithmetic makes parts of
// layers of it.
func (r *onnxReader) scaled(n *onnxNode, v value, factor, offset []float64) error {
	if err := r.emitConstant(n, v, Mul{}, factor, false); err != nil {
		return err
	}
	return r.emitConstant(n, r.values[n.outputs[0]], Add{}, offset, false)
}

// emitConstant is emitLike for an operation on v and a constant, which may come first.
func (r *onnxReader) emitConstant(n *onnxNode, v value, op Op, given []float64, first bool) error {
	var data []byte
	for _, c := range given {
		data = appendFloat32(data, float32(c))
	}
	c, err := r.weightsTensor(n.outputs[0]+"/constant", data, []int{len(given)}, func(i int) int { return i })
	if err != nil {
		return err
	}
	if first {
		return r.emitLike(n, v, op, c, v.tensor)
	}
	return r.emitLike(n, v, op, v.tensor, c)
}

func (r *onnxReader) add(n *onnxNode) error { return r.arithmetic(n, Add{}) }
func (r *onnxReader) sub(n *onnxNode) error { return r.arithmetic(n, Sub{}) }
func (r *onnxReader) mul(n *onnxNode) error { return r.arithmetic(n, Mul{}) }
func (r *onnxReader) div(n *onnxNode) error { return r.arithmetic(n, Div{}) }

// arithmetic reads an operation of two activations, or of one and a constant.
func (r *onnxReader) arithmetic(n *onnxNode, op Op) error {
	for i := range 2 {
		if r.constants[r.root(n.input(1-i))] != nil {
			return r.withConstant(n, i, op)
		}
	}
	if op == (Div{}) {
		return fmt.Errorf("a division of two images isn't supported: %s", buildOtherwise)
	}
	return r.binary(n, op)
}

// withConstant reads an operation of input i and a constant.
func (r *onnxReader) withConstant(n *onnxNode, i int, op Op) error {
	v, err := r.activation(n, i)
	if err != nil {
		return err
	}
	given, err := r.channelConstants(n, 1-i, v)
	if err != nil {
		return err
	}
	nothing := 0. // leaves the other operand as it is
	switch op.(type) {
	case Div:
		if i == 1 {
			return fmt.Errorf("a constant divided by an image isn't supported")
		}
		op = Mul{}
		for k, c := range given {
			given[k] = 1 / c
		}
		nothing = 1
	case Mul:
		nothing = 1
	}
	for k, c := range given {
		if math.IsNaN(c) || math.Abs(c) > math.MaxFloat32 {
			return fmt.Errorf("the constant at %d makes %g of it", k, c)
		}
	}
	if _, difference := op.(Sub); slices.Min(given) == nothing && slices.Max(given) == nothing && (!difference || i == 0) {
		if r.uses[r.root(n.input(i))] != 1 {
			v.node = -1
		}
		r.values[n.outputs[0]] = v
		return nil
	}
	return r.emitConstant(n, v, op, given, i == 1)
}

// channelConstants are the constant at input i of n: one value for all elements of v, or one for each channel.
func (r *onnxReader) channelConstants(n *onnxNode, i int, v value) ([]float64, error) {
	t, err := r.constant(n, i)
	if err != nil || t == nil {
		return nil, fmt.Errorf("its input %d isn't constant", i)
	}
	if !t.isFloat() {
		if t, err = foldCast(r, &onnxNode{}, []*onnxTensor{t}); err != nil {
			return nil, err
		}
	}
	data, err := t.floats()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(n.input(i)), err)
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("a constant of %s", shapeString(t.dims))
	}
	given := make([]float64, len(data)/4)
	for k := range given {
		given[k] = float64(float32At(data, k))
	}
	if slices.Min(given) == slices.Max(given) && len(t.dims) <= len(v.dims) {
		given = given[:1]
	}
	return r.byChannel(v, t.dims, given)
}

// binary emits an operation of two activations: of one shape, or the smaller repeated.
func (r *onnxReader) binary(n *onnxNode, op Op) error {
	a, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	b, err := r.activation(n, 1)
	if err != nil {
		return err
	}
	shape, err := broadcast(a.shape(), b.shape())
	if err != nil {
		return err
	}
	large := a
	if Elements(a.shape()) < Elements(b.shape()) {
		large = b
	}
	if Elements(large.shape()) != Elements(shape) {
		return fmt.Errorf("inputs of %s and %s, both of which are repeated, aren't supported",
			shapeString(a.shape()), shapeString(b.shape()))
	}
	if slices.Equal(strides(a.dims), strides(b.dims)) && slices.Equal(a.shape(), b.shape()) &&
		slices.Equal(r.g.Tensors[a.tensor].Shape, r.g.Tensors[b.tensor].Shape) {
		return r.emitLike(n, a, op, a.tensor, b.tensor) // they lie alike, in whatever order
	}
	order, ok := large.order()
	if !ok {
		return fmt.Errorf("inputs of %s and %s lie in different orders", shapeString(a.shape()), shapeString(b.shape()))
	}
	var tensors []int
	for _, v := range []value{a, b} {
		for len(v.dims) < len(shape) {
			v.dims = append([]dimension{{size: 1}}, v.dims...)
		}
		t, err := r.lay(n, v, order)
		if err != nil {
			return err
		}
		tensors = append(tensors, t)
	}
	_, err = r.emit(n, order, op, tensors...)
	return err
}
