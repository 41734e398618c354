// Package mobilenet knows MobileNet V1, V2 and V3 for every width multiplier α, resolution and number of classes: their
// layers, what these cost, and what accuracy was published. It makes networks with random weights, to be timed.
//
// A network is a list of layers, each of which reads the one before it; a sum and a product read an earlier one, too. So
// what a network does can be read in v3.go, and in this file, from top to bottom, as in the papers' tables:
//
//	V1        stem, then n times  depthwise → pointwise                                       → pool → classify
//	V2        stem, then n times  expand → depthwise → project (+ shortcut)           → head → pool → classify
//	V3        stem, then n times  expand → depthwise → excite → project (+ shortcut)  → head → pool → features → classify
//
//	V1: A. Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications,
//	    arXiv:1704.04861
//	V2: M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381
//	V3: A. Howard et al., Searching for MobileNetV3, arXiv:1905.02244
package mobilenet

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Blueprint is a network without weights: a list of layers, of which each reads the one before it.
type Blueprint struct {
	Family     Family
	Alpha      float64 // the width multiplier α, of the number of channels
	Resolution int     // the input's height and width; the paper's ρ (often β) is Resolution/224
	Classes    int
	Layers     []Layer
}

// Family is one of the papers.
type Family string

// The families, as people write them.
const (
	FamilyV1 Family = "v1"
	FamilyV2 Family = "v2"
	// V3 in its two sizes, and without what some accelerators lack: minimalistic ones have no squeeze-and-excite, no
	// hard-swish and no 5×5 kernels.
	FamilyV3Large             Family = "v3-large"
	FamilyV3Small             Family = "v3-small"
	FamilyV3LargeMinimalistic Family = "v3-large-minimalistic"
	FamilyV3SmallMinimalistic Family = "v3-small-minimalistic"
)

// Families returns all families.
func Families() []Family {
	return []Family{
		FamilyV1, FamilyV2, FamilyV3Large, FamilyV3Small, FamilyV3LargeMinimalistic, FamilyV3SmallMinimalistic,
	}
}

// Layer is one operation. Its output is Size × Size × Out.
type Layer struct {
	Name      string
	Kind      Kind
	Size, Out int
	In        int // channels of its input
	Kernel    int // of Stem and Depthwise: the window's height and width; 1 for all others
	Stride    int // of Stem and Depthwise; 1 for all others
	Function  Function
	Shortcut  int // Add, Excite: the layer whose output is added to, or multiplied with, that of the layer before
}

// Function is what a layer's output goes through.
type Function uint8

// The functions. HardSwish is x · relu6(x + 3) / 6, HardSigmoid relu6(x + 3) / 6.
const (
	Linear Function = iota
	Relu
	Relu6
	HardSwish
	HardSigmoid
)

func (f Function) String() string {
	return [...]string{"linear", "relu", "relu6", "hard-swish", "hard-sigmoid"}[f]
}

// Kind is what a layer does.
type Kind uint8

// The kinds of layers. Stem is a full convolution, Pool the mean over the whole picture, Classify fully connected. Excite
// multiplies each channel of an earlier layer by one number of the layer before.
const (
	Stem Kind = iota
	Depthwise
	Pointwise
	Add
	Pool
	Classify
	Excite
)

// String says what a layer does: "depthwise 3×3/2", "pointwise".
func (l Layer) String() string {
	s := [...]string{"conv", "depthwise", "pointwise", "add", "mean", "fully connected", "multiply"}[l.Kind]
	if l.Kernel > 1 {
		s += fmt.Sprintf(" %d×%d", l.Kernel, l.Kernel)
	}
	if l.Stride > 1 {
		s += fmt.Sprintf("/%d", l.Stride)
	}
	return s
}

// separables is V1 after its stem (Table 1 of the paper): n times a 3×3 depthwise convolution and a pointwise one to c
// channels, the first of them with stride s. (The paper's table prints stride 2 for the very last depthwise
// convolution, too; its sizes, its cost and its authors' code say 1.)
var separables = []struct{ c, n, s int }{
	{64, 1, 1},
	{128, 2, 2},
	{256, 2, 2},
	{512, 6, 2},
	{1024, 2, 2},
}

