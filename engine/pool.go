package engine

import (
	"edge/kernels"
	"edge/model"
)

func (c *compiler) pool(n *model.Node, w model.Window, kernelH, kernelW int, fused model.Activation, average bool) {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	window := windowOf(w, kernelH, kernelW, in.Shape, o.Shape)
	l := kernels.PoolLayer{Window: window, Depth: in.Shape[3], Origin: c.move(o)}
	l.Lo, l.Hi = c.clamp(o, fused)
	kind, pack := "max pool ", c.set.PackMaxPool
	if average {
		kind, pack = "average pool ", c.set.PackAveragePool
	}
	packed, src, dst := pack(l), c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	work := macsPerByte * len(dst) * kernelH * kernelW
	c.add(StepInfo{Kind: kind + sizes(window), Kernel: c.set.Name}, n, c.byRows(window.OutH, work, func(_, y0, y1 int) {
		packed.Run(kernels.PoolCall{Src: src, Dst: dst, Y0: y0, Y1: y1})
	}))
}
