package engine

import (
	"encoding/binary"
	"fmt"
	"strings"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// Convolutions and fully connected layers are one thing: a matrix of pixels times a matrix of weights. They differ only in
// where a pixel's inputs come from: the pixel itself (pointwise), or a window around it (the stem).

// layer is what all convolutions have in common.
type layer struct {
	inZero     int32
	weights    []int8
	weightZero int32
	bias       []int32
	requant    kernels.Requant
}

// layer reads the constants of a convolution with out channels.
func (c *compiler) layer(n *model.Node, out int, fused model.Activation) (*layer, error) {
	in, w, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	l := &layer{inZero: c.zero(in), weights: make([]int8, len(w.Data)), bias: make([]int32, out)}
	l.weightZero = w.Quant[0].ZeroPoint // of s8 weights: 0
	move := byte(0)
	if w.Type == model.Uint8 {
		l.weightZero -= 128
		move = 128
	}
	for i, b := range w.Data {
		l.weights[i] = int8(b - move)
	}
	if n.Inputs[2] >= 0 {
		b := c.tensor(n.Inputs[2])
		for i := range l.bias {
			l.bias[i] = int32(binary.LittleEndian.Uint32(b.Data[4*i:]))
		}
	}
	l.requant.Multipliers = make([]quant.Multiplier, out)
	for i := range l.requant.Multipliers {
		scale := w.Quant[i%len(w.Quant)].Scale
		m, err := model.LayerMultiplier(n.Op, in, scale, o)
		if err != nil {
			return nil, fmt.Errorf("channel %d: %w", i, err)
		}
		l.requant.Multipliers[i] = m
	}
	l.requant.Zero = c.zero(o)
	l.requant.Lo, l.requant.Hi = c.clamp(o, fused)
	_, l.requant.Once = n.Op.(model.FullyConnected)
	c.weights += len(w.Data) + 12*out
	return l, nil
}

// parameters returns how many weights and biases a layer has.
func (c *compiler) parameters(n *model.Node) int {
	count := len(c.tensor(n.Inputs[1]).Data)
	if n.Inputs[2] >= 0 {
		count += model.Elements(c.tensor(n.Inputs[2]).Shape)
	}
	return count
}

func (c *compiler) conv2D(n *model.Node, op model.Conv2D) error {
	in, weights := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1])
	w, info := c.conv(n, op)
	switch {
	case weights.Shape[3] < in.Shape[3]:
		return c.grouped(n, op, w)
	case isPointwise(&w):
		return c.pointwise(n, info, op.Activation, w.OutH*w.OutW, in.Shape[3])
	default:
		return c.gathered(n, info, op, w)
	}
}

// conv says how a convolution moves over its input, and what it costs.
func (c *compiler) conv(n *model.Node, op model.Conv2D) (kernels.Window, StepInfo) {
	in, weights, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	w := windowOf(op.Window, weights.Shape[1], weights.Shape[2], in.Shape, o.Shape)
	info := StepInfo{
		Kind: "conv", Window: w, MACs: w.OutH * w.OutW * len(weights.Data), Parameters: c.parameters(n),
	}
	if isPointwise(&w) {
		info.Kind, info.Window = "pointwise", kernels.Window{}
	}
	return w, info
}

func isPointwise(w *kernels.Window) bool {
	return w.KernelH == 1 && w.KernelW == 1 && w.StrideH == 1 && w.StrideW == 1
}

func (c *compiler) fullyConnected(n *model.Node, op model.FullyConnected) error {
	in, w := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1])
	k := w.Shape[1]
	pixels := model.Elements(in.Shape) / k
	return c.pointwise(n, StepInfo{
		Kind: "fully connected",
		MACs: pixels * len(w.Data), Parameters: c.parameters(n),
	}, op.Activation, pixels, k)
}

