package engine

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// Operations on two tensors. Which of these ways runs one depends on where its second operand lies:
//
//	one constant number for all         a table of 256, as for any function of one value
//	product, sum of equal shapes        the set's kernel
//	product or sum by channel           the set's kernel, pixel by pixel
//	anything else                       a table of all 65 536 pairs
//
// by channel, or more generally: its elements repeat along the other's, as a bias or the factors of squeeze-and-excite do.

// operands are the two inputs and the output of such an operation; a has the output's shape, if one of the two has.
type operands struct {
	n         *model.Node
	a, b, out *model.Tensor
	swapped   bool
	bytesA    []byte // in the set's representation
	bytesB    []byte
	dst       []byte
}

func (c *compiler) operands(n *model.Node) *operands {
	first, second := n.Inputs[0], n.Inputs[1]
	out := c.tensor(n.Outputs[0])
	swapped := c.tensor(first).Data != nil || !slices.Equal(c.tensor(first).Shape, out.Shape) &&
		slices.Equal(c.tensor(second).Shape, out.Shape)
	if swapped {
		first, second = second, first
	}
	return &operands{
		n, c.tensor(first), c.tensor(second), out, swapped, c.operand(first), c.operand(second), c.bytes[n.Outputs[0]],
	}
}

// operand is where an operand's bytes lie, or what a constant's are, in the set's representation.
func (c *compiler) operand(i int) []byte {
	t := c.tensor(i)
	if t.Data == nil {
		return c.bytes[i]
	}
	data := bytes.Clone(t.Data)
	if c.move(t) != 0 {
		kernels.Flip(data, data)
	}
	return data
}

// repeats reports whether a has all elements of the output, and b's repeat along them.
func (o *operands) repeats() bool {
	shape := o.b.Shape
	for len(shape) > 0 && shape[0] == 1 {
		shape = shape[1:]
	}
	return slices.Equal(o.a.Shape, o.out.Shape) && slices.Equal(shape, o.out.Shape[len(o.out.Shape)-len(shape):])
}

// sum adds a step for ADD.
func (c *compiler) sum(n *model.Node, op model.Add) error {
	o := c.operands(n)
	l, err := c.addLayer(o, op)
	if err != nil {
		return err
	}
	equal := slices.Equal(o.a.Shape, o.b.Shape)
	if o.b.Data != nil && len(o.bytesB) == 1 || !equal && (!o.repeats() || o.b.Data == nil) {
		return c.pairs(o, "add", func(a, b int32) int32 { // the same for both orders
			return l.Mul.Apply(l.AMul.Apply((a-o.a.Quant[0].ZeroPoint)<<model.SumShift)+
				l.BMul.Apply((b-o.b.Quant[0].ZeroPoint)<<model.SumShift)) + o.out.Quant[0].ZeroPoint
		}, op.Activation)
	}
	packed, a, b, dst := c.set.PackAdd(l), o.bytesA, o.bytesB, o.dst
	if !equal { // a constant by channel: as many pixels at a time as the kernel needs to be fast
		b = bytes.Repeat(b, min((1024+len(b)-1)/len(b), len(dst)/len(b)))
	}
	size, step := len(dst), len(b)
	c.add(StepInfo{Kind: "add", Kernel: c.set.Name}, n, c.byRows(size, macsPerByte*size, func(_, i0, i1 int) {
		for i0 < i1 {
			count := min(i1-i0, step-i0%step)
			packed.Run(kernels.AddCall{A: a[i0 : i0+count], B: b[i0%step:][:count], Dst: dst[i0 : i0+count]})
			i0 += count
		}
	}))
	return nil
}

func (c *compiler) addLayer(o *operands, op model.Add) (kernels.AddLayer, error) {
	m, err := model.SumMultipliers(o.a, o.b, o.out)
	l := kernels.AddLayer{
		AZero: c.zero(o.a), BZero: c.zero(o.b), Zero: c.zero(o.out), AMul: m[0], BMul: m[1], Mul: m[2],
	}
	l.Lo, l.Hi = c.clamp(o.out, op.Activation)
	return l, err
}

