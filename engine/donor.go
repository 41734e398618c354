package engine

import (
	"slices"

	"edge/kernels"
	"edge/model"
)

// Donor is a network, and the graph that it was compiled from, which hasn't been changed since. Packed layers never change,
// so that another network may take them over, and use them after this one is closed, too. It takes those whose weights and
// biases it has in the same memory, and that are alike in all else: reading and packing them takes nearly all the time of
// Compile, and they take more memory than all else of a network.
type Donor struct {
	Net   *Net
	Graph *model.Graph
}

// packed is a packed layer: one of the two.
type packed struct {
	pointwise *kernels.Pointwise
	depthwise *kernels.Depthwise
	pixels    int // of its input at a time, if that chooses the kernel
}

// pack gives the packed layer of a convolution with out channels: the donor's if it has the same one, or what with makes of
// the constants.
func (c *compiler) pack(n *model.Node, out int, fused model.Activation, pixels int, with func(l *layer) packed) (packed, error) {
	p, found := c.donated(n, pixels)
	if !found {
		l, err := c.layer(n, out, fused)
		if err != nil {
			return p, err
		}
		p = with(l)
		p.pixels = pixels
	}
	c.packed[n.Outputs[0]] = p
	return p, nil
}

// donated looks for a layer among the donor's.
func (c *compiler) donated(n *model.Node, pixels int) (packed, bool) {
	d := c.donor
	if d.Net == nil || d.Net.kernels != c.set.Name {
		return packed{}, false
	}
	if c.donors == nil {
		c.donors = map[*byte]*model.Node{}
		for i := range d.Graph.Nodes {
			if n := &d.Graph.Nodes[i]; len(n.Inputs) == 3 {
				c.donors[first(&d.Graph.Tensors[n.Inputs[1]])] = n
			}
		}
	}
	from := c.donors[first(c.tensor(n.Inputs[1]))]
	if from == nil || from.Op != n.Op {
		return packed{}, false
	}
	all := append(slices.Clone(n.Inputs), n.Outputs...)
	for i, t := range append(slices.Clone(from.Inputs), from.Outputs...) {
		if (t < 0) != (all[i] < 0) || t >= 0 && !same(&d.Graph.Tensors[t], c.tensor(all[i])) {
			return packed{}, false
		}
	}
	p, ok := d.Net.packed[from.Outputs[0]]
	return p, ok && p.pixels == pixels
}

// first is where a tensor's constants begin; nil for an activation.
func first(t *model.Tensor) *byte {
	if len(t.Data) == 0 {
		return nil
	}
	return &t.Data[0]
}

// same reports whether a packed layer can't tell two tensors apart.
func same(a, b *model.Tensor) bool {
	return a.Type == b.Type && slices.Equal(a.Shape, b.Shape) && slices.Equal(a.Quant, b.Quant) && first(a) == first(b)
}
