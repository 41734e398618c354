//go:build e2e

package e2e

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"edge/model"
)

// subject is a network, a class of it, and two pictures: one of that class and one of another.
type subject struct {
	model, labels string // files on this machine
	class         string // the label of the first picture
	shown, other  *picture
}

// classify asks the program on this machine about a picture.
func (b *bench) classify(t *testing.T, s *subject, p *picture) classified {
	t.Helper()
	file := filepath.Join(t.TempDir(), "picture.png")
	if err := os.WriteFile(file, encodePNG(t, p), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(b.path("edge-here"), "classify", "--json", "--top-k", "1",
		"--model", s.model, "--labels", s.labels, file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var c classified
	if err := json.Unmarshal(out, &c); err != nil || len(c.Top) != 1 {
		t.Fatalf("edge classify --json: %v\n%s", err, out)
	}
	return c
}

const shared = "../../shared"

// realSubject is a MobileNet with photographs, or the small network if they aren't here.
func realSubject(t *testing.T) *subject {
	t.Helper()
	file := filepath.Join(shared, "models", "mobilenet_v1_0.25_128_quant.tflite")
	if _, err := os.Stat(file); err != nil {
		t.Logf("%v: a network made here takes the place of MobileNet", err)
		return smallSubject(t)
	}
	return &subject{
		model:  file,
		labels: filepath.Join(shared, "models", "imagenet_labels.txt"),
		shown:  photograph(t, filepath.Join(shared, "images", "012_n01532829.jpg")),
		other:  photograph(t, filepath.Join(shared, "images", "024_n01622779.jpg")),
		class:  "house finch",
	}
}

// smallSubject is a network that tells bright pictures from dark ones.
func smallSubject(t *testing.T) *subject {
	t.Helper()
	dir := t.TempDir()
	s := &subject{
		model:  filepath.Join(dir, "brightness.tflite"),
		labels: filepath.Join(dir, "labels.txt"),
		class:  "bright",
		shown:  scene(200),
		other:  scene(50),
	}
	file, err := brightness().WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.model, file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.labels, []byte("dark\nbright\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// brightness averages the picture and weighs each colour alike: the scores are the softmax of ±4·(r+g+b−1.5), with
// colours from 0 to 1.
func brightness() *model.Graph {
	const side = 32
	pixel := []model.Quant{{Scale: 1. / 255, ZeroPoint: -128}}
	weight := model.Quant{Scale: 4. / 127}
	bias := model.Quant{Scale: 1. / 255 * 4 / 127}
	offset := int32(6 / bias.Scale)
	return &model.Graph{
		Name: "brightness",
		Tensors: []model.Tensor{
			0: {Name: "picture", Type: model.Int8, Shape: []int{1, side, side, 3}, Quant: pixel},
			1: {Name: "mean", Type: model.Int8, Shape: []int{1, 1, 1, 3}, Quant: pixel},
			2: {
				Name: "weights", Type: model.Int8, Shape: []int{2, 3}, Quant: []model.Quant{weight},
				Data: []byte{129, 129, 129, 127, 127, 127},
			},
			3: {
				Name: "bias", Type: model.Int32, Shape: []int{2}, Quant: []model.Quant{bias},
				Data: binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(offset)), uint32(-offset)),
			},
			4: {Name: "logits", Type: model.Int8, Shape: []int{1, 2}, Quant: []model.Quant{{Scale: 0.1}}},
			5: {Name: "scores", Type: model.Int8, Shape: []int{1, 2}, Quant: []model.Quant{{Scale: 1. / 256, ZeroPoint: -128}}},
		},
		Nodes: []model.Node{
			{
				Op: model.AveragePool2D{
					Window:  model.Window{StrideH: side, StrideW: side, Padding: model.Valid},
					KernelH: side, KernelW: side,
				},
				Inputs: []int{0}, Outputs: []int{1},
			},
			{Op: model.FullyConnected{}, Inputs: []int{1, 2, 3}, Outputs: []int{4}},
			{Op: model.Softmax{Beta: 1}, Inputs: []int{4}, Outputs: []int{5}},
		},
		Inputs:        []int{0},
		Outputs:       []int{5},
		Normalization: &model.Normalization{Std: [3]float32{255, 255, 255}},
	}
}
