package engine

import (
	"encoding/binary"
	"math"

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

func lookUp(dst, src []byte, table *[256]byte) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = table[b]
	}
}

func (c *compiler) unary(n *model.Node, kind string, table *[256]byte) {
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	c.add(StepInfo{Kind: kind}, n, single(func() { lookUp(dst, src, table) }))
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
	c.unary(n, "requantize", c.table(in, o, func(q int32) int32 {
		return m.Apply(q-in.Quant[0].ZeroPoint) + o.Quant[0].ZeroPoint
	}))
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

// logistic is 1 / (1 + e^−x).
func (c *compiler) logistic(n *model.Node) {
	c.function(n, "logistic", func(x float32) float32 { return 1 / (1 + float32(math.Exp(float64(-x)))) })
}

// function adds a step that computes a function of real numbers, in the float arithmetic of the reference:
//
//	out = clamp(round(f(real of in) · (1 / scale of out)) + zero point of out)
func (c *compiler) function(n *model.Node, kind string, f func(x float32) float32) {
	in, o := c.tensor(n.Inputs[0]).Quant[0], c.tensor(n.Outputs[0]).Quant[0]
	inverse := 1 / o.Scale
	c.unary(n, kind, c.table(c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0]), func(q int32) int32 {
		y := f(in.Real(q)) * inverse
		return quant.Saturate(math.Round(float64(y)) + float64(o.ZeroPoint))
	}))
}
