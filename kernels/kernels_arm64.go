//go:build !purego

package kernels

import (
	"unsafe"

	"edge/quant"

	"golang.org/x/sys/cpu"
)

// Two sets for 64-bit Arm, written in assembly (the *_arm64.s files), both with int8 activations:
//
//	neon      any: SMULL and SMLAL, whose products are summed in 16 bits as long as they can't overflow, then in 32
//	neon-dot  ARMv8.2 with dot products: SDOT
//
// What they share: a layer's output channels are packed in panels. A panel is a header with its channels' constants,
// and then its weights in the order in which the kernel reads them.
func native() []*Set {
	neon := generic[int8]("neon", true)
	neon.PreparePointwise, neon.Pointwise = prepareNeonPointwise, neonPointwise
	neon.PrepareDepthwise, neon.Depthwise = prepareNeonDepthwise, depthwise
	neon.Add, neon.AveragePool = add, averagePool
	if !cpu.ARM64.HasASIMDDP {
		return []*Set{neon}
	}
	dot := *neon
	dot.Name = "neon-dot"
	dot.PreparePointwise, dot.Pointwise = prepareDotPointwise, dotPointwise
	dot.PrepareDepthwise = prepareDotDepthwise
	return []*Set{neon, &dot}
}

// nativePacked is what there is beside the panels, which are in weights.
type nativePacked struct {
	generic bool // no panels: the generic code computes the layer
}

// How a panel's accumulators become activations: with the least work that is exact for its multipliers and clamp range.
const (
	// requantFast: all multipliers shift right, and the clamp range starts at or above the zero point. What the
	// rounding shift does to negative values then doesn't matter.
	requantFast = iota
	// requantSigned: all multipliers shift right.
	requantSigned
	// requantAny is for the rest. It is rarely needed, and slower.
	requantAny
)

// header is how every panel begins: what its channels have in common, the values in all lanes of a vector.
type header struct {
	kind     int64 // requantFast, …
	corrects int64 // whether a channel's correction isn't 0
	weights  int64 // pointwise: where the weights begin, in bytes from here
	channel  int64 // depthwise: the first channel
	mode     int64 // depthwise: which kernel computes the panel
	_        int64
	zero32   [4]int32 // the zero point for requantAny, else 0
	zero16   [8]int16 // the zero point for the others, else 0
	lo, hi   [16]int8
}

// channels8 is the beginning of a panel of eight channels. Constants of channels beyond the last one are zeros.
type channels8 struct {
	header
	bias       [8]int32
	correction [8]int32 // what the sum of a pixel's activations is multiplied by
	multiplier [8]int32
	right      [8]int32 // the shift, negative, as SRSHL wants it
	left       [8]int32 // the shift
}

// channels4 is that of a panel of four.
type channels4 struct {
	header
	bias, correction, multiplier, right, left [4]int32
}

// header returns the header of a panel with the channels [n0, n1).
func (r *Requant) header(n0, n1 int) header {
	h := header{kind: requantFast}
	if r.Lo < r.Zero {
		h.kind = requantSigned
	}
	for _, m := range r.Multipliers[n0:n1] {
		if m.Shift >= 0 && m.Mantissa != 0 {
			h.kind = requantAny
		}
	}
	for i := range h.zero32 {
		if h.kind == requantAny {
			h.zero32[i] = r.Zero
		}
	}
	for i := range h.zero16 {
		if h.kind != requantAny {
			h.zero16[i] = int16(r.Zero)
		}
	}
	for i := range h.lo {
		h.lo[i], h.hi[i] = int8(r.Lo), int8(r.Hi)
	}
	return h
}

// split returns a multiplier as the kernels want it.
func split(m quant.Multiplier) (multiplier, right, left int32) {
	return m.Mantissa, min(m.Shift, 0), max(m.Shift, 0)
}

// recentre returns the value to subtract from a channel's weights, such that they stay int8, and above −128 where that
// is possible: the one nearest to their zero point.
func recentre(weights []int8, stride int, zero int32) int32 {
	lo, hi := int32(127), int32(-128)
	for i := 0; i < len(weights); i += stride {
		lo, hi = min(lo, int32(weights[i])), max(hi, int32(weights[i]))
	}
	if from, to := hi-127, lo+127; from <= to {
		return min(max(zero, from), to)
	}
	return min(max(zero, hi-127), lo+128)
}

// at returns what lies at an offset into a packed layer.
func at[T any](packed []byte, offset int) *T {
	_ = packed[offset+int(unsafe.Sizeof(*new(T)))-1]
	return (*T)(unsafe.Pointer(&packed[offset]))
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
