package model

import (
	"fmt"
	"math"
	"slices"
	"strings"

	flatbuffers "github.com/google/flatbuffers/go"
)

const (
	// maxFileTensors is more than any network that maxNodes allows can use.
	maxFileTensors = 1 << 16
	// readAllowance is how much may be allocated for the description of a network. Weights stay in the file.
	readAllowance = 16 << 20
	// sharingAllowance is how many bytes of weights may be used beyond the file's size, by using some twice.
	sharingAllowance = 16 << 20
)

// ReadTFLite reads a network from the bytes of a .tflite file. The graph passes Check. Constants that only say how an
// operation works (shapes, paddings, axes) are resolved into the operation; the tensors of the graph are those that
// are left. Nodes with weights have three inputs, the last −1 if there is no bias.
//
// The weights are not copied: b must not change as long as the graph is used.
//
// Errors name the place in the file, and for what isn't supported also what to do.
func ReadTFLite(b []byte) (*Graph, error) {
	g, err := readTFLite(b)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return g, nil
}

func readTFLite(b []byte) (*Graph, error) { return readTFLiteAs(b, false) }

// readTFLiteAs is readTFLite; with float, weights become float32 if the activations are (see readFloatTFLite).
func readTFLiteAs(b []byte, float bool) (*Graph, error) {
	if len(b) > math.MaxInt32 {
		return nil, fmt.Errorf("a file of %d bytes: at most 2 GiB are supported", len(b))
	}
	if !IsTFLite(b) {
		return nil, fmt.Errorf("not a .tflite file: it doesn't have %s at byte 4", tfliteIdentifier)
	}
	f := &flat{bytes: b, left: readAllowance}
	r := tfliteReader{flat: f, model: f.root(), float: float}
	if v := r.model.int32(modelVersion, 0); f.err == nil && v != tfliteVersion {
		return nil, fmt.Errorf("version %d of the schema: only %d is supported", v, tfliteVersion)
	}
	if err := r.network(); err != nil {
		return nil, err
	}
	if err := r.g.check(); err != nil { // before the indices change: errors speak of the file's
		return nil, err
	}
	r.g.dropUnused()
	if err := r.metadata(); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	if err := r.lesson(); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return &r.g, nil
}

// tfliteReader turns the tables of a file into a graph.
type tfliteReader struct {
	*flat
	model   table
	codes   tables
	buffers tables
	tensors tables
	parsed  []bool // of each tensor: it is in g
	weights int    // bytes of constants that the nodes use, counted as often as they do
	float   bool   // to be read for quantization: weights become float32
	made    int    // bytes of such weights
	g       Graph
}

func (r *tfliteReader) network() error {
	subgraphs := r.model.tables(modelSubgraphs)
	r.codes, r.buffers = r.model.tables(modelOperatorCodes), r.model.tables(modelBuffers)
	if r.err != nil {
		return r.err
	}
	if subgraphs.n != 1 {
		return fmt.Errorf("%d subgraphs: only networks of 1, without control flow, are supported", subgraphs.n)
	}
	subgraph := subgraphs.table(0)
	r.g.Name = subgraph.string(subgraphName)
	r.tensors = subgraph.tables(subgraphTensors)
	if r.tensors.n > maxFileTensors {
		return fmt.Errorf("%d tensors: at most %d are supported", r.tensors.n, maxFileTensors)
	}
	operators := subgraph.tables(subgraphOperators)
	if operators.n > maxNodes {
		return fmt.Errorf("%d operations: at most %d are supported", operators.n, maxNodes)
	}
	r.g.Inputs, r.g.Outputs = subgraph.int32s(subgraphInputs), subgraph.int32s(subgraphOutputs)
	if r.err != nil {
		return r.err
	}
	r.g.Tensors = make([]Tensor, r.tensors.n)
	r.parsed = make([]bool, r.tensors.n)
	for _, i := range slices.Concat(r.g.Inputs, r.g.Outputs) {
		if err := r.tensor(i); err != nil {
			return err
		}
	}
	for i := range operators.n {
		if err := r.operator(i, operators.table(i)); err != nil {
			return err
		}
	}
	if r.float && r.err == nil {
		return r.floatWeights()
	}
	return r.err
}

// tensor reads tensor i into the graph, if it isn't there yet.
func (r *tfliteReader) tensor(i int) error {
	if i < 0 || i >= r.tensors.n {
		return fmt.Errorf("there is no tensor %d", i)
	}
	if r.parsed[i] {
		return nil
	}
	r.parsed[i] = true
	t := r.tensors.table(i)
	r.g.Tensors[i].Name = t.string(tensorName)
	if err := r.tensorBody(&r.g.Tensors[i], t); err != nil {
		return fmt.Errorf("%s: %w", r.g.tensorPlace(i), err)
	}
	return nil
}

