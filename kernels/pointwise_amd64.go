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
	by          string                 // the instruction that multiplies, where a set has several
	rows, width int                    // of a tile
	taps        int                    // input channels a step: four as bytes, or two widened to 16 bits
	masked      bool                   // the last panel may be smaller
	most        int                    // where weights are chains: per cent of VPMADDWD's cost, up to which they are used
	ones        int                    // so many pixels that remain are faster one by one than as a tile
	order       func(j int) int        // the channel at position j of the panel
	many, one   [3]func(pointwiseTile) // tiles of rows pixels, of one; by how they requantize
}

// How a kernel requantizes.
const (
	inFloat32        = iota
	inIntegers       // where no output is below zero
	inSignedIntegers // any
)

// pointwiseLayer is a layer as the pointwise kernels read it.
type pointwiseLayer struct {
	*pointwiseKernel
	panels []pointwisePanel // nil: the generic kernel computes the layer
	steps  int
	block  int // pixels that are computed for all panels before the next ones
}

type pointwisePanel struct {
	from      int // first channel
	channels  int
	data      []byte
	chains    []chain // where weights are chains, and from extras on those that repeat quads
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

// channels returns the first channel of panel n, and how many it has.
func (k *pointwiseKernel) channels(a *PointwiseArgs, n int) (from, count int) {
	from = n * k.width
	if !k.masked && a.Out >= k.width {
		from = min(from, a.Out-k.width) // the last panel overlaps the one before
	}
	return from, min(k.width, a.Out-from)
}

func (k *pointwiseKernel) prepare(a *PointwiseArgs) {
	layer := pointwiseLayer{pointwiseKernel: k, steps: (a.In + k.taps - 1) / k.taps}
	var packer *chainPacker
	if k.most > 0 {
		packer = newChainPacker(int8(a.WeightZero))
	}
	for n := range (a.Out + k.width - 1) / k.width {
		panel, ok := k.pack(a, layer.steps, n, packer)
		if !ok {
			a.native.pointwise = pointwiseLayer{}
			prepareGenericPointwise(a)
			return
		}
		layer.panels = append(layer.panels, panel)
	}
	layer.block = min(max(blockBytes/(4/k.taps*a.In+a.Out), 4*k.rows), 1024) / k.rows * k.rows
	a.native.pointwise = layer
	a.Panel, a.Rows, a.By = k.width, k.rows, k.by
	switch {
	case k.taps == 4: // sums, the last pixels
		a.Scratch = 4*layer.block + copied*4*layer.steps
	default: // widened pixels
		a.Scratch = layer.block * 4 * layer.steps
	}
	if !k.masked && a.Out < k.width {
		a.Scratch += layer.block * k.width // output
	}
}

// pack returns panel n, its weights as chains where there is a packer for them; false where no constants fit.
func (k *pointwiseKernel) pack(a *PointwiseArgs, steps, n int, chains *chainPacker) (panel pointwisePanel, ok bool) {
	width := k.width
	from, channels := k.channels(a, n)
	bias, reach := make([]int32, channels), make([]span, channels)
	for i := range channels {
		if bias[i], reach[i] = pointwiseBias(a, from+i); !reach[i].fits() {
			return panel, false
		}
	}
	r, how := a.Requant.of(from, channels), inFloat32
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
		chains.packPanel(k, a, n, a.In)
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
		row := a.Weights[(from+c)*a.In:][:a.In]
		if k.taps == 4 {
			for i, w := range row {
				weights[(i/4*width+j)*4+i%4] = byte(w)
			}
			continue
		}
		for i, w := range row {
			binary.LittleEndian.PutUint16(weights[(i/2*width+j)*4+i%2*2:], uint16(int32(w)-a.WeightZero))
		}
	}
	return panel, true
}

// pointwiseBias returns what the accumulator of channel n begins with, and where it can get.
func pointwiseBias(a *PointwiseArgs, n int) (bias int32, reach span) {
	// Σ (s − zs)(w − zw) = Σ s·w − zw·Σ s − zs·Σ (w − zw): the last sum is known now.
	sum := int32(0)
	for _, w := range a.Weights[n*a.In:][:a.In] {
		sum += int32(w) - a.WeightZero
		reach.add(int32(w) - a.WeightZero)
	}
	bias = a.Bias[n] - a.SrcZero*sum
	reach.low += int64(bias)
	reach.high += int64(bias)
	return bias, reach
}

