package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// What a graph may ask for. MobileNets stay far below.
const (
	maxRank            = 4
	maxNodes           = 1 << 12
	maxActivationBytes = 32 << 20
)

// Check proves that g is sound, so that whoever compiles it meets no surprise: indices are in range; each tensor is
// computed before it is read, and once; shapes, types and the numbers of scales fit each other; weights and biases are
// constant; scales are finite and positive. Tensors that nothing refers to are not looked at. What TensorFlow Lite
// checks when it prepares its kernels is checked here, the same way. ReadTFLite and ReadONNX return only graphs that
// pass.
func (g *Graph) Check() error {
	if err := g.check(); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (g *Graph) check() error {
	switch {
	case len(g.Inputs) == 0:
		return fmt.Errorf("the network has no input")
	case len(g.Outputs) == 0:
		return fmt.Errorf("the network has no output")
	case len(g.Nodes) == 0:
		return fmt.Errorf("the network has no operations")
	case len(g.Nodes) > maxNodes:
		return fmt.Errorf("%d operations: at most %d are supported", len(g.Nodes), maxNodes)
	}
	if g.Normalization != nil {
		if err := g.Normalization.check(); err != nil {
			return fmt.Errorf("normalization: %w", err)
		}
	}
	c := checker{g, make([]bool, len(g.Tensors))}
	for _, i := range g.Inputs {
		if err := c.input(i); err != nil {
			return fmt.Errorf("input: %w", err)
		}
	}
	for i := range g.Nodes {
		if err := c.node(&g.Nodes[i]); err != nil {
			return fmt.Errorf("%s: %w", g.nodePlace(i), err)
		}
	}
	return c.outputs()
}

// checker follows the order of execution.
type checker struct {
	g     *Graph
	ready []bool // of each tensor: its value exists by now
}

func (c *checker) input(i int) error {
	if err := c.define(i); err != nil {
		return err
	}
	if shape := c.g.Tensors[i].Shape; len(shape) > 1 && shape[0] != 1 {
		return fmt.Errorf("%s: a batch of %d: convert the network with a batch of 1", c.g.tensorPlace(i), shape[0])
	}
	return nil
}

func (c *checker) outputs() error {
	for k, i := range c.g.Outputs {
		switch {
		case i < 0 || i >= len(c.g.Tensors):
			return fmt.Errorf("output: there is no tensor %d", i)
		case !c.ready[i]:
			return fmt.Errorf("output: %s is never computed", c.g.tensorPlace(i))
		case slices.Contains(c.g.Inputs, i):
			return fmt.Errorf("output: %s is an input, too", c.g.tensorPlace(i))
		case slices.Contains(c.g.Outputs[:k], i):
			return fmt.Errorf("output: %s is listed twice", c.g.tensorPlace(i))
		}
	}
	return nil
}

// define marks an activation as computed from here on.
func (c *checker) define(i int) error {
	if i < 0 || i >= len(c.g.Tensors) {
		return fmt.Errorf("there is no tensor %d", i)
	}
	t := &c.g.Tensors[i]
	if err := t.checkActivation(); err != nil {
		return fmt.Errorf("%s: %w", c.g.tensorPlace(i), err)
	}
	if c.ready[i] {
		return fmt.Errorf("%s is computed twice", c.g.tensorPlace(i))
	}
	c.ready[i] = true
	return nil
}

func (c *checker) node(n *Node) error {
	if err := c.g.checkOptions(n.Op); err != nil {
		return err
	}
	if err := c.operands(n); err != nil {
		return err
	}
	if len(n.Outputs) != 1 {
		return fmt.Errorf("it has %d outputs, not 1", len(n.Outputs))
	}
	if err := c.define(n.Outputs[0]); err != nil {
		return err
	}
	shape, err := c.g.outputShape(n)
	if err != nil {
		return err
	}
	if y := &c.g.Tensors[n.Outputs[0]]; !slices.Equal(shape, y.Shape) {
		return fmt.Errorf("its output is %s, but the file says %s", shapeString(shape), shapeString(y.Shape))
	}
	return c.g.checkArithmetic(n)
}

// operands checks that each input of n exists and is what its place demands: weights and bias constant, everything else
// computed before.
func (c *checker) operands(n *Node) error {
	want, weighted := 1, hasWeights(n.Op)
	switch n.Op.(type) {
	case Conv2D, DepthwiseConv2D, FullyConnected:
		want = 3
	case Add:
		want = 2
	case Concatenation:
		want = max(len(n.Inputs), 1)
	}
	if len(n.Inputs) != want {
		return fmt.Errorf("it has %d inputs, not %d", len(n.Inputs), want)
	}
	for k, i := range n.Inputs {
		if weighted && k == 2 && i == -1 {
			continue // no bias
		}
		if i < 0 || i >= len(c.g.Tensors) {
			return fmt.Errorf("input %d: there is no tensor %d", k, i)
		}
		t := &c.g.Tensors[i]
		switch constant := weighted && k > 0; {
		case constant && t.Data == nil:
			return fmt.Errorf("%s has no data: weights and bias must be constant", c.g.tensorPlace(i))
		case constant:
			if err := t.checkConstant(); err != nil {
				return fmt.Errorf("%s: %w", c.g.tensorPlace(i), err)
			}
		case t.Data != nil:
			return fmt.Errorf("%s is constant: only weights and bias may be; fold it when converting",
				c.g.tensorPlace(i))
		case !c.ready[i]:
			return fmt.Errorf("%s is read before it is computed", c.g.tensorPlace(i))
		}
	}
	return nil
}

func hasWeights(op Op) bool {
	switch op.(type) {
	case Conv2D, DepthwiseConv2D, FullyConnected:
		return true
	}
	return false
}

// checkOptions checks what an operation says of itself.
func (g *Graph) checkOptions(op Op) error {
	switch op := op.(type) {
	case Conv2D:
		return checkWindow(op.Window, 1, 1, op.Activation)
	case DepthwiseConv2D:
		if op.Multiplier < 1 {
			return fmt.Errorf("a depth multiplier of %d", op.Multiplier)
		}
		return checkWindow(op.Window, 1, 1, op.Activation)
	case AveragePool2D:
		return checkWindow(op.Window, op.KernelH, op.KernelW, op.Activation)
	case MaxPool2D:
		return checkWindow(op.Window, op.KernelH, op.KernelW, op.Activation)
	case FullyConnected:
		return checkFused(op.Activation)
	case Add:
		return checkFused(op.Activation)
	case Concatenation:
		if op.Activation != None {
			return fmt.Errorf("a fused activation isn't supported here, nor by TensorFlow Lite")
		}
	case Softmax:
		if beta := float64(op.Beta); !(beta > 0) || math.IsInf(beta, 0) {
			return fmt.Errorf("β is %g, not a positive number", beta)
		}
	case Mean, Pad, Reshape, Squeeze, Logistic, Quantize, Dequantize:
	default:
		return fmt.Errorf("an operation that this package doesn't know")
	}
	return nil
}

func checkWindow(w Window, kernelH, kernelW int, a Activation) error {
	const limit = 1 << 16
	switch {
	case w.StrideH < 1 || w.StrideW < 1 || w.StrideH > limit || w.StrideW > limit:
		return fmt.Errorf("a stride of %d×%d", w.StrideH, w.StrideW)
	case kernelH < 1 || kernelW < 1 || kernelH > limit || kernelW > limit:
		return fmt.Errorf("a window of %d×%d", kernelH, kernelW)
	case w.Padding > Valid:
		return fmt.Errorf("an unknown padding %d", w.Padding)
	}
	return checkFused(a)
}

func checkFused(a Activation) error {
	if a > ReluN1To1 {
		return fmt.Errorf("an unknown fused activation %d", a)
	}
	return nil
}

// checkArithmetic checks that the types and quantizations of n's operands go together.
func (g *Graph) checkArithmetic(n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	switch op := n.Op.(type) {
	case Quantize:
		if y.Type == Float32 {
			return fmt.Errorf("an output of type %v: it must be u8 or s8", y.Type)
		}
		return nil
	case Dequantize:
		if x.Type == Float32 || y.Type != Float32 {
			return fmt.Errorf("from %v to %v: only from u8 or s8 to f32", x.Type, y.Type)
		}
		return nil
	case Conv2D:
		return g.checkWeights(n, 0)
	case DepthwiseConv2D:
		return g.checkWeights(n, 3)
	case FullyConnected:
		return g.checkWeights(n, 0)
	case Add:
		return g.checkAdd(n)
	case Concatenation:
		return g.checkConcatenation(n)
	case AveragePool2D, MaxPool2D, Pad, Reshape, Squeeze:
		if x.Type == y.Type && !sameQuant(x, y) {
			return fmt.Errorf("input and output are quantized differently (scale %g, zero point %d; %g, %d)",
				x.Quant[0].Scale, x.Quant[0].ZeroPoint, y.Quant[0].Scale, y.Quant[0].ZeroPoint)
		}
	case Softmax, Logistic:
		if err := checkProbabilities(y); err != nil {
			return err
		}
	case Mean:
	default:
		return fmt.Errorf("%s isn't known", OpName(op))
	}
	return sameType(x, y)
}

func sameType(x, y *Tensor) error {
	if x.Type != y.Type {
		return fmt.Errorf("input of type %v, output of type %v", x.Type, y.Type)
	}
	return nil
}

// sameQuant allows for the rounding of converters, as much as TensorFlow Lite does.
func sameQuant(x, y *Tensor) bool {
	if x.Type == Float32 {
		return true
	}
	a, b := x.Quant[0], y.Quant[0]
	return a.ZeroPoint == b.ZeroPoint && math.Abs(float64(a.Scale)-float64(b.Scale)) <= 1e-6
}

// checkProbabilities checks that an output quantized to bytes covers 0…255/256, which the kernels take for granted.
func checkProbabilities(y *Tensor) error {
	if y.Type == Float32 {
		return nil
	}
	want := Quant{Scale: 1. / 256}
	if y.Type == Int8 {
		want.ZeroPoint = -128
	}
	q := y.Quant[0]
	if q.ZeroPoint != want.ZeroPoint || math.Abs(float64(q.Scale)*256-1) > 1e-3 {
		return fmt.Errorf("the output has scale %g and zero point %d, not 1/256 and %d",
			q.Scale, q.ZeroPoint, want.ZeroPoint)
	}
	return nil
}

func (g *Graph) checkAdd(n *Node) error {
	a, b, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if a.Type != b.Type || a.Type != y.Type {
		return fmt.Errorf("inputs of types %v and %v, output of type %v", a.Type, b.Type, y.Type)
	}
	if y.Type == Float32 {
		return nil
	}
	// The sum is made at twice the larger scale, in 20 more bits; its multiplier must be below 1.
	sum := 2 * math.Max(float64(a.Quant[0].Scale), float64(b.Quant[0].Scale)) / (1 << 20)
	if sum >= float64(y.Quant[0].Scale) {
		return fmt.Errorf("the output's scale %g is too small for inputs of scale %g and %g",
			y.Quant[0].Scale, a.Quant[0].Scale, b.Quant[0].Scale)
	}
	return nil
}

func (g *Graph) checkConcatenation(n *Node) error {
	y := &g.Tensors[n.Outputs[0]]
	for _, i := range n.Inputs {
		x := &g.Tensors[i]
		if err := sameType(x, y); err != nil {
			return err
		}
		if x.Type == Int8 && !sameQuant(x, y) {
			return fmt.Errorf("%s is quantized differently from the output: s8 inputs may not be", g.tensorPlace(i))
		}
	}
	return nil
}

// checkWeights checks a node with weights and perhaps a bias; channels is the weights' dimension of the output
// channels.
func (g *Graph) checkWeights(n *Node, channels int) error {
	x, w, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if err := sameType(x, y); err != nil {
		return err
	}
	if w.Type != x.Type {
		return fmt.Errorf("weights of type %v with an input of type %v: convert with full integer quantization",
			w.Type, x.Type)
	}
	if err := w.checkWeightQuant(channels); err != nil {
		return fmt.Errorf("weights: %s: %w", g.tensorPlace(n.Inputs[1]), err)
	}
	if n.Inputs[2] == -1 {
		return nil
	}
	bias := &g.Tensors[n.Inputs[2]]
	if err := checkBias(x, w, bias, y, w.Shape[channels]); err != nil {
		return fmt.Errorf("bias: %s: %w", g.tensorPlace(n.Inputs[2]), err)
	}
	return nil
}

func (t *Tensor) checkWeightQuant(channels int) error {
	switch {
	case t.Type == Float32:
		return nil
	case len(t.Quant) == 1:
	case t.Type == Uint8:
		return fmt.Errorf("u8 weights have %d scales, not 1", len(t.Quant))
	case t.Axis != channels || len(t.Quant) != t.Shape[channels]:
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

func (t *Tensor) checkActivation() error {
	switch {
	case t.Data != nil:
		return fmt.Errorf("it is constant, but computed")
	case t.Type != Float32 && t.Type != Uint8 && t.Type != Int8:
		return fmt.Errorf("type %v: activations must be u8, s8 or f32", t.Type)
	}
	if _, err := elements(t.Shape, maxActivationBytes/t.Type.Size()); err != nil {
		return err
	}
	if t.Type == Float32 {
		if len(t.Quant) != 0 {
			return fmt.Errorf("type f32 with %d scales", len(t.Quant))
		}
		return nil
	}
	if len(t.Quant) != 1 {
		return fmt.Errorf("type %v with %d scales, not 1", t.Type, len(t.Quant))
	}
	return t.checkQuant()
}

func (t *Tensor) checkConstant() error {
	if t.Type < Float32 || t.Type > Bool {
		return fmt.Errorf("no known type")
	}
	n, err := elements(t.Shape, len(t.Data)/t.Type.Size())
	if err != nil || n*t.Type.Size() != len(t.Data) {
		return fmt.Errorf("%d bytes of data don't fit the shape %s of type %v", len(t.Data), shapeString(t.Shape), t.Type)
	}
	if t.Type == Float32 {
		for i := range n {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:])))
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("element %d is %g", i, v)
			}
		}
	}
	return t.checkQuant()
}

