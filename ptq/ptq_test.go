package ptq_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"edge/engine"
	"edge/model"
	"edge/ptq"
)

// fixtures are small MobileNets and relatives, made by ../model/testdata/make_onnx.py and make_tflite.py. Each comes with
// an input and what onnxruntime, or TensorFlow Lite, computes for it.
func fixtures(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../model/testdata/onnx/*.onnx")
	lite, _ := filepath.Glob("../model/testdata/float/*.tflite")
	if err != nil || len(files) == 0 || len(lite) == 0 {
		t.Fatalf("no fixtures (%v)", err)
	}
	return append(files, lite...)
}

func readFloat(t *testing.T, file string) *model.Graph {
	t.Helper()
	g, err := model.ReadFloat(file)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// noise makes samples of a normal distribution.
func noise(count int) ptq.Samples {
	return ptq.Samples{Count: count, Read: func(i int, input []float32) error {
		rng := rand.New(rand.NewPCG(uint64(i), 3))
		for k := range input {
			input[k] = float32(rng.NormFloat64())
		}
		return nil
	}}
}

// everyOption are all ways to quantize.
func everyOption() map[string]ptq.Options {
	all := map[string]ptq.Options{}
	for _, r := range []ptq.Ranges{ptq.MinMax, ptq.Percentile, ptq.LeastError} {
		all[r.String()] = ptq.Options{Ranges: r, PerLayer: true}
		all[r.String()+", equalized, corrected"] = ptq.Options{Ranges: r, Equalize: true, CorrectBias: true, PerLayer: true}
	}
	return all
}

// TestFollowsFloat runs int8 networks in the engine on inputs whose float output onnxruntime has computed.
func TestFollowsFloat(t *testing.T) {
	for _, file := range fixtures(t) {
		g := readFloat(t, file)
		in, out := g.Tensors[g.Inputs[0]].Shape, g.Tensors[g.Outputs[0]].Shape
		truth := floats(readFile(t, strings.TrimSuffix(file, filepath.Ext(file))+".f32"))
		x, want := truth[:model.Elements(in)], truth[model.Elements(in):]
		given := toNHWC(x, in)
		if strings.HasPrefix(filepath.Base(file), "nhwc") || filepath.Ext(file) == ".tflite" {
			given = x
		}
		samples := ptq.Samples{Count: 1, Read: func(_ int, input []float32) error {
			copy(input, given)
			return nil
		}}
		for name, o := range everyOption() {
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				q, report, err := ptq.Quantize(context.Background(), g, samples, o)
				if err != nil {
					t.Fatal(err)
				}
				net, err := engine.Compile(q, engine.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer net.Close()
				p := net.Inputs()[0].Quant
				for i, v := range given {
					net.Input()[i] = byte(p.Quantize(v, -128, 127))
				}
				net.Run()
				var signal, noise float64
				p = net.Outputs()[0].Quant
				got := make([]float32, len(net.Output()))
				for i, b := range net.Output() {
					got[i] = p.Real(int32(int8(b)))
				}
				for i, v := range toNHWC(want, out) {
					signal += float64(v * v)
					noise += float64((v - got[i]) * (v - got[i]))
				}
				snr := 10 * math.Log10(signal/noise)
				if snr < 20 {
					t.Errorf("signal to noise %.1f dB: the int8 network computes something else", snr)
				}
				if told := report.Layers[len(report.Layers)-1].SNR; math.Abs(min(told, 40)-min(snr, 40)) > 3 { // beyond, few outputs say little
					t.Errorf("the report says %.1f dB, the engine has %.1f dB", told, snr)
				}
			})
		}
	}
}

// toNHWC reorders the values of an image of shape 1, H, W, C from the order C, H, W.
func toNHWC(v []float32, shape []int) []float32 {
	if len(shape) != 4 {
		return v
	}
	pixels, channels := shape[1]*shape[2], shape[3]
	out := make([]float32, len(v))
	for i := range out {
		out[i] = v[i%channels*pixels+i/channels]
	}
	return out
}

func floats(data []byte) []float32 {
	v := make([]float32, len(data)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

// TestReference writes the int8 networks and lets TensorFlow Lite's reference kernels run them: the same bytes as the
// engine's.
func TestReference(t *testing.T) {
	python := os.Getenv("EDGE_REFERENCE_PYTHON")
	if python == "" {
		python = "../.cache/reference/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("TensorFlow Lite isn't installed here: make reference")
	}
	for _, file := range fixtures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			q, _, err := ptq.Quantize(context.Background(), readFloat(t, file), noise(4), ptq.Options{Equalize: true})
			if err != nil {
				t.Fatal(err)
			}
			data, err := q.WriteTFLite()
			if err != nil {
				t.Fatal(err)
			}
			net, err := engine.Compile(q, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer net.Close()
			var in, got []byte
			rng := rand.New(rand.NewPCG(1, 2))
			for range 50 {
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
				if err := os.WriteFile(name(file), data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(python, "../engine/testdata/reference.py", name("net.tflite"), name("out"), name("in"))
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if !bytes.Equal(got, readFile(t, name("out"))) {
				t.Errorf("the reference gives other bytes")
			}
		})
	}
}

// TestSameEverywhere checks that the number of threads doesn't change the file.
func TestSameEverywhere(t *testing.T) {
	g := readFloat(t, fixtures(t)[0])
	var first []byte
	for threads := 1; threads <= 3; threads++ {
		o := ptq.Options{Ranges: ptq.LeastError, Equalize: true, CorrectBias: true, Threads: threads}
		q, _, err := ptq.Quantize(context.Background(), g, noise(7), o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := q.WriteTFLite()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(first, data) {
			t.Errorf("%d threads make another file than 1", threads)
		}
	}
}

// pointwise is a network of one convolution of 1×1 with a ReLU6, and perhaps a second one.
func pointwise(weights, bias []float32) *model.Graph {
	constant := func(name string, v []float32, shape ...int) model.Tensor {
		var data []byte
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		return model.Tensor{Name: name, Type: model.Float32, Shape: shape, Data: data}
	}
	out, in := len(bias), len(weights)/len(bias)
	return &model.Graph{
		Tensors: []model.Tensor{
			{Name: "in", Type: model.Float32, Shape: []int{1, 2, 2, in}},
			constant("weights", weights, out, 1, 1, in),
			constant("bias", bias, out),
			{Name: "out", Type: model.Float32, Shape: []int{1, 2, 2, out}},
		},
		Nodes: []model.Node{{
			Op:     model.Conv2D{Window: model.Window{StrideH: 1, StrideW: 1}, Activation: model.Relu6},
			Inputs: []int{0, 1, 2}, Outputs: []int{3},
		}},
		Inputs: []int{0}, Outputs: []int{3},
	}
}

// ramp gives inputs from −1 to 1.
var ramp = ptq.Samples{Count: 2, Read: func(_ int, input []float32) error {
	for i := range input {
		input[i] = -1 + 2*float32(i)/float32(len(input)-1)
	}
	return nil
}}

// TestScheme checks what TensorFlow Lite's int8 specification says, on a network that can be computed by hand.
func TestScheme(t *testing.T) {
	g := pointwise([]float32{1, -0.5, 0.25, 0.001}, []float32{2, 1e6})
	q, report, err := ptq.Quantize(context.Background(), g, ramp, ptq.Options{PerLayer: true})
	if err != nil {
		t.Fatal(err)
	}
	in, w, b, out := q.Tensors[0], q.Tensors[q.Nodes[0].Inputs[1]], q.Tensors[q.Nodes[0].Inputs[2]], q.Tensors[3]
	if got, want := in.Quant[0].Scale, float32(2./255); got != want {
		t.Errorf("input scale %v, want %v", got, want)
	}
	if z := in.Quant[0].ZeroPoint; z != 0 && z != -1 {
		t.Errorf("input zero point %d", z)
	}
	if got, want := out.Quant[0], (model.Quant{Scale: 6. / 255, ZeroPoint: -128}); got != want {
		t.Errorf("output %v, want %v", got, want)
	}
	if want := float32(1. / 127); w.Quant[0].Scale != want || int8(w.Data[0]) != 127 || int8(w.Data[1]) != -64 {
		t.Errorf("weights %v of scale %v", w.Data, w.Quant)
	}
	for o, bias := range []float64{2, 1e6} {
		step := float64(in.Quant[0].Scale) * float64(w.Quant[o].Scale)
		if math.Abs(float64(b.Quant[o].Scale)-step) > 1e-6*step {
			t.Errorf("bias %d has the scale %v, want %v", o, b.Quant[o].Scale, step)
		}
		q := int32(binary.LittleEndian.Uint32(b.Data[4*o:]))
		if got := float64(q) * step; math.Abs(got-bias) > 1e-3*bias {
			t.Errorf("bias %d is %v, want %v", o, got, bias)
		}
	}
	if g.Tensors[0].Type != model.Float32 || g.Nodes[0].Inputs[1] != 1 {
		t.Error("the float network has changed")
	}
	if l := report.Layers[0]; l.Clipped != 0 || l.Lo != 0 || math.Abs(float64(l.Hi)-6) > 1e-5 || l.SNR < 30 {
		t.Errorf("report: %+v", l)
	}
}

// TestInputRange checks that the normalization, where it is known, decides over the samples.
func TestInputRange(t *testing.T) {
	g := pointwise([]float32{1, 1, 1}, []float32{0})
	g.Normalization = &model.Normalization{Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128}}
	q, _, err := ptq.Quantize(context.Background(), g, ramp, ptq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.Tensors[0].Quant[0], (model.Quant{Scale: 1. / 128, ZeroPoint: -1}); got != want {
		t.Errorf("the input has %v, want %v, so that a pixel is its own value less 128", got, want)
	}
}

func TestErrors(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	quantized, _, err := ptq.Quantize(context.Background(), pointwise([]float32{1}, []float32{0}), ramp, ptq.Options{})
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	read := func(v float32, err error) ptq.Samples {
		return ptq.Samples{Count: 3, Read: func(i int, input []float32) error {
			for k := range input {
				input[k] = 1
			}
			if i == 2 {
				input[1] = v
				return err
			}
			return nil
		}}
	}
	for name, c := range map[string]struct {
		ctx     context.Context
		graph   *model.Graph
		samples ptq.Samples
		want    string
	}{
		"no samples":     {nil, pointwise([]float32{1}, []float32{0}), ptq.Samples{}, "no samples"},
		"NaN weight":     {nil, pointwise([]float32{1, nan}, []float32{0, 0}), ramp, "weights"},
		"infinite bias":  {nil, pointwise([]float32{1}, []float32{inf}), ramp, "bias"},
		"quantized":      {nil, quantized, ramp, "already"},
		"NaN input":      {nil, pointwise([]float32{1}, []float32{0}), read(nan, nil), "sample 2: the input is NaN at 1"},
		"infinite layer": {nil, unlimited(pointwise([]float32{3e38}, []float32{0})), read(10, nil), "sample 2: layer 0 (Conv2D, out): the output is +Inf"},
		"unreadable":     {nil, pointwise([]float32{1}, []float32{0}), read(0, errors.New("torn")), "sample 2: torn"},
		"canceled":       {canceled, pointwise([]float32{1}, []float32{0}), ramp, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.ctx == nil {
				c.ctx = context.Background()
			}
			_, _, err := ptq.Quantize(c.ctx, c.graph, c.samples, ptq.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %q", err, c.want)
			}
		})
	}
}

func unlimited(g *model.Graph) *model.Graph {
	g.Nodes[0].Op = model.Conv2D{Window: model.Window{StrideH: 1, StrideW: 1}}
	return g
}

// ExampleParseRanges shows that a mistyped name says what there is.
func ExampleParseRanges() {
	_, err := ptq.ParseRanges("max")
	fmt.Println(err)
	// Output: ranges "max": choose min-max, percentile, least-error
}
