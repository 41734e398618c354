// Package estimate says how many cycles a step of a network should take on a core that was modelled: what a profile on
// a real board is held against.
//
// A step costs what its instructions take if every load hits the first-level cache, and what moving its bytes between the
// caches and memory takes. The first is a formula for each kind of step, whose coefficients (table.go) tools/cycles fits
// to its simulation of the real kernels' instructions:
//
//	pointwise, conv     a·MACs + b·outputs + c·inputs     MACs with the inputs of a pixel rounded up to 16
//	fully connected     a·MACs + b·outputs + c·inputs     one pixel
//	depthwise           a·outputs + b·rows·channels       for each size and stride of the window
//	add                 a·outputs
//
// The second follows from the step's shapes (Memory) and from what is known of the caches (Core).
//
// No board has confirmed any of it yet: docs/bench/cycles.md says how far it is from the figures that there are.
package estimate

import (
	"strconv"
	"strings"

	"edge/engine"
)

// Layer is a step as far as its cost is concerned.
type Layer struct {
	Kind     string // "pointwise", "fully connected", "conv", "depthwise", "add"
	Size     int    // rows and columns of the output
	In, Out  int    // channels; of a conv, In is the bytes of a patch
	Window   int    // rows and columns of a depthwise window
	Stride   int
	InPixels int
}

// LayerOf returns a step as a layer, or false if nothing is known of what such a step costs.
func LayerOf(s engine.StepInfo) (Layer, bool) {
	kind, window, _ := strings.Cut(s.Kind, " ")
	if s.Kind == "fully connected" {
		kind = s.Kind
	}
	out := s.Out
	if kind == "fully connected" {
		if elements(out) != last(out) || last(out) == 0 {
			return Layer{}, false
		}
		return Layer{Kind: kind, Size: 1, In: s.MACs / last(out), Out: last(out), Stride: 1, InPixels: 1}, true
	}
	if len(s.In) != 4 || len(out) != 4 || out[1] != out[2] {
		return Layer{}, false
	}
	l := Layer{Kind: kind, Size: out[1], In: s.In[3], Out: out[3], Window: 1, Stride: 1, InPixels: s.In[1] * s.In[2]}
	switch s.Kind {
	case "pointwise", "add":
		return l, true
	}
	if kind != "conv" && kind != "depthwise" || l.Size == 0 || l.Out == 0 {
		return Layer{}, false
	}
	rows, rest, _ := strings.Cut(window, "×")
	columns, stride, _ := strings.Cut(rest, "/")
	var err error
	if l.Window, err = strconv.Atoi(rows); err != nil || columns != rows {
		return Layer{}, false
	}
	if l.Stride, err = strconv.Atoi(stride); err != nil {
		return Layer{}, false
	}
	if kind == "conv" {
		l.In = s.MACs / (l.Size * l.Size * l.Out)
	}
	return l, true
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

// Cycles estimates a layer of a network whose arena and packed weights have resident bytes: the cycles of its
// instructions, and those of moving its bytes. It is false if nothing is known of such a layer.
func (c *Core) Cycles(l Layer, resident int) (compute, memory float64, ok bool) {
	key, features := l.Features()
	coefficients := c.costs[key]
	if len(coefficients) != len(features) {
		return 0, 0, false
	}
	for i, f := range features {
		compute += coefficients[i] * f
	}
	return compute, c.Memory(l, resident), true
}

// Step estimates a step in milliseconds at a clock in MHz, or of the core's usual clock if that is 0; false as Cycles.
func (c *Core) Step(s engine.StepInfo, resident, mhz int) (ms float64, ok bool) {
	l, ok := LayerOf(s)
	if !ok {
		return 0, false
	}
	at := *c
	if mhz > 0 {
		at.MHz = mhz
	}
	compute, memory, ok := at.Cycles(l, resident)
	return at.Together(compute, memory) / float64(at.MHz) / 1e3, ok
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
