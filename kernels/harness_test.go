package kernels

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"edge/quant"
)

// The harness runs one layer by any set, on memory between guard pages and in random parts, and returns what it wrote.
// A layer is always given as an unsigned set would see it; for a signed set activations, zero points and clamp ranges
// are moved down by 128, and its output back up.

// TestSets tells which sets are tested on this machine and which aren't. It fails if EDGE_REQUIRE_KERNELS (names with
// commas between) has one that this machine can't run.
func TestSets(t *testing.T) {
	var run, skipped []string
	for _, name := range Names() {
		if ByName(name) == nil {
			skipped = append(skipped, name)
		} else {
			run = append(run, name)
		}
	}
	t.Logf("kernel sets run: %s; skipped, as this machine lacks them: %s",
		strings.Join(run, " "), cmp.Or(strings.Join(skipped, " "), "none"))
	for name := range strings.SplitSeq(os.Getenv("EDGE_REQUIRE_KERNELS"), ",") {
		if name != "" && !slices.Contains(run, name) {
			t.Errorf("EDGE_REQUIRE_KERNELS: no set %q on this machine, only %v", name, run)
		}
	}
}

// others returns every set that this machine has but the generic one, that for int8, and sets that take paths which the
// real ones choose by cost.
func others() []*Set { return append(Available()[1:], extra()...) }

func extra() []*Set { return append([]*Set{generic[int8]("generic-int8", true)}, forced()...) }

