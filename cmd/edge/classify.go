package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"edge/decision"
	"edge/frame"
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
	var fit frame.Options
	f := newFlags("classify", std)
	n.add(f)
	topK := f.Int("top-k", 5, "how many classes to show")
	asJSON := f.Bool("json", false, "print one JSON object a line")
	fitFlags(f, &fit)
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return configErrorf("edge classify: name one or more picture files")
	}
	if *topK < 1 {
		return configErrorf("edge classify: --top-k %d: at least 1", *topK)
	}
	net, err := n.openNetwork(fit)
	if err != nil {
		return err
	}
	defer net.Close()
	scorer, err := decision.NewScorer(net.output)
	if err != nil {
		return configErrorf("%s: %v", n.model, err)
	}
	failed := 0
	for _, name := range f.Args() {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", name)
		}
		scores, err := net.classify(name, scorer)
		if err != nil {
			fmt.Fprintln(std.err, "edge:", err)
			failed++
			continue
		}
		c := classified{name, top(scores, *topK, net.output.Labels)}
		if *asJSON {
			err = json.NewEncoder(std.out).Encode(c)
		} else {
			err = c.print(std, f.NArg() > 1)
		}
		if err != nil {
			return err
		}
	}
	if failed > 0 {
		return errReported
	}
	return nil
}

// maxPictureFile is more than a camera writes.
const maxPictureFile = 64 << 20

// classify returns the scores for a picture file.
func (n *network) classify(name string, scorer *decision.Scorer) ([]float32, error) {
	data, err := readFile(name, maxPictureFile)
	if err != nil {
		return nil, err
	}
	picture, err := frame.Decode(data, name)
	if err != nil {
		return nil, err
	}
	if err := n.fit.Fit(n.Input(), picture); err != nil {
		return nil, err
	}
	n.Run()
	return scorer.Scores(n.Output()), nil
}

// top returns the k classes with the highest scores, the first of equals first.
func top(scores []float32, k int, labels []string) []topClass {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var list []topClass
	for _, i := range order[:min(k, len(order))] {
		list = append(list, topClass{i, className(labels, i), scores[i]})
	}
	return list
}

func (c *classified) print(std streams, withName bool) error {
	if withName {
		if _, err := fmt.Fprintf(std.out, "%s\n", c.File); err != nil {
			return err
		}
	}
	for _, t := range c.Top {
		if _, err := fmt.Fprintf(std.out, "%6.1f %%  %4d  %s\n", 100*t.Score, t.Index, t.Label); err != nil {
			return err
		}
	}
	return nil
}
