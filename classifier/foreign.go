package classifier

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"edge/internal/text"
)

// foreign says what a file is that was given as a model but is no .tflite file, and what to do; empty if nobody knows.
func foreign(file string, data []byte) string {
	const quantize = "; then edge quantize FILE --calibrate PICTURES --out net.tflite makes an int8 network of it"
	const keras = ": in Python, tf.lite.TFLiteConverter.from_keras_model(model).convert() makes a .tflite file of it"
	const torch = ": in Python, torch.onnx.export(model.eval(), example, \"net.onnx\") makes an ONNX file of the model with these weights"
	ext := strings.ToLower(filepath.Ext(file))
	starts := func(s string) bool { return bytes.HasPrefix(data, []byte(s)) }
	has := func(s string) bool { return bytes.Contains(data, []byte(s)) }
	switch {
	case starts("\x89HDF\r\n\x1a\n"):
		return "a Keras network or its weights (HDF5)" + keras + quantize
	case starts("PK\x03\x04") && (has("model.weights.h5") || ext == ".keras"):
		return "a Keras network" + keras + quantize
	case starts("PK\x03\x04") && has("data.pkl"), starts("\x80\x02"), ext == ".pth", ext == ".pt", ext == ".ckpt":
		return "weights or a network of PyTorch" + torch + quantize
	case len(data) > 9 && data[8] == '{' && ext == ".safetensors":
		return "weights without a network (safetensors)" + torch + quantize
	case starts("PK\x03\x04"):
		return "a zip archive: unpack it"
	case starts("\x1f\x8b"):
		return "a gzip archive: unpack it"
	case ext == ".onnx" || starts("\x08") && has("onnx") || starts("\x08") && has("pytorch"):
		return "a network in ONNX: edge quantize " + file + " --calibrate PICTURES --out net.tflite makes an int8 network of it"
	case ext == ".pb":
		return "a network of TensorFlow: in Python, tf.lite.TFLiteConverter.from_saved_model(DIR).convert() makes a .tflite file of it" + quantize
	case starts("\xff\xd8\xff"), starts("\x89PNG"), starts("RIFF"), starts("BM"):
		return "a picture: edge classify takes pictures without a flag"
	case starts("<?xml"), ext == ".xml":
		return "XML, perhaps a network of OpenVINO: export the network as ONNX or .tflite instead" + quantize
	case ext == ".yaml" || ext == ".yml":
		return "a configuration: give it by --config"
	case starts("version https://git-lfs.github.com/"):
		return "what Git leaves of a large file that it hasn't fetched: git lfs pull fetches it"
	case isHTML(data):
		return "a web page: download the file itself (on GitHub: Download raw file)"
	case len(data) > 0 && text.FirstBad(data) < 0:
		if _, err := parseLabels(file, data); err == nil {
			return "a text, perhaps names of classes: give these by --labels, and the network by --model"
		}
		return "a text"
	}
	return ""
}

// isHTML says whether the data begin as a web page does, which is what a wrong address downloads.
func isHTML(data []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 256)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// foreignFolder is foreign for a directory.
func foreignFolder(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "saved_model.pb")); err == nil {
		return "a SavedModel of TensorFlow: in Python, tf.lite.TFLiteConverter.from_saved_model(DIR).convert() makes a .tflite file of it"
	}
	return ""
}