func (t *Tensor) checkQuant() error {
	if len(t.Quant) > 1 && (t.Axis < 0 || t.Axis >= len(t.Shape) || t.Shape[t.Axis] != len(t.Quant)) {
		return fmt.Errorf("%d scales along dimension %d of %s", len(t.Quant), t.Axis, shapeString(t.Shape))
	}
	lo, hi := int32(0), int32(0)
	switch t.Type {
	case Uint8:
		hi = 255
	case Int8:
		lo, hi = -128, 127
	case Float32:
		if len(t.Quant) > 0 {
			return fmt.Errorf("type f32 with %d scales", len(t.Quant))
		}
	}
	if (t.Type == Uint8 || t.Type == Int8) && len(t.Quant) == 0 {
		return fmt.Errorf("type %v without a scale", t.Type)
	}
	for i, q := range t.Quant {
		if s := float64(q.Scale); !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("the scale %g at %d isn't a positive number", s, i)
		}
		if q.ZeroPoint < lo || q.ZeroPoint > hi {
			return fmt.Errorf("the zero point %d at %d isn't in %d…%d", q.ZeroPoint, i, lo, hi)
		}
	}
	return nil
}

// OpName is the name of an operation's type, such as "Conv2D".
func OpName(op Op) string { return strings.TrimPrefix(fmt.Sprintf("%T", op), "model.") }

// tensorPlace and nodePlace say where in g something is, for errors.
func (g *Graph) tensorPlace(i int) string {
	return fmt.Sprintf("tensor %d (%s)", i, printable(g.Tensors[i].Name))
}

func (g *Graph) nodePlace(i int) string {
	n := &g.Nodes[i]
	name := n.Name
	if name == "" && len(n.Outputs) > 0 && n.Outputs[0] >= 0 && n.Outputs[0] < len(g.Tensors) {
		name = g.Tensors[n.Outputs[0]].Name
	}
	return fmt.Sprintf("node %d (%s → %s)", i, OpName(n.Op), printable(name))
}

// printable makes a name from a file fit for a line on a terminal.
func printable(name string) string {
	const limit = 80
	if r := []rune(name[:min(len(name), 4*limit)]); len(r) > limit {
		name = string(r[:limit]) + "…"
	}
	for _, r := range name {
		if !strconv.IsPrint(r) {
			return strconv.Quote(name)
		}
	}
	return name
}
