package kernels

import (
	"bytes"
	"sync"
	"testing"

	"edge/internal/naive"
)

// The generic set against the definition.

func widen(b []byte) []int32 {
	w := make([]int32, len(b))
	for i, v := range b {
		w[i] = int32(v)
	}
	return w
}

func naiveRequant(r Requant) naive.Requant {
	n := naive.Requant{Zero: r.Zero, Lo: r.Lo, Hi: r.Hi, Once: r.Once}
	for _, m := range r.Multipliers {
		n.Mantissa, n.Shift = append(n.Mantissa, m.Mantissa), append(n.Shift, m.Shift)
	}
	return n
}

func narrow(dst []byte, values []int32) []byte {
	for i, v := range values {
		dst[i] = byte(v)
	}
	return dst
}

func TestGenericPointwise(t *testing.T) {
	d := roll(1)
	m := newMemory(t, d.Rand)
	for i := range thin(500) {
		layer := d.pointwise(d.between(1, 12), d.between(1, 1+i%70), d.between(1, 40))
		weights := make([]int32, len(layer.Weights))
		for i, w := range layer.Weights {
			weights[i] = int32(w)
		}
		want := make([]byte, len(layer.Dst))
		for i := range want {
			want[i] = canary
		}
		for p := range layer.Pixels {
			conv := naive.Conv{
				Window: naive.Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KernelH: 1, KernelW: 1, StrideH: 1, StrideW: 1},
				In:     layer.In, Out: layer.Out, Groups: 1,
				SrcZero: layer.SrcZero, WeightZero: layer.WeightZero, Requant: naiveRequant(layer.Requant),
			}
			src := widen(layer.Src[p*layer.SrcStride:][:layer.In])
			narrow(want[p*layer.DstStride:], conv.Run(src, weights, layer.Bias))
		}
		same(t, Generic(), m.pointwise(t, Generic(), layer), want, &layer)
	}
}

func TestGenericDepthwise(t *testing.T) {
	d := roll(2)
	m := newMemory(t, d.Rand)
	for range thin(500) {
		layer := d.depthwise(d.between(1, 9), d.between(1, 9), d.between(1, 9), d.between(1, 3),
			d.between(1, 5), d.between(1, 5), d.between(1, 3), d.between(1, 3))
		taps, out := layer.KernelH*layer.KernelW, layer.In*layer.Multiplier
		weights := make([]int32, len(layer.Weights))
		for i, w := range layer.Weights {
			weights[i%out*taps+i/out] = int32(w)
		}
		conv := naive.Conv{
			Window: naive.Window(layer.Window),
			In:     layer.In, Out: out, Groups: layer.In,
			SrcZero: layer.SrcZero, WeightZero: layer.WeightZero, Requant: naiveRequant(layer.Requant),
		}
		want := narrow(make([]byte, len(layer.Dst)), conv.Run(widen(layer.Src), weights, layer.Bias))
		same(t, Generic(), m.depthwise(t, Generic(), layer), want, &layer)
	}
}

func TestGenericAdd(t *testing.T) {
	d := roll(3)
	m := newMemory(t, d.Rand)
	for range thin(500) {
		layer := d.add(d.between(1, 200))
		add := naive.Add{
			AZero: layer.AZero, BZero: layer.BZero, Zero: layer.Zero, Lo: layer.Lo, Hi: layer.Hi,
			AMantissa: layer.AMul.Mantissa, AShift: layer.AMul.Shift,
			BMantissa: layer.BMul.Mantissa, BShift: layer.BMul.Shift,
			Mantissa: layer.Mul.Mantissa, Shift: layer.Mul.Shift,
		}
		want := narrow(make([]byte, len(layer.Dst)), add.Run(widen(layer.A), widen(layer.B)))
		same(t, Generic(), m.add(t, Generic(), layer), want, &layer)
	}
}

