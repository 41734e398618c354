package ptq

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edge/model"
)

// TestExecutor compares the float executor with onnxruntime and TensorFlow Lite.
func TestExecutor(t *testing.T) {
	files, _ := filepath.Glob("../model/testdata/onnx/*.onnx")
	lite, _ := filepath.Glob("../model/testdata/float/*.tflite")
	if len(files) == 0 || len(lite) == 0 {
		t.Fatal("no fixtures")
	}
	files = append(files, lite...)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := model.ReadFloat(file)
			if err != nil {
				t.Fatal(err)
			}
			layers, err := layersOf(g)
			if err != nil {
				t.Fatal(err)
			}
			e, err := newExecutor(g, layers)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(strings.TrimSuffix(file, filepath.Ext(file)) + ".f32")
			if err != nil {
				t.Fatal(err)
			}
			values := float32s(data)
			in, out := g.Tensors[g.Inputs[0]].Shape, g.Tensors[g.Outputs[0]].Shape
			x, want := values[:model.Elements(in)], values[model.Elements(in):]
			for range 2 { // the second run finds what the first has left in shared memory
				for i := range x {
					at := fromNCHW(i, in)
					if strings.HasPrefix(filepath.Base(file), "nhwc") || filepath.Ext(file) == ".tflite" {
						at = i
					}
					e.input()[i] = x[at]
				}
				for _, step := range e.steps {
					step()
				}
			}
			got := e.values[g.Outputs[0]]
			top, tolerance := slices.Max(want)-slices.Min(want), 1e-5
			if strings.HasSuffix(file, "_dynamic.tflite") { // TensorFlow Lite rounds the activations
				tolerance = 0.03
			}
			for i, v := range got {
				if w := want[fromNCHW(i, out)]; math.Abs(float64(v-w)) > tolerance*float64(top) {
					t.Fatalf("output %d is %v, onnxruntime says %v", i, v, w)
				}
			}
		})
	}
}

// fromNCHW is where the element at i of a tensor of shape 1, H, W, C lies in the order C, H, W.
func fromNCHW(i int, shape []int) int {
	if len(shape) != 4 {
		return i
	}
	return i%shape[3]*shape[1]*shape[2] + i/shape[3]
}
