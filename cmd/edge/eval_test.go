package main

import (
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/evaluate"
	"edge/model"
)

// colours writes a network that tells colours apart: its class is the channel that is brightest, after a background
// that never is. The labels are the classes' names.
func colours(t *testing.T, labels []string) string {
	t.Helper()
	g := &model.Graph{Labels: labels, Inputs: []int{0}, Outputs: []int{4}}
	pixels := model.Quant{Scale: 1. / 128}
	weights := model.Tensor{Name: "weights", Type: model.Int8, Shape: []int{4, 1, 1, 3}, Quant: []model.Quant{{Scale: 0.05}}}
	weights.Data = make([]byte, 12)
	for channel := range 3 {
		weights.Data[3*(channel+1)+channel] = 100
	}
	bias := model.Tensor{Name: "bias", Type: model.Int32, Shape: []int{4}, Quant: []model.Quant{{Scale: 0.05 / 128}}}
	for _, real := range []float64{-8, 0, 0, 0} {
		bias.Data = binary.LittleEndian.AppendUint32(bias.Data, uint32(int32(math.Round(real*128/0.05))))
	}
	g.Tensors = []model.Tensor{
		{Name: "picture", Type: model.Int8, Shape: []int{1, 4, 4, 3}, Quant: []model.Quant{pixels}},
		{Name: "mean", Type: model.Int8, Shape: []int{1, 1, 1, 3}, Quant: []model.Quant{pixels}},
		{Name: "logits", Type: model.Int8, Shape: []int{1, 1, 1, 4}, Quant: []model.Quant{{Scale: 0.1}}},
		{Name: "flat", Type: model.Int8, Shape: []int{1, 4}, Quant: []model.Quant{{Scale: 0.1}}},
		{Name: "classes", Type: model.Int8, Shape: []int{1, 4}, Quant: []model.Quant{{Scale: 1. / 256, ZeroPoint: -128}}},
		weights, bias,
	}
	window := model.Window{StrideH: 1, StrideW: 1, Padding: model.Valid}
	g.Nodes = []model.Node{
		{Op: model.AveragePool2D{Window: window, KernelH: 4, KernelW: 4}, Inputs: []int{0}, Outputs: []int{1}},
		{Op: model.Conv2D{Window: window}, Inputs: []int{1, 5, 6}, Outputs: []int{2}},
		{Op: model.Reshape{}, Inputs: []int{2}, Outputs: []int{3}},
		{Op: model.Softmax{Beta: 1}, Inputs: []int{3}, Outputs: []int{4}},
	}
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "colours.tflite")
	writeFile(t, name, string(data))
	return name
}

var paints = map[string]color.Color{
	"red": color.RGBA{255, 0, 0, 255}, "green": color.RGBA{0, 255, 0, 255}, "blue": color.RGBA{0, 0, 255, 255},
}