// pointwise adds a step that multiplies pixels × in by weights in × out.
func (c *compiler) pointwise(n *model.Node, info StepInfo, fused model.Activation, pixels, in int) error {
	packed, err := c.packPointwise(n, fused, pixels, in)
	if err != nil {
		return err
	}
	out := c.tensor(n.Inputs[1]).Shape[0]
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(packed.Scratch)
	info.Kernel = c.kernelName(packed)
	c.add(info, n, c.byTiles(pixels, in, out, packed.Rows, packed.Panel, func(worker, p0, p1, n0, n1 int) {
		packed.Run(kernels.PointwiseCall{
			Src: src, Dst: dst, Scratch: workers[worker], P0: p0, P1: p1, N0: n0, N1: n1,
		})
	}))
	return nil
}

// packPointwise packs a layer that is run for about so many pixels of in bytes at a time.
func (c *compiler) packPointwise(n *model.Node, fused model.Activation, pixels, in int) (*kernels.Pointwise, error) {
	out := c.tensor(n.Inputs[1]).Shape[0]
	made, err := c.pack(n, out, fused, pixels, func(l *layer) packed {
		return packed{pointwise: c.set.PackPointwise(kernels.PointwiseLayer{
			Pixels: pixels, In: in, Out: out, SrcStride: in, DstStride: out, SrcZero: l.inZero,
			Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
		})}
	})
	return made.pointwise, err
}

// kernelName says what runs a layer: the set, and how it multiplies.
func (c *compiler) kernelName(p *kernels.Pointwise) string {
	return strings.TrimSpace(c.set.Name + " " + p.By)
}

// gathered adds a step for any convolution but a pointwise one. For each chunk of output pixels it writes what each of
// them sees of the input, its patch, into the worker's scratch, and multiplies that:
//
//	scratch: patch 0: │row 0 of the window│row 1│row 2│  each KernelW × depth bytes, the input's zero point outside
//	         patch 1: │…
//	         then what the layer itself needs
func (c *compiler) gathered(n *model.Node, info StepInfo, op model.Conv2D, w kernels.Window) error {
	out := c.tensor(n.Inputs[1]).Shape[0]
	k := w.KernelH * w.KernelW * c.tensor(n.Inputs[0]).Shape[3]
	pixels := w.OutH * w.OutW
	most := max(maxPatches/k, 1)
	chunks := min(max(c.chunks(pixels*k*out), c.shared((pixels+most-1)/most)), pixels)
	p, err := c.packPatches(n, op, w, (pixels+chunks-1)/chunks)
	if err != nil {
		return err
	}
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(p.scratch())
	info.Kernel = c.kernelName(p.packed)
	c.add(info, n, step{chunks: chunks, units: pixels, run: func(worker, chunk int) {
		from, to := part(chunk, chunks, pixels)
		p.run(workers[worker], src, dst[from*out:], from, to)
	}})
	return nil
}

// patches is a convolution of patches.
type patches struct {
	kernels.Window
	packed         *kernels.Pointwise
	depth, k, size int // input channels; bytes of a patch, of all patches of a call
	out            int
	zero           byte
}

// packPatches packs a convolution that is run for up to pixels of the output at a time.
func (c *compiler) packPatches(n *model.Node, op model.Conv2D, w kernels.Window, pixels int) (*patches, error) {
	in := c.tensor(n.Inputs[0])
	depth := in.Shape[3]
	k := w.KernelH * w.KernelW * depth
	packed, err := c.packPointwise(n, op.Activation, pixels, k)
	if err != nil {
		return nil, err
	}
	return &patches{
		w, packed, depth, k, (pixels*k + alignment - 1) / alignment * alignment, c.tensor(n.Inputs[1]).Shape[0], byte(c.zero(in)),
	}, nil
}

func (p *patches) scratch() int { return p.size + p.packed.Scratch }

// run computes the output pixels [from, to), the first of which lies at dst.
func (p *patches) run(scratch, src, dst []byte, from, to int) {
	gathered := scratch[:(to-from)*p.k]
	p.Gather(gathered, src, p.depth, p.zero, from)
	p.packed.Run(kernels.PointwiseCall{
		Src: gathered, Dst: dst, Scratch: scratch[p.size:], P1: to - from, N1: p.out,
	})
}

