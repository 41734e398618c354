package model

import "slices"

// copyIndices returns a copy of g with lists of indices of its own; everything else is shared.
func (g *Graph) copyIndices() *Graph {
	c := *g
	c.Inputs, c.Outputs, c.Nodes = slices.Clone(g.Inputs), slices.Clone(g.Outputs), slices.Clone(g.Nodes)
	for i := range c.Nodes {
		n := &c.Nodes[i]
		n.Inputs, n.Outputs = slices.Clone(n.Inputs), slices.Clone(n.Outputs)
	}
	return &c
}

// dropUnused removes the tensors that neither a node nor an input or output of the network refers to. The graph must be
// sound.
func (g *Graph) dropUnused() {
	used := make([]bool, len(g.Tensors))
	lists := [][]int{g.Inputs, g.Outputs}
	for i := range g.Nodes {
		lists = append(lists, g.Nodes[i].Inputs, g.Nodes[i].Outputs)
	}
	for _, list := range lists {
		for _, i := range list {
			if i >= 0 {
				used[i] = true
			}
		}
	}
	var tensors []Tensor
	moved := make([]int, len(g.Tensors))
	for i := range g.Tensors {
		if used[i] {
			moved[i] = len(tensors)
			tensors = append(tensors, g.Tensors[i])
		}
	}
	g.Tensors = tensors
	for _, list := range lists {
		for k, i := range list {
			if i >= 0 {
				list[k] = moved[i]
			}
		}
	}
}