// eachSet runs test for each of them. Sets that the architecture knows and this machine lacks are skipped by name.
func eachSet(t *testing.T, test func(t *testing.T, s *Set)) {
	for _, name := range Names()[1:] {
		t.Run(name, func(t *testing.T) {
			s := ByName(name)
			if s == nil {
				t.Skipf("this machine lacks %s", name)
			}
			test(t, s)
		})
	}
	for _, s := range extra() {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

// thin returns how many of n random cases to run: all, or a few in a short test.
func thin(n int) int {
	if testing.Short() {
		return (n + 9) / 10
	}
	return n
}

const canary = 0xA5

// memory is the guarded memory of one test, cut anew for each case.
type memory struct {
	src, src2, dst, scratch []byte
	random                  *rand.Rand
}

func newMemory(tb testing.TB, random *rand.Rand) *memory {
	const size = 1 << 20
	return &memory{
		newGuarded(tb, size), newGuarded(tb, size), newGuarded(tb, size), newGuarded(tb, 4*size), random,
	}
}

// cut returns n bytes of area: at its end, at its start, rarely somewhere between.
func (m *memory) cut(area []byte, n int) []byte {
	at := 0
	switch m.random.IntN(8) {
	case 0, 1, 2, 3:
		at = len(area) - n
	case 4:
		at = m.random.IntN(min(64, len(area)-n+1))
	}
	return area[at : at+n : at+n]
}

// place returns a copy of data, moved down by 128 for a signed set.
func (m *memory) place(s *Set, area, data []byte) []byte {
	cut := m.cut(area, len(data))
	copy(cut, data)
	flipFor(s, cut)
	return cut
}

func flipFor(s *Set, b []byte) {
	if s.Signed {
		for i := range b {
			b[i] ^= 0x80
		}
	}
}

// lower is what zero points and clamp ranges are moved down by.
func lower(s *Set) int32 {
	if s.Signed {
		return 128
	}
	return 0
}

func (r Requant) lowered(s *Set) Requant {
	r.Zero, r.Lo, r.Hi = r.Zero-lower(s), r.Lo-lower(s), r.Hi-lower(s)
	return r
}

// parts cuts [0, n) at random multiples of unit and calls f for each part, in random order.
func (m *memory) parts(n, unit int, f func(from, to int)) {
	var ends []int
	for at := 0; at < n; {
		at = min(n, at+unit*(1+m.random.IntN(1+m.random.IntN((n+unit-1)/unit))))
		ends = append(ends, at)
	}
	for _, i := range m.random.Perm(len(ends)) {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		f(from, ends[i])
	}
}

// scratchFor returns scratch of just n bytes with rubbish in it.
func (m *memory) scratchFor(n int) []byte {
	scratch := m.cut(m.scratch, n)
	for i := range scratch {
		scratch[i] = byte(m.random.Uint32())
	}
	return scratch
}

// fresh returns n bytes of canaries for a result.
func (m *memory) fresh(n int) []byte {
	dst := m.cut(m.dst, n)
	for i := range dst {
		dst[i] = canary
	}
	return dst
}

// A case is a layer with what it is run on. Its call has the tensors of an unsigned network; Dst is only as long as what a
// set writes.

type pointwiseCase struct {
	PointwiseLayer
	PointwiseCall
}

type depthwiseCase struct {
	DepthwiseLayer
	DepthwiseCall
}

type addCase struct {
	AddLayer
	AddCall
}

type multiplyCase struct {
	MultiplyLayer
	MultiplyCall
}

type poolCase struct {
	PoolLayer
	PoolCall
}

// lowered returns the layer as s wants it, with slices of its own that are spoilt after packing.
func (l PointwiseLayer) lowered(s *Set) PointwiseLayer {
	l.SrcZero -= lower(s)
	l.Requant = l.Requant.lowered(s)
	l.Weights = slices.Clone(l.Weights)
	return l
}

func (l DepthwiseLayer) lowered(s *Set) DepthwiseLayer {
	l.SrcZero -= lower(s)
	l.Requant = l.Requant.lowered(s)
	l.Weights = slices.Clone(l.Weights)
	return l
}

func (l AddLayer) lowered(s *Set) AddLayer {
	l.AZero, l.BZero = l.AZero-lower(s), l.BZero-lower(s)
	l.Zero, l.Lo, l.Hi = l.Zero-lower(s), l.Lo-lower(s), l.Hi-lower(s)
	return l
}

func (l MultiplyLayer) lowered(s *Set) MultiplyLayer {
	l.AZero, l.BZero = l.AZero-lower(s), l.BZero-lower(s)
	l.Zero, l.Lo, l.Hi = l.Zero-lower(s), l.Lo-lower(s), l.Hi-lower(s)
	return l
}

func (l PoolLayer) lowered(s *Set) PoolLayer {
	l.Lo, l.Hi, l.Origin = l.Lo-lower(s), l.Hi-lower(s), l.Origin-lower(s)
	return l
}

// pointwise runs the layer by s and returns Dst, with its gaps, of an unsigned network.
func (m *memory) pointwise(t testing.TB, s *Set, layer pointwiseCase) []byte {
	t.Helper()
	src, dst := m.place(s, m.src, layer.Src), m.fresh(len(layer.Dst))
	l := layer.lowered(s)
	packed := s.PackPointwise(l)
	clear(l.Weights)
	m.parts(l.Pixels, 1, func(p0, p1 int) {
		m.parts(l.Out, packed.Panel, func(n0, n1 int) {
			packed.Run(PointwiseCall{src, dst, m.scratchFor(packed.Scratch), p0, p1, n0, n1})
		})
	})
	flipFor(s, src)
	if !bytes.Equal(src, layer.Src) {
		t.Errorf("%s: pointwise: source changed", s.Name)
	}
	for p := range l.Pixels {
		row := dst[p*l.DstStride:]
		flipFor(s, row[:l.Out])
		if gap := row[l.Out:min(l.DstStride, len(row))]; bytes.Count(gap, []byte{canary}) != len(gap) {
			t.Errorf("%s: pointwise: wrote into the gap after pixel %d: %v", s.Name, p, gap)
		}
	}
	return dst
}

func (m *memory) depthwise(t testing.TB, s *Set, layer depthwiseCase) []byte {
	t.Helper()
	src, dst := m.place(s, m.src, layer.Src), m.fresh(len(layer.Dst))
	l := layer.lowered(s)
	packed := s.PackDepthwise(l)
	clear(l.Weights)
	m.parts(l.OutH, 1, func(y0, y1 int) {
		c := DepthwiseCall{Src: src, Dst: dst, Scratch: m.scratchFor(packed.Scratch), Y0: y0, Y1: y1}
		if m.random.IntN(2) == 0 { // only the rows that are read and written
			top, bottom := y0*l.StrideH-l.PadTop, (y1-1)*l.StrideH-l.PadTop+l.KernelH
			from := min(max(top, 0), l.InH)
			to := max(min(bottom, l.InH), from)
			row, out := l.InW*l.In, l.OutW*l.In*l.Multiplier
			c.Src, c.SrcY = src[from*row:to*row], from
			c.Dst, c.DstY = dst[y0*out:y1*out], y0
		}
		packed.Run(c)
	})
	flipFor(s, src)
	if !bytes.Equal(src, layer.Src) {
		t.Errorf("%s: depthwise: source changed", s.Name)
	}
	flipFor(s, dst)
	return dst
}

func (m *memory) add(t testing.TB, s *Set, layer addCase) []byte {
	t.Helper()
	a, b, dst := m.place(s, m.src, layer.A), m.place(s, m.src2, layer.B), m.fresh(len(layer.Dst))
	packed := s.PackAdd(layer.lowered(s))
	m.parts(len(a), 1, func(i0, i1 int) { packed.Run(AddCall{a[i0:i1], b[i0:i1], dst[i0:i1]}) })
	flipFor(s, a)
	flipFor(s, b)
	if !bytes.Equal(a, layer.A) || !bytes.Equal(b, layer.B) {
		t.Errorf("%s: add: source changed", s.Name)
	}
	flipFor(s, dst)
	return dst
}

// multiply runs the layer by s, sometimes in its place.
func (m *memory) multiply(t testing.TB, s *Set, layer multiplyCase) []byte {
	t.Helper()
	a, b, dst := m.place(s, m.src, layer.A), m.place(s, m.src2, layer.B), m.fresh(len(layer.A))
	inPlace := m.random.IntN(4) == 0
	if inPlace {
		dst = a
	}
	packed := s.PackMultiply(layer.lowered(s))
	m.parts(len(a)/len(b), 1, func(from, to int) {
		from, to = from*len(b), to*len(b)
		packed.Run(MultiplyCall{a[from:to], b, dst[from:to]})
	})
	flipFor(s, b)
	if !bytes.Equal(b, layer.B) {
		t.Errorf("%s: multiply: source changed", s.Name)
	}
	if !inPlace {
		flipFor(s, a)
		if !bytes.Equal(a, layer.A) {
			t.Errorf("%s: multiply: source changed", s.Name)
		}
	}
	flipFor(s, dst)
	return dst
}

func (m *memory) pool(t testing.TB, s *Set, pack func(PoolLayer) *Pool, layer poolCase) []byte {
	t.Helper()
	src, dst := m.place(s, m.src, layer.Src), m.fresh(len(layer.Dst))
	packed := pack(layer.lowered(s))
	m.parts(layer.OutH, 1, func(y0, y1 int) { packed.Run(PoolCall{src, dst, y0, y1}) })
	flipFor(s, src)
	if !bytes.Equal(src, layer.Src) {
		t.Errorf("%s: pool: source changed", s.Name)
	}
	flipFor(s, dst)
	return dst
}

// same fails where got isn't want, with the layer and the first difference.
func same(t testing.TB, s *Set, got, want []byte, layer fmt.Stringer) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: %v: byte %d of %d is %d, want %d", s.Name, layer, i, len(want), got[i], want[i])
		}
	}
	t.Fatalf("%s: %v: %d bytes, want %d", s.Name, layer, len(got), len(want))
}

