//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// pointwiseTile is what a pointwise kernel works on: a column of tiles of as many pixels as the kernel has rows, by one
// panel of output channels.
type pointwiseTile struct {
	src, dst             unsafe.Pointer // the first tile's
	srcStride, dstStride uintptr
	panel                unsafe.Pointer
	sums                 unsafe.Pointer // int32 for each pixel, added to its accumulators; or nil
	quads                int            // of input channels, ≥ 1
	tiles                int            // ≥ 1; counted down to 0
	mask                 uint64         // of the panel's channels that exist
	lo, hi               uint8
}

// pixelSums is what a kernel that sums activations works on.
type pixelSums struct {
	src      unsafe.Pointer
	dst      unsafe.Pointer // int32 for each pixel
	stride   uintptr
	channels int
	groups   int   // of four pixels, ≥ 1; counted down to 0
	factor   int32 // that sums are multiplied by
}

// pointwiseKernel are the kernels for one width of panel.
type pointwiseKernel struct {
	rows, width int // of a tile
	order       func(j int) int
	many, one   func(pointwiseTile) // tiles of rows pixels, of one; requantize in float32
	manyD, oneD func(pointwiseTile) // … in float64
}

// pointwiseLayer is a layer as the pointwise kernels read it.
type pointwiseLayer struct {
	*pointwiseKernel
	panels []pointwisePanel
	block  int // pixels that are computed for all panels before the next ones
}

type pointwisePanel struct {
	data      []byte
	many, one func(pointwiseTile)
}

// inOrder and inPairs are the orders of channels in a panel: position j of each 16, or 32, has that channel.
func inOrder(j int) int { return j }

// inPairs: lane i of the first vector of 16 has channels 8i…8i+3, that of the second 8i+4…8i+7. A third is in order.
func inPairs(j int) int {
	if j >= 32 {
		return j
	}
	return j%16/4*8 + j/16*4 + j%4
}

// A block of pixels is computed for all panels: as many as keep it and its results in the first-level cache.
const blockBytes = 32 << 10

const copied = 3 // pixels at the end of Src, at most, whose last quad would reach behind it

func (k *pointwiseKernel) prepare(a *PointwiseArgs) {
	layer := pointwiseLayer{pointwiseKernel: k}
	quads := (a.In + 3) / 4
	for n := 0; n < a.Out; n += k.width {
		panel, ok := k.pack(a, quads, n)
		if !ok {
			prepareGenericPointwise(a)
			return
		}
		layer.panels = append(layer.panels, panel)
	}
	layer.block = min(max(blockBytes/(a.In+a.Out), 4*k.rows), 1024)
	a.native.pointwise = layer
	a.Panel = k.width
	a.Scratch = 4*layer.block + copied*4*quads
}

// pack returns the panel of the channels from n on, false where no constants fit.
func (k *pointwiseKernel) pack(a *PointwiseArgs, quads, n int) (panel pointwisePanel, ok bool) {
	width := k.width
	channels := min(width, a.Out-n)
	bias, reach := make([]int32, channels), make([]int64, channels)
	for i := range channels {
		bias[i], reach[i] = pointwiseBias(a, n+i)
	}
	r := Requant{a.Multipliers[n : n+channels], a.Zero, a.Lo, a.Hi}
	panel.many, panel.one = k.many, k.one
	constants, ok := fitSingles(&r, width, k.order)
	if !ok {
		panel.many, panel.one = k.manyD, k.oneD
		if constants, ok = fitDoubles(&r, reach, width, k.order); !ok {
			return panel, false
		}
	}
	panel.data = make([]byte, 0, 4*width+len(constants)+4*quads*width)
	for j := range width {
		b := int32(0)
		if c := k.order(j); c < channels {
			b = bias[c]
		}
		panel.data = binary.LittleEndian.AppendUint32(panel.data, uint32(b))
	}
	panel.data = append(panel.data, constants...)
	weights := panel.data[len(panel.data):cap(panel.data)]
	panel.data = panel.data[:cap(panel.data)]
	for j := range width {
		c := k.order(j)
		if c >= channels {
			continue
		}
		for i, w := range a.Weights[(n+c)*a.In:][:a.In] {
			weights[(i/4*width+j)*4+i%4] = byte(w)
		}
	}
	return panel, true
}

