package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"edge/model"
)

// TestMain makes the test's own binary be the program, for tests of processes.
func TestMain(m *testing.M) {
	if os.Getenv("EDGE_TEST_IS_PROGRAM") != "" {
		main()
	}
	if file := os.Getenv("EDGE_TEST_MEASURED"); file != "" {
		runMeasured(file)
	}
	os.Exit(m.Run())
}

// edge runs a command line with nothing on standard input.
func edge(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(context.Background(), args, streams{strings.NewReader(""), &out, &errs})
	return status, out.String(), errs.String()
}

// expectFailure runs a command line that must fail with a status, with nothing on standard output and some words on
// standard error.
func expectFailure(t *testing.T, want int, words []string, args ...string) {
	t.Helper()
	status, stdout, stderr := edge(args...)
	if status != want || stdout != "" {
		t.Errorf("edge %q: status %d, want %d; stdout %q, stderr %q", args, status, want, stdout, stderr)
	}
	for _, w := range words {
		if !strings.Contains(stderr, w) {
			t.Errorf("edge %q: stderr %q doesn't say %q", args, stderr, w)
		}
	}
}

func TestMainWords(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		status, stdout, stderr := edge(args...)
		if status != 0 || stderr != "" {
			t.Errorf("edge %q: status %d, stderr %q", args, status, stderr)
		}
		for _, c := range commands() {
			if !strings.Contains(stdout, "edge "+c.name+" ") {
				t.Errorf("edge %q doesn't name %s", args, c.name)
			}
		}
	}
	expectFailure(t, statusConfig, []string{"edge run", "edge help COMMAND"})
	expectFailure(t, statusConfig, []string{`no command "fly"`, "edge help"}, "fly")
	for _, args := range [][]string{{"version"}, {"--version"}} {
		if status, stdout, _ := edge(args...); status != 0 || !strings.HasPrefix(stdout, "edge "+version) {
			t.Errorf("edge %q: status %d, stdout %q", args, status, stdout)
		}
	}
}

func TestFlagsOfEveryCommand(t *testing.T) {
	for _, c := range commands() {
		status, stdout, stderr := edge(c.name, "--help")
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "edge "+c.name) {
			t.Errorf("edge %s --help: status %d, stdout %q, stderr %q", c.name, status, stdout, stderr)
		}
		for _, line := range strings.Split(stdout, "\n") {
			if strings.Count(line, "(default") > 1 || strings.Contains(line, "std=0") {
				t.Errorf("edge %s --help names a default that isn't one: %q", c.name, line)
			}
		}
		expectFailure(t, statusConfig, []string{"edge " + c.name, "--no-such-flag"}, c.name, "--no-such-flag")
	}
	for _, name := range []string{"run", "invoke", "bench", "off", "version", "cameras", "doctor"} {
		expectFailure(t, statusConfig, []string{"edge " + name, `"stray"`}, name, "stray")
	}
}

// TestModelErrors are those of every command that reads a model.
func TestModelErrors(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.tflite")
	write(t, text, []byte("this is no model at all"))
	colours := colourModel(t)
	for _, c := range []struct{ args, words []string }{
		{[]string{"--model", filepath.Join(dir, "absent.tflite")}, []string{"model", "absent.tflite", "no such file"}},
		{[]string{"--model", dir}, []string{"model", dir, "is a directory"}},
		{[]string{"--model", text}, []string{text}},
		{[]string{"--model", colours, "--threads", "-1"}, []string{"-1 threads", "1 to 64"}},
		{[]string{"--model", colours, "--threads", "65"}, []string{"65 threads"}},
		{[]string{"--model", colours, "--kernels", "abacus"}, []string{`kernel set "abacus"`, "generic"}},
	} {
		expectFailure(t, statusConfig, c.words, append([]string{"run", "--leds", "none", "--camera", dir}, c.args...)...)
		expectFailure(t, statusConfig, c.words, append([]string{"classify", "picture.jpg"}, c.args...)...)
		expectFailure(t, statusConfig, c.words, append([]string{"invoke", "--input", "-", "--output", "-"}, c.args...)...)
		expectFailure(t, statusConfig, c.words, append([]string{"bench"}, c.args...)...)
	}
}

// TestHostileModels cuts models short and flips their bits: each is an error that names the file, or still a model, and
// takes little memory.
func TestHostileModels(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of models")
	}
	files, _ := filepath.Glob("../../engine/testdata/golden/*.tflite")
	if len(files) == 0 {
		t.Fatal("no goldens")
	}
	name := filepath.Join(t.TempDir(), "hostile.tflite")
	picture := colourPicture(t, "red.png", red)
	whole := 0
	try := func(what string, data []byte) {
		write(t, name, data)
		for _, args := range [][]string{{"inspect", name}, {"classify", "--model", name, picture}} {
			before := allocated()
			status, _, stderr := edge(args...)
			if more := allocated() - before; more > 64<<20 {
				t.Errorf("%s: edge %s took %d MiB", what, args[0], more>>20)
			}
			switch {
			case status == 0:
				whole++
			case status != statusConfig || !strings.Contains(stderr, name):
				t.Errorf("%s: edge %s: status %d, %q", what, args[0], status, stderr)
			}
		}
	}
	tries := 0
	for i, file := range append(files, colourModel(t)) {
		data := readTestFile(t, file)
		for k := range 3 {
			at := (i*7919 + k*104729) % len(data)
			try(fmt.Sprintf("%s cut at %d", file, at), data[:at])
			flipped := slices.Clone(data)
			flipped[at] ^= 1 << (k * 3)
			try(fmt.Sprintf("%s with byte %d flipped", file, at), flipped)
			tries += 4
		}
	}
	if tries < 300 || whole == 0 || whole == tries {
		t.Errorf("%d of %d went well: the test tests nothing", whole, tries)
	}
}

