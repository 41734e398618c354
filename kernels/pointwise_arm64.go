//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// A pointwise layer is computed in tiles: a few pixels by one panel of output channels. The kernels know only whole
// tiles, and read a pixel's channels up to a multiple of 16, which weights of 0 make harmless. The last tile may
// overlap the one before it. Pixels without a whole tile, or with no memory to read beyond, are first copied to
// scratch, and so are outputs of a last panel that isn't full.

// pointwiseCall is what a kernel needs: tiles × panels.
type pointwiseCall struct {
	src, dst             *byte
	srcStride, dstStride int
	panel                *byte
	panels, panelSize    int
	sums                 *int32 // of each pixel's activations, where a panel corrects
	tiles                int
	steps, rest          int // how often to go round the loop over the input channels, and what that leaves
}

// pixelSums is fours × 4 pixels to be summed: 16 channels a step, and then a rest of as many as mask has set bits in.
type pixelSums struct {
	src         *byte
	dst         *int32
	stride      int
	fours       int
	steps, rest int
	mask        [16]byte
}

const (
	// pixelUnit is what a pixel's channels are read up to a multiple of.
	pixelUnit = 16
	// callMACs bounds one call into assembly: 0.3 ms on a Cortex-A53.
	callMACs = 1 << 20
)

// products is how a set multiplies.
type products int

const (
	bySMULL products = iota
	bySDOT
	bySMMLA
)

// shape is how the sets differ: a tile is rows pixels × panel output channels.
type shape struct {
	rows, panel int
	step        int // input channels that the loop of the kernels takes at once, in units of which it has a rest
	unit        int
	products    products
}

var (
	neonShape = shape{rows: 4, panel: 4, step: 32, unit: 8, products: bySMULL}
	dotShape  = shape{rows: 8, panel: 8, step: 16, unit: 4, products: bySDOT}
	i8mmShape = shape{rows: 8, panel: 8, step: 16, unit: 8, products: bySMMLA}
)

// Which kernel for at most 24 input channels can compute a panel, by SMULL.
const (
	fewNot        = iota
	fewWide       // the sums of two products fit into 16 bits, those of three if there are more than 16 channels
	fewNeighbours // of at most 16 channels: and those with their neighbours'
)

// units returns how many units of input channels the kernels compute. By SMULL, a rest of three is made a whole step, which
// costs less than 16 channels and then 8.
func (s *shape) units(in int) int {
	units := (in + s.unit - 1) / s.unit
	if s.products == bySMULL && units%4 == 3 {
		units++
	}
	return units
}

// pointwisePanels is a layer as the kernels read it.
type pointwisePanels struct {
	*shape
	panels    []byte
	panelSize int
	block     int // pixels to work on at a time

	in, out              int
	srcStride, dstStride int
}

func (s *shape) newPanels(l *PointwiseLayer, panelSize int) *pointwisePanels {
	pixels := min(ArmBlock(l.In, l.Out)/l.In, callMACs/(l.In*s.panel), l.Pixels)
	return &pointwisePanels{
		shape: s, panels: make([]byte, (l.Out+s.panel-1)/s.panel*panelSize), panelSize: panelSize,
		block: max(pixels, s.rows) / s.rows * s.rows,
		in:    l.In, out: l.Out, srcStride: l.SrcStride, dstStride: l.DstStride,
	}
}

// packed returns the layer to be run.
func (p *pointwisePanels) packed() *Pointwise {
	return &Pointwise{Panel: p.panel, Scratch: p.scratch().size(), run: p.run}
}

// pointwiseScratch is how the scratch memory of one call is used.
//
//	sums    the sums of a block's pixels
//	pixels  a tile of copied pixels
//	tile    a block of outputs, of a panel that isn't full
type pointwiseScratch struct{ sums, pixels, tile int } // bytes

func (p *pointwisePanels) scratch() pointwiseScratch {
	tile := p.rows
	if p.out%p.panel != 0 {
		tile = p.block
	}
	return pointwiseScratch{sums: p.block * 4, pixels: p.rows * roundUp(p.in, pixelUnit), tile: tile * p.panel}
}

func (s pointwiseScratch) size() int { return s.sums + s.pixels + s.tile }

