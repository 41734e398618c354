package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// sketch builds small graphs with random weights.
type sketch struct {
	g    Graph
	t    Type
	rng  *rand.Rand
	last int // the tensor that the next operation reads
}

func newSketch(t Type, shape ...int) *sketch {
	s := &sketch{t: t, rng: rand.New(rand.NewPCG(1, uint64(t)))}
	s.g.Name = "main"
	s.last = s.activation("input", t, shape)
	s.g.Inputs = []int{s.last}
	return s
}

func (s *sketch) activation(name string, t Type, shape []int) int {
	tensor := Tensor{Name: name, Type: t, Shape: shape}
	switch t {
	case Uint8:
		tensor.Quant = []Quant{{Scale: 0.05, ZeroPoint: 120}}
	case Int8:
		tensor.Quant = []Quant{{Scale: 0.05, ZeroPoint: -8}}
	}
	s.g.Tensors = append(s.g.Tensors, tensor)
	return len(s.g.Tensors) - 1
}

// weights adds weights in the manner of s.t, with a scale for each index along axis where they are s8 and axis isn't
// −1, and a bias.
func (s *sketch) weights(axis int, shape ...int) (weights, bias int) {
	w := Tensor{Name: fmt.Sprintf("weights%d", len(s.g.Tensors)), Type: s.t, Shape: shape}
	channels := shape[max(axis, 0)]
	for range Elements(shape) {
		if s.t == Float32 {
			w.Data = binary.LittleEndian.AppendUint32(w.Data, math.Float32bits(s.rng.Float32()-0.5))
		} else {
			w.Data = append(w.Data, byte(s.rng.Uint32()))
		}
	}
	b := Tensor{Name: w.Name + "/bias", Type: Int32, Shape: []int{channels}}
	switch {
	case s.t == Uint8:
		w.Quant = []Quant{{Scale: 0.01, ZeroPoint: 131}}
	case s.t == Int8 && axis >= 0 && channels > 1:
		w.Axis = axis
		for i := range channels {
			w.Quant = append(w.Quant, Quant{Scale: 0.01 + 0.001*float32(i)})
		}
	case s.t == Int8:
		w.Quant = []Quant{{Scale: 0.01}}
	case s.t == Float32:
		b.Type = Float32
	}
	for range channels {
		b.Data = binary.LittleEndian.AppendUint32(b.Data, uint32(s.rng.IntN(2000)))
	}
	for _, q := range w.Quant {
		b.Quant = append(b.Quant, Quant{Scale: s.g.Tensors[s.last].Quant[0].Scale * q.Scale})
	}
	s.g.Tensors = append(s.g.Tensors, w, b)
	return len(s.g.Tensors) - 2, len(s.g.Tensors) - 1
}

// add appends an operation on the last tensor and others. Its output is of type t, and of the shape that follows, or of
// the one given.
func (s *sketch) add(op Op, t Type, others []int, shape ...int) int {
	n := Node{Op: op, Inputs: append([]int{s.last}, others...)}
	y := s.activation(fmt.Sprintf("%s%d", OpName(op), len(s.g.Nodes)), t, shape)
	n.Outputs = []int{y}
	if shape == nil {
		shape, err := s.g.outputShape(&n)
		if err != nil {
			panic(err)
		}
		s.g.Tensors[y].Shape = shape
	}
	q := s.g.Tensors[y].Quant
	switch op.(type) {
	case AveragePool2D, MaxPool2D, Pad, Reshape, Squeeze, StridedSlice, ReduceMax:
		s.g.Tensors[y].Quant = slices.Clone(s.g.Tensors[s.last].Quant)
	case Softmax, Logistic:
		switch t {
		case Uint8:
			q[0] = Quant{Scale: 1. / 256}
		case Int8:
			q[0] = Quant{Scale: 1. / 256, ZeroPoint: -128}
		}
	case Quantize:
		q[0].Scale /= 2
	}
	s.g.Nodes = append(s.g.Nodes, n)
	s.last = y
	return y
}

