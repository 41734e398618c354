package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"edge/classifier"
	"edge/engine"
	"edge/model"
)

// inspection is what edge inspect --json prints.
type inspection struct {
	File       string           `json:"file"`
	Kernels    string           `json:"kernels"`
	Inputs     []inspectTensor  `json:"inputs"`
	Outputs    []inspectTensor  `json:"outputs"`
	Labels     int              `json:"labels"` // how many the file has
	Mean       *[3]float32      `json:"mean,omitempty"`
	Std        *[3]float32      `json:"std,omitempty"`
	Pixels     string           `json:"pixels,omitempty"` // how they become the input, if the network is for pictures
	Scores     string           `json:"scores,omitempty"` // what the output is, if the network is for pictures
	Warning    string           `json:"warning,omitempty"`
	Steps      []inspectStep    `json:"steps"`
	MACs       int              `json:"macs"`
	Parameters int              `json:"parameters"`
	Memory     inspectionMemory `json:"memory"`
}

type inspectTensor struct {
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Shape     []int   `json:"shape"`
	Scale     float32 `json:"scale"`
	ZeroPoint int32   `json:"zero_point"`
}

type inspectStep struct {
	Step       int     `json:"step"`
	Kind       string  `json:"kind"`
	Name       string  `json:"name"`
	In         []int   `json:"in"`
	Out        []int   `json:"out"`
	From       int     `json:"arena_from"`
	To         int     `json:"arena_to"`
	MACs       int     `json:"macs"`
	Parameters int     `json:"parameters"`
	Type       string  `json:"type"`
	Scale      float32 `json:"scale"`
	ZeroPoint  int32   `json:"zero_point"`
	Kernel     string  `json:"kernel"`
}

// inspectionMemory is in bytes.
type inspectionMemory struct {
	Arena      int `json:"arena"`
	LowerBound int `json:"lower_bound"`
	Weights    int `json:"weights"`
}

func runInspect(_ context.Context, args []string, std streams) error {
	n := networkFlags{classifier.Options{Threads: 1}}
	f := newFlags("inspect", std)
	asJSON := f.Bool("json", false, "print JSON")
	n.addEngine(f)
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return configErrorf("edge inspect: name one model file")
	}
	n.Model = f.Arg(0)
	g, err := classifier.ReadModel(n.Model)
	if err != nil {
		return misconfigured(err)
	}
	net, err := n.compile(g)
	if err != nil {
		return err
	}
	defer net.Close()
	result := inspect(n.Model, g, net)
	if ends, err := n.open(); err == nil {
		result.Pixels, result.Scores, result.Warning = ends.Pixels.String(), ends.Output.Meaning(), ends.Pixels.Warning()
		ends.Close()
	} else {
		result.Warning = err.Error()
	}
	if *asJSON {
		return writeJSON(std.out, result, "  ")
	}
	return result.print(std.out)
}

func inspect(file string, g *model.Graph, net *engine.Net) *inspection {
	tensors := func(list []engine.Tensor) (all []inspectTensor) {
		for _, t := range list {
			all = append(all, inspectTensor{t.Name, t.Type.String(), t.Shape, t.Quant.Scale, t.Quant.ZeroPoint})
		}
		return all
	}
	r := &inspection{
		File: file, Kernels: net.Kernels(), Inputs: tensors(net.Inputs()), Outputs: tensors(net.Outputs()),
		Labels: len(g.Labels),
	}
	if n := g.Normalization; n != nil {
		r.Mean, r.Std = &n.Mean, &n.Std
	}
	for i, s := range net.Steps() {
		r.Steps = append(r.Steps, inspectStep{
			i, s.String(), s.Name, s.In, s.Out, s.From, s.To, s.MACs, s.Parameters,
			s.Type.String(), s.Quant.Scale, s.Quant.ZeroPoint, s.Kernel,
		})
		r.MACs += s.MACs
		r.Parameters += s.Parameters
	}
	r.Memory.Arena, r.Memory.LowerBound, r.Memory.Weights = net.Memory()
	return r
}

func (r *inspection) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "step\tkind\tin\tout\tarena\tMACs\tparameters\tquantization\tkernel\tname")
	for _, s := range r.Steps {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d–%d\t%s\t%s\t%s %.6g %+d\t%s\t%s\n", s.Step, s.Kind, dims(s.In), dims(s.Out),
			s.From, s.To, grouped(s.MACs), grouped(s.Parameters), s.Type, s.Scale, s.ZeroPoint, s.Kernel, shorten(s.Name))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, list := range []struct {
		kind    string
		tensors []inspectTensor
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, t := range list.tensors {
			real := ""
			if t.Scale != 0 { // a float tensor has none
				real = fmt.Sprintf(", real = %g · %s", t.Scale, shifted(t.ZeroPoint))
			}
			fmt.Fprintf(out, "%-10s %s %s%s, %s\n", list.kind, t.Type, dims(t.Shape), real, model.Printable(t.Name))
		}
	}
	for _, line := range [][2]string{{"pixels", r.Pixels}, {"scores", r.Scores}, {"beware", r.Warning}} {
		if line[1] != "" {
			fmt.Fprintf(out, "%-10s %s\n", line[0], line[1])
		}
	}
	_, err := fmt.Fprintf(out, "%-10s %d\n%-10s %s MACs, %s parameters\n%-10s arena %s bytes, %.2f × the lower bound of %s; packed weights %s bytes\n",
		"labels", r.Labels, "cost", grouped(r.MACs), grouped(r.Parameters), "memory", grouped(r.Memory.Arena),
		float64(r.Memory.Arena)/float64(max(r.Memory.LowerBound, 1)), grouped(r.Memory.LowerBound), grouped(r.Memory.Weights))
	return err
}

// shifted writes q without its zero point: q, (q − 3) or (q + 3).
func shifted(zeroPoint int32) string {
	switch {
	case zeroPoint > 0:
		return fmt.Sprintf("(q − %d)", zeroPoint)
	case zeroPoint < 0:
		return fmt.Sprintf("(q + %d)", -int64(zeroPoint))
	}
	return "q"
}

// dims writes a shape as 1×96×96×3.
func dims(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), "×"), "[]")
}

// grouped writes a number with a thin space between groups of three digits.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// shorten keeps a converter's long names, which list everything that was fused, from filling the terminal.
func shorten(name string) string {
	name, _, _ = strings.Cut(name, ";")
	if r := []rune(name); len(r) > 60 {
		name = "…" + string(r[len(r)-59:])
	}
	return model.Printable(name)
}
