package ptq_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edge/engine"
	"edge/model"
	"edge/ptq"
)

// TestTakesOver reads what onnxruntime has quantized: the int8 network has the file's scales and weights, and computes what
// onnxruntime does, but for the steps by which the two round differently.
func TestTakesOver(t *testing.T) {
	files, _ := filepath.Glob("../model/testdata/quantized/*.onnx")
	if len(files) == 0 {
		t.Fatal("no fixtures")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := readFloat(t, file)
			in, out := g.Tensors[g.Inputs[0]].Shape, g.Tensors[g.Outputs[0]].Shape
			truth := floats(readFile(t, strings.TrimSuffix(file, ".onnx")+".f32"))
			given, want := toNHWC(truth[:model.Elements(in)], in), truth[model.Elements(in):]
			samples := ptq.Samples{Count: 1, Read: func(_ int, input []float32) error { copy(input, given); return nil }}
			q, report, err := ptq.Quantize(context.Background(), g, samples, ptq.Options{Equalize: true, CorrectBias: true})
			if err != nil {
				t.Fatal(err)
			}
			if report.Own == 0 || report.Kept != report.Own {
				t.Errorf("%d of %d scales are kept", report.Kept, report.Own)
			}
			for i, n := range g.Nodes { // the weights are the file's, and so are their scales
				if len(n.Inputs) != 3 || len(g.Tensors[n.Inputs[1]].Quant) == 0 {
					continue
				}
				at := slices.IndexFunc(q.Nodes, func(m model.Node) bool {
					return q.Tensors[m.Outputs[0]].Name == g.Tensors[n.Outputs[0]].Name
				})
				w, kept := &g.Tensors[n.Inputs[1]], &q.Tensors[q.Nodes[at].Inputs[1]]
				real := floats(w.Data)
				for k, code := range kept.Data {
					p := kept.Quant[0]
					if len(kept.Quant) > 1 {
						p = kept.Quant[channelOf(kept, k)]
					}
					if math.Abs(float64(p.Real(int32(int8(code)))-real[k])) > 1e-6 {
						t.Fatalf("node %d: weight %d is %v, was %v", i, k, p.Real(int32(int8(code))), real[k])
					}
				}
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
			p = net.Outputs()[0].Quant
			for i, b := range net.Output() {
				if got := p.Real(int32(int8(b))); math.Abs(float64(got-want[i])) > 2.5*float64(p.Scale) {
					t.Errorf("output %d of %v is %v, onnxruntime says %v", i, out, got, want[i])
				}
			}
		})
	}
}

// channelOf is the index along a tensor's axis of its element k.
func channelOf(t *model.Tensor, k int) int {
	return k / model.Elements(t.Shape[t.Axis+1:]) % t.Shape[t.Axis]
}
