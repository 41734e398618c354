// Package model holds a neural network as a neutral graph: what to compute and on what, not how. It reads and writes
// .tflite files; it never executes anything.
package model

import "edge/quant"

// Graph is one network. Nodes stand in an order in which they can be executed.
type Graph struct {
	Name            string
	Tensors         []Tensor
	Nodes           []Node
	Inputs, Outputs []int // indices into Tensors

	Labels        []string       // of the classes of the first output, where the file has them
	Normalization *Normalization // what the first input expects of pixels, where the file has it
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

// Quant is how one slice of a tensor is quantized.
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
	Name            string // where the file has one (ONNX); else empty
	Inputs, Outputs []int
}

// Op is one of the operation types below.
type Op interface{ op() }

// Activation is the function fused into an operation's output.
type Activation uint8

// The fused activations.
const (
	None Activation = iota
	Relu
	Relu6
	ReluN1To1
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

// The operations. Inputs in order of Node.Inputs; shapes as in .tflite. A convolution or fully connected layer has
// three inputs; the bias is −1 where there is none.
type (
	// Conv2D: activation [N,H,W,C], weights [O,KH,KW,C], bias [O] (optional).
	Conv2D struct {
		Window
		Activation Activation
	}
	// DepthwiseConv2D: activation [N,H,W,C], weights [1,KH,KW,C·Multiplier], bias (optional). Output channel
	// c·Multiplier+m reads input channel c.
	DepthwiseConv2D struct {
		Window
		Multiplier int
		Activation Activation
	}
	// FullyConnected: activation (flattened to [N,K]), weights [O,K], bias [O] (optional).
	FullyConnected struct {
		Activation Activation
		KeepDims   bool
	}
	// Add: two activations, of one shape or with broadcasting.
	Add struct{ Activation Activation }
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
	// Mean over Axes (sorted, not negative).
	Mean struct {
		Axes     []int
		KeepDims bool
	}
	// Pad adds Before[i] and After[i] elements of the zero point along dimension i.
	Pad struct{ Before, After []int }
	// Reshape to the output's shape.
	Reshape struct{}
	// Squeeze to the output's shape.
	Squeeze struct{}
	// Softmax over the last dimension.
	Softmax struct{ Beta float32 }
	// Logistic is 1 / (1 + e^−x).
	Logistic struct{}
	// Quantize from float or from another quantization.
	Quantize struct{}
	// Dequantize to float.
	Dequantize struct{}
	// Concatenation along Axis (not negative). Activation is None: TensorFlow Lite has no other here, either.
	Concatenation struct {
		Axis       int
		Activation Activation
	}
)

func (Conv2D) op()          {}
func (DepthwiseConv2D) op() {}
func (FullyConnected) op()  {}
func (Add) op()             {}
func (AveragePool2D) op()   {}
func (MaxPool2D) op()       {}
func (Mean) op()            {}
func (Pad) op()             {}
func (Reshape) op()         {}
func (Squeeze) op()         {}
func (Softmax) op()         {}
func (Logistic) op()        {}
func (Quantize) op()        {}
func (Dequantize) op()      {}
func (Concatenation) op()   {}

// Normalization turns a pixel's channel value p (0…255) into the real number that a network was trained on:
// (p − Mean) / Std, for red, green and blue.
type Normalization struct {
	Mean, Std [3]float32
}

// Elements is the number of elements of a shape.
func Elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Size is the number of bytes of one element.
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