func (s *sketch) finish() *Graph {
	s.g.Outputs = []int{s.last}
	s.g.dropUnused()
	return &s.g
}

// everyOperation is a network of one type with all operations but QUANTIZE and DEQUANTIZE.
func everyOperation(t Type) *Graph {
	s := newSketch(t, 1, 13, 11, 3)
	w, b := s.weights(0, 8, 3, 3, 3)
	s.add(Conv2D{Window{2, 2, Same}, Relu6}, t, []int{w, b})
	w, _ = s.weights(3, 1, 3, 3, 16)
	s.add(DepthwiseConv2D{Window{1, 1, Same}, 2, Relu}, t, []int{w, -1})
	w, b = s.weights(0, 6, 1, 1, 16)
	left := s.add(Conv2D{Window{1, 1, Valid}, None}, t, []int{w, b})
	w, b = s.weights(3, 1, 5, 5, 6)
	s.add(DepthwiseConv2D{Window{1, 1, Same}, 1, ReluN1To1}, t, []int{w, b})
	s.add(Add{Relu}, t, []int{left})
	s.add(Concatenation{Axis: 3}, t, []int{left, left})
	s.add(Pad{[]int{0, 0, 1, 0}, []int{0, 1, 2, 3}}, t, nil)
	s.add(AveragePool2D{Window{2, 1, Same}, 3, 2, Relu6}, t, nil)
	s.add(MaxPool2D{Window{1, 1, Valid}, 2, 2, None}, t, nil)
	shape := s.g.Tensors[s.last].Shape
	deep := shape[3]
	s.add(Mean{[]int{1, 2}, true}, t, nil)
	s.add(Squeeze{}, t, nil, 1, 1, deep)
	w, b = s.weights(-1, 12, deep)
	s.add(FullyConnected{Relu, true}, t, []int{w, b})
	s.add(Reshape{}, t, nil, 1, 2, 3, 2)
	s.add(Mean{[]int{2}, false}, t, nil)
	s.add(Reshape{}, t, nil, 1, 4)
	w, _ = s.weights(-1, 5, 4)
	s.add(FullyConnected{None, false}, t, []int{w, -1})
	s.add(Logistic{}, t, nil)
	s.add(Softmax{Beta: 1}, t, nil)
	return s.finish()
}

// operand adds a constant.
func (s *sketch) operand(shape ...int) int {
	t := Tensor{Name: fmt.Sprintf("operand%d", len(s.g.Tensors)), Type: s.t, Shape: shape}
	for range Elements(shape) {
		if s.t == Float32 {
			t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(s.rng.Float32()+0.5))
		} else {
			t.Data = append(t.Data, byte(s.rng.Uint32())|1)
		}
	}
	if s.t != Float32 {
		t.Quant = []Quant{{Scale: 0.02}}
	}
	s.g.Tensors = append(s.g.Tensors, t)
	return len(s.g.Tensors) - 1
}

// elements is a network of one type with all operations on single elements.
func elementwise(t Type) *Graph {
	s := newSketch(t, 1, 9, 7, 4)
	for _, a := range []Activation{Relu, Relu6, ReluN1To1, Relu0To1} {
		s.add(Rectifier{a}, t, nil)
	}
	s.add(HardSwish{}, t, nil)
	s.add(LeakyRelu{0.25}, t, nil)
	s.add(PRelu{}, t, []int{s.operand(1, 1, 4)})
	squeezed := s.add(Tanh{}, t, nil)
	s.add(Mean{[]int{1, 2}, true}, t, nil)
	s.add(Mul{Relu}, t, []int{squeezed})
	s.add(Mul{}, t, []int{s.operand()})
	s.add(Add{}, t, []int{s.operand(4)})
	s.add(Sub{Relu6}, t, []int{s.operand(4)})
	if t != Int8 {
		s.add(Div{}, t, []int{s.operand(4)})
	}
	s.add(StridedSlice{[]int{0, 1, 2, 0}, []int{1, 4, 5, 4}, []int{1, 2, 1, 1}, nil}, t, nil)
	s.add(StridedSlice{[]int{0, 3, 0, 0}, []int{1, 1, 5, 4}, []int{1, 1, 1, 1}, []int{1}}, t, nil)
	s.add(ReduceMax{[]int{1}, false}, t, nil)
	return s.finish()
}

