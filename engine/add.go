package engine

import (
	"fmt"
	"slices"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

func (c *compiler) addition(n *model.Node, op model.Add) error {
	l, err := c.addLayer(n, op)
	if err != nil {
		return err
	}
	packed := c.set.PackAdd(l)
	x, y, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	info := StepInfo{Kind: "add", Kernel: c.set.Name}
	a, b, dst := c.bytes[n.Inputs[0]], c.bytes[n.Inputs[1]], c.bytes[n.Outputs[0]]
	size := len(dst)
	if slices.Equal(x.Shape, y.Shape) {
		c.add(info, n, c.byRows(size, macsPerByte*size, func(_, i0, i1 int) {
			packed.Run(kernels.AddCall{A: a[i0:i1], B: b[i0:i1], Dst: dst[i0:i1]})
		}))
		return nil
	}
	info.Kind = "add, broadcast"
	if size > maxRows {
		return fmt.Errorf("an addition with broadcasting of %d elements, at most %d: %w", size, maxRows, ErrMemory)
	}
	pairs, scratch := broadcastOf(x.Shape, y.Shape, o.Shape), c.needScratch(2*size)
	c.add(info, n, single(func() {
		wideA, wideB := scratch[0][:size], scratch[0][size:2*size]
		for i, p := range pairs {
			wideA[i], wideB[i] = a[p.x], b[p.y]
		}
		packed.Run(kernels.AddCall{A: wideA, B: wideB, Dst: dst})
	}))
	return nil
}

// addLayer returns an addition's constants.
func (c *compiler) addLayer(n *model.Node, op model.Add) (l kernels.AddLayer, err error) {
	x, y, o := c.tensor(n.Inputs[0]), c.tensor(n.Inputs[1]), c.tensor(n.Outputs[0])
	for _, t := range []*model.Tensor{x, y, o} {
		if len(t.Quant) != 1 || t.Type != o.Type {
			return l, fmt.Errorf("%q is %s with %d scales, needs %s with 1", t.Name, t.Type, len(t.Quant), o.Type)
		}
	}
	// Both inputs are brought to twice the larger of their scales, and 2^20 finer, before they are summed.
	twice := 2 * float64(max(x.Quant[0].Scale, y.Quant[0].Scale))
	l = kernels.AddLayer{AZero: c.zero(x), BZero: c.zero(y), Zero: c.zero(o)}
	l.Lo, l.Hi = c.clamp(o, op.Activation)
	for _, m := range []struct {
		to   *quant.Multiplier
		real float64
	}{
		{&l.AMul, float64(x.Quant[0].Scale) / twice},
		{&l.BMul, float64(y.Quant[0].Scale) / twice},
		{&l.Mul, twice / ((1 << kernels.AddShift) * float64(o.Quant[0].Scale))},
	} {
		if *m.to, err = quant.MultiplierOf(m.real); err != nil {
			return l, err
		}
		if m.to.Shift > 0 {
			return l, fmt.Errorf("the output's scale %g is too small for inputs of %g and %g",
				o.Quant[0].Scale, x.Quant[0].Scale, y.Quant[0].Scale)
		}
	}
	return l, nil
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
