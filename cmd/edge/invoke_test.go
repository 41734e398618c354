package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goldens = "../../engine/testdata/golden"

// golden is a small network with what the reference made of its inputs, several tensors in each file.
type golden struct {
	model  string
	inputs []string
	want   []byte
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	base := filepath.Join(goldens, name)
	inputs, _ := filepath.Glob(strings.NewReplacer("[", `\[`).Replace(base) + ".in*")
	if len(inputs) == 0 {
		t.Fatalf("no golden %s", name)
	}
	return golden{base + ".tflite", inputs, readTestFile(t, base+".out")}
}

func (g golden) args(output string) []string {
	args := []string{"invoke", "--model", g.model, "--output", output}
	for _, in := range g.inputs {
		args = append(args, "--input", in)
	}
	return args
}

func TestInvokeGoldens(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(goldens, "*.tflite"))
	if len(files) == 0 {
		t.Fatal("no goldens")
	}
	out := filepath.Join(t.TempDir(), "out")
	several := 0
	for _, file := range files {
		g := readGolden(t, strings.TrimSuffix(filepath.Base(file), ".tflite"))
		if status, stdout, stderr := edge(g.args(out)...); status != 0 || stdout+stderr != "" {
			t.Errorf("%s: status %d, %q, %q", file, status, stdout, stderr)
			continue
		}
		if got := readTestFile(t, out); !bytes.Equal(got, g.want) {
			t.Errorf("%s: other bytes than the reference's", file)
		}
		several += count(len(g.inputs) > 1)
	}
	if several == 0 {
		t.Error("no network with several inputs")
	}
	onlyFile(t, out)
}

// TestInvokeStreams reads from standard input and writes to standard output, to the input file, to a link's target and
// to a device.
func TestInvokeStreams(t *testing.T) {
	g := readGolden(t, "s8-network")
	in := readTestFile(t, g.inputs[0])
	var out, errs bytes.Buffer
	args := []string{"invoke", "--model", g.model, "--input", "-", "--output", "-"}
	if status := Main(context.Background(), args, streams{bytes.NewReader(in), &out, &errs}); status != 0 {
		t.Errorf("status %d, %s", status, &errs)
	}
	if !bytes.Equal(out.Bytes(), g.want) {
		t.Error("standard output: other bytes than the reference's")
	}

	both := filepath.Join(t.TempDir(), "both")
	write(t, both, in)
	if status, _, stderr := edge("invoke", "--model", g.model, "--input", both, "--output", both); status != 0 {
		t.Error(stderr)
	}
	if !bytes.Equal(readTestFile(t, both), g.want) {
		t.Error("over the input: other bytes than the reference's")
	}
	onlyFile(t, both)

	target, link := filepath.Join(t.TempDir(), "target"), filepath.Join(t.TempDir(), "link")
	write(t, target, nil)
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	expectFailure(t, statusFailed, []string{link, "symbolic link", target}, g.args(link)...)
	if len(readTestFile(t, target)) > 0 {
		t.Error("it wrote through a link")
	}
	if status, _, stderr := edge(g.args("/dev/null")...); status != 0 {
		t.Error(stderr)
	}
}

