// Package evaluate measures how often a network is right about pictures whose classes are known.
//
// Pictures finds the files, a Truth knows which class each shows, Run shows them to the network, and a Report says how
// often it was right and what it took for what. Nothing is guessed: a picture whose class can't be told isn't counted, and
// is named.
package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"edge/decision"
	"edge/frame"
)

// Report holds the results, and is what edge eval --json prints. Fractions are of the pictures that were counted.
type Report struct {
	Model       string       `json:"model"`
	Images      string       `json:"images"`
	Pictures    int          `json:"pictures"` // that were counted
	Top1        float64      `json:"top1"`
	Top5        float64      `json:"top5"`
	Calibration int          `json:"left_out_calibration"`
	Unmapped    int          `json:"left_out_unmapped"`    // --map doesn't name their class
	Others      int          `json:"left_out_no_pictures"` // nor called so
	Bad         []BadFile    `json:"bad"`
	Classes     []ClassScore `json:"classes"`    // of which there are pictures, by index
	Confusions  []Confusion  `json:"confusions"` // the most frequent first
}

// BadFile is a file that couldn't be counted.
type BadFile struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// ClassScore says how often pictures of a class were recognised.
type ClassScore struct {
	Index    int     `json:"index"`
	Label    string  `json:"label"`
	Pictures int     `json:"pictures"`
	Top1     float64 `json:"top1"`
	Top5     float64 `json:"top5"`
}

// Confusion is a class that was taken for another one.
type Confusion struct {
	Index   int    `json:"index"`
	Label   string `json:"label"`
	AsIndex int    `json:"as_index"`
	AsLabel string `json:"as_label"`
	Count   int    `json:"count"`
}

// Run shows one file after the other to a network: classify returns the scores of a picture file for o's classes. What
// can't be counted is in the report; an error means that ctx has ended. progress is told how far it is.
func Run(ctx context.Context, files []string, truth *Truth, o decision.Output,
	classify func(ctx context.Context, file string) ([]float32, error), progress func(pass string, done, total int),
) (*Report, error) {
	t := newTally(o)
	for i, file := range files {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("interrupted after %d of %d pictures", i, len(files))
		}
		class, err := truth.ClassOf(file)
		var scores []float32
		var unread error
		called := frame.PictureType(file) != ""                    // a picture: then a person wants to know if it can't be counted
		if err == nil || !errors.Is(err, ErrUnmapped) && !called { // of those left out there may be very many
			scores, unread = classify(ctx, file)
		}
		switch {
		case errors.Is(unread, frame.ErrNotPicture) && !called:
			t.Others++
		case errors.Is(err, ErrUnmapped):
			t.Unmapped++
		case err != nil || unread != nil:
			t.Bad = append(t.Bad, BadFile{file, cmp.Or(err, unread).Error()})
		default:
			t.count(class, scores)
		}
		progress("evaluating", i+1, len(files))
	}
	return t.finish(), nil
}

// tally counts answers.
type tally struct {
	Report
	output   decision.Output
	answers  map[int]*answers
	confused map[[2]int]int // how often, by class and answer
}

// answers are those for the pictures of one class.
type answers struct{ pictures, first, five int }

func newTally(o decision.Output) *tally {
	return &tally{
		Report: Report{Bad: []BadFile{}, Classes: []ClassScore{}, Confusions: []Confusion{}},
		output: o, answers: map[int]*answers{}, confused: map[[2]int]int{},
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
func (t *tally) finish() *Report {
	var sum answers
	for class, a := range t.answers {
		t.Classes = append(t.Classes, ClassScore{
			class, t.output.ClassName(class), a.pictures, fraction(a.first, a.pictures), fraction(a.five, a.pictures),
		})
		sum = answers{sum.pictures + a.pictures, sum.first + a.first, sum.five + a.five}
	}
	for pair, count := range t.confused {
		t.Confusions = append(t.Confusions, Confusion{
			pair[0], t.output.ClassName(pair[0]), pair[1], t.output.ClassName(pair[1]), count,
		})
	}
	slices.SortFunc(t.Classes, func(a, b ClassScore) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(t.Confusions, func(a, b Confusion) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Index, b.Index), cmp.Compare(a.AsIndex, b.AsIndex))
	})
	t.Pictures, t.Top1, t.Top5 = sum.pictures, fraction(sum.first, sum.pictures), fraction(sum.five, sum.pictures)
	return &t.Report
}

func fraction(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