// conversions goes through all types.
func conversions() *Graph {
	s := newSketch(Float32, 1, 4, 4, 2)
	for _, t := range []Type{Int8, Uint8, Uint8, Int8, Int8} {
		s.add(Quantize{}, t, nil)
	}
	s.add(Dequantize{}, Float32, nil)
	s.add(Quantize{}, Uint8, nil)
	s.add(Dequantize{}, Float32, nil)
	return s.finish()
}

// perChannelFullyConnected has one scale for each unit.
func perChannelFullyConnected() *Graph {
	s := newSketch(Int8, 1, 6)
	w, b := s.weights(0, 5, 6)
	s.add(FullyConnected{}, Int8, []int{w, b})
	return s.finish()
}

func labelled() *Graph {
	g := perChannelFullyConnected()
	g.Name = "with labels"
	g.Labels = []string{"nothing", "cat", "", "Schöner Hund, groß", "bird"}
	g.Normalization = &Normalization{Mean: [3]float32{123.7, 116.3, 103.5}, Std: [3]float32{58.4, 57.1, 57.4}}
	return g
}

func sketches() map[string]*Graph {
	return map[string]*Graph{
		"f32": everyOperation(Float32), "u8": everyOperation(Uint8), "s8": everyOperation(Int8),
		"conversions": conversions(), "elements-f32": elementwise(Float32), "elements-u8": elementwise(Uint8),
		"elements-s8": elementwise(Int8), "fc-per-channel": perChannelFullyConnected(), "labelled": labelled(),
	}
}