// readable returns how many of the call's pixels may be read up to a multiple of pixelUnit.
func (p *pointwisePanels) readable(c *PointwiseCall) int {
	width := roundUp(p.in, pixelUnit)
	if width == p.in {
		return c.P1
	}
	return max(len(c.Src)-width+p.srcStride, 0) / p.srcStride
}

// compute computes call.tiles tiles of rows pixels: no more than one, unless rows is the shape's. All panels have this mode.
func (p *pointwisePanels) compute(call *pointwiseCall, rows int, mode int64) {
	switch {
	case p.products == bySMMLA && rows > 4:
		pointwise_8x8c8__neoni8mm(call)
	case p.products == bySMMLA && rows > 1:
		pointwise_4x8c8__neoni8mm(call)
	case p.products == bySMMLA:
		pointwise_1x8c8__neoni8mm(call)
	case p.products == bySDOT && rows > 4:
		pointwise_8x8c4__neondot(call)
	case p.products == bySDOT && rows > 1:
		pointwise_4x8c4__neondot(call)
	case p.products == bySDOT:
		pointwise_1x8c4__neondot(call)
	case rows > 1 && mode == fewNeighbours && p.in <= 8:
		pointwise_4x4c8__neon(call)
	case rows > 1 && mode == fewNeighbours:
		pointwise_4x4c16__neon(call)
	case rows > 1 && mode == fewWide && p.in > 16:
		pointwise_4x4c24_wide__neon(call)
	case rows > 1 && mode == fewWide && p.in > 8:
		pointwise_4x4c16_wide__neon(call)
	case rows > 1:
		pointwise_4x4c32__neon(call)
	default:
		pointwise_1x4c32__neon(call)
	}
}

func (p *pointwisePanels) run(c PointwiseCall) {
	use := p.scratch()
	sums, pixels := c.Scratch[:use.sums], c.Scratch[use.sums:][:use.pixels]
	tile := c.Scratch[use.sums+use.pixels:][:use.tile]
	units := p.units(p.in)
	perStep := p.step / p.unit
	call := pointwiseCall{
		sums: (*int32)(unsafe.Pointer(&sums[0])), panelSize: p.panelSize,
		steps: units / perStep, rest: units % perStep,
	}
	panels := p.panels[c.N0/p.panel*p.panelSize : (c.N1+p.panel-1)/p.panel*p.panelSize]
	corrects := anyCorrects(panels, p.panelSize)

	end := max(c.P0, min(c.P1, p.readable(&c)))
	whole := end - (end-c.P0)%p.rows
	tiles := func(at, rows, of int) { // pixels where they are
		call.src, call.srcStride = &c.Src[at*p.srcStride], p.srcStride
		if corrects {
			p.sums(&call, rows)
		}
		call.tiles = rows / of
		p.eachPanel(&c, &call, tile, panels, at, rows, of)
	}
	for at := c.P0; at < whole; at += p.block {
		tiles(at, min(p.block, whole-at), p.rows)
	}
	// What is left is less than a tile: some pixels before it are computed again.
	left := end - whole
	switch of := min(roundUp(left, 4), p.rows); {
	case left == 1:
		tiles(whole, 1, 1)
	case left > 1 && end-c.P0 >= of:
		tiles(end-of, of, of)
	default:
		end = whole
	}
	width := roundUp(p.in, pixelUnit)
	for at := end; at < c.P1; at += p.rows {
		rows := min(p.rows, c.P1-at)
		for i := range rows {
			copy(pixels[i*width:], c.Src[(at+i)*p.srcStride:][:p.in])
		}
		call.src, call.srcStride, call.tiles = &pixels[0], width, 1
		if corrects {
			p.sums(&call, rows)
		}
		p.eachPanel(&c, &call, tile, panels, at, rows, rows)
	}
}

