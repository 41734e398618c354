package mobilenet

import "fmt"

// block is a row of V3's tables: a bottleneck with a kernel of k×k, widened to e channels, that ends with c; with
// squeeze-and-excite or without, its function, and its stride.
type block struct {
	k, e, c int
	excite  bool
	f       Function
	s       int
}

// blocksLarge and blocksSmall are Tables 1 and 2 of the paper between stem and head.
var blocksLarge = []block{
	{3, 16, 16, false, Relu, 1},
	{3, 64, 24, false, Relu, 2},
	{3, 72, 24, false, Relu, 1},
	{5, 72, 40, true, Relu, 2},
	{5, 120, 40, true, Relu, 1},
	{5, 120, 40, true, Relu, 1},
	{3, 240, 80, false, HardSwish, 2},
	{3, 200, 80, false, HardSwish, 1},
	{3, 184, 80, false, HardSwish, 1},
	{3, 184, 80, false, HardSwish, 1},
	{3, 480, 112, true, HardSwish, 1},
	{3, 672, 112, true, HardSwish, 1},
	{5, 672, 160, true, HardSwish, 2},
	{5, 960, 160, true, HardSwish, 1},
	{5, 960, 160, true, HardSwish, 1},
}

var blocksSmall = []block{
	{3, 16, 16, true, Relu, 2},
	{3, 72, 24, false, Relu, 2},
	{3, 88, 24, false, Relu, 1},
	{5, 96, 40, true, HardSwish, 2},
	{5, 240, 40, true, HardSwish, 1},
	{5, 240, 40, true, HardSwish, 1},
	{5, 120, 48, true, HardSwish, 1},
	{5, 144, 48, true, HardSwish, 1},
	{5, 288, 96, true, HardSwish, 2},
	{5, 576, 96, true, HardSwish, 1},
	{5, 576, 96, true, HardSwish, 1},
}

const (
	stemV3 = 16 // and as many into the first block
	// squeezed is by how much squeeze-and-excite narrows, and widened by how much the head widens the last block.
	squeezed, widened = 4, 6
)

// v3 returns MobileNet V3's layers, otherwise as V1 does. A block is widened in the proportion of the paper's table to
// what it gets; the features, 1280 or 1024 channels before the classifier, don't get narrower for α < 1.
func v3(f Family, alpha float64, resolution, classes int) (*Blueprint, error) {
	blocks, features, minimalistic := blocksLarge, 1280, false
	switch f {
	case FamilyV3LargeMinimalistic:
		minimalistic = true
	case FamilyV3Small, FamilyV3SmallMinimalistic:
		blocks, features, minimalistic = blocksSmall, 1024, f == FamilyV3SmallMinimalistic
	}
	swish := HardSwish
	if minimalistic {
		swish = Relu
	}
	b, err := newBlueprint(f, alpha, resolution, classes, stemV3, swish)
	if err != nil {
		return nil, err
	}
	before := stemV3 // in the table
	for i, row := range blocks {
		if minimalistic {
			row.k, row.excite, row.f = 3, false, Relu
		}
		name, entry := fmt.Sprintf("block%d/", i+1), len(b.Layers)-1
		in := b.Layers[entry].Out
		if wide := channels(row.e, float64(in)/float64(before)); wide != in || row.e != before {
			b.pointwise(name+"expand", wide, row.f)
		}
		b.depthwise(name+"depthwise", row.k, row.s, row.f)
		if row.excite {
			b.squeezeAndExcite(name)
		}
		b.project(name, entry, channels(row.c, alpha))
		before = row.c
	}
	b.pointwise("head", channels(widened, float64(b.Layers[len(b.Layers)-1].Out)), swish)
	b.pool()
	b.pointwise("features", channels(features, max(alpha, 1)), swish)
	return b.finish()
}

// squeezeAndExcite scales each channel by a number between 0 and 1 that all channels of the whole picture decide about:
// what a channel says counts more if the others speak for it (J. Hu et al., Squeeze-and-Excitation Networks,
// arXiv:1709.01507).
func (b *Blueprint) squeezeAndExcite(name string) {
	entry := len(b.Layers) - 1
	in := b.Layers[entry]
	b.add(Layer{Name: name + "squeeze", Kind: Pool, Size: 1, Out: in.Out})
	b.pointwise(name+"reduce", channels(in.Out, 1./squeezed), Relu)
	b.pointwise(name+"gate", in.Out, HardSigmoid)
	b.add(Layer{Name: name + "excite", Kind: Excite, Size: in.Size, Out: in.Out, Shortcut: entry})
}