func TestGenericPool(t *testing.T) {
	d := roll(4)
	m := newMemory(t, d.Rand)
	for range thin(500) {
		layer := d.pool(d.between(1, 9), d.between(1, 9), d.between(1, 20),
			d.between(1, 7), d.between(1, 7), d.between(1, 3), d.between(1, 3))
		pool := naive.Pool{
			Window: naive.Window(layer.Window),
			Depth:  layer.Depth, Lo: layer.Lo, Hi: layer.Hi,
		}
		src := widen(layer.Src)
		want := narrow(make([]byte, len(layer.Dst)), pool.Max(src))
		same(t, Generic(), m.pool(t, Generic(), Generic().PackMaxPool, layer), want, &layer)

		pool.Lo, pool.Hi = pool.Lo-layer.Origin, pool.Hi-layer.Origin
		for i := range src {
			src[i] -= layer.Origin
		}
		means := pool.Average(src)
		for i := range means {
			means[i] += layer.Origin
		}
		same(t, Generic(), m.pool(t, Generic(), Generic().PackAveragePool, layer), narrow(want, means), &layer)
	}
}

func TestGenericMultiply(t *testing.T) {
	d := roll(5)
	m := newMemory(t, d.Rand)
	for range thin(500) {
		layer := d.multiply(d.between(1, 20), d.between(1, 40))
		multiply := naive.Multiply{
			AZero: layer.AZero, BZero: layer.BZero, Mantissa: layer.Mul.Mantissa, Shift: layer.Mul.Shift,
			Zero: layer.Zero, Lo: layer.Lo, Hi: layer.Hi,
		}
		want := narrow(make([]byte, len(layer.A)), multiply.Run(widen(layer.A), widen(layer.B)))
		same(t, Generic(), m.multiply(t, Generic(), layer), want, &layer)
	}
}

// Every other set against the generic one.

func TestPointwise(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(10)
		m := newMemory(t, d.Rand)
		check := func(pixels, in, out int) {
			layer := d.pointwise(pixels, in, out)
			want := m.pointwise(t, Generic(), layer)
			want = append([]byte(nil), want...)
			same(t, s, m.pointwise(t, s, layer), want, &layer)
		}
		for range thin(6) { // each size by itself, the others at random
			for n := 1; n <= 130; n++ {
				check(d.between(1, 40), n, d.between(1, 130))
				check(d.between(1, 40), d.between(1, 130), n)
			}
			for n := 1; n <= 70; n++ {
				check(n, d.between(1, 80), d.between(1, 80))
			}
		}
		for range thin(400) { // all small
			check(d.between(1, 20), d.between(1, 20), d.between(1, 20))
		}
		for _, size := range [][3]int{ // as in the networks
			{1, 1024, 1001},
			{1, 256, 2},
			{49, 960, 320},
			{49, 576, 160},
			{196, 384, 64},
			{144, 16, 96},
			{784, 24, 144},
			{3000, 8, 8},
			{1600, 27, 32},
			{2, 1280, 1001},
			{1, 3000, 5},
			{5000, 1, 1},
			{5000, 3, 2},
		} {
			check(size[0], size[1], size[2])
		}
	})
}

