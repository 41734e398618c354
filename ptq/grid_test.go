package ptq

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"edge/engine"
	"edge/mobilenet"
	"edge/model"
)

// The networks of this grid have random weights and are written as .onnx in the ways in which PyTorch's exporters and
// their like write MobileNets: what torchvision, timm and torch.onnx.export were seen to give.

// rawLayer is a layer whose batch normalization stands beside it.
type rawLayer struct {
	mobilenet.Layer
	weights                      []float32 // OIHW
	scale, shift, mean, variance []float32 // of the batch normalization; for the classifier, shift is its bias
}

const epsilon = 1e-5

// rawNetwork is a MobileNet as it was trained.
type rawNetwork struct {
	*mobilenet.Blueprint
	layers []rawLayer
}

func newRawNetwork(t *testing.T, f mobilenet.Family, alpha float64, resolution int) *rawNetwork {
	t.Helper()
	b, err := mobilenet.New(f, alpha, resolution, 10)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(resolution), math.Float64bits(alpha)))
	n := &rawNetwork{Blueprint: b}
	for _, l := range b.Layers {
		r := rawLayer{Layer: l}
		inputs := l.In
		switch l.Kind {
		case mobilenet.Stem:
			inputs = 9 * l.In
		case mobilenet.Depthwise:
			inputs = 9
		case mobilenet.Add, mobilenet.Pool:
			n.layers = append(n.layers, r)
			continue
		}
		r.weights = make([]float32, inputs*l.Out)
		for i := range r.weights {
			r.weights[i] = float32(rng.NormFloat64() * math.Sqrt(2/float64(inputs)))
		}
		for range l.Out {
			r.scale = append(r.scale, float32(0.7+0.6*rng.Float64()))
			r.shift = append(r.shift, float32(0.3*rng.NormFloat64()))
			r.mean = append(r.mean, float32(0.2*rng.NormFloat64()))
			r.variance = append(r.variance, float32(0.5+rng.Float64()))
		}
		n.layers = append(n.layers, r)
	}
	return n
}

// folded has the batch normalization in the weights and a bias; nil where there are no weights.
func (l *rawLayer) folded() (weights, bias []float32) {
	switch l.Kind {
	case mobilenet.Classify:
		return l.weights, l.shift
	case mobilenet.Add, mobilenet.Pool:
		return nil, nil
	}
	each := len(l.weights) / l.Out
	for i, w := range l.weights {
		factor := float64(l.scale[i/each]) / math.Sqrt(float64(l.variance[i/each])+epsilon)
		weights = append(weights, float32(float64(w)*factor))
	}
	for o := range l.Out {
		factor := float64(l.scale[o]) / math.Sqrt(float64(l.variance[o])+epsilon)
		bias = append(bias, float32(float64(l.shift[o])-float64(l.mean[o])*factor))
	}
	return weights, bias
}

// run computes the logits by the definition of each layer; x and everything else is CHW.
func (n *rawNetwork) run(x []float32) []float32 {
	size := n.Resolution
	var outputs [][]float32
	for _, l := range n.layers {
		weights, bias := l.folded()
		y := make([]float32, l.Out*l.Size*l.Size)
		kernel, stride := 1, l.Stride
		if l.Kind == mobilenet.Stem || l.Kind == mobilenet.Depthwise {
			kernel = 3
		}
		switch l.Kind {
		case mobilenet.Add:
			for i, v := range outputs[l.Shortcut] {
				y[i] = v + x[i]
			}
		case mobilenet.Pool:
			for i, v := range x {
				y[i/(size*size)] += v / float32(size*size)
			}
		default:
			depth := len(l.weights) / l.Out / (kernel * kernel)
			for o := range l.Out {
				first := 0
				if l.Kind == mobilenet.Depthwise {
					first = o
				}
				slide(y[o*l.Size*l.Size:(o+1)*l.Size*l.Size], x[first*size*size:(first+depth)*size*size],
					weights[o*depth*kernel*kernel:(o+1)*depth*kernel*kernel], bias[o], l.Size, size, kernel, stride)
			}
		}
		if l.Function == mobilenet.Relu6 {
			for i, v := range y {
				y[i] = min(max(v, 0), 6)
			}
		}
		outputs = append(outputs, y)
		x, size = y, l.Size
	}
	return x
}

// slide computes one output channel of a convolution with a padding of half of the kernel.
func slide(y, x, weights []float32, bias float32, out, in, kernel, stride int) {
	for i := range y {
		y[i] = bias
	}
	for k, w := range weights {
		plane := x[k/(kernel*kernel)*in*in:][:in*in]
		top, left := k/kernel%kernel-kernel/2, k%kernel-kernel/2
		for i := range out {
			row := i*stride + top
			if row < 0 || row >= in {
				continue
			}
			for j := range out {
				if column := j*stride + left; column >= 0 && column < in {
					y[i*out+j] += w * plane[row*in+column]
				}
			}
		}
	}
}

