package model

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// NormalizationHelp says what ParseNormalization takes, for the help of a flag.
const NormalizationHelp = `  0..1                   p / 255
  tf or -1..1            (p - 127.5) / 127.5, TensorFlow's MobileNets
  imagenet               torchvision's means and deviations
  0..255                 the pixels themselves
  mean=127,std=128       (p - mean) / std in pixel values 0 to 255; one value, or one each for red, green and blue`

// NormalizationNames returns the lines of NormalizationHelp that are names.
func NormalizationNames() []string { return []string{"0..1", "0..255", "tf", "imagenet"} }

// ParseNormalization reads one of the lines of NormalizationHelp.
func ParseNormalization(s string) (n Normalization, err error) {
	all := func(v float32) [3]float32 { return [3]float32{v, v, v} }
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "0..1":
		return Normalization{Std: all(255)}, nil
	case "0..255":
		return Normalization{Std: all(1)}, nil
	case "tf", "-1..1":
		return Normalization{Mean: all(127.5), Std: all(127.5)}, nil
	case "imagenet": // 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225, times 255
		return Normalization{
			Mean: [3]float32{123.675, 116.28, 103.53}, Std: [3]float32{58.395, 57.12, 57.375},
		}, nil
	}
	lists := map[string][]float32{}
	key := ""
	for _, field := range strings.Split(s, ",") {
		if before, after, found := strings.Cut(field, "="); found {
			key, field = strings.ToLower(strings.TrimSpace(before)), after
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || key != "mean" && key != "std" {
			return n, fmt.Errorf("%q: choose 0..1, -1..1, tf, imagenet, or for example mean=127,std=128", s)
		}
		lists[key] = append(lists[key], float32(v))
	}
	mean, std := lists["mean"], lists["std"]
	if len(mean) != 1 && len(mean) != 3 || len(std) != 1 && len(std) != 3 {
		return n, fmt.Errorf("%q: mean and std need one value each, or three", s)
	}
	for i := range 3 {
		n.Mean[i], n.Std[i] = mean[i%len(mean)], std[i%len(std)]
	}
	if least := slices.Min(std); least < 1 {
		return n, fmt.Errorf("%q: a deviation of %g: means and deviations are of pixel values from 0 to 255; "+
			"of values from 0 to 1, take 255 times those", s, least)
	}
	return n, nil
}

// String returns the normalization as ParseNormalization reads it.
func (n Normalization) String() string {
	for _, name := range NormalizationNames() {
		if known, _ := ParseNormalization(name); known == n {
			return name
		}
	}
	list := func(v [3]float32) string {
		if v[0] == v[1] && v[1] == v[2] {
			return fmt.Sprintf("%.6g", v[0])
		}
		return fmt.Sprintf("%.6g,%.6g,%.6g", v[0], v[1], v[2])
	}
	return "mean=" + list(n.Mean) + ",std=" + list(n.Std)
}

// Then returns the normalization that applies n and then next.
func (n Normalization) Then(next Normalization) Normalization {
	var both Normalization
	for i := range both.Mean { // ((p − m)/s − m')/s' = (p − (m + s·m')) / (s·s')
		both.Mean[i] = n.Mean[i] + n.Std[i]*next.Mean[i]
		both.Std[i] = n.Std[i] * next.Std[i]
	}
	return both
}

// Span returns how far apart the numbers are that pixels of 0 and 255 become, at most. What networks are trained on has 1
// (0…1), 2 (−1…1) or some 5 (means and deviations of ImageNet).
func (n Normalization) Span() float32 { return 255 / slices.Min(n.Std[:]) }

// TakeNormalization takes arithmetic with constants on the channels of the input, as in (x − mean) / std, out of the
// beginning of a float32 network. What it has computed is the network's input then. It returns what the arithmetic does
// with the former input; false if the network doesn't begin with any.
func (g *Graph) TakeNormalization() (Normalization, bool) {
	var n Normalization
	if len(g.Inputs) != 1 {
		return n, false
	}
	first := -1
	for i := range g.Nodes {
		if slices.Contains(g.Nodes[i].Inputs, g.Inputs[0]) {
			if first >= 0 {
				return n, false
			}
			first = i
		}
	}
	if first < 0 {
		return n, false
	}
	node := &g.Nodes[first]
	op, ok := node.Op.(DepthwiseConv2D)
	out := node.Outputs[0]
	if !ok || op.Multiplier != 1 || op.Activation != None || op.StrideH*op.StrideW != 1 || slices.Contains(g.Outputs, out) {
		return n, false
	}
	w := &g.Tensors[node.Inputs[1]]
	channels := w.Shape[3]
	if w.Type != Float32 || w.Shape[1]*w.Shape[2] != 1 || channels != 1 && channels != 3 {
		return n, false
	}
	factor, offset := float32s(w.Data), make([]float32, channels)
	if b := node.Inputs[2]; b >= 0 {
		offset = float32s(g.Tensors[b].Data)
	}
	for i := range n.Mean { // f·x + o = (x + o/f) · f
		f, o := factor[i%channels], offset[i%channels]
		if !(f > 0) {
			return Normalization{}, false
		}
		n.Mean[i], n.Std[i] = -o/f, 1/f
	}
	if n.check() != nil {
		return Normalization{}, false
	}
	g.Tensors[out].Name = g.Tensors[g.Inputs[0]].Name
	g.Inputs[0] = out
	g.Nodes = slices.Delete(g.Nodes, first, first+1)
	g.dropUnused()
	return n, true
}
