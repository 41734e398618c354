package classifier

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeign gives as models what people have: each is told what it is, and what to do.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ data, want string }{
		"net.h5":               {"\x89HDF\r\n\x1a\n\x00\x00", "Keras"},
		"net.keras":            {"PK\x03\x04\x14\x00model.weights.h5", "from_keras_model"},
		"net.pth":              {"PK\x03\x04\x14\x00net/data.pkl", "torch.onnx.export"},
		"old.pt":               {"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"},
		"w.safetensors":        {"\x10\x00\x00\x00\x00\x00\x00\x00{\"a\":{}}", "weights without a network"},
		"net.zip":              {"PK\x03\x04\x14\x00else", "unpack it"},
		"net.tflite.gz":        {"\x1f\x8b\x08\x00", "unpack it"},
		"net.onnx":             {"\x08\x07\x12\x07pytorch", "edge quantize"},
		"net":                  {"\x08\x07\x12\x07pytorch", "edge quantize"},
		"saved_model.pb":       {"\x08\x01\x12\x00\xff", "from_saved_model"},
		"class_indices.json":   {`{"cat": 0, "dog": 1}`, "--labels"},
		"labels.txt":           {"0 cat\n1 dog\n", "--labels"},
		"edge.yaml":            {"model: x\n", "--config"},
		"cat.jpg":              {"\xff\xd8\xff\xe0\x00\x10JFIF", "a picture"},
		"net.xml":              {"<?xml version=\"1.0\"?><net/>", "OpenVINO"},
		"noise.tflite":         {"\x01\x02\x03\x04\x05\x06\x07\x00\x09", "not a .tflite file"},
		"damaged.tflite":       {"\x18\x00\x00\x00TFL3", "damaged.tflite: "},
		"text.tflite":          {"version https://git-lfs.github.com/spec/v1\n\nsize 1\n", "git lfs pull"},
		"short.tflite":         {"TF", "no .tflite file"},
		"nothing.tflite":       {"", "not a .tflite file"},
		"html.tflite":          {"\n<!DOCTYPE html>\n\n<html>", "a web page"},
		"folder/x/none":        {"", ""},
		"saved/saved_model.pb": {"x", ""},
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.want == "" {
			continue
		}
		if _, err := ReadModel(file); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for folder, want := range map[string]string{"saved": "SavedModel", "folder": "is a directory"} {
		if _, err := ReadModel(filepath.Join(dir, folder)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", folder, err, want)
		}
	}
}
