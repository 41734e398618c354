package main

import (
	"fmt"
	"slices"

	"edge/engine"
	"edge/estimate"
	"edge/kernels"
)

// A plan is how the engine runs a network on a board: its steps, and the bytes that it goes through in an inference.
type plan struct {
	steps    []step
	resident int
}

// step is a step with the layers of the network that it computes.
type step struct {
	estimate.Step
	layers []layer
}

// mostThreads is how many cores the boards have.
const mostThreads = 4

// A way to run a network: by a kernel set's panel, which threads share, and fused or not.
type way struct {
	panel, threads int
	fused          bool
}

// plans compiles a network in every way that a board may run it. No step's shape depends on the instructions, so that the
// generic kernels can stand for Arm's.
func (n network) plans() (map[way]plan, error) {
	graph, err := n.graph()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.name, err)
	}
	all := map[way]plan{}
	for _, b := range boards {
		for threads := 1; threads <= mostThreads; threads++ {
			for _, fused := range []bool{true, false} {
				w := way{b.Panel, threads, fused}
				if _, ok := all[w]; ok {
					continue
				}
				set := *kernels.Generic()
				if fused {
					set.FuseFrom = kernels.ArmFuseFrom
				}
				pack := set.PackPointwise
				set.PackPointwise = func(l kernels.PointwiseLayer) *kernels.Pointwise {
					p := *pack(l)
					p.Panel = b.Panel
					return &p
				}
				net, err := engine.Compile(graph, engine.Options{Kernels: &set, Threads: threads})
				if err != nil {
					return nil, fmt.Errorf("%s: %w", n.name, err)
				}
				all[w], err = n.plan(net, threads)
				net.Close()
				if err != nil {
					return nil, fmt.Errorf("%s: %w", n.name, err)
				}
			}
		}
	}
	return all, nil
}

// plan finds each step's layers in the network, which must be the same ones.
func (n network) plan(net *engine.Net, threads int) (plan, error) {
	arena, _, weights := net.Memory()
	p, rest := plan{resident: arena + weights}, n.layers
	for _, info := range net.Steps() {
		e, ok := estimate.StepOf(info, threads)
		if !ok {
			continue // pooling, softmax
		}
		for _, l := range e.Layers {
			if len(rest) == 0 || rest[0].layer() != l {
				return p, fmt.Errorf("%v has the layer %+v, the network the layers %v", info, l, rest)
			}
			rest = rest[1:]
		}
		done := len(n.layers) - len(rest)
		p.steps = append(p.steps, step{e, n.layers[done-len(e.Layers) : done]})
	}
	if len(rest) > 0 {
		return p, fmt.Errorf("no step computes the layers %v", rest)
	}
	return p, nil
}

// total is what a network costs on a core.
type total struct {
	cost
	macs             int
	moving, together float64 // cycles
	formula          float64 // cycles by the formulas
}

// ms is the time at the board's clock.
func (t total) ms(b board) float64 { return t.together / float64(b.MHz) / 1e3 }

// sum adds up what a network's steps cost. What is computed is that of all threads; moving and together are what the
// busiest thread takes.
func (p plan) sum(b board, costs map[string]cost, fits map[string]map[string]fit) total {
	var t total
	for _, s := range p.steps {
		cycles, formula := 0.0, 0.0
		for i, l := range s.layers {
			c := costs[b.Name+l.String()]
			t.add(c, 1)
			t.macs += l.macs()
			key, features := s.Layers[i].Features()
			cycles += c.cycles * s.Share
			formula += fits[b.Name][key].of(features) * s.Share
		}
		moving := b.Memory(s.Step, p.resident)
		t.moving += moving
		t.together += b.Together(cycles, moving)
		t.formula += b.Together(formula, moving)
		if s.Threads > 1 {
			t.together += estimate.Meeting * 1e3 * float64(b.MHz)
			t.formula += estimate.Meeting * 1e3 * float64(b.MHz)
		}
	}
	return t
}

// even is the plan if threads shared all steps evenly.
func (p plan) even() plan {
	p.steps = slices.Clone(p.steps)
	for i := range p.steps {
		p.steps[i].Share = 1 / float64(p.steps[i].Threads)
	}
	return p
}