// roundTrip writes g and reads it back.
func roundTrip(t testing.TB, g *Graph) *Graph {
	t.Helper()
	b, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ReadTFLite(b)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// requireEqual compares graphs field by field.
func requireEqual(t testing.TB, got, want *Graph) {
	t.Helper()
	if len(got.Tensors) != len(want.Tensors) || len(got.Nodes) != len(want.Nodes) {
		t.Fatalf("%d tensors and %d nodes, want %d and %d",
			len(got.Tensors), len(got.Nodes), len(want.Tensors), len(want.Nodes))
	}
	for i := range want.Tensors {
		if !reflect.DeepEqual(got.Tensors[i], want.Tensors[i]) {
			t.Fatalf("tensor %d: %+v, want %+v", i, got.Tensors[i], want.Tensors[i])
		}
	}
	for i := range want.Nodes {
		if !reflect.DeepEqual(got.Nodes[i], want.Nodes[i]) {
			t.Fatalf("node %d: %+v, want %+v", i, got.Nodes[i], want.Nodes[i])
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %q, %v → %v, %v, %q; want %q, %v → %v, %v, %q",
			got.Name, got.Inputs, got.Outputs, got.Normalization, got.Labels,
			want.Name, want.Inputs, want.Outputs, want.Normalization, want.Labels)
	}
}

func TestWriteTFLiteReadsBackEqual(t *testing.T) {
	for name, g := range sketches() {
		t.Run(name, func(t *testing.T) { requireEqual(t, roundTrip(t, g), g) })
	}
}

// TestEncodeTFLite writes the same bytes as WriteTFLite, and needs little more memory than they: boards have no more.
func TestEncodeTFLite(t *testing.T) {
	s := newSketch(Int8, 1, 8, 8, 512)
	for range 6 {
		w, b := s.weights(0, 512, 1, 1, 512) // a scale for each output channel
		s.add(Conv2D{Window{1, 1, Same}, None}, Int8, []int{w, b}, 1, 8, 8, 512)
	}
	g := s.finish()
	g.Labels = []string{"cat", "clock"}
	want, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if n, err := g.EncodeTFLite(&file); err != nil || n != len(want) || !bytes.Equal(file.Bytes(), want) {
		t.Errorf("%d bytes, %v; not the %d of WriteTFLite", n, err, len(want))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := g.EncodeTFLite(io.Discard); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(len(want))*5/4 {
		t.Errorf("%d bytes were allocated for a file of %d", took, len(want))
	}
}

func TestWriteTFLiteDropsUnusedTensors(t *testing.T) {
	g := perChannelFullyConnected()
	want := roundTrip(t, g)
	unused := *g
	unused.Tensors = append([]Tensor{{Name: "nobody's"}}, g.Tensors...)
	unused.Inputs, unused.Outputs = []int{g.Inputs[0] + 1}, []int{g.Outputs[0] + 1}
	n := g.Nodes[0]
	n.Inputs, n.Outputs = []int{n.Inputs[0] + 1, n.Inputs[1] + 1, n.Inputs[2] + 1}, []int{n.Outputs[0] + 1}
	unused.Nodes = []Node{n}
	requireEqual(t, roundTrip(t, &unused), want)
	if unused.Inputs[0] != g.Inputs[0]+1 || unused.Nodes[0].Inputs[0] != g.Nodes[0].Inputs[0]+1 {
		t.Error("WriteTFLite changed its graph")
	}
}

func TestWriteTFLiteRefusesLabels(t *testing.T) {
	for name, labels := range map[string][]string{
		"two lines": {"a\nb"}, "carriage return": {"a\r"}, "last empty": {"a", ""}, "not UTF-8": {"\xff"},
	} {
		g := perChannelFullyConnected()
		g.Labels = labels
		if _, err := g.WriteTFLite(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTFLiteLoads shows what is written here to TensorFlow Lite itself.
func TestTFLiteLoads(t *testing.T) {
	python := os.Getenv("EDGE_LITERT_PYTHON")
	if python == "" {
		t.Skip("EDGE_LITERT_PYTHON isn't set to a Python that has ai-edge-litert")
	}
	dir := t.TempDir()
	args := []string{filepath.Join("testdata", "invoke.py")}
	var want []string
	graphs := sketches()
	official, _ := filepath.Glob(filepath.Join(sharedModels, "*.tflite"))
	for _, path := range append(official, onnxFixtures(t)...) {
		read := ReadTFLite
		if filepath.Ext(path) == ".onnx" {
			read = readAlone
		}
		g, err := read(readFile(t, path))
		if err != nil {
			t.Fatal(path, err)
		}
		graphs[filepath.Base(path)] = g
	}
	for name, g := range graphs {
		b, err := g.WriteTFLite()
		if err != nil {
			t.Fatal(name, err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
		y := &g.Tensors[g.Outputs[0]]
		kind := map[Type]string{Float32: "float32", Uint8: "uint8", Int8: "int8"}[y.Type]
		q := Quant{}
		if len(y.Quant) == 1 {
			q = y.Quant[0]
		}
		shape := strings.ReplaceAll(shapeString(y.Shape), "×", "x")
		want = append(want, fmt.Sprintf("%s %s %s %.6g %d", name, shape, kind, q.Scale, q.ZeroPoint))
	}
	out, err := exec.Command(python, args...).Output()
	if err != nil {
		message := err.Error()
		if exit, ok := err.(*exec.ExitError); ok {
			message = string(exit.Stderr)
		}
		t.Fatalf("%s\n%s", out, message)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if !slices.Equal(got, want) {
		t.Errorf("TensorFlow Lite says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
