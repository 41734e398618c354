package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"edge/decision"
	"edge/evaluate"
	"edge/frame"
	"edge/internal/text"
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
	topK := f.IntP("top-k", "k", 5, "how many classes to show")
	asJSON := f.Bool("json", false, "print one JSON object a line")
	n.addFit(f)
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return configErrorf("edge classify: name one or more picture files, or a folder of them")
	}
	if *topK < 1 {
		return configErrorf("edge classify: --top-k %d: at least 1", *topK)
	}
	names, inFolder, err := picturesIn(f.Args())
	if err != nil {
		return err
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
	case len(names) > 1:
		show = (*classified).printNamed
	}
	var failed error
	for _, name := range names {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", name)
		}
		scores, err := net.ClassifyFile(ctx, name)
		if errors.Is(err, frame.ErrNotPicture) && inFolder[name] {
			fmt.Fprintln(std.err, "left out:", err)
			continue
		}
		if err != nil {
			fmt.Fprintln(std.err, "edge:", err)
			failed = errUnusable // continue with the next
			continue
		}
		c := classified{name, top(scores, *topK, net.Output)}
		if err := show(&c, std.out); err != nil {
			return err
		}
	}
	return failed
}

// picturesIn are the files that are named, and those in the folders that are; of these, what is no picture may be left out.
func picturesIn(args []string) (names []string, inFolder map[string]bool, err error) {
	inFolder = map[string]bool{}
	for _, arg := range args {
		if info, err := os.Stat(arg); err != nil || !info.IsDir() {
			names = append(names, arg)
			continue
		}
		files, err := evaluate.Pictures(arg)
		if err != nil {
			return nil, nil, misconfigured(err)
		}
		for _, file := range files {
			names = append(names, file)
			inFolder[file] = true
		}
	}
	return names, inFolder, nil
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

// printJSON leaves out classes of no score at all, but not the first.
func (c *classified) printJSON(out io.Writer) error {
	said := *c
	for len(said.Top) > 1 && said.Top[len(said.Top)-1].Score <= 0 { // they are in order
		said.Top = said.Top[:len(said.Top)-1]
	}
	return writeJSON(out, said, "")
}

func (c *classified) printNamed(out io.Writer) error {
	if _, err := fmt.Fprintln(out, text.Clean(c.File)); err != nil {
		return err
	}
	return c.print(out)
}

func (c *classified) print(out io.Writer) error {
	for i, t := range c.Top {
		if i > 0 && t.Score < 0.0005 { // shown as 0.0 %: it says nothing
			break
		}
		if _, err := fmt.Fprintf(out, "%6.1f %%  %4d  %s\n", 100*t.Score, t.Index, t.Label); err != nil {
			return err
		}
	}
	return nil
}
