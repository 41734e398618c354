//go:build !purego

package kernels

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// pointwiseTile is what a pointwise kernel works on: a column of tiles of as many pixels as the kernel has rows, by one
// panel of output channels.
type pointwiseTile struct {
	src, dst             unsafe.Pointer // the first tile's
	srcStride, dstStride uintptr
	panel                unsafe.Pointer
	sums                 unsafe.Pointer // int32 for each pixel, added to its accumulators; or nil
	steps                int            // of 4 bytes of activations, ≥ 1
	tiles                int            // ≥ 1; counted down to 0
	mask                 uint64         // of the panel's channels that exist
	lo, hi               uint8
	next                 unsafe.Pointer // the next panel, to be fetched into the cache
	fetched              int            // tiles that remain when it has been
	chains               unsafe.Pointer // where they are: see chains_amd64.go
}

// widenPixels is what a kernel that widens activations to 16 bits works on.
type widenPixels struct {
	src, dst             unsafe.Pointer
	srcStride, dstStride uintptr // bytes
	channels, pixels     int     // ≥ 1
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
	by          string                 // the instruction that multiplies, if a set has several
	rows, width int                    // of a tile
	taps        int                    // input channels a step: four as bytes, or two widened to 16 bits
	masked      bool                   // the last panel may be smaller
	most        int                    // for chains: per cent of VPMADDWD's cost up to which they are used
	ones        int                    // so many pixels that remain are faster one by one than as a tile
	order       func(j int) int        // the channel at position j of the panel
	many, one   [3]func(pointwiseTile) // tiles of rows pixels, of one; by how they requantize
}

// How a kernel requantizes.
const (
	inFloat32        = iota
	inIntegers       // if no output is below zero
	inSignedIntegers // any
)

// pointwisePanels is a layer as the pointwise kernels read it.
type pointwisePanels struct {
	*pointwiseKernel
	set    *x86
	panels []pointwisePanel
	steps  int
	block  int // pixels that are computed for all panels before the next ones

	in, out              int
	srcStride, dstStride int
	weightZero           int32
	lo, hi               uint8
}

type pointwisePanel struct {
	from      int // first channel
	channels  int
	data      []byte
	chains    []chain // if weights are chains; from extras on, those that repeat quads
	extras    int
	many, one func(pointwiseTile)
}

// Orders of the channels in a panel, as packing within 128-bit lanes asks for them.

func inOrder(j int) int { return j }

// inPairs512: lane i of the first vector of 16 has channels 8i…8i+3, that of the second 8i+4…8i+7. A third is in order.
func inPairs512(j int) int {
	if j >= 32 {
		return j
	}
	return j%16/4*8 + j/16*4 + j%4
}

// inPairs256: the first vector of 8 has channels 0…3 and 8…11, the second 4…7 and 12…15.
func inPairs256(j int) int { return j%8/4*8 + j/8*4 + j%4 }

// A block of pixels is computed for all panels: as many as keep it and its results near.
const blockBytes = 64 << 10

const copied = 3 // pixels at the end of Src, at most, whose last quad would reach behind it

// channels returns the first channel of panel n of a layer with out channels, and how many the panel has.
func (k *pointwiseKernel) channels(out, n int) (from, count int) {
	from = n * k.width
	if !k.masked && out >= k.width {
		from = min(from, out-k.width) // the last panel overlaps the one before
	}
	return from, min(k.width, out-from)
}

// pack packs a layer; false if no constants fit.
func (k *pointwiseKernel) pack(set *x86, l *PointwiseLayer) (*pointwisePanels, bool) {
	packed := &pointwisePanels{
		pointwiseKernel: k, set: set, steps: (l.In + k.taps - 1) / k.taps,
		in: l.In, out: l.Out, srcStride: l.SrcStride, dstStride: l.DstStride,
		weightZero: l.WeightZero, lo: uint8(l.Lo), hi: uint8(l.Hi),
	}
	var packer *chainPacker
	if k.most > 0 {
		packer = newChainPacker(int8(l.WeightZero))
	}
	for n := range (l.Out + k.width - 1) / k.width {
		panel, ok := k.packPanel(l, packed.steps, n, packer)
		if !ok {
			return nil, false
		}
		packed.panels = append(packed.panels, panel)
	}
	packed.block = min(max(blockBytes/(4/k.taps*l.In+l.Out), 4*k.rows), 1024) / k.rows * k.rows
	return packed, true
}

