package estimate

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"edge/engine"
)

func TestLayerOf(t *testing.T) {
	for _, c := range []struct {
		step engine.StepInfo
		want Layer
	}{
		{
			engine.StepInfo{Kind: "conv 3×3/2", In: []int{1, 224, 224, 3}, Out: []int{1, 112, 112, 32}, MACs: 10_838_016},
			Layer{"conv", 112, 27, 32, 3, 2, 224 * 224},
		},
		{
			engine.StepInfo{Kind: "depthwise 5×5/2", In: []int{1, 56, 56, 144}, Out: []int{1, 28, 28, 144}},
			Layer{"depthwise", 28, 144, 144, 5, 2, 56 * 56},
		},
		{
			engine.StepInfo{Kind: "pointwise", In: []int{1, 14, 14, 96}, Out: []int{1, 14, 14, 576}},
			Layer{"pointwise", 14, 96, 576, 1, 1, 14 * 14},
		},
		{
			engine.StepInfo{Kind: "fully connected", In: []int{1, 1280}, Out: []int{1, 1000}, MACs: 1_280_000},
			Layer{"fully connected", 1, 1280, 1000, 0, 1, 1},
		},
		{
			engine.StepInfo{Kind: "add", In: []int{1, 7, 7, 160}, Out: []int{1, 7, 7, 160}},
			Layer{"add", 7, 160, 160, 1, 1, 49},
		},
	} {
		if got, ok := LayerOf(c.step); !ok || got != c.want {
			t.Errorf("%+v is %+v, %v; want %+v", c.step, got, ok, c.want)
		}
	}
	for _, s := range []engine.StepInfo{
		{},
		{Kind: "softmax", In: []int{1, 1000}, Out: []int{1, 1000}},
		{Kind: "mean", In: []int{1, 7, 7, 1280}, Out: []int{1, 1, 1, 1280}},
		{Kind: "depthwise 3×1/1", In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "depthwise 3×3/2×1", In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "depthwise", In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "pointwise", In: []int{1, 7, 14, 8}, Out: []int{1, 7, 14, 8}},
		{Kind: "pointwise → depthwise 3×3/1 → pointwise", In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "depthwise 3×3/1 → pointwise", In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "conv 3×3/2 → depthwise 3×3/1", In: []int{1, 14, 14, 8}, Out: []int{1, 7, 7, 8}, MACs: 1000},
		{Kind: "fully connected", In: []int{2, 8}, Out: []int{2, 8}, MACs: 128},
		{Kind: "fully connected", Out: []int{0}},
	} {
		if got, ok := LayerOf(s); ok {
			t.Errorf("%+v is %+v", s, got)
		}
	}
}

func TestOf(t *testing.T) {
	for _, c := range []struct{ cpu, kernels, want string }{
		{"Cortex-A53", "neon", "Cortex-A53"},
		{"Cortex-A53 + Cortex-A72", "neon", "Cortex-A72"},
		{"Cortex-A76", "neon-dot", "Cortex-A76"},
		{"Cortex-A76", "neon", ""},
		{"Cortex-A55", "neon-dot", ""},
		{"AMD EPYC", "avx2", ""},
		{"", "", ""},
	} {
		got := ""
		if core := Of(c.cpu, c.kernels); core != nil {
			got = core.Name
		}
		if got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.cpu, c.kernels, got, c.want)
		}
	}
}