// paint writes pictures of one colour, each by its path; other paths become files that are no pictures.
func paint(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, paint := range files {
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if paints[paint] == nil {
			writeFile(t, path, paint)
			continue
		}
		picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
		for i := range 64 {
			picture.Set(i%8, i/8, paints[paint])
		}
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, picture); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return dir
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func evaluated(t *testing.T, args ...string) evaluate.Report {
	t.Helper()
	status, out, errors := edge(append([]string{"eval", "--json"}, args...)...)
	if status != 0 {
		t.Fatalf("%q: %d: %s", args, status, errors)
	}
	var e evaluate.Report
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return e
}

var colourLabels = []string{"background", "red, scarlet", "leaf green", "blue"}

func TestEval(t *testing.T) {
	net := colours(t, colourLabels)
	bare := colours(t, nil)
	mapped := filepath.Join(t.TempDir(), "map.txt")
	writeFile(t, mapped, "# ours\nwarm 1\ncold = 3\n007,2\n")
	for _, test := range []struct {
		name     string
		files    map[string]string
		args     []string
		pictures int
		top1     float64
		bad      int
		unmapped int
	}{
		{"indices, after the background", map[string]string{
			"000_a.png": "red", "001_b.png": "green", "1_c.png": "green", "002_d.png": "red",
		}, []string{"--model", net}, 4, 0.75, 0, 0},
		{"indices as they are", map[string]string{
			"1_a.png": "red", "2_b.png": "green", "3_c.png": "blue", "0_d.png": "blue",
		}, []string{"--model", bare}, 4, 0.75, 0, 0},
		{"folders named by labels", map[string]string{
			"Scarlet/a.png": "red", "leaf_green/b.png": "green", "blue/c.png": "green", "blue/d/e.png": "blue",
		}, []string{"--model", net}, 4, 0.75, 0, 0},
		{"folders in the order of the alphabet", map[string]string{
			"n1/a.png": "red", "n2/b.png": "green", "n3/c.png": "blue",
		}, []string{"--model", net}, 3, 1, 0, 0},
		{"folders named by indices", map[string]string{
			"0/a.png": "red", "1/b.png": "green",
		}, []string{"--model", net}, 2, 1, 0, 0},
		{"map", map[string]string{
			"warm/a.png": "red", "cold/b.png": "blue", "cold/c.png": "red", "odd/x.png": "red", "7_x.png": "green", "8_x.png": "red",
		}, []string{"--model", bare, "--map", mapped}, 4, 0.75, 0, 2},
		{"bad files", map[string]string{
			"000_a.png": "red", "README.md": "no picture", "001_broken.jpg": "\xff\xd8\xff", "notes.txt": "no picture", "900_x.png": "red", "what.png": "red",
		}, []string{"--model", net}, 1, 1, 3, 0},
		{"without those for calibration", map[string]string{
			"000_a.png": "green", "000_b.png": "red", "000_c.png": "green", "000_d.png": "red",
		}, []string{"--model", net, "--calibration-size", "2"}, 2, 1, 0, 0},
	} {
		e := evaluated(t, append(test.args, "--images", paint(t, test.files))...)
		if e.Pictures != test.pictures || e.Top1 != test.top1 || e.Top5 != 1 || len(e.Bad) != test.bad || e.Unmapped != test.unmapped {
			t.Errorf("%s: %+v", test.name, e)
		}
		if test.name == "bad files" && e.Others != 2 {
			t.Errorf("%d files are said to be no pictures, want 2", e.Others)
		}
		for _, bad := range e.Bad {
			if !strings.Contains(bad.Error, filepath.Base(bad.File)) {
				t.Errorf("%s: %q doesn't name %s", test.name, bad.Error, bad.File)
			}
		}
	}
}

func TestEvalReport(t *testing.T) {
	dir := paint(t, map[string]string{
		"0_a.png": "red", "0_b.png": "blue", "0_c.png": "blue", "1_d.png": "green", "1_e.png": "red", "junk.png": "junk",
	})
	e := evaluated(t, "--model", colours(t, colourLabels), "--images", dir)
	if len(e.Classes) != 2 || e.Classes[0].Label != "red, scarlet" || e.Classes[0].Pictures != 3 || e.Classes[1].Top1 != 0.5 {
		t.Errorf("%+v", e.Classes)
	}
	want := evaluate.Confusion{Index: 1, Label: "red, scarlet", AsIndex: 3, AsLabel: "blue", Count: 2}
	if len(e.Confusions) != 2 || e.Confusions[0] != want {
		t.Errorf("%+v", e.Confusions)
	}
	status, out, errors := edge("eval", "--model", colours(t, colourLabels), "--images", dir)
	for _, part := range []string{"top-1   40.0 %  of 5 pictures", "1 bad files", "junk.png", "2×  red, scarlet → blue"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	if status != 0 || !strings.Contains(errors, "evaluating: 6 pictures") {
		t.Errorf("%d %q", status, errors)
	}
}

func TestEvalErrors(t *testing.T) {
	net := colours(t, colourLabels)
	good := paint(t, map[string]string{"0_a.png": "red"})
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "map")
		writeFile(t, name, text)
		return name
	}
	for _, test := range []struct {
		status int
		want   string
		args   []string
	}{
		{statusConfig, "--images DIR is needed", []string{"--model", net}},
		{statusConfig, "no such file", []string{"--images", "/nowhere"}},
		{statusConfig, "there are no files", []string{"--images", t.TempDir()}},
		{statusConfig, "leaves none", []string{"--images", good, "--calibration-size", "1"}},
		{statusConfig, "0 or more", []string{"--images", good, "--calibration-size", "-1"}},
		{statusConfig, "no picture could be counted", []string{"--images", paint(t, map[string]string{"0_a.png": "junk"})}},
		{statusConfig, ":2: class 4: the network has 0 to 3", []string{"--images", good, "--map", write("0 1\n1 4")}},
		{statusConfig, "no class, or more than one, has the label", []string{"--images", good, "--map", write("0 violet")}},
		{statusConfig, "want a folder or INDEX and a class", []string{"--images", good, "--map", write("0")}},
		{statusConfig, "further up", []string{"--images", good, "--map", write("0 1\n00 2")}},
		{statusConfig, "nothing in it", []string{"--images", good, "--map", write("# nothing\n")}},
	} {
		status, stdout, errors := edge(append([]string{"eval", "--model", net}, test.args...)...)
		if status != test.status || !strings.Contains(errors, test.want) || strings.Contains(stdout, "top-1") {
			t.Errorf("%q: %d %q, want %q", test.args, status, errors, test.want)
		}
	}
}
