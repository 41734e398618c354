package model

import (
	"fmt"
	"math"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"edge/quant"
)

// Activation is the function fused into an operation's output.
type Activation uint8

// The fused activations.
const (
	None Activation = iota
	Relu
	Relu6
	ReluN1To1
)

// Range is the real numbers that an activation leaves; infinite if it has no end there.
func (a Activation) Range() (lo, hi float32) {
	lo, hi = float32(math.Inf(-1)), float32(math.Inf(1))
	switch a {
	case Relu:
		return 0, hi
	case Relu6:
		return 0, 6
	case ReluN1To1:
		return -1, 1
	}
	return lo, hi
}

// Operations that compute with values, but have no weights.
type (
	// Add: two activations, of one shape or with broadcasting.
	Add struct{ Activation Activation }
	// Mean over Axes (sorted, not negative).
	Mean struct {
		Axes     []int
		KeepDims bool
	}
	// Softmax over the last dimension.
	Softmax struct{ Beta float32 }
	// Logistic is 1 / (1 + e^−x).
	Logistic struct{}
	// Quantize from float or from another quantization.
	Quantize struct{}
	// Dequantize to float.
	Dequantize struct{}
)

func (Add) op() string        { return "ADD" }
func (Mean) op() string       { return "MEAN" }
func (Softmax) op() string    { return "SOFTMAX" }
func (Logistic) op() string   { return "LOGISTIC" }
func (Quantize) op() string   { return "QUANTIZE" }
func (Dequantize) op() string { return "DEQUANTIZE" }

func readAdd(o *operator) (Op, error) {
	a, err := o.activation(addActivation)
	return Add{a}, err
}

func writeAdd(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.activation(addActivation, n.Op.(Add).Activation)
	return w.EndObject()
}

func checkAddOptions(op Op) error { return checkFused(op.(Add).Activation) }

func shapeAdd(g *Graph, n *Node) ([]int, error) {
	return broadcast(g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Inputs[1]].Shape)
}

// broadcast aligns two shapes at their ends; where one has 1 or nothing, the other's dimension counts.
func broadcast(a, b []int) ([]int, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := slices.Clone(a)
	for k := 1; k <= len(b); k++ {
		da, db := a[len(a)-k], b[len(b)-k]
		if da != db && da != 1 && db != 1 {
			return nil, fmt.Errorf("shapes %s and %s don't fit", shapeString(a), shapeString(b))
		}
		shape[len(a)-k] = max(da, db)
	}
	return shape, nil
}

func checkAdd(g *Graph, n *Node) error {
	a, b, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if a.Type != b.Type || a.Type != y.Type {
		return fmt.Errorf("inputs of types %v and %v, output of type %v", a.Type, b.Type, y.Type)
	}
	if err := checkClamp(n.Op.(Add).Activation, y); err != nil || y.Type == Float32 {
		return err
	}
	// The sum is made at twice the larger scale, in 20 more bits; its multiplier must be below 1.
	sum := 2 * math.Max(float64(a.Quant[0].Scale), float64(b.Quant[0].Scale)) / (1 << 20)
	if m, err := quant.MultiplierOf(sum / float64(y.Quant[0].Scale)); err != nil || m.Shift > 0 {
		return fmt.Errorf("the output's scale %g is too small for inputs of scale %g and %g",
			y.Quant[0].Scale, a.Quant[0].Scale, b.Quant[0].Scale)
	}
	return nil
}

func readMean(o *operator) (Op, error) {
	axes, err := o.constant("axes")
	if err != nil {
		return nil, err
	}
	rank := len(o.g.Tensors[o.inputs[0]].Shape)
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += rank
		}
	}
	slices.Sort(axes)
	return Mean{Axes: slices.Compact(axes), KeepDims: o.options.bool(reducerKeepDims)}, nil
}

func writeMean(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.PrependBoolSlot(reducerKeepDims, n.Op.(Mean).KeepDims, false)
	return w.EndObject()
}

func meanAxes(g *Graph, n *Node) (operand Tensor, ok bool) {
	axes := n.Op.(Mean).Axes
	return constant(g.Tensors[n.Outputs[0]].Name+"/axes", axes, len(axes)), true
}

func shapeMean(g *Graph, n *Node) ([]int, error) {
	op, x := n.Op.(Mean), g.Tensors[n.Inputs[0]].Shape
	if !slices.IsSorted(op.Axes) || len(slices.Compact(slices.Clone(op.Axes))) != len(op.Axes) {
		return nil, fmt.Errorf("axes %v: each once, in order", op.Axes)
	}
	if len(op.Axes) == 0 || op.Axes[0] < 0 || op.Axes[len(op.Axes)-1] >= len(x) {
		return nil, fmt.Errorf("axes %v of an input of %s", op.Axes, shapeString(x))
	}
	var shape []int
	for i, d := range x {
		switch {
		case !slices.Contains(op.Axes, i):
			shape = append(shape, d)
		case op.KeepDims:
			shape = append(shape, 1)
		}
	}
	return shape, nil
}

func checkMean(g *Graph, n *Node) error {
	return checkRescaled(&g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]])
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

// SoftmaxIntegerBits are those of a difference between two logits, times β, in the reference's fixed point.
const SoftmaxIntegerBits = 5

func checkSoftmax(g *Graph, n *Node) error {
	x := &g.Tensors[n.Inputs[0]]
	if err := checkProbabilities(g, n); err != nil || x.Type == Float32 {
		return err
	}
	step := float64(n.Op.(Softmax).Beta) * float64(x.Quant[0].Scale)
	if !(step*(1<<(31-SoftmaxIntegerBits)) > 1) {
		return fmt.Errorf("β times the input's scale is %g, too small for the reference's arithmetic", step)
	}
	return nil
}

// checkLogistic: the reference takes no other scale, but any zero point.
func checkLogistic(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if y.Type != Float32 && y.Quant[0].Scale != 1./256 {
		return fmt.Errorf("the output has scale %g, not 1/256", y.Quant[0].Scale)
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
