package main

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/classifier"
	"edge/model"
)

const floatNetwork = "../../model/testdata/onnx/v2_opset18.onnx"

// calibrationFolder is a folder of three pictures and a text.
func calibrationFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "notes.txt"), []byte("no picture"))
	for i, c := range []string{"red.png", "green.png", "blue.png"} {
		data, err := os.ReadFile(colourPicture(t, c, [...]color.Color{red, green, blue}[i]))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, c), data)
	}
	return dir
}

// TestQuantize makes a network from an ONNX file, with labels and normalization, and shows it a picture.
func TestQuantize(t *testing.T) {
	dir := calibrationFolder(t)
	g, err := model.ReadFloat(floatNetwork)
	if err != nil {
		t.Fatal(err)
	}
	classes := model.Elements(g.Tensors[g.Outputs[0]].Shape)
	names := strings.Repeat("some thing\n", classes)
	labels, out := filepath.Join(t.TempDir(), "labels.txt"), filepath.Join(t.TempDir(), "int8.tflite")
	write(t, labels, []byte(names))
	status, stdout, stderr := edge("quantize", floatNetwork, "--calibrate", dir, "--out", out, "--normalize", "imagenet",
		"--labels", labels, "--verbose")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, word := range []string{
		"SNR", "clipped", "most noise", "3 of 3 calibration pictures", "same class as in float32", "normalization: imagenet",
		"warning: 3 pictures are few",
	} {
		if !strings.Contains(stdout, word) {
			t.Errorf("%q is missing in:\n%s", word, stdout)
		}
	}
	if !strings.Contains(stderr, "left out") || !strings.Contains(stderr, "notes.txt") {
		t.Errorf("the text isn't named as left out: %s", stderr)
	}
	q, err := classifier.ReadModel(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Labels) != classes || q.Normalization == nil || math.Abs(float64(q.Normalization.Mean[1]-116.28)) > 1e-3 {
		t.Errorf("labels %d, normalization %+v", len(q.Labels), q.Normalization)
	}
	if status, _, stderr := edge("classify", "--model", out, filepath.Join(dir, "red.png")); status != 0 {
		t.Errorf("classify: status %d: %s", status, stderr)
	}
}

// TestQuantizeErrors checks that a mistake is told, and leaves no file behind.
func TestQuantizeErrors(t *testing.T) {
	pictures, empty, texts := calibrationFolder(t), t.TempDir(), t.TempDir()
	write(t, filepath.Join(texts, "a.txt"), []byte("no picture"))
	write(t, filepath.Join(texts, "b.jpg"), []byte("\xff\xd8\xff\xe0torn"))
	out := filepath.Join(t.TempDir(), "int8.tflite")
	nan := filepath.Join(t.TempDir(), "nan.onnx")
	write(t, nan, withNaN(t, floatNetwork))
	file, directory := filepath.Join(pictures, "red.png"), t.TempDir()
	torn := filepath.Join(t.TempDir(), "torn.onnx")
	write(t, torn, []byte("\x08\x07\x3a\xff"))
	short := filepath.Join(t.TempDir(), "labels.txt")
	write(t, short, []byte("one\ntwo\n"))
	weights := filepath.Join(t.TempDir(), "net.onnx.data")
	write(t, weights, []byte("weights beside an .onnx file"))
	for _, c := range []struct {
		name        string
		args, words []string
	}{
		{"no network", []string{"--calibrate", pictures, "--out", out}, []string{"name one float32 network"}},
		{"over something else", []string{floatNetwork, "--calibrate", pictures, "--out", weights, "--normalize", "tf"}, []string{weights, "no .tflite file"}},
		{"no folder", []string{floatNetwork, "--out", out}, []string{"--calibrate DIR"}},
		{"torn", []string{torn, "--calibrate", pictures, "--out", out, "--normalize", "tf"}, []string{torn}},
		{"absent", []string{"absent.onnx", "--calibrate", pictures, "--out", out}, []string{"absent.onnx"}},
		{"no normalization", []string{floatNetwork, "--calibrate", pictures, "--out", out}, []string{"--normalize", "imagenet"}},
		{"fractions", []string{floatNetwork, "--calibrate", pictures, "--out", out, "--normalize", "mean=0.5,std=0.5"}, []string{"255 times"}},
		{"nonsense", []string{floatNetwork, "--calibrate", pictures, "--out", out, "--normalize", "1"}, []string{"mean=127,std=128"}},
		{"NaN", []string{nan, "--calibrate", pictures, "--out", out, "--normalize", "tf"}, []string{nan, "is NaN"}},
		{"a directory", []string{directory, "--calibrate", pictures, "--out", out, "--normalize", "tf"}, []string{directory, "is a directory"}},
		{"no such folder", []string{floatNetwork, "--calibrate", "absent", "--out", out, "--normalize", "tf"}, []string{"absent", "no such file"}},
		{"a file for a folder", []string{floatNetwork, "--calibrate", file, "--out", out, "--normalize", "tf"}, []string{file, "not a directory"}},
		{"empty folder", []string{floatNetwork, "--calibrate", empty, "--out", out, "--normalize", "tf"}, []string{empty}},
		{"no pictures", []string{floatNetwork, "--calibrate", texts, "--out", out, "--normalize", "tf"}, []string{texts, "none of its files"}},
		{"few labels", []string{floatNetwork, "--calibrate", pictures, "--out", out, "--normalize", "tf", "--labels", short}, []string{short, "2 labels"}},
		{"ranges", []string{floatNetwork, "--calibrate", pictures, "--out", out, "--ranges", "max"}, []string{"least-error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectFailure(t, statusConfig, c.words, append([]string{"quantize"}, c.args...)...)
			if files, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(files) > 0 {
				t.Errorf("files are left behind: %v", files)
			}
		})
	}
}

// withNaN is a network with a bias that isn't a number.
func withNaN(t *testing.T, name string) []byte {
	t.Helper()
	g, err := model.ReadFloat(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range g.Nodes {
		if len(n.Inputs) < 3 || n.Inputs[2] < 0 {
			continue
		}
		if at := bytes.Index(file, g.Tensors[n.Inputs[2]].Data); at >= 0 { // biases are in the file as in the graph
			binary.LittleEndian.PutUint32(file[at:], math.Float32bits(float32(math.NaN())))
			return file
		}
	}
	t.Fatal("no bias is found in the file")
	return nil
}
