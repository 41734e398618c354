package engine

import (
	"fmt"
	"slices"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

func (c *compiler) addition(n *model.Node, op model.Add) error {
	a, err := c.addArgs(n, op)
	if err != nil {
		return err
	}
	c.set.PrepareAdd(a)
	x, y, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	info := StepInfo{Kind: "add", Kernel: c.set.Name}
	set, size := c.set, model.Elements(o.Shape)
	if slices.Equal(x.Shape, y.Shape) {
		a.A, a.B = c.bytes[n.Inputs[0]], c.bytes[n.Inputs[1]]
		c.add(info, n, c.byRows(size, macsPerByte*size, func(_, i0, i1 int) { set.Add(a, i0, i1) }))
		return nil
	}
	info.Kind = "add, broadcast"
	if size > maxRows {
		return fmt.Errorf("an addition with broadcasting of %d elements, at most %d: %w", size, maxRows, ErrMemory)
	}
	b := broadcastOf(x.Shape, y.Shape, o.Shape)
	p, q, scratch := c.bytes[n.Inputs[0]], c.bytes[n.Inputs[1]], c.needScratch(2*size)
	dst := a.Dst
	c.add(info, n, single(func() {
		a.A, a.B = scratch[0][:size], scratch[0][size:2*size]
		for i := range dst {
			a.A[i], a.B[i] = p[b[i].x], q[b[i].y]
		}
		set.Add(a, 0, size)
	}))
	return nil
}

// addArgs returns an addition but for its inputs' places.
func (c *compiler) addArgs(n *model.Node, op model.Add) (*kernels.AddArgs, error) {
	x, y, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	for _, t := range []*model.Tensor{x, y, o} {
		if len(t.Quant) != 1 || t.Type != o.Type {
			return nil, fmt.Errorf("%q is %s with %d scales, needs %s with 1", t.Name, t.Type, len(t.Quant), o.Type)
		}
	}
	// Both inputs are brought to twice the larger of their scales, and 2^20 finer, before they are summed.
	twice := 2 * float64(max(x.Quant[0].Scale, y.Quant[0].Scale))
	a := &kernels.AddArgs{AZero: c.zero(x), BZero: c.zero(y), Zero: c.zero(o), Dst: c.bytes[n.Outputs[0]]}
	a.Lo, a.Hi = c.clamp(o, op.Activation)
	for _, m := range []struct {
		to   *quant.Multiplier
		real float64
	}{
		{&a.AMul, float64(x.Quant[0].Scale) / twice},
		{&a.BMul, float64(y.Quant[0].Scale) / twice},
		{&a.Mul, twice / ((1 << kernels.AddShift) * float64(o.Quant[0].Scale))},
	} {
		var err error
		if *m.to, err = quant.MultiplierOf(m.real); err != nil {
			return nil, err
		}
		if m.to.Shift > 0 {
			return nil, fmt.Errorf("the output's scale %g is too small for inputs of %g and %g",
				o.Quant[0].Scale, x.Quant[0].Scale, y.Quant[0].Scale)
		}
	}
	return a, nil
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
