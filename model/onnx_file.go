package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The parts of an .onnx file that are read here. The numbers are those of the fields in ONNX's onnx.proto.

const (
	maxONNXNodes  = 1 << 14 // a node of the graph takes several, with those for constants
	maxONNXFields = 1 << 16 // inputs, outputs and attributes of all nodes
	maxONNXInts   = 64      // in one attribute or one shape
)

// The types of elements.
const (
	onnxFloat    = 1
	onnxUint8    = 2
	onnxInt8     = 3
	onnxUint16   = 4
	onnxInt16    = 5
	onnxInt32    = 6
	onnxInt64    = 7
	onnxBool     = 9
	onnxFloat16  = 10
	onnxDouble   = 11
	onnxBfloat16 = 16
)

// onnxTypes names them, for errors.
var onnxTypes = [...]string{
	"undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double",
	"uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
	"float8e5m2fnuz", "uint4", "int4",
}

func onnxTypeName(kind int) string {
	if kind >= 0 && kind < len(onnxTypes) {
		return onnxTypes[kind]
	}
	return fmt.Sprintf("type %d", kind)
}

type onnxFile struct {
	opset        int
	name         string
	nodes        []onnxNode
	initializers []*onnxTensor
	inputs       []onnxInput
	outputs      []string

	fields int // counted up to maxONNXFields
	size   int // of the file, and of those beside it, in bytes
}

type onnxNode struct {
	name, op, domain string
	inputs, outputs  []string
	attributes       []onnxAttribute
}

type onnxAttribute struct {
	name    string
	float   float32
	integer int
	str     string
	ints    []int
	floats  []byte
	tensor  *onnxTensor
}

// onnxTensor is a constant. Its elements stay where the file has them.
type onnxTensor struct {
	name     string
	dims     []int
	kind     int
	raw      []byte // little-endian
	varints  []byte // elements one after the other as varints, if they aren't raw
	external bool   // its data is in another file, as said by where
	where    externalData
	quant    []Quant // of float32 numbers that a file has as 8-bit ones: one for all, or one for each index along axis
	axis     int
}

// externalData is a part of a file that lies beside the .onnx file; a length of −1 is all up to its end.
type externalData struct {
	file           string
	offset, length int
}

// onnxInput is an input of the graph; a dimension that isn't fixed is 0.
type onnxInput struct {
	name  string
	kind  int
	shape []int
}

func parseONNX(b []byte) (*onnxFile, error) {
	m := &onnxFile{size: len(b)}
	var graph []byte
	err := eachField(b, func(f field) error {
		switch f.number {
		case 7:
			graph = f.bytes
		case 8:
			return m.opsetImport(f.bytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if graph == nil {
		return nil, fmt.Errorf("not an .onnx file: it has no graph")
	}
	if err := eachField(graph, m.graphField); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *onnxFile) opsetImport(b []byte) error {
	domain, version := "", 0
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			domain = string(f.bytes)
		case 2:
			version = int(f.integer)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		m.opset = version
	}
	return err
}

func (m *onnxFile) graphField(f field) error {
	switch f.number {
	case 1:
		if len(m.nodes) == maxONNXNodes {
			return fmt.Errorf("more than %d nodes", maxONNXNodes)
		}
		n, err := m.node(f.bytes)
		m.nodes = append(m.nodes, n)
		return err
	case 2:
		m.name = text(f.bytes)
	case 5:
		if len(m.initializers) == maxONNXNodes {
			return fmt.Errorf("more than %d initializers", maxONNXNodes)
		}
		t, err := parseONNXTensor(f.bytes)
		m.initializers = append(m.initializers, t)
		return err
	case 11:
		if err := m.count(); err != nil {
			return err
		}
		input, err := parseONNXInput(f.bytes)
		m.inputs = append(m.inputs, input)
		return err
	case 12:
		if err := m.count(); err != nil {
			return err
		}
		output, err := parseONNXInput(f.bytes)
		m.outputs = append(m.outputs, output.name)
		return err
	case 15:
		return fmt.Errorf("sparse initializers aren't supported")
	}
	return nil
}

// count bounds what many tiny fields can make.
func (m *onnxFile) count() error {
	m.fields++
	if m.fields > maxONNXFields {
		return fmt.Errorf("more than %d inputs, outputs and attributes", maxONNXFields)
	}
	return nil
}

func (m *onnxFile) node(b []byte) (onnxNode, error) {
	var n onnxNode
	err := eachField(b, func(f field) error {
		if err := m.count(); err != nil {
			return err
		}
		switch f.number {
		case 1:
			n.inputs = append(n.inputs, text(f.bytes))
		case 2:
			n.outputs = append(n.outputs, text(f.bytes))
		case 3:
			n.name = text(f.bytes)
		case 4:
			n.op = text(f.bytes)
		case 5:
			a, err := parseONNXAttribute(f.bytes)
			n.attributes = append(n.attributes, a)
			return err
		case 7:
			n.domain = text(f.bytes)
		}
		return nil
	})
	return n, err
}

func parseONNXAttribute(b []byte) (onnxAttribute, error) {
	var a onnxAttribute
	err := eachField(b, func(f field) (err error) {
		switch f.number {
		case 1:
			a.name = text(f.bytes)
		case 2:
			a.float = math.Float32frombits(uint32(f.integer))
		case 3:
			a.integer = int(f.integer)
		case 4:
			a.str = text(f.bytes)
		case 5:
			a.tensor, err = parseONNXTensor(f.bytes)
		case 7:
			a.floats = f.fixed32s(a.floats)
		case 8:
			a.ints, err = f.varints(a.ints, maxONNXInts)
		}
		return err
	})
	return a, err
}

func parseONNXTensor(b []byte) (*onnxTensor, error) {
	t := new(onnxTensor)
	err := eachField(b, func(f field) (err error) {
		switch f.number {
		case 1:
			t.dims, err = f.varints(t.dims, maxONNXInts)
		case 2:
			t.kind = int(f.integer)
		case 4:
			t.raw = f.fixed32s(t.raw)
		case 5, 7:
			t.varints = f.packed(t.varints)
		case 8:
			t.name = text(f.bytes)
		case 9:
			t.raw = slices.Clip(f.bytes)
		case 10:
			t.raw = f.fixed64s(t.raw)
		case 13:
			if !t.external {
				t.external, t.where.length = true, -1
			}
			return t.where.entry(f.bytes)
		case 14:
			t.external = t.external || f.integer == 1
		}
		return err
	})
	return t, err
}

// entry reads one of the pairs of texts that say where a tensor's data is.
func (w *externalData) entry(b []byte) error {
	var key, value string
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			key = text(f.bytes)
		case 2:
			value = text(f.bytes)
		}
		return nil
	})
	if err != nil {
		return err
	}
	number := func(v *int) error {
		if *v, err = strconv.Atoi(value); err != nil || *v < 0 {
			return fmt.Errorf("external data with the %s %s", key, printable(value))
		}
		return nil
	}
	switch key {
	case "location":
		w.file = value
	case "offset":
		return number(&w.offset)
	case "length":
		return number(&w.length)
	}
	return nil
}

