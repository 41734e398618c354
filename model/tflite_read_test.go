package model

import (
	"os"
	"path/filepath"
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

func TestShared(t *testing.T) {
	for _, path := range sharedFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			g, err := ReadTFLite(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			t.Log(g.Name, len(g.Nodes), len(g.Tensors), g.Normalization, len(g.Labels))
		})
	}
}
