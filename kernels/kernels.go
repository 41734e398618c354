// Package kernels computes the layers of a quantized MobileNet: pointwise and depthwise convolution, and the few
// others. It knows nothing of models: it is given slices, sizes and constants.
//
// # Sets
//
// There is one Set for each instruction set. All sets give the same bytes: those of TensorFlow Lite's reference
// kernels. The generic set, written in Go, is always there and says what the others must do. Available lists those that
// the machine at hand can run, Names all that are known on its architecture.
//
// # Packing and running
//
// A layer is packed once, when a network is loaded: its weights are put in the order in which the set's inner loop reads
// them, and the constants of requantization are chosen. The result never changes, so that threads share it. It is run
// by a call, which says where the activations lie and which part of the output to compute:
//
//	layer := set.PackPointwise(kernels.PointwiseLayer{Pixels: 49, In: 160, Out: 960, …})
//	scratch := make([]byte, layer.Scratch) // each thread needs its own
//	layer.Run(kernels.PointwiseCall{Src: src, Dst: dst, Scratch: scratch, P0: 0, P1: 49, N0: 0, N1: 960})
//
// Several calls for different parts of one layer may run at the same time. Run can't fail, and allocates nothing. It
// trusts its caller: slices that are shorter than a layer's sizes ask for make it panic or, in assembly, read what isn't
// theirs.
//
// # Activations
//
// Tensors are in NHWC order, one image at a time: the channels of a pixel lie next to each other. An activation is one
// byte. What it stands for is the set's choice, by Set.Signed: int8, as Arm's SDOT and SMULL want it, or uint8, as x86's
// VPDPBUSD wants it. The two differ by the top bit, and so a zero point by 128: a uint8 network on a signed set is the
// same network with every activation and zero point moved down by 128. Zero points and clamp ranges in the layers below
// are those of the set's own kind.
//
// # Weights
//
// Weights are int8 with one zero point for the layer (0 for the usual symmetric ones): a uint8 weight w with the zero
// point z is given as w − 128 and z − 128.
//
// # Further reading
//
// NAMES.md is the grammar of the kernels' names. generic.go says what each layer computes, in a page of Go.
// pointwise_amd64.go and pointwise_arm64.go cut a layer into tiles; requant_amd64.go tells how requantization in floating
// point can be exact.
package kernels

import "edge/quant"

// Set holds the kernels for one instruction set. Its functions pack layers; they may keep a layer's Bias and Multipliers,
// which mustn't change any more, but not its Weights.
type Set struct {
	Name   string
	Signed bool // activations are int8, else uint8

	// FuseFrom is how many bytes of a tensor make it worthwhile to compute its rows only when the next layers need them, so
	// that it doesn't leave the second-level cache: 0 for never.
	FuseFrom int

	PackPointwise   func(PointwiseLayer) *Pointwise
	PackDepthwise   func(DepthwiseLayer) *Depthwise
	PackAdd         func(AddLayer) *Add
	PackAveragePool func(PoolLayer) *Pool
	PackMaxPool     func(PoolLayer) *Pool
	PackTable       func(*[256]byte) *Table
	PackMultiply    func(MultiplyLayer) *Multiply
}

// Requant says how an accumulator becomes an output activation:
//
//	out = clamp(Zero + Multipliers[n].Apply(acc), Lo, Hi)
//
// or, with Once, ApplyOnce, as in fully connected layers (then no Shift is above 30).
type Requant struct {
	Multipliers  []quant.Multiplier // one for each output channel
	Zero, Lo, Hi int32
	Once         bool
}

// PointwiseLayer is a pointwise (1×1) convolution, which is the product of the matrix of pixels and that of weights:
//
//	Dst[p][n] = requant(n, Bias[n] + Σ_k (Src[p][k] − SrcZero) · (Weights[n][k] − WeightZero))
//
// A fully connected layer is one with a single pixel; any other convolution is one on gathered patches.
type PointwiseLayer struct {
	Pixels, In, Out      int // Pixels: about how many there are, to choose a kernel by
	SrcStride, DstStride int // bytes from pixel to pixel, ≥ In and ≥ Out
	SrcZero              int32
	Weights              []int8 // [Out][In]
	WeightZero           int32
	Bias                 []int32 // [Out]
	Requant
}

// Pointwise is a PointwiseLayer, packed.
type Pointwise struct {
	Panel   int    // the set computes output channels in panels of this many
	Rows    int    // and pixels in tiles of this many, or 0: any number is as good
	Scratch int    // bytes that a call needs
	By      string // the instruction that multiplies, if the set has several; or empty

	run func(PointwiseCall)
}

