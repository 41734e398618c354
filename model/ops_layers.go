package model

import (
	"fmt"
	"math"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"edge/quant"
)

// Layers with weights. Their three inputs are an activation, the weights and the bias, −1 if there is none.
type (
	// Conv2D has an activation [N,H,W,C], weights [O,KH,KW,C/G] and a bias [O] (optional). If there is more than one group
	// G, the g-th O/G output channels read the g-th C/G input channels.
	Conv2D struct {
		Window
		Activation Activation
	}
	// DepthwiseConv2D has an activation [N,H,W,C], weights [1,KH,KW,C·Multiplier] and a bias (optional). Output channel
	// c·Multiplier+m reads input channel c.
	DepthwiseConv2D struct {
		Window
		Multiplier int
		Activation Activation
	}
	// FullyConnected has an activation (flattened to [N,K]), weights [O,K] and a bias [O] (optional).
	FullyConnected struct {
		Activation Activation
		KeepDims   bool
	}
)

func (Conv2D) op() string          { return "CONV_2D" }
func (DepthwiseConv2D) op() string { return "DEPTHWISE_CONV_2D" }
func (FullyConnected) op() string  { return "FULLY_CONNECTED" }

func readConv2D(o *operator) (Op, error) {
	a, err := o.activation(convActivation)
	if err != nil {
		return nil, err
	}
	if err := o.undilated(convDilationH, convDilationW); err != nil {
		return nil, err
	}
	w, err := o.window(convPadding, convStrideH, convStrideW)
	o.bias()
	return Conv2D{w, a}, err
}

func writeConv2D(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	op := n.Op.(Conv2D)
	w.StartObject(convSlots)
	w.window(op.Window, convPadding, convStrideH, convStrideW)
	w.activation(convActivation, op.Activation)
	return w.EndObject()
}

func versionConv2D(g *Graph, n *Node) int {
	if g.Tensors[n.Inputs[0]].Shape[3] != g.Tensors[n.Inputs[1]].Shape[3] {
		return 6
	}
	return 0
}

func checkConv2D(op Op) error { return checkWindow(op.(Conv2D).Window, 1, 1, op.(Conv2D).Activation) }

func shapeConv2D(g *Graph, n *Node) ([]int, error) {
	x, w := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Inputs[1]].Shape
	if len(x) != 4 || len(w) != 4 {
		return nil, fmt.Errorf("input %s and weights %s: both must have 4 dimensions", shapeString(x), shapeString(w))
	}
	if groups := x[3] / w[3]; x[3]%w[3] != 0 || w[0]%groups != 0 {
		return nil, fmt.Errorf("weights for %d input channels, but the input has %d: not so many groups of them that the "+
			"%d output channels can be dealt out to", w[3], x[3], w[0])
	}
	return n.Op.(Conv2D).slide(x, w[1], w[2], w[0])
}

func readDepthwise(o *operator) (Op, error) {
	a, err := o.activation(depthwiseActivation)
	if err != nil {
		return nil, err
	}
	if err := o.undilated(depthwiseDilationH, depthwiseDilationW); err != nil {
		return nil, err
	}
	w, err := o.window(depthwisePadding, depthwiseStrideH, depthwiseStrideW)
	o.bias()
	return DepthwiseConv2D{w, o.options.int32(depthwiseMultiplier, 0), a}, err
}

func writeDepthwise(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	op := n.Op.(DepthwiseConv2D)
	w.StartObject(depthwiseSlots)
	w.window(op.Window, depthwisePadding, depthwiseStrideH, depthwiseStrideW)
	w.PrependInt32Slot(depthwiseMultiplier, int32(op.Multiplier), 0)
	w.activation(depthwiseActivation, op.Activation)
	return w.EndObject()
}

func checkDepthwise(op Op) error {
	d := op.(DepthwiseConv2D)
	if d.Multiplier < 1 {
		return fmt.Errorf("a depth multiplier of %d", d.Multiplier)
	}
	return checkWindow(d.Window, 1, 1, d.Activation)
}

