package teach

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"edge/classifier"
	"edge/engine"
	"edge/frame"
	"edge/model"
)

// askReference runs a model file on one input with TensorFlow Lite's reference kernels.
const askReference = `
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
i = Interpreter(sys.argv[1], experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
i.allocate_tensors()
d = i.get_input_details()[0]
i.set_tensor(d["index"], np.fromfile(sys.argv[2], d["dtype"]).reshape(d["shape"]))
i.invoke()
sys.stdout.buffer.write(b"".join(i.get_tensor(o["index"]).tobytes() for o in i.get_output_details()))
`

// TestReference holds that a taught network gives the bytes that TensorFlow Lite's reference kernels give.
func TestReference(t *testing.T) {
	python, err := filepath.Abs("../.cache/reference/bin/python")
	if err == nil {
		_, err = os.Stat(python)
	}
	if err != nil {
		t.Skip("the reference isn't installed (make reference)")
	}
	for _, file := range []string{"", "../../shared/models/mobilenet_v1_0.25_128_quant.tflite"} {
		if _, err := os.Stat(file); file != "" && err != nil {
			t.Logf("%s isn't there", file)
			continue
		}
		b, err := OpenBackbone(classifier.Options{Model: file})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		taught, err := Teach(read(t, paintLesson(t, 4), b), b, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		name := filepath.Join(dir, "taught.tflite")
		if err := taught.Write(name, nil); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := model.ReadTFLite(data)
		if err != nil {
			t.Fatal(err)
		}
		net, err := engine.Compile(g, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer net.Close()
		for _, picture := range []string{"cat", "clock", "wall"} {
			f, err := frame.ReadFile(t.Context(), "../examples/"+picture+".jpg")
			if err != nil {
				t.Fatal(err)
			}
			if err := b.fitter.Fit(net.Input(), f); err != nil {
				t.Fatal(err)
			}
			input := filepath.Join(dir, "input")
			if err := os.WriteFile(input, net.Input(), 0o644); err != nil {
				t.Fatal(err)
			}
			want, err := exec.Command(python, "-c", askReference, name, input).Output()
			if err != nil {
				t.Fatal(err)
			}
			net.Run()
			got := append(bytes.Clone(net.Outputs()[0].Data), net.Outputs()[1].Data...)
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %v, the reference says %v", picture, got, want)
			}
		}
	}
}