// grouped adds a step for a convolution in groups, each of in of the depth input channels and some of the out output
// channels. Each group is computed like any other convolution; groups of one channel make it a depthwise one.
func (c *compiler) grouped(n *model.Node, op model.Conv2D, w kernels.Window) error {
	shape := c.tensor(n.Inputs[1]).Shape
	depth, in, out := c.tensor(n.Inputs[0]).Shape[3], shape[3], shape[0]
	l, err := c.layer(n, out, op.Activation)
	if err != nil {
		return err
	}
	taps, groups := w.KernelH*w.KernelW, depth/in
	info := StepInfo{
		Kind: fmt.Sprintf("conv in %d groups", groups), Window: w,
		MACs: w.OutH * w.OutW * len(l.weights), Parameters: c.parameters(n),
	}
	if in == 1 {
		weights := make([]int8, len(l.weights)) // from [out][taps] to [taps][out]
		for i, v := range l.weights {
			weights[i%taps*out+i/taps] = v
		}
		l.weights = weights
		c.rowStep(n, c.byChannel(info, c.packDepthwise(l, w, depth, out/depth), w, depth, out/depth))
		return nil
	}
	k, each := taps*in, out/groups
	pixels := w.OutH * w.OutW
	most := max(maxPatches/k, 1)
	chunks := min(max(c.chunks(info.MACs), c.shared((pixels+most-1)/most)), pixels)
	rows := (pixels + chunks - 1) / chunks
	packed, scratchSize := make([]*kernels.Pointwise, groups), 0
	for g := range packed {
		packed[g] = c.set.PackPointwise(kernels.PointwiseLayer{
			Pixels: rows, In: k, Out: each, SrcStride: k, DstStride: out, SrcZero: l.inZero,
			Weights: l.weights[g*each*k : (g+1)*each*k], WeightZero: l.weightZero, Bias: l.bias[g*each : (g+1)*each],
			Requant: kernels.Requant{
				Multipliers: l.requant.Multipliers[g*each : (g+1)*each],
				Zero:        l.requant.Zero, Lo: l.requant.Lo, Hi: l.requant.Hi,
			},
		})
		scratchSize = max(scratchSize, packed[g].Scratch)
	}
	patches := (rows*k + alignment - 1) / alignment * alignment
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(patches+scratchSize)
	zero := byte(l.inZero)
	info.Kernel = c.kernelName(packed[0])
	c.add(info, n, step{chunks: chunks, units: pixels, run: func(worker, chunk int) {
		p, end := part(chunk, chunks, pixels)
		count, scratch := end-p, workers[worker]
		for g, layer := range packed {
			gatherChannels(scratch[:count*k], src, &w, depth, g*in, in, zero, p)
			layer.Run(kernels.PointwiseCall{
				Src: scratch[:count*k], Dst: dst[p*out+g*each:], Scratch: scratch[patches:], P1: count, N1: each,
			})
		}
	}})
	return nil
}

// gatherChannels writes what the output pixels from p on, as many as fit patches, see of some of src's channels.
func gatherChannels(patches, src []byte, w *kernels.Window, depth, first, channels int, zero byte, p int) {
	for ; len(patches) > 0; p++ {
		top, left := p/w.OutW*w.StrideH-w.PadTop, p%w.OutW*w.StrideW-w.PadLeft
		for y := top; y < top+w.KernelH; y++ {
			for x := left; x < left+w.KernelW; x++ {
				if y >= 0 && y < w.InH && x >= 0 && x < w.InW {
					copy(patches[:channels], src[(y*w.InW+x)*depth+first:])
				} else {
					fill(patches[:channels], zero)
				}
				patches = patches[channels:]
			}
		}
	}
}

// maxPatches is how many bytes of patches are gathered at a time: they should stay in the first-level cache.
const maxPatches = 16 << 10
