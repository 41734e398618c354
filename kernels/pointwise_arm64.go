//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// A pointwise layer is computed in tiles: a few pixels by one panel of output channels. The kernels know only whole
// tiles, and read a pixel's channels up to a multiple of 16, which weights of 0 make harmless. The last tile may
// overlap the one before it. Pixels without a whole tile, or with no memory to read beyond, are first copied to
// scratch. So are outputs of a last panel that has less than its channels.

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

//go:noescape
func dotTiles8(call *pointwiseCall)

//go:noescape
func dotTiles4(call *pointwiseCall)

//go:noescape
func dotTile1(call *pointwiseCall)

//go:noescape
func neonTiles4(call *pointwiseCall)

//go:noescape
func neonTile1(call *pointwiseCall)

// pixelSums is fours × 4 pixels to be summed: 16 channels a step, and then a rest of as many as mask has set bits in.
type pixelSums struct {
	src         *byte
	dst         *int32
	stride      int
	fours       int
	steps, rest int
	mask        [16]byte
}

//go:noescape
func sumPixels(s *pixelSums)

const (
	// pixelUnit is what a pixel's channels are read up to a multiple of.
	pixelUnit = 16
	// blockBytes is how much of the activations is worked on, panel after panel, before going on: it stays in the
	// first-level cache. Where the weights don't fit into half of a second-level cache the block is larger, to read
	// them less often.
	blockBytes      = 16 << 10
	blockBytesLarge = 64 << 10
	weightsLarge    = 128 << 10
	// callMACs bounds one call into assembly: 0.3 ms on a Cortex-A53.
	callMACs = 1 << 20
)

// shape is how the sets differ: a tile is rows pixels × panel output channels.
type shape struct {
	rows, panel int
	dot         bool
}

var (
	dotShape  = shape{8, 8, true}
	neonShape = shape{4, 4, false}
)

// pointwiseScratch is how the scratch memory of one call is used.
//
//	sums    the sums of a block's pixels
//	pixels  a tile of copied pixels
//	tile    a block of outputs, of a panel that isn't full
type pointwiseScratch struct{ sums, pixels, tile int } // bytes

func (s *shape) scratch(a *PointwiseArgs) pointwiseScratch {
	block := s.block(a)
	tile := s.rows
	if a.Out%s.panel != 0 {
		tile = block
	}
	return pointwiseScratch{sums: block * 4, pixels: s.rows * roundUp(a.In, pixelUnit), tile: tile * s.panel}
}

func (p pointwiseScratch) size() int { return p.sums + p.pixels + p.tile }

// block returns how many pixels to work on at a time.
func (s *shape) block(a *PointwiseArgs) int {
	bytes := blockBytes
	if a.In*a.Out > weightsLarge {
		bytes = blockBytesLarge
	}
	pixels := min(bytes/a.In, callMACs/(a.In*s.panel), a.Pixels)
	return max(pixels, s.rows) / s.rows * s.rows
}

// readable returns how many pixels may be read up to a multiple of pixelUnit.
func readable(a *PointwiseArgs) int {
	width := roundUp(a.In, pixelUnit)
	if width == a.In {
		return a.Pixels
	}
	return max(len(a.Src)-width+a.SrcStride, 0) / a.SrcStride
}

func dotPointwise(a *PointwiseArgs, scratch []byte, p0, p1, n0, n1 int) {
	quads := (a.In + 3) / 4
	call := pointwiseCall{steps: quads / 4, rest: quads % 4}
	pointwise(a, &dotShape, &call, scratch, p0, p1, n0, n1)
}

func neonPointwise(a *PointwiseArgs, scratch []byte, p0, p1, n0, n1 int) {
	eights := (a.In + 7) / 8
	call := pointwiseCall{steps: eights / 4, rest: eights % 4}
	pointwise(a, &neonShape, &call, scratch, p0, p1, n0, n1)
}

// run computes call.tiles tiles of rows pixels: no more than one, unless rows is the shape's.
func (s *shape) run(call *pointwiseCall, rows int) {
	switch {
	case s.dot && rows > 4:
		dotTiles8(call)
	case s.dot && rows > 1:
		dotTiles4(call)
	case s.dot:
		dotTile1(call)
	case rows > 1:
		neonTiles4(call)
	default:
		neonTile1(call)
	}
}

