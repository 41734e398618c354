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
func (t depthwiseTable) of(a *DepthwiseArgs) []depthwiseKernel {
	if a.Multiplier != 1 || a.KernelH != a.KernelW || a.StrideH != a.StrideW {
		return nil
	}
	return t[[2]int{a.KernelH, a.StrideH}]
}

// depthwiseLayer is a layer as the depthwise kernels read it.
type depthwiseLayer struct {
	runs []depthwiseRun // nil: the generic kernel computes it
	zero []byte         // a row of padding
	room int            // bytes that kernels read and write behind the last pixel of a row: rows are copied to scratch
}

// depthwiseRun are blocks next to each other that one kernel computes.
type depthwiseRun struct {
	run    func(depthwiseRow)
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

func (s *x86) prepareDepthwise(a *DepthwiseArgs) {
	a.native.depthwise = depthwiseLayer{}
	a.Scratch = 0
	kernels := s.depthwise.of(a)
	if kernels == nil || !packDepthwise(kernels, a) {
		a.native.depthwise.runs = nil
		prepareGenericDepthwise(a)
		return
	}
	layer := &a.native.depthwise
	if layer.room > 0 {
		a.Scratch = a.KernelH*(a.InW*a.In+layer.room) + a.OutW*a.In + layer.room
	}
	right := (a.OutW-1)*a.StrideW + a.KernelW - a.PadLeft - a.InW
	layer.zero = make([]byte, max(a.InW, a.PadLeft, right)*a.In+layer.room)
	for i := range layer.zero {
		layer.zero[i] = byte(a.SrcZero)
	}
}

// packDepthwise cuts the channels into blocks of the kernels' sizes, the largest first; where less remain than a block,
// it overlaps the one before. It returns false where the kernels can't compute the layer.
func packDepthwise(kernels []depthwiseKernel, a *DepthwiseArgs) bool {
	layer := &a.native.depthwise
	for from := 0; from < a.In; {
		rest := a.In - from
		k := &kernels[len(kernels)-1]
		for i := range slices.Backward(kernels) { // the smallest that takes all of the rest, else the largest there is
			if kernels[i].width <= a.In && k.width < rest {
				k = &kernels[i]
			}
		}
		channels := min(k.width, rest)
		if rest < k.width && !k.masked {
			if from = a.In - k.width; from < 0 {
				from, layer.room = 0, k.width-a.In
			}
			channels = a.In - from
		}
		data, kind, ok := k.pack(a, from, channels)
		if !ok {
			return false
		}
		layer.append(k, kind, from, channels, data)
		from += channels
	}
	return true
}

// append adds a block: to the last run, if it continues that.
func (l *depthwiseLayer) append(k *depthwiseKernel, kind depthwiseKind, from, channels int, data []byte) {
	mask := uint64(1)<<channels - 1
	if n := len(l.runs); n > 0 {
		last := &l.runs[n-1]
		if last.kind == kind && last.from+last.blocks*kind.width == from {
			last.blocks++
			last.data = append(last.data, data...)
			last.mask = mask
			return
		}
	}
	run := k.plain
	if kind.zeroed {
		run = k.zeroed
	}
	l.runs = append(l.runs, depthwiseRun{run, kind, from, 1, mask, data})
}

// pack returns the constants of the block of channels from from on: clamp range, bias, weights, their zero point,
// requantization.
func (k *depthwiseKernel) pack(a *DepthwiseArgs, from, channels int) (data []byte, kind depthwiseKind, ok bool) {
	bias, reach, fitInt8 := depthwiseBias(a, from, channels)
	for _, r := range reach {
		if !r.fits() {
			return nil, kind, false
		}
	}
	kind.width, kind.zeroed = k.width, k.taps == 4 && !fitInt8
	for range k.width {
		data = append(data, byte(a.Lo))
	}
	for range k.width {
		data = append(data, byte(a.Hi))
	}
	for j := range k.width {
		b := int32(0)
		if c := k.order(j); c < channels {
			b = bias[c]
		}
		data = binary.LittleEndian.AppendUint32(data, uint32(b))
	}
	data = k.appendWeights(data, a, from, channels, kind.zeroed)
	r := a.Requant.of(from, channels)
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
func depthwiseBias(a *DepthwiseArgs, from, channels int) (bias []int32, reach []span, fitInt8 bool) {
	bias, reach, fitInt8 = make([]int32, channels), make([]span, channels), true
	for c := range channels {
		bias[c] = a.Bias[from+c]
		for tap := range a.KernelH * a.KernelW {
			w := int32(a.Weights[tap*a.In+from+c]) - a.WeightZero
			bias[c] -= a.SrcZero * w
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
func (k *depthwiseKernel) appendWeights(data []byte, a *DepthwiseArgs, from, channels int, zeroed bool) []byte {
	parts := (a.KernelH + k.taps - 1) / k.taps
	lanes := k.width / k.vectors
	appendLanes := func(v, part int, weight func(row, c int) int32) {
		for lane := range lanes {
			c := k.order(v*lanes + lane)
			for row := part * k.taps; row < (part+1)*k.taps; row++ {
				w := int32(0)
				if row < a.KernelH && c < channels {
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
	zero := a.WeightZero
	if zeroed {
		zero = 0
	}
	for column := range a.KernelW {
		for v := range k.vectors {
			for part := range parts {
				appendLanes(v, part, func(row, c int) int32 {
					return int32(a.Weights[(row*a.KernelW+column)*a.In+from+c]) - zero
				})
			}
		}
	}
	if zeroed {
		for part := range parts {
			appendLanes(0, part, func(int, int) int32 { return a.WeightZero })
		}
	}
	return data
}

// depthwiseMACs is how much one call of a kernel computes at most, as it can't be interrupted: 25 µs at 20 GMAC/s.
const depthwiseMACs = 1 << 19

func (s *x86) runDepthwise(a *DepthwiseArgs, scratch []byte, y0, y1 int) {
	layer := &a.native.depthwise
	switch {
	case layer.runs == nil:
		genericDepthwise[uint8](a, scratch, y0, y1)
	case layer.room > 0:
		layer.narrowRows(a, scratch, y0, y1)
	default:
		for y := y0; y < y1; y++ {
			rows := layer.window(a, y)
			layer.row(a, &rows, a.Dst[y*a.OutW*a.In:])
		}
	}
}

// window returns the rows of the input, or padding, for the outputs of row y.
func (l *depthwiseLayer) window(a *DepthwiseArgs, y int) (rows [5][]byte) {
	for i := range a.KernelH {
		rows[i] = l.zero
		if row := y*a.StrideH - a.PadTop + i; row >= 0 && row < a.InH {
			rows[i] = a.Src[row*a.InW*a.In:]
		}
	}
	return rows
}

// narrowRows computes rows of less channels than a block has. A kernel then reads and writes more than a pixel. Within a
// row that is fine: it goes from left to right, and what it writes too much is overwritten by the next pixel. At a row's
// end there must be room, which copies have.
func (l *depthwiseLayer) narrowRows(a *DepthwiseArgs, scratch []byte, y0, y1 int) {
	in, out := a.InW*a.In, a.OutW*a.In
	for y := y0; y < y1; y++ {
		rows := l.window(a, y)
		rest := scratch
		for i := range a.KernelH {
			copy(rest[:in], rows[i][:in])
			rows[i], rest = rest, rest[in+l.room:]
		}
		l.row(a, &rows, rest)
		copy(a.Dst[y*out:][:out], rest)
	}
}

// row computes a row of outputs, in calls of at most depthwiseMACs.
func (l *depthwiseLayer) row(a *DepthwiseArgs, rows *[5][]byte, dst []byte) {
	for i := range l.runs {
		run := &l.runs[i]
		macs := run.kind.width * a.KernelH * a.KernelW // of an output
		outputs := min(a.OutW, depthwiseMACs/macs)
		blocks := min(run.blocks, depthwiseMACs/(macs*outputs))
		for x := 0; x < a.OutW; x += outputs {
			for b := 0; b < run.blocks; b += blocks {
				l.call(a, run, rows, dst, x, min(outputs, a.OutW-x), b, min(blocks, run.blocks-b))
			}
		}
	}
}

// call computes outputs from x on, of blocks of a run from b on.
func (l *depthwiseLayer) call(a *DepthwiseArgs, run *depthwiseRun, rows *[5][]byte, dst []byte, x, outputs, b, blocks int) {
	from, size := run.from+b*run.kind.width, len(run.data)/run.blocks
	t := depthwiseRow{
		dst: unsafe.Pointer(&dst[x*a.In+from]), outputs: outputs, step: uintptr(a.In),
		data: unsafe.Pointer(&run.data[b*size]), size: uintptr(size), blocks: blocks,
		mask: ^uint64(0), requant: run.kind.requant,
	}
	if b+blocks == run.blocks {
		t.mask = run.mask
	}
	first, columns := x*a.StrideW-a.PadLeft, (outputs-1)*a.StrideW+a.KernelW
	left := min(max(-first, 0), columns)
	middle := max(min(first+columns, a.InW)-max(first, 0), 0)
	n := 0
	for _, part := range [...]struct{ at, count int }{{-1, left}, {max(first, 0), middle}, {-1, columns - left - middle}} {
		if part.count == 0 {
			continue
		}
		s := &t.segments[n]
		n++
		s.count = part.count
		for i := range a.KernelH {
			if part.at < 0 {
				s.rows[i] = unsafe.Pointer(&l.zero[from])
			} else {
				s.rows[i] = unsafe.Pointer(&rows[i][part.at*a.In+from])
			}
		}
	}
	run.run(t)
}