// bottlenecks is V2 between its stem and its head (Table 2 of the paper): n times an inverted residual block that
// expands its input's channels t times, filters them, and projects them to c channels; the first with stride s.
var bottlenecks = []struct{ t, c, n, s int }{
	{1, 16, 1, 1},
	{6, 24, 2, 2},
	{6, 32, 3, 2},
	{6, 64, 4, 2},
	{6, 96, 3, 1},
	{6, 160, 3, 2},
	{6, 320, 1, 1},
}

const (
	stemChannels = 32
	headChannels = 1280 // of V2: it doesn't get narrower for α < 1
)

// New returns a family's layers; see V1 for the arguments and the errors.
func New(f Family, alpha float64, resolution, classes int) (*Blueprint, error) {
	switch f {
	case FamilyV1:
		return V1(alpha, resolution, classes)
	case FamilyV2:
		return V2(alpha, resolution, classes)
	}
	if slices.Contains(Families(), f) {
		return v3(f, alpha, resolution, classes)
	}
	return nil, fmt.Errorf("mobilenet: family %q: choose one of %s", f, strings.Trim(fmt.Sprint(Families()), "[]"))
}

// V1 returns MobileNet V1's layers. Numbers of channels are α times the paper's, rounded to multiples of 8. It fails
// if α isn't in (0, 4], the resolution isn't in [1, 1024], or the weights wouldn't fit 32 MB.
func V1(alpha float64, resolution, classes int) (*Blueprint, error) {
	b, err := newBlueprint(FamilyV1, alpha, resolution, classes, stemChannels, Relu6)
	if err != nil {
		return nil, err
	}
	block := 0
	for _, row := range separables {
		for i := range row.n {
			block++
			name := fmt.Sprintf("block%d/", block)
			b.depthwise(name+"depthwise", 3, strideOf(i, row.s), Relu6)
			b.pointwise(name+"pointwise", channels(row.c, alpha), Relu6)
		}
	}
	b.pool()
	return b.finish()
}

// V2 returns MobileNet V2's layers, otherwise as V1 does.
func V2(alpha float64, resolution, classes int) (*Blueprint, error) {
	b, err := newBlueprint(FamilyV2, alpha, resolution, classes, stemChannels, Relu6)
	if err != nil {
		return nil, err
	}
	block := 0
	for _, row := range bottlenecks {
		for i := range row.n {
			block++
			b.bottleneck(fmt.Sprintf("block%d/", block), row.t, channels(row.c, alpha), strideOf(i, row.s))
		}
	}
	b.pointwise("head", channels(headChannels, max(alpha, 1)), Relu6)
	b.pool()
	return b.finish()
}

// bottleneck adds an inverted residual block: thin at both ends, wide within, and linear at its end, since what ReLU
// cuts off in few channels is lost. If its ends have the same shape, it only adds a correction to its input.
func (b *Blueprint) bottleneck(name string, expansion, out, stride int) {
	entry := len(b.Layers) - 1
	in := b.Layers[entry]
	if expansion > 1 {
		b.pointwise(name+"expand", expansion*in.Out, Relu6)
	}
	b.depthwise(name+"depthwise", 3, stride, Relu6)
	b.project(name, entry, out)
}

// project ends a block that began after the layer entry.
func (b *Blueprint) project(name string, entry, out int) {
	b.pointwise(name+"project", out, Linear)
	in, last := b.Layers[entry], b.Layers[len(b.Layers)-1]
	if last.Size == in.Size && out == in.Out && b.isStrideless(entry) {
		b.add(Layer{Name: name + "add", Kind: Add, Size: in.Size, Out: out, Shortcut: entry})
	}
}

// isStrideless reports whether no layer after entry shrinks the picture. (A picture of one pixel stays one.)
func (b *Blueprint) isStrideless(entry int) bool {
	return !slices.ContainsFunc(b.Layers[entry+1:], func(l Layer) bool { return l.Stride > 1 })
}