// difference adds a step for SUB. It isn't a sum with a negative multiplier: halves would be rounded differently.
func (c *compiler) difference(n *model.Node, op model.Sub) error {
	o := c.operands(n)
	first, second := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1])
	m, err := model.SumMultipliers(first, second, o.out)
	if err != nil {
		return err
	}
	return c.pairs(o, "subtract", o.inOrder(func(a, b int32) int32 {
		return m[2].Apply(m[0].Apply((a-first.Quant[0].ZeroPoint)<<model.SumShift)-
			m[1].Apply((b-second.Quant[0].ZeroPoint)<<model.SumShift)) + o.out.Quant[0].ZeroPoint
	}), op.Activation)
}

// product adds a step for MUL.
func (c *compiler) product(n *model.Node, op model.Mul) error {
	o := c.operands(n)
	m, err := model.ProductMultiplier(c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), o.out)
	if err != nil {
		return err
	}
	if len(o.bytesB) == 1 && o.b.Data != nil || !o.repeats() {
		return c.pairs(o, "multiply", func(a, b int32) int32 {
			return m.Apply((a-o.a.Quant[0].ZeroPoint)*(b-o.b.Quant[0].ZeroPoint)) + o.out.Quant[0].ZeroPoint
		}, op.Activation)
	}
	l := kernels.MultiplyLayer{AZero: c.zero(o.a), BZero: c.zero(o.b), Zero: c.zero(o.out), Mul: m}
	l.Lo, l.Hi = c.clamp(o.out, op.Activation)
	packed, a, b, dst := c.set.PackMultiply(l), o.bytesA, o.bytesB, o.dst
	pixels, channels := len(dst)/len(b), len(b)
	info := StepInfo{Kind: "multiply", Kernel: c.set.Name}
	if pixels == 1 {
		c.add(info, n, c.byRows(channels, macsPerByte*channels, func(_, i0, i1 int) {
			packed.Run(kernels.MultiplyCall{A: a[i0:i1], B: b[i0:i1], Dst: dst[i0:i1]})
		}))
		return nil
	}
	c.add(info, n, c.byRows(pixels, macsPerByte*len(dst), func(_, p0, p1 int) {
		packed.Run(kernels.MultiplyCall{A: a[p0*channels : p1*channels], B: b, Dst: dst[p0*channels : p1*channels]})
	}))
	return nil
}

// quotient adds a step for DIV, in the reference's arithmetic: a reciprocal in Q0.31, then two roundings. With the usual
// scales the reference has no meaning for quotients close to 0.
func (c *compiler) quotient(n *model.Node, op model.Div) error {
	o := c.operands(n)
	first, second := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1])
	m, err := model.QuotientMultiplier(first, second, o.out)
	if err != nil {
		return err
	}
	return c.pairs(o, "divide", o.inOrder(func(a, b int32) int32 {
		a, b = a-first.Quant[0].ZeroPoint, b-second.Quant[0].ZeroPoint
		if b < 0 {
			a, b = -a, -b
		}
		if b == 0 { // Check has made sure that no element is
			return 0
		}
		inverse, shift := reciprocalOf(b)
		headroom := headroomOf(a)
		total := m.Shift - shift - headroom
		if total < -31 { // the reference shifts by more bits than there are, which means nothing: what is right is 0
			return o.out.Quant[0].ZeroPoint
		}
		return quant.Multiplier{Mantissa: m.Mantissa, Shift: total}.Apply(quant.HighMul(a<<headroom, inverse)) +
			o.out.Quant[0].ZeroPoint
	}), op.Activation)
}

// reciprocalOf returns 1/x as a mantissa in Q0.31 and its shift: 1/x = mantissa · 2^−shift.
func reciprocalOf(x int32) (mantissa, shift int32) {
	mantissa, shift = reciprocal(x)
	return mantissa, shift - (12 - 8)
}

// headroomOf is how far x can be shifted left: its leading bits that are like its sign.
func headroomOf(x int32) int32 {
	if x < 0 {
		x = ^x
	}
	return int32(bits.LeadingZeros32(uint32(x))) - 1
}

