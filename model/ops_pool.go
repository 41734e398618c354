package model

import (
	"fmt"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Padding says how a window meets the border of its input.
type Padding uint8

// Same gives ceil(in/stride) outputs and pads with the zero point, the odd row or column at the end; Valid stays
// inside.
const (
	Same Padding = iota
	Valid
)

// Window is how a convolution or a pooling moves over its input.
type Window struct {
	StrideH, StrideW int
	Padding          Padding
}

type (
	// AveragePool2D and MaxPool2D: one activation.
	AveragePool2D struct {
		Window
		KernelH, KernelW int
		Activation       Activation
	}
	// MaxPool2D is as AveragePool2D.
	MaxPool2D struct {
		Window
		KernelH, KernelW int
		Activation       Activation
	}
)

func (AveragePool2D) op() string { return "AVERAGE_POOL_2D" }
func (MaxPool2D) op() string     { return "MAX_POOL_2D" }

func readMaxPool(o *operator) (Op, error) {
	a, err := o.activation(poolActivation)
	if err != nil {
		return nil, err
	}
	w, err := o.window(poolPadding, poolStrideH, poolStrideW)
	return MaxPool2D{w, o.options.int32(poolKernelH, 0), o.options.int32(poolKernelW, 0), a}, err
}

func readAveragePool(o *operator) (Op, error) {
	op, err := readMaxPool(o)
	if err != nil {
		return nil, err
	}
	return AveragePool2D(op.(MaxPool2D)), nil
}

// pool2D is what both have in common.
func pool2D(op Op) MaxPool2D {
	if average, ok := op.(AveragePool2D); ok {
		return MaxPool2D(average)
	}
	return op.(MaxPool2D)
}

func writePool(w *tfliteWriter, n *Node) flatbuffers.UOffsetT {
	op := pool2D(n.Op)
	w.StartObject(poolSlots)
	w.window(op.Window, poolPadding, poolStrideH, poolStrideW)
	w.PrependInt32Slot(poolKernelH, int32(op.KernelH), 0)
	w.PrependInt32Slot(poolKernelW, int32(op.KernelW), 0)
	w.activation(poolActivation, op.Activation)
	return w.EndObject()
}

func checkPool(op Op) error {
	p := pool2D(op)
	return checkWindow(p.Window, p.KernelH, p.KernelW, p.Activation)
}

func shapePool(g *Graph, n *Node) ([]int, error) {
	op, x := pool2D(n.Op), g.Tensors[n.Inputs[0]].Shape
	if len(x) != 4 {
		return nil, fmt.Errorf("an input of %s: it must have 4 dimensions", shapeString(x))
	}
	return op.slide(x, op.KernelH, op.KernelW, x[3])
}

func checkPooled(g *Graph, n *Node) error {
	if err := checkClamp(pool2D(n.Op).Activation, &g.Tensors[n.Outputs[0]]); err != nil {
		return err
	}
	return checkSameQuant(g, n)
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

// slide returns the shape of what a window of kernelH×kernelW gives with the given number of output channels.
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

func (o *operator) window(padding, strideH, strideW int) (Window, error) {
	p := o.options.byte(padding)
	if p > 1 {
		return Window{}, fmt.Errorf("the padding %d isn't supported: only SAME and VALID are", p)
	}
	return Window{o.options.int32(strideH, 0), o.options.int32(strideW, 0), Padding(p)}, nil
}

func (w *tfliteWriter) window(win Window, padding, strideH, strideW int) {
	w.PrependInt8Slot(padding, int8(win.Padding), 0)
	w.PrependInt32Slot(strideH, int32(win.StrideH), 0)
	w.PrependInt32Slot(strideW, int32(win.StrideW), 0)
}
