//go:build !purego

package kernels

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// depthwiseRow is what a depthwise kernel works on: outputs next to each other, for some blocks of channels.
type depthwiseRow struct {
	segments [4]depthwiseColumns // one or more, up to the last column; the one after them is read, but not used
	dst      unsafe.Pointer
	outputs  int            // pixels, ≥ 1
	step     uintptr        // from pixel to pixel: channels
	data     unsafe.Pointer // the blocks' constants, one after the other
	size     uintptr        // of those of a block
	blocks   int            // ≥ 1; counted down to 0
	mask     uint64         // of the last block's channels that exist
	requant  int            // how: inFloat32, …
}

// depthwiseColumns are columns of pixels next to each other: the padding to the left, the row, the padding to the right.
type depthwiseColumns struct {
	rows  [5]unsafe.Pointer // as many as the kernel is high
	count int
}

// depthwiseKernel are the kernels for one size of block.
type depthwiseKernel struct {
	width   int                // channels of a block
	taps    int                // in a lane: four of 8 bits or two of 16
	masked  bool               // the last block may be smaller
	vectors int                // of 32-bit lanes
	plain   func(depthwiseRow) // weights have no zero point, or fit a tap's bits without it
	zeroed  func(depthwiseRow) // weights have one; nil for taps of 16 bits, which hold any
}

// depthwiseTable are the kernels of a set, by size and stride, those for the largest blocks first.
type depthwiseTable map[[2]int][]depthwiseKernel

// of returns those for a layer, or none.
func (t depthwiseTable) of(l *DepthwiseLayer) []depthwiseKernel {
	if l.Multiplier != 1 || l.KernelH != l.KernelW || l.StrideH != l.StrideW {
		return nil
	}
	return t[[2]int{l.KernelH, l.StrideH}]
}

// depthwiseBlocks is a layer as the depthwise kernels read it.
type depthwiseBlocks struct {
	Window
	in   int // channels
	runs []depthwiseRun
	zero []byte // a row of padding
	room int    // bytes that kernels read and write behind the last pixel of a row: rows are copied to scratch
}

// depthwiseRun are blocks next to each other that one kernel computes.
type depthwiseRun struct {
	kernel func(depthwiseRow)
	kind   depthwiseKind
	from   int // first channel
	blocks int
	mask   uint64
	data   []byte
}

// depthwiseKind tells which kernel computes a block, and how.
type depthwiseKind struct {
	width   int
	zeroed  bool
	requant int
}

// order returns the channel of position j among the accumulators. Interleaving and packing work within lanes of 128
// bits; a lane holds 16 channels as bytes, or 8 as words, and each vector has 4 of them.
func (k *depthwiseKernel) order(j int) int {
	lanes := k.width / k.vectors
	v, l := j/lanes, j%lanes
	return l/4*4*k.vectors + 4*v + l%4
}

func (s *x86) packDepthwise(l DepthwiseLayer) *Depthwise {
	packed, ok := s.depthwise.pack(&l)
	if !ok {
		return packGenericDepthwise[uint8](l)
	}
	return &Depthwise{Scratch: packed.scratch(), run: packed.run}
}

// pack packs a layer; false if no kernels compute it.
func (t depthwiseTable) pack(l *DepthwiseLayer) (*depthwiseBlocks, bool) {
	kernels := t.of(l)
	if kernels == nil {
		return nil, false
	}
	packed := &depthwiseBlocks{Window: l.Window, in: l.In}
	if !packed.cut(kernels, l) {
		return nil, false
	}
	right := (l.OutW-1)*l.StrideW + l.KernelW - l.PadLeft - l.InW
	packed.zero = make([]byte, max(l.InW, l.PadLeft, right)*l.In+packed.room)
	for i := range packed.zero {
		packed.zero[i] = byte(l.SrcZero)
	}
	return packed, true
}

// scratch returns how many bytes a call needs.
func (b *depthwiseBlocks) scratch() int {
	if b.room == 0 {
		return 0
	}
	return b.KernelH*(b.InW*b.in+b.room) + b.OutW*b.in + b.room
}