// parametric adds a step for PRELU.
func (c *compiler) parametric(n *model.Node) error {
	o := c.operands(n)
	x, alpha, y := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), o.out
	negative, err := model.ProductMultiplier(x, alpha, y)
	if err != nil {
		return err
	}
	positive, err := quant.MultiplierOf(float64(x.Quant[0].Scale / y.Quant[0].Scale))
	if err != nil {
		return err
	}
	return c.pairs(o, "prelu", o.inOrder(func(q, a int32) int32 {
		if q -= x.Quant[0].ZeroPoint; q >= 0 {
			return positive.Apply(q) + y.Quant[0].ZeroPoint
		}
		return negative.Apply(q*(a-alpha.Quant[0].ZeroPoint)) + y.Quant[0].ZeroPoint
	}), model.None)
}

// inOrder gives f its arguments in the node's order.
func (o *operands) inOrder(f func(first, second int32) int32) func(a, b int32) int32 {
	if !o.swapped {
		return f
	}
	return func(a, b int32) int32 { return f(b, a) }
}

// pairs adds a step that looks results up: f takes and gives values in the network's own representation.
func (c *compiler) pairs(o *operands, kind string, f func(a, b int32) int32, fused model.Activation) error {
	lo, hi := c.limits()
	least, most := c.clamp(o.out, fused)
	of := func(qb int32) *[256]byte {
		table := new([256]byte)
		for qa := lo; qa <= hi; qa++ {
			table[byte(qa)] = byte(min(max(f(qa-c.move(o.a), qb)+c.move(o.out), least), most))
		}
		return table
	}
	if o.b.Data != nil && len(o.bytesB) == 1 && slices.Equal(o.a.Shape, o.out.Shape) {
		c.lookUp(o.n, kind, o.bytesA, of(c.value(o.b, o.bytesB[0])))
		return nil
	}
	tables := make([]*[256]byte, 256) // by b
	for qb := lo; qb <= hi; qb++ {
		if o.b.Data == nil || bytes.IndexByte(o.bytesB, byte(qb)) >= 0 {
			tables[byte(qb)] = of(qb - c.move(o.b))
		}
	}
	a, b, dst := o.bytesA, o.bytesB, o.dst
	switch {
	case o.repeats():
		pixels, channels := len(dst)/len(b), len(b)
		c.add(StepInfo{Kind: kind}, o.n, c.byRows(pixels, macsPerByte*len(dst), func(_, p0, p1 int) {
			for at := p0 * channels; at < p1*channels; at += channels {
				from, to := a[at:at+channels], dst[at:at+channels]
				for i, b := range b {
					to[i] = tables[b][from[i]]
				}
			}
		}))
	case len(dst) > maxRows:
		return fmt.Errorf("broadcasting of %d elements, at most %d: %w", len(dst), maxRows, ErrMemory)
	default:
		places := broadcastOf(o.a.Shape, o.b.Shape, o.out.Shape)
		c.add(StepInfo{Kind: kind + ", broadcast"}, o.n, c.byRows(len(dst), macsPerByte*len(dst), func(_, i0, i1 int) {
			for i, p := range places[i0:i1] {
				dst[i0+i] = tables[b[p.y]][a[p.x]]
			}
		}))
	}
	return nil
}

// value is what a byte in the set's representation stands for in the network's own.
func (c *compiler) value(t *model.Tensor, b byte) int32 {
	if c.set.Signed {
		return int32(int8(b)) - c.move(t)
	}
	return int32(b) - c.move(t)
}

// pair is where an output element's two operands lie.
type pair struct{ x, y int32 }

// broadcastOf returns, for each element of out, where its operands lie in x and y: a dimension of 1, or one that is
// missing in front, is the same for all.
func broadcastOf(x, y, out []int) []pair {
	index := func(shape []int, at int) int32 {
		i, step := 0, 1
		for d := len(out) - 1; d >= 0; d-- {
			digit := at % out[d]
			at /= out[d]
			if k := d - (len(out) - len(shape)); k >= 0 {
				if shape[k] > 1 {
					i += digit * step
				}
				step *= shape[k]
			}
		}
		return int32(i)
	}
	pairs := make([]pair, model.Elements(out))
	for i := range pairs {
		pairs[i] = pair{index(x, i), index(y, i)}
	}
	return pairs
}
