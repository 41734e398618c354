package model

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

// output is the output tensor of the first node of an operation.
func output(g *Graph, op string) *Tensor { return &g.Tensors[first(g, op).Outputs[0]] }

func first(g *Graph, op string) *Node {
	i := slices.IndexFunc(g.Nodes, func(n Node) bool { return OpName(n.Op) == op })
	return &g.Nodes[i]
}

func operand(g *Graph, op string, k int) *Tensor { return &g.Tensors[first(g, op).Inputs[k]] }

// TestCheckRefuses spoils one thing in a network of all operations.
func TestCheckRefuses(t *testing.T) {
	nan := make([]byte, 4)
	binary.LittleEndian.PutUint32(nan, math.Float32bits(float32(math.NaN())))
	for name, c := range map[string]struct {
		t     Type
		spoil func(g *Graph)
		want  string
	}{
		"s8 weights' zero point": {Int8, func(g *Graph) { operand(g, "Conv2D", 1).Quant[3].ZeroPoint = 1 }, "zero point 1 at 3"},
		"scales along another dimension": {
			Int8, func(g *Graph) { operand(g, "DepthwiseConv2D", 1).Axis = 0 }, "16 scales along dimension 0",
		},
		"a scale missing": {Int8, func(g *Graph) {
			w := operand(g, "Conv2D", 1)
			w.Quant = w.Quant[1:]
		}, "7 scales along dimension 0"},
		"one scale zero":     {Int8, func(g *Graph) { operand(g, "Conv2D", 1).Quant[5].Scale = 0 }, "the scale 0 at 5"},
		"bias's type":        {Uint8, func(g *Graph) { operand(g, "Conv2D", 2).Type = Float32 }, "type f32 with an input of type u8"},
		"bias's length":      {Uint8, spoilBiasLength, "7 elements for 8 output channels"},
		"bias's zero point":  {Uint8, func(g *Graph) { operand(g, "Conv2D", 2).Quant[0].ZeroPoint = 3 }, "zero point 3"},
		"bias's scale":       {Uint8, func(g *Graph) { operand(g, "Conv2D", 2).Quant[0].Scale = 1 }, "its scale 1 isn't"},
		"bias without scale": {Int8, func(g *Graph) { operand(g, "Conv2D", 2).Quant = nil }, "0 scales for 8"},
		"NaN weights":        {Float32, func(g *Graph) { copy(operand(g, "Conv2D", 1).Data[8:], nan) }, "element 2 is NaN"},
		"f32 with a scale":   {Float32, func(g *Graph) { output(g, "Add").Quant = []Quant{{Scale: 1}, {Scale: 1}} }, "f32 with 2 scales"},
		"u8 without a scale": {Uint8, func(g *Graph) { output(g, "Add").Quant = nil }, "type u8 with 0 scales"},
		"mixed types":        {Int8, func(g *Graph) { output(g, "Mean").Type = Uint8 }, "isn't in 0…255"},
		"sum out of reach":   {Int8, func(g *Graph) { output(g, "Add").Quant[0].Scale = 1e-8 }, "too small"},
		"clamp out of reach": {
			Uint8, func(g *Graph) { output(g, "Add").Quant[0].Scale, first(g, "Add").Op = 1e-12, Add{Relu6} }, "too small for its fused activation",
		},
		"layer out of reach": {Int8, func(g *Graph) {
			output(g, "FullyConnected").Quant[0].Scale = 1e-30
			first(g, "FullyConnected").Op = FullyConnected{KeepDims: true}
		}, "channel 0: the output's scale 1e-30 is too small"},
		"mean out of reach": {Uint8, func(g *Graph) { output(g, "Mean").Quant[0].Scale = 1e-30 }, "scale 1e-30 is too small"},
		"concatenation out of reach": {
			Uint8, func(g *Graph) { output(g, "Concatenation").Quant[0].Scale = 1e-30 }, "too large for the output's, 1e-30",
		},
		"concatenated scales":    {Int8, func(g *Graph) { output(g, "Concatenation").Quant[0].Scale = 1 }, "differently"},
		"concatenation's axis":   {Int8, func(g *Graph) { first(g, "Concatenation").Op = Concatenation{Axis: 4} }, "axis 4"},
		"concatenation's inputs": {Int8, func(g *Graph) { first(g, "Concatenation").Inputs = nil }, "0 inputs, not 1"},
		"concatenation fused": {
			Int8, func(g *Graph) { first(g, "Concatenation").Op = Concatenation{3, Relu} }, "fused activation",
		},
		"pooled scales":      {Uint8, func(g *Graph) { output(g, "MaxPool2D").Quant[0].Scale = 1 }, "differently"},
		"padded zero points": {Uint8, func(g *Graph) { output(g, "Pad").Quant[0].ZeroPoint = 1 }, "differently"},
		"negative padding":   {Uint8, func(g *Graph) { first(g, "Pad").Op.(Pad).Before[1] = -1 }, "padded by -1"},
		"overflowing padding": {
			Uint8, func(g *Graph) { first(g, "Pad").Op.(Pad).After[1] = math.MaxInt }, "is padded by 0 and ",
		},
		"paddings":          {Uint8, func(g *Graph) { first(g, "Pad").Op = Pad{} }, "paddings for 0 dimensions"},
		"axis of a mean":    {Uint8, func(g *Graph) { first(g, "Mean").Op = Mean{[]int{4}, true} }, "axes [4]"},
		"axis twice":        {Uint8, func(g *Graph) { first(g, "Mean").Op = Mean{[]int{1, 1}, true} }, "axes [1 1]"},
		"axes not in order": {Uint8, func(g *Graph) { first(g, "Mean").Op = Mean{[]int{2, 1}, true} }, "axes [2 1]"},
		"no axes":           {Uint8, func(g *Graph) { first(g, "Mean").Op = Mean{nil, true} }, "axes []"},
		"reshape":           {Uint8, func(g *Graph) { output(g, "Reshape").Shape = []int{1, 2, 3, 3} }, "not as many"},
		"squeeze":           {Uint8, func(g *Graph) { output(g, "Squeeze").Shape = []int{1, 1, 9, 2} }, "by leaving out"},
		"logistic's scale":  {Uint8, func(g *Graph) { output(g, "Logistic").Quant[0].Scale = 0.1 }, "not 1/256"},
		"softmax's zero point": {
			Int8, func(g *Graph) { output(g, "Softmax").Quant[0].ZeroPoint = 0 }, "not 1/256 and -128",
		},
		"β":                {Int8, func(g *Graph) { first(g, "Softmax").Op = Softmax{} }, "β is 0"},
		"depth multiplier": {Int8, spoilMultiplier, "16 weights a place for 8 input channels with a depth multiplier of 3"},
		"window": {
			Int8, func(g *Graph) { first(g, "MaxPool2D").Op = MaxPool2D{Window{1, 1, Valid}, 99, 1, None} }, "99×1 is larger",
		},
		"window of nothing": {
			Int8, func(g *Graph) { first(g, "MaxPool2D").Op = MaxPool2D{Window{1, 1, Same}, 0, 1, None} }, "window of 0×1",
		},
		"unknown padding": {
			Int8, func(g *Graph) { first(g, "MaxPool2D").Op = MaxPool2D{Window{1, 1, 7}, 1, 1, None} }, "unknown padding 7",
		},
		"unknown activation": {Int8, func(g *Graph) { first(g, "Add").Op = Add{9} }, "unknown fused activation 9"},
		"no operation":       {Int8, func(g *Graph) { first(g, "Add").Op = nil }, "doesn't know"},
		"pointer":            {Int8, func(g *Graph) { first(g, "Add").Op = &Add{} }, "doesn't know"},
		"sum's shapes": {
			Int8, func(g *Graph) { first(g, "Add").Inputs[1] = g.Inputs[0] },
			"shapes 1×7×6×6 and 1×13×11×3 don't fit",
		},
		"deviation": {
			Int8, func(g *Graph) { g.Normalization = &Normalization{Std: [3]float32{1, 1, 0}} }, "mean 0 and deviation 0",
		},
		"weights' depth": {Int8, spoilDepth, "weights of 36×7 don't fit an input of 1×1×21"},
	} {
		t.Run(name, func(t *testing.T) {
			g := everyOperation(c.t)
			if err := g.Check(); err != nil {
				t.Fatal(err)
			}
			c.spoil(g)
			err := g.Check()
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q doesn't say %q", err, c.want)
			}
			if _, err := g.WriteTFLite(); err == nil {
				t.Error("WriteTFLite writes it")
			}
		})
	}
}

