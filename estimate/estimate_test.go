package estimate

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"edge/engine"
	"edge/kernels"
	"edge/mobilenet"
)

func window(size, stride int) kernels.Window {
	return kernels.Window{KernelH: size, KernelW: size, StrideH: stride, StrideW: stride}
}

func TestStepOf(t *testing.T) {
	expand := engine.StepInfo{Kind: "pointwise", In: []int{1, 14, 14, 96}, Out: []int{1, 14, 14, 576}}
	narrow := engine.StepInfo{Kind: "depthwise", Window: window(5, 2), In: []int{1, 14, 14, 576}, Out: []int{1, 7, 7, 576}}
	for _, c := range []struct {
		step engine.StepInfo
		want []Layer
	}{
		{
			engine.StepInfo{Kind: "conv", Window: window(3, 2), In: []int{1, 224, 224, 3}, Out: []int{1, 112, 112, 32}, MACs: 10_838_016},
			[]Layer{{"conv", 112, 27, 32, 3, 2, 224 * 224}},
		},
		{narrow, []Layer{{"depthwise", 7, 576, 576, 5, 2, 14 * 14}}},
		{expand, []Layer{{"pointwise", 14, 96, 576, 1, 1, 14 * 14}}},
		{
			engine.StepInfo{Kind: "fully connected", In: []int{1, 1280}, Out: []int{1, 1000}, MACs: 1_280_000},
			[]Layer{{"fully connected", 1, 1280, 1000, 1, 1, 1}},
		},
		{
			engine.StepInfo{Kind: "pointwise", In: []int{1, 1, 1, 1024}, Out: []int{1, 1, 1, 1001}},
			[]Layer{{"fully connected", 1, 1024, 1001, 1, 1, 1}},
		},
		{
			engine.StepInfo{Kind: "add", In: []int{1, 7, 7, 160}, Out: []int{1, 7, 7, 160}},
			[]Layer{{"add", 7, 160, 160, 1, 1, 49}},
		},
		{
			engine.StepInfo{Kind: "fused", Layers: []engine.StepInfo{expand, narrow}},
			[]Layer{{"pointwise", 14, 96, 576, 1, 1, 14 * 14}, {"depthwise", 7, 576, 576, 5, 2, 14 * 14}},
		},
	} {
		if got, ok := StepOf(c.step, 1); !ok || !slices.Equal(got.Layers, c.want) {
			t.Errorf("%+v is %+v, %v; want %+v", c.step, got, ok, c.want)
		}
	}
	uneven := window(3, 2)
	uneven.StrideW = 1
	for _, s := range []engine.StepInfo{
		{},
		{Kind: "softmax", In: []int{1, 1000}, Out: []int{1, 1000}},
		{Kind: "mean", In: []int{1, 7, 7, 1280}, Out: []int{1, 1, 1, 1280}},
		{Kind: "depthwise", Window: uneven, In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "depthwise", Window: kernels.Window{KernelH: 3, KernelW: 1, StrideH: 1, StrideW: 1}, In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "depthwise", Window: window(3, 1), In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 16}},
		{Kind: "conv in 2 groups", Window: window(3, 1), In: []int{1, 7, 7, 8}, Out: []int{1, 7, 7, 8}},
		{Kind: "pointwise", In: []int{1, 7, 14, 8}, Out: []int{1, 7, 14, 8}},
		{Kind: "fused", Layers: []engine.StepInfo{expand, {Kind: "softmax"}}},
		{Kind: "fully connected", In: []int{2, 8}, Out: []int{2, 8}, MACs: 128},
		{Kind: "fully connected", Out: []int{0}},
	} {
		if got, ok := StepOf(s, 1); ok {
			t.Errorf("%+v is %+v", s, got)
		}
	}
}