// eachPanel computes rows pixels from pixel at on, in tiles of a number of pixels, for the output channels of c.
func (p *pointwisePanels) eachPanel(c *PointwiseCall, call *pointwiseCall, tile, panels []byte, at, rows, of int) {
	dst, n := c.Dst[at*p.dstStride:], c.N0
	if of == 1 || of == 4 || of == 8 { // else the kernel computes more pixels than there are
		most := max(1, callMACs/(rows*p.in*p.panel))
		for n+p.panel <= min(c.N1, p.out) {
			call.dst, call.dstStride = &dst[n], p.dstStride
			var mode int64
			call.panel = &panels[0]
			call.panels, mode = alike(panels, p.panelSize, min((c.N1-n)/p.panel, most))
			p.compute(call, of, mode)
			n += call.panels * p.panel
			panels = panels[call.panels*p.panelSize:]
		}
	}
	for ; n < c.N1; n += p.panel {
		call.dst, call.dstStride = &tile[0], p.panel
		call.panel, call.panels = &panels[0], 1
		_, mode := alike(panels, p.panelSize, 1)
		p.compute(call, of, mode)
		panels = panels[p.panelSize:]
		for i := range rows {
			place(dst[i*p.dstStride+n:], tile[i*p.panel:][:min(p.panel, p.out-n)])
		}
	}
}

// place copies a panel's outputs for one pixel.
func place(dst, src []byte) {
	switch len(src) {
	case 8:
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src))
	case 4:
		binary.LittleEndian.PutUint32(dst, binary.LittleEndian.Uint32(src))
	default:
		copy(dst, src)
	}
}

// alike returns how many of at most so many panels are computed by the kernel of the first, and its mode.
func alike(panels []byte, size, most int) (count int, mode int64) {
	mode = at[header](panels, 0).mode
	for count = 1; count < most && at[header](panels, count*size).mode == mode; count++ {
	}
	return count, mode
}

// anyCorrects reports whether one of the panels needs the pixels' sums.
func anyCorrects(panels []byte, size int) bool {
	for i := 0; i < len(panels); i += size {
		if at[header](panels, i).corrects != 0 {
			return true
		}
	}
	return false
}

// sums computes the sums of rows pixels for call.
func (p *pointwisePanels) sums(call *pointwiseCall, rows int) {
	s := pixelSums{
		src: call.src, dst: call.sums, stride: call.srcStride, fours: (rows + 3) / 4,
		steps: p.in / 16, rest: p.in % 16,
	}
	if rows == 1 {
		s.stride = 0 // four times the same
	}
	for i := range s.rest {
		s.mask[i] = 0xff
	}
	pixelsums__neon(&s)
}

// packing is one channel of a layer to be packed: its weights, moved by recentre, and its constants.
type packing struct {
	weights                 []int8 // of a multiple of 32
	bias, correction        int32
	multiplier, right, left int32
}

func (l *PointwiseLayer) reach(n int) int64 {
	return reach(l.Bias[n], l.Weights[n*l.In:][:l.In], 1, l.WeightZero)
}

// channel returns output channel n.
func (l *PointwiseLayer) channel(n int) packing {
	row := l.Weights[n*l.In:][:l.In]
	offset := recentre(row, 1, l.WeightZero)
	c := packing{weights: make([]int8, roundUp(l.In, 32)), correction: offset - l.WeightZero}
	// With v = w − offset: Σ (s − zs)(w − zw) = Σ s·v + (offset − zw)·Σ s − zs·Σ (w − zw), the last known now.
	sum := int32(0)
	for k, w := range row {
		c.weights[k] = int8(int32(w) - offset)
		sum += int32(w) - l.WeightZero
	}
	c.bias = l.Bias[n] - l.SrcZero*sum
	c.multiplier, c.right, c.left = l.split(n)
	return c
}

// packPointwiseNeonDot packs by quads of input channels:
//
//	n0 k0…k3 | n1 k0…k3 | … | n7 k0…k3 | n0 k4…k7 | …
func packPointwiseNeonDot(l PointwiseLayer) *Pointwise { return dotShape.packEights(l) }

// packPointwiseNeonI8MM packs by eights of input channels:
//
//	n0 k0…k7 | n1 k0…k7 | … | n7 k0…k7 | n0 k8…k15 | …
func packPointwiseNeonI8MM(l PointwiseLayer) *Pointwise { return i8mmShape.packEights(l) }

