package budget

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"edge/classifier"
	"edge/mobilenet"
)

func sampleBudget(fps float64) *Budget {
	network := func(name string, f mobilenet.Family, ms, p95, accuracy, quantized float64) Network {
		m := Network{Name: name, Family: f, P50: ms, P95: p95, FPS: 1000 / ms, Float: accuracy, FloatSource: "page"}
		if quantized > 0 {
			m.Quantized, m.QuantizedSource = quantized, "other page"
		}
		return m
	}
	b := &Budget{FPS: fps, Kernels: "generic", Threads: 1, Networks: []Network{
		network("v1_slow", mobilenet.FamilyV1, 100, 120, 70, 69),
		network("v2_slow", mobilenet.FamilyV2, 80, 90, 72, 0),
		network("v1_fast", mobilenet.FamilyV1, 10, 30, 60, 58),
		network("v2_fast", mobilenet.FamilyV2, 20, 21, 65, 0),
		network("v2_worse", mobilenet.FamilyV2, 20, 20, 55, 0),
	}}
	b.Judge()
	return b
}

func TestJudges(t *testing.T) {
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

// TestDraws looks for the discs of the networks in the picture, and compares how they lie to each other with what
// a reader expects: to the right by the logarithm of the time, up by accuracy.
func TestDraws(t *testing.T) {
	blue, orange := color.RGBA{0x1f, 0x6f, 0xb4, 0xff}, color.RGBA{0xe0, 0x7b, 0x16, 0xff}
	for _, fps := range []float64{0.001, 15, 1e6} { // the limit lies right of, in and left of the picture
		b := sampleBudget(fps)
		var out bytes.Buffer
		if err := b.Draw(&out); err != nil {
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

func TestMeasures(t *testing.T) {
	a := mobilenet.Published()[15]
	plan, err := a.Blueprint()
	if err != nil {
		t.Fatal(err)
	}
	net, err := classifier.Options{Threads: 1}.Compile(plan.Graph(1))
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	m, err := Measure(context.Background(), a, net)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "v1_0.25_128" || !(m.P50 > 0 && m.P50 <= m.P95) || m.MACs != 13_570_048 || m.Weights < m.Parameters/2 {
		t.Errorf("%+v", m)
	}
	times, err := Time(context.Background(), net, 3, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(times.Steps) != len(net.Steps()) || !(times.Min > 0 && times.Min <= times.P50 && times.P50 <= times.P95 && times.P95 <= times.P99) {
		t.Errorf("%+v", times)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(cancelled, a, net); err == nil {
		t.Error("an interrupted run must end")
	}
}

// TestPercentile compares with the nearest ranks counted by hand.
func TestPercentile(t *testing.T) {
	var sorted []time.Duration
	for i := 1; i <= 40; i++ {
		sorted = append(sorted, time.Duration(i)*time.Millisecond)
	}
	for p, want := range map[int]float64{0: 1, 1: 1, 50: 20, 95: 38, 99: 40, 100: 40} {
		if got := percentile(sorted, p); got != want {
			t.Errorf("percentile %d of 1 … 40 ms: %v, want %v", p, got, want)
		}
	}
	if got := percentile(sorted[6:7], 99); got != 7 {
		t.Errorf("percentile 99 of 7 ms alone: %v", got)
	}
}
