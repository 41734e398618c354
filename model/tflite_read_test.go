package model

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sharedModels = "../../shared/models"

// sharedFiles are the official models, where the working tree has them beside it.
func sharedFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(sharedModels, "*.tflite"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no models in ", sharedModels)
	}
	return files
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestReadTFLiteShared reads the official files. What they hold is known from the pages they come from.
func TestReadTFLiteShared(t *testing.T) {
	known := map[string]struct{ input, output string }{
		"mobilenet_v1_0.25_128_quant.tflite":                    {"u8 1×128×128×3", "u8 1×1001"},
		"mobilenet_v1_0.5_160_quant.tflite":                     {"u8 1×160×160×3", "u8 1×1001"},
		"mobilenet_v1_0.75_192_quant.tflite":                    {"u8 1×192×192×3", "u8 1×1001"},
		"mobilenet_v1_1.0_224_quant_embedding_extractor.tflite": {"u8 1×224×224×3", "u8 1×1×1×1024"},
		"mobilenet_quant_v1_224_head_layers.tflite":             {"u8 1×224×224×3", "u8 1×1001"},
		"mobilenet_v2_1.0_224_quant.tflite":                     {"u8 1×224×224×3", "u8 1×1001"},
		"mobilenet_v2_1.0_224_inat_bird_quant.tflite":           {"u8 1×224×224×3", "u8 1×965"},
		"tf2_mobilenet_v2_1.0_224_ptq.tflite":                   {"u8 1×224×224×3", "u8 1×1001"},
		"vww_96_int8.tflite":                                    {"s8 1×96×96×3", "s8 1×2"},
		"vww_96_float.tflite":                                   {"f32 1×96×96×3", "f32 1×2"},
	}
	for _, path := range sharedFiles(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			g, err := ReadTFLite(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			describe := func(i int) string {
				return g.Tensors[i].Type.String() + " " + shapeString(g.Tensors[i].Shape)
			}
			want, ok := known[name]
			if in, out := describe(g.Inputs[0]), describe(g.Outputs[0]); ok && (in != want.input || out != want.output) {
				t.Errorf("%s → %s, want %s → %s", in, out, want.input, want.output)
			}
			requireEqual(t, roundTrip(t, g), g)
		})
	}
}

// TestReadTFLiteMetadata: of the official files, one has labels and a normalization.
func TestReadTFLiteMetadata(t *testing.T) {
	path := filepath.Join(sharedModels, "tf2_mobilenet_v2_1.0_224_ptq.tflite")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no ", path)
	}
	g, err := ReadTFLite(readFile(t, path))
	if err != nil {
		t.Fatal(err)
	}
	if n := (Normalization{[3]float32{127.5, 127.5, 127.5}, [3]float32{127.5, 127.5, 127.5}}); g.Normalization == nil ||
		*g.Normalization != n {
		t.Errorf("normalization %v, want %v", g.Normalization, n)
	}
	if len(g.Labels) != 1001 || g.Labels[0] != "background" || g.Labels[1] != "tench, Tinca tinca" {
		t.Errorf("%d labels, %q", len(g.Labels), g.Labels[:min(2, len(g.Labels))])
	}
}

func TestSplitLabels(t *testing.T) {
	for text, want := range map[string][]string{
		"":                   nil,
		"\n\n":               nil,
		"cat":                {"cat"},
		"cat\r\ndog\r\n\r\n": {"cat", "dog"},
		"cat\n\ndog":         {"cat", "", "dog"},
	} {
		if got, err := splitLabels([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for name, text := range map[string]string{
		"not UTF-8": "cat\xff", "too large": strings.Repeat("x", maxLabelsFile+1),
		"too many": strings.Repeat("\n", maxLabels) + "x",
	} {
		if _, err := splitLabels([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestReadLabelsBomb: a label file that unpacks to gigabytes, and an archive of very many files.
func TestReadLabelsBomb(t *testing.T) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	file, err := archive.Create("labels.txt")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := file.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readLabels(b.Bytes(), "labels.txt"); err == nil {
		t.Error("100 MiB of labels: no error")
	}
	b.Reset()
	archive = zip.NewWriter(&b)
	for i := range maxAssociatedFiles + 1 {
		if _, err := archive.Create(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readLabels(b.Bytes(), "1"); err == nil {
		t.Error("101 files: no error")
	}
}
