package model

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	flatbuffers "github.com/google/flatbuffers/go"
)

// maxWriteBytes is what a FlatBuffer can hold with room to spare.
const maxWriteBytes = 1 << 30

// WriteTFLite returns the bytes of a .tflite file, which TensorFlow Lite loads and ReadTFLite reads back as g (less the
// nodes' names, which the format doesn't have, and tensors that nothing refers to). Labels and normalization become
// TFLite metadata in it. It fails if g doesn't pass Check.
func (g *Graph) WriteTFLite() ([]byte, error) {
	b, labels, err := g.encode()
	return append(b, labels...), err
}

// EncodeTFLite writes what WriteTFLite returns, in half the memory, and returns its size.
func (g *Graph) EncodeTFLite(w io.Writer) (size int, err error) {
	b, labels, err := g.encode()
	for _, part := range [][]byte{b, labels} {
		if err == nil {
			_, err = w.Write(part)
		}
	}
	return len(b) + len(labels), err
}

// encode makes the two parts of a file: the FlatBuffer, and the archive with the labels, if there are some.
func (g *Graph) encode() (b, labels []byte, err error) {
	if b, err = g.flatBuffer(); err == nil && g.Labels != nil {
		labels, err = labelsArchive(len(b), g.Labels)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("model: %w", err)
	}
	return b, labels, nil
}

func (g *Graph) flatBuffer() ([]byte, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	// With room for all, the buffer needn't grow, which takes three times as much memory: a quantization is a scale of 4 bytes and a
	// zero point of 8, and tables, names and shapes are small.
	size := 1 << 16
	for i := range g.Tensors {
		t := &g.Tensors[i]
		size += len(t.Data) + 12*len(t.Quant) + len(t.Name) + 256
		if size > maxWriteBytes {
			return nil, fmt.Errorf("more than %d MiB of weights", maxWriteBytes>>20)
		}
	}
	used := g.copyIndices()
	used.dropUnused()
	w := tfliteWriter{writer: writer{flatbuffers.NewBuilder(size)}, g: used}
	return w.model(), nil
}

// writer is a FlatBuffer's builder with the few calls that are missing there.
type writer struct{ *flatbuffers.Builder }

// offset writes a field that points to something written before; 0 is an absent one.
func (w writer) offset(slot int, to flatbuffers.UOffsetT) { w.PrependUOffsetTSlot(slot, to, 0) }

func (w writer) tables(offsets ...flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	return w.CreateVectorOfTables(offsets)
}

func (w writer) string(s string) flatbuffers.UOffsetT {
	if s == "" {
		return 0
	}
	return w.CreateString(s)
}

func (w writer) int32s(v []int) flatbuffers.UOffsetT {
	w.StartVector(4, len(v), 4)
	for _, x := range slices.Backward(v) {
		w.PrependInt32(int32(x))
	}
	return w.EndVector(len(v))
}

func (w writer) float32s(v []float32) flatbuffers.UOffsetT {
	w.StartVector(4, len(v), 4)
	for _, x := range slices.Backward(v) {
		w.PrependFloat32(x)
	}
	return w.EndVector(len(v))
}

// tfliteWriter turns a graph into the tables of a file, each after those it points to.
type tfliteWriter struct {
	writer
	g       *Graph
	codes   []opVersion
	buffers []flatbuffers.UOffsetT
	tensors []flatbuffers.UOffsetT // those of g, then those that say how an operation works
}

// opVersion is an operation's number and the oldest version of it that has what a node needs.
type opVersion struct{ code, version int }

func (w *tfliteWriter) model() []byte {
	w.buffer(nil) // number 0 is the empty one, by agreement
	for i := range w.g.Tensors {
		w.tensor(&w.g.Tensors[i])
	}
	operators := make([]flatbuffers.UOffsetT, len(w.g.Nodes))
	for i := range w.g.Nodes {
		operators[i] = w.operator(&w.g.Nodes[i])
	}
	subgraph := w.subgraph(w.tables(operators...))
	metadata := w.metadata()
	codes := make([]flatbuffers.UOffsetT, len(w.codes))
	for i, c := range w.codes {
		w.StartObject(opCodeSlots)
		w.PrependInt8Slot(opCodeDeprecated, int8(min(c.code, opPlaceholder)), 0)
		w.PrependInt32Slot(opCodeVersion, int32(c.version), 1)
		w.PrependInt32Slot(opCodeBuiltin, int32(c.code), 0)
		codes[i] = w.EndObject()
	}
	subgraphs, opCodes, buffers := w.tables(subgraph), w.tables(codes...), w.tables(w.buffers...)
	description := w.string("edge")
	w.StartObject(modelSlots)
	w.PrependUint32Slot(modelVersion, tfliteVersion, 0)
	w.offset(modelOperatorCodes, opCodes)
	w.offset(modelSubgraphs, subgraphs)
	w.offset(modelDescription, description)
	w.offset(modelBuffers, buffers)
	w.offset(modelMetadata, metadata)
	w.FinishWithFileIdentifier(w.EndObject(), []byte(tfliteIdentifier))
	return w.FinishedBytes()
}