// exporter is a way to write a network. The texts are cases of the methods below.
type exporter struct {
	name      string
	opset     int
	normalize bool // batch normalizations stand alone
	constants bool // Constant nodes instead of initializers
	aside     bool // weights in a second file
	openBatch bool // the first dimension is not fixed
	pad       bool // Pad nodes before convolutions
	clip      bool // its bounds are attributes: wrong since operator set 11, but met where only the number was raised
	pool      string
	flatten   string
	dropout   bool
	identity  bool
	classify  string
	softmax   bool
}

// exporters cover the operator sets 11 to 20.
var exporters = []exporter{
	{name: "torchscript", opset: 11, constants: true, pool: "GlobalAveragePool", flatten: "Flatten", classify: "Gemm"},
	{name: "unfolded", opset: 12, normalize: true, pool: "ReduceMean attribute", dropout: true, classify: "Gemm"},
	{
		name: "converted from Keras", opset: 13, pad: true, pool: "GlobalAveragePool", flatten: "Reshape",
		classify: "MatMul", softmax: true,
	},
	{
		name: "open batch", opset: 14, normalize: true, constants: true, openBatch: true, identity: true,
		pool: "GlobalAveragePool", flatten: "Reshape computed", classify: "Gemm",
	},
	{name: "mean of means", opset: 15, constants: true, pool: "ReduceMean twice", classify: "Gemm", softmax: true},
	{
		name: "whole average", opset: 16, pool: "AveragePool", flatten: "Reshape", dropout: true, identity: true,
		classify: "Gemm untransposed",
	},
	{name: "squeezed", opset: 17, constants: true, pool: "GlobalAveragePool", flatten: "Squeeze input", classify: "MatMul"},
	{
		name: "squeezed by attribute", opset: 12, clip: true, pool: "GlobalAveragePool", flatten: "Squeeze attribute",
		classify: "Gemm",
	},
	{
		name: "dynamo", opset: 18, aside: true, openBatch: true, pool: "ReduceMean input, dimensions kept",
		flatten: "Reshape", classify: "Gemm",
	},
	{
		name: "dynamo, not optimized", opset: 19, normalize: true, constants: true, pad: true, pool: "ReduceMean input",
		dropout: true, classify: "MatMul", softmax: true,
	},
	{
		name: "dynamo of today", opset: 20, aside: true, pool: "ReduceMean input, dimensions kept", flatten: "Reshape",
		classify: "Gemm", softmax: true,
	},
}

// export writes n; aside is the second file, if this exporter makes one.
func (e *exporter) export(n *rawNetwork) (file, aside []byte) {
	w := &onnxWriter{opset: e.opset, constants: e.constants}
	if e.aside {
		w.aside = []byte{}
	}
	shape := []int{1, 3, n.Resolution, n.Resolution}
	if e.openBatch {
		shape[0] = 0
	}
	last, size := "input", n.Resolution
	var outputs []string
	for i := range n.layers {
		switch l := &n.layers[i]; l.Kind {
		case mobilenet.Add:
			last = w.node("Add", []string{outputs[l.Shortcut], last})
		case mobilenet.Pool:
			last = e.flat(w, e.pooled(w, last, size), l.Out)
			if e.dropout {
				last = e.drop(w, last)
			}
		case mobilenet.Classify:
			last = e.classified(w, last, l)
		default:
			last = e.convolution(w, last, l)
		}
		outputs, size = append(outputs, last), n.layers[i].Size
	}
	if e.softmax {
		last = w.node("Softmax", []string{last}, integer("axis", 1))
	}
	return w.file("input", shape, last, n.Classes), w.aside
}

func (e *exporter) convolution(w *onnxWriter, last string, l *rawLayer) string {
	kernel, groups := 1, 1
	if l.Kind != mobilenet.Pointwise {
		kernel = 3
	}
	if l.Kind == mobilenet.Depthwise {
		groups = l.In
	}
	pads := kernel / 2
	if e.pad && pads > 0 {
		last = w.node("Pad", []string{last, w.list(0, 0, pads, pads, 0, 0, pads, pads), w.scalar(0)})
		pads = 0
	}
	weights, bias := l.folded()
	if e.normalize {
		weights, bias = l.weights, nil
	}
	inputs := []string{last, w.weights(weights, l.Out, l.In/groups, kernel, kernel)}
	if bias != nil {
		inputs = append(inputs, w.weights(bias, l.Out))
	}
	last = w.node("Conv", inputs, integers("dilations", 1, 1), integer("group", groups),
		integers("kernel_shape", kernel, kernel), integers("pads", pads, pads, pads, pads),
		integers("strides", l.Stride, l.Stride))
	if e.normalize {
		last = w.node("BatchNormalization", []string{
			last, w.weights(l.scale, l.Out), w.weights(l.shift, l.Out), w.weights(l.mean, l.Out), w.weights(l.variance, l.Out),
		}, number("epsilon", epsilon), number("momentum", 0.9))
	}
	switch {
	case l.Function != mobilenet.Relu6:
		return last
	case e.clip:
		return w.node("Clip", []string{last}, number("min", 0), number("max", 6))
	}
	return w.node("Clip", []string{last, w.scalar(0), w.scalar(6)})
}

