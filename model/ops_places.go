package model

import (
	"fmt"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Operations that only move elements.
type (
	// Pad adds Before[i] and After[i] elements of the zero point along dimension i.
	Pad struct{ Before, After []int }
	// Reshape to the output's shape.
	Reshape struct{}
	// Squeeze to the output's shape.
	Squeeze struct{}
	// Concatenation along Axis (not negative). Activation is None: TensorFlow Lite has no other here, either.
	Concatenation struct {
		Axis       int
		Activation Activation
	}
	// StridedSlice takes Size[i] elements along dimension i, from Begin[i] on, each Stride[i]-th. Dimensions that Shrink
	// lists have a size of 1 and are left out of the output's shape.
	StridedSlice struct {
		Begin, Size, Stride []int
		Shrink              []int
	}
)

func (Pad) op() string           { return "PAD" }
func (Reshape) op() string       { return "RESHAPE" }
func (Squeeze) op() string       { return "SQUEEZE" }
func (Concatenation) op() string { return "CONCATENATION" }

func (StridedSlice) op() string { return "STRIDED_SLICE" }

func readPad(o *operator) (Op, error) {
	operands := slices.Clone(o.inputs)
	v, err := o.constant("paddings")
	if err != nil {
		return nil, err
	}
	rank := len(o.g.Tensors[operands[0]].Shape)
	if shape := o.g.Tensors[operands[1]].Shape; !slices.Equal(shape, []int{rank, 2}) {
		return nil, fmt.Errorf("paddings of %s for %d dimensions", shapeString(shape), rank)
	}
	var p Pad
	for i := range rank {
		p.Before, p.After = append(p.Before, v[2*i]), append(p.After, v[2*i+1])
	}
	return p, nil
}

func paddings(g *Graph, n *Node) []Tensor {
	op := n.Op.(Pad)
	var v []int
	for i := range op.Before {
		v = append(v, op.Before[i], op.After[i])
	}
	return []Tensor{constant(g.Tensors[n.Outputs[0]].Name+"/paddings", v, len(op.Before), 2)}
}

func shapePad(g *Graph, n *Node) ([]int, error) {
	op, x := n.Op.(Pad), g.Tensors[n.Inputs[0]].Shape
	if len(x) == 0 || len(op.Before) != len(x) || len(op.After) != len(x) {
		return nil, fmt.Errorf("paddings for %d dimensions, but the input is %s", len(op.Before), shapeString(x))
	}
	shape := slices.Clone(x)
	for i := range shape {
		before, after := op.Before[i], op.After[i]
		if before < 0 || after < 0 || before > maxActivationBytes || after > maxActivationBytes {
			return nil, fmt.Errorf("dimension %d is padded by %d and %d", i, before, after)
		}
		shape[i] += before + after
	}
	return shape, nil
}

// readReshape checks that the shape asked for is the one that the output has.
func readReshape(o *operator) (Op, error) {
	if len(o.outputs) != 1 || o.outputs[0] < 0 {
		return Reshape{}, nil // Check refuses it
	}
	want := o.options.int32s(reshapeNewShape)
	if len(o.inputs) == 2 && o.inputs[1] >= 0 {
		var err error
		if want, err = o.constant("shape"); err != nil {
			return nil, err
		}
	}
	if len(o.inputs) == 2 {
		o.inputs = o.inputs[:1]
	}
	shape := o.g.Tensors[o.outputs[0]].Shape
	fits := len(want) == len(shape) || want == nil
	for i := range want {
		fits = fits && (want[i] == -1 || want[i] == shape[i])
	}
	if !fits {
		return nil, fmt.Errorf("to %v, but its output is %s", want, shapeString(shape))
	}
	return Reshape{}, nil
}

func newShape(g *Graph, n *Node) []Tensor {
	y := &g.Tensors[n.Outputs[0]]
	if len(y.Shape) == 0 {
		return nil // a scalar
	}
	return []Tensor{constant(y.Name+"/shape", y.Shape, len(y.Shape))}
}

func shapeReshape(g *Graph, n *Node) ([]int, error) {
	x, y := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Outputs[0]].Shape
	if Elements(x) != Elements(y) {
		return nil, fmt.Errorf("%s can't become %s: not as many elements", shapeString(x), shapeString(y))
	}
	return y, nil
}

