package engine

import (
	"encoding/binary"
	"fmt"
	"strings"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// Convolutions and fully connected layers are one thing: a matrix of pixels times a matrix of weights. Only where a
// pixel's inputs come from differs: from the pixel itself (pointwise), or gathered from a window around it (the stem).

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
	if w.Data == nil {
		return nil, fmt.Errorf("weights %q aren't constant", w.Name)
	}
	l := &layer{inZero: c.zero(in), weights: make([]int8, len(w.Data)), bias: make([]int32, out)}
	move := byte(0)
	switch {
	case w.Type == model.Uint8 && in.Type == model.Uint8 && len(w.Quant) == 1:
		l.weightZero = w.Quant[0].ZeroPoint - 128
		move = 128
	case w.Type == model.Int8 && in.Type == model.Int8 && (len(w.Quant) == 1 || len(w.Quant) == out):
		l.weightZero = w.Quant[0].ZeroPoint
		for _, q := range w.Quant {
			if q.ZeroPoint != l.weightZero {
				return nil, fmt.Errorf("weights %q have several zero points", w.Name)
			}
		}
	default:
		return nil, fmt.Errorf("%s activations with %s weights and %d scales aren't supported: both u8 with one scale, "+
			"or both s8 with one scale or one for each of %d channels", in.Type, w.Type, len(w.Quant), out)
	}
	for i, b := range w.Data {
		l.weights[i] = int8(b - move)
	}
	if len(n.Inputs) > 2 && n.Inputs[2] >= 0 {
		b := c.tensor(n.Inputs[2])
		if b.Type != model.Int32 || len(b.Data) != 4*out {
			return nil, fmt.Errorf("bias %q is %s × %d, needs a constant i32 × %d", b.Name, b.Type, len(b.Data)/4, out)
		}
		for i := range l.bias {
			l.bias[i] = int32(binary.LittleEndian.Uint32(b.Data[4*i:]))
		}
	}
	l.requant.Multipliers = make([]quant.Multiplier, out)
	for i := range l.requant.Multipliers {
		scale := w.Quant[i%len(w.Quant)].Scale
		m, err := quant.MultiplierOf(product(n.Op, in, scale) / float64(o.Quant[0].Scale))
		if err != nil {
			return nil, fmt.Errorf("channel %d: %w", i, err)
		}
		l.requant.Multipliers[i] = m
	}
	l.requant.Zero = c.zero(o)
	l.requant.Lo, l.requant.Hi = c.clamp(o, fused)
	c.weights += len(w.Data) + 12*out
	return l, nil
}

// product is the scale of a layer's accumulators. The reference rounds it to float32 for u8 convolutions, but not
// for s8 ones, nor where the layer is fully connected; one step in some thousand outputs hangs on that.
func product(op model.Op, in *model.Tensor, weights float32) float64 {
	if _, connected := op.(model.FullyConnected); in.Type == model.Uint8 && !connected {
		return float64(in.Quant[0].Scale * weights)
	}
	return float64(in.Quant[0].Scale) * float64(weights)
}

// parameters is how many weights a layer has, and biases, if it has some.
func (c *compiler) parameters(n *model.Node) int {
	count := len(c.tensor(n.Inputs[1]).Data)
	if len(n.Inputs) > 2 && n.Inputs[2] >= 0 {
		count += model.Elements(c.tensor(n.Inputs[2]).Shape)
	}
	return count
}

func (c *compiler) conv2D(n *model.Node, op model.Conv2D) error {
	in, weights, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	depth := weights.Shape[0]
	l, err := c.layer(n, depth, op.Activation)
	if err != nil {
		return err
	}
	w := windowOf(op.Window, weights.Shape[1], weights.Shape[2], in.Shape, o.Shape)
	info := StepInfo{
		Kind: "conv " + sizes(w),
		MACs: w.OutH * w.OutW * len(weights.Data), Parameters: c.parameters(n),
	}
	if w.KernelH == 1 && w.KernelW == 1 && w.StrideH == 1 && w.StrideW == 1 {
		info.Kind = "pointwise"
		c.pointwise(n, info, l, w.OutH*w.OutW, in.Shape[3], depth)
		return nil
	}
	c.gathered(n, info, l, w, in.Shape[3], depth)
	return nil
}

