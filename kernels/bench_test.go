package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"edge/quant"
)

// A layer of a network, as far as kernels see it: depthwise where Kernel > 1.
type benchLayer struct {
	name                    string
	size, in, out           int // pixels in a row and in a column of the output
	kernel, stride          int
	shift                   int32 // of its multipliers, as in real networks
	relu                    bool
	pixels, macs, multiples int
}

func pointwiseLayerOf(name string, size, in, out int, relu bool) benchLayer {
	l := benchLayer{name: name, size: size, in: in, out: out, kernel: 1, shift: -8, relu: relu, multiples: 1}
	if relu {
		l.shift = -4
	}
	l.pixels = size * size
	l.macs = l.pixels * in * out
	return l
}

func depthwiseLayerOf(size, channels, stride int) benchLayer {
	l := benchLayer{size: size, in: channels, out: channels, kernel: 3, stride: stride, shift: -4, relu: true, multiples: 1}
	l.pixels = size * size
	l.macs = l.pixels * 9 * channels
	return l
}

// networkV2 returns the layers of MobileNetV2 1.0/224 that are pointwise or depthwise.
func networkV2() (layers []benchLayer) {
	size, in := 112, 32
	for i, row := range [][4]int{ // expansion, channels, repeats, stride: table 2 of the paper
		{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
	} {
		for j := range row[2] {
			inner, stride := in*row[0], 1
			if j == 0 {
				stride = row[3]
			}
			if i > 0 {
				layers = append(layers, pointwiseLayerOf("expansion", size, in, inner, true))
			}
			size /= stride
			layers = append(layers, depthwiseLayerOf(size, inner, stride))
			layers = append(layers, pointwiseLayerOf("projection", size, inner, row[1], false))
			in = row[1]
		}
	}
	return append(layers, pointwiseLayerOf("expansion", size, in, 1280, true))
}

// networkV1 returns those of MobileNetV1.
func networkV1(alpha float64, resolution int) (layers []benchLayer) {
	size, in := resolution/2, int(32*alpha)
	for _, row := range [][2]int{
		{64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}, {512, 2}, {512, 1}, {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1},
	} {
		size /= row[1]
		layers = append(layers, depthwiseLayerOf(size, in, row[1]))
		layers = append(layers, pointwiseLayerOf("pointwise", size, in, int(float64(row[0])*alpha), true))
		in = int(float64(row[0]) * alpha)
	}
	return layers
}

func (l benchLayer) String() string {
	if l.kernel > 1 {
		return fmt.Sprintf("depthwise-%dx%dx%d-s%d", l.size, l.size, l.in, l.stride)
	}
	return fmt.Sprintf("pointwise-%dx%dx%d-%d", l.size, l.size, l.in, l.out)
}

// prepare returns a function that runs the layer by s.
func (l benchLayer) prepare(s *Set, weightZero int32) func() {
	random := rand.New(rand.NewPCG(1, 2))
	r := Requant{Lo: 0, Hi: 255}
	if !l.relu {
		r.Zero = 120
	}
	bias := make([]int32, l.out)
	for n := range l.out {
		r.Multipliers = append(r.Multipliers, quant.Multiplier{Mantissa: 1<<30 + random.Int32N(1<<30), Shift: l.shift})
		bias[n] = random.Int32N(2000) - 1000
	}
	taps := l.in
	if l.kernel > 1 {
		taps = l.kernel * l.kernel
	}
	weights := make([]int8, taps*l.out)
	for i := range weights {
		weights[i] = int8(random.Uint32())
	}
	inSize := l.size * max(1, l.stride)
	src, dst := make([]byte, inSize*inSize*l.in), make([]byte, l.pixels*l.out)
	for i := range src {
		src[i] = byte(random.Uint32())
	}
	if l.kernel == 1 {
		layer := s.PackPointwise(PointwiseLayer{
			Pixels: l.pixels, In: l.in, Out: l.out, SrcStride: l.in, DstStride: l.out,
			Weights: weights, WeightZero: weightZero, Bias: bias, Requant: r,
		})
		call := PointwiseCall{Src: src, Dst: dst, Scratch: make([]byte, layer.Scratch), P1: l.pixels, N1: l.out}
		return func() { layer.Run(call) }
	}
	pad := max(0, (l.size-1)*l.stride+l.kernel-inSize) / 2
	layer := s.PackDepthwise(DepthwiseLayer{
		Window: Window{
			InH: inSize, InW: inSize, OutH: l.size, OutW: l.size,
			KernelH: l.kernel, KernelW: l.kernel, StrideH: l.stride, StrideW: l.stride, PadTop: pad, PadLeft: pad,
		},
		In: l.in, Multiplier: 1, Weights: weights, WeightZero: weightZero, Bias: bias, Requant: r,
	})
	call := DepthwiseCall{Src: src, Dst: dst, Scratch: make([]byte, layer.Scratch), Y1: l.size}
	return func() { layer.Run(call) }
}

// merged returns layers with equal ones counted, for a shorter run.
func merged(layers []benchLayer) (different []benchLayer) {
	at := map[string]int{}
	for _, l := range layers {
		if i, ok := at[l.String()]; ok {
			different[i].multiples++
			continue
		}
		at[l.String()] = len(different)
		different = append(different, l)
	}
	return different
}

// BenchmarkLayer runs each layer of MobileNetV2 1.0/224 and V1 1.0/224 by itself.
func BenchmarkLayer(b *testing.B) {
	for _, s := range Available() {
		for _, l := range merged(append(networkV2(), networkV1(1, 224)...)) {
			b.Run(s.Name+"/"+l.String(), func(b *testing.B) {
				run := l.prepare(s, 0)
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(l.macs)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			})
		}
	}
}

// BenchmarkNetwork sums the best time of each layer of whole networks, by kind: what a busy machine distorts least.
func BenchmarkNetwork(b *testing.B) {
	for _, network := range []struct {
		name       string
		layers     []benchLayer
		weightZero int32
	}{
		{"v2-1.0-224-int8", networkV2(), 0},
		{"v2-1.0-224-u8", networkV2(), 3},
		{"v1-1.0-224-u8", networkV1(1, 224), 3},
		{"v1-0.25-128-u8", networkV1(0.25, 128), 3},
		{"v1-0.25-96-int8", networkV1(0.25, 96), 0},
	} {
		for _, s := range Available()[1:] {
			b.Run(network.name+"/"+s.Name, func(b *testing.B) {
				layers := merged(network.layers)
				var runs []func()
				best := make([]time.Duration, len(layers))
				for i, l := range layers {
					runs = append(runs, l.prepare(s, network.weightZero))
					best[i] = 1 << 60
				}
				for b.Loop() {
					for i, run := range runs {
						for range 3 {
							start := time.Now()
							run()
							best[i] = min(best[i], time.Since(start))
						}
					}
				}
				var pointwise, depthwise time.Duration
				for i, l := range layers {
					took := best[i] * time.Duration(l.multiples)
					if testing.Verbose() {
						b.Logf("%d × %-28v %7.1f µs %6.1f GMAC/s", l.multiples, l, float64(best[i].Nanoseconds())/1e3,
							float64(l.macs)/float64(best[i].Nanoseconds()))
					}
					if l.kernel > 1 {
						depthwise += took
					} else {
						pointwise += took
					}
				}
				b.ReportMetric(pointwise.Seconds()*1e3, "pointwise-ms")
				b.ReportMetric(depthwise.Seconds()*1e3, "depthwise-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkAdd adds two tensors as MobileNetV2 has them.
func BenchmarkAdd(b *testing.B) {
	for _, s := range Available() {
		b.Run(s.Name, func(b *testing.B) {
			a := roll(1).add(28 * 28 * 32)
			add := s.PackAdd(a.AddLayer)
			b.SetBytes(int64(len(a.A)))
			for b.Loop() {
				add.Run(a.AddCall)
			}
		})
	}
}

// BenchmarkMultiply multiplies by the factors of channels, as squeeze-and-excite does.
func BenchmarkMultiply(b *testing.B) {
	for _, s := range Available() {
		for _, channels := range []int{72, 480} {
			b.Run(fmt.Sprintf("%s/%d", s.Name, channels), func(b *testing.B) {
				c := roll(1).multiply(14*14, channels)
				for c.Mul.Shift < -9 || c.Mul.Shift > -5 {
					c = roll(2).multiply(14*14, channels)
				}
				c.Dst = make([]byte, len(c.A))
				multiply := s.PackMultiply(c.MultiplyLayer)
				b.SetBytes(int64(len(c.A)))
				for b.Loop() {
					multiply.Run(c.MultiplyCall)
				}
			})
		}
	}
}

// BenchmarkTable applies a function of one activation, as hard-swish is.
func BenchmarkTable(b *testing.B) {
	for _, s := range Available() {
		b.Run(s.Name, func(b *testing.B) {
			src := roll(1).activations(14 * 14 * 480)
			table := s.PackTable((*[256]byte)(roll(2).activations(256)))
			call := TableCall{src, make([]byte, len(src))}
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				table.Run(call)
			}
		})
	}
}
