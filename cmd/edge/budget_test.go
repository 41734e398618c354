package main

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"

	"edge/classifier"
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

// TestBudgetDraws looks for the discs of the networks in the picture, and compares how they lie to each other with what
// a reader expects: to the right by the logarithm of the time, up by accuracy.
func TestBudgetDraws(t *testing.T) {
	blue, orange := color.RGBA{0x1f, 0x6f, 0xb4, 0xff}, color.RGBA{0xe0, 0x7b, 0x16, 0xff}
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
		v1, v2 := discs(picture, blue), discs(picture, orange)
		// The legend's discs, and no others, stand exactly above each other.
		above := func(others []image.Point) func(image.Point) bool {
			return func(p image.Point) bool {
				return slices.ContainsFunc(others, func(q image.Point) bool { return p.X == q.X })
			}
		}
		all := v1
		v1 = slices.DeleteFunc(slices.Clone(v1), above(v2))
		v2 = slices.DeleteFunc(v2, above(all))
		if len(v1) != 2 || len(v2) != 3 {
			t.Fatalf("%v frames/s: %d blue and %d orange discs, want 2 and 3", fps, len(v1), len(v2))
		}
		fast1, slow1, fast2, worse2, slow2 := v1[0], v1[1], v2[0], v2[1], v2[2]
		decade := float64(slow1.X - fast1.X) // 10 ms to 100 ms
		tenPoints := float64(fast1.Y - slow1.Y)
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"20 ms right of 10 ms", float64(fast2.X - fast1.X), decade * math.Log10(2)},
			{"80 ms right of 20 ms", float64(slow2.X - fast2.X), decade * math.Log10(4)},
			{"20 ms right of 20 ms", float64(worse2.X - fast2.X), 0},
			{"65 % above 60 %", float64(fast1.Y - fast2.Y), tenPoints / 2},
			{"72 % above 65 %", float64(fast2.Y - slow2.Y), tenPoints * 0.7},
			{"65 % above 55 %", float64(worse2.Y - fast2.Y), tenPoints},
		} {
			if math.Abs(c.got-c.want) > 2 {
				t.Errorf("%v frames/s: %s by %v pixels, want %.1f", fps, c.what, c.got, c.want)
			}
		}
		if decade < 200 || tenPoints < 100 {
			t.Errorf("%v frames/s: %v pixels for ten times the time, %v for ten points: nothing can be read there", fps, decade, tenPoints)
		}
	}
}

// discs returns the centres of a picture's spots of a colour, from the left and then from above.
func discs(picture image.Image, of color.RGBA) []image.Point {
	is := func(x, y int) bool {
		r, g, b, _ := picture.At(x, y).RGBA()
		return byte(r>>8) == of.R && byte(g>>8) == of.G && byte(b>>8) == of.B
	}
	seen := map[image.Point]bool{}
	var centres []image.Point
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			todo := []image.Point{{x, y}}
			var sum image.Point
			area := 0
			for len(todo) > 0 {
				at := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				if seen[at] || !is(at.X, at.Y) {
					continue
				}
				seen[at] = true
				sum = sum.Add(at)
				area++
				todo = append(todo, at.Add(image.Pt(1, 0)), at.Sub(image.Pt(1, 0)), at.Add(image.Pt(0, 1)), at.Sub(image.Pt(0, 1)))
			}
			if area > 40 { // less is no disc
				centres = append(centres, sum.Div(area))
			}
		}
	}
	slices.SortFunc(centres, func(a, b image.Point) int {
		if d := a.X - b.X; d < -2 || d > 2 {
			return d
		}
		return a.Y - b.Y
	})
	return centres
}

func TestBudgetTimes(t *testing.T) {
	b := &budget{FPS: 15}
	all := mobilenet.Published()
	for _, a := range all[15:16] {
		m, err := b.time(context.Background(), &networkFlags{classifier.Options{Threads: 1}}, a)
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