func (c *compiler) fullyConnected(n *model.Node, op model.FullyConnected) error {
	in, w := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1])
	depth, k := w.Shape[0], w.Shape[1]
	l, err := c.layer(n, depth, op.Activation)
	if err != nil {
		return err
	}
	l.requant.Once = true
	for i, m := range l.requant.Multipliers {
		if m.Shift > 30 {
			return fmt.Errorf("channel %d: the scales of %q and %q are too far apart", i, in.Name, w.Name)
		}
	}
	pixels := model.Elements(in.Shape) / k
	c.pointwise(n, StepInfo{
		Kind: "fully connected",
		MACs: pixels * len(w.Data), Parameters: c.parameters(n),
	}, l, pixels, k, depth)
	return nil
}

// pointwise adds a step that multiplies pixels × in by weights in × out.
func (c *compiler) pointwise(n *model.Node, info StepInfo, l *layer, pixels, in, out int) {
	packed := c.packPointwise(l, pixels, in, out)
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(packed.Scratch)
	info.Kernel = c.kernelName(packed)
	c.add(info, n, c.byTiles(pixels, in, out, packed.Rows, packed.Panel, func(worker, p0, p1, n0, n1 int) {
		packed.Run(kernels.PointwiseCall{
			Src: src, Dst: dst, Scratch: workers[worker], P0: p0, P1: p1, N0: n0, N1: n1,
		})
	}))
}

func (c *compiler) packPointwise(l *layer, pixels, in, out int) *kernels.Pointwise {
	return c.set.PackPointwise(kernels.PointwiseLayer{
		Pixels: pixels, In: in, Out: out, SrcStride: in, DstStride: out, SrcZero: l.inZero,
		Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
	})
}

// kernelName is what runs a layer: the set, and how it multiplies.
func (c *compiler) kernelName(p *kernels.Pointwise) string {
	return strings.TrimSpace(c.set.Name + " " + p.By)
}

// gathered adds a step for any convolution but a pointwise one. For each chunk of output pixels it writes what each of
// them sees of the input, its patch, into the worker's scratch, and multiplies that:
//
//	scratch: patch 0: │row 0 of the window│row 1│row 2│  each KernelW × depth bytes, the input's zero point outside
//	         patch 1: │…
//	         then what the layer itself needs
func (c *compiler) gathered(n *model.Node, info StepInfo, l *layer, w kernels.Window, depth, out int) {
	k := w.KernelH * w.KernelW * depth
	pixels := w.OutH * w.OutW
	most := max(maxPatches/k, 1)
	chunks := min(max(c.chunks(pixels*k*out), c.shared((pixels+most-1)/most)), pixels)
	rows := (pixels + chunks - 1) / chunks
	packed := c.packPointwise(l, rows, k, out)
	patches := (rows*k + alignment - 1) / alignment * alignment
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(patches+packed.Scratch)
	zero := byte(l.inZero)
	info.Kernel = c.kernelName(packed)
	c.add(info, n, step{chunks, func(worker, chunk int) {
		p, end := part(chunk, chunks, pixels)
		count, scratch := end-p, workers[worker]
		w.Gather(scratch[:count*k], src, depth, zero, p)
		packed.Run(kernels.PointwiseCall{
			Src: scratch[:count*k], Dst: dst[p*out:], Scratch: scratch[patches:], P1: count, N1: out,
		})
	}})
}

// maxPatches is how many bytes of patches are gathered at a time: they should stay in the first-level cache.
const maxPatches = 16 << 10