// TestMemory holds the model against sums by hand, on the A53: caches of 32 and 512 KB, 8 bytes a cycle from the second,
// 2.46 GB/s at 1.4 GHz, so 1.757 bytes a cycle, from memory.
func TestMemory(t *testing.T) {
	a53 := Of("Cortex-A53", "neon")
	const large, small = 5 << 20, 256 << 10
	for _, c := range []struct {
		what     string
		layer    Layer
		resident int
		want     float64
	}{
		{"all is in the first level", Layer{"add", 7, 160, 160, 1, 1, 49}, large, 0},
		{"both inputs and the output don't fit there", Layer{"add", 14, 96, 96, 1, 1, 196}, large, 3 * 196 * 96 / 8.},
		{"an expansion of 12544 pixels goes to memory", Layer{"pointwise", 112, 16, 96, 1, 1, 112 * 112}, large, (112*112*112 + 16*96) / (2460. / 1400)},
		{"the weights come from memory, since the network is large", Layer{"pointwise", 7, 96, 128, 1, 1, 49}, large, 96 * 128 / (2460. / 1400)},
		{"the weights come from the second level, since it is small", Layer{"pointwise", 7, 96, 128, 1, 1, 49}, small, 96 * 128 / 8.},
		{
			"a block that doesn't fit into the first level is read for each panel of 4",
			Layer{"pointwise", 7, 960, 160, 1, 1, 49},
			large,
			49*1120/8. + 960*160/(2460./1400) + 39*49*960/8.,
		},
	} {
		if got := a53.Memory(c.layer, c.resident); math.Abs(got/max(c.want, 1)-c.want/max(c.want, 1)) > 0.001 {
			t.Errorf("%s: %v cycles, want %v", c.what, got, c.want)
		}
	}
	if got := a53.Together(3, 4); got != 7 {
		t.Errorf("in order: %v", got)
	}
	if got := Of("Cortex-A72", "neon").Together(3, 4); got != 4 {
		t.Errorf("out of order: %v", got)
	}
}

// TestFormulas compares the formulas with the layers that tools/cycles simulated, which docs/bench/cycles.md lists: both
// must be of one run, and a formula that leaves a layer's shape out is found.
func TestFormulas(t *testing.T) {
	page, err := os.ReadFile("../docs/bench/cycles.md")
	if err != nil {
		t.Skip("no docs here: ", err)
	}
	row := regexp.MustCompile(`(?m)^\| (stem|pointwise|depthwise|add)(?: 5×(5))?(?: /(2))? \| (\d+)×\d+ \| (\d+)→(\d+) \| \d+ \| \d+ \| (\d+) \|[^|]*\|[^|]*\|[^|]*\| \d+ \| (\d+) \|[^|]*\|[^|]*\|[^|]*\| \d+ \| (\d+) \|`)
	compared := 0
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		number := func(i, otherwise int) int {
			n, err := strconv.Atoi(m[i])
			if err != nil {
				return otherwise
			}
			return n
		}
		l := Layer{Kind: m[1], Size: number(4, 0), In: number(5, 0), Out: number(6, 0), Window: number(2, 3), Stride: number(3, 1)}
		switch {
		case l.Kind == "stem":
			l.Kind = "conv"
		case l.Kind == "pointwise" && l.Size == 1:
			l.Kind = "fully connected"
		}
		l.InPixels = l.Size * l.Size * l.Stride * l.Stride
		for i := range Cores {
			compute, _, ok := Cores[i].Cycles(l, 0)
			simulated := float64(number(7+i, 0))
			if !ok || math.Abs(compute/simulated-1) > 0.4 {
				t.Errorf("%s, %+v: %.0f cycles by formula, %v; simulated %.0f", Cores[i].Name, l, compute, ok, simulated)
			}
			compared++
		}
	}
	if compared < 300 {
		t.Errorf("only %d layers are in cycles.md", compared)
	}
}

// TestStep shows that a clock makes computing faster, but not memory.
func TestStep(t *testing.T) {
	a53 := Of("Cortex-A53", "neon")
	step := engine.StepInfo{Kind: "pointwise", In: []int{1, 112, 112, 16}, Out: []int{1, 112, 112, 96}}
	usual, ok := a53.Step(step, 5<<20, 0)
	same, _ := a53.Step(step, 5<<20, 1400)
	half, _ := a53.Step(step, 5<<20, 700)
	if !ok || usual <= 0 || usual != same || half <= usual || half >= 2*usual {
		t.Errorf("%v ms, %v at 1400 MHz, %v at 700", usual, same, half)
	}
	if ms, ok := a53.Step(engine.StepInfo{Kind: "softmax"}, 0, 0); ok || ms != 0 {
		t.Errorf("%v ms of a softmax", ms)
	}
}
