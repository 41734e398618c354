package classifier

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/decision"
	"edge/model"
)

// brightness writes a network of so many classes: the logit of class i is how bright the picture is, 0 to 1, less a half,
// times factors[i]. What op then makes of the logits, if anything, has the quantization out.
func brightness(t *testing.T, op model.Op, out model.Quant, factors ...float64) string {
	t.Helper()
	pixels := model.Quant{Scale: 1. / 255, ZeroPoint: -128}
	logits := model.Quant{Scale: 0.05}
	const weight = 0.1
	classes := len(factors)
	w := model.Tensor{Name: "weights", Type: model.Int8, Shape: []int{classes, 3}, Quant: []model.Quant{{Scale: weight}}}
	b := model.Tensor{Name: "bias", Type: model.Int32, Shape: []int{classes}, Quant: []model.Quant{{Scale: weight / 255}}}
	for _, f := range factors {
		for range 3 {
			w.Data = append(w.Data, byte(int8(math.Round(f/3/weight))))
		}
		b.Data = binary.LittleEndian.AppendUint32(b.Data, uint32(int32(math.Round(-f/2*255/weight))))
	}
	g := &model.Graph{
		Tensors: []model.Tensor{
			{Name: "picture", Type: model.Int8, Shape: []int{1, 4, 4, 3}, Quant: []model.Quant{pixels}},
			{Name: "mean", Type: model.Int8, Shape: []int{1, 1, 1, 3}, Quant: []model.Quant{pixels}},
			w, b,
			{Name: "logits", Type: model.Int8, Shape: []int{1, classes}, Quant: []model.Quant{logits}},
		},
		Nodes: []model.Node{
			{
				Op:     model.AveragePool2D{Window: model.Window{StrideH: 1, StrideW: 1, Padding: model.Valid}, KernelH: 4, KernelW: 4},
				Inputs: []int{0}, Outputs: []int{1},
			},
			{Op: model.FullyConnected{}, Inputs: []int{1, 2, 3}, Outputs: []int{4}},
		},
		Inputs: []int{0}, Outputs: []int{4},
	}
	if op != nil {
		g.Tensors = append(g.Tensors, model.Tensor{Name: "scores", Type: model.Int8, Shape: []int{1, classes}, Quant: []model.Quant{out}})
		g.Nodes = append(g.Nodes, model.Node{Op: op, Inputs: []int{4}, Outputs: []int{5}})
		g.Outputs[0] = 5
	}
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "net.tflite")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestScores checks what the ends of networks make of a dark, a grey and a bright picture, against the formulas.
func TestScores(t *testing.T) {
	probability := model.Quant{Scale: 1. / 256, ZeroPoint: -128}
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	softmax := func(x, other float64) float64 { return logistic(x - other) }
	for _, c := range []struct {
		name    string
		op      model.Op
		factors []float64
		values  decision.Values
		want    func(logits []float64) float64 // of class 0
		says    string
	}{
		{"one logit", nil, []float64{6}, decision.Logits, func(x []float64) float64 { return logistic(x[0]) }, "one logit, -6.4 to 6.35"},
		{"one logit and its logistic", model.Logistic{}, []float64{6}, decision.Probabilities, func(x []float64) float64 { return logistic(x[0]) }, "the probability of the one class"},
		{"two logits", nil, []float64{6, -3}, decision.Logits, func(x []float64) float64 { return softmax(x[0], x[1]) }, "no probabilities but logits"},
		{"two logistics", model.Logistic{}, []float64{6, -3}, decision.Independent, func(x []float64) float64 { return logistic(x[0]) }, "for each class by itself"},
		{"a softmax", model.Softmax{Beta: 1}, []float64{6, -3}, decision.Probabilities, func(x []float64) float64 { return softmax(x[0], x[1]) }, "together 1"},
	} {
		net, err := Open(Options{Model: brightness(t, c.op, probability, c.factors...), Threads: 1})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if net.Output.Values != c.values || !strings.Contains(net.Output.Meaning(), c.says) {
			t.Errorf("%s: %v, %q", c.name, net.Output.Values, net.Output.Meaning())
		}
		for _, grey := range []uint8{0, 100, 255} {
			scores, err := net.ClassifyFile(t.Context(), greyPicture(t, grey))
			if err != nil {
				t.Fatal(err)
			}
			logits := make([]float64, len(c.factors))
			for i, f := range c.factors {
				logits[i] = (float64(grey)/255 - 0.5) * f
			}
			// A step of a logit, 0.05, is at most 0.0125 of a logistic; some for the weights.
			if want := c.want(logits); math.Abs(float64(scores[0])-want) > 0.03 || scores[0] >= 1 {
				t.Errorf("%s: grey %d scores %v, want %v", c.name, grey, scores[0], want)
			}
		}
		net.Close()
	}
	if _, err := Open(Options{Model: brightness(t, model.Softmax{Beta: 1}, probability, 6)}); err == nil || !strings.Contains(err.Error(), "always 100 %") {
		t.Errorf("a softmax over one class: %v", err)
	}
}

func greyPicture(t *testing.T, v uint8) string {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range picture.Pix {
		picture.SetGray(i%4, i/4, color.Gray{Y: v})
	}
	name := filepath.Join(t.TempDir(), "grey.png")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, picture); err != nil {
		t.Fatal(err)
	}
	return name
}