func (a *pointwiseCase) String() string {
	return fmt.Sprintf("pointwise %d pixels, %d→%d channels, strides %d→%d, zeros src %d weight %d dst %d, clamp %d…%d",
		a.Pixels, a.In, a.Out, a.SrcStride, a.DstStride, a.SrcZero, a.WeightZero, a.Zero, a.Lo, a.Hi)
}

func (a *depthwiseCase) String() string {
	return fmt.Sprintf("depthwise %d×%d×%d→%d×%d×%d, kernel %d×%d, strides %d %d, pads %d %d, "+
		"zeros src %d weight %d dst %d, clamp %d…%d",
		a.InH, a.InW, a.In, a.OutH, a.OutW, a.In*a.Multiplier, a.KernelH, a.KernelW, a.StrideH, a.StrideW,
		a.PadTop, a.PadLeft, a.SrcZero, a.WeightZero, a.Zero, a.Lo, a.Hi)
}

func (a *addCase) String() string {
	return fmt.Sprintf("add %d elements, zeros %d %d→%d, multipliers %v %v→%v, clamp %d…%d",
		len(a.A), a.AZero, a.BZero, a.Zero, a.AMul, a.BMul, a.Mul, a.Lo, a.Hi)
}

func (a *multiplyCase) String() string {
	return fmt.Sprintf("multiply %d elements by %d, zeros %d %d→%d, multiplier %v, clamp %d…%d",
		len(a.A), len(a.B), a.AZero, a.BZero, a.Zero, a.Mul, a.Lo, a.Hi)
}