func shapeDepthwise(g *Graph, n *Node) ([]int, error) {
	op := n.Op.(DepthwiseConv2D)
	x, w := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Inputs[1]].Shape
	if len(x) != 4 || len(w) != 4 || w[0] != 1 {
		return nil, fmt.Errorf("input %s and weights %s: both must have 4 dimensions, the weights' first 1",
			shapeString(x), shapeString(w))
	}
	if w[3]%x[3] != 0 || w[3]/x[3] != op.Multiplier {
		return nil, fmt.Errorf("%d weights a place for %d input channels with a depth multiplier of %d",
			w[3], x[3], op.Multiplier)
	}
	return op.slide(x, w[1], w[2], w[3])
}

func readFullyConnected(o *operator) (Op, error) {
	a, err := o.activation(fullyConnectedAct)
	if err != nil {
		return nil, err
	}
	if format := o.options.byte(fullyConnectedFormat); format != 0 {
		return nil, fmt.Errorf("shuffled weights (format %d) aren't supported", format)
	}
	o.bias()
	return FullyConnected{a, o.options.bool(fullyConnectedKeepDims)}, nil
}

func writeFullyConnected(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	op := n.Op.(FullyConnected)
	w.StartObject(fullyConnectedSlots)
	w.activation(fullyConnectedAct, op.Activation)
	w.PrependBoolSlot(fullyConnectedKeepDims, op.KeepDims, false)
	return w.EndObject()
}

func versionFullyConnected(g *Graph, n *Node) int {
	switch {
	case len(g.Tensors[n.Inputs[1]].Quant) > 1:
		return 12
	case n.Inputs[2] == -1:
		return 6
	case n.Op.(FullyConnected).KeepDims:
		return 5
	}
	return 0
}

func checkFullyConnected(op Op) error { return checkFused(op.(FullyConnected).Activation) }

func shapeFullyConnected(g *Graph, n *Node) ([]int, error) {
	x, w, keepDims := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Inputs[1]].Shape, n.Op.(FullyConnected).KeepDims
	if len(w) != 2 {
		return nil, fmt.Errorf("weights of %s: they must have 2 dimensions", shapeString(w))
	}
	units, depth := w[0], w[1]
	if Elements(x)%depth != 0 || keepDims && (len(x) == 0 || x[len(x)-1] != depth) {
		return nil, fmt.Errorf("weights of %s don't fit an input of %s", shapeString(w), shapeString(x))
	}
	if keepDims {
		return append(slices.Clone(x[:len(x)-1]), units), nil
	}
	return []int{Elements(x) / depth, units}, nil
}

// bias makes an absent bias explicit.
func (o *operator) bias() {
	if len(o.inputs) == 2 {
		o.inputs = append(o.inputs, -1)
	}
}

// undilated refuses a dilation.
func (o *operator) undilated(slotH, slotW int) error {
	if h, w := o.options.int32(slotH, 1), o.options.int32(slotW, 1); h != 1 || w != 1 {
		return fmt.Errorf("a dilation of %d×%d isn't supported: only 1×1 is", h, w)
	}
	return nil
}

// fusedLayer is the activation fused into a layer, and the weights' dimension of the output channels.
func fusedLayer(op Op) (a Activation, channels int) {
	switch op := op.(type) {
	case Conv2D:
		return op.Activation, 0
	case DepthwiseConv2D:
		return op.Activation, 3
	}
	return op.(FullyConnected).Activation, 0
}

