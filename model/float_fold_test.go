package model

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floatFixtures are what testdata/make_tflite.py makes.
func floatFixtures(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join("testdata", "float", "*.tflite"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/float: ", err)
	}
	return files
}

// TestReadFloatFolds: what follows a layer becomes a part of it, weights become float32, and all else stays refused.
func TestReadFloatFolds(t *testing.T) {
	for _, file := range floatFixtures(t) {
		g, err := ReadFloat(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Check(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		var ops []string
		for _, n := range g.Nodes {
			ops = append(ops, OpName(n.Op))
			for _, i := range slices.Concat(n.Inputs, n.Outputs) {
				if i >= 0 && g.Tensors[i].Type != Float32 {
					t.Errorf("%s: %s is of type %v", file, g.Tensors[i].Name, g.Tensors[i].Type)
				}
			}
		}
		if strings.Contains(file, "normalized") {
			want := "DepthwiseConv2D StridedSlice Conv2D DepthwiseConv2D DepthwiseConv2D PRelu DepthwiseConv2D Conv2D Mean " +
				"FullyConnected Reshape DepthwiseConv2D Reshape FullyConnected"
			if got := strings.Join(ops, " "); got != want {
				t.Errorf("%s: %s, want %s", file, got, want)
			}
			n, ok := g.TakeNormalization()
			if !ok || !near(n, Normalization{Mean: [3]float32{0.4, 0.5, 0.6}, Std: [3]float32{0.2, 0.3, 0.4}}) {
				t.Errorf("%s: %v, %v", file, n, ok)
			}
		}
		data := readFile(t, file)
		if _, err := ReadTFLite(data); err != nil && strings.Contains(file, "_float") {
			t.Errorf("%s: %v", file, err)
		}
		for _, kind := range []string{"_fp16", "_dynamic"} {
			if _, err := ReadTFLite(data); err == nil && strings.Contains(file, kind) {
				t.Errorf("%s is read as if it ran", file)
			}
		}
	}
}

// TestFoldArithmeticOnce: a layer's weights are made anew once, however much arithmetic follows.
func TestFoldArithmeticOnce(t *testing.T) {
	g := message{}.text(2, "g").bytes(11, inputOf("x", onnxFloat, 1, 1, 1, 1)).bytes(12, inputOf("y", 1)).
		bytes(5, floatsOf("w", []int{1 << 18, 1, 1, 1}, make([]float32, 1<<18)...)).bytes(5, floatsOf("two", nil, 2)).
		bytes(1, onnxNodeOf("Conv", []string{"x", "w"}, "c0"))
	for i := range 60 {
		g = g.bytes(1, onnxNodeOf("Mul", []string{fmt.Sprintf("c%d", i), "two"}, fmt.Sprintf("c%d", i+1)))
	}
	read, err := measured(t, readAlone, onnxModelOf(17, g.bytes(1, onnxNodeOf("Identity", []string{"c60"}, "y"))))
	if err != nil || len(read.Nodes) != 1 {
		t.Errorf("%v, %v", read, err)
	}
}

// FuzzReadFloat: no panic, little memory, and a sound graph or an error, whatever the file holds.
func FuzzReadFloat(f *testing.F) {
	for _, file := range floatFixtures(f) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := measured(t, readFloatTFLite, b)
		if err != nil {
			return
		}
		if err := g.Check(); err != nil {
			t.Fatal(err)
		}
		before := len(g.Nodes)
		if _, ok := g.TakeNormalization(); !ok && len(g.Nodes) != before {
			t.Error("a node is gone")
		}
		if len(g.Nodes) > 0 {
			if err := g.Check(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
