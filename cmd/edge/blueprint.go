package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"edge/internal/files"
	"edge/mobilenet"
)

// blueprintJSON is what edge blueprint --json prints.
type blueprintJSON struct {
	Name       string           `json:"name"`
	Family     mobilenet.Family `json:"family"`
	Alpha      float64          `json:"alpha"`
	Resolution int              `json:"resolution"`
	Classes    int              `json:"classes"`
	MACs       int              `json:"macs"`
	Parameters int              `json:"parameters"`
	Layers     []blueprintLayer `json:"layers"`
}

type blueprintLayer struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Size       int    `json:"size"`
	In         int    `json:"in"`
	Out        int    `json:"out"`
	Stride     int    `json:"stride"`
	Function   string `json:"function"`
	MACs       int    `json:"macs"`
	Parameters int    `json:"parameters"`
}

// runBlueprint shows a MobileNet's layers, or writes it with random weights.
func runBlueprint(_ context.Context, args []string, std streams) error {
	f := newFlags("blueprint", std)
	alpha := f.Float64("alpha", 1, "the width multiplier α, of the number of channels")
	resolution := f.Int("resolution", 224, "the picture's height and width")
	classes := f.Int("classes", 1000, "how many classes there are")
	seed := f.Uint64("seed", 1, "of the random weights")
	out := f.String("out", "", "write the network with random weights, a .tflite `FILE`")
	asJSON := f.Bool("json", false, "print JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return configErrorf("edge blueprint: name one family: v1, v2, v3-large, v3-small, or one of these two with -minimalistic")
	}
	b, err := mobilenet.New(mobilenet.Family(strings.ToLower(f.Arg(0))), *alpha, *resolution, *classes)
	if err != nil {
		return configErrorf("edge blueprint: %v", err)
	}
	w := std.out
	if *out == "-" {
		w = std.err
	}
	if *out != "" {
		size, err := writeBlueprint(b, *seed, *out, std.out)
		if err != nil {
			return err
		}
		if !*asJSON {
			cost := b.Cost()
			_, err = fmt.Fprintf(w, "%s: MobileNet %s with random weights: %s MACs, %s parameters, %s bytes\n",
				*out, b.Name(), grouped(cost.MACs), grouped(cost.Parameters), grouped(size))
			return err
		}
	}
	if *asJSON {
		return writeJSON(w, jsonOf(b), "")
	}
	return printBlueprint(w, b)
}

func writeBlueprint(b *mobilenet.Blueprint, seed uint64, name string, stdout io.Writer) (size int, err error) {
	file, err := files.Create(name, stdout)
	if err != nil {
		return 0, configErrorf("output: %v", err)
	}
	defer file.Discard()
	data, err := b.Graph(seed).WriteTFLite()
	if err != nil {
		return 0, configErrorf("edge blueprint: %v", err)
	}
	if _, err := file.Write(data); err != nil {
		return 0, fmt.Errorf("output: %w", err)
	}
	if err := file.Commit(); err != nil {
		return 0, fmt.Errorf("output: %w", err)
	}
	return len(data), nil
}

func jsonOf(b *mobilenet.Blueprint) blueprintJSON {
	cost := b.Cost()
	j := blueprintJSON{
		Name: b.Name(), Family: b.Family, Alpha: b.Alpha, Resolution: b.Resolution, Classes: b.Classes,
		MACs: cost.MACs, Parameters: cost.Parameters,
	}
	for _, l := range b.Layers {
		cost := l.Cost()
		j.Layers = append(j.Layers, blueprintLayer{
			l.Name, l.String(), l.Size, l.In, l.Out, l.Stride, l.Function.String(), cost.MACs, cost.Parameters,
		})
	}
	return j
}

func printBlueprint(out io.Writer, b *mobilenet.Blueprint) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\tkind\tchannels\toutput\tMACs\tparameters")
	for _, l := range b.Layers {
		kind := l.String()
		if l.Function != mobilenet.Relu6 && l.Kind <= mobilenet.Pointwise { // the usual one goes without saying
			kind += ", " + l.Function.String()
		}
		cost := l.Cost()
		fmt.Fprintf(w, "%s\t%s\t%d→%d\t%s\t%s\t%s\n", l.Name, kind, l.In, l.Out, dims([]int{l.Size, l.Size, l.Out}),
			grouped(cost.MACs), grouped(cost.Parameters))
	}
	cost := b.Cost()
	fmt.Fprintf(w, "%s\t\t\t\t%s\t%s\n", b.Name(), grouped(cost.MACs), grouped(cost.Parameters))
	return w.Flush()
}
