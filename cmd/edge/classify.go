package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"edge/decision"
)

// classified is what edge classify --json prints, one a line.
type classified struct {
	File string     `json:"file"`
	Top  []topClass `json:"top"`
}

type topClass struct {
	Index int     `json:"index"`
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

func runClassify(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	f := newFlags("classify", std)
	n.add(f)
	topK := f.Int("top-k", 5, "how many classes to show")
	asJSON := f.Bool("json", false, "print one JSON object a line")
	n.addFit(f)
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return configErrorf("edge classify: name one or more picture files")
	}
	if *topK < 1 {
		return configErrorf("edge classify: --top-k %d: at least 1", *topK)
	}
	net, err := n.open()
	if err != nil {
		return err
	}
	defer net.Close()
	warnOfPixels(std.err, net)
	show := (*classified).print
	switch {
	case *asJSON:
		show = (*classified).printJSON
	case f.NArg() > 1:
		show = (*classified).printNamed
	}
	var failed error
	for _, name := range f.Args() {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", name)
		}
		scores, err := net.ClassifyFile(ctx, name)
		if err != nil {
			fmt.Fprintln(std.err, "edge:", err)
			failed = errReported // and on to the next
			continue
		}
		c := classified{name, top(scores, *topK, net.Output)}
		if err := show(&c, std.out); err != nil {
			return err
		}
	}
	return failed
}

// top returns the k classes with the highest scores, the first of equals first.
func top(scores []float32, k int, o decision.Output) []topClass {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var list []topClass
	for _, i := range order[:min(k, len(order))] {
		list = append(list, topClass{i, o.ClassName(i), scores[i]})
	}
	return list
}

func (c *classified) printJSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return e.Encode(c)
}

func (c *classified) printNamed(out io.Writer) error {
	if _, err := fmt.Fprintln(out, c.File); err != nil {
		return err
	}
	return c.print(out)
}

func (c *classified) print(out io.Writer) error {
	for _, t := range c.Top {
		if _, err := fmt.Fprintf(out, "%6.1f %%  %4d  %s\n", 100*t.Score, t.Index, t.Label); err != nil {
			return err
		}
	}
	return nil
}
