package model

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"
)

// Op is one of the operation types below.
type Op interface {
	// op is the operation's name in the schema of .tflite files, and so its row in operations.
	op() string
}

// operation is a row of the table: all that this package knows of one operation. A nil function means what its comment
// says.
type operation struct {
	options int // the type of its options in a file; noOptions if it has none
	// inputs is how many tensors a node of it has, −1 for any number from 1 on. Constants that only say how it works (a
	// shape, paddings, axes) aren't counted: read takes them off, operand puts them back.
	inputs int
	// constants is which of its inputs may be constant.
	constants constants
	// signed is the oldest version of it that takes s8, and version 1 takes f32 and u8; version tells of others, if there
	// are some.
	signed  int
	version func(g *Graph, n *Node) int
	// read returns the operation of a file. nil: it has nothing to say of itself, and is what zero is.
	read func(o *operator) (Op, error)
	zero Op
	// write writes its options. nil: it has none.
	write func(w *tfliteWriter, n *Node) flatbuffers.UOffsetT
	// operands are the constants in which a file says how it works. nil: there are none.
	operands func(g *Graph, n *Node) []Tensor
	// check checks what it says of itself. nil: anything is right.
	check func(op Op) error
	// shape is its output's shape. Of the operands, only that they exist is taken for granted. nil: its first input's.
	shape func(g *Graph, n *Node) ([]int, error)
	// arithmetic checks that the types and quantizations of its operands go together. Shapes are right by then.
	arithmetic func(g *Graph, n *Node) error
}

// constants says which inputs of an operation are constant.
type constants uint8

const (
	activations constants = iota // none
	weights                      // the second, and the third, which may be absent (−1); they must be
	either                       // one of two
	second                       // the second; it must be
)

// operations are those that are read, written and checked here, by their names in the schema. Names in comments are those
// of the files that have the functions.
var operations = map[string]operation{
	// ops_layers.go
	"CONV_2D": {
		options: convOptions, inputs: 3, constants: weights, signed: 3, version: versionConv2D,
		read: readConv2D, write: writeConv2D, check: checkConv2D, shape: shapeConv2D, arithmetic: checkWeights,
	},
	"DEPTHWISE_CONV_2D": {
		options: depthwiseOptions, inputs: 3, constants: weights, signed: 3, read: readDepthwise, write: writeDepthwise,
		check: checkDepthwise, shape: shapeDepthwise, arithmetic: checkWeights,
	},
	"FULLY_CONNECTED": {
		options: fullyConnectedOptions, inputs: 3, constants: weights, signed: 4, version: versionFullyConnected,
		read: readFullyConnected, write: writeFullyConnected,
		check: checkFullyConnected, shape: shapeFullyConnected, arithmetic: checkWeights,
	},

	// ops_pool.go
	"AVERAGE_POOL_2D": {
		options: poolOptions, inputs: 1, signed: 2, read: readAveragePool, write: writePool,
		check: checkPool, shape: shapePool, arithmetic: checkPooled,
	},
	"MAX_POOL_2D": {
		options: poolOptions, inputs: 1, signed: 2, read: readMaxPool, write: writePool,
		check: checkPool, shape: shapePool, arithmetic: checkPooled,
	},

	// ops_arithmetic.go
	"ADD": {
		options: addOptions, inputs: 2, constants: either, signed: 2, read: readAdd, write: writeArithmetic,
		check: checkArithmetic, shape: shapeArithmetic, arithmetic: checkSum,
	},
	"SUB": {
		options: subOptions, inputs: 2, constants: either, signed: 2, read: readSub, write: writeArithmetic,
		check: checkArithmetic, shape: shapeArithmetic, arithmetic: checkSum,
	},
	"MUL": {
		options: mulOptions, inputs: 2, constants: either, signed: 2, read: readMul, write: writeArithmetic,
		check: checkArithmetic, shape: shapeArithmetic, arithmetic: checkMul,
	},
	"DIV": {
		options: divOptions, inputs: 2, constants: either, signed: 1, read: readDiv, write: writeArithmetic,
		check: checkArithmetic, shape: shapeArithmetic, arithmetic: checkDiv,
	},
	"MAXIMUM": {
		inputs: 2, constants: either, signed: 2, zero: Maximum{}, shape: shapeArithmetic, arithmetic: checkExtreme,
	},
	"MINIMUM": {
		inputs: 2, constants: either, signed: 2, zero: Minimum{}, shape: shapeArithmetic, arithmetic: checkExtreme,
	},

	// ops_functions.go
	"HARD_SWISH":   {inputs: 1, signed: 1, zero: HardSwish{}, arithmetic: checkHardSwish},
	"LOGISTIC":     {inputs: 1, signed: 2, zero: Logistic{}, arithmetic: checkLogistic},
	"RELU":         {inputs: 1, signed: 2, zero: Rectifier{Relu}, arithmetic: checkRectifier},
	"RELU6":        {inputs: 1, signed: 2, zero: Rectifier{Relu6}, arithmetic: checkRectifier},
	"RELU_0_TO_1":  {inputs: 1, signed: 1, zero: Rectifier{Relu0To1}, arithmetic: checkRectifier},
	"RELU_N1_TO_1": {inputs: 1, signed: 1, zero: Rectifier{ReluN1To1}, arithmetic: checkRectifier},
	"TANH":         {inputs: 1, signed: 2, zero: Tanh{}, arithmetic: checkFunction},
	"LEAKY_RELU": {
		options: leakyReluOptions, inputs: 1, signed: 2, read: readLeakyRelu, write: writeLeakyRelu,
		check: checkAlpha, arithmetic: checkLeakyRelu,
	},
	"PRELU": {
		inputs: 2, constants: second, signed: 1, zero: PRelu{}, shape: shapePRelu, arithmetic: checkPRelu,
	},
	"L2_NORMALIZATION": {
		options: l2NormOptions, inputs: 1, signed: 2, read: readL2Normalization, write: writeL2Normalization,
		arithmetic: checkL2Normalization,
	},
	"SOFTMAX": {
		options: softmaxOptions, inputs: 1, signed: 2, read: readSoftmax, write: writeSoftmax,
		check: checkBeta, shape: shapeSoftmax, arithmetic: checkSoftmax,
	},
	"QUANTIZE":   {inputs: 1, signed: 1, zero: Quantize{}, arithmetic: checkQuantize},
	"DEQUANTIZE": {inputs: 1, signed: 2, zero: Dequantize{}, arithmetic: checkDequantize},

	// ops_reduce.go
	"MEAN": {
		options: reducerOptions, inputs: 1, signed: 2, read: readMean, write: writeReducer, operands: reducedAxes,
		shape: shapeReducer, arithmetic: checkMean,
	},
	"REDUCE_MAX": {
		options: reducerOptions, inputs: 1, signed: 2, read: readReduceMax, write: writeReducer, operands: reducedAxes,
		shape: shapeReducer, arithmetic: checkSameQuant,
	},

	// ops_places.go
	"CONCATENATION": {
		options: concatenationOptions, inputs: -1, signed: 2, read: readConcatenation, write: writeConcatenation,
		check: checkConcatenationOptions, shape: shapeConcatenation, arithmetic: checkConcatenation,
	},
	"PAD": {inputs: 1, signed: 2, read: readPad, operands: paddings, shape: shapePad, arithmetic: checkSameQuant},
	"RESHAPE": {
		options: reshapeOptions, inputs: 1, signed: 1, read: readReshape, operands: newShape,
		shape: shapeReshape, arithmetic: checkSameQuant,
	},
	"SQUEEZE": {
		options: squeezeOptions, inputs: 1, signed: 1, read: readSqueeze, write: writeSqueeze,
		shape: shapeSqueeze, arithmetic: checkSameQuant,
	},
	"STRIDED_SLICE": {
		options: stridedSliceOptions, inputs: 1, signed: 2, read: readSlice, write: writeSlice, operands: sliceOperands,
		shape: shapeSlice, arithmetic: checkSameQuant,
	},

	// Read as a RESHAPE, which they are if only dimensions of 1 come, go or move.
	"EXPAND_DIMS": {inputs: 1, read: readExpandDims},
	"TRANSPOSE":   {inputs: 1, read: readTranspose},
}

