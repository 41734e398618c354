package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"edge/classifier"
	"edge/decision"
)

// evaluation is what edge eval --json prints. Fractions are of the pictures that were counted.
type evaluation struct {
	Model       string       `json:"model"`
	Images      string       `json:"images"`
	Pictures    int          `json:"pictures"` // that were counted
	Top1        float64      `json:"top1"`
	Top5        float64      `json:"top5"`
	Calibration int          `json:"left_out_calibration"`
	Unmapped    int          `json:"left_out_unmapped"` // --map doesn't name their class
	Bad         []badFile    `json:"bad"`
	Classes     []classScore `json:"classes"`    // of which there are pictures, by index
	Confusions  []confusion  `json:"confusions"` // the most frequent first
}

// badFile is a file that couldn't be counted.
type badFile struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// classScore says how often pictures of a class were recognised.
type classScore struct {
	Index    int     `json:"index"`
	Label    string  `json:"label"`
	Pictures int     `json:"pictures"`
	Top1     float64 `json:"top1"`
	Top5     float64 `json:"top5"`
}

// confusion is a class that was taken for another one.
type confusion struct {
	Index   int    `json:"index"`
	Label   string `json:"label"`
	AsIndex int    `json:"as_index"`
	AsLabel string `json:"as_label"`
	Count   int    `json:"count"`
}

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
	files, err := pictureFiles(*dir)
	if err != nil {
		return err
	}
	truth, err := newTruth(*dir, files, *mapFile, net.Output)
	if err != nil {
		return err
	}
	left, files := splitCalibration(files, *calibration)
	if len(files) == 0 {
		return configErrorf("edge eval: --calibration-size %d leaves none of the pictures", *calibration)
	}
	e, err := evaluate(ctx, net, files, truth, progressOn(std.err))
	if err != nil {
		return err
	}
	e.Model, e.Images, e.Calibration = net.Name(), *dir, len(left)
	if *asJSON {
		err = json.NewEncoder(std.out).Encode(e)
	} else {
		err = e.print(std.out)
	}
	if err == nil && e.Pictures == 0 {
		err = fmt.Errorf("%s: no picture could be counted", *dir)
	}
	return err
}

// evaluate shows the network one file after the other.
func evaluate(ctx context.Context, net *classifier.Classifier, files []string, truth *truth,
	progress func(string, int, int),
) (*evaluation, error) {
	t := newTally(net.Output)
	for i, file := range files {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted after %d of %d pictures", i, len(files))
		}
		class, err := truth.classOf(file)
		if err == nil {
			var scores []float32
			if scores, err = net.ClassifyFile(ctx, file); err == nil {
				t.count(class, scores)
			}
		}
		switch {
		case errors.Is(err, errUnmapped):
			t.Unmapped++
		case err != nil:
			t.Bad = append(t.Bad, badFile{file, err.Error()})
		}
		progress("evaluating", i+1, len(files))
	}
	return t.finish(), nil
}

// tally counts answers.
type tally struct {
	evaluation
	output   decision.Output
	answers  map[int]*answers
	confused map[[2]int]int // how often, by class and answer
}

// answers are those for the pictures of one class.
type answers struct{ pictures, first, five int }

func newTally(o decision.Output) *tally {
	return &tally{
		evaluation: evaluation{Bad: []badFile{}, Classes: []classScore{}, Confusions: []confusion{}},
		output:     o, answers: map[int]*answers{}, confused: map[[2]int]int{},
	}
}

// count takes the network's answer for a picture of a class. Of classes with equal scores, the first counts more.
func (t *tally) count(class int, scores []float32) {
	before, best := 0, 0
	for i, s := range scores {
		if s > scores[class] || s == scores[class] && i < class {
			before++
		}
		if s > scores[best] {
			best = i
		}
	}
	a := t.answers[class]
	if a == nil {
		a = &answers{}
		t.answers[class] = a
	}
	a.pictures++
	if before < 1 {
		a.first++
	} else {
		t.confused[[2]int{class, best}]++
	}
	if before < 5 {
		a.five++
	}
}

// finish turns the counts into what is reported.
func (t *tally) finish() *evaluation {
	var sum answers
	for class, a := range t.answers {
		t.Classes = append(t.Classes, classScore{
			class, t.output.ClassName(class), a.pictures, fraction(a.first, a.pictures), fraction(a.five, a.pictures),
		})
		sum = answers{sum.pictures + a.pictures, sum.first + a.first, sum.five + a.five}
	}
	for pair, count := range t.confused {
		t.Confusions = append(t.Confusions, confusion{
			pair[0], t.output.ClassName(pair[0]), pair[1], t.output.ClassName(pair[1]), count,
		})
	}
	slices.SortFunc(t.Classes, func(a, b classScore) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(t.Confusions, func(a, b confusion) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Index, b.Index), cmp.Compare(a.AsIndex, b.AsIndex))
	})
	t.Pictures, t.Top1, t.Top5 = sum.pictures, fraction(sum.first, sum.pictures), fraction(sum.five, sum.pictures)
	return &t.evaluation
}

func fraction(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// maxListed is how many classes and pairs are shown to people; --json has all of them.
const maxListed = 10

func (e *evaluation) print(out io.Writer) error {
	b := &lines{out: out}
	b.add("top-1  %5.1f %%  of %d pictures\ntop-5  %5.1f %%\n", 100*e.Top1, e.Pictures, 100*e.Top5)
	if e.Calibration > 0 {
		b.add("%d pictures for calibration left out\n", e.Calibration)
	}
	if e.Unmapped > 0 {
		b.add("%d pictures of other classes than the map's left out\n", e.Unmapped)
	}
	if len(e.Bad) > 0 {
		b.add("%d bad files, not counted:\n", len(e.Bad))
	}
	for _, bad := range e.Bad {
		b.add("  %s\n", bad.Error)
	}
	worst := slices.Clone(e.Classes)
	slices.SortStableFunc(worst, func(x, y classScore) int {
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
