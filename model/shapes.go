package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// outputShape says what shape n's output has. Of n's operands, only that they exist is taken for granted. The output
// of Reshape and Squeeze is the shape that its tensor has.
func (g *Graph) outputShape(n *Node) ([]int, error) {
	x := &g.Tensors[n.Inputs[0]]
	switch op := n.Op.(type) {
	case Conv2D:
		w := &g.Tensors[n.Inputs[1]]
		if len(x.Shape) != 4 || len(w.Shape) != 4 {
			return nil, fmt.Errorf("input %s and weights %s: both must have 4 dimensions",
				shapeString(x.Shape), shapeString(w.Shape))
		}
		if w.Shape[3] != x.Shape[3] {
			return nil, fmt.Errorf("weights for %d input channels, but the input has %d "+
				"(grouped convolutions aren't supported, except depthwise ones)", w.Shape[3], x.Shape[3])
		}
		return op.slide(x.Shape, w.Shape[1], w.Shape[2], w.Shape[0])
	case DepthwiseConv2D:
		w := &g.Tensors[n.Inputs[1]]
		if len(x.Shape) != 4 || len(w.Shape) != 4 || w.Shape[0] != 1 {
			return nil, fmt.Errorf("input %s and weights %s: both must have 4 dimensions, the weights' first 1",
				shapeString(x.Shape), shapeString(w.Shape))
		}
		if w.Shape[3]%x.Shape[3] != 0 || w.Shape[3]/x.Shape[3] != op.Multiplier {
			return nil, fmt.Errorf("%d weights a place for %d input channels with a depth multiplier of %d",
				w.Shape[3], x.Shape[3], op.Multiplier)
		}
		return op.slide(x.Shape, w.Shape[1], w.Shape[2], w.Shape[3])
	case AveragePool2D:
		return op.pool(x.Shape, op.KernelH, op.KernelW)
	case MaxPool2D:
		return op.pool(x.Shape, op.KernelH, op.KernelW)
	case FullyConnected:
		return fullyConnectedShape(x.Shape, g.Tensors[n.Inputs[1]].Shape, op.KeepDims)
	case Add:
		return broadcast(x.Shape, g.Tensors[n.Inputs[1]].Shape)
	case Mean:
		return meanShape(x.Shape, op)
	case Pad:
		return padShape(x.Shape, op)
	case Concatenation:
		return g.concatenationShape(n.Inputs, op.Axis)
	case Squeeze:
		y := &g.Tensors[n.Outputs[0]]
		if _, ok := squeezed(x.Shape, y.Shape); !ok {
			return nil, fmt.Errorf("%s can't become %s by leaving out dimensions of 1",
				shapeString(x.Shape), shapeString(y.Shape))
		}
		return y.Shape, nil
	case Reshape:
		y := &g.Tensors[n.Outputs[0]]
		if Elements(x.Shape) != Elements(y.Shape) {
			return nil, fmt.Errorf("%s can't become %s: not as many elements",
				shapeString(x.Shape), shapeString(y.Shape))
		}
		return y.Shape, nil
	case Softmax:
		if len(x.Shape) == 0 {
			return nil, fmt.Errorf("a scalar as input")
		}
	}
	return x.Shape, nil
}

// slide returns the shape of what a window of kernelH×kernelW gives with so many output channels.
func (w Window) slide(x []int, kernelH, kernelW, channels int) ([]int, error) {
	if x[0] != 1 {
		return nil, fmt.Errorf("a batch of %d: convert the network with a batch of 1", x[0])
	}
	steps := func(length, kernel, stride int) int {
		if w.Padding == Valid {
			length -= kernel - 1
		}
		return (length + stride - 1) / stride
	}
	height, width := steps(x[1], kernelH, w.StrideH), steps(x[2], kernelW, w.StrideW)
	if height < 1 || width < 1 {
		return nil, fmt.Errorf("a window of %d×%d is larger than its input of %d×%d", kernelH, kernelW, x[1], x[2])
	}
	return []int{1, height, width, channels}, nil
}

func (w Window) pool(x []int, kernelH, kernelW int) ([]int, error) {
	if len(x) != 4 {
		return nil, fmt.Errorf("an input of %s: it must have 4 dimensions", shapeString(x))
	}
	return w.slide(x, kernelH, kernelW, x[3])
}

func fullyConnectedShape(x, w []int, keepDims bool) ([]int, error) {
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

func meanShape(x []int, op Mean) ([]int, error) {
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

func padShape(x []int, op Pad) ([]int, error) {
	if len(op.Before) != len(x) || len(op.After) != len(x) {
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

func (g *Graph) concatenationShape(inputs []int, axis int) ([]int, error) {
	first := g.Tensors[inputs[0]].Shape
	if axis < 0 || axis >= len(first) {
		return nil, fmt.Errorf("axis %d of inputs of %s", axis, shapeString(first))
	}
	shape := slices.Clone(first)
	for _, i := range inputs[1:] {
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

// elements is Elements for a shape of unknown origin: no product above limit is computed.
func elements(shape []int, limit int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions: at most %d are supported", len(shape), maxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 1 {
			return 0, fmt.Errorf("a dimension of %d in %s: every one must be fixed and positive", d, shapeString(shape))
		}
		if d > limit/n {
			return 0, fmt.Errorf("%s is too large: at most %d elements are supported", shapeString(shape), limit)
		}
		n *= d
	}
	return n, nil
}

func shapeString(shape []int) string {
	switch {
	case len(shape) == 0:
		return "a scalar"
	case len(shape) > 2*maxRank:
		return fmt.Sprintf("%d dimensions", len(shape))
	}
	var b strings.Builder
	for i, d := range shape {
		if i > 0 {
			b.WriteString("×")
		}
		b.WriteString(strconv.Itoa(d))
	}
	return b.String()
}
