package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"edge/classifier"
	"edge/estimate"
	"edge/report"
)

// TestBenchPeak shows that the profile's steps are compared with the peak, and that a network without a file has a name.
func TestBenchPeak(t *testing.T) {
	status, stdout, stderr := edge("bench", "--runs", "1", "--warmup", "0", "--peak", "--profile")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %q", status, stderr)
	}
	for _, words := range []string{"peak of ", ", one thread: ", "\nEfficientNet-Lite0, ", " 1 threads: min "} {
		if !strings.Contains(stdout, words) {
			t.Errorf("%q isn't in\n%s", words, stdout)
		}
	}
	b := benchmark{Steps: []benchStep{{GMACs: 1}, {GMACs: 6}}}
	b.comparePeak(8)
	if b.Peak != 8 || b.Steps[0].OfPeak != 0.125 || b.Steps[1].OfPeak != 0.75 {
		t.Errorf("%+v", b)
	}
}

func TestBenchReportRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there.md"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	expectFailure(t, statusConfig, []string{"there.md exists", "--report=NAME"}, "bench", "--report="+dir+"/there.json")
	expectFailure(t, statusConfig, []string{"nowhere/a.json", "folder that can be written"}, "bench", "--report="+dir+"/nowhere/a")
	expectFailure(t, statusConfig, []string{"--model", "fixed protocol"}, "bench", "--report="+dir+"/a", "--model", "m.tflite")
	expectFailure(t, statusConfig, []string{"--report=name"}, "bench", "--report", "name")
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

// each calls a function when something is written to it.
type each func()

func (f each) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

// TestBenchReportInterrupted shows that what was measured before Ctrl-C is kept, that it lies there while edge measures,
// and that nothing is left if that was nothing.
func TestBenchReportInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: where an emulator runs the first network, it isn't measured when progress is told")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	var out, errs strings.Builder
	var killed, r report.Report
	// Progress is told after some seconds.
	status := Main(ctx, []string{"bench", "--report=" + dir + "/a"}, streams{strings.NewReader(""), &out, each(func() {
		if ctx.Err() == nil { // what would be left if it were killed now
			data, err := os.ReadFile(filepath.Join(dir, "a.json"))
			if err = errors.Join(err, json.Unmarshal(data, &killed)); err != nil {
				t.Errorf("while it measures: %v\n%s", err, data)
			}
			if table, err := os.ReadFile(filepath.Join(dir, "a.md")); err != nil || string(table) != killed.Table() {
				t.Errorf("while it measures: %v\n%s", err, table)
			}
		}
		cancel()
	})})
	if len(killed.Rows) == 0 || len(killed.Rows)+len(killed.LeftOut) != killed.Expected || !strings.Contains(killed.Ended, "killed") {
		t.Errorf("while it measures: %+v", killed)
	}
	data, err := os.ReadFile(filepath.Join(dir, "a.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil || status != statusFailed || r.Ended != "interrupted" || len(r.Rows) == 0 ||
		len(r.Rows)+len(r.LeftOut) != r.Expected || r.Rows[0].Network != "EfficientNet-Lite0" {
		t.Errorf("status %d, %v, %+v", status, err, r)
	}
	if table, err := os.ReadFile(filepath.Join(dir, "a.md")); err != nil || string(table) != r.Table() {
		t.Errorf("%v\n%s", err, table)
	}
	if !strings.Contains(out.String(), "a.md hold ") {
		t.Errorf("%q", out.String())
	}
	status = Main(ctx, []string{"bench", "--report=" + dir + "/b"}, streams{strings.NewReader(""), &out, &errs})
	if status != statusFailed || !strings.Contains(errs.String(), "nothing has been written") {
		t.Errorf("status %d, %q", status, errs.String())
	}
	if left, err := filepath.Glob(dir + "/*b*"); err != nil || left != nil {
		t.Errorf("%v, %v", left, err)
	}
}

// TestBenchEstimates shows estimates beside the steps, as on a board whose core was modelled, and none elsewhere.
func TestBenchEstimates(t *testing.T) {
	n := networkFlags{classifier.Options{Threads: 1}}
	net, err := n.load()
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	b, err := measure(context.Background(), net, 1, 0, true)
	if err != nil {
		t.Fatal(err)
	}
	b.estimate(estimate.Of("Cortex-A53", "neon"), net.Steps(), 1000)
	sum := 0.0
	for _, s := range b.Steps {
		small := slices.Contains([]string{"flip sign bit", "mean", "softmax"}, s.Kind)
		if (s.Model > 0) == small {
			t.Errorf("%s: estimated %v ms", s.Kind, s.Model)
		}
		sum += s.Model
	}
	if sum < 60 || sum > 250 { // 385 million MACs, at 2 to 6 a cycle
		t.Errorf("%v ms", sum)
	}
	var out strings.Builder
	if err := b.print(&out); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(out.String(), "\n")
	if words := strings.Fields(head); len(words) < 3 || words[2] != "estimate" || !strings.Contains(out.String(), "\nestimate for a Cortex-A53 at 1000 MHz: ") {
		t.Error(out.String())
	}
	if plain, err := measure(context.Background(), net, 1, 0, true); err != nil || runtime.GOARCH == "amd64" && plain.Core != "" {
		t.Errorf("%v: %q is no core of a PC", err, plain.Core)
	}
}
