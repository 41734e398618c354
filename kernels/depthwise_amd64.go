//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// depthwiseRow is what a depthwise kernel works on: one row of outputs, for some blocks of channels.
type depthwiseRow struct {
	segments [4]depthwiseColumns
	dst      unsafe.Pointer
	outputs  int            // pixels, ≥ 1
	step     uintptr        // from pixel to pixel: channels
	data     unsafe.Pointer // the blocks' constants, one after the other
	blocks   int            // ≥ 1; counted down to 0
	mask     uint64         // of the last block's channels that exist
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
	fast    func(depthwiseRow) // weights fit int8, requantization float32
	exact   func(depthwiseRow) // weights fit int8; no output is below zero
	wide    func(depthwiseRow) // requantization fits float32; may be nil
	any     func(depthwiseRow)
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
}

// depthwiseRun are blocks next to each other that one kernel computes.
type depthwiseRun struct {
	run    func(depthwiseRow)
	kind   depthwiseKind
	width  int
	from   int // first channel
	blocks int
	mask   uint64
	data   []byte
}

type depthwiseKind int

const (
	depthwiseFast depthwiseKind = iota
	depthwiseExact
	depthwiseWide
	depthwiseAny
)

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
	zero := make([]byte, max(a.InW, a.KernelW)*a.In)
	for i := range zero {
		zero[i] = byte(a.SrcZero)
	}
	a.native.depthwise.zero = zero
}

// packDepthwise cuts the channels into blocks of the kernels' sizes, the largest first; where less remain than a block,
// it overlaps the one before. It returns false where that isn't possible.
func packDepthwise(kernels []depthwiseKernel, a *DepthwiseArgs) bool {
	layer := &a.native.depthwise
	for from := 0; from < a.In; {
		rest := a.In - from
		var k *depthwiseKernel
		for i := range kernels { // the smallest that takes all of the rest, else the largest that fits
			if fits := &kernels[i]; fits.masked || fits.width <= a.In {
				if k == nil || fits.width >= rest {
					k = fits
				}
			}
		}
		if k == nil {
			return false
		}
		channels := k.width
		if rest < k.width {
			if k.masked {
				channels = rest
			} else {
				from = a.In - k.width
			}
		}
		data, kind, ok := k.pack(a, from, channels)
		if !ok {
			return false
		}
		run := [...]func(depthwiseRow){k.fast, k.exact, k.wide, k.any}[kind]
		last := len(layer.runs) - 1
		if last >= 0 && layer.runs[last].kind == kind && layer.runs[last].width == k.width &&
			layer.runs[last].from+layer.runs[last].blocks*k.width == from {
			layer.runs[last].blocks++
			layer.runs[last].data = append(layer.runs[last].data, data...)
			layer.runs[last].mask = 1<<channels - 1
		} else {
			layer.runs = append(layer.runs, depthwiseRun{run, kind, k.width, from, 1, 1<<channels - 1, data})
		}
		from += channels
	}
	return true
}

// pack returns the constants of the block of channels from from on: clamp range, bias, requantization, weights.
//
// Weights are [halves][KernelW][vectors][parts] vectors, whose lanes hold the taps of rows part·taps… of one channel.
func (k *depthwiseKernel) pack(a *DepthwiseArgs, from, channels int) (data []byte, kind depthwiseKind, ok bool) {
	bias, reach := make([]int32, channels), make([]span, channels)
	wide := false
	for c := range channels {
		bias[c] = a.Bias[from+c]
		for tap := range a.KernelH * a.KernelW {
			w := int32(a.Weights[tap*a.In+from+c]) - a.WeightZero
			bias[c] -= a.SrcZero * w
			reach[c].add(w)
			wide = wide || k.taps == 4 && w != int32(int8(w))
			if k.taps == 4 && w > 2*127 { // not the sum of two int8: a weight of 255 with the zero point 0
				return nil, 0, false
			}
		}
		reach[c].low += int64(bias[c])
		reach[c].high += int64(bias[c])
		if !reach[c].fits() {
			return nil, 0, false
		}
	}
	r := a.Requant.of(from, channels)
	var constants []byte
	if !wide || k.wide != nil {
		constants, ok = r.fitSingles(reach, k.width, k.order)
		if wide {
			kind = depthwiseWide
		}
	}
	if !ok {
		var signed bool
		if constants, signed, ok = r.fitIntegers(reach, k.width, k.order); !ok {
			return nil, 0, false
		}
		kind = depthwiseExact
		if wide || signed {
			kind = depthwiseAny
		}
	}
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
	data = append(data, constants...)
	halves := 1
	if kind >= depthwiseWide && k.taps == 4 {
		halves = 2
	}
	parts := (a.KernelH + k.taps - 1) / k.taps
	lanes := k.width / k.vectors
	for half := range halves {
		for column := range a.KernelW {
			for v := range k.vectors {
				for part := range parts {
					for l := range lanes {
						c := k.order(v*lanes + l)
						for i := range k.taps {
							row, w := part*k.taps+i, int32(0)
							if row < a.KernelH && c < channels {
								w = int32(a.Weights[(row*a.KernelW+column)*a.In+from+c]) - a.WeightZero
							}
							if k.taps == 2 {
								data = binary.LittleEndian.AppendUint16(data, uint16(w))
								continue
							}
							first := min(max(w, -128), 127) // with the second half the weight is the sum of two
							data = append(data, [2]byte{byte(first), byte(w - first)}[half])
						}
					}
				}
			}
		}
	}
	return data, kind, true
}

// depthwiseMACs is how much one call of a kernel computes at most.
const depthwiseMACs = 1 << 20

func (s *x86) runDepthwise(a *DepthwiseArgs, scratch []byte, y0, y1 int) {
	layer := &a.native.depthwise
	if layer.runs == nil {
		genericDepthwise[uint8](a, scratch, y0, y1)
		return
	}
	columns := (a.OutW-1)*a.StrideW + a.KernelW
	left := min(a.PadLeft, columns)
	middle := min(a.InW, columns-left)
	for y := y0; y < y1; y++ {
		var rows [5][]byte
		for i := range a.KernelH {
			rows[i] = layer.zero
			if row := y*a.StrideH - a.PadTop + i; row >= 0 && row < a.InH {
				rows[i] = a.Src[row*a.InW*a.In:]
			}
		}
		for i := range layer.runs {
			run := &layer.runs[i]
			t := depthwiseRow{outputs: a.OutW, step: uintptr(a.In), mask: run.mask}
			size := len(run.data) / run.blocks
			atOnce := max(1, depthwiseMACs/(a.OutW*run.width*a.KernelH*a.KernelW))
			for b := 0; b < run.blocks; b += atOnce {
				from := run.from + b*run.width
				segments := t.segments[:0]
				zero := depthwiseColumns{}
				for i := range a.KernelH {
					zero.rows[i] = unsafe.Pointer(&layer.zero[from])
				}
				if left > 0 {
					zero.count = left
					segments = append(segments, zero)
				}
				if middle > 0 {
					inside := depthwiseColumns{count: middle}
					for i := range a.KernelH {
						inside.rows[i] = unsafe.Pointer(&rows[i][from])
					}
					segments = append(segments, inside)
				}
				zero.count = columns - left - middle
				_ = append(segments, zero)
				t.dst = unsafe.Pointer(&a.Dst[y*a.OutW*a.In+from])
				t.data = unsafe.Pointer(&run.data[b*size])
				t.blocks = min(atOnce, run.blocks-b)
				t.mask = ^uint64(0)
				if b+t.blocks == run.blocks {
					t.mask = run.mask
				}
				run.run(t)
			}
		}
	}
}
