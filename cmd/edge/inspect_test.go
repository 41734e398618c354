package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	name := colourModel(t)
	status, stdout, stderr := edge("inspect", name, "--kernels", "generic")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, words := range []string{
		"1×8×8×3", "softmax", "input      u8 1×8×8×3", "output     u8 1×3", "labels     3", "× the lower bound of",
	} {
		if !strings.Contains(stdout, words) {
			t.Errorf("%q isn't in\n%s", words, stdout)
		}
	}
	expectFailure(t, statusConfig, []string{"one model file"}, "inspect")
	expectFailure(t, statusConfig, []string{"one model file"}, "inspect", name, name)
	expectFailure(t, statusConfig, []string{"absent", "no such file"}, "inspect", "absent")
}

// TestShifted writes real = scale · q, without a zero point of 0 and without two signs in a row.
func TestShifted(t *testing.T) {
	for zeroPoint, want := range map[int32]string{0: "q", 128: "(q − 128)", -128: "(q + 128)", -1 << 31: "(q + 2147483648)"} {
		if got := shifted(zeroPoint); got != want {
			t.Errorf("%d: %s, want %s", zeroPoint, got, want)
		}
	}
}

func TestInspectJSON(t *testing.T) {
	status, stdout, stderr := edge("inspect", "--json", colourModel(t))
	var got inspection
	if err := json.Unmarshal([]byte(stdout), &got); status != 0 || stderr != "" || err != nil {
		t.Fatalf("status %d, stderr %q, %v", status, stderr, err)
	}
	// 9 weights, each used once, and 3 biases; the average takes no multiplications.
	if got.MACs != 9 || got.Parameters != 12 || got.Labels != 3 || len(got.Inputs) != 1 || len(got.Outputs) != 1 {
		t.Errorf("%+v", got)
	}
	for i, s := range got.Steps {
		if s.Step != i || s.From < 0 || s.To <= s.From || s.To > got.Memory.Arena || s.Kernel == "" || s.Kind == "" {
			t.Errorf("step %d: %+v of an arena of %d bytes", i, s, got.Memory.Arena)
		}
	}
}

// TestInspectArena holds the arenas of real networks to what the lower bound allows.
func TestInspectArena(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(sharedModels, "*.tflite"))
	if len(files) == 0 {
		t.Skip("../shared/models isn't there")
	}
	for _, file := range files {
		if strings.Contains(file, "float") {
			expectFailure(t, statusConfig, []string{file, "float32", "quantize"}, "inspect", file)
			continue
		}
		_, stdout, stderr := edge("inspect", "--json", file)
		var got inspection
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Errorf("%s: %v, %s", file, err, stderr)
			continue
		}
		if m := got.Memory; m.LowerBound <= 0 || float64(m.Arena) > 1.2*float64(m.LowerBound) {
			t.Errorf("%s: arena of %d bytes, the lower bound is %d", file, m.Arena, m.LowerBound)
		}
	}
}

func TestBench(t *testing.T) {
	name := colourModel(t)
	// TensorFlow Lite's names for the flags will do, too.
	status, stdout, stderr := edge("bench", "--json", "--graph", name, "--num_runs", "20", "--warmup_runs", "1", "--num_threads=2")
	var got benchmark
	if err := json.Unmarshal([]byte(stdout), &got); status != 0 || stderr != "" || err != nil {
		t.Fatalf("status %d, stderr %q, %v", status, stderr, err)
	}
	if got.Model != name || got.Threads != 2 || got.Runs != 20 || got.MACs != 9 || got.Arena == 0 || len(got.Steps) != 0 {
		t.Errorf("%+v", got)
	}
	if !(0 < got.Min && got.Min <= got.P50 && got.P50 <= got.P95 && got.P95 <= got.P99) {
		t.Errorf("times %+v", got)
	}

	_, stdout, _ = edge("bench", "--json", "--profile", "--model", name, "--runs", "5", "--threads", "2")
	got = benchmark{}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Threads != 1 || len(got.Steps) < 3 {
		t.Fatalf("profile: %+v, %v", got, err)
	}
	sum := 0.0
	for _, s := range got.Steps {
		sum += s.Share
	}
	if sum < 0.999 || sum > 1.001 {
		t.Errorf("the steps' shares sum to %v", sum)
	}
	if status, stdout, _ = edge("bench", "--profile", "--model", name, "--runs", "1"); status != 0 || !strings.Contains(stdout, "p95") {
		t.Errorf("status %d, %q", status, stdout)
	}
	for _, wrong := range [][]string{{"--runs", "0"}, {"--warmup", "-1"}, {"--runs", "2000000000"}} {
		expectFailure(t, statusConfig, []string{"at least 1 and 0"}, append([]string{"bench", "--model", name}, wrong...)...)
	}
	// On a 32-bit board this isn't even a number of runs.
	expectFailure(t, statusConfig, []string{"--runs", "1000000000000"}, "bench", "--model", name, "--runs", "1000000000000")
}