// PointwiseCall is a part of a layer: the pixels [P0, P1) for the output channels [N0, N1).
type PointwiseCall struct {
	Src, Dst []byte // all pixels; the last may be followed by less than a stride; Dst doesn't overlap Src
	Scratch  []byte // nobody else's, of at least the layer's Scratch bytes
	P0, P1   int
	N0, N1   int // N0 is a multiple of the layer's Panel, and N1 too or Out
}

// Run computes a part of the layer.
func (p *Pointwise) Run(c PointwiseCall) { p.run(c) }

// Window is how the kernel of a convolution or a pooling moves over its input. Sizes are in pixels.
type Window struct {
	InH, InW         int
	OutH, OutW       int
	KernelH, KernelW int
	StrideH, StrideW int
	PadTop, PadLeft  int
}

// DepthwiseLayer is a depthwise convolution: each channel by itself.
//
//	Dst[y][x][c·M+m] = requant(c·M+m, Bias[c·M+m] + Σ_i,j (Src[y·S+i−PadTop][x·S+j−PadLeft][c] − SrcZero) ·
//	                                                      (Weights[i][j][c·M+m] − WeightZero))
//
// Pixels outside of Src count as SrcZero.
type DepthwiseLayer struct {
	Window
	In         int // channels
	Multiplier int // M: output channels for each input channel
	SrcZero    int32
	Weights    []int8 // [KernelH][KernelW][In·M]
	WeightZero int32
	Bias       []int32 // [In·M]
	Requant            // for In·M channels
}

// Depthwise is a DepthwiseLayer, packed.
type Depthwise struct {
	Scratch int // bytes that a call needs

	run func(DepthwiseCall)
}

// DepthwiseCall is a part of a layer: the output rows [Y0, Y1).
type DepthwiseCall struct {
	Src, Dst   []byte // rows, without gaps: all, or at least those that are read and written; Dst doesn't overlap Src
	Scratch    []byte // nobody else's, of at least the layer's Scratch bytes
	Y0, Y1     int
	SrcY, DstY int // the rows that Src and Dst begin with
}

// Run computes a part of the layer.
func (d *Depthwise) Run(c DepthwiseCall) { d.run(c) }

// AddLayer is an elementwise addition of two quantized tensors:
//
//	a' = AMul((A[i] − AZero) · 2^20), b' likewise; Dst[i] = clamp(Zero + Mul(a' + b'), Lo, Hi)
type AddLayer struct {
	AZero, BZero    int32
	AMul, BMul, Mul quant.Multiplier
	Zero, Lo, Hi    int32
}

// AddShift is the precision, in bits, that an addition's inputs are scaled to before they are summed.
const AddShift = 20

// Add is an AddLayer, packed.
type Add struct{ run func(AddCall) }

// AddCall is a part of an addition.
type AddCall struct {
	A, B, Dst []byte // of one length; Dst overlaps neither A nor B
}

// Run computes a part of the layer.
func (a *Add) Run(c AddCall) { a.run(c) }

// PoolLayer is a pooling over a window; pixels outside of Src don't count. Zero points and scales of Src and Dst are the
// same. An average is rounded to nearest, halves away from zero in the network's own representation: away from
// Origin, which is 0 there.
type PoolLayer struct {
	Window
	Depth  int // channels
	Lo, Hi int32
	Origin int32 // the value here that is 0 in the network's own type: 0, 128 or −128
}

// Pool is a PoolLayer, ready to run.
type Pool struct{ run func(PoolCall) }

// PoolCall is a part of a pooling: the output rows [Y0, Y1).
type PoolCall struct {
	Src, Dst []byte // all rows, without gaps
	Y0, Y1   int
}

// Run computes a part of the layer.
func (p *Pool) Run(c PoolCall) { p.run(c) }

// Table is a function of one activation, packed from its 256 values: Dst[i] = table[Src[i]].
type Table struct{ run func(TableCall) }

// TableCall is a part of a tensor that a table is applied to.
type TableCall struct {
	Src, Dst []byte // of one length; the same, or apart
}

// Run applies the table.
func (t *Table) Run(c TableCall) { t.run(c) }

// MultiplyLayer is an elementwise product of two quantized tensors:
//
//	Dst[i] = clamp(Zero + Mul((A[i] − AZero) · (B[i mod len(B)] − BZero)), Lo, Hi)
type MultiplyLayer struct {
	AZero, BZero int32
	Mul          quant.Multiplier
	Zero, Lo, Hi int32
}

// Multiply is a MultiplyLayer, packed.
type Multiply struct{ run func(MultiplyCall) }

// MultiplyCall is a part of a product. B may be shorter than A: the factors of a pixel's channels, which are the same for
// all pixels (squeeze-and-excite), or a single one.
type MultiplyCall struct {
	A, B, Dst []byte // Dst is as long as A, which is a multiple of B's length; Dst doesn't overlap B, and is A or apart
}

// Run computes a part of the layer.
func (m *Multiply) Run(c MultiplyCall) { m.run(c) }