// TestEveryLayer: all that a MobileNet computes has an estimate, fused or not, and fusing changes what is moved alone.
func TestEveryLayer(t *testing.T) {
	plan, err := mobilenet.V2(1, 224, 1000)
	if err != nil {
		t.Fatal(err)
	}
	graph := plan.Graph(1)
	compute, memory := map[bool]float64{}, map[bool]float64{}
	for _, fused := range []bool{false, true} {
		set := *kernels.Generic()
		if set.FuseFrom = 0; fused {
			set.FuseFrom = kernels.ArmFuseFrom
		}
		net, err := engine.Compile(graph, engine.Options{Kernels: &set})
		if err != nil {
			t.Fatal(err)
		}
		defer net.Close()
		several := 0
		for _, info := range net.Steps() {
			step, ok := StepOf(info, 1)
			if !ok {
				if info.MACs > 0 {
					t.Errorf("nothing is known of %v", info)
				}
				continue
			}
			several += len(step.Layers) - 1
			c, m, ok := Cores[0].Cycles(step, 4<<20)
			if !ok || c <= 0 {
				t.Errorf("%v takes %v cycles", info, c)
			}
			compute[fused] += c
			memory[fused] += m
		}
		if fused != (several > 0) {
			t.Errorf("%d layers are fused", several)
		}
	}
	if math.Abs(compute[true]/compute[false]-1) > 1e-9 {
		t.Errorf("fused layers compute for %v cycles, others for %v", compute[true], compute[false])
	}
	if memory[true] > 0.8*memory[false] {
		t.Errorf("fused layers move for %v cycles, others for %v", memory[true], memory[false])
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

// alone is a layer that isn't fused, on one thread.
func alone(l Layer) Step { return Step{Layers: []Layer{l}, Threads: 1, Share: 1} }

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
		if got := a53.Memory(alone(c.layer), c.resident); math.Abs(got/max(c.want, 1)-c.want/max(c.want, 1)) > 0.001 {
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
			compute, _, ok := Cores[i].Cycles(alone(l), 0)
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

// TestFused: what lies between fused layers streams through the second level, and only the ends go further.
func TestFused(t *testing.T) {
	a53 := Of("Cortex-A53", "neon")
	s := Step{
		Layers: []Layer{
			{"pointwise", 112, 16, 96, 1, 1, 112 * 112},
			{"depthwise", 56, 96, 96, 3, 2, 112 * 112},
			{"pointwise", 56, 96, 24, 1, 1, 56 * 56},
		},
		Between: 100 << 10, Threads: 1, Share: 1,
	}
	const ends, between, weights = 112*112*16 + 56*56*24, 112*112*96 + 56*56*96, 16*96 + 96*24
	want := (ends+2*between)/8. + weights/(2460./1400)
	if got := a53.Memory(s, 5<<20); math.Abs(got/want-1) > 0.001 {
		t.Errorf("%v cycles, want %v", got, want)
	}
	apart := 0.0
	for _, l := range s.Layers {
		apart += a53.Memory(alone(l), 5<<20)
	}
	if apart < 2*want {
		t.Errorf("%v cycles if each layer is a step, %v if all are one", apart, want)
	}
	s.Threads, s.Share = 4, 0.25
	want = (ends+2*between)/4/8.*2 + weights/(2460./1400)
	if got := a53.Memory(s, 5<<20); math.Abs(got/want-1) > 0.001 {
		t.Errorf("%v cycles for each of four, want %v", got, want)
	}
	s.Between = 200 << 10 // four bands of it don't fit into the second level
	if got := a53.Memory(s, 5<<20); got < 2*between/(2460./1400) {
		t.Errorf("%v cycles", got)
	}
}

// TestThreads: computing is shared out, caches of one's own give each thread as much, shared ones not, and memory gives all
// together what it gives one.
func TestThreads(t *testing.T) {
	layer := Layer{"pointwise", 56, 128, 32, 1, 1, 56 * 56} // 500 KB, and 4 of weights, which all threads read
	for _, c := range []struct {
		core     string
		resident int
		faster   float64 // moving, by four threads
	}{
		{"Cortex-A53", 256 << 10, 1.95}, // a shared second level
		{"Cortex-A53", 64 << 20, 1.93},  // the weights come from memory
		{"Cortex-A76", 256 << 10, 3.90}, // a second level each
	} {
		core := Of(c.core, "neon")
		if core == nil {
			core = Of(c.core, "neon-dot")
		}
		one, all := alone(layer), alone(layer)
		all.Threads, all.Share = 4, 0.25
		compute1, memory1, _ := core.Cycles(one, c.resident)
		compute4, memory4, ok := core.Cycles(all, c.resident)
		if !ok || math.Abs(compute1/compute4-4) > 1e-9 || math.Abs(memory1/memory4-c.faster) > 0.01 {
			t.Errorf("%s: computing %.0f by one, %.0f by four; moving %.0f, %.0f: %.2f times faster, want %v", c.core, compute1, compute4, memory1, memory4, memory1/memory4, c.faster)
		}
	}
}

// TestMilliseconds shows that a clock makes computing faster, but not memory.
func TestMilliseconds(t *testing.T) {
	a53 := Of("Cortex-A53", "neon")
	step := engine.StepInfo{Kind: "pointwise", In: []int{1, 112, 112, 16}, Out: []int{1, 112, 112, 96}, Share: 1}
	usual, ok := a53.Milliseconds(step, 1, 5<<20, 0)
	same, _ := a53.Milliseconds(step, 1, 5<<20, 1400)
	half, _ := a53.Milliseconds(step, 1, 5<<20, 700)
	if !ok || usual <= 0 || usual != same || half <= usual || half >= 2*usual {
		t.Errorf("%v ms, %v at 1400 MHz, %v at 700", usual, same, half)
	}
	step.Share = 0.25
	if four, ok := a53.Milliseconds(step, 4, 5<<20, 0); !ok || four >= usual || four <= usual/4 {
		t.Errorf("%v ms by four threads, %v by one", four, usual)
	}
	if ms, ok := a53.Milliseconds(engine.StepInfo{Kind: "softmax"}, 1, 0, 0); ok || ms != 0 {
		t.Errorf("%v ms of a softmax", ms)
	}
}