// allocated is all memory that was ever taken.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// colourModel writes a network that tells red, green and blue pictures apart, and returns the file's name.
//
//	[1,8,8,3] average [1,1,1,3] fully connected, the colour less the others [1,3] softmax [1,3]
func colourModel(t testing.TB) string {
	t.Helper()
	weights := make([]byte, 9)
	for i := range weights {
		weights[i] = 128 - 40
		if i%4 == 0 {
			weights[i] = 128 + 40
		}
	}
	pixels := []model.Quant{{Scale: 1. / 255}}
	g := &model.Graph{
		Name: "colours",
		Tensors: []model.Tensor{
			{Name: "picture", Type: model.Uint8, Shape: []int{1, 8, 8, 3}, Quant: pixels},
			{Name: "mean", Type: model.Uint8, Shape: []int{1, 1, 1, 3}, Quant: pixels},
			{Name: "weights", Type: model.Uint8, Shape: []int{3, 3}, Quant: []model.Quant{{Scale: 0.1, ZeroPoint: 128}}, Data: weights},
			{Name: "bias", Type: model.Int32, Shape: []int{3}, Quant: []model.Quant{{Scale: 0.1 * pixels[0].Scale}}, Data: make([]byte, 12)},
			{Name: "logits", Type: model.Uint8, Shape: []int{1, 3}, Quant: []model.Quant{{Scale: 0.1, ZeroPoint: 128}}},
			{Name: "scores", Type: model.Uint8, Shape: []int{1, 3}, Quant: []model.Quant{{Scale: 1. / 256}}},
		},
		Nodes: []model.Node{
			{
				Op:     model.AveragePool2D{Window: model.Window{StrideH: 1, StrideW: 1, Padding: model.Valid}, KernelH: 8, KernelW: 8},
				Inputs: []int{0}, Outputs: []int{1},
			},
			{Op: model.FullyConnected{}, Inputs: []int{1, 2, 3}, Outputs: []int{4}},
			{Op: model.Softmax{Beta: 1}, Inputs: []int{4}, Outputs: []int{5}},
		},
		Inputs: []int{0}, Outputs: []int{5},
		Labels: []string{"red", "green", "blue"},
	}
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "colours.tflite")
	write(t, name, data)
	return name
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
)

// colourPicture writes a picture of one colour into a folder of its own.
func colourPicture(t testing.TB, name string, c color.Color) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	write(t, file, pngOf(t, c))
	return file
}

func pngOf(t testing.TB, c color.Color) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, plain(c)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, c color.Color) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, plain(c), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func plain(c color.Color) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, 32, 24))
	for i := range 32 * 24 {
		p.Set(i%32, i/32, c)
	}
	return p
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFlagsOfOthers spells flags as other programs do.
func TestFlagsOfOthers(t *testing.T) {
	net, picture := colourModel(t), colourPicture(t, "red.png", red)
	labels := filepath.Join(t.TempDir(), "labels.txt")
	write(t, labels, []byte("0 Red\n1 Green\n2 Blue\n"))
	for _, args := range [][]string{
		{"classify", "-m", net, "-k", "1", "-t", "1", "-l", labels, picture},
		{"classify", "-model", net, "-top_k=1", "-labels", labels, picture},
		{"classify", "--model_path", net, "--num_threads", "1", "--top_k", "1", "--label_file", labels, picture},
		{"classify", "--tflite_model=" + net, "--num_results=1", "--labels_file=" + labels, picture},
	} {
		status, stdout, stderr := edge(args...)
		if status != 0 || strings.Count(stdout, "\n") != 1 || !strings.Contains(stdout, "Red") {
			t.Errorf("%q: status %d, %q, %q", args, status, stdout, stderr)
		}
	}
	if status, _, stderr := edge("bench", "-m", net, "-num_threads", "1", "--num_runs=1", "--warmup_runs=0"); status != 0 {
		t.Errorf("bench: %q", stderr)
	}
	expectFailure(t, statusConfig, []string{"unknown flag: --modek", "did you mean --model?"}, "classify", "--modek", net)
	for _, c := range []struct{ command, flag, want string }{
		{"classify", "--input_mean=127.5", "--normalize"},
		{"classify", "--std=127.5", "--normalize"},
		{"classify", "-i=x.jpg", "without a flag"},
		{"classify", "--image", "without a flag"},
		{"classify", "-n3", "--top-k"},
		{"classify", "--numthreads=1", "--threads"},
		{"inspect", "--model=x", "without a flag"},
		{"inspect", "-m", "without a flag"},
		{"check-config", "--config=x", "without a flag"},
		{"quantize", "-o", "--out"},
		{"quantize", "--output=x", "--out"},
		{"quantize", "--representative_dataset=x", "--calibrate"},
		{"run", "--source=1", "--camera"},
		{"run", "--width=640", "--size"},
	} {
		expectFailure(t, statusConfig, []string{"edge " + c.command, "unknown", c.want}, c.command, c.flag)
	}
	expectFailure(t, statusConfig, []string{"unknown flag: --qqqqqq", "--help"}, "classify", "--qqqqqq", net)
}