func pointwise(a *PointwiseArgs, s *shape, call *pointwiseCall, scratch []byte, p0, p1, n0, n1 int) {
	use := s.scratch(a)
	sums, pixels := scratch[:use.sums], scratch[use.sums:][:use.pixels]
	tile := scratch[use.sums+use.pixels:][:use.tile]
	call.sums = (*int32)(unsafe.Pointer(&sums[0]))
	call.panelSize = len(a.weights) / ((a.Out + s.panel - 1) / s.panel)
	panels := a.weights[n0/s.panel*call.panelSize : (n1+s.panel-1)/s.panel*call.panelSize]
	corrects := anyCorrects(panels, call.panelSize)

	end := max(p0, min(p1, readable(a)))
	whole := end - (end-p0)%s.rows
	tiles := func(p, rows, of int) { // pixels where they are
		call.src, call.srcStride = &a.Src[p*a.SrcStride], a.SrcStride
		if corrects {
			sumsOf(a, call, rows)
		}
		call.tiles = rows / of
		s.panels(a, call, tile, panels, p, rows, of, n0, n1)
	}
	block := s.block(a)
	for p := p0; p < whole; p += block {
		tiles(p, min(block, whole-p), s.rows)
	}
	// What is left is less than a tile: some pixels before it are computed again.
	left := end - whole
	switch of := min(roundUp(left, 4), s.rows); {
	case left == 1:
		tiles(whole, 1, 1)
	case left > 1 && end-p0 >= of:
		tiles(end-of, of, of)
	default:
		end = whole
	}
	width := roundUp(a.In, pixelUnit)
	for p := end; p < p1; p += s.rows {
		rows := min(s.rows, p1-p)
		for i := range rows {
			copy(pixels[i*width:], a.Src[(p+i)*a.SrcStride:][:a.In])
		}
		call.src, call.srcStride, call.tiles = &pixels[0], width, 1
		if corrects {
			sumsOf(a, call, rows)
		}
		s.panels(a, call, tile, panels, p, rows, rows, n0, n1)
	}
}

