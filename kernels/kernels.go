// Package kernels computes the layers of a quantized MobileNet: pointwise and depthwise convolution, and the few
// others. It knows nothing of models: what it is given are slices, sizes and constants.
//
// There is one Set for each instruction set. All sets give the same bytes: those of TensorFlow Lite's reference
// kernels. The generic set, written in Go, is always there and says what the others must do.
//
// # Activations
//
// An activation is one byte. What it stands for is the set's choice, by Set.Signed: int8, as Arm's SDOT and SMULL want
// it, or uint8, as x86's VPDPBUSD wants it. The two differ by the top bit, and so a zero point by 128: a uint8 network
// on a signed set is the same network with every activation and zero point moved down by 128. Zero points and clamp
// ranges in the arguments below are those of the set's own kind.
//
// # Weights
//
// Weights are int8 with one zero point for the layer (0 for the usual symmetric ones): a uint8 weight w with the zero
// point z is given as w − 128 and z − 128.
package kernels

import "edge/quant"

// Set is the kernels for one instruction set. Prepare… is called once for a layer, at load; it packs the weights as the
// set wants them, after which Weights isn't used any more. The others run it, and may be called for several parts of one
// layer at the same time; scratch is the caller's own, of at least the layer's Scratch bytes.
type Set struct {
	Name   string
	Signed bool // activations are int8, else uint8

	PreparePointwise func(*PointwiseArgs)
	// Pointwise computes the pixels [p0, p1), for the output channels [n0, n1). n0 is a multiple of the layer's
	// Panel, and n1 too or Out.
	Pointwise func(a *PointwiseArgs, scratch []byte, p0, p1, n0, n1 int)

	PrepareDepthwise func(*DepthwiseArgs)
	// Depthwise computes the output rows [y0, y1).
	Depthwise func(a *DepthwiseArgs, scratch []byte, y0, y1 int)

	PrepareAdd func(*AddArgs)
	// Add computes the elements [i0, i1).
	Add func(a *AddArgs, i0, i1 int)

	// AveragePool computes the output rows [y0, y1).
	AveragePool func(a *PoolArgs, y0, y1 int)
	MaxPool     func(a *PoolArgs, y0, y1 int)
}

// Requant is how an accumulator becomes an output activation:
//
//	out = clamp(Zero + Multipliers[n].Apply(acc), Lo, Hi)
//
// or, with Once, ApplyOnce, as in fully connected layers (then no Shift is above 30).
type Requant struct {
	Multipliers  []quant.Multiplier // one for each output channel
	Zero, Lo, Hi int32
	Once         bool
}

// PointwiseArgs is a pointwise (1×1) convolution, which is the product of the matrix of pixels and that of weights:
//
//	Dst[p][n] = requant(n, Bias[n] + Σ_k (Src[p][k] − SrcZero) · (Weights[n][k] − WeightZero))
//
// A fully connected layer is one with a single pixel; any other convolution is one on gathered patches.
type PointwiseArgs struct {
	Src, Dst             []byte // pixels; the last may be followed by less than a stride
	SrcStride, DstStride int    // bytes from pixel to pixel, ≥ In and ≥ Out
	Pixels, In, Out      int
	SrcZero              int32
	Weights              []int8 // [Out][In]
	WeightZero           int32
	Bias                 []int32 // [Out]
	Requant

	// Set by PreparePointwise:
	Panel   int    // the set computes output channels in panels of this many
	Rows    int    // and pixels in tiles of this many, or 0: any number is as good
	Scratch int    // bytes
	By      string // the instruction that multiplies, where the set has several; or empty
	packed
}

// DepthwiseArgs is a depthwise convolution: each channel by itself.
//
//	Dst[y][x][c·M+m] = requant(c·M+m, Bias[c·M+m] + Σ_i,j (Src[y·S+i−PadTop][x·S+j−PadLeft][c] − SrcZero) ·
//	                                                      (Weights[i][j][c·M+m] − WeightZero))
//
// where pixels outside of Src count as SrcZero.
type DepthwiseArgs struct {
	Src, Dst         []byte // rows of pixels without gaps
	InH, InW, In     int    // In: channels
	OutH, OutW       int
	Multiplier       int // M: output channels for each input channel
	KernelH, KernelW int
	StrideH, StrideW int
	PadTop, PadLeft  int
	SrcZero          int32
	Weights          []int8 // [KernelH][KernelW][In·M]
	WeightZero       int32
	Bias             []int32 // [In·M]
	Requant                  // for In·M channels

	// Set by PrepareDepthwise:
	Scratch int // bytes
	packed
}

// packed is a layer as a set's own kernels read it.
type packed struct {
	weights []byte
	bias    []int32
	native  nativePacked // what the sets of this architecture need
}

// AddArgs is an elementwise addition of two quantized tensors:
//
//	a' = AMul((A[i] − AZero) · 2^20), b' likewise; Dst[i] = clamp(Zero + Mul(a' + b'), Lo, Hi)
type AddArgs struct {
	A, B, Dst       []byte // of one length; Dst overlaps neither A nor B
	AZero, BZero    int32
	AMul, BMul, Mul quant.Multiplier
	Zero, Lo, Hi    int32

	nativeSum // set by PrepareAdd, which doesn't look at A, B and Dst
}

// PoolArgs is a pooling over a window; pixels outside of Src don't count. Zero points and scales of Src and Dst are the
// same. An average is rounded to nearest, halves away from zero in the network's own representation: away from
// Origin, which is 0 there.
type PoolArgs struct {
	Src, Dst                    []byte
	InH, InW, OutH, OutW, Depth int
	KernelH, KernelW            int
	StrideH, StrideW            int
	PadTop, PadLeft             int
	Lo, Hi                      int32
	Origin                      int32 // the value here that is 0 in the network's own type: 0, 128 or −128
}