// readSqueeze checks that the dimensions that go are the ones that the output doesn't have.
func readSqueeze(o *operator) (Op, error) {
	if len(o.inputs) != 1 || o.inputs[0] < 0 || len(o.outputs) != 1 || o.outputs[0] < 0 {
		return Squeeze{}, nil // Check refuses it
	}
	x, dims := o.g.Tensors[o.inputs[0]].Shape, o.options.int32s(squeezeDims)
	var shape []int
	for i, d := range x {
		listed := slices.Contains(dims, i) || slices.Contains(dims, i-len(x))
		if d != 1 || len(dims) > 0 && !listed {
			shape = append(shape, d)
		}
	}
	if y := o.g.Tensors[o.outputs[0]].Shape; !slices.Equal(shape, y) {
		return nil, fmt.Errorf("to %s, but its output is %s", shapeString(shape), shapeString(y))
	}
	return Squeeze{}, nil
}

func writeSqueeze(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	dims, _ := squeezed(w.g.Tensors[n.Inputs[0]].Shape, w.g.Tensors[n.Outputs[0]].Shape)
	listed := w.int32s(dims)
	w.StartObject(1)
	w.offset(squeezeDims, listed)
	return w.EndObject()
}

func shapeSqueeze(g *Graph, n *Node) ([]int, error) {
	x, y := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Outputs[0]].Shape
	if _, ok := squeezed(x, y); !ok {
		return nil, fmt.Errorf("%s can't become %s by leaving out dimensions of 1", shapeString(x), shapeString(y))
	}
	return y, nil
}

// squeezed says which dimensions of x are left out in y. To leave out none of several 1s can't be told to a file.
func squeezed(x, y []int) (dims []int, ok bool) {
	kept := 0
	for i, d := range x {
		switch {
		case kept < len(y) && y[kept] == d:
			kept++
		case d == 1:
			dims = append(dims, i)
		default:
			return nil, false
		}
	}
	return dims, kept == len(y) && (len(dims) > 0 || !slices.Contains(x, 1))
}

// checkSameQuant is for operations that copy bytes: the same ones must mean the same before and after.
func checkSameQuant(g *Graph, n *Node) error {
	x, y := &g.Tensors[n.Inputs[0]], &g.Tensors[n.Outputs[0]]
	if x.Type == y.Type && !sameQuant(x, y) {
		return fmt.Errorf("input and output are quantized differently (scale %g, zero point %d; %g, %d)",
			x.Quant[0].Scale, x.Quant[0].ZeroPoint, y.Quant[0].Scale, y.Quant[0].ZeroPoint)
	}
	return sameType(x, y)
}

func readConcatenation(o *operator) (Op, error) {
	a, err := o.activation(concatenationAct)
	if err != nil {
		return nil, err
	}
	axis := o.options.int32(concatenationAxis, 0)
	if axis < 0 && len(o.inputs) > 0 && o.inputs[0] >= 0 {
		axis += len(o.g.Tensors[o.inputs[0]].Shape)
	}
	return Concatenation{axis, a}, nil
}

func writeConcatenation(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	op := n.Op.(Concatenation)
	w.StartObject(concatenationSlots)
	w.PrependInt32Slot(concatenationAxis, int32(op.Axis), 0)
	w.activation(concatenationAct, op.Activation)
	return w.EndObject()
}

func checkConcatenationOptions(op Op) error {
	if op.(Concatenation).Activation != None {
		return fmt.Errorf("a fused activation isn't supported here, nor by TensorFlow Lite")
	}
	return nil
}

func shapeConcatenation(g *Graph, n *Node) ([]int, error) {
	axis, first := n.Op.(Concatenation).Axis, g.Tensors[n.Inputs[0]].Shape
	if axis < 0 || axis >= len(first) {
		return nil, fmt.Errorf("axis %d of inputs of %s", axis, shapeString(first))
	}
	shape := slices.Clone(first)
	for _, i := range n.Inputs[1:] {
		x := g.Tensors[i].Shape
		for d := range max(len(x), len(first)) {
			if len(x) != len(first) || d != axis && x[d] != first[d] {
				return nil, fmt.Errorf("inputs of %s and %s don't fit along axis %d",
					shapeString(first), shapeString(x), axis)
			}
		}
		shape[axis] += x[axis]
	}
	return shape, nil
}

func checkConcatenation(g *Graph, n *Node) error {
	y := &g.Tensors[n.Outputs[0]]
	for _, i := range n.Inputs {
		x := &g.Tensors[i]
		if err := sameType(x, y); err != nil {
			return err
		}
		switch {
		case x.Type == Int8 && !sameQuant(x, y):
			return fmt.Errorf("%s is quantized differently from the output: s8 inputs may not be", g.tensorPlace(i))
		case x.Type == Uint8 && x.Quant[0].Scale/y.Quant[0].Scale > maxRatio:
			return fmt.Errorf("%s: its scale %g is too large for the output's, %g",
				g.tensorPlace(i), x.Quant[0].Scale, y.Quant[0].Scale)
		}
	}
	return nil
}