func newBlueprint(f Family, alpha float64, resolution, classes, stem int, function Function) (*Blueprint, error) {
	switch {
	case !(alpha > 0 && alpha <= 4):
		return nil, fmt.Errorf("mobilenet: width multiplier %v: above 0, at most 4", alpha)
	case resolution < 1 || resolution > 1024:
		return nil, fmt.Errorf("mobilenet: resolution %d: 1 to 1024", resolution)
	case classes < 1 || classes > maxParameters/8:
		return nil, fmt.Errorf("mobilenet: %d classes: 1 to %d", classes, maxParameters/8)
	}
	b := &Blueprint{Family: f, Alpha: alpha, Resolution: resolution, Classes: classes}
	b.Layers = append(b.Layers, Layer{
		Name: "stem", Kind: Stem, Size: half(resolution), In: 3, Out: channels(stem, alpha), Kernel: 3, Stride: 2,
		Function: function,
	})
	return b, nil
}

// maxParameters keeps a typing error from filling the memory: the papers' largest networks have 6 million.
const maxParameters = 32 << 20

func (b *Blueprint) finish() (*Blueprint, error) {
	b.add(Layer{Name: "classifier", Kind: Classify, Size: 1, Out: b.Classes})
	if n := b.Cost().Parameters; n > maxParameters {
		return nil, fmt.Errorf("mobilenet: %s with %d classes has %d million parameters, more than %d: take a smaller "+
			"width multiplier or fewer classes", b.Name(), b.Classes, n/1_000_000, maxParameters/1_000_000)
	}
	return b, nil
}

// add appends a layer that reads the last one.
func (b *Blueprint) add(l Layer) {
	l.In, l.Kernel, l.Stride = b.Layers[len(b.Layers)-1].Out, max(l.Kernel, 1), max(l.Stride, 1)
	b.Layers = append(b.Layers, l)
}

func (b *Blueprint) depthwise(name string, kernel, stride int, f Function) {
	in := b.Layers[len(b.Layers)-1]
	size := in.Size
	if stride == 2 {
		size = half(size)
	}
	b.add(Layer{Name: name, Kind: Depthwise, Size: size, Out: in.Out, Kernel: kernel, Stride: stride, Function: f})
}

func (b *Blueprint) pointwise(name string, out int, f Function) {
	b.add(Layer{Name: name, Kind: Pointwise, Size: b.Layers[len(b.Layers)-1].Size, Out: out, Function: f})
}

func (b *Blueprint) pool() {
	b.add(Layer{Name: "pool", Kind: Pool, Size: 1, Out: b.Layers[len(b.Layers)-1].Out})
}

// channels is α·n rounded to the nearest multiple of 8, at least 8, and never below 90 % of α·n.
func channels(n int, alpha float64) int {
	want := float64(n) * alpha
	c := max(8, int(want+4)/8*8) // in range: α is at most 4
	if float64(c) < 0.9*want {
		c += 8
	}
	return c
}

// strideOf is that of a row's i-th block: only the first one shrinks the picture.
func strideOf(i, s int) int {
	if i == 0 {
		return s
	}
	return 1
}

// half is a picture's size after a stride of 2 with padding SAME.
func half(size int) int { return (size + 1) / 2 }

// Name returns the network's name, such as "v2_0.35_96".
func (b *Blueprint) Name() string {
	alpha := strconv.FormatFloat(b.Alpha, 'f', -1, 64)
	if b.Alpha == math.Trunc(b.Alpha) {
		alpha += ".0"
	}
	return fmt.Sprintf("%s_%s_%d", b.Family, alpha, b.Resolution)
}

// Cost is the work and the size of a network or of a layer.
type Cost struct {
	MACs       int // multiplications with an addition, for one picture
	Parameters int // weights, and a bias for each output channel: batch normalization is folded into them
}

// Cost returns the sum over all layers.
func (b *Blueprint) Cost() Cost {
	var sum Cost
	for _, l := range b.Layers {
		c := l.Cost()
		sum.MACs += c.MACs
		sum.Parameters += c.Parameters
	}
	return sum
}

// Cost returns the cost of one layer. Sums, products and means count nothing, as in the papers.
func (l Layer) Cost() Cost {
	weights := 0
	switch l.Kind {
	case Stem:
		weights = l.Kernel * l.Kernel * l.In * l.Out
	case Depthwise:
		weights = l.Kernel * l.Kernel * l.Out
	case Pointwise, Classify:
		weights = l.In * l.Out
	case Add, Pool, Excite:
		return Cost{}
	}
	return Cost{MACs: l.Size * l.Size * weights, Parameters: weights + l.Out}
}