func (r *tfliteReader) tensorBody(to *Tensor, t table) error {
	kind := int(t.byte(tensorType))
	half := r.float && kind == kindFloat16
	if half {
		kind = kindFloat32
	}
	switch {
	case kind >= len(tfliteTypes):
		return fmt.Errorf("unknown type %d", kind)
	case tfliteTypes[kind].here == 0:
		return fmt.Errorf("type %s isn't supported: convert the network to float32 or with full integer quantization",
			tfliteTypes[kind].name)
	}
	to.Type = tfliteTypes[kind].here
	to.Shape = t.int32s(tensorShape)
	if _, sparse := t.table(tensorSparsity); sparse {
		return fmt.Errorf("sparse weights aren't supported: convert the network without sparsity")
	}
	if t.bool(tensorIsVariable) {
		return fmt.Errorf("variables (state kept between runs) aren't supported")
	}
	if t.uint32(tensorExternalBuffer) != 0 {
		return fmt.Errorf("its data is in another file: that isn't supported")
	}
	var err error
	if to.Data, err = r.buffer(t.uint32(tensorBuffer)); err != nil {
		return err
	}
	if half && to.Data == nil {
		return fmt.Errorf("type FLOAT16 isn't supported, except for weights")
	}
	if half {
		if to.Data, err = r.halves(to.Data); err != nil {
			return err
		}
	}
	if to.Type != Float32 { // float tensors sometimes keep the ranges of their training
		if err := r.quantization(to, t); err != nil {
			return err
		}
	}
	return r.err
}

// buffer returns the bytes of a buffer, nil if it is empty: the tensor is computed.
func (r *tfliteReader) buffer(i int) ([]byte, error) {
	if i < 0 || i >= r.buffers.n {
		return nil, fmt.Errorf("there is no buffer %d", i)
	}
	t := r.buffers.table(i)
	if data := t.bytes(bufferData); len(data) > 0 {
		return data, nil
	}
	offset, size := t.uint64(bufferOffset), t.uint64(bufferSize) // in a file above 2 GB: behind the FlatBuffer
	if size == 0 || offset <= 1 {
		return nil, r.err
	}
	if end := uint64(len(r.bytes)); offset > end || size > end-offset {
		return nil, fmt.Errorf("buffer %d (%d bytes from byte %d on) ends beyond the file", i, size, offset)
	}
	return r.bytes[offset : offset+size : offset+size], nil
}

func (r *tfliteReader) quantization(to *Tensor, t table) error {
	q, _ := t.table(tensorQuantization)
	scales, at := q.vector(quantizationScale, 4)
	points, pointsAt := q.vector(quantizationZeroPoint, 8)
	n := len(scales) / 4
	if n == 0 || !r.spend(8*n) {
		return r.err
	}
	if q.byte(quantizationDetails) != 0 {
		return fmt.Errorf("a custom quantization isn't supported")
	}
	if len(points)/8 != n {
		return fmt.Errorf("%d scales, but %d zero points", n, len(points)/8)
	}
	to.Quant = make([]Quant, n)
	for k := range to.Quant {
		point := flatbuffers.GetInt64(r.bytes[pointsAt+8*k:])
		if point != int64(int32(point)) {
			return fmt.Errorf("the zero point %d at %d", point, k)
		}
		to.Quant[k] = Quant{Scale: flatbuffers.GetFloat32(r.bytes[at+4*k:]), ZeroPoint: int32(point)}
	}
	if n > 1 {
		to.Axis = q.int32(quantizationDimension, 0)
	}
	return r.err
}

// operator reads an operation into the graph.
func (r *tfliteReader) operator(i int, t table) error {
	o := operator{
		tfliteReader: r,
		inputs:       t.int32s(operatorInputs),
		outputs:      t.int32s(operatorOutputs),
		optionsType:  int(t.byte(operatorOptionsType)),
	}
	o.options, _ = t.table(operatorOptions)
	if r.err != nil {
		return fmt.Errorf("node %d: %w", i, r.err)
	}
	name, err := r.code(t.uint32(operatorCode))
	if err != nil {
		return fmt.Errorf("node %d: %w", i, err)
	}
	place := "no output"
	if len(o.outputs) > 0 && o.outputs[0] >= 0 && o.outputs[0] < r.tensors.n {
		place = printable(r.tensors.table(o.outputs[0]).string(tensorName))
	}
	if err := o.read(name); err != nil {
		return fmt.Errorf("node %d (%s → %s): %w", i, name, place, err)
	}
	return nil
}

// code looks an operation's name up.
func (r *tfliteReader) code(i int) (name string, err error) {
	if i < 0 || i >= r.codes.n {
		return "", fmt.Errorf("there is no operation code %d", i)
	}
	t := r.codes.table(i)
	code := max(t.int32(opCodeBuiltin, 0), int(int8(t.byte(opCodeDeprecated))))
	switch {
	case r.err != nil:
		return "", r.err
	case code == opCustom:
		return custom + printable(t.string(opCodeCustom)), r.err
	case code >= 0 && code < len(tfliteOps):
		return tfliteOps[code], nil
	}
	return fmt.Sprintf("operation %d", code), nil
}