func spoilBiasLength(g *Graph) {
	bias := operand(g, "Conv2D", 2)
	bias.Shape, bias.Data = []int{7}, bias.Data[4:]
}

func spoilMultiplier(g *Graph) {
	n := first(g, "DepthwiseConv2D")
	op := n.Op.(DepthwiseConv2D)
	op.Multiplier = 3
	n.Op = op
}

func spoilDepth(g *Graph) {
	w := operand(g, "FullyConnected", 1)
	w.Shape = []int{w.Shape[0] * 3, w.Shape[1] / 3}
}

// TestSqueezed: the first 1s stay, the others go.
func TestSqueezed(t *testing.T) {
	for _, c := range []struct{ x, y, dims []int }{
		{[]int{1, 1, 5}, []int{1, 5}, []int{1}},
		{[]int{1, 1, 1, 5}, []int{5}, []int{0, 1, 2}},
		{[]int{1, 3, 1, 5}, []int{1, 3, 5}, []int{2}},
		{[]int{1, 1}, nil, []int{0, 1}},
		{[]int{3, 5}, []int{3, 5}, nil},
	} {
		if dims, ok := squeezed(c.x, c.y); !ok || !slices.Equal(dims, c.dims) {
			t.Errorf("%v → %v: %v, %v, want %v", c.x, c.y, dims, ok, c.dims)
		}
	}
	for _, c := range []struct{ x, y []int }{
		{[]int{1, 5}, []int{1, 5}}, {[]int{2, 3}, []int{3, 2}}, {[]int{1, 5}, []int{5, 1}}, {[]int{5}, []int{5, 1}},
	} {
		if dims, ok := squeezed(c.x, c.y); ok {
			t.Errorf("%v → %v: %v", c.x, c.y, dims)
		}
	}
}

// TestPrintable: a name from a file can't write to a terminal what it isn't.
func TestPrintable(t *testing.T) {
	for name, want := range map[string]string{
		"conv/Relu6": "conv/Relu6", "Hündchen 犬": "Hündchen 犬", "\x1b[2J": "?[2J", "a\nb": "a?b", "\u202egnp": "?gnp",
		"\xff":                   "\ufffd",
		strings.Repeat("x", 100): strings.Repeat("x", 80) + "…", strings.Repeat("🐕", 1000): strings.Repeat("🐕", 80) + "…",
	} {
		if got := Printable(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
