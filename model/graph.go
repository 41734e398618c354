// Package model holds a neural network as a neutral graph: what to compute and on what, not how. It reads and writes
// .tflite files and reads .onnx ones; it never executes anything.
//
// # A graph
//
// A Graph is a list of Tensors and a list of Nodes in the order in which they can be executed. A node has an operation
// (Op), and the indices of the tensors that it reads and writes:
//
//	Tensors  0 image   u8 1×224×224×3, an activation: Data is nil
//	         1 weights u8 32×3×3×3, a constant
//	         2 bias    i32 32
//	         3 conv1   u8 1×112×112×32
//	Nodes    Conv2D{Window{2, 2, Same}, Relu6}   Inputs 0, 1, 2   Outputs 3
//	Inputs   0
//	Outputs  3
//
// Activations are NHWC with a batch of one. A quantized tensor's elements q stand for real = Scale · (q − ZeroPoint); one
// Quant for the tensor, or one for each index along Axis.
//
// # What is true of every graph
//
// Check proves it: each tensor is computed before it is read, and once; shapes, types and scales fit each other; what
// TensorFlow Lite's reference kernels refuse is refused. ReadTFLite and ReadONNX return only graphs that pass, and what
// passes runs: package engine checks nothing twice, but for what it can't run at all (float32, and what is too large).
//
// # Files
//
// A file is read in four steps, each in a file of its own: flat.go proves that every offset lies inside the bytes;
// tflite_read.go turns tables into tensors and nodes; tflite_fold.go computes what is constant already; check.go checks.
// Files come from anywhere: memory is bounded, and text from them is printed by Printable.
//
// # Operations
//
// ops.go has one row an operation: how a file tells it, what must hold, what shape comes out. To add one, see
// CONTRIBUTING.md.
package model

import (
	"bytes"

	"edge/quant"
)

// Graph is one network. Nodes stand in an order in which they can be executed.
type Graph struct {
	Name            string
	Tensors         []Tensor
	Nodes           []Node
	Inputs, Outputs []int // indices into Tensors

	Labels        []string       // of the classes of the first output, if the file has them
	Normalization *Normalization // what the first input expects of pixels, if the file has it
	Lesson        *Lesson        // how edge teach taught the classes, if it did
}

// Tensor is an activation (Data is nil) or a constant. Activations are laid out NHWC, convolution weights OHWI
// (output channel, row, column, input channel), depthwise weights 1HWO, as .tflite has them.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int   // every dimension ≥ 1, at most 4 of them; nil for a scalar
	Quant []Quant // none; one for the tensor; or one for each index along Axis
	Axis  int     // the dimension that Quant goes along, if there are several
	Data  []byte  // little-endian; nil for an activation
}

// Quant says how one slice of a tensor is quantized.
type Quant = quant.Params

// Type is the type of a tensor's elements.
type Type uint8

// The types that the operations here take.
const (
	Float32 Type = iota + 1
	Int32
	Uint8
	Int8
	Int64
	Bool
)

// Node is one operation, with the tensors that it reads and writes. An optional input that is absent is −1.
type Node struct {
	Op              Op
	Name            string // if the file has one (ONNX); else empty
	Inputs, Outputs []int
}

// Normalization turns a pixel's channel value p (0…255) into the real number that a network was trained on:
// (p − Mean) / Std, for red, green and blue.
type Normalization struct {
	Mean, Std [3]float32
}

// ShareData makes constants that g has in common with another graph, by name, type and bytes, lie in the other's memory alone.
func (g *Graph) ShareData(other *Graph) {
	named := make(map[string]*Tensor, len(other.Tensors))
	for i := range other.Tensors {
		named[other.Tensors[i].Name] = &other.Tensors[i]
	}
	for i := range g.Tensors {
		t := &g.Tensors[i]
		if o := named[t.Name]; o != nil && o.Type == t.Type && len(t.Data) > 0 && bytes.Equal(o.Data, t.Data) {
			t.Data = o.Data
		}
	}
}

// Elements returns the number of elements of a shape.
func Elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Size returns the number of bytes of one element.
func (t Type) Size() int {
	switch t {
	case Float32, Int32:
		return 4
	case Int64:
		return 8
	}
	return 1
}

func (t Type) String() string {
	switch t {
	case Float32:
		return "f32"
	case Int32:
		return "i32"
	case Uint8:
		return "u8"
	case Int8:
		return "s8"
	case Int64:
		return "i64"
	case Bool:
		return "bool"
	}
	return "unknown type"
}