// rowOf looks an operation up. A pointer to one isn't one.
func rowOf(op Op) (operation, bool) {
	if op == nil || reflect.TypeOf(op).Kind() != reflect.Struct {
		return operation{}, false
	}
	row, ok := operations[op.op()]
	return row, ok
}

// mustRow is rowOf for an operation that Check has passed.
func mustRow(op Op) operation {
	row, ok := rowOf(op)
	if !ok {
		panic("model: Check let through " + OpName(op))
	}
	return row
}

// Operations returns the names of the operations that are read from .tflite files, in alphabetical order.
func Operations() []string {
	var names []string
	for name := range operations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// OpName returns the name of an operation's type, such as "Conv2D".
func OpName(op Op) string { return strings.TrimPrefix(fmt.Sprintf("%T", op), "model.") }

// TFLiteName returns an operation's name in .tflite files, such as "CONV_2D".
func TFLiteName(op Op) string { return op.op() }

// hasWeights reports whether a node of op has weights and perhaps a bias as its second and third inputs.
func hasWeights(op Op) bool {
	row, ok := rowOf(op)
	return ok && row.constants == weights
}

// checkOptions checks what an operation says of itself.
func (g *Graph) checkOptions(op Op) error {
	row, ok := rowOf(op)
	if !ok {
		return fmt.Errorf("an operation that this package doesn't know")
	}
	if row.check == nil {
		return nil
	}
	return row.check(op)
}

// outputShape says what shape n's output has. Of n's operands, only that they exist is taken for granted. The output
// of Reshape and Squeeze is the shape that its tensor has.
func (g *Graph) outputShape(n *Node) ([]int, error) {
	if row := mustRow(n.Op); row.shape != nil {
		return row.shape(g, n)
	}
	return g.Tensors[n.Inputs[0]].Shape, nil
}
