package model

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"edge/internal/files"
)

// maxFile is far above any network that fits here, in bytes: ResNet50 has 102 MB.
const maxFile = 256 << 20

// ReadFloat reads a network to be quantized from an .onnx or .tflite file, told apart by its content (ReadONNX,
// ReadTFLite). It reads regular files only, and with an .onnx file also those beside it that hold its weights; never one
// of another folder. Errors name the file.
func ReadFloat(name string) (*Graph, error) {
	data, err := files.Read(name, maxFile)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var g *Graph
	if IsTFLite(data) {
		g, err = readFloatTFLite(data)
	} else {
		g, err = readONNX(data, filesBeside(name))
	}
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", name, err)
	}
	return g, nil
}

// IsTFLite reports whether a file is a .tflite file by its first eight bytes, which is all that is looked at.
func IsTFLite(b []byte) bool { return len(b) >= 8 && string(b[4:8]) == tfliteIdentifier }

// filesBeside reads files that lie in the same directory as the one named, and no others.
func filesBeside(name string) func(string) ([]byte, error) {
	return func(other string) ([]byte, error) {
		if other != filepath.Base(other) || !filepath.IsLocal(other) {
			return nil, fmt.Errorf("%q: it must lie beside this one", other)
		}
		data, err := files.Read(filepath.Join(filepath.Dir(name), other), maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s isn't there: copy it beside %s, or export into one file (external_data=False)",
				printable(other), filepath.Base(name))
		}
		return data, err
	}
}