// maxRatio of two scales keeps 256 steps of the one, counted in steps of the other, within an int32.
const maxRatio = 1 << 22

func readSlice(o *operator) (Op, error) {
	if len(o.inputs) != 4 || o.inputs[0] < 0 {
		return nil, fmt.Errorf("it has %d inputs, not 4", len(o.inputs))
	}
	x := o.g.Tensors[o.inputs[0]].Shape
	ranges, err := o.sliced(x)
	if err != nil {
		return nil, err
	}
	o.inputs = o.inputs[:1]
	var s StridedSlice
	for i, r := range ranges {
		if r.stride < 1 {
			return nil, fmt.Errorf("a stride of %d: an activation can't be read backwards", r.stride)
		}
		s.Begin, s.Size, s.Stride = append(s.Begin, r.begin), append(s.Size, r.size), append(s.Stride, r.stride)
		if r.shrink {
			s.Shrink = append(s.Shrink, i)
		}
	}
	return s, nil
}

func sliceOperands(g *Graph, n *Node) []Tensor {
	op, name := n.Op.(StridedSlice), g.Tensors[n.Outputs[0]].Name
	end := make([]int, len(op.Begin))
	for i := range end {
		end[i] = op.Begin[i] + (op.Size[i]-1)*op.Stride[i] + 1
	}
	return []Tensor{
		constant(name+"/begin", op.Begin, len(end)), constant(name+"/end", end, len(end)),
		constant(name+"/strides", op.Stride, len(end)),
	}
}

func writeSlice(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	mask := int32(0)
	for _, d := range n.Op.(StridedSlice).Shrink {
		mask |= 1 << d
	}
	w.StartObject(sliceSlots)
	w.PrependInt32Slot(sliceShrinkMask, mask, 0)
	return w.EndObject()
}

func shapeSlice(g *Graph, n *Node) ([]int, error) {
	op, x := n.Op.(StridedSlice), g.Tensors[n.Inputs[0]].Shape
	if len(x) == 0 || len(op.Begin) != len(x) || len(op.Size) != len(x) || len(op.Stride) != len(x) {
		return nil, fmt.Errorf("a slice of %d dimensions of an input of %s", len(op.Begin), shapeString(x))
	}
	var shape []int
	for i, d := range x {
		begin, size, stride := op.Begin[i], op.Size[i], op.Stride[i]
		if begin < 0 || begin >= d || size < 1 || stride < 1 || stride > maxActivationBytes ||
			size-1 > (d-begin-1)/stride {
			return nil, fmt.Errorf("%d elements from %d on, each %d., of dimension %d of %s", size, begin, stride, i, shapeString(x))
		}
		if !slices.Contains(op.Shrink, i) {
			shape = append(shape, size)
		} else if size != 1 {
			return nil, fmt.Errorf("dimension %d of size %d can't be left out", i, size)
		}
	}
	if !slices.IsSorted(op.Shrink) || len(op.Shrink) > len(x)-len(shape) {
		return nil, fmt.Errorf("dimensions %v to leave out", op.Shrink)
	}
	return shape, nil
}

// readTranspose reads a transposition that only moves dimensions of 1: then the elements stay where they are.
func readTranspose(o *operator) (Op, error) {
	order, err := o.constant("order of dimensions")
	if err != nil {
		return nil, err
	}
	x := o.g.Tensors[o.inputs[0]].Shape
	if len(order) != len(x) {
		return nil, fmt.Errorf("an order of %d dimensions for an input of %s", len(order), shapeString(x))
	}
	last := -1
	for _, d := range order {
		if d < 0 || d >= len(x) {
			return nil, fmt.Errorf("dimension %d of an input of %s", d, shapeString(x))
		}
		if x[d] == 1 {
			continue
		}
		if d < last {
			return nil, fmt.Errorf("the order %v moves pixels or channels of %s: only a transposition that a reshape can do "+
				"is supported; convert the network in NHWC order", order, shapeString(x))
		}
		last = d
	}
	return Reshape{}, nil // Check compares the numbers of elements
}

// readExpandDims reads the insertion of a dimension of 1.
func readExpandDims(o *operator) (Op, error) {
	if _, err := o.constant("axis"); err != nil {
		return nil, err
	}
	return Reshape{}, nil
}
