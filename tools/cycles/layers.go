package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"edge/classifier"
	"edge/estimate"
	"edge/kernels"
	"edge/mobilenet"
	"edge/model"
	"edge/quant"
)

// A layer of a network, as far as kernels see it.
type layer struct {
	kind    string // stem, pointwise, depthwise, add
	size    int    // output pixels in a row and in a column
	in, out int    // channels; of a stem the bytes of a patch
	stride  int
	relu    bool
	u8      bool // weights are u8, of one scale and zero point; else s8 by channel
	window  int  // rows and columns of a depthwise window
}

func (l layer) String() string {
	relu, weights := "", "s8"
	if l.relu {
		relu = "relu"
	}
	if l.u8 {
		weights = "u8"
	}
	return fmt.Sprintf("%s,%d,%d,%d,%d,%s,%s,%d", l.kind, l.size, l.in, l.out, l.stride, relu, weights, l.window)
}

func parseLayer(s string) (l layer, err error) {
	f := strings.Split(s, ",")
	if len(f) != 8 {
		return l, fmt.Errorf("layer %q", s)
	}
	l.kind, l.relu, l.u8 = f[0], f[5] == "relu", f[6] == "u8"
	for i, p := range []*int{&l.size, &l.in, &l.out, &l.stride} {
		if *p, err = strconv.Atoi(f[1+i]); err != nil {
			return l, err
		}
	}
	l.window, err = strconv.Atoi(f[7])
	return l, err
}

func (l layer) macs() int {
	switch l.kind {
	case "add":
		return 0
	case "depthwise":
		return l.size * l.size * l.window * l.window * l.out
	}
	return l.size * l.size * l.in * l.out
}

// layer returns what package estimate makes of it.
func (l layer) layer() estimate.Layer {
	e := estimate.Layer{
		Kind: l.kind, Size: l.size, In: l.in, Out: l.out, Window: l.window, Stride: l.stride,
		InPixels: l.size * l.stride * l.size * l.stride,
	}
	switch {
	case l.kind == "stem":
		e.Kind = "conv"
	case l.kind == "pointwise" && l.size == 1:
		e.Kind = "fully connected"
	}
	return e
}

// A network is simulated by its layers. Which of them are one step, and how threads share it, its graph says when it is
// compiled (steps.go).
type network struct {
	name   string
	layers []layer
	graph  func() (*model.Graph, error)
}

func networks() []network {
	v1 := func(alpha float64, resolution, classes int, u8 bool) network {
		return network{
			fmt.Sprintf("V1 %s/%d %s", alphaName(alpha), resolution, weights(u8)), networkV1(alpha, resolution, classes, u8),
			graphOf(mobilenet.V1(alpha, resolution, classes)),
		}
	}
	v2 := func(u8 bool) network {
		return network{"V2 1.0/224 " + weights(u8), networkV2(u8), graphOf(mobilenet.V2(1, 224, 1001))}
	}
	return []network{
		v1(0.25, 96, 2, false), v1(0.25, 128, 1001, true), v1(0.5, 160, 1001, true), v1(0.75, 192, 1001, true), v1(1, 224, 1001, true),
		v2(true), v2(false),
		{"Lite0 int8", networkLite0(), func() (*model.Graph, error) { return classifier.ReadModel("") }},
	}
}

// alphaName writes 1 as 1.0.
func alphaName(alpha float64) string {
	if alpha == 1 {
		return "1.0"
	}
	return strconv.FormatFloat(alpha, 'g', -1, 64)
}

func weights(u8 bool) string {
	if u8 {
		return "u8"
	}
	return "int8"
}

// graphOf makes a blueprint a graph with random weights.
func graphOf(b *mobilenet.Blueprint, err error) func() (*model.Graph, error) {
	return func() (*model.Graph, error) {
		if err != nil {
			return nil, err
		}
		return b.Graph(1), nil
	}
}

// networkV1 is MobileNetV1 without its pooling and softmax.
func networkV1(alpha float64, resolution, classes int, u8 bool) []layer {
	width := func(n int) int { return int(float64(n) * alpha) }
	size, in := resolution/2, width(32)
	layers := []layer{{"stem", size, 27, in, 2, true, u8, 3}}
	for _, row := range [][2]int{ // channels, stride: table 1 of the paper
		{64, 1},
		{128, 2},
		{128, 1},
		{256, 2},
		{256, 1},
		{512, 2},
		{512, 1},
		{512, 1},
		{512, 1},
		{512, 1},
		{512, 1},
		{1024, 2},
		{1024, 1},
	} {
		size /= row[1]
		layers = append(layers,
			layer{"depthwise", size, in, in, row[1], true, u8, 3},
			layer{"pointwise", size, in, width(row[0]), 1, true, u8, 1})
		in = width(row[0])
	}
	return append(layers, layer{"pointwise", 1, in, classes, 1, false, u8, 1})
}