func (e *exporter) pooled(w *onnxWriter, last string, size int) string {
	switch e.pool {
	case "GlobalAveragePool":
		return w.node("GlobalAveragePool", []string{last})
	case "AveragePool":
		return w.node("AveragePool", []string{last}, integers("kernel_shape", size, size), integers("pads", 0, 0, 0, 0),
			integers("strides", size, size), integer("ceil_mode", 0), integer("count_include_pad", 1))
	case "ReduceMean attribute":
		return w.node("ReduceMean", []string{last}, integers("axes", 2, 3), integer("keepdims", 0))
	case "ReduceMean twice":
		last = w.node("ReduceMean", []string{last}, integers("axes", 3), integer("keepdims", 0))
		return w.node("ReduceMean", []string{last}, integers("axes", 2), integer("keepdims", 0))
	case "ReduceMean input":
		return w.node("ReduceMean", []string{last, w.list(2, 3)}, integer("keepdims", 0))
	case "ReduceMean input, dimensions kept":
		return w.node("ReduceMean", []string{last, w.list(-1, -2)}, integer("keepdims", 1), integer("noop_with_empty_axes", 0))
	}
	panic(e.pool)
}

func (e *exporter) flat(w *onnxWriter, last string, channels int) string {
	switch e.flatten {
	case "":
		return last
	case "Flatten":
		return w.node("Flatten", []string{last}, integer("axis", 1))
	case "Reshape":
		if e.opset < 14 {
			return w.node("Reshape", []string{last, w.list(-1, channels)})
		}
		return w.node("Reshape", []string{last, w.list(1, channels)}, integer("allowzero", 1))
	case "Reshape computed": // x.view(x.size(0), -1)
		batch := w.node("Gather", []string{w.node("Shape", []string{last}), w.constant(tensor(elementInt64, nil).
			bytes(9, int64Bytes([]int{0})))}, integer("axis", 0))
		shape := w.node("Concat", []string{w.node("Unsqueeze", []string{batch, w.list(0)}), w.list(-1)}, integer("axis", 0))
		return w.node("Reshape", []string{last, shape})
	case "Squeeze input":
		return w.node("Squeeze", []string{w.node("Squeeze", []string{last, w.list(3)}), w.list(-1)})
	case "Squeeze attribute":
		return w.node("Squeeze", []string{last}, integers("axes", 2, 3))
	}
	panic(e.flatten)
}

func (e *exporter) drop(w *onnxWriter, last string) string {
	if e.opset == 12 {
		return w.node("Dropout", []string{last, w.scalar(0.2)})
	}
	return w.node("Dropout", []string{last})
}

func (e *exporter) classified(w *onnxWriter, last string, l *rawLayer) string {
	if e.identity {
		last = w.node("Identity", []string{last})
	}
	if e.classify == "Gemm" {
		return w.node("Gemm", []string{last, w.weights(l.weights, l.Out, l.In), w.weights(l.shift, l.Out)},
			number("alpha", 1), number("beta", 1), integer("transB", 1))
	}
	across := make([]float32, len(l.weights)) // [K, O]
	for i := range across {
		across[i] = l.weights[i%l.Out*l.In+i/l.Out]
	}
	if e.classify == "MatMul" {
		last = w.node("MatMul", []string{last, w.weights(across, l.In, l.Out)})
		return w.node("Add", []string{last, w.weights(l.shift, l.Out)})
	}
	return w.node("Gemm", []string{last, w.weights(across, l.In, l.Out), w.weights(l.shift, l.Out)})
}

