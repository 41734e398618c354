package engine

import (
	"edge/model"
	"edge/quant"
)

// l2Normalization divides each row, the last dimension, by its Euclidean length, in the reference's fixed point:
//
//	out[i] = 128 · (in[i] − zi) / √(Σ_j (in[j] − zi)²)
//
// The length in steps of the input is that of the reals in units of the scale, which therefore doesn't matter.
func (c *compiler) l2Normalization(n *model.Node) {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	depth := in.Shape[len(in.Shape)-1]
	lo, hi := c.limits()
	zeroIn, zeroOut := c.zero(in), c.zero(o)
	read := func(b byte) int32 { return int32(b) - zeroIn }
	if c.set.Signed {
		read = func(b byte) int32 { return int32(int8(b)) - zeroIn }
	}
	c.add(StepInfo{Kind: "l2 normalization"}, n, single(func() {
		for at := 0; at < len(src); at += depth {
			sum := int32(0)
			for _, b := range src[at : at+depth] {
				d := read(b)
				sum += d * d
			}
			m := quant.UnitLength(sum, in.Type == model.Uint8)
			var table [512]byte // a difference is from −255 to 255
			for d := range int32(len(table)) {
				table[d] = byte(min(max(zeroOut+m.Apply(d-256), lo), hi))
			}
			for i, b := range src[at : at+depth] {
				dst[at+i] = table[read(b)+256]
			}
		}
	}))
}
