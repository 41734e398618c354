package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"edge/classifier"
	"edge/evaluate"
	"edge/frame"
)

// What the commands give on real networks and photographs, compared with TensorFlow Lite's reference kernels. Skipped
// where those aren't installed (make reference) or ../shared isn't there.

const sharedModels, sharedImages = "../../../shared/models", "../../../shared/images"

// photographs are 400 for the table of docs/bench/conformance.md: those that calibration leaves for measuring.
var photographs = flag.Int("photographs", 3, "how many photographs TestTop1 shows to each network, at most 400")

// TestTop1 classifies photographs as edge classify does, and compares all of the output with the reference's, and the
// classes with the best scores.
func TestTop1(t *testing.T) {
	const extractor, head = "mobilenet_v1_1.0_224_quant_embedding_extractor", "mobilenet_quant_v1_224_head_layers"
	pictures := measuringPictures(t, *photographs)
	for _, chain := range [][]string{
		{"mobilenet_v1_0.25_128_quant"},
		{"mobilenet_v1_0.5_160_quant"},
		{"mobilenet_v1_0.75_192_quant"},
		{extractor, head},
		{"mobilenet_v2_1.0_224_quant"},
		{"tf2_mobilenet_v2_1.0_224_ptq"},
	} {
		t.Run(chain[0], func(t *testing.T) {
			ours := fitted(t, sharedModel(t, chain[0]), pictures)
			theirs := ours
			for _, name := range chain {
				ours = invoked(t, sharedModel(t, name), ours)
				theirs = reference(t, sharedModel(t, name), theirs)
			}
			different, sameTop, right, rightThere := 0, 0, 0, 0
			for i := range theirs {
				if ours[i] != theirs[i] {
					different++
				}
			}
			const classes = 1001
			for i, picture := range pictures {
				our, their := highestOf(ours[i*classes:(i+1)*classes]), highestOf(theirs[i*classes:(i+1)*classes])
				class := pictureClass(t, picture)
				sameTop += count(our == their)
				right += count(our == class)
				rightThere += count(their == class)
			}
			t.Logf("| %s | %d | %d | %d | %d | %.1f %% | %.1f %% |", strings.Join(chain, " → "), len(pictures), len(theirs),
				different, sameTop, percent(right, len(pictures)), percent(rightThere, len(pictures)))
			if different > 0 || sameTop < len(pictures) {
				t.Errorf("%d bytes differ, %d classes with the best score", different, len(pictures)-sameTop)
			}
		})
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }

// highestOf is the class with the highest score of unsigned outputs, the first of equals.
func highestOf(scores []byte) int { return slices.Index(scores, slices.Max(scores)) }

// pictureClass is the class of a photograph for networks with a background class: one more than its name says.
func pictureClass(t *testing.T, file string) int {
	t.Helper()
	number, _, _ := strings.Cut(filepath.Base(file), "_")
	class, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return class + 1
}

// measuringPictures are n of the photographs that aren't for calibration, evenly spread.
func measuringPictures(t *testing.T, n int) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(sharedImages, "*.jpg"))
	if len(files) == 0 {
		t.Skip("../shared/images isn't there")
	}
	_, rest := evaluate.SplitCalibration(files, len(files)/5)
	chosen, _ := evaluate.SplitCalibration(rest, n)
	return chosen
}

// fitted is the network's inputs for pictures, one after another.
func fitted(t *testing.T, modelFile string, pictures []string) []byte {
	t.Helper()
	net, err := classifier.Open(classifier.Options{Model: modelFile})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	var all bytes.Buffer
	for _, picture := range pictures {
		f, err := frame.ReadFile(t.Context(), picture)
		if err == nil {
			err = net.Fit(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		all.Write(net.Net.Input())
	}
	return all.Bytes()
}

// invoked is what edge invoke makes of inputs.
func invoked(t *testing.T, modelFile string, input []byte) []byte {
	t.Helper()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := []string{"invoke", "--model", modelFile, "--output", out}
	for _, file := range inputFiles(t, dir, modelFile, input) {
		args = append(args, "--input", file)
	}
	var stderr bytes.Buffer
	if status := Main(context.Background(), args, streams{nil, &stderr, &stderr}); status != 0 {
		t.Fatalf("edge %q: status %d\n%s", args, status, &stderr)
	}
	return readTestFile(t, out)
}

// inputFiles writes input to a file for the network's last input, and as many zero points for each other one: the head
// of the pair has the whole network's input too, but doesn't use it.
func inputFiles(t *testing.T, dir, modelFile string, input []byte) []string {
	t.Helper()
	n := networkFlags{classifier.Options{Model: modelFile}}
	net, err := n.load()
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	last := len(net.Inputs()) - 1
	rows := len(input) / len(net.Inputs()[last].Data)
	var files []string
	for i, in := range net.Inputs() {
		data := input
		if i < last {
			data = bytes.Repeat([]byte{byte(in.Quant.ZeroPoint)}, rows*len(in.Data))
		}
		file := filepath.Join(dir, fmt.Sprint("in", i))
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// reference runs TensorFlow Lite's reference kernels on the same inputs as invoked.
func reference(t *testing.T, modelFile string, input []byte) []byte {
	t.Helper()
	python := os.Getenv("EDGE_REFERENCE_PYTHON")
	if python == "" {
		python = "../../.cache/reference/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("TensorFlow Lite isn't installed here: make reference")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := append([]string{"../../engine/testdata/reference.py", modelFile, out}, inputFiles(t, dir, modelFile, input)...)
	if output, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", modelFile, err, output)
	}
	return readTestFile(t, out)
}

func sharedModel(t testing.TB, name string) string {
	t.Helper()
	file := filepath.Join(sharedModels, name+".tflite")
	if _, err := os.Stat(file); err != nil {
		t.Skip("../shared/models isn't there")
	}
	return file
}

func readTestFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