// cut cuts the channels into blocks of the kernels' sizes, the largest first; if less remain than a block, it overlaps
// the one before. It returns false if no constants fit.
func (b *depthwiseBlocks) cut(kernels []depthwiseKernel, l *DepthwiseLayer) bool {
	for from := 0; from < l.In; {
		rest := l.In - from
		k := &kernels[len(kernels)-1]
		for i := range slices.Backward(kernels) { // the smallest that takes all of the rest, else the largest there is
			if kernels[i].width <= l.In && k.width < rest {
				k = &kernels[i]
			}
		}
		channels := min(k.width, rest)
		if rest < k.width && !k.masked {
			if from = l.In - k.width; from < 0 {
				from, b.room = 0, k.width-l.In
			}
			channels = l.In - from
		}
		data, kind, ok := k.pack(l, from, channels)
		if !ok {
			return false
		}
		b.append(k, kind, from, channels, data)
		from += channels
	}
	return true
}

// append adds a block: to the last run, if it continues that.
func (b *depthwiseBlocks) append(k *depthwiseKernel, kind depthwiseKind, from, channels int, data []byte) {
	mask := uint64(1)<<channels - 1
	if n := len(b.runs); n > 0 {
		last := &b.runs[n-1]
		if last.kind == kind && last.from+last.blocks*kind.width == from {
			last.blocks++
			last.data = append(last.data, data...)
			last.mask = mask
			return
		}
	}
	kernel := k.plain
	if kind.zeroed {
		kernel = k.zeroed
	}
	b.runs = append(b.runs, depthwiseRun{kernel, kind, from, 1, mask, data})
}

// pack returns the constants of the block of channels from from on: clamp range, bias, weights, their zero point,
// requantization.
func (k *depthwiseKernel) pack(l *DepthwiseLayer, from, channels int) (data []byte, kind depthwiseKind, ok bool) {
	bias, reach, fitInt8 := depthwiseBias(l, from, channels)
	for _, r := range reach {
		if !r.fits() {
			return nil, kind, false
		}
	}
	kind.width, kind.zeroed = k.width, k.taps == 4 && !fitInt8
	for range k.width {
		data = append(data, byte(l.Lo))
	}
	for range k.width {
		data = append(data, byte(l.Hi))
	}
	for j := range k.width {
		b := int32(0)
		if c := k.order(j); c < channels {
			b = bias[c]
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(b))
	}
	data = k.appendWeights(data, l, from, channels, kind.zeroed)
	r := l.Requant.of(from, channels)
	constants, ok := r.fitSingles(reach, k.width, k.order)
	if !ok {
		var signed bool
		if constants, signed, ok = r.fitIntegers(reach, k.width, k.order); !ok {
			return nil, kind, false
		}
		kind.requant = inIntegers
		if signed {
			kind.requant = inSignedIntegers
		}
	}
	return append(data, constants...), kind, true
}

// depthwiseBias returns what accumulators of channels begin with, where they can get, and whether all weights fit int8
// without their zero point.
func depthwiseBias(l *DepthwiseLayer, from, channels int) (bias []int32, reach []span, fitInt8 bool) {
	bias, reach, fitInt8 = make([]int32, channels), make([]span, channels), true
	for c := range channels {
		bias[c] = l.Bias[from+c]
		for tap := range l.KernelH * l.KernelW {
			w := int32(l.Weights[tap*l.In+from+c]) - l.WeightZero
			bias[c] -= l.SrcZero * w
			reach[c].add(w)
			fitInt8 = fitInt8 && w == int32(int8(w))
		}
		reach[c].low += int64(bias[c])
		reach[c].high += int64(bias[c])
	}
	return bias, reach, fitInt8
}

// appendWeights appends [KernelW][vectors][parts] vectors, whose lanes hold the taps of rows part·taps… of one channel.
// With zeroed they are as they are, and [parts] vectors of the zero point follow, as if of one more tap in a row.
func (k *depthwiseKernel) appendWeights(data []byte, l *DepthwiseLayer, from, channels int, zeroed bool) []byte {
	parts := (l.KernelH + k.taps - 1) / k.taps
	lanes := k.width / k.vectors
	appendLanes := func(v, part int, weight func(row, c int) int32) {
		for lane := range lanes {
			c := k.order(v*lanes + lane)
			for row := part * k.taps; row < (part+1)*k.taps; row++ {
				w := int32(0)
				if row < l.KernelH && c < channels {
					w = weight(row, c)
				}
				if k.taps == 2 {
					data = binary.LittleEndian.AppendUint16(data, uint16(w))
				} else {
					data = append(data, byte(w))
				}
			}
		}
	}
	zero := l.WeightZero
	if zeroed {
		zero = 0
	}
	for column := range l.KernelW {
		for v := range k.vectors {
			for part := range parts {
				appendLanes(v, part, func(row, c int) int32 {
					return int32(l.Weights[(row*l.KernelW+column)*l.In+from+c]) - zero
				})
			}
		}
	}
	if zeroed {
		for part := range parts {
			appendLanes(0, part, func(int, int) int32 { return l.WeightZero })
		}
	}
	return data
}

