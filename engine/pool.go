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
	info, pack := StepInfo{Kind: "max pool", Window: window}, c.set.PackMaxPool
	if average {
		info.Kind, pack = "average pool", c.set.PackAveragePool
	}
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	if average && window.OutH == 1 && window.OutW == 1 && l.Depth >= 8 && window.PadTop+window.PadLeft == 0 &&
		kernelH >= window.InH && kernelW >= window.InW { // the whole picture
		c.global(n, info, &l, src, dst)
		return
	}
	packed := pack(l)
	work := macsPerByte * len(dst) * kernelH * kernelW
	info.Kernel = c.set.Name
	c.add(info, n, c.byRows(window.OutH, work, func(_, y0, y1 int) {
		packed.Run(kernels.PoolCall{Src: src, Dst: dst, Y0: y0, Y1: y1})
	}))
}

// global adds a step for the average over a whole picture.
func (c *compiler) global(n *model.Node, info StepInfo, l *kernels.PoolLayer, src, dst []byte) {
	depth, count := l.Depth, int32(l.InH*l.InW)
	sign, offset := byte(0), l.Origin*count
	if c.set.Signed {
		sign = 0x80
		offset += 128 * count
	}
	half, lo, hi, origin := count/2, l.Lo, l.Hi, l.Origin
	c.add(info, n, c.byRows(depth/8, macsPerByte*len(src)/8, func(_, g0, g1 int) {
		eachColumn(src, depth, g0, g1, sign, func(at int, sum int32) {
			if sum -= offset; sum < 0 {
				sum -= 2 * half
			}
			dst[at] = byte(min(max((sum+half)/count+origin, lo), hi))
		})
	}))
}
