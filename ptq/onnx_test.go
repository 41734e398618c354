package ptq

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// onnxWriter writes an .onnx file node by node, as exporters do. The numbers are those of the fields in ONNX's
// onnx.proto.
type onnxWriter struct {
	opset        int
	constants    bool   // are nodes, instead of initializers
	aside        []byte // weights that go to a second file, if it isn't nil
	nodes        message
	initializers message
	count        int
}

// asideName is what the file calls the second one.
const asideName = "network.onnx.data"

// message is a part of a protobuf message.
type message []byte

func (m message) integer(field protowire.Number, v int) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) text(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

// Kinds of attributes, and of elements.
const (
	attributeFloat, attributeInt, attributeTensor, attributeInts = 1, 2, 4, 7
	elementFloat, elementInt64                                   = 1, 7
)

func integer(name string, v int) message {
	return message{}.text(1, name).integer(3, v).integer(20, attributeInt)
}

func number(name string, v float32) message {
	m := message{}.text(1, name).integer(20, attributeFloat)
	return protowire.AppendFixed32(protowire.AppendTag(m, 2, protowire.Fixed32Type), math.Float32bits(v))
}

func integers(name string, v ...int) message {
	m := message{}.text(1, name).integer(20, attributeInts)
	for _, x := range v {
		m = m.integer(8, x)
	}
	return m
}

func (w *onnxWriter) name(kind string) string {
	w.count++
	return fmt.Sprintf("/%s_%d_output_0", kind, w.count)
}

// node appends an operation and returns its output's name.
func (w *onnxWriter) node(op string, inputs []string, attributes ...message) string {
	output := w.name(op)
	m := message{}
	for _, name := range inputs {
		m = m.text(1, name)
	}
	m = m.text(2, output).text(3, output[:len(output)-len("_output_0")]).text(4, op)
	for _, a := range attributes {
		m = m.bytes(5, a)
	}
	w.nodes = w.nodes.bytes(1, m)
	return output
}

// weights are an initializer.
func (w *onnxWriter) weights(v []float32, dims ...int) string {
	name := w.name("weights")
	data := floatBytes(v)
	m := tensor(elementFloat, dims).text(8, name)
	if w.aside == nil {
		m = m.bytes(9, data)
	} else {
		for _, pair := range [][2]string{
			{"location", asideName}, {"offset", fmt.Sprint(len(w.aside))}, {"length", fmt.Sprint(len(data))},
		} {
			m = m.bytes(13, message{}.text(1, pair[0]).text(2, pair[1]))
		}
		m = m.integer(14, 1)
		w.aside = append(w.aside, data...)
	}
	w.initializers = w.initializers.bytes(5, m)
	return name
}

// scalar and list are constants, as this exporter writes them.
func (w *onnxWriter) scalar(v float32) string {
	return w.constant(tensor(elementFloat, nil).bytes(9, floatBytes([]float32{v})))
}

func (w *onnxWriter) list(v ...int) string {
	return w.constant(tensor(elementInt64, []int{len(v)}).bytes(9, int64Bytes(v)))
}

func (w *onnxWriter) constant(m message) string {
	if w.constants {
		return w.node("Constant", nil, message{}.text(1, "value").bytes(5, m).integer(20, attributeTensor))
	}
	name := w.name("constant")
	w.initializers = w.initializers.bytes(5, m.text(8, name))
	return name
}

func tensor(kind int, dims []int) message {
	m := message{}
	for _, d := range dims {
		m = m.integer(1, d)
	}
	return m.integer(2, kind)
}

func floatBytes(v []float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func int64Bytes(v []int) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	return b
}

// file is the whole network from input to output; a dimension that is 0 is left open.
func (w *onnxWriter) file(input string, shape []int, output string, classes int) []byte {
	value := func(name string, shape []int) message {
		dims := message{}
		for _, d := range shape {
			if d == 0 {
				dims = dims.bytes(1, message{}.text(2, "batch"))
			} else {
				dims = dims.bytes(1, message{}.integer(1, d))
			}
		}
		return message{}.text(1, name).bytes(2, message{}.bytes(1, message{}.integer(1, elementFloat).bytes(2, dims)))
	}
	graph := append(w.nodes.text(2, "main_graph"), w.initializers...)
	graph = graph.bytes(11, value(input, shape)).bytes(12, value(output, []int{shape[0], classes}))
	return message{}.integer(1, 8).bytes(7, graph).bytes(8, message{}.text(1, "").integer(2, w.opset))
}