// depthwiseMACs is how much one call of a kernel computes at most, as it can't be interrupted: 25 µs at 20 GMAC/s.
const depthwiseMACs = 1 << 19

// run computes the output rows [Y0, Y1).
func (b *depthwiseBlocks) run(c DepthwiseCall) {
	if b.room > 0 {
		b.narrowRows(&c)
		return
	}
	for y := c.Y0; y < c.Y1; y++ {
		rows := b.window(&c, y)
		b.row(&rows, c.Dst[(y-c.DstY)*b.OutW*b.in:])
	}
}

// window returns the rows of the input, or padding, for the outputs of row y.
func (b *depthwiseBlocks) window(c *DepthwiseCall, y int) (rows [5][]byte) {
	for i := range b.KernelH {
		rows[i] = b.zero
		if row := y*b.StrideH - b.PadTop + i; row >= 0 && row < b.InH {
			rows[i] = c.Src[(row-c.SrcY)*b.InW*b.in:]
		}
	}
	return rows
}

// narrowRows computes rows of fewer channels than a block has. A kernel then reads and writes more than a pixel. Within a
// row that is fine: it goes from left to right, and what it writes too much is overwritten by the next pixel. At a row's
// end there must be room, which copies have.
func (b *depthwiseBlocks) narrowRows(c *DepthwiseCall) {
	in, out := b.InW*b.in, b.OutW*b.in
	for y := c.Y0; y < c.Y1; y++ {
		rows := b.window(c, y)
		rest := c.Scratch
		for i := range b.KernelH {
			copy(rest[:in], rows[i][:in])
			rows[i], rest = rest, rest[in+b.room:]
		}
		b.row(&rows, rest)
		copy(c.Dst[(y-c.DstY)*out:][:out], rest)
	}
}

// row computes a row of outputs, in calls of at most depthwiseMACs.
func (b *depthwiseBlocks) row(rows *[5][]byte, dst []byte) {
	for i := range b.runs {
		run := &b.runs[i]
		macs := run.kind.width * b.KernelH * b.KernelW // of an output
		outputs := min(b.OutW, depthwiseMACs/macs)
		blocks := min(run.blocks, depthwiseMACs/(macs*outputs))
		for x := 0; x < b.OutW; x += outputs {
			for first := 0; first < run.blocks; first += blocks {
				b.call(run, rows, dst, x, min(outputs, b.OutW-x), first, min(blocks, run.blocks-first))
			}
		}
	}
}

// call computes outputs from x on, of the blocks [first, first+blocks) of a run.
func (b *depthwiseBlocks) call(run *depthwiseRun, rows *[5][]byte, dst []byte, x, outputs, first, blocks int) {
	from, size := run.from+first*run.kind.width, len(run.data)/run.blocks
	t := depthwiseRow{
		dst: unsafe.Pointer(&dst[x*b.in+from]), outputs: outputs, step: uintptr(b.in),
		data: unsafe.Pointer(&run.data[first*size]), size: uintptr(size), blocks: blocks,
		mask: ^uint64(0), requant: run.kind.requant,
	}
	if first+blocks == run.blocks {
		t.mask = run.mask
	}
	begin, columns := x*b.StrideW-b.PadLeft, (outputs-1)*b.StrideW+b.KernelW
	left := min(max(-begin, 0), columns)
	middle := max(min(begin+columns, b.InW)-max(begin, 0), 0)
	n := 0
	for _, part := range [...]struct{ at, count int }{{-1, left}, {max(begin, 0), middle}, {-1, columns - left - middle}} {
		if part.count == 0 {
			continue
		}
		s := &t.segments[n]
		n++
		s.count = part.count
		for i := range b.KernelH {
			if part.at < 0 {
				s.rows[i] = unsafe.Pointer(&b.zero[from])
			} else {
				s.rows[i] = unsafe.Pointer(&rows[i][part.at*b.in+from])
			}
		}
	}
	run.kernel(t)
}
