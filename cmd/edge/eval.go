package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"edge/evaluate"
)

func runEval(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	f := newFlags("eval", std)
	n.add(f)
	dir := f.String("images", "", "`DIR` of pictures: in folders of one class each, or named INDEX_….jpg")
	mapFile := f.String("map", "", "which class a folder or INDEX means, a `FILE` with lines KEY CLASS,\n"+
		"CLASS an index of the network's or a label; other pictures are left out")
	calibration := f.Int("calibration-size", 0, "leave out the `N` pictures that edge quantize calibrates with")
	asJSON := f.Bool("json", false, "print JSON")
	n.addFit(f)
	f.Float64Var(&n.Fit.Fraction, "crop-fraction", 1, "how much of the largest crop is kept; ImageNet's own evaluations keep 0.875")
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case *dir == "":
		return configErrorf("edge eval: --images DIR is needed")
	case *calibration < 0:
		return configErrorf("edge eval: --calibration-size %d: 0 or more", *calibration)
	}
	net, err := n.open()
	if err != nil {
		return err
	}
	defer net.Close()
	warnOfPixels(std.err, net)
	files, err := evaluate.Pictures(*dir)
	if err != nil {
		return misconfigured(err)
	}
	truth, err := evaluate.NewTruth(*dir, files, *mapFile, net.Output)
	if err != nil {
		return misconfigured(err)
	}
	left, files := evaluate.SplitCalibration(files, *calibration)
	if len(files) == 0 {
		return configErrorf("edge eval: --calibration-size %d leaves none of the pictures", *calibration)
	}
	e, err := evaluate.Run(ctx, files, truth, net.Output, net.ClassifyFile, progressOn(std.err))
	if err != nil {
		return err
	}
	e.Model, e.Images, e.Calibration = net.Name(), *dir, len(left)
	if *asJSON {
		err = writeJSON(std.out, e, "")
	} else {
		err = printEvaluation(std.out, e)
	}
	if err == nil && e.Pictures == 0 {
		err = configErrorf("edge eval: %s: no picture could be counted", *dir)
	}
	return err
}

// maxListed is how many classes and pairs are shown to people; --json has all of them.
const maxListed = 10

func printEvaluation(out io.Writer, e *evaluate.Report) error {
	b := &lines{out: out}
	if e.Pictures > 0 {
		b.add("top-1  %5.1f %%  of %d pictures\ntop-5  %5.1f %%\n", 100*e.Top1, e.Pictures, 100*e.Top5)
	}
	if e.Calibration > 0 {
		b.add("%d pictures for calibration left out\n", e.Calibration)
	}
	if e.Unmapped > 0 {
		b.add("%d pictures of other classes than the map's left out\n", e.Unmapped)
	}
	if e.Others > 0 {
		b.add("%d files that are no pictures left out\n", e.Others)
	}
	if len(e.Bad) > 0 {
		b.add("%d bad files, not counted:\n", len(e.Bad))
	}
	for _, bad := range e.Bad {
		b.add("  %s\n", bad.Error)
	}
	worst := slices.Clone(e.Classes)
	slices.SortStableFunc(worst, func(x, y evaluate.ClassScore) int {
		return cmp.Or(cmp.Compare(x.Top1, y.Top1), cmp.Compare(x.Top5, y.Top5), cmp.Compare(y.Pictures, x.Pictures))
	})
	title := "classes:\n"
	if len(worst) > maxListed {
		title, worst = fmt.Sprintf("classes least often right, of %d:\n", len(worst)), worst[:maxListed]
	}
	if len(worst) > 0 {
		b.add("%s", title)
	}
	for _, c := range worst {
		b.add("  top-1 %5.1f %%  top-5 %5.1f %%  of %-4d %4d  %s\n", 100*c.Top1, 100*c.Top5, c.Pictures, c.Index, c.Label)
	}
	if len(e.Confusions) > 0 {
		b.add("most often confused:\n")
	}
	for _, c := range e.Confusions[:min(len(e.Confusions), maxListed)] {
		b.add("  %4d×  %s → %s\n", c.Count, c.Label, c.AsLabel)
	}
	return b.err
}

// lines writes lines and keeps the first error.
type lines struct {
	out io.Writer
	err error
}

func (l *lines) add(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.out, format, args...)
	}
}