// grid is every exporter on a small V1 and a small V2, and every α, at several resolutions, with exporters in turn.
func grid() (all []gridPoint) {
	for i := range exporters {
		all = append(all, gridPoint{mobilenet.FamilyV1, 0.25, 32, i}, gridPoint{mobilenet.FamilyV2, 0.35, 33, i})
	}
	turn := 0
	add := func(f mobilenet.Family, alpha float64, resolutions ...int) {
		for _, r := range resolutions {
			all = append(all, gridPoint{f, alpha, r, turn % len(exporters)})
			turn++
		}
	}
	add(mobilenet.FamilyV1, 0.25, 96, 97, 128)
	add(mobilenet.FamilyV1, 0.5, 64, 95)
	add(mobilenet.FamilyV1, 0.75, 47, 96)
	add(mobilenet.FamilyV1, 1, 32, 65)
	add(mobilenet.FamilyV2, 0.35, 96, 113, 128)
	add(mobilenet.FamilyV2, 0.5, 65, 96)
	add(mobilenet.FamilyV2, 0.75, 49, 96)
	add(mobilenet.FamilyV2, 1, 64, 81)
	add(mobilenet.FamilyV2, 1.4, 32, 63)
	return all
}

type gridPoint struct {
	family     mobilenet.Family
	alpha      float64
	resolution int
	exporter   int
}

func (p gridPoint) String() string {
	e := exporters[p.exporter]
	return fmt.Sprintf("%s %v %d, %s (%d)", p.family, p.alpha, p.resolution, e.name, e.opset)
}

// TestGrid reads networks as exporters write them, compares their floats with a plain computation, quantizes them, and
// asks TensorFlow Lite's reference kernels for the same bytes as the engine's.
func TestGrid(t *testing.T) {
	python := os.Getenv("EDGE_REFERENCE_PYTHON")
	if python == "" {
		python = "../.cache/reference/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Log("TensorFlow Lite isn't installed here, so the int8 networks aren't compared with it: make reference")
		python = ""
	}
	points := grid()
	if testing.Short() {
		points = points[:2*len(exporters)]
	}
	for _, p := range points {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			n := newRawNetwork(t, p.family, p.alpha, p.resolution)
			e := exporters[p.exporter]
			file, aside := e.export(n)
			g, err := model.ReadONNX(file, func(name string) ([]byte, error) {
				if name != asideName {
					t.Errorf("%q is read", name)
				}
				return aside, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			requireFloats(t, g, n, e.softmax)
			int8Graph, report, err := Quantize(context.Background(), g, gridSamples(), Options{CorrectBias: true, Threads: 1, PerLayer: true})
			if err != nil {
				t.Fatal(err)
			}
			if snr := report.Layers[len(report.Layers)-1].SNR; snr < 10 {
				t.Errorf("signal to noise %.1f dB: the int8 network computes something else", snr)
			}
			if python != "" {
				requireReference(t, python, int8Graph)
			}
		})
	}
}

func gridSamples() Samples {
	return Samples{Count: 2, Read: func(i int, input []float32) error {
		rng := rand.New(rand.NewPCG(uint64(i), 5))
		for k := range input {
			input[k] = float32(rng.NormFloat64())
		}
		return nil
	}}
}

// requireFloats compares what was read with what was written.
func requireFloats(t *testing.T, g *model.Graph, n *rawNetwork, softmax bool) {
	t.Helper()
	layers, err := layersOf(g)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newExecutor(g, layers)
	if err != nil {
		t.Fatal(err)
	}
	gridSamples().Read(0, e.input())
	shape := g.Tensors[g.Inputs[0]].Shape
	x := make([]float32, len(e.input()))
	for i, v := range e.input() {
		x[fromNCHW(i, shape)] = v
	}
	for _, step := range e.steps {
		step()
	}
	want, got := n.run(x), e.values[g.Outputs[0]]
	if softmax {
		sum := 0.
		for i, v := range want {
			want[i] = float32(math.Exp(float64(v)))
			sum += float64(want[i])
		}
		for i := range want {
			want[i] /= float32(sum)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d outputs, want %d", len(got), len(want))
	}
	top := 1.
	for _, v := range want {
		top = max(top, math.Abs(float64(v)))
	}
	for i, v := range got {
		if math.Abs(float64(v-want[i])) > 1e-4*top {
			t.Fatalf("output %d is %v, want %v", i, v, want[i])
		}
	}
}

// requireReference wants the bytes of TensorFlow Lite's reference kernels from the engine, on random inputs.
func requireReference(t *testing.T, python string, g *model.Graph) {
	t.Helper()
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	net, err := engine.Compile(g, engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	rng := rand.New(rand.NewPCG(6, 7))
	var in, got []byte
	for range 3 {
		for i := range net.Input() {
			net.Input()[i] = byte(rng.IntN(256))
		}
		in = append(in, net.Input()...)
		net.Run()
		got = append(got, net.Output()...)
	}
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	for file, data := range map[string][]byte{"net.tflite": data, "in": in} {
		if err := os.WriteFile(name(file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, "../engine/testdata/reference.py", name("net.tflite"), name("out"), name("in"))
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	want, err := os.ReadFile(name("out"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the reference gives other bytes")
	}
}
