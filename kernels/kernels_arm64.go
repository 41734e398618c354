//go:build !purego

package kernels

import (
	"math"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// Three sets for 64-bit Arm, written in assembly (the *_arm64.s files), all with int8 activations:
//
//	neon      any: SMULL and SMLAL, whose products are summed in 16 bits as long as they can't overflow, then in 32
//	neon-dot  ARMv8.2 with dot products: SDOT
//	neon-i8mm ARMv8.6, or 8.2 with products of matrices: SMMLA; all but pointwise as in neon-dot
//
// What they share: a layer's output channels are packed in panels. A panel is a header with its channels' constants,
// and then its weights in the order in which the kernel reads them.
func native() []candidate {
	neon := generic[int8]("neon", true)
	neon.FuseFrom = ArmFuseFrom
	neon.PackPointwise, neon.PackDepthwise = packPointwiseNeon, packDepthwiseNeon
	neon.PackAdd, neon.PackAveragePool = packAddNeon, packAveragePoolNeon
	neon.PackTable, neon.PackMultiply = packTableNeon, packMultiplyNeon
	dot := *neon
	dot.Name = "neon-dot"
	dot.PackPointwise, dot.PackDepthwise = packPointwiseNeonDot, packDepthwiseNeonDot
	i8mm := dot
	i8mm.Name = "neon-i8mm"
	i8mm.PackPointwise = packPointwiseNeonI8MM
	return []candidate{
		{neon, true}, {&dot, cpu.ARM64.HasASIMDDP}, {&i8mm, cpu.ARM64.HasASIMDDP && cpu.ARM64.HasI8MM},
	}
}

// How a panel's accumulators become activations: with the least work that is exact for its weights, its multipliers
// and the clamp range.
const (
	// requantRelu: all multipliers shift right, the clamp range is all of int8 and starts at the zero point, and
	// nothing is beyond 16 bits. Then it doesn't matter how negative halves are rounded, and a narrowing that saturates
	// to uint8 does the clamping.
	requantRelu = iota
	// requantSigned: all multipliers shift right.
	requantSigned
	// requantAny is for the rest. It is rarely needed, and slower.
	requantAny
	// requantOnce rounds once (Requant.Once).
	requantOnce
)

// header is how every panel begins: what its channels have in common, the values in all lanes of a vector.
type header struct {
	kind     int64 // requantRelu, …
	corrects int64 // whether a channel's correction isn't 0
	weights  int64 // pointwise: where the weights begin, in bytes from here
	channel  int64 // depthwise: the first channel
	mode     int64 // which kernel computes the panel
	_        int64
	zero32   [4]int32 // the zero point for requantAny and requantOnce, else 0
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

// header returns the header of a panel with the channels [n0, n1), whose accumulators' magnitudes are at most reach(n).
func (r *Requant) header(n0, n1 int, reach func(n int) int64) header {
	h := header{kind: requantRelu}
	if r.Zero != -128 || r.Lo != -128 || r.Hi != 127 {
		h.kind = requantSigned
	}
	for n := n0; n < n1; n++ {
		m := r.Multipliers[n]
		if math.Ldexp(float64(reach(n))*float64(m.Mantissa), int(m.Shift)-31) > math.MaxInt16-1 {
			h.kind = max(h.kind, requantSigned)
		}
		if m.Shift >= 0 && m.Mantissa != 0 {
			h.kind = requantAny
		}
	}
	if r.Once {
		h.kind = requantOnce
	}
	for i := range h.zero32 {
		if h.kind >= requantAny {
			h.zero32[i] = r.Zero
		}
	}
	for i := range h.zero16 {
		if h.kind < requantAny {
			h.zero16[i] = int16(r.Zero)
		}
	}
	for i := range h.lo {
		h.lo[i], h.hi[i] = int8(r.Lo), int8(r.Hi)
	}
	return h
}

// split returns channel n's multiplier as the kernels want it.
func (r *Requant) split(n int) (multiplier, right, left int32) {
	m := r.Multipliers[n]
	if r.Once {
		return m.Mantissa, m.Shift - 31, 0
	}
	return m.Mantissa, min(m.Shift, 0), max(m.Shift, 0)
}

// recentre returns the value to subtract from a channel's weights so that they stay int8, and above −128 if possible: the
// one nearest to their zero point.
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

// reach returns the largest magnitude of bias + Σ (s − zs)·(w − zw).
func reach(bias int32, weights []int8, stride int, zero int32) int64 {
	sum := max(int64(bias), -int64(bias))
	for i := 0; i < len(weights); i += stride {
		w := int64(weights[i]) - int64(zero)
		sum += 255 * max(w, -w)
	}
	return sum
}
