package model

import (
	"fmt"
	"math"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"edge/quant"
)

// Activation is a clamping function, fused into an operation's output or an operation of its own.
type Activation uint8

// The activations. Relu0To1 is never fused, it is only an operation of its own.
const (
	None Activation = iota
	Relu
	Relu6
	ReluN1To1
	Relu0To1
)

// Range returns the range that an activation clamps to; an end is infinite if it doesn't clamp there.
func (a Activation) Range() (lo, hi float32) {
	lo, hi = float32(math.Inf(-1)), float32(math.Inf(1))
	switch a {
	case Relu:
		return 0, hi
	case Relu6:
		return 0, 6
	case ReluN1To1:
		return -1, 1
	case Relu0To1:
		return 0, 1
	}
	return lo, hi
}

// Functions of one value, and of one value among others.
type (
	// Rectifier is an activation that couldn't be fused.
	Rectifier struct{ Activation Activation }
	// HardSwish is x · relu6(x + 3) / 6.
	HardSwish struct{}
	// LeakyRelu is x, or Alpha · x for negative x.
	LeakyRelu struct{ Alpha float32 }
	// PRelu is x, or alpha · x for negative x. Inputs: x, and alpha, a constant that is broadcast to x's shape.
	PRelu struct{}
	// Tanh is the hyperbolic tangent.
	Tanh struct{}
	// Logistic is 1 / (1 + e^−x).
	Logistic struct{}
	// Softmax over the last dimension.
	Softmax struct{ Beta float32 }
	// L2Normalization divides each row (the last dimension) by its Euclidean length.
	L2Normalization struct{}
	// Quantize from float or from another quantization.
	Quantize struct{}
	// Dequantize to float.
	Dequantize struct{}
)

func (HardSwish) op() string { return "HARD_SWISH" }
func (LeakyRelu) op() string { return "LEAKY_RELU" }
func (PRelu) op() string     { return "PRELU" }
func (Tanh) op() string      { return "TANH" }
func (Logistic) op() string  { return "LOGISTIC" }
func (Softmax) op() string   { return "SOFTMAX" }

func (L2Normalization) op() string { return "L2_NORMALIZATION" }

func (Quantize) op() string   { return "QUANTIZE" }
func (Dequantize) op() string { return "DEQUANTIZE" }

func (r Rectifier) op() string {
	return map[Activation]string{
		Relu: "RELU", Relu6: "RELU6", ReluN1To1: "RELU_N1_TO_1", Relu0To1: "RELU_0_TO_1",
	}[r.Activation]
}

func checkRectifier(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if err := checkClamp(n.Op.(Rectifier).Activation, y); err != nil {
		return err
	}
	return checkRescaled(x, y)
}

// HardSwishMultipliers bring the input, times 128, to the output's scale and to 3/2^15, both in float32 as the reference
// does. It fails if the first isn't below 1 or the second has no place in the reference's 16 bits.
func HardSwishMultipliers(x, y *Tensor) (output, relu quant.Multiplier, err error) {
	fine := x.Quant[0].Scale * (1. / 128)
	if output, err = quant.MultiplierOf(float64(fine / y.Quant[0].Scale)); err != nil || output.Shift > 0 {
		return output, relu, fmt.Errorf("the output's scale %g is too small for an input of %g",
			y.Quant[0].Scale, x.Quant[0].Scale)
	}
	const three = float32(3.) / (1 << 15)
	if relu, err = quant.MultiplierOf(float64(fine / three)); err != nil || relu.Shift > 15 {
		return output, relu, fmt.Errorf("the input's scale %g is too large", x.Quant[0].Scale)
	}
	return output, relu, nil
}

func checkHardSwish(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if err := sameType(x, y); err != nil || y.Type == Float32 {
		return err
	}
	_, _, err := HardSwishMultipliers(x, y)
	return err
}

func readLeakyRelu(o *operator) (Op, error) { return LeakyRelu{o.options.float32(leakyReluAlpha)}, nil }

func writeLeakyRelu(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.PrependFloat32Slot(leakyReluAlpha, n.Op.(LeakyRelu).Alpha, 0)
	return w.EndObject()
}

func checkAlpha(op Op) error {
	if alpha := op.(LeakyRelu).Alpha; !(alpha >= 0 && alpha <= 1<<10) {
		return fmt.Errorf("α is %g, not from 0 to 1024", alpha)
	}
	return nil
}

func checkLeakyRelu(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if err := checkRescaled(x, y); err != nil || y.Type == Float32 {
		return err
	}
	if steep := x.Quant[0].Scale * n.Op.(LeakyRelu).Alpha / y.Quant[0].Scale; !(steep <= maxRatio) {
		return fmt.Errorf("the output's scale %g is too small for an input of %g", y.Quant[0].Scale, x.Quant[0].Scale)
	}
	return nil
}

func shapePRelu(g *Graph, n *Node) ([]int, error) {
	x := g.Tensors[n.Inputs[0]].Shape
	shape, err := broadcast(x, g.Tensors[n.Inputs[1]].Shape)
	if err == nil && !slices.Equal(shape, x) {
		err = fmt.Errorf("its α, %s, is larger than its input, %s", shapeString(g.Tensors[n.Inputs[1]].Shape), shapeString(x))
	}
	return x, err
}