// scratch returns how many bytes a call needs.
func (p *pointwisePanels) scratch() int {
	bytes := p.block * 4 * p.steps // widened pixels
	if p.taps == 4 {
		bytes = 4*p.block + copied*4*p.steps // sums, the last pixels
	}
	if !p.masked && p.out < p.width {
		bytes += p.block * p.width // output
	}
	return bytes
}

// packPanel returns panel n, its weights as chains if there is a packer for them; false if no constants fit.
func (k *pointwiseKernel) packPanel(l *PointwiseLayer, steps, n int, chains *chainPacker) (panel pointwisePanel, ok bool) {
	width := k.width
	from, channels := k.channels(l.Out, n)
	bias, reach := make([]int32, channels), make([]span, channels)
	for i := range channels {
		if bias[i], reach[i] = pointwiseBias(l, from+i); !reach[i].fits() {
			return panel, false
		}
	}
	r, how := l.Requant.of(from, channels), inFloat32
	constants, ok := r.fitSingles(reach, width, k.order)
	if !ok {
		var signed bool
		if constants, signed, ok = r.fitIntegers(reach, width, k.order); !ok {
			return panel, false
		}
		how = inIntegers
		if signed {
			how = inSignedIntegers
		}
	}
	panel = pointwisePanel{from: from, channels: channels, many: k.many[how], one: k.one[how]}
	size := 4 * steps * width
	if chains != nil {
		chains.packPanel(k, l, n, l.In)
		panel.chains, panel.extras = slices.Clone(chains.list), chains.extras
		size = len(chains.weights)
	}
	panel.data = make([]byte, 0, 4*width+len(constants)+size)
	for j := range width {
		b := int32(0)
		if c := k.order(j); c < channels {
			b = bias[c]
		}
		panel.data = binary.LittleEndian.AppendUint32(panel.data, uint32(b))
	}
	panel.data = append(panel.data, constants...)
	if chains != nil {
		panel.data = append(panel.data, chains.weights...)
		return panel, true
	}
	weights := panel.data[len(panel.data):cap(panel.data)]
	panel.data = panel.data[:cap(panel.data)]
	for j := range width {
		c := k.order(j)
		if c >= channels {
			continue
		}
		row := l.Weights[(from+c)*l.In:][:l.In]
		if k.taps == 4 {
			for i, w := range row {
				weights[(i/4*width+j)*4+i%4] = byte(w)
			}
			continue
		}
		for i, w := range row {
			binary.LittleEndian.PutUint16(weights[(i/2*width+j)*4+i%2*2:], uint16(int32(w)-l.WeightZero))
		}
	}
	return panel, true
}

// pointwiseBias returns what the accumulator of channel n begins with, and where it can get.
func pointwiseBias(l *PointwiseLayer, n int) (bias int32, reach span) {
	// Σ (s − zs)(w − zw) = Σ s·w − zw·Σ s − zs·Σ (w − zw): the last sum is known now.
	sum := int32(0)
	for _, w := range l.Weights[n*l.In:][:l.In] {
		sum += int32(w) - l.WeightZero
		reach.add(int32(w) - l.WeightZero)
	}
	bias = l.Bias[n] - l.SrcZero*sum
	reach.low += int64(bias)
	reach.high += int64(bias)
	return bias, reach
}