func TestDepthwise(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(11)
		m := newMemory(t, d.Rand)
		check := func(h, w, channels, multiplier, kh, kw, sh, sw int) {
			layer := d.depthwise(h, w, channels, multiplier, kh, kw, sh, sw)
			want := append([]byte(nil), m.depthwise(t, Generic(), layer)...)
			same(t, s, m.depthwise(t, s, layer), want, &layer)
		}
		for n := 1; n <= 130; n++ {
			for _, kernel := range []int{3, 5} {
				for _, stride := range []int{1, 2} {
					if testing.Short() && d.IntN(4) != 0 {
						continue
					}
					check(d.between(1, 12), d.between(1, 12), n, 1, kernel, kernel, stride, stride)
				}
			}
		}
		for h := 1; h <= 16; h++ { // every border
			for w := 1; w <= 16; w++ {
				if testing.Short() && d.IntN(4) != 0 {
					continue
				}
				kernel, stride := d.between(1, 2)*2+1, d.between(1, 2)
				check(h, w, d.between(1, 40), 1, kernel, kernel, stride, stride)
			}
		}
		for range thin(300) { // any kernel
			check(d.between(1, 9), d.between(1, 9), d.between(1, 20), d.between(1, 3),
				d.between(1, 7), d.between(1, 7), d.between(1, 3), d.between(1, 3))
		}
		for _, size := range [][4]int{ // as in the networks
			{24, 24, 32, 1},
			{28, 28, 96, 2},
			{14, 14, 576, 1},
			{7, 7, 960, 1},
			{14, 14, 576, 2},
			{112, 112, 8, 1},
			{3, 70, 8, 1},
			{3, 70, 3, 2},
			{1, 2048, 3, 2},
			{2, 3000, 40, 1},
			{1, 2048, 70, 2},
			{3, 8000, 9, 1},
		} {
			for _, kernel := range []int{3, 5} {
				check(size[0], size[1], size[2], 1, kernel, kernel, size[3], size[3])
			}
		}
	})
}

func TestAdd(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(12)
		m := newMemory(t, d.Rand)
		for n := range 4 * thin(300) {
			layer := d.add(1 + n/4)
			want := append([]byte(nil), m.add(t, Generic(), layer)...)
			same(t, s, m.add(t, s, layer), want, &layer)
		}
		for range thin(40) { // all pairs of inputs
			layer := d.add(1 << 16)
			for i := range layer.A {
				layer.A[i], layer.B[i] = byte(i), byte(i>>8)
			}
			want := append([]byte(nil), m.add(t, Generic(), layer)...)
			same(t, s, m.add(t, s, layer), want, &layer)
		}
	})
}

func TestPools(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(13)
		m := newMemory(t, d.Rand)
		check := func(h, w, depth, kh, kw, sh, sw int) {
			layer := d.pool(h, w, depth, kh, kw, sh, sw)
			want := append([]byte(nil), m.pool(t, Generic(), Generic().PackAveragePool, layer)...)
			same(t, s, m.pool(t, s, s.PackAveragePool, layer), want, &layer)
			want = append([]byte(nil), m.pool(t, Generic(), Generic().PackMaxPool, layer)...)
			same(t, s, m.pool(t, s, s.PackMaxPool, layer), want, &layer)
		}
		for depth := 1; depth <= 130; depth++ {
			check(d.between(1, 8), d.between(1, 8), depth, d.between(1, 8), d.between(1, 8), d.between(1, 3), d.between(1, 3))
			h, w := d.between(1, 9), d.between(1, 9)
			check(h, w, depth, h, w, h, w) // global
		}
		check(7, 7, 1280, 7, 7, 1, 1)
		check(40, 40, 17, 40, 40, 1, 1)
		check(28, 28, 72, 28, 28, 1, 1)
		check(17, 16, 20, 17, 16, 1, 1)
		check(3, 300, 20, 3, 300, 1, 1)
		check(2, 257, 20, 2, 257, 1, 1)
		check(2, 255, 20, 2, 255, 1, 1)
	})
}

func TestMultiply(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(16)
		m := newMemory(t, d.Rand)
		check := func(layer multiplyCase) {
			want := append([]byte(nil), m.multiply(t, Generic(), layer)...)
			same(t, s, m.multiply(t, s, layer), want, &layer)
		}
		for n := 1; n <= 200; n++ {
			for range thin(10) {
				check(d.multiply(d.between(1, 12), n))
				check(d.multiply(n, d.between(1, 3)))
			}
		}
		for range thin(40) { // all pairs of inputs
			layer := d.multiply(256, 256)
			for i := range layer.A {
				layer.A[i], layer.B[i%256] = byte(i>>8), byte(i)
			}
			check(layer)
		}
		check(d.multiply(1, 1<<18))
		check(d.multiply(1<<18, 1))
	})
}