func checkPRelu(g *Graph, n *Node) error {
	x, alpha, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if err := checkRescaled(x, y); err != nil {
		return err
	}
	if err := sameType(alpha, y); err != nil || y.Type == Float32 {
		return err
	}
	_, err := ProductMultiplier(x, alpha, y)
	return err
}

func checkFunction(g *Graph, n *Node) error {
	return sameType(&g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]])
}

// checkRescaled is for operations that bring values to another scale by a multiplier.
func checkRescaled(x, y *Tensor) error {
	if err := sameType(x, y); err != nil || y.Type == Float32 {
		return err
	}
	return checkRatio(x, y)
}

func checkRatio(x, y *Tensor) error {
	if ratio := float64(x.Quant[0].Scale) / float64(y.Quant[0].Scale); ratio > maxRatio {
		return fmt.Errorf("the output's scale %g is too small for an input of %g", y.Quant[0].Scale, x.Quant[0].Scale)
	}
	return nil
}

func readSoftmax(o *operator) (Op, error) { return Softmax{Beta: o.options.float32(softmaxBeta)}, nil }

func writeSoftmax(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.PrependFloat32Slot(softmaxBeta, n.Op.(Softmax).Beta, 0)
	return w.EndObject()
}

func checkBeta(op Op) error {
	if beta := float64(op.(Softmax).Beta); !(beta > 0) || math.IsInf(beta, 0) {
		return fmt.Errorf("β is %g, not a positive number", beta)
	}
	return nil
}

func shapeSoftmax(g *Graph, n *Node) ([]int, error) {
	x := g.Tensors[n.Inputs[0]].Shape
	if len(x) == 0 {
		return nil, fmt.Errorf("a scalar as input")
	}
	return x, nil
}

func checkSoftmax(g *Graph, n *Node) error { return checkProbabilities(g, n) }

// checkLogistic: the reference takes no other scale, but any zero point.
func checkLogistic(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if y.Type != Float32 && y.Quant[0].Scale != 1./256 {
		return fmt.Errorf("the output has scale %g, not 1/256", y.Quant[0].Scale)
	}
	return sameType(x, y)
}

func readL2Normalization(o *operator) (Op, error) {
	a, err := o.activation(l2NormActivation)
	if err == nil && a != None {
		err = fmt.Errorf("a fused activation isn't supported here, nor by TensorFlow Lite")
	}
	return L2Normalization{}, err
}

func writeL2Normalization(w *tfliteWriter, _ *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.activation(l2NormActivation, None)
	return w.EndObject()
}

// maxL2Depth is how many squares of differences of bytes 32 bits hold.
const maxL2Depth = math.MaxInt32 / (255 * 255)

// checkL2Normalization: the reference takes no other output than steps of 1/128 around the middle.
func checkL2Normalization(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if len(x.Shape) == 0 || x.Shape[len(x.Shape)-1] > maxL2Depth {
		return fmt.Errorf("an input of %s: from 1 to %d in the last dimension", shapeString(x.Shape), maxL2Depth)
	}
	if y.Type != Float32 {
		want := Quant{Scale: 1. / 128}
		if y.Type == Uint8 {
			want.ZeroPoint = 128
		}
		if y.Quant[0] != want {
			return fmt.Errorf("the output has scale %g and zero point %d, not 1/128 and %d",
				y.Quant[0].Scale, y.Quant[0].ZeroPoint, want.ZeroPoint)
		}
	}
	return sameType(x, y)
}

// checkProbabilities checks that an output quantized to bytes covers 0…255/256. Those are what the reference computes,
// whatever the output's scale is: it allows for a thousandth's difference.
func checkProbabilities(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if y.Type == Float32 {
		return sameType(x, y)
	}
	want := Quant{Scale: 1. / 256}
	if y.Type == Int8 {
		want.ZeroPoint = -128
	}
	if q := y.Quant[0]; q.ZeroPoint != want.ZeroPoint || !(math.Abs(float64(q.Scale)*256-1) <= 1e-3) {
		return fmt.Errorf("the output has scale %g and zero point %d, not 1/256 and %d",
			q.Scale, q.ZeroPoint, want.ZeroPoint)
	}
	return sameType(x, y)
}

func checkQuantize(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	switch {
	case y.Type == Float32:
		return fmt.Errorf("an output of type %v: it must be u8 or s8", y.Type)
	case x.Type == Float32:
		return nil
	}
	return checkRatio(x, y)
}

func checkDequantize(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if x.Type == Float32 || y.Type != Float32 {
		return fmt.Errorf("from %v to %v: only from u8 or s8 to f32", x.Type, y.Type)
	}
	return nil
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

func checkFused(a Activation) error {
	if a > ReluN1To1 {
		return fmt.Errorf("an unknown fused activation %d", a)
	}
	return nil
}

// checkClamp checks that the ends of a fused activation's range can be told in y's steps: the reference refuses others.
func checkClamp(a Activation, y *Tensor) error {
	if y.Type == Float32 {
		return nil
	}
	lo, hi := a.Range()
	for _, end := range []float32{lo, hi} {
		if steps := float64(end / y.Quant[0].Scale); !math.IsInf(float64(end), 0) && !(math.Abs(steps) < 1<<31) {
			return fmt.Errorf("the output's scale %g is too small for its fused activation", y.Quant[0].Scale)
		}
	}
	return nil
}
