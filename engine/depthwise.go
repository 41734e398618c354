package engine

import (
	"edge/kernels"
	"edge/model"
)

func (c *compiler) depthwise(n *model.Node, op model.DepthwiseConv2D) error {
	s, err := c.depthwiseStage(n, op)
	if err != nil {
		return err
	}
	c.rowStep(n, s)
	return nil
}

func (c *compiler) depthwiseStage(n *model.Node, op model.DepthwiseConv2D) (*stage, error) {
	in, weights, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	w := windowOf(op.Window, weights.Shape[1], weights.Shape[2], in.Shape, o.Shape)
	made, err := c.pack(n, weights.Shape[3], op.Activation, 0, func(l *layer) packed {
		return packed{depthwise: c.packDepthwise(l, w, in.Shape[3], op.Multiplier)}
	})
	if err != nil {
		return nil, err
	}
	return c.byChannel(StepInfo{
		Kind: "depthwise", Window: w, MACs: w.OutH * w.OutW * len(weights.Data), Parameters: c.parameters(n),
	}, made.depthwise, w, in.Shape[3], op.Multiplier), nil
}

func (c *compiler) packDepthwise(l *layer, w kernels.Window, channels, multiplier int) *kernels.Depthwise {
	return c.set.PackDepthwise(kernels.DepthwiseLayer{
		Window: w, In: channels, Multiplier: multiplier, SrcZero: l.inZero,
		Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
	})
}

// byChannel is a layer in which each channel is convolved by itself, multiplier times.
func (c *compiler) byChannel(info StepInfo, packed *kernels.Depthwise, w kernels.Window, channels, multiplier int) *stage {
	info.Kernel = c.set.Name
	return &stage{
		// A depthwise MAC costs about three pointwise ones: its inputs are used only once.
		info: info, Window: w, work: 3 * info.MACs, scratch: packed.Scratch,
		inRow: w.InW * channels, outRow: w.OutW * channels * multiplier,
		run: func(scratch []byte, src, dst rows, y0, y1 int) {
			packed.Run(kernels.DepthwiseCall{
				Src: src.data, Dst: dst.data, Scratch: scratch, Y0: y0, Y1: y1, SrcY: src.first, DstY: dst.first,
			})
		},
	}
}
