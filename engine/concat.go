package engine

import (
	"math"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// concatenation puts its inputs side by side along one dimension. An input of another scale is brought to the output's
// by a table, with the reference's float arithmetic (which the reference does for u8 only).
func (c *compiler) concatenation(n *model.Node, op model.Concatenation) {
	o := c.tensor(n.Outputs[0])
	type part struct {
		src   []byte
		row   int
		table *kernels.Table
	}
	var parts []part
	for _, i := range n.Inputs {
		t := c.tensor(i)
		p := part{src: c.bytes[i], row: model.Elements(t.Shape[op.Axis:])}
		if t.Type == model.Uint8 && t.Quant[0] != o.Quant[0] {
			scale := t.Quant[0].Scale * (1 / o.Quant[0].Scale)
			bias := float32(-t.Quant[0].ZeroPoint) * scale
			zero := o.Quant[0].ZeroPoint
			p.table = c.set.PackTable(c.table(t, o, func(q int32) int32 {
				product := float32(q) * scale // rounded by itself: no fused multiply-add
				return quant.Saturate(math.Round(float64(product+bias)) + float64(zero))
			}))
		}
		parts = append(parts, p)
	}
	dst, rows := c.bytes[n.Outputs[0]], model.Elements(o.Shape[:op.Axis])
	c.add(StepInfo{Kind: "concatenation"}, n, single(func() {
		to := dst
		for r := range rows {
			for i := range parts {
				p := &parts[i]
				copy(to, p.src[r*p.row:(r+1)*p.row])
				if p.table != nil {
					p.table.Run(kernels.TableCall{Src: to[:p.row], Dst: to[:p.row]})
				}
				to = to[p.row:]
			}
		}
	}))
}