// TestInvokeErrors shows that an output is left as it was.
func TestInvokeErrors(t *testing.T) {
	g, two := readGolden(t, "s8-network"), readGolden(t, "s8-add-0")
	in, dir := readTestFile(t, g.inputs[0]), t.TempDir()
	short, empty := filepath.Join(dir, "short"), filepath.Join(dir, "empty")
	write(t, short, in[:len(in)-1])
	write(t, empty, nil)
	one, pair := readTestFile(t, two.inputs[0]), filepath.Join(dir, "pair")
	write(t, pair, one[:len(one)/2])

	out := filepath.Join(t.TempDir(), "out")
	write(t, out, []byte("before"))
	for _, c := range []struct {
		status        int
		words         []string
		model         string
		inputs, extra []string
	}{
		{statusFailed, []string{short, "within its tensor 4", "bytes", "s8"}, g.model, []string{short}, nil},
		{statusFailed, []string{empty, "is empty"}, g.model, []string{empty}, nil},
		{statusFailed, []string{"absent", "no such file"}, g.model, []string{"absent"}, nil},
		{statusFailed, []string{dir, "is a directory"}, g.model, []string{dir}, nil},
		{statusFailed, []string{pair, two.inputs[1], "ends after 2"}, two.model, []string{pair, two.inputs[1]}, nil},
		{statusFailed, []string{pair, two.inputs[0], "ends after 2"}, two.model, []string{two.inputs[0], pair}, nil},
		{statusConfig, []string{"1 --input and 1 --output given", "2 inputs", "1 output"}, two.model, []string{pair}, nil},
		{statusConfig, []string{"standard input"}, two.model, []string{"-", "-"}, nil},
		{statusConfig, []string{"2 --output given"}, g.model, []string{short}, []string{"--output", "other"}},
	} {
		args := append([]string{"invoke", "--model", c.model, "--output", out}, c.extra...)
		for _, name := range c.inputs {
			args = append(args, "--input", name)
		}
		expectFailure(t, c.status, c.words, args...)
	}
	expectFailure(t, statusFailed, []string{"output", "no such file"}, g.args(filepath.Join(dir, "nowhere", "out"))...)
	expectFailure(t, statusFailed, []string{"output", "is a directory"}, g.args(dir)...)
	expectFailure(t, statusConfig, []string{"--output"}, g.args("")...)
	expectFailure(t, statusFailed, []string{"output", "no space left"}, g.args("/dev/full")...)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var errs bytes.Buffer
	if status := Main(ctx, g.args(out), streams{nil, nil, &errs}); status != statusFailed || !strings.Contains(errs.String(), "stopped") {
		t.Errorf("interrupted: status %d, %q", status, &errs)
	}
	if got := readTestFile(t, out); string(got) != "before" {
		t.Errorf("the output was touched: %q", got)
	}
	onlyFile(t, out)
}

// onlyFile checks that nothing but the file itself is left in its folder.
func onlyFile(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(name) {
		t.Errorf("beside %s: %v, %v", name, entries, err)
	}
}

// TestNothingReadIsWrittenOver names the model as the output too, by its name and by others.
func TestNothingReadIsWrittenOver(t *testing.T) {
	net := colourModel(t)
	dir := t.TempDir()
	hard, soft := filepath.Join(dir, "hard"), filepath.Join(dir, "soft")
	if err := errors.Join(os.Link(net, hard), os.Symlink(net, soft)); err != nil {
		t.Fatal(err)
	}
	before := readTestFile(t, net)
	input := filepath.Join(dir, "in")
	write(t, input, make([]byte, 8*8*3))
	lesson := filepath.Join(dir, "lesson")
	picture := filepath.Join(lesson, "red", "1.png")
	if err := os.MkdirAll(filepath.Dir(picture), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, picture, pngOf(t, red))
	for _, c := range []struct {
		over string
		args []string
	}{
		{net, []string{"teach", lesson, "--backbone", net, "--out"}},
		{net, []string{"teach", lesson, "--backbone", net, "--html"}},
		{picture, []string{"teach", lesson, "--out"}},
		{picture, []string{"quantize", net, "--calibrate", lesson, "--out"}},
	} {
		expectFailure(t, statusConfig, []string{c.over, "another file"}, append(c.args, c.over)...)
	}
	for _, out := range []string{net, hard, soft, filepath.Dir(net) + "/./" + filepath.Base(net)} {
		expectFailure(t, statusConfig, []string{out, net, "another file"}, "invoke", "--model", net, "--input", input, "--output", out)
		expectFailure(t, statusConfig, []string{out, net, "another file"}, "quantize", net, "--calibrate", dir, "--out", out)
	}
	if !bytes.Equal(readTestFile(t, net), before) {
		t.Error("the model was written over")
	}
}