// panels computes rows pixels from p on, in tiles of a number of pixels, for the output channels [n0, n1).
func (s *shape) panels(a *PointwiseArgs, call *pointwiseCall, tile, panels []byte, p, rows, of, n0, n1 int) {
	dst, n := a.Dst[p*a.DstStride:], n0
	if of == 1 || of == 4 || of == 8 { // else the kernel computes more pixels than there are
		most := max(1, callMACs/(rows*a.In*s.panel))
		for n+s.panel <= min(n1, a.Out) {
			call.dst, call.dstStride = &dst[n], a.DstStride
			call.panel, call.panels = &panels[0], min((n1-n)/s.panel, most)
			s.run(call, of)
			n += call.panels * s.panel
			panels = panels[call.panels*call.panelSize:]
		}
	}
	for ; n < n1; n += s.panel {
		call.dst, call.dstStride = &tile[0], s.panel
		call.panel, call.panels = &panels[0], 1
		s.run(call, of)
		panels = panels[call.panelSize:]
		for i := range rows {
			place(dst[i*a.DstStride+n:], tile[i*s.panel:][:min(s.panel, a.Out-n)])
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

// anyCorrects reports whether one of the panels needs the pixels' sums.
func anyCorrects(panels []byte, size int) bool {
	for i := 0; i < len(panels); i += size {
		if at[header](panels, i).corrects != 0 {
			return true
		}
	}
	return false
}

// sumsOf computes the sums of rows pixels for call.
func sumsOf(a *PointwiseArgs, call *pointwiseCall, rows int) {
	s := pixelSums{
		src: call.src, dst: call.sums, stride: call.srcStride, fours: (rows + 3) / 4,
		steps: a.In / 16, rest: a.In % 16,
	}
	if rows == 1 {
		s.stride = 0 // four times the same
	}
	for i := range s.rest {
		s.mask[i] = 0xff
	}
	sumPixels(&s)
}

// packing is one channel of a layer to be packed: its weights, moved by recentre, and its constants.
type packing struct {
	weights                 []int8 // of a multiple of 32
	bias, correction        int32
	multiplier, right, left int32
}

func (a *PointwiseArgs) reach(n int) int64 {
	return reach(a.Bias[n], a.Weights[n*a.In:][:a.In], 1, a.WeightZero)
}

// channel returns output channel n.
func (a *PointwiseArgs) channel(n int) packing {
	row := a.Weights[n*a.In:][:a.In]
	offset := recentre(row, 1, a.WeightZero)
	c := packing{weights: make([]int8, roundUp(a.In, 32)), correction: offset - a.WeightZero}
	// With v = w − offset: Σ (s − zs)(w − zw) = Σ s·v + (offset − zw)·Σ s − zs·Σ (w − zw), the last known now.
	sum := int32(0)
	for k, w := range row {
		c.weights[k] = int8(int32(w) - offset)
		sum += int32(w) - a.WeightZero
	}
	c.bias = a.Bias[n] - a.SrcZero*sum
	c.multiplier, c.right, c.left = a.split(n)
	return c
}

// prepareDotPointwise packs panels of eight channels: channels8, then the weights by quads of input channels:
//
//	n0 k0…k3 | n1 k0…k3 | … | n7 k0…k3 | n0 k4…k7 | …
func prepareDotPointwise(a *PointwiseArgs) {
	quads := (a.In + 3) / 4
	first := int(unsafe.Sizeof(channels8{}))
	size := first + quads*32
	a.Panel, a.Scratch = 8, dotShape.scratch(a).size()
	a.weights = make([]byte, (a.Out+7)/8*size)
	for n0 := 0; n0 < a.Out; n0 += 8 {
		panel := a.weights[n0/8*size:][:size]
		h := at[channels8](panel, 0)
		h.header = a.header(n0, min(n0+8, a.Out), a.reach)
		for i := range min(8, a.Out-n0) {
			c := a.channel(n0 + i)
			h.bias[i], h.correction[i] = c.bias, c.correction
			h.multiplier[i], h.right[i], h.left[i] = c.multiplier, c.right, c.left
			if c.correction != 0 {
				h.corrects = 1
			}
			for k, w := range c.weights[:quads*4] {
				panel[first+k/4*32+i*4+k%4] = byte(w)
			}
		}
	}
}

// prepareNeonPointwise packs panels of four channels: channels4, a flag for each block of 32 input channels (one for a
// last 16, too), and the weights block by block. At the end a block has 16 input channels, 8, or 16 and then 8.
//
//	n0 k0…k31 | n1 k0…k31 | n2 k0…k31 | n3 k0…k31 | n0 k32…k63 | …
func prepareNeonPointwise(a *PointwiseArgs) {
	width := roundUp(a.In, 8)
	flags := int(unsafe.Sizeof(channels4{}))
	first := roundUp(flags+width/32+1, 16)
	size := first + 4*width
	a.Panel, a.Scratch = 4, neonShape.scratch(a).size()
	a.weights = make([]byte, roundUp(a.Out, 4)/4*roundUp(size, 16))
	for n0 := 0; n0 < a.Out; n0 += 4 {
		panel := a.weights[n0/4*roundUp(size, 16):]
		h := at[channels4](panel, 0)
		h.header = a.header(n0, min(n0+4, a.Out), a.reach)
		h.weights = int64(first)
		for i := range min(4, a.Out-n0) {
			c := a.channel(n0 + i)
			h.bias[i], h.correction[i] = c.bias, c.correction
			h.multiplier[i], h.right[i], h.left[i] = c.multiplier, c.right, c.left
			if c.correction != 0 {
				h.corrects = 1
			}
			for k := 0; k < width; {
				n := min(width-k, 32)
				if n == 24 {
					n = 16
				}
				block := c.weights[k : k+n]
				for j, w := range block {
					panel[first+4*k+i*n+j] = byte(w)
				}
				panel[flags+k/32] = max(panel[flags+k/32], sumFlag(block))
				k += n
			}
		}
	}
}

// sumFlag says how many products of a channel's block of weights, each with any activation, are sure to fit into 16
// bits when they are summed eight lanes wide: four (0), two (1), or one (2).
func sumFlag(block []int8) byte {
	magnitude := func(lane, from, to int) int {
		sum := 0
		for k := from + lane; k < min(to, len(block)); k += 8 {
			w := int(block[k])
			sum += max(w, -w)
		}
		return sum
	}
	const most = 32767 / 128
	flag := byte(0)
	for lane := range 8 {
		switch {
		case magnitude(lane, 0, 16) > most || magnitude(lane, 16, 32) > most:
			return 2
		case magnitude(lane, 0, 32) > most:
			flag = 1
		}
	}
	return flag
}