// fetch takes the data of the initializers that is in files beside this one from there.
func (m *onnxFile) fetch(beside func(name string) ([]byte, error)) error {
	files := map[string][]byte{}
	for _, t := range m.initializers {
		if !t.external || beside == nil {
			continue // an error if something needs it
		}
		data, known := files[t.where.file]
		if !known {
			var err error
			if data, err = beside(t.where.file); err != nil {
				return fmt.Errorf("%s: its data is in another file: %w", printable(t.name), err)
			}
			files[t.where.file] = data
			m.size += len(data)
		}
		from, length := t.where.offset, t.where.length
		if length < 0 {
			length = max(len(data)-from, 0)
		}
		if from > len(data) || length > len(data)-from {
			return fmt.Errorf("%s: %d bytes from %d on are not in %s, which has %d: export the network again",
				printable(t.name), length, from, printable(t.where.file), len(data))
		}
		t.raw, t.external = data[from:from+length:from+length], false
	}
	return nil
}

func parseONNXInput(b []byte) (onnxInput, error) {
	var v onnxInput
	tensor, shape := []byte(nil), []byte(nil)
	err := eachField(b, func(f field) error {
		switch f.number {
		case 1:
			v.name = text(f.bytes)
		case 2:
			return eachField(f.bytes, func(f field) error {
				if f.number == 1 {
					tensor = f.bytes
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	err = eachField(tensor, func(f field) error {
		switch f.number {
		case 1:
			v.kind = int(f.integer)
		case 2:
			shape = f.bytes
		}
		return nil
	})
	if err != nil {
		return v, err
	}
	return v, eachField(shape, func(f field) error {
		if f.number != 1 {
			return nil
		}
		if len(v.shape) == maxONNXInts {
			return fmt.Errorf("more than %d dimensions", maxONNXInts)
		}
		dim := 0
		err := eachField(f.bytes, func(f field) error {
			if f.number == 1 {
				dim = int(f.integer)
			}
			return nil
		})
		v.shape = append(v.shape, dim)
		return err
	})
}

// text is a copy of a string, as valid UTF-8.
func text(b []byte) string { return strings.ToValidUTF8(string(b), "�") }

// attribute returns an attribute of n, and false if it is absent.
func (n *onnxNode) attribute(name string) (*onnxAttribute, bool) {
	for i := range n.attributes {
		if n.attributes[i].name == name {
			return &n.attributes[i], true
		}
	}
	return nil, false
}

func (n *onnxNode) integer(name string, absent int) int {
	if a, ok := n.attribute(name); ok {
		return a.integer
	}
	return absent
}

func (n *onnxNode) float(name string, absent float32) float32 {
	if a, ok := n.attribute(name); ok {
		return a.float
	}
	return absent
}

func (n *onnxNode) str(name, absent string) string {
	if a, ok := n.attribute(name); ok {
		return a.str
	}
	return absent
}

func (n *onnxNode) ints(name string) []int {
	if a, ok := n.attribute(name); ok {
		return a.ints
	}
	return nil
}

// input returns the name of an input; "" if it is absent.
func (n *onnxNode) input(i int) string {
	if i < len(n.inputs) {
		return n.inputs[i]
	}
	return ""
}
