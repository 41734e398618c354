package catalogue

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/mobilenet"
	"edge/model"
)

func TestAll(t *testing.T) {
	all := All()
	if len(all) != 17 {
		t.Fatalf("%d networks, want 16 of V1 and one of V2", len(all))
	}
	for _, h := range all {
		if got, ok := Named(h.Name); !ok || got != h {
			t.Errorf("%s isn't found by its name", h.Name)
		}
		if !strings.HasPrefix(h.Archive, "https://") || !strings.HasSuffix(h.Archive, "/"+h.Name+".tgz") {
			t.Errorf("%s: %s", h.Name, h.Archive)
		}
		if a := h.Accuracy(); a.Quantized1 < 30 || a.Resolution != h.Resolution {
			t.Errorf("%s: accuracy %+v", h.Name, a)
		}
		if sum, err := hex.DecodeString(h.SHA256); err != nil || (h.Size > 0) != (len(sum) == sha256.Size) {
			t.Errorf("%s: %d bytes with sum %q", h.Name, h.Size, h.SHA256)
		}
	}
	// As the page of the hosted models names and places them.
	h, ok := Named("mobilenet_v1_1.0_224_quant")
	const page = "https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_2018_08_02/mobilenet_v1_1.0_224_quant.tgz"
	if !ok || h.Archive != page || h.Family != mobilenet.FamilyV1 || h.Alpha != 1 || h.Resolution != 224 {
		t.Errorf("%+v", h)
	}
	if _, ok := Named("mobilenet_v1_1.0_224"); ok {
		t.Error("a network that isn't quantized is found")
	}
}

// TestHostedFiles compares what is known of the files with the files.
func TestHostedFiles(t *testing.T) {
	for name, known := range hostedSums {
		data, err := os.ReadFile(filepath.Join("../../shared/models", name+".tflite"))
		if err != nil {
			t.Skipf("skipped without ../shared: %v", err)
		}
		sum := sha256.Sum256(data)
		if int64(len(data)) != known.size || hex.EncodeToString(sum[:]) != known.sum {
			t.Errorf("%s: %d bytes, %x", name, len(data), sum)
		}
		g, err := model.ReadTFLite(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range All() {
			if err := h.Check(g); (err == nil) != (h.Name == name) {
				t.Errorf("%s taken for %s: %v", name, h.Name, err)
			}
		}
	}
}

func TestHostedCheck(t *testing.T) {
	h, _ := Named("mobilenet_v1_0.25_128_quant")
	graph := func(f mobilenet.Family, alpha float64, resolution, classes int) *model.Graph {
		b, err := mobilenet.New(f, alpha, resolution, classes)
		if err != nil {
			t.Fatal(err)
		}
		data, err := b.Graph(1).WriteTFLite()
		if err != nil {
			t.Fatal(err)
		}
		g, err := model.ReadTFLite(bytes.Clone(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{g.Inputs[0], g.Outputs[0]} {
			g.Tensors[i].Type = model.Uint8 // a blueprint's are int8
		}
		return g
	}
	if err := h.Check(graph(mobilenet.FamilyV1, 0.25, 128, 1001)); err != nil {
		t.Error(err)
	}
	signed := graph(mobilenet.FamilyV1, 0.25, 128, 1001)
	signed.Tensors[signed.Inputs[0]].Type = model.Int8
	two := graph(mobilenet.FamilyV1, 0.25, 128, 1001)
	two.Inputs = append(two.Inputs, two.Inputs[0])
	for _, c := range []struct {
		g    *model.Graph
		want string
	}{
		{graph(mobilenet.FamilyV1, 0.25, 160, 1001), "[1 160 160 3] isn't mobilenet_v1_0.25_128_quant"},
		{graph(mobilenet.FamilyV1, 0.25, 128, 1000), "which has 1001 classes"},
		{graph(mobilenet.FamilyV1, 0.5, 128, 1001), "parameters"},
		{graph(mobilenet.FamilyV2, 0.25, 128, 1001), "parameters"},
		{signed, "s8"},
		{two, "2 inputs"},
	} {
		if err := h.Check(c.g); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}
