package engine

import (
	"edge/kernels"
	"edge/model"
)

func (c *compiler) depthwise(n *model.Node, op model.DepthwiseConv2D) error {
	in, w, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	out := w.Shape[3]
	l, err := c.layer(n, out, op.Activation)
	if err != nil {
		return err
	}
	g := windowOf(op.Window, w.Shape[1], w.Shape[2], in.Shape, o.Shape)
	a := &kernels.DepthwiseArgs{
		Src: c.bytes[n.Inputs[0]], Dst: c.bytes[n.Outputs[0]],
		InH: g.inH, InW: g.inW, In: g.depth, OutH: g.outH, OutW: g.outW, Multiplier: op.Multiplier,
		KernelH: g.kernelH, KernelW: g.kernelW, StrideH: g.strideH, StrideW: g.strideW,
		PadTop: g.padTop, PadLeft: g.padLeft, SrcZero: l.inZero,
		Weights: l.weights, WeightZero: l.weightZero, Bias: l.bias, Requant: l.requant,
	}
	c.set.PrepareDepthwise(a)
	a.Weights = nil
	set, workers := c.set, c.needScratch(a.Scratch)
	macs := g.outH * g.outW * len(w.Data)
	info := StepInfo{
		Kind: "depthwise " + g.String(), Kernel: c.set.Name, MACs: macs, Parameters: c.parameters(n),
	}
	// A depthwise MAC costs about three pointwise ones: its inputs are used only once.
	c.add(info, n, c.byRows(g.outH, 3*macs, func(worker, y0, y1 int) {
		set.Depthwise(a, workers[worker], y0, y1)
	}))
	return nil
}
