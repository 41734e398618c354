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
