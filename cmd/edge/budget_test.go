package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"strings"
	"testing"

	"edge/mobilenet"
)

func sampleBudget(fps float64) *budget {
	network := func(name string, f mobilenet.Family, ms, p95, accuracy, quantized float64) budgetNetwork {
		m := budgetNetwork{Name: name, Family: f, P50: ms, P95: p95, FPS: 1000 / ms, Float: accuracy, FloatSource: "page"}
		if quantized > 0 {
			m.Quantized, m.QuantizedSource = quantized, "other page"
		}
		return m
	}
	b := &budget{FPS: fps, Kernels: "generic", Threads: 1, Networks: []budgetNetwork{
		network("v1_slow", mobilenet.FamilyV1, 100, 120, 70, 69),
		network("v2_slow", mobilenet.FamilyV2, 80, 90, 72, 0),
		network("v1_fast", mobilenet.FamilyV1, 10, 30, 60, 58),
		network("v2_fast", mobilenet.FamilyV2, 20, 21, 65, 0),
		network("v2_worse", mobilenet.FamilyV2, 20, 20, 55, 0),
	}}
	b.judge()
	return b
}

func TestBudgetJudges(t *testing.T) {
	for _, test := range []struct {
		fps  float64
		best string
	}{
		{5, "v2_slow"},
		{15, "v2_fast"},
		{45, "v2_fast"},
		{49, "v2_worse"}, // only its 95th percentile is below 20.4 ms
		{60, ""},
	} {
		b := sampleBudget(test.fps)
		if b.Best != test.best {
			t.Errorf("%v frames/s: %q, want %q", test.fps, b.Best, test.best)
		}
		var order, front []string
		for _, m := range b.Networks {
			order = append(order, m.Name)
			if m.Pareto {
				front = append(front, m.Name)
			}
		}
		if got := strings.Join(order, " "); got != "v1_fast v2_fast v2_worse v2_slow v1_slow" {
			t.Errorf("in the order %s", got)
		}
		if got := strings.Join(front, " "); got != "v1_fast v2_fast v2_slow" {
			t.Errorf("the front is %s", got)
		}
	}
}

func TestBudgetPrints(t *testing.T) {
	for fps, want := range map[float64]string{
		15: "v2_fast is the most accurate that holds 15 frames/s: 19 of 20 inferences take at most 21.00 ms of 66.67",
		99: "None holds 99 frames/s. The fastest, v1_fast, makes 100.0",
	} {
		var out bytes.Buffer
		if err := sampleBudget(fps).print(&out); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want, "60.0 [1]", "58.0 [2]", "[1] page", "[2] other page"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%v frames/s: no %q in\n%s", fps, part, out.String())
			}
		}
	}
}

func TestBudgetDraws(t *testing.T) {
	for _, fps := range []float64{0.001, 15, 1e6} { // the limit lies right of, in and left of the picture
		b := sampleBudget(fps)
		var out bytes.Buffer
		if err := drawBudget(&out, b); err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		x, y := b.axes()
		for _, m := range b.Networks {
			at := picture.At(int(x.at(m.P50)), int(y.at(m.Float)))
			r, g, b, _ := at.RGBA()
			want := inks[m.Family]
			if byte(r>>8) != want.R || byte(g>>8) != want.G || byte(b>>8) != want.B {
				t.Errorf("%v frames/s: %s isn't drawn: %v", fps, m.Name, at)
			}
		}
	}
}

func TestBudgetTimes(t *testing.T) {
	b := &budget{FPS: 15}
	all := mobilenet.Published()
	for _, a := range all[15:16] {
		m, err := b.time(context.Background(), &networkFlags{threads: 1}, a)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != "v1_0.25_128" || !(m.P50 > 0 && m.P50 <= m.P95) || m.MACs != 13_570_048 || m.Weights < m.Parameters/2 {
			t.Errorf("%+v", m)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.time(cancelled, &networkFlags{}, all[0]); err == nil {
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
	g, err := readModel(file)
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