// pointwiseBias returns what the accumulator of channel n begins with, and how far from zero it can get.
func pointwiseBias(a *PointwiseArgs, n int) (bias int32, reach int64) {
	// Σ (s − zs)(w − zw) = Σ s·w − zw·Σ s − zs·Σ (w − zw): the last sum is known now.
	sum := int32(0)
	for _, w := range a.Weights[n*a.In:][:a.In] {
		difference := int32(w) - a.WeightZero
		sum += difference
		reach += int64(max(difference, -difference))
	}
	return a.Bias[n] - a.SrcZero*sum, reach*255 + int64(max(a.Bias[n], -a.Bias[n]))
}

// pointwise computes the pixels [p0, p1) for the channels [n0, n1).
func (s *x86) pointwise(a *PointwiseArgs, scratch []byte, p0, p1, n0, n1 int) {
	layer := &a.native.pointwise
	if layer.panels == nil {
		genericPointwise[uint8](a, scratch, p0, p1, n0, n1)
		return
	}
	quads := (a.In + 3) / 4
	sums, last := scratch[:4*layer.block], scratch[4*layer.block:]
	// The last quad of the pixels from whole on reaches behind Src: they are copied.
	whole := p1
	if a.In%4 != 0 {
		whole = min(p1, max(p0, (len(a.Src)-4*quads+a.SrcStride)/a.SrcStride))
	}
	t := pointwiseTile{
		srcStride: uintptr(a.SrcStride), dstStride: uintptr(a.DstStride), quads: quads,
		lo: uint8(a.Lo), hi: uint8(a.Hi),
	}
	for p := p0; p < whole; p += layer.block {
		s.block(a, t, a.Src[p*a.SrcStride:], sums, p, min(p+layer.block, whole), n0, n1)
	}
	if whole < p1 {
		for p := whole; p < p1; p++ {
			copy(last[(p-whole)*4*quads:], a.Src[p*a.SrcStride:][:a.In])
		}
		t.srcStride = uintptr(4 * quads)
		s.block(a, t, last, sums, whole, p1, n0, n1)
	}
}

// block computes pixels from src on, few enough for their sums.
func (s *x86) block(a *PointwiseArgs, t pointwiseTile, src, sums []byte, p0, p1, n0, n1 int) {
	layer := &a.native.pointwise
	pixels := p1 - p0
	if a.WeightZero != 0 {
		s.sum(src, sums, int(t.srcStride), a.In, pixels, -a.WeightZero)
	}
	at := func(p int) { // pixel p of the block
		t.src = unsafe.Pointer(&src[p*int(t.srcStride)])
		if a.WeightZero != 0 {
			t.sums = unsafe.Pointer(&sums[4*p])
		}
	}
	for n := n0; n < n1; n += layer.width {
		panel := &layer.panels[n/layer.width]
		t.panel = unsafe.Pointer(&panel.data[0])
		t.mask = uint64(1)<<min(layer.width, a.Out-n) - 1
		dst := a.Dst[p0*a.DstStride+n:]
		if pixels < layer.rows {
			at(0)
			t.dst, t.tiles = unsafe.Pointer(&dst[0]), pixels
			panel.one(t)
			continue
		}
		at(0)
		t.dst, t.tiles = unsafe.Pointer(&dst[0]), pixels/layer.rows
		panel.many(t)
		if rest := pixels % layer.rows; rest != 0 { // the last tile overlaps the one before
			at(pixels - layer.rows)
			t.dst, t.tiles = unsafe.Pointer(&dst[(pixels-layer.rows)*a.DstStride]), 1
			panel.many(t)
		}
	}
}

// sum writes the sums of pixels' activations, times factor.
func (s *x86) sum(src, sums []byte, stride, channels, pixels int, factor int32) {
	at := func(p, groups int) pixelSums {
		return pixelSums{
			src: unsafe.Pointer(&src[p*stride]), dst: unsafe.Pointer(&sums[4*p]),
			stride: uintptr(stride), channels: channels, groups: groups, factor: factor,
		}
	}
	if pixels < 4 {
		for p := range pixels {
			sum := int32(0)
			for _, b := range src[p*stride:][:channels] {
				sum += int32(b)
			}
			binary.LittleEndian.PutUint32(sums[4*p:], uint32(sum*factor))
		}
		return
	}
	s.sums(at(0, pixels/4))
	if pixels%4 != 0 {
		s.sums(at(pixels-4, 1))
	}
}