// networkV2 is MobileNetV2 1.0/224.
func networkV2(u8 bool) []layer {
	return bottlenecks(u8, 1001, [][5]int{ // table 2 of the paper
		{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3}, {6, 32, 3, 2, 3}, {6, 64, 4, 2, 3}, {6, 96, 3, 1, 3}, {6, 160, 3, 2, 3}, {6, 320, 1, 1, 3},
	})
}

// networkLite0 is EfficientNet-Lite0, the network inside the program.
func networkLite0() []layer {
	return bottlenecks(false, 1000, [][5]int{
		{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3}, {6, 40, 2, 2, 5}, {6, 80, 3, 2, 3}, {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5}, {6, 320, 1, 1, 3},
	})
}

// bottlenecks is a network of inverted residuals for 224 × 224 pixels. Rows are expansion, channels, repeats, stride,
// window.
func bottlenecks(u8 bool, classes int, rows [][5]int) []layer {
	size, in := 112, 32
	layers := []layer{{"stem", size, 27, in, 2, true, u8, 3}}
	for i, row := range rows {
		for j := range row[2] {
			inner, stride := in*row[0], 1
			if j == 0 {
				stride = row[3]
			}
			if i > 0 {
				layers = append(layers, layer{"pointwise", size, in, inner, 1, true, u8, 1})
			}
			size /= stride
			layers = append(layers,
				layer{"depthwise", size, inner, inner, stride, true, u8, row[4]},
				layer{"pointwise", size, inner, row[1], 1, false, u8, 1})
			if j > 0 {
				layers = append(layers, layer{"add", size, row[1], row[1], 1, false, u8, 1})
			}
			in = row[1]
		}
	}
	return append(layers,
		layer{"pointwise", size, in, 1280, 1, true, u8, 1},
		layer{"pointwise", 1, 1280, classes, 1, false, u8, 1})
}

// prepare returns a function that runs the layer by s, with weights spread as in real networks.
func (l layer) prepare(s *kernels.Set) func() {
	random := rand.New(rand.NewPCG(1, 2))
	spread, zero := 40.0, int32(0)
	if l.u8 {
		spread, zero = 14, 3
	}
	r := kernels.Requant{Zero: -128, Lo: -128, Hi: 127}
	shift := int32(-5)
	if !l.relu {
		r.Zero, shift = 5, -8
	}
	bias := make([]int32, l.out)
	for n := range bias {
		r.Multipliers = append(r.Multipliers, quant.Multiplier{Mantissa: 1<<30 + random.Int32N(1<<30), Shift: shift})
		bias[n] = random.Int32N(2000) - 1000
	}
	taps := l.in
	if l.kind == "depthwise" {
		taps = l.window * l.window
	}
	weights := make([]int8, taps*l.out)
	for i := range weights {
		weights[i] = int8(min(max(random.NormFloat64()*spread+float64(zero), -127), 127))
	}
	pixels := l.size * l.size
	inSize := l.size * l.stride
	dst := make([]byte, pixels*l.out)
	src := make([]byte, inSize*inSize*l.in)
	for i := range src {
		src[i] = byte(random.Uint32())
	}
	pad := max((l.size-1)*l.stride+l.window-inSize, 0) / 2 // SAME
	window := kernels.Window{
		InH: inSize, InW: inSize, OutH: l.size, OutW: l.size, KernelH: l.window, KernelW: l.window, StrideH: l.stride, StrideW: l.stride,
		PadTop: pad, PadLeft: pad,
	}
	switch l.kind {
	case "add":
		half := quant.Multiplier{Mantissa: 1 << 30}
		add := s.PackAdd(kernels.AddLayer{
			AMul: half, BMul: quant.Multiplier{Mantissa: 3 << 29, Shift: -1},
			Mul: quant.Multiplier{Mantissa: 1 << 30, Shift: -18}, Lo: -128, Hi: 127,
		})
		call := kernels.AddCall{A: src, B: append([]byte(nil), src...), Dst: dst}
		return func() { add.Run(call) }
	case "depthwise":
		depthwise := s.PackDepthwise(kernels.DepthwiseLayer{
			Window: window, In: l.in, Multiplier: 1,
			SrcZero: -128, Weights: weights, WeightZero: zero, Bias: bias, Requant: r,
		})
		call := kernels.DepthwiseCall{Src: src, Dst: dst, Scratch: make([]byte, depthwise.Scratch), Y1: l.size}
		return func() { depthwise.Run(call) }
	}
	pointwise := s.PackPointwise(kernels.PointwiseLayer{
		Pixels: pixels, In: l.in, Out: l.out, SrcStride: l.in, DstStride: l.out,
		SrcZero: -128, Weights: weights, WeightZero: zero, Bias: bias, Requant: r,
	})
	call := kernels.PointwiseCall{
		Src: src[:pixels*l.in], Dst: dst, Scratch: make([]byte, pointwise.Scratch), P1: pixels, N1: l.out,
	}
	picture := make([]byte, inSize*inSize*3)
	return func() {
		if l.kind == "stem" {
			window.Gather(call.Src, picture, 3, 0x80, 0)
		}
		pointwise.Run(call)
	}
}
