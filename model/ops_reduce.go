package model

import (
	"fmt"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Reductions over Axes (sorted, not negative).
type (
	// Mean is the average.
	Mean struct {
		Axes     []int
		KeepDims bool
	}
	// ReduceMax is the greatest.
	ReduceMax struct {
		Axes     []int
		KeepDims bool
	}
)

func (Mean) op() string      { return "MEAN" }
func (ReduceMax) op() string { return "REDUCE_MAX" }

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

func readReduceMax(o *operator) (Op, error) {
	op, err := readMean(o)
	if err != nil {
		return nil, err
	}
	return ReduceMax(op.(Mean)), nil
}

// reducer is what both have in common.
func reducer(op Op) Mean {
	if top, ok := op.(ReduceMax); ok {
		return Mean(top)
	}
	return op.(Mean)
}

func writeReducer(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	w.StartObject(1)
	w.PrependBoolSlot(reducerKeepDims, reducer(n.Op).KeepDims, false)
	return w.EndObject()
}

func reducedAxes(g *Graph, n *Node) []Tensor {
	axes := reducer(n.Op).Axes
	return []Tensor{constant(g.Tensors[n.Outputs[0]].Name+"/axes", axes, len(axes))}
}

func shapeReducer(g *Graph, n *Node) ([]int, error) {
	op, x := reducer(n.Op), g.Tensors[n.Inputs[0]].Shape
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