// custom is what the names of operations that aren't TensorFlow Lite's own begin with.
const custom = "CUSTOM "

// operator is one operation while it is read.
type operator struct {
	*tfliteReader
	inputs, outputs []int
	options         table
	optionsType     int
}

func (o *operator) read(name string) error {
	if _, ok := operations[name]; !ok && name != "SHAPE" && name != "PACK" { // before what types its tensors have
		return unsupported(name)
	}
	for _, i := range slices.Concat(o.inputs, o.outputs) {
		if i == -1 {
			continue // Check knows where one may be absent
		}
		if err := o.tensor(i); err != nil {
			return err
		}
	}
	if folded, err := o.fold(name); folded || err != nil {
		return err
	}
	op, err := o.op(name)
	if err == nil {
		err = o.err
	}
	if err != nil {
		return err
	}
	for _, i := range o.inputs {
		if i >= 0 {
			o.weights += len(o.g.Tensors[i].Data)
		}
	}
	if o.weights > len(o.bytes)+sharingAllowance {
		return fmt.Errorf("damaged file: the operations use more weights than it has")
	}
	o.g.Nodes = append(o.g.Nodes, Node{Op: op, Inputs: o.inputs, Outputs: o.outputs})
	return nil
}

// op reads the options of an operation and resolves its constant operands, which it takes off the inputs.
func (o *operator) op(name string) (Op, error) {
	row, ok := operations[name]
	if !ok {
		return nil, unsupported(name)
	}
	if o.optionsType != row.options && o.optionsType != noOptions && row.options != noOptions {
		return nil, fmt.Errorf("damaged file: it has the options of another operation (%d, not %d)",
			o.optionsType, row.options)
	}
	if row.read == nil {
		return row.zero, nil
	}
	return row.read(o)
}

// unsupported says what to do about an operation that isn't read here.
func unsupported(name string) error {
	do := "build the network from what MobileNets consist of: convolutions, sums, products, pooling, " +
		"fully connected layers (README.md lists all operations)"
	switch {
	case slices.Contains([]string{"SHAPE", "PACK", "FILL", "GATHER", "RANGE", "CAST"}, name):
		do = "convert the network with a fixed input shape, with a batch of 1"
	case slices.Contains([]string{"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"}, name):
		do = "the file keeps weights in variables, as a SavedModel does that was converted without freezing; convert the " +
			"Keras model itself (TFLiteConverter.from_keras_model), or freeze the SavedModel first"
	case strings.HasPrefix(name, "RESIZE_") || name == "TRANSPOSE_CONV" || name == "DEPTH_TO_SPACE":
		do = "networks that enlarge images, such as for segmentation, aren't supported, only classifiers"
	case strings.Contains(name, "LSTM") || strings.Contains(name, "RNN") || name == "WHILE" || name == "IF":
		do = "networks with memory or control flow aren't supported, only classifiers of single pictures"
	case strings.HasSuffix(name, "NON_MAX_SUPPRESSION_V4") || strings.HasSuffix(name, "NON_MAX_SUPPRESSION_V5"):
		do = "detectors aren't supported, only classifiers"
	case strings.HasPrefix(name, custom):
		do = "convert the network with built-in operations only"
	}
	return fmt.Errorf("this operation isn't supported: %s", do)
}

// activation reads the activation fused into an operation.
func (o *operator) activation(slot int) (Activation, error) {
	a := int(o.options.byte(slot))
	if a >= len(tfliteActivations) {
		return 0, fmt.Errorf("the fused activation %d isn't supported: only NONE, RELU, RELU6 and RELU_N1_TO_1 are", a)
	}
	return tfliteActivations[a], nil
}

// constant takes the last of two inputs off and returns its integers.
func (o *operator) constant(what string) ([]int, error) {
	if len(o.inputs) != 2 || o.inputs[0] < 0 || o.inputs[1] < 0 {
		return nil, fmt.Errorf("it has %d inputs, not 2", len(o.inputs))
	}
	last := o.inputs[1]
	o.inputs = o.inputs[:1]
	return o.integers(last, what)
}

// integers returns the few integers of a constant tensor.
func (o *operator) integers(i int, what string) ([]int, error) {
	if i < 0 {
		return nil, fmt.Errorf("it has no %s", what)
	}
	t, place := &o.g.Tensors[i], o.g.tensorPlace(i)
	switch {
	case t.Type != Int32 && t.Type != Int64:
		return nil, fmt.Errorf("%s: its %s are of type %v, not i32 or i64", place, what, t.Type)
	case t.Data == nil:
		return nil, fmt.Errorf("%s: its %s are computed: convert the network with a fixed input shape", place, what)
	}
	n, err := elements(t.Shape, 2*maxRank)
	if err != nil || n*t.Type.Size() != len(t.Data) {
		return nil, fmt.Errorf("%s: %d bytes of %s don't fit %s", place, len(t.Data), what, shapeString(t.Shape))
	}
	if t.Type == Int64 {
		return int64s(t.Data), nil
	}
	return int32s(t.Data), nil
}
