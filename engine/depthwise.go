package engine

import (
	"edge/kernels"
	"edge/model"
)

func (c *compiler) depthwise(n *model.Node, op model.DepthwiseConv2D) error {
	in, weights, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	l, err := c.layer(n, weights.Shape[3], op.Activation)
	if err != nil {
		return err
	}
	w := windowOf(op.Window, weights.Shape[1], weights.Shape[2], in.Shape, o.Shape)
	c.depthwiseStep(n, StepInfo{
		Kind: "depthwise " + sizes(w), MACs: w.OutH * w.OutW * len(weights.Data), Parameters: c.parameters(n),
	}, l, w, in.Shape[3], op.Multiplier)
	return nil
}

// depthwiseStep adds a step in which each channel is convolved by itself, multiplier times.
func (c *compiler) depthwiseStep(n *model.Node, info StepInfo, l *layer, w kernels.Window, channels, multiplier int) {
	packed := c.set.PackDepthwise(kernels.DepthwiseLayer{
		Window: w, In: channels, Multiplier: multiplier, SrcZero: l.inZero,
		Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
	})
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(packed.Scratch)
	info.Kernel = c.set.Name
	// A depthwise MAC costs about three pointwise ones: its inputs are used only once.
	c.add(info, n, c.byRows(w.OutH, 3*info.MACs, func(worker, y0, y1 int) {
		packed.Run(kernels.DepthwiseCall{Src: src, Dst: dst, Scratch: workers[worker], Y0: y0, Y1: y1})
	}))
}
