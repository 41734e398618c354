package engine

import (
	"edge/kernels"
	"edge/model"
)

func (c *compiler) pool(n *model.Node, w model.Window, kernelH, kernelW int, fused model.Activation, average bool) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	if err := c.sameQuant(n); err != nil {
		return err
	}
	g := windowOf(w, kernelH, kernelW, in.Shape, o.Shape)
	a := &kernels.PoolArgs{
		Src: c.bytes[n.Inputs[0]], Dst: c.bytes[n.Outputs[0]],
		InH: g.inH, InW: g.inW, OutH: g.outH, OutW: g.outW, Depth: g.depth,
		KernelH: g.kernelH, KernelW: g.kernelW, StrideH: g.strideH, StrideW: g.strideW,
		PadTop: g.padTop, PadLeft: g.padLeft, Origin: c.move(o),
	}
	a.Lo, a.Hi = c.clamp(o, fused)
	kind, run := "max pool ", c.set.MaxPool
	if average {
		kind, run = "average pool ", c.set.AveragePool
	}
	work := macsPerByte * g.outH * g.outW * g.depth * g.kernelH * g.kernelW
	c.add(StepInfo{Kind: kind + g.String(), Kernel: c.set.Name}, n, c.byRows(g.outH, work, func(_, y0, y1 int) {
		run(a, y0, y1)
	}))
	return nil
}
