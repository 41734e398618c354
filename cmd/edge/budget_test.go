package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"edge/budget"
	"edge/classifier"
	"edge/mobilenet"
)

func TestBudgetPrints(t *testing.T) {
	for fps, want := range map[float64]string{
		15: "v2_fast is the most accurate that holds 15 frames/s: 19 of 20 inferences take at most 21.00 ms of 66.67",
		99: "None holds 99 frames/s. The fastest, v1_fast, makes 100.0",
	} {
		b := &budget.Budget{FPS: fps, Kernels: "generic", Threads: 1, Networks: []budget.Network{
			{Name: "v1_fast", P50: 10, P95: 30, FPS: 100, Float: 60, FloatSource: "page", Quantized: 58, QuantizedSource: "other page"},
			{Name: "v2_fast", P50: 20, P95: 21, FPS: 50, Float: 65, FloatSource: "page"},
		}}
		b.Judge()
		var out bytes.Buffer
		if err := printBudget(&out, b); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want, "60.0 [1]", "58.0 [2]", "[1] page", "[2] other page"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%v frames/s: no %q in\n%s", fps, part, out.String())
			}
		}
	}
}

func TestBudgetTimes(t *testing.T) {
	b := &budget.Budget{FPS: 15}
	all := mobilenet.Published()
	for _, a := range all[15:16] {
		m, err := timeNetwork(context.Background(), b, &networkFlags{classifier.Options{Threads: 1}}, a)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != "v1_0.25_128" || !(m.P50 > 0 && m.P50 <= m.P95) || m.MACs != 13_570_048 || m.Weights < m.Parameters/2 {
			t.Errorf("%+v", m)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := timeNetwork(cancelled, b, &networkFlags{}, all[0]); err == nil {
		t.Error("an interrupted run must end")
	}
	if status, _, errors := edge("budget", "--fps", "0"); status != statusConfig || !strings.Contains(errors, "--fps 0") {
		t.Errorf("%d %q", status, errors)
	}
}

func TestBlueprint(t *testing.T) {
	file := t.TempDir() + "/net.tflite"
	status, out, errors := edge("blueprint", "v2", "--alpha", "0.35", "--resolution", "96", "--classes", "7", "--out", file)
	if status != 0 || !strings.Contains(out, "v2_0.35_96 with random weights") {
		t.Fatalf("%d %q %q", status, out, errors)
	}
	g, err := classifier.ReadModel(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Tensors[g.Outputs[0]].Shape; got[len(got)-1] != 7 {
		t.Errorf("the output is %v", got)
	}
	var j blueprintJSON
	status, out, _ = edge("blueprint", "V1", "--json")
	if err := json.Unmarshal([]byte(out), &j); err != nil || status != 0 {
		t.Fatal(status, err)
	}
	if j.MACs/1e6 != 568 || j.Parameters != 4_221_032 || len(j.Layers) != 29 {
		t.Errorf("%d MACs, %d parameters, %d layers", j.MACs, j.Parameters, len(j.Layers))
	}
	if status, out, _ = edge("blueprint", "v2"); status != 0 || !strings.Contains(out, "block17/project") {
		t.Errorf("%d %s", status, out)
	}
	for want, args := range map[string]string{
		"name one family": "blueprint", `family "v4"`: "blueprint v4", "width multiplier 0": "blueprint v1 --alpha 0",
		"output": "blueprint v1 --out /nowhere/x.tflite",
	} {
		if status, _, errors := edge(strings.Fields(args)...); status != statusConfig || !strings.Contains(errors, want) {
			t.Errorf("%s: %d %q", args, status, errors)
		}
	}
}