func (w *tfliteWriter) subgraph(operators flatbuffers.UOffsetT) flatbuffers.UOffsetT {
	tensors := w.tables(w.tensors...)
	inputs, outputs, name := w.int32s(w.g.Inputs), w.int32s(w.g.Outputs), w.string(w.g.Name)
	w.StartObject(subgraphSlots)
	w.offset(subgraphTensors, tensors)
	w.offset(subgraphInputs, inputs)
	w.offset(subgraphOutputs, outputs)
	w.offset(subgraphOperators, operators)
	w.offset(subgraphName, name)
	return w.EndObject()
}

func (w *tfliteWriter) metadata() flatbuffers.UOffsetT {
	var entries []flatbuffers.UOffsetT
	if w.g.Labels != nil || w.g.Normalization != nil {
		entries = append(entries, w.entry(metadataEntry, w.g.metadataBlob()))
	}
	if w.g.Lesson != nil {
		text, err := json.Marshal(w.g.Lesson)
		if err != nil {
			panic("model: " + err.Error()) // plain fields
		}
		entries = append(entries, w.entry(lessonEntry, text))
	}
	if len(entries) == 0 {
		return 0
	}
	return w.tables(entries...)
}

func (w *tfliteWriter) entry(name string, data []byte) flatbuffers.UOffsetT {
	buffer, named := w.buffer(data), w.string(name)
	w.StartObject(metadataSlots)
	w.offset(metadataName, named)
	w.PrependUint32Slot(metadataBuffer, uint32(buffer), 0)
	return w.EndObject()
}

// buffer writes bytes, aligned so that weights can be used in place in a mapped file, and returns the buffer's
// number.
func (w *tfliteWriter) buffer(data []byte) int {
	const alignment = 16
	var bytes flatbuffers.UOffsetT
	if len(data) > 0 {
		w.Prep(alignment, len(data))
		bytes = w.CreateByteVector(data)
	}
	w.StartObject(bufferSlots)
	w.offset(bufferData, bytes)
	w.buffers = append(w.buffers, w.EndObject())
	return len(w.buffers) - 1
}

// tensor writes a tensor and returns its number.
func (w *tfliteWriter) tensor(t *Tensor) int {
	buffer := 0
	if len(t.Data) > 0 {
		buffer = w.buffer(t.Data)
	}
	kind := 0
	for i := range tfliteTypes {
		if tfliteTypes[i].here == t.Type {
			kind = i
		}
	}
	name, shape, quantization := w.string(t.Name), w.int32s(t.Shape), w.quantization(t)
	w.StartObject(tensorSlots)
	w.offset(tensorShape, shape)
	w.PrependInt8Slot(tensorType, int8(kind), 0)
	w.PrependUint32Slot(tensorBuffer, uint32(buffer), 0)
	w.offset(tensorName, name)
	w.offset(tensorQuantization, quantization)
	w.tensors = append(w.tensors, w.EndObject())
	return len(w.tensors) - 1
}

func (w *tfliteWriter) quantization(t *Tensor) flatbuffers.UOffsetT {
	if len(t.Quant) == 0 {
		return 0
	}
	scale := make([]float32, len(t.Quant))
	w.StartVector(8, len(t.Quant), 8)
	for i, q := range slices.Backward(t.Quant) {
		scale[i] = q.Scale
		w.PrependInt64(int64(q.ZeroPoint))
	}
	points := w.EndVector(len(t.Quant))
	scales := w.float32s(scale)
	w.StartObject(quantizationSlots)
	w.offset(quantizationScale, scales)
	w.offset(quantizationZeroPoint, points)
	w.PrependInt32Slot(quantizationDimension, int32(t.Axis), 0)
	return w.EndObject()
}

func (w *tfliteWriter) operator(n *Node) flatbuffers.UOffsetT {
	row := mustRow(n.Op)
	optionsType, options := noOptions, flatbuffers.UOffsetT(0)
	if row.write != nil {
		optionsType, options = row.options, row.write(w, n)
	}
	in := slices.Clone(n.Inputs)
	if row.constants == weights && in[2] == -1 {
		in = in[:2]
	}
	if row.operands != nil {
		for _, operand := range row.operands(w.g, n) {
			in = append(in, w.tensor(&operand))
		}
	}
	inputs, outputs := w.int32s(in), w.int32s(n.Outputs)
	c := opVersion{slices.Index(tfliteOps, n.Op.op()), w.g.version(n, &row)}
	index := slices.Index(w.codes, c)
	if index < 0 {
		index = len(w.codes)
		w.codes = append(w.codes, c)
	}
	w.StartObject(operatorSlots)
	w.PrependUint32Slot(operatorCode, uint32(index), 0)
	w.offset(operatorInputs, inputs)
	w.offset(operatorOutputs, outputs)
	w.PrependByteSlot(operatorOptionsType, byte(optionsType), noOptions)
	w.offset(operatorOptions, options)
	return w.EndObject()
}

// constant makes a tensor that says how an operation works.
func constant(name string, v []int, shape ...int) Tensor {
	t := Tensor{Name: name, Type: Int32, Shape: shape}
	for _, x := range v {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, uint32(int32(x)))
	}
	return t
}

func (w *tfliteWriter) activation(slot int, a Activation) {
	w.PrependInt8Slot(slot, int8(slices.Index(tfliteActivations[:], a)), 0)
}

// version is the oldest version of a node's operation that can do what the node asks for.
func (g *Graph) version(n *Node, row *operation) int {
	v := 1
	if row.version != nil {
		v = max(v, row.version(g, n))
	}
	if g.Tensors[n.Inputs[0]].Type == Int8 {
		v = max(v, row.signed)
	}
	return v
}
