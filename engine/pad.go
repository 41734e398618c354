package engine

import (
	"fmt"

	"edge/model"
)

// pad copies its input into the middle of its output, whose border is the zero point.
func (c *compiler) pad(n *model.Node, op model.Pad) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	src, dst, zero := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]], byte(c.zero(o))
	last := len(in.Shape) - 1
	row := in.Shape[last]
	if rows := model.Elements(in.Shape[:last]); rows > maxRows {
		return fmt.Errorf("a padding of %d rows, at most %d: %w", rows, maxRows, ErrMemory)
	}
	var places []int // of the input's rows in the output
	for i := range model.Elements(in.Shape[:last]) {
		at, place, step := i, op.Before[last], o.Shape[last]
		for d := last - 1; d >= 0; d-- {
			place += (at%in.Shape[d] + op.Before[d]) * step
			at /= in.Shape[d]
			step *= o.Shape[d]
		}
		places = append(places, place)
	}
	c.add(StepInfo{Kind: "pad"}, n, single(func() {
		fill(dst, zero)
		for i, place := range places {
			copy(dst[place:place+row], src[i*row:])
		}
	}))
	return nil
}

// slice copies a part of its input.
func (c *compiler) slice(n *model.Node, op model.StridedSlice) error {
	shape := c.tensor(n.Inputs[0]).Shape
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	last := len(shape) - 1
	rows, row, stride := model.Elements(op.Size[:last]), op.Size[last], op.Stride[last]
	if rows > maxRows {
		return fmt.Errorf("a slice of %d rows, at most %d: %w", rows, maxRows, ErrMemory)
	}
	places := make([]int, rows) // of the output's rows in the input
	for i := range places {
		at, step := i, shape[last]
		places[i] = op.Begin[last]
		for d := last - 1; d >= 0; d-- {
			places[i] += (op.Begin[d] + at%op.Size[d]*op.Stride[d]) * step
			at /= op.Size[d]
			step *= shape[d]
		}
	}
	c.add(StepInfo{Kind: "slice"}, n, c.byRows(rows, macsPerByte*len(dst), func(_, r0, r1 int) {
		for i := r0; i < r1; i++ {
			to, from := dst[i*row:(i+1)*row], src[places[i]:]
			if stride == 1 {
				copy(to, from)
				continue
			}
			for k := range to {
				to[k] = from[k*stride]
			}
		}
	}))
	return nil
}
