package engine

import (
	"encoding/binary"
	"math"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// Any function of one 8-bit activation is a table of 256 bytes, made when the network is compiled.

// table makes one: f takes and gives values in the network's own representation.
func (c *compiler) table(in, out *model.Tensor, f func(q int32) int32) *[256]byte {
	var table [256]byte
	lo, hi := c.limits()
	for q := lo; q <= hi; q++ {
		table[byte(q)] = byte(min(max(f(q-c.move(in))+c.move(out), lo), hi))
	}
	return &table
}

// lookUp adds a step that applies a table to src, in one piece or in several.
func (c *compiler) lookUp(n *model.Node, kind string, src []byte, table *[256]byte) {
	packed, dst := c.set.PackTable(table), c.bytes[n.Outputs[0]]
	c.add(StepInfo{Kind: kind, Kernel: c.set.Name}, n, c.byRows(len(dst), macsPerByte*len(dst), func(_, i0, i1 int) {
		packed.Run(kernels.TableCall{Src: src[i0:i1], Dst: dst[i0:i1]})
	}))
}

// unary adds a step that computes a function of one value: f takes and gives values in the network's own representation.
func (c *compiler) unary(n *model.Node, kind string, f func(q int32) int32) {
	c.lookUp(n, kind, c.bytes[n.Inputs[0]], c.table(c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0]), f))
}

// quantize takes float32 to 8 bits, or one 8-bit quantization to another.
func (c *compiler) quantize(n *model.Node) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	if in.Type == model.Float32 {
		lo, hi := c.limits()
		p := quant.Params{Scale: o.Quant[0].Scale, ZeroPoint: c.zero(o)}
		c.add(StepInfo{Kind: "quantize"}, n, single(func() {
			for i := range dst {
				dst[i] = byte(p.Quantize(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])), lo, hi))
			}
		}))
		return nil
	}
	if c.isView(n) {
		return nil
	}
	m, err := quant.MultiplierOf(float64(in.Quant[0].Scale) / float64(o.Quant[0].Scale))
	if err != nil {
		return err
	}
	c.unary(n, "requantize", func(q int32) int32 {
		return m.Apply(q-in.Quant[0].ZeroPoint) + o.Quant[0].ZeroPoint
	})
	return nil
}

func (c *compiler) dequantize(n *model.Node) {
	in := c.tensor(n.Inputs[0])
	var table [256]uint32
	lo, hi := c.limits()
	p := quant.Params{Scale: in.Quant[0].Scale, ZeroPoint: c.zero(in)}
	for q := lo; q <= hi; q++ {
		table[byte(q)] = math.Float32bits(p.Real(q))
	}
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	c.add(StepInfo{Kind: "dequantize"}, n, single(func() {
		for i, b := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], table[b])
		}
	}))
}