// run computes the pixels [P0, P1) for the channels [N0, N1).
func (p *pointwisePanels) run(c PointwiseCall) {
	t := pointwiseTile{
		srcStride: uintptr(p.srcStride), dstStride: uintptr(p.dstStride), steps: p.steps, lo: p.lo, hi: p.hi,
	}
	rowBytes := 4 * p.steps
	if p.taps == 2 {
		t.srcStride = uintptr(rowBytes)
		wide, scratch := c.Scratch[:p.block*rowBytes], c.Scratch[p.block*rowBytes:]
		for at := c.P0; at < c.P1; at += p.block {
			pixels := min(p.block, c.P1-at)
			p.set.widen(widenPixels{
				unsafe.Pointer(&c.Src[at*p.srcStride]), unsafe.Pointer(&wide[0]),
				uintptr(p.srcStride), uintptr(rowBytes), p.in, pixels,
			})
			p.compute(&c, t, wide, nil, scratch, at, pixels)
		}
		return
	}
	// The last step of the pixels from whole on reaches behind Src: they are copied.
	whole := c.P1
	if p.in%4 != 0 {
		whole = min(c.P1, max(c.P0, (len(c.Src)-rowBytes+p.srcStride)/p.srcStride))
	}
	sums, scratch := c.Scratch[:4*p.block], c.Scratch[4*p.block:]
	last, scratch := scratch[:copied*rowBytes], scratch[copied*rowBytes:]
	if p.weightZero == 0 || p.most > 0 {
		sums = nil
	}
	for at := c.P0; at < c.P1; {
		src, pixels := c.Src[at*p.srcStride:], min(p.block, whole-at)
		if at >= whole {
			src, pixels, t.srcStride = last, c.P1-at, uintptr(rowBytes)
			for i := range pixels {
				copy(last[i*rowBytes:], c.Src[(at+i)*p.srcStride:][:p.in])
			}
		}
		if sums != nil {
			p.set.sum(src, sums, int(t.srcStride), p.in, pixels, -p.weightZero)
		}
		p.compute(&c, t, src, sums, scratch, at, pixels)
		at += pixels
	}
}

// compute computes a block of pixels, the first of which is pixel at of the layer and lies at src, for the call's
// channels.
func (p *pointwisePanels) compute(c *PointwiseCall, t pointwiseTile, src, sums, scratch []byte, at, pixels int) {
	for n := c.N0; n < c.N1; n += p.width {
		panel := &p.panels[n/p.width]
		t.panel = unsafe.Pointer(&panel.data[0])
		t.next = unsafe.Pointer(&p.panels[min(n/p.width+1, len(p.panels)-1)].data[0])
		t.mask = uint64(1)<<panel.channels - 1
		dst := c.Dst[at*p.dstStride+panel.from:]
		direct := pixels
		if !p.masked && panel.channels < p.width {
			// The only panel, and smaller: a pixel's output is written with bytes behind it that are those of the next
			// pixels, and so written again. Those next to the end go to scratch.
			direct = 0
			if p.dstStride == p.out {
				direct = max(0, (pixels*p.out-p.width)/p.out)
			}
		}
		if direct > 0 {
			p.tiles(panel, t, src, sums, dst, 0, direct)
		}
		if direct < pixels {
			t := t
			t.dstStride = uintptr(p.width)
			p.tiles(panel, t, src, sums, scratch, direct, pixels)
			for i := direct; i < pixels; i++ {
				copy(dst[i*p.dstStride:][:panel.channels], scratch[(i-direct)*p.width:])
			}
		}
	}
}

// tiles computes the pixels [from, to) of a block for a panel; dst is the first one's output.
func (p *pointwisePanels) tiles(panel *pointwisePanel, t pointwiseTile, src, sums, dst []byte, from, to int) {
	run := func(kernel func(pointwiseTile), chains []chain, pixel, tiles int) {
		t.src, t.tiles = unsafe.Pointer(&src[pixel*int(t.srcStride)]), tiles
		t.dst = unsafe.Pointer(&dst[(pixel-from)*int(t.dstStride)])
		t.fetched = tiles - p.width/16 + 1
		if sums != nil {
			t.sums = unsafe.Pointer(&sums[4*pixel])
		}
		t.chains = unsafe.Pointer(unsafe.SliceData(chains))
		kernel(t)
	}
	whole, rest := (to-from)/p.rows, (to-from)%p.rows
	if whole > 0 {
		run(panel.many, panel.chains, from, whole)
	}
	switch {
	case rest == 0:
	case whole > 0 && rest > p.ones: // the last tile overlaps the one before
		run(panel.many, panel.chains, to-p.rows, 1)
	default:
		run(panel.one, panel.chains[panel.extras:], to-rest, rest)
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
	if pixels < 4 || channels < 16 && !s.masked {
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
