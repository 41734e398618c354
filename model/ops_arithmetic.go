package model

import (
	"fmt"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"

	"edge/quant"
)

// Arithmetic of two tensors, of one shape or with broadcasting. One may be constant.
type (
	// Add is the first plus the second.
	Add struct{ Activation Activation }
	// Sub is the first minus the second.
	Sub struct{ Activation Activation }
	// Mul is their product.
	Mul struct{ Activation Activation }
	// Div is the first divided by the second, which is constant and not 0; in f32 or u8.
	Div struct{ Activation Activation }
	// Maximum is the greater of the two, Minimum the lesser. All are quantized alike.
	Maximum struct{}
	// Minimum is as Maximum.
	Minimum struct{}
)

func (Add) op() string { return "ADD" }
func (Sub) op() string { return "SUB" }
func (Mul) op() string { return "MUL" }
func (Div) op() string { return "DIV" }

func (Maximum) op() string { return "MAXIMUM" }
func (Minimum) op() string { return "MINIMUM" }

func readAdd(o *operator) (Op, error) {
	a, err := o.activation(arithmeticActivation)
	return Add{a}, err
}

func readSub(o *operator) (Op, error) {
	a, err := o.activation(arithmeticActivation)
	return Sub{a}, err
}

func readMul(o *operator) (Op, error) {
	a, err := o.activation(arithmeticActivation)
	return Mul{a}, err
}

func readDiv(o *operator) (Op, error) {
	a, err := o.activation(arithmeticActivation)
	return Div{a}, err
}

// fusedArithmetic is the activation fused into an operation on two tensors.
func fusedArithmetic(op Op) Activation {
	switch op := op.(type) {
	case Sub:
		return op.Activation
	case Mul:
		return op.Activation
	case Div:
		return op.Activation
	}
	return op.(Add).Activation
}

func writeArithmetic(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.activation(arithmeticActivation, fusedArithmetic(n.Op))
	return w.EndObject()
}

func checkArithmetic(op Op) error { return checkFused(fusedArithmetic(op)) }

func shapeArithmetic(g *Graph, n *Node) ([]int, error) {
	return broadcast(g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Inputs[1]].Shape)
}

// broadcast aligns two shapes at their ends; if one has 1 or nothing, the other's dimension counts.
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

// checkPair checks what all have in common. ok says that there are scales to be checked, too.
func checkPair(g *Graph, n *Node) (a, b, y *Tensor, ok bool, err error) {
	a, b, y = &g.Tensors[n.Inputs[0]], &g.Tensors[n.Inputs[1]], &g.Tensors[n.Outputs[0]]
	if a.Type != b.Type || a.Type != y.Type {
		return a, b, y, false, fmt.Errorf("inputs of types %v and %v, output of type %v", a.Type, b.Type, y.Type)
	}
	return a, b, y, y.Type != Float32, checkClamp(fusedArithmetic(n.Op), y)
}

func checkSum(g *Graph, n *Node) error {
	a, b, y, ok, err := checkPair(g, n)
	if err != nil || !ok {
		return err
	}
	_, err = SumMultipliers(a, b, y)
	return err
}

// SumShift is the precision, in bits, that the operands of a sum are scaled to before they are added.
const SumShift = 20

// SumMultipliers bring the operands, 2^20 finer, to twice the larger of their scales, and their sum to y's. It fails if
// one isn't below 1.
func SumMultipliers(a, b, y *Tensor) (m [3]quant.Multiplier, err error) {
	twice := 2 * float64(max(a.Quant[0].Scale, b.Quant[0].Scale))
	for i, real := range [3]float64{
		float64(a.Quant[0].Scale) / twice, float64(b.Quant[0].Scale) / twice,
		twice / ((1 << SumShift) * float64(y.Quant[0].Scale)),
	} {
		if m[i], err = quant.MultiplierOf(real); err != nil || m[i].Shift > 0 {
			return m, fmt.Errorf("the output's scale %g is too small for inputs of scale %g and %g",
				y.Quant[0].Scale, a.Quant[0].Scale, b.Quant[0].Scale)
		}
	}
	return m, nil
}

func checkMul(g *Graph, n *Node) error {
	a, b, y, ok, err := checkPair(g, n)
	if err != nil || !ok {
		return err
	}
	_, err = ProductMultiplier(a, b, y)
	return err
}

// ProductMultiplier brings the product of two operands to y's scale; the reference computes it in float32. It fails if
// products, of 17 bits, would leave an int32.
func ProductMultiplier(a, b, y *Tensor) (quant.Multiplier, error) {
	m, err := quant.MultiplierOf(float64(a.Quant[0].Scale * b.Quant[0].Scale / y.Quant[0].Scale))
	if err != nil || m.Shift > 14 {
		return m, fmt.Errorf("the output's scale %g is too small for inputs of scale %g and %g",
			y.Quant[0].Scale, a.Quant[0].Scale, b.Quant[0].Scale)
	}
	return m, nil
}

func checkDiv(g *Graph, n *Node) error {
	a, b, y, ok, err := checkPair(g, n)
	if err != nil {
		return err
	}
	if b.Data == nil {
		return fmt.Errorf("a division by a computed tensor, which could be 0, isn't supported")
	}
	if !ok {
		return nil
	}
	if y.Type != Uint8 {
		return fmt.Errorf("a division of s8 isn't supported here, nor by TensorFlow Lite: multiply by the reciprocal")
	}
	if slices.Contains(b.Data, byte(b.Quant[0].ZeroPoint)) {
		return fmt.Errorf("a division by 0")
	}
	_, err = QuotientMultiplier(a, b, y)
	return err
}

// QuotientMultiplier brings the quotient of two operands to y's scale; the reference computes it in float32.
func QuotientMultiplier(a, b, y *Tensor) (quant.Multiplier, error) {
	m, err := quant.MultiplierOf(float64(a.Quant[0].Scale / (b.Quant[0].Scale * y.Quant[0].Scale)))
	if err != nil || m.Shift > 20 {
		return m, fmt.Errorf("the output's scale %g is too small for operands of scale %g and %g",
			y.Quant[0].Scale, a.Quant[0].Scale, b.Quant[0].Scale)
	}
	return m, nil
}

// checkExtreme: the reference compares bytes, which says something only if they mean the same.
func checkExtreme(g *Graph, n *Node) error {
	y := &g.Tensors[n.Outputs[0]]
	for _, i := range n.Inputs {
		x := &g.Tensors[i]
		if err := sameType(x, y); err != nil {
			return err
		}
		if !sameQuant(x, y) {
			return fmt.Errorf("%s is quantized differently from the output", g.tensorPlace(i))
		}
	}
	return nil
}
