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
	packed := c.set.PackDepthwise(kernels.DepthwiseLayer{
		Window: w, In: in.Shape[3], Multiplier: op.Multiplier, SrcZero: l.inZero,
		Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
	})
	src, dst, workers := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], c.needScratch(packed.Scratch)
	macs := w.OutH * w.OutW * len(weights.Data)
	info := StepInfo{
		Kind: "depthwise " + sizes(w), Kernel: c.set.Name, MACs: macs, Parameters: c.parameters(n),
	}
	// A depthwise MAC costs about three pointwise ones: its inputs are used only once.
	c.add(info, n, c.byRows(w.OutH, 3*macs, func(worker, y0, y1 int) {
		packed.Run(kernels.DepthwiseCall{Src: src, Dst: dst, Scratch: workers[worker], Y0: y0, Y1: y1})
	}))
	return nil
}