func (a *poolCase) String() string {
	return fmt.Sprintf("pool %d×%d→%d×%d, depth %d, kernel %d×%d, strides %d %d, pads %d %d, clamp %d…%d, origin %d",
		a.InH, a.InW, a.OutH, a.OutW, a.Depth, a.KernelH, a.KernelW, a.StrideH, a.StrideW, a.PadTop, a.PadLeft,
		a.Lo, a.Hi, a.Origin)
}

// dice makes layers. Values come in kinds: evenly spread, or extremes only, where accumulators grow as far as they can.
type dice struct{ *rand.Rand }

func roll(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 5))} }

// between returns a number from lo to hi, both included.
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func (d dice) activations(n int) []byte {
	b := make([]byte, n)
	extremes, all := d.IntN(4) == 0, byte(d.Uint32())
	switch {
	case extremes && all < 64:
		for i := range b {
			b[i] = all & 1 * 255
		}
	case extremes:
		for i := range b {
			b[i] = byte(d.IntN(2) * 255)
		}
	default:
		for i := range b {
			b[i] = byte(d.Uint32())
		}
	}
	return b
}

// weights returns weights: extremes, any, or as in real networks near their zero point, but for a few.
func (d dice) weights(n int, zero int32) []int8 {
	w := make([]int8, n)
	kind, few := d.IntN(8), 1+d.IntN(100)
	for i := range w {
		switch kind {
		case 0:
			w[i] = -128
		case 1:
			w[i] = 127
		case 2:
			w[i] = [2]int8{-128, 127}[d.IntN(2)]
		case 3, 4:
			w[i] = int8(min(max(int(zero)+d.between(-9, 9), -128), 127))
			if d.IntN(few) == 0 {
				w[i] = int8(d.Uint32())
			}
		default:
			w[i] = int8(d.Uint32())
		}
	}
	return w
}

// zero is a zero point of an unsigned activation: often at an end, as after a ReLU.
func (d dice) zero() int32 { return [...]int32{0, 255, 128, int32(d.IntN(256))}[d.IntN(4)] }

func (d dice) weightZero() int32 {
	return [...]int32{0, 0, -128, 127, int32(d.IntN(256)) - 128}[d.IntN(5)]
}

// requant returns constants for n channels whose accumulators reach ±reach: mostly such that outputs fill the range,
// sometimes of any other size.
func (d dice) requant(n int, reach float64) Requant {
	r := Requant{Zero: d.zero(), Lo: 0, Hi: 255, Once: d.IntN(4) == 0}
	switch d.IntN(3) {
	case 0: // ReLU
		r.Lo = r.Zero
	case 1: // anything
		r.Lo = int32(d.IntN(256))
		r.Hi = r.Lo + int32(d.IntN(256-int(r.Lo)))
	}
	wild, one := d.IntN(8) == 0, d.IntN(4) == 0
	r.Once = d.IntN(8) == 0
	r.Multipliers = make([]quant.Multiplier, n)
	for i := range r.Multipliers {
		if one && i > 0 {
			r.Multipliers[i] = r.Multipliers[0]
			continue
		}
		m, err := quant.MultiplierOf(256 / reach * (0.25 + 4*d.Float64()))
		if err != nil {
			panic(err)
		}
		if d.IntN(8) == 0 {
			m.Mantissa = [...]int32{1 << 30, 1<<30 + 1, 1<<31 - 1, 3 << 29, 1<<30 + 1<<28}[d.IntN(5)]
		}
		if wild {
			m.Shift = int32(d.between(-31, 3))
		}
		if d.IntN(100) == 0 {
			m = quant.Multiplier{}
		}
		r.Multipliers[i] = m
	}
	return r
}

func (d dice) bias(n int, reach float64) []int32 {
	b := make([]int32, n)
	for i := range b {
		b[i] = int32((d.Float64()*2 - 1) * reach)
	}
	return b
}

// pointwise returns a layer of that size; its strides are sometimes wider than they need be.
func (d dice) pointwise(pixels, in, out int) (a pointwiseCase) {
	zero := d.weightZero()
	a.PointwiseLayer = PointwiseLayer{
		Pixels: pixels, In: in, Out: out, SrcStride: in, DstStride: out,
		SrcZero: d.zero(), Weights: d.weights(in*out, zero), WeightZero: zero,
	}
	if d.IntN(3) == 0 {
		a.SrcStride += d.IntN(20)
		a.DstStride += d.IntN(20)
	}
	reach := 128 * 64 * float64(in)
	if d.IntN(2) == 0 {
		reach /= 32
	}
	a.Bias = d.bias(out, reach)
	a.Requant = d.requant(out, reach)
	a.Src = d.activations((pixels-1)*a.SrcStride + in)
	a.Dst = make([]byte, (pixels-1)*a.DstStride+out)
	return a
}

