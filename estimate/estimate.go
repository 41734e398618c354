// Package estimate says how many cycles a step of a network should take on a core that was modelled: what a profile on
// a real board is held against.
//
// A step costs what its instructions take if every load hits the first-level cache, and what moving its bytes between the
// caches and memory takes. The first is a formula for each kind of layer, whose coefficients (table.go) tools/cycles fits
// to its simulation of the real kernels' instructions; a fused step costs what its layers do:
//
//	pointwise, conv     a·MACs + b·outputs + c·inputs     MACs with the inputs of a pixel rounded up to 16
//	fully connected     a·MACs + b·outputs + c·inputs     one pixel
//	depthwise           a·outputs + b·rows·channels       for each size and stride of the window
//	add                 a·outputs
//
// The second follows from the step's shapes (Memory) and from what is known of the caches (Core). With several threads
// the first is that of the busiest one; the second is what they get of caches and memory together.
//
// No board has confirmed any of it yet: docs/bench/cycles.md says how far it is from the figures that there are.
package estimate

import (
	"strconv"
	"strings"

	"edge/engine"
	"edge/kernels"
)

// Step is a step of a network, as far as its cost is concerned.
type Step struct {
	Layers  []Layer // one, or those of a fused step in order
	Between int     // bytes that lie between the layers of a fused step at a time, for each thread
	Threads int
	Share   float64 // of the work, what the busiest thread gets: 1 with one thread
}

// Layer is a step, or a layer of a fused one.
type Layer struct {
	Kind     string // "pointwise", "fully connected" (one of a single pixel, too), "conv", "depthwise", "add"
	Size     int    // rows and columns of the output
	In, Out  int    // channels; of a conv, In is the bytes of a patch
	Window   int    // rows and columns of a convolution's window
	Stride   int
	InPixels int
}

// StepOf returns what an engine's step is for that many threads, or false if nothing is known of what one of its layers costs.
func StepOf(s engine.StepInfo, threads int) (Step, bool) {
	step := Step{Between: s.Between, Threads: threads, Share: s.Share}
	layers := s.Layers
	if layers == nil {
		layers = []engine.StepInfo{s}
	}
	for i := range layers {
		l, ok := layerOf(&layers[i])
		if !ok {
			return Step{}, false
		}
		step.Layers = append(step.Layers, l)
	}
	return step, true
}

func layerOf(s *engine.StepInfo) (Layer, bool) {
	out, w := s.Out, s.Window
	if s.Kind == "fully connected" {
		if elements(out) != last(out) || last(out) == 0 {
			return Layer{}, false
		}
		return Layer{Kind: s.Kind, Size: 1, In: s.MACs / last(out), Out: last(out), Window: 1, Stride: 1, InPixels: 1}, true
	}
	if len(s.In) != 4 || len(out) != 4 || out[1] != out[2] || elements(out) == 0 {
		return Layer{}, false
	}
	if w == (kernels.Window{}) {
		w.KernelH, w.KernelW, w.StrideH, w.StrideW = 1, 1, 1, 1
	}
	l := Layer{Kind: s.Kind, Size: out[1], In: s.In[3], Out: out[3], Window: w.KernelH, Stride: w.StrideH, InPixels: s.In[1] * s.In[2]}
	switch s.Kind {
	case "pointwise":
		if l.Size == 1 {
			l.Kind = "fully connected"
		}
		return l, true
	case "add":
		return l, true
	case "conv":
		l.In = s.MACs / elements(out)
		return l, w.KernelH == w.KernelW && w.StrideH == w.StrideW
	case "depthwise":
		return l, w.KernelH == w.KernelW && w.StrideH == w.StrideW && l.In == l.Out
	}
	return Layer{}, false
}

// Features are what a layer's cost is a sum of; which sum, its key says.
func (l Layer) Features() (key string, features []float64) {
	pixels := float64(l.Size * l.Size)
	outputs := pixels * float64(l.Out)
	inputs := pixels * float64(l.In)
	switch l.Kind {
	case "pointwise", "conv":
		const unit = 16 // channels, that kernels read a multiple of
		return l.Kind, []float64{outputs * float64((l.In+unit-1)/unit*unit), outputs, inputs}
	case "fully connected":
		return l.Kind, []float64{outputs * float64(l.In), outputs, inputs}
	case "depthwise":
		return l.Kind + " " + strconv.Itoa(l.Window) + "/" + strconv.Itoa(l.Stride), []float64{outputs, float64(l.Size * l.Out)}
	}
	return l.Kind, []float64{outputs}
}

// Cycles estimates a step of a network whose arena and packed weights have resident bytes: the cycles of its
// instructions, and those of moving its bytes. It is false if nothing is known of such a layer.
func (c *Core) Cycles(s Step, resident int) (compute, memory float64, ok bool) {
	for _, l := range s.Layers {
		key, features := l.Features()
		coefficients := c.costs[key]
		if len(coefficients) != len(features) {
			return 0, 0, false
		}
		for i, f := range features {
			compute += coefficients[i] * f * s.Share
		}
	}
	return compute, c.Memory(s, resident), true
}

// Milliseconds estimates a step of a network that runs in that many threads, at a clock in MHz, or the core's usual one if that is
// 0; false as Cycles.
func (c *Core) Milliseconds(info engine.StepInfo, threads, resident, mhz int) (ms float64, ok bool) {
	s, ok := StepOf(info, threads)
	if !ok {
		return 0, false
	}
	at := *c
	if mhz > 0 {
		at.MHz = mhz
	}
	compute, memory, ok := at.Cycles(s, resident)
	ms = at.Together(compute, memory) / float64(at.MHz) / 1e3
	if threads > 1 {
		ms += Meeting
	}
	return ms, ok
}

// Together returns how long computing and moving take beside each other: one after the other if the core works in order,
// else as long as the longer of the two.
func (c *Core) Together(compute, memory float64) float64 {
	if c.InOrder {
		return compute + memory
	}
	return max(compute, memory)
}

// Of returns the model of a processor, by the names of its cores as package board gives them ("Cortex-A55 + Cortex-A76":
// the last is the fast one), and of a kernel set. It is nil if none fits.
func Of(cpu, kernels string) *Core {
	names := strings.Split(cpu, " + ")
	for i := range Cores {
		if Cores[i].Name == names[len(names)-1] && Cores[i].Kernels == kernels {
			return &Cores[i]
		}
	}
	return nil
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

func last(shape []int) int {
	if len(shape) == 0 {
		return 0
	}
	return shape[len(shape)-1]
}
