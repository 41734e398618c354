package ptq_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"edge/engine"
	"edge/model"
	"edge/ptq"
)

// FuzzQuantize: what the ONNX reader lets through is refused by an error, or becomes an int8 network that runs.
func FuzzQuantize(f *testing.F) {
	for _, file := range fixtures(f) {
		if filepath.Ext(file) == ".onnx" {
			f.Add(readFile(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := model.ReadONNX(b, nil)
		if err != nil {
			return
		}
		work := 0
		for _, n := range g.Nodes {
			macs := model.Elements(g.Tensors[n.Outputs[0]].Shape)
			if len(n.Inputs) > 1 && n.Inputs[1] >= 0 {
				macs *= max(len(g.Tensors[n.Inputs[1]].Data)/4, 1)
			}
			work += macs
		}
		if work > 1<<26 || work < 0 {
			return // slow, but no danger
		}
		q, _, err := ptq.Quantize(context.Background(), g, noise(1), ptq.Options{Threads: 1, PerLayer: true})
		if err != nil {
			return
		}
		net, err := engine.Compile(q, engine.Options{})
		if err != nil {
			t.Fatal(errors.Join(err, q.Check()))
		}
		defer net.Close()
		net.Run()
	})
}