// pointwise computes the pixels [p0, p1) for the channels [n0, n1).
func (s *x86) pointwise(a *PointwiseArgs, scratch []byte, p0, p1, n0, n1 int) {
	layer := &a.native.pointwise
	if layer.panels == nil {
		genericPointwise[uint8](a, scratch, p0, p1, n0, n1)
		return
	}
	t := pointwiseTile{
		srcStride: uintptr(a.SrcStride), dstStride: uintptr(a.DstStride), steps: layer.steps,
		lo: uint8(a.Lo), hi: uint8(a.Hi),
	}
	rowBytes := 4 * layer.steps
	if layer.taps == 2 {
		t.srcStride = uintptr(rowBytes)
		wide, scratch := scratch[:layer.block*rowBytes], scratch[layer.block*rowBytes:]
		for p := p0; p < p1; p += layer.block {
			pixels := min(layer.block, p1-p)
			s.widen(widenPixels{
				unsafe.Pointer(&a.Src[p*a.SrcStride]), unsafe.Pointer(&wide[0]),
				uintptr(a.SrcStride), uintptr(rowBytes), a.In, pixels,
			})
			layer.compute(a, t, wide, nil, scratch, p, pixels, n0, n1)
		}
		return
	}
	// The last step of the pixels from whole on reaches behind Src: they are copied.
	whole := p1
	if a.In%4 != 0 {
		whole = min(p1, max(p0, (len(a.Src)-rowBytes+a.SrcStride)/a.SrcStride))
	}
	sums, scratch := scratch[:4*layer.block], scratch[4*layer.block:]
	last, scratch := scratch[:copied*rowBytes], scratch[copied*rowBytes:]
	if a.WeightZero == 0 || layer.most > 0 {
		sums = nil
	}
	for p := p0; p < p1; {
		src, pixels := a.Src[p*a.SrcStride:], min(layer.block, whole-p)
		if p >= whole {
			src, pixels, t.srcStride = last, p1-p, uintptr(rowBytes)
			for i := range pixels {
				copy(last[i*rowBytes:], a.Src[(p+i)*a.SrcStride:][:a.In])
			}
		}
		if sums != nil {
			s.sum(src, sums, int(t.srcStride), a.In, pixels, -a.WeightZero)
		}
		layer.compute(a, t, src, sums, scratch, p, pixels, n0, n1)
		p += pixels
	}
}

// compute computes a block: pixels, the first of which is p and is at src, for the channels [n0, n1).
func (l *pointwiseLayer) compute(a *PointwiseArgs, t pointwiseTile, src, sums, scratch []byte, p, pixels, n0, n1 int) {
	for n := n0; n < n1; n += l.width {
		panel := &l.panels[n/l.width]
		t.panel = unsafe.Pointer(&panel.data[0])
		t.next = unsafe.Pointer(&l.panels[min(n/l.width+1, len(l.panels)-1)].data[0])
		t.mask = uint64(1)<<panel.channels - 1
		dst := a.Dst[p*a.DstStride+panel.from:]
		direct := pixels
		if !l.masked && panel.channels < l.width {
			// The only panel, and smaller: a pixel's output is written with bytes behind it that are those of the next
			// pixels, and so written again. Those next to the end go to scratch.
			direct = 0
			if a.DstStride == a.Out {
				direct = max(0, (pixels*a.Out-l.width)/a.Out)
			}
		}
		if direct > 0 {
			l.tiles(panel, t, src, sums, dst, 0, direct)
		}
		if direct < pixels {
			t := t
			t.dstStride = uintptr(l.width)
			l.tiles(panel, t, src, sums, scratch, direct, pixels)
			for i := direct; i < pixels; i++ {
				copy(dst[i*a.DstStride:][:panel.channels], scratch[(i-direct)*l.width:])
			}
		}
	}
}

// tiles computes the pixels [from, to) of a block for a panel; dst is the first one's output.
func (l *pointwiseLayer) tiles(panel *pointwisePanel, t pointwiseTile, src, sums, dst []byte, from, to int) {
	run := func(kernel func(pointwiseTile), chains []chain, pixel, tiles int) {
		t.src, t.tiles = unsafe.Pointer(&src[pixel*int(t.srcStride)]), tiles
		t.dst = unsafe.Pointer(&dst[(pixel-from)*int(t.dstStride)])
		t.fetched = tiles - l.width/16 + 1
		if sums != nil {
			t.sums = unsafe.Pointer(&sums[4*pixel])
		}
		t.chains = unsafe.Pointer(unsafe.SliceData(chains))
		kernel(t)
	}
	whole, rest := (to-from)/l.rows, (to-from)%l.rows
	if whole > 0 {
		run(panel.many, panel.chains, from, whole)
	}
	switch {
	case rest == 0:
	case whole > 0 && rest > l.ones: // the last tile overlaps the one before
		run(panel.many, panel.chains, to-l.rows, 1)
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