// packEights packs panels of eight channels: channels8, then the weights by units of input channels.
func (s *shape) packEights(l PointwiseLayer) *Pointwise {
	depth := roundUp(l.In, s.unit)
	first := int(unsafe.Sizeof(channels8{}))
	size := first + depth*s.panel
	packed := s.newPanels(&l, size)
	for n0 := 0; n0 < l.Out; n0 += s.panel {
		panel := packed.panels[n0/s.panel*size:][:size]
		h := at[channels8](panel, 0)
		h.header = l.header(n0, min(n0+s.panel, l.Out), l.reach)
		for i := range min(s.panel, l.Out-n0) {
			c := l.channel(n0 + i)
			h.bias[i], h.correction[i] = c.bias, c.correction
			h.multiplier[i], h.right[i], h.left[i] = c.multiplier, c.right, c.left
			if c.correction != 0 {
				h.corrects = 1
			}
			for k, w := range c.weights[:depth] {
				panel[first+(k/s.unit*s.panel+i)*s.unit+k%s.unit] = byte(w)
			}
		}
	}
	return packed.packed()
}

// packPointwiseNeon packs panels of four channels: channels4, flags for each block of 32 input channels (for a last 16,
// too), and the weights block by block. At the end a block has 16 input channels or 8.
//
//	n0 k0…k31 | n1 k0…k31 | n2 k0…k31 | n3 k0…k31 | n0 k32…k63 | …
func packPointwiseNeon(l PointwiseLayer) *Pointwise {
	width := 8 * neonShape.units(l.In)
	flags := int(unsafe.Sizeof(channels4{}))
	first := roundUp(flags+width/32+1, 16)
	size := roundUp(first+4*width, 16)
	packed := neonShape.newPanels(&l, size)
	for n0 := 0; n0 < l.Out; n0 += 4 {
		panel := packed.panels[n0/4*size:]
		h := at[channels4](panel, 0)
		h.header = l.header(n0, min(n0+4, l.Out), l.reach)
		if h.mode = fewNeighbours; h.kind >= requantAny {
			h.mode = fewNot
		}
		h.weights = int64(first)
		for i := range min(4, l.Out-n0) {
			c := l.channel(n0 + i)
			h.bias[i], h.correction[i] = c.bias, c.correction
			h.multiplier[i], h.right[i], h.left[i] = c.multiplier, c.right, c.left
			if c.correction != 0 {
				h.corrects = 1
			}
			h.mode = min(h.mode, fewBy(c.weights[:roundUp(l.In, 8)]))
			for k := 0; k < width; {
				n := min(width-k, 32)
				block := c.weights[k : k+n]
				for j, w := range block {
					panel[first+4*k+i*n+j] = byte(w)
				}
				switch inSums(block) {
				case 1:
					panel[flags+k/32] |= onesFlag
				case 2:
					panel[flags+k/32] |= 1 << i
				}
				k += n
			}
		}
	}
	return packed.packed()
}

// onesFlag is the flag of a block in which some channel's products can't be summed at all; bit i says of channel i that
// not more than two can.
const onesFlag = 1 << 4

// inSums returns how many products of a channel's block of weights, each with any activation, are sure to fit into 16
// bits when they are summed eight lanes wide: four, two, or one.
func inSums(block []int8) int {
	magnitude := func(lane, from, to int) int {
		sum := 0
		for k := from + lane; k < min(to, len(block)); k += 8 {
			w := int(block[k])
			sum += max(w, -w)
		}
		return sum
	}
	const most = 32767 / 128
	sums := 4
	for lane := range 8 {
		switch {
		case magnitude(lane, 0, 16) > most || magnitude(lane, 16, 32) > most:
			return 1
		case magnitude(lane, 0, 32) > most:
			sums = 2
		}
	}
	return sums
}

// fewBy returns it for a channel's weights.
func fewBy(weights []int8) int64 {
	switch sums := inSums(weights); {
	case len(weights) > 24 || sums == 1 || sums == 2 && len(weights) > 16:
		return fewNot
	case len(weights) > 16:
		return fewWide
	}
	var sums [4]int
	for k, w := range weights {
		sums[k%8/2] += max(int(w), -int(w))
	}
	if max(sums[0], sums[1], sums[2], sums[3]) > 32767/128 {
		return fewWide
	}
	return fewNeighbours
}
