package teach

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"edge/frame"
	"edge/internal/text"
)

// Why explains what a taught lesson says of a picture.
type Why struct {
	File       string    `json:"file,omitempty"` // none of a frame
	Answer     string    `json:"answer"`
	Class      string    `json:"class"` // with the highest score
	Score      float64   `json:"score"`
	Familiar   float64   `json:"familiar"` // the cosine to that class's pictures
	Threshold  float64   `json:"threshold"`
	Classes    []string  `json:"classes"`
	Scores     []float64 `json:"scores"`
	Familiarto []float64 `json:"familiar_to"`
	Nearest    []Near    `json:"nearest"` // taught pictures
}

// Near is a taught picture that looks like another.
type Near struct {
	File   string  `json:"file"`
	Shows  string  `json:"shows"`
	Cosine float64 `json:"cosine"`
}

const nearest = 5

// Why computes what the lesson says of a picture file, and which taught pictures it looks like.
func (t *Taught) Why(ctx context.Context, l *Lesson, b *Backbone, file string) (*Why, error) {
	features, err := b.ofFile(ctx, file)
	if err != nil {
		return nil, err
	}
	w := t.why(l, features)
	w.File = file
	return w, nil
}

// WhyFrame is Why for a frame of which another part counts than of b's pictures, or that is fitted in another way.
func (t *Taught) WhyFrame(l *Lesson, b *Backbone, f frame.Frame, fit frame.Options) (*Why, error) {
	fitter, err := frame.NewFitter(b.spec, fit)
	if err == nil {
		err = fitter.Fit(b.net.Input(), f)
	}
	if err != nil {
		return nil, fmt.Errorf("teach: %w", err)
	}
	b.net.Run()
	return t.why(l, b.pool()), nil
}

func (t *Taught) why(l *Lesson, features raw) *Why {
	units := t.set.of(features)
	scores := probabilities(t.scores(units))
	best := slices.Index(scores, slices.Max(scores))
	w := &Why{
		Class: l.Classes[best], Answer: l.Classes[best], Score: scores[best], Familiar: min(t.familiarTo(units, best), 1),
		Threshold: float64(t.thresholds[best]), Classes: l.Classes, Scores: scores, Nearest: []Near{},
	}
	if w.Familiar < w.Threshold {
		w.Answer = None
	}
	for c := range l.Classes {
		w.Familiarto = append(w.Familiarto, min(t.familiarTo(units, c), 1)) // vectors of bytes are a little longer than 1
	}
	other := make([][]int8, len(t.set.layers))
	for i, p := range l.Pictures {
		for k, u := range t.set.units {
			if u != nil {
				other[k] = u[i]
			}
		}
		w.Nearest = append(w.Nearest, Near{p.File, l.Classes[p.Class], min(float64(t.familiar.cosine(units, other)), 1)})
	}
	slices.SortStableFunc(w.Nearest, func(a, b Near) int { return cmp.Compare(b.Cosine, a.Cosine) })
	w.Nearest = w.Nearest[:min(nearest, len(w.Nearest))]
	return w
}

// Print writes the explanation for people.
func (w *Why) Print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", text.Clean(w.File), text.Clean(w.Answer))
	relation := "at least the threshold"
	if w.Familiar < w.Threshold {
		relation = "below the threshold"
	}
	fmt.Fprintf(&b, "of the classes %s scores highest (%.1f %%); the picture is familiar to it by %.2f, %s of %.2f\n",
		text.Clean(w.Class), 100*w.Score, w.Familiar, relation, w.Threshold)
	for i, class := range w.Classes {
		fmt.Fprintf(&b, "  %5.1f %%  familiar %.2f  %s\n", 100*w.Scores[i], w.Familiarto[i], text.Clean(class))
	}
	b.WriteString("it looks most like\n")
	for _, n := range w.Nearest {
		fmt.Fprintf(&b, "  %.2f  %s  (%s)\n", n.Cosine, text.Clean(n.File), text.Clean(n.Shows))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