func TestTable(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(17)
		m := newMemory(t, d.Rand)
		check := func(n int) {
			table := [256]byte(d.activations(256))
			packed := s.PackTable(&table)
			saved := table
			clear(table[:])
			src, dst := m.cut(m.src, n), m.fresh(n)
			for i := range src {
				src[i] = byte(d.Uint32())
			}
			if n > 256 {
				for i := range 256 { // all of them
					src[i] = byte(i)
				}
			}
			want := make([]byte, n)
			for i, b := range src {
				want[i] = saved[b]
			}
			if d.IntN(3) == 0 {
				dst = src
			}
			m.parts(n, 1, func(from, to int) { packed.Run(TableCall{src[from:to], dst[from:to]}) })
			if !bytes.Equal(dst, want) {
				t.Fatalf("%d bytes: %v, want %v", n, dst, want)
			}
		}
		for n := 1; n <= 300; n++ {
			check(n)
		}
		for range thin(20) {
			check(d.between(1000, 1<<20))
		}
	})
}

// TestConcurrent runs the parts of one layer at the same time, as the engine's threads do, for the race detector and for
// scratch that isn't the caller's own.
func TestConcurrent(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		d := roll(14)
		pointwise, depthwise := d.pointwise(64, 36, 70), d.depthwise(16, 16, 40, 1, 3, 3, 1, 1)
		want, wantDepthwise := concurrently(Generic(), pointwise, depthwise)
		got, gotDepthwise := concurrently(s, pointwise, depthwise)
		same(t, s, got, want, &pointwise)
		same(t, s, gotDepthwise, wantDepthwise, &depthwise)
	})
}

func concurrently(s *Set, p pointwiseCase, d depthwiseCase) (pointwise, depthwise []byte) {
	p.Src, p.Dst = append([]byte(nil), p.Src...), make([]byte, len(p.Dst))
	d.Src, d.Dst = append([]byte(nil), d.Src...), make([]byte, len(d.Dst))
	flipFor(s, p.Src)
	flipFor(s, d.Src)
	packedP, packedD := s.PackPointwise(p.lowered(s)), s.PackDepthwise(d.lowered(s))
	var all sync.WaitGroup
	for at := 0; at < p.Pixels; at += 16 {
		for n := 0; n < p.Out; n += packedP.Panel {
			all.Go(func() {
				packedP.Run(PointwiseCall{
					p.Src, p.Dst, make([]byte, packedP.Scratch), at, min(at+16, p.Pixels), n, min(n+packedP.Panel, p.Out),
				})
			})
		}
	}
	for y := range d.OutH {
		all.Go(func() {
			packedD.Run(DepthwiseCall{Src: d.Src, Dst: d.Dst, Scratch: make([]byte, packedD.Scratch), Y0: y, Y1: y + 1})
		})
	}
	all.Wait()
	for i := range p.Pixels {
		flipFor(s, p.Dst[i*p.DstStride:][:p.Out])
	}
	flipFor(s, d.Dst)
	return p.Dst, d.Dst
}

