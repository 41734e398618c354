package model

import (
	"fmt"
	"slices"
	"strings"
)

// onnxOp is a row of the table: all that is known of an operation of ONNX.
type onnxOp struct {
	inputs int    // that it has at least
	domain string // that it may also belong to, besides ONNX's own
	same   bool   // its output is its first input; the activation has only another name
	// read emits nodes of the graph for it, and says what dimensions its output has. nil: only constants are supported.
	read func(r *onnxReader, n *onnxNode) error
	// fold computes it if all its inputs are constants, nil if they are absent. nil: it isn't met on constants.
	fold func(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error)
}

// microsoft is the domain of onnxruntime's own operations.
const microsoft = "com.microsoft"

// onnxOps are the operations that are read here.
var onnxOps = map[string]onnxOp{
	// layers
	"Conv":               {inputs: 2, read: (*onnxReader).conv},
	"Gemm":               {inputs: 2, read: (*onnxReader).gemm},
	"MatMul":             {inputs: 2, read: (*onnxReader).matMul},
	"BatchNormalization": {inputs: 5, read: (*onnxReader).batchNormalization},
	"AveragePool":        {inputs: 1, read: (*onnxReader).averagePool},
	"MaxPool":            {inputs: 1, read: (*onnxReader).maxPool},
	"GlobalAveragePool":  {inputs: 1, read: (*onnxReader).globalAveragePool},
	"GlobalMaxPool":      {inputs: 1, read: (*onnxReader).globalMaxPool},
	"ReduceMean":         {inputs: 1, read: (*onnxReader).reduceMean},
	"ReduceMax":          {inputs: 1, read: (*onnxReader).reduceMax},
	"Softmax":            {inputs: 1, read: (*onnxReader).softmax},
	"Pad":                {inputs: 1, read: (*onnxReader).pad},

	// elements
	"Add":         {inputs: 2, read: (*onnxReader).add, fold: foldArithmetic},
	"Sub":         {inputs: 2, read: (*onnxReader).sub, fold: foldArithmetic},
	"Mul":         {inputs: 2, read: (*onnxReader).mul, fold: foldArithmetic},
	"Div":         {inputs: 2, read: (*onnxReader).div, fold: foldArithmetic},
	"Relu":        {inputs: 1, read: (*onnxReader).relu},
	"Clip":        {inputs: 1, read: (*onnxReader).clip, fold: foldClip},
	"Sigmoid":     {inputs: 1, read: unary(Logistic{})},
	"HardSigmoid": {inputs: 1, read: (*onnxReader).hardSigmoid},
	"HardSwish":   {inputs: 1, read: unary(HardSwish{})},
	"Tanh":        {inputs: 1, read: unary(Tanh{})},
	"LeakyRelu":   {inputs: 1, read: (*onnxReader).leakyRelu},
	"PRelu":       {inputs: 2, read: (*onnxReader).pRelu},

	// shapes
	"Flatten":   {inputs: 1, read: (*onnxReader).flatten},
	"Reshape":   {inputs: 1, read: (*onnxReader).reshapeNode, fold: foldReshape},
	"Squeeze":   {inputs: 1, read: (*onnxReader).squeeze, fold: foldSqueeze},
	"Unsqueeze": {inputs: 1, read: (*onnxReader).unsqueeze, fold: foldUnsqueeze},
	"Transpose": {inputs: 1, read: (*onnxReader).transpose, fold: foldTranspose},
	"Concat":    {inputs: 1, read: (*onnxReader).concat, fold: foldConcat},
	"Shape":     {inputs: 1, read: (*onnxReader).shape, fold: foldShape},
	"Slice":     {inputs: 1, read: (*onnxReader).slice, fold: foldSlice},
	"Split":     {inputs: 1, read: (*onnxReader).split},

	// names
	"Identity": {inputs: 1, same: true, read: (*onnxReader).identity, fold: foldIdentity},
	"Dropout":  {inputs: 1, same: true, read: (*onnxReader).dropout, fold: foldIdentity},
	"Cast":     {inputs: 1, same: true, read: (*onnxReader).identity, fold: foldCast},
	"CastLike": {inputs: 2, same: true, read: (*onnxReader).identity, fold: foldCast},

	// constants
	"Constant":        {fold: foldConstant},
	"ConstantOfShape": {inputs: 1, fold: foldConstantOfShape},
	"Gather":          {inputs: 2, fold: foldGather},
	"Expand":          {inputs: 2, fold: foldExpand},
	"Max":             {inputs: 2, fold: foldArithmetic},
	"Min":             {inputs: 2, fold: foldArithmetic},
	"Equal":           {inputs: 2, fold: foldArithmetic},
	"Where":           {inputs: 3, fold: foldWhere},
	"Sqrt":            {inputs: 1, fold: foldUnary},
	"Neg":             {inputs: 1, fold: foldUnary},
	"Reciprocal":      {inputs: 1, fold: foldUnary},
	"Ceil":            {inputs: 1, fold: foldUnary},
	"Floor":           {inputs: 1, fold: foldUnary},

	// quantized ones
	"QuantizeLinear":           {inputs: 2, read: (*onnxReader).quantizeLinear, fold: foldQuantizeLinear},
	"DequantizeLinear":         {inputs: 2, read: (*onnxReader).dequantizeLinear, fold: foldDequantizeLinear},
	"QLinearConv":              {inputs: 8, read: (*onnxReader).qlinearConv},
	"QLinearMatMul":            {inputs: 8, read: (*onnxReader).qlinearMatMul},
	"QLinearAdd":               {inputs: 8, domain: microsoft, read: (*onnxReader).qlinearBinary},
	"QLinearMul":               {inputs: 8, domain: microsoft, read: (*onnxReader).qlinearBinary},
	"QGemm":                    {inputs: 9, domain: microsoft, read: (*onnxReader).qgemm},
	"QLinearGlobalAveragePool": {inputs: 5, domain: microsoft, read: (*onnxReader).qlinearUnary},
	"QLinearAveragePool":       {inputs: 5, domain: microsoft, read: (*onnxReader).qlinearUnary},
	"QLinearSigmoid":           {inputs: 5, domain: microsoft, read: (*onnxReader).qlinearUnary},
	"QLinearLeakyRelu":         {inputs: 5, domain: microsoft, read: (*onnxReader).qlinearUnary},
	"QLinearConcat":            {inputs: 5, domain: microsoft, read: (*onnxReader).qlinearConcat},
}

const buildOtherwise = "build the network from convolutions, ReLU, ReLU6 or hard-swish, additions, multiplications, " +
	"pooling and fully connected layers, as MobileNets are"

// unsupportedONNX says what to do about an operation that isn't read here.
func unsupportedONNX(n *onnxNode) error {
	if n.domain != "" && n.domain != "ai.onnx" {
		return fmt.Errorf("an operation of %s isn't supported: export the network with standard operations only",
			printable(n.domain))
	}
	do := buildOtherwise
	switch {
	case slices.Contains([]string{"Range", "If", "Loop", "NonZero", "Resize", "Upsample"}, n.op):
		do = "export the network with a fixed input shape and constant folding; resizing isn't supported"
	case slices.Contains([]string{"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"}, n.op):
		do = "its weights are quantized, but not its activations (dynamic quantization): start from the float32 network"
	case slices.Contains([]string{"NonMaxSuppression", "TopK", "ConvTranspose"}, n.op):
		do = "only classifiers are supported, neither detectors nor segmentation"
	case strings.HasPrefix(n.op, "Sequence"):
		do = "export the network with a newer PyTorch, or with dynamo=False"
	}
	return fmt.Errorf("this operation isn't supported: %s", do)
}