// checkWeights checks the operands of a layer.
func checkWeights(g *Graph, n *Node) error {
	x, w, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if err := sameType(x, y); err != nil {
		return err
	}
	fused, dimension := fusedLayer(n.Op)
	if err := checkClamp(fused, y); err != nil {
		return err
	}
	channels := w.Shape[dimension]
	if w.Type != x.Type {
		return fmt.Errorf("weights of type %v with an input of type %v: convert with full integer quantization",
			w.Type, x.Type)
	}
	if err := w.checkWeightQuant(dimension); err != nil {
		return fmt.Errorf("weights: %s: %w", g.tensorPlace(n.Inputs[1]), err)
	}
	if x.Type != Float32 {
		for i, q := range w.Quant {
			if _, err := LayerMultiplier(n.Op, x, q.Scale, y); err != nil {
				return fmt.Errorf("channel %d: %w", i, err)
			}
		}
	}
	if n.Inputs[2] == -1 {
		return nil
	}
	bias := &g.Tensors[n.Inputs[2]]
	if err := checkBias(x, w, bias, y, channels); err != nil {
		return fmt.Errorf("bias: %s: %w", g.tensorPlace(n.Inputs[2]), err)
	}
	return nil
}

// LayerMultiplier returns what brings a layer's accumulators, sums of products of x and weights of a scale, to y's scale. The
// reference rounds the product of the scales to float32 for u8 convolutions, but not for s8 ones, nor if the layer is
// fully connected; one step in some thousand outputs hangs on that. It fails if the multiplier isn't below 2^30.
func LayerMultiplier(op Op, x *Tensor, weights float32, y *Tensor) (quant.Multiplier, error) {
	product := float64(x.Quant[0].Scale) * float64(weights)
	if _, connected := op.(FullyConnected); x.Type == Uint8 && !connected {
		product = float64(x.Quant[0].Scale * weights)
	}
	m, err := quant.MultiplierOf(product / float64(y.Quant[0].Scale))
	if err != nil || m.Shift > 30 {
		return m, fmt.Errorf("the output's scale %g is too small for an input of %g and weights of %g",
			y.Quant[0].Scale, x.Quant[0].Scale, weights)
	}
	return m, nil
}

func (t *Tensor) checkWeightQuant(channels int) error {
	switch {
	case t.Type == Float32:
		return nil
	case len(t.Quant) == 1:
	case t.Type == Uint8:
		return fmt.Errorf("u8 weights have %d scales, not 1", len(t.Quant))
	case len(t.Quant) != t.Shape[channels]: // whichever dimension of that size the file says that they go along
		return fmt.Errorf("%d scales along dimension %d: one is needed, or one for each of the %d output channels",
			len(t.Quant), t.Axis, t.Shape[channels])
	}
	if t.Type == Int8 {
		for i, q := range t.Quant {
			if q.ZeroPoint != 0 {
				return fmt.Errorf("s8 weights have the zero point %d at %d, not 0", q.ZeroPoint, i)
			}
		}
	}
	return nil
}

func checkBias(x, w, bias, y *Tensor, channels int) error {
	want := Int32
	if x.Type == Float32 {
		want = Float32
	}
	switch {
	case bias.Type != want:
		return fmt.Errorf("type %v with an input of type %v: it must be %v", bias.Type, x.Type, want)
	case Elements(bias.Shape) != channels:
		return fmt.Errorf("%d elements for %d output channels", Elements(bias.Shape), channels)
	case want == Int32 && len(bias.Quant) != 1 && len(bias.Quant) != channels:
		return fmt.Errorf("%d scales for %d output channels", len(bias.Quant), channels)
	}
	for i, q := range bias.Quant {
		if q.ZeroPoint != 0 {
			return fmt.Errorf("the zero point %d at %d, not 0", q.ZeroPoint, i)
		}
	}
	if len(bias.Quant) == 1 && len(w.Quant) == 1 {
		product, scale := float64(x.Quant[0].Scale)*float64(w.Quant[0].Scale), float64(bias.Quant[0].Scale)
		if math.Abs(product-scale) > 0.02*float64(y.Quant[0].Scale) {
			return fmt.Errorf("its scale %g isn't the input's times the weights', %g", scale, product)
		}
	}
	return nil
}