// window returns where a kernel looks on an input of h×w, padded SAME or VALID; no output is wholly in the padding.
func (d dice) window(h, w, kh, kw, sh, sw int) Window {
	l := Window{InH: h, InW: w, KernelH: kh, KernelW: kw, StrideH: sh, StrideW: sw}
	if d.IntN(4) == 0 && h >= kh && w >= kw {
		l.OutH, l.OutW = (h-kh)/sh+1, (w-kw)/sw+1
		return l
	}
	l.OutH, l.OutW = (h+sh-1)/sh, (w+sw-1)/sw
	l.PadTop, l.PadLeft = max(0, (l.OutH-1)*sh+kh-h)/2, max(0, (l.OutW-1)*sw+kw-w)/2
	return l
}

func (d dice) depthwise(h, w, channels, multiplier, kh, kw, sh, sw int) (a depthwiseCase) {
	out := channels * multiplier
	zero := d.weightZero()
	a.DepthwiseLayer = DepthwiseLayer{
		Window: d.window(h, w, kh, kw, sh, sw), In: channels, Multiplier: multiplier,
		SrcZero: d.zero(), Weights: d.weights(kh*kw*out, zero), WeightZero: zero,
	}
	reach := 128 * 64 * float64(kh*kw)
	a.Bias = d.bias(out, reach)
	a.Requant = d.requant(out, reach)
	a.Src = d.activations(h * w * channels)
	a.Dst = make([]byte, a.OutH*a.OutW*out)
	return a
}

// add returns an addition as TensorFlow Lite prepares one: inputs scaled to half of the larger scale.
func (d dice) add(n int) (a addCase) {
	a.AddCall = AddCall{A: d.activations(n), B: d.activations(n), Dst: make([]byte, n)}
	a.AddLayer = AddLayer{AZero: d.zero(), BZero: d.zero(), Zero: d.zero(), Hi: 255}
	if d.IntN(2) == 0 {
		a.Lo = a.Zero
	}
	scaleA, scaleB, scale := 0.01+d.Float64(), 0.01+d.Float64(), 0.05+d.Float64()
	if d.IntN(4) == 0 {
		scaleB = scaleA
	}
	twice := 2 * max(scaleA, scaleB)
	var errA, errB, err error
	a.AMul, errA = quant.MultiplierOf(scaleA / twice)
	a.BMul, errB = quant.MultiplierOf(scaleB / twice)
	a.Mul, err = quant.MultiplierOf(twice / (1 << AddShift * scale))
	if errA != nil || errB != nil || err != nil {
		panic("no multiplier")
	}
	return a
}

// multiply returns a product with n·m elements by m.
func (d dice) multiply(n, m int) (a multiplyCase) {
	a.A, a.B = d.activations(n*m), d.activations(m)
	a.MultiplyLayer = MultiplyLayer{AZero: d.zero(), BZero: d.zero(), Zero: d.zero(), Hi: 255}
	if d.IntN(2) == 0 {
		a.Lo = a.Zero
		a.Hi = a.Lo + int32(d.IntN(256-int(a.Lo)))
	}
	var err error
	// As activations are scaled such that they fill their range, products are, roughly, scaled by 1/256.
	if a.Mul, err = quant.MultiplierOf(math.Ldexp(0.1+4*d.Float64(), -8)); err != nil {
		panic(err)
	}
	switch d.IntN(8) {
	case 0:
		a.Mul.Shift = int32(d.between(-31, 8))
	case 1:
		a.Mul.Mantissa = [...]int32{0, 1 << 30, 1<<30 + 1, 1<<31 - 1, 3 << 29}[d.IntN(5)]
	}
	return a
}

func (d dice) pool(h, w, depth, kh, kw, sh, sw int) (a poolCase) {
	a.Src = d.activations(h * w * depth)
	a.PoolLayer = PoolLayer{
		Window: d.window(h, w, kh, kw, sh, sw), Depth: depth, Hi: 255, Origin: int32(d.IntN(2) * 128),
	}
	if d.IntN(3) == 0 {
		a.Lo = int32(d.IntN(100))
		a.Hi = a.Lo + int32(d.IntN(100))
	}
	a.Dst = make([]byte, a.OutH*a.OutW*depth)
	return a
}