// Packed layers run without allocating.
func TestNoAllocations(t *testing.T) {
	for _, s := range Available() {
		d := roll(15)
		var runs []func()
		p := d.pointwise(20, 30, 40)
		pointwise := s.PackPointwise(p.PointwiseLayer)
		p.Scratch, p.P1, p.N1 = make([]byte, pointwise.Scratch), p.Pixels, p.Out
		runs = append(runs, func() { pointwise.Run(p.PointwiseCall) })
		for _, l := range []depthwiseCase{
			d.depthwise(8, 8, 40, 1, 3, 3, 1, 1), d.depthwise(8, 8, 10, 2, 2, 3, 1, 1), d.depthwise(8, 8, 4, 1, 3, 3, 1, 1),
		} {
			depthwise := s.PackDepthwise(l.DepthwiseLayer)
			l.Scratch, l.Y1 = make([]byte, depthwise.Scratch), l.OutH
			runs = append(runs, func() { depthwise.Run(l.DepthwiseCall) })
		}
		a, l := d.add(100), d.pool(7, 7, 40, 7, 7, 1, 1)
		l.Y1 = l.OutH
		add, average, most := s.PackAdd(a.AddLayer), s.PackAveragePool(l.PoolLayer), s.PackMaxPool(l.PoolLayer)
		x := d.multiply(7*7, 20)
		x.Dst = make([]byte, len(x.A))
		multiply, table := s.PackMultiply(x.MultiplyLayer), s.PackTable(new([256]byte))
		runs = append(runs, func() { multiply.Run(x.MultiplyCall) }, func() { table.Run(TableCall{x.A, x.Dst}) })
		runs = append(runs, func() { add.Run(a.AddCall) }, func() { average.Run(l.PoolCall) }, func() { most.Run(l.PoolCall) })
		for i, run := range runs {
			if allocations := testing.AllocsPerRun(10, run); allocations != 0 {
				t.Errorf("%s: layer %d: %v allocations", s.Name, i, allocations)
			}
		}
	}
}

// Fuzz targets: sizes and a seed for the rest, every set against the generic one.

func FuzzPointwise(f *testing.F) {
	f.Add(uint64(1), uint8(7), uint8(16), uint8(96))
	f.Add(uint64(2), uint8(1), uint8(255), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, pixels, in, out uint8) {
		d := roll(seed)
		m := newMemory(t, d.Rand)
		layer := d.pointwise(max(1, int(pixels)), max(1, int(in)), max(1, int(out)))
		want := append([]byte(nil), m.pointwise(t, Generic(), layer)...)
		for _, s := range others() {
			same(t, s, m.pointwise(t, s, layer), want, &layer)
		}
	})
}

func FuzzDepthwise(f *testing.F) {
	f.Add(uint64(1), uint8(7), uint8(7), uint8(33), uint8(3), uint8(1))
	f.Add(uint64(2), uint8(9), uint8(4), uint8(130), uint8(5), uint8(2))
	f.Fuzz(func(t *testing.T, seed uint64, h, w, channels, kernel, stride uint8) {
		d := roll(seed)
		m := newMemory(t, d.Rand)
		k, s := 1+int(kernel)%7, 1+int(stride)%3
		layer := d.depthwise(1+int(h)%32, 1+int(w)%32, max(1, int(channels)), 1+d.IntN(2)*d.IntN(2), k, k, s, s)
		want := append([]byte(nil), m.depthwise(t, Generic(), layer)...)
		for _, s := range others() {
			same(t, s, m.depthwise(t, s, layer), want, &layer)
		}
	})
}

func FuzzMultiply(f *testing.F) {
	f.Add(uint64(1), uint8(49), uint8(72))
	f.Fuzz(func(t *testing.T, seed uint64, pixels, channels uint8) {
		d := roll(seed)
		m := newMemory(t, d.Rand)
		layer := d.multiply(max(1, int(pixels)), max(1, int(channels)))
		want := append([]byte(nil), m.multiply(t, Generic(), layer)...)
		for _, s := range others() {
			same(t, s, m.multiply(t, s, layer), want, &layer)
		}
	})
}

func FuzzAdd(f *testing.F) {
	f.Add(uint64(1), uint16(100))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16) {
		d := roll(seed)
		m := newMemory(t, d.Rand)
		layer := d.add(1 + int(n))
		want := append([]byte(nil), m.add(t, Generic(), layer)...)
		for _, s := range others() {
			same(t, s, m.add(t, s, layer), want, &layer)
		}
	})
}
