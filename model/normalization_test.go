package model

import (
	"math"
	"strings"
	"testing"
)

func TestParseNormalization(t *testing.T) {
	for text, want := range map[string]Normalization{
		"0..1":                    {Std: [3]float32{255, 255, 255}},
		"mean=127,std=128":        {Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128}},
		"mean=1,2,3,std=4,5,6":    {Mean: [3]float32{1, 2, 3}, Std: [3]float32{4, 5, 6}},
		"std=2, mean=100, 50, 25": {Mean: [3]float32{100, 50, 25}, Std: [3]float32{2, 2, 2}},
	} {
		fields := strings.ReplaceAll(text, " ", "")
		got, err := ParseNormalization(fields)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again, err := ParseNormalization(got.String()); err != nil || again != want {
			t.Errorf("%s: said as %s", text, got)
		}
	}
	for _, text := range []string{"", "mean=1", "mean=1,2,std=3", "mean=NaN,std=1", "mode=1,std=2", "mean=1,std=-3"} {
		if got, err := ParseNormalization(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// TestTakeNormalization: (x/255 − mean)/std in the network, in ways in which people write it.
func TestTakeNormalization(t *testing.T) {
	constant := func(name string, v ...float32) message { return floatsOf(name, []int{1, len(v), 1, 1}, v...) }
	network := func(nodes ...message) message {
		g := message{}.text(2, "g").bytes(11, inputOf("x", onnxFloat, 1, 3, 4, 4)).bytes(12, inputOf("y", 1)).
			bytes(5, floatsOf("w", []int{1, 3, 1, 1}, 1, 2, 3)).bytes(5, constant("mean", 0.5, 0.25, 0.125)).
			bytes(5, constant("std", 0.25, 0.5, 0.25)).bytes(5, constant("negative", -0.5, -0.25, -0.125)).
			bytes(5, constant("inverse", 4, 2, 4)).bytes(5, floatsOf("255", nil, 255))
		for _, n := range nodes {
			g = g.bytes(1, n)
		}
		return onnxModelOf(17, g.bytes(1, onnxNodeOf("Conv", []string{"n", "w"}, "y")))
	}
	want := Normalization{Mean: [3]float32{0.5, 0.25, 0.125}, Std: [3]float32{0.25, 0.5, 0.25}}
	unit, _ := ParseNormalization("0..1")
	for name, c := range map[string]struct {
		file message
		want Normalization
	}{
		"Sub, Div": {network(onnxNodeOf("Sub", []string{"x", "mean"}, "m"), onnxNodeOf("Div", []string{"m", "std"}, "n")), want},
		"Add, Mul": {
			network(onnxNodeOf("Add", []string{"negative", "x"}, "m"), onnxNodeOf("Mul", []string{"inverse", "m"}, "n")), want,
		},
		"Div, Sub, Div": {
			network(onnxNodeOf("Div", []string{"x", "255"}, "u"), onnxNodeOf("Sub", []string{"u", "mean"}, "m"),
				onnxNodeOf("Div", []string{"m", "std"}, "n")), unit.Then(want),
		},
	} {
		g, err := readAlone(c.file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := g.TakeNormalization()
		if !ok || !near(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, got, ok, c.want)
		}
		if err := g.Check(); err != nil || len(g.Nodes) != 1 {
			t.Errorf("%s: %v, %d nodes", name, err, len(g.Nodes))
		}
		if _, again := g.TakeNormalization(); again {
			t.Errorf("%s: a convolution is taken for a normalization", name)
		}
	}
	flipped, err := readAlone(network(onnxNodeOf("Sub", []string{"mean", "x"}, "n")))
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := flipped.TakeNormalization(); ok {
		t.Errorf("mean − x is taken for %v", n)
	}
}

// near allows for what float16 rounds.
func near(a, b Normalization) bool {
	for i := range a.Mean {
		if math.Abs(float64(a.Mean[i]-b.Mean[i])) > 1e-3*math.Abs(float64(b.Mean[i])) || math.Abs(float64(a.Std[i]/b.Std[i]-1)) > 1e-3 {
			return false
		}
	}
	return true
}

// TestNormalizationSpellings writes normalizations as people do.
func TestNormalizationSpellings(t *testing.T) {
	for spelled, want := range map[string]string{
		"-1..1":                              "tf",
		" ImageNet ":                         "imagenet",
		"TF":                                 "tf",
		"mean=127.5, std=127.5":              "tf",
		"Mean = 0, Std = 255":                "0..1",
		"mean=0, 0, 0, std=1, 1, 1":          "0..255",
		"std=57,mean=1,2,3":                  "mean=1,2,3,std=57",
		"mean=123.675,116.28,103.53,std=57.": "mean=123.675,116.28,103.53,std=57",
	} {
		n, err := ParseNormalization(spelled)
		if err != nil || n.String() != want {
			t.Errorf("%q: %v, %v, want %s", spelled, n, err, want)
		}
	}
}
