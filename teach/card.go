package teach

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"edge/internal/text"
)

// Card says how good a lesson is: what the network would say of each picture, or burst of pictures, if it hadn't been
// taught that one.
type Card struct {
	Lesson   string      `json:"lesson"`
	Taught   time.Time   `json:"taught"`
	Backbone string      `json:"backbone"`
	Features string      `json:"features"` // that tell the classes apart
	Pictures int         `json:"pictures"`
	Bursts   int         `json:"bursts"` // pictures, those that are nearly the same counted once
	Accuracy float64     `json:"accuracy"`
	Low      float64     `json:"accuracy_low"` // 95 %: Wilson's interval
	High     float64     `json:"accuracy_high"`
	Classes  []ClassCard `json:"classes"`
	// Confusion counts bursts: Confusion[a][b] of class a that are taken for b.
	Confusion  [][]int    `json:"confusion"`
	Worst      []Mistake  `json:"worst"`
	Duplicates [][]string `json:"duplicates"` // bursts of more than one picture
	Twins      [][]string `json:"twins"`      // pairs of different classes that look the same
	Growth     []Growth   `json:"growth"`
	Unreadable []string   `json:"unreadable"`
	Warnings   []string   `json:"warnings"`
	Advice     string     `json:"advice"` // what would help most
}

// ClassCard is the part of a Card about one class.
type ClassCard struct {
	Name      string  `json:"name"`
	Pictures  int     `json:"pictures"`
	Bursts    int     `json:"bursts"`
	Accuracy  float64 `json:"accuracy"`
	Threshold float64 `json:"threshold"` // what is less familiar is none of the classes
	Kept      float64 `json:"kept"`      // share of its bursts that are familiar enough
}

// Mistake is a picture that is taken for something else, or nearly.
type Mistake struct {
	File      string  `json:"file"`
	Shows     string  `json:"shows"`
	TakenFor  string  `json:"taken_for"`
	Score     float64 `json:"score"`     // probability of what it shows
	Resembles string  `json:"resembles"` // the picture of another burst that it looks most like
	Cosine    float64 `json:"cosine"`
}

// Growth is the accuracy with a given number of pictures a class.
type Growth struct {
	Pictures int     `json:"pictures"`
	Accuracy float64 `json:"accuracy"`
}

const (
	maxWorst   = 12
	maxTwins   = 12
	twinCosine = 0.995 // two pictures of different classes that can't be told apart
	fewBursts  = 5     // of a class: too few to say much
)

// card judges a fit.
func (f *Fit) card(l *Lesson, b *Backbone, now time.Time) *Card {
	c := &Card{
		Lesson: l.Dir, Taught: now.UTC().Truncate(time.Second), Backbone: b.Name, Features: f.chosen.name, Pictures: len(l.Pictures),
		Bursts: len(f.bursts), Classes: make([]ClassCard, f.classes), Confusion: make([][]int, f.classes),
		Worst: []Mistake{}, Duplicates: [][]string{}, Twins: [][]string{}, Growth: []Growth{}, Unreadable: []string{}, Warnings: []string{},
	}
	counts := l.Counts()
	for i := range c.Classes {
		c.Classes[i] = ClassCard{Name: l.Classes[i], Pictures: counts[i], Threshold: float64(f.thresholds[i])}
		c.Confusion[i] = make([]int, f.classes)
	}
	right := 0.0
	var mistakes []Mistake
	for _, burst := range f.bursts {
		class := f.class[burst[0]]
		of := &c.Classes[class]
		of.Bursts++
		votes := make([]float64, f.classes)
		for _, i := range burst {
			p := probabilities(f.leftOut[i])
			best := slices.Index(p, slices.Max(p))
			votes[best] += 1 / float64(len(burst))
			if f.familiarity[i] >= float64(f.thresholds[class]) {
				of.Kept += 1 / float64(len(burst))
			}
			mistakes = append(mistakes, Mistake{
				File: l.Pictures[i].File, Shows: l.Classes[class], TakenFor: l.Classes[best], Score: p[class],
			})
		}
		of.Accuracy += votes[class]
		right += votes[class]
		c.Confusion[class][slices.Index(votes, slices.Max(votes))]++
		if len(burst) > 1 {
			var files []string
			for _, i := range burst {
				files = append(files, l.Pictures[i].File)
			}
			c.Duplicates = append(c.Duplicates, files)
		}
	}
	for i := range c.Classes {
		of := &c.Classes[i]
		of.Accuracy /= float64(max(of.Bursts, 1))
		of.Kept /= float64(max(of.Bursts, 1))
	}
	n := float64(len(f.bursts))
	c.Accuracy = right / n
	c.Low, c.High = wilson(right, n)
	slices.SortStableFunc(mistakes, func(a, b Mistake) int { return cmp.Compare(a.Score, b.Score) })
	c.Worst = append(c.Worst, mistakes[:min(maxWorst, len(mistakes))]...)
	f.resemblances(l, c)
	f.growth(c)
	for _, err := range l.Bad {
		c.Unreadable = append(c.Unreadable, text.Clean(err.Error()))
	}
	c.advise()
	return c
}

func probabilities(scores []float64) []float64 {
	p := make([]float64, len(scores))
	top, sum := slices.Max(scores), 0.0
	for i, v := range scores {
		p[i] = math.Exp(v - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// wilson is the interval that holds a share of which right of n were seen, 19 times of 20. (E. B. Wilson, 1927.)
func wilson(right, n float64) (low, high float64) {
	const z = 1.96
	p := right / n
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(centre-half, 0), min(centre+half, 1)
}

// resemblances finds what the worst pictures look most like, and pictures of different classes that look the same.
func (f *Fit) resemblances(l *Lesson, c *Card) {
	kernel := f.parts[0].kernel
	burstOf := make([]int, len(f.class))
	for b, burst := range f.bursts {
		for _, i := range burst {
			burstOf[i] = b
		}
	}
	at := map[string]int{}
	for i, p := range l.Pictures {
		at[p.File] = i
		for j, cosine := range kernel.row(i)[:i] {
			if cosine >= twinCosine && f.class[i] != f.class[j] && len(c.Twins) < maxTwins {
				c.Twins = append(c.Twins, []string{l.Pictures[j].File, p.File})
			}
		}
	}
	for k := range c.Worst {
		w := &c.Worst[k]
		i := at[w.File]
		for j, p := range l.Pictures {
			if cosine := float64(kernel.at(i, j)); burstOf[i] != burstOf[j] && cosine > w.Cosine {
				w.Resembles, w.Cosine = p.File, cosine
			}
		}
	}
}

// growth measures how good the lesson was with fewer pictures, on those that it has now, by the combination of layers with
// the largest share.
func (f *Fit) growth(c *Card) {
	kernel := f.parts[0].kernel
	byClass := make([][][]int, f.classes)
	most := 0
	for _, burst := range f.bursts {
		class := f.class[burst[0]]
		byClass[class] = append(byClass[class], burst)
		most = max(most, len(byClass[class]))
	}
	for _, per := range []int{2, 5, 10, 20, 50, 100} {
		if 2*per > most {
			break
		}
		var taught, rest []int
		var weights []float64
		for _, bursts := range byClass {
			step := max(len(bursts)/per, 1)
			for k, burst := range bursts {
				if k%step == 0 && k/step < per {
					taught, weights = append(taught, burst[0]), append(weights, 1)
				} else {
					rest = append(rest, burst...)
				}
			}
		}
		class := make([]int, len(taught))
		for k, i := range taught {
			class[k] = f.class[i]
		}
		row := make([]float32, len(taught))
		alpha := newTriangle(len(taught)).regress(func(k int) []float32 {
			for j, i := range taught[:k+1] {
				row[j] = kernel.at(taught[k], i)
			}
			return row[:k+1]
		}, lambdas[0], weights, class, f.classes)
		right := 0
		for _, i := range rest {
			scores := make([]float64, f.classes)
			for k, t := range taught {
				for c, a := range alpha[k] {
					scores[c] += a * float64(kernel.at(i, t))
				}
			}
			if slices.Index(scores, slices.Max(scores)) == f.class[i] {
				right++
			}
		}
		if len(rest) > 0 {
			c.Growth = append(c.Growth, Growth{per, float64(right) / float64(len(rest))})
		}
	}
	c.Growth = append(c.Growth, Growth{most, c.Accuracy})
}

// advise says what would help most.
func (c *Card) advise() {
	fewest, worst := 0, 0
	hasNone := false
	for i, class := range c.Classes {
		if class.Bursts < c.Classes[fewest].Bursts {
			fewest = i
		}
		if class.Accuracy < c.Classes[worst].Accuracy {
			worst = i
		}
		hasNone = hasNone || class.Name == None
	}
	from, to, most := 0, 0, 0
	for a, row := range c.Confusion {
		for b, n := range row {
			if a != b && n > most {
				from, to, most = a, b, n
			}
		}
	}
	name := func(i int) string { return text.Clean(c.Classes[i].Name) }
	chance := 1 / float64(len(c.Classes))
	switch {
	case len(c.Twins) > 0:
		c.Advice = fmt.Sprintf("%s and %s look the same, but are of different classes: put right which is which.",
			text.Clean(c.Twins[0][0]), text.Clean(c.Twins[0][1]))
	case c.Classes[fewest].Bursts < fewBursts:
		c.Advice = fmt.Sprintf("10 more of %s, each from another side or in other light: with %d different pictures little can be said.",
			name(fewest), c.Classes[fewest].Bursts)
	case c.High < chance+0.15:
		c.Advice = "The classes can't be told apart: show what differs larger, with a region of interest (--roi), or choose other classes."
	case c.Accuracy < 0.995 && most > 1:
		c.Advice = fmt.Sprintf("10 more of %s: %d of its %d pictures are taken for %s.", name(from), most, c.Classes[from].Bursts, name(to))
	case c.Accuracy < 0.98:
		c.Advice = fmt.Sprintf("10 more of %s, which is recognised least often (%.0f %%).", name(worst), 100*c.Classes[worst].Accuracy)
	case !hasNone:
		c.Advice = "A folder none with 20 pictures of what looks similar but isn't meant, and of the empty scene."
	default:
		c.Advice = "Nothing: try it at the camera, and add what it gets wrong."
	}
}

// Print writes the card for people.
func (c *Card) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d classes, %d pictures", text.Clean(c.Lesson), len(c.Classes), c.Pictures)
	if c.Bursts < c.Pictures {
		fmt.Fprintf(&b, " (%d, those nearly the same counted once)", c.Bursts)
	}
	fmt.Fprintf(&b, ", features: %s of %s\n", c.Features, text.Clean(c.Backbone))
	fmt.Fprintf(&b, "right when left out: %.1f %%, between %.1f and %.1f %% (19 of 20 times)\n\n", 100*c.Accuracy, 100*c.Low, 100*c.High)
	width := 5
	for _, class := range c.Classes {
		width = max(width, len([]rune(text.Clean(class.Name))))
	}
	fmt.Fprintf(&b, "%-*s  pictures  right  familiar  threshold  taken for\n", width, "class")
	for i, class := range c.Classes {
		var taken []string
		for j, n := range c.Confusion[i] {
			if n > 0 && i != j {
				taken = append(taken, fmt.Sprintf("%s %d×", text.Clean(c.Classes[j].Name), n))
			}
		}
		fmt.Fprintf(&b, "%-*s  %8d  %3.0f %%  %6.0f %%  %9.2f  %s\n", width, text.Clean(class.Name), class.Pictures, 100*class.Accuracy,
			100*class.Kept, class.Threshold, strings.Join(taken, ", "))
	}
	if len(c.Worst) > 0 && c.Worst[0].Score < 0.5 {
		b.WriteString("\nthe worst pictures\n")
		for _, m := range c.Worst {
			if m.Score >= 0.5 {
				break
			}
			fmt.Fprintf(&b, "  %s: taken for %s, looks like %s (%.2f)\n", text.Clean(m.File), text.Clean(m.TakenFor), text.Clean(m.Resembles), m.Cosine)
		}
	}
	if len(c.Growth) > 1 {
		b.WriteString("\npictures a class → right:")
		for _, g := range c.Growth {
			fmt.Fprintf(&b, "  %d → %.1f %%", g.Pictures, 100*g.Accuracy)
		}
		b.WriteString("\n")
	}
	for _, t := range c.Twins {
		fmt.Fprintf(&b, "\nthe same in different classes: %s, %s", text.Clean(t[0]), text.Clean(t[1]))
	}
	if len(c.Unreadable) > 0 {
		fmt.Fprintf(&b, "\n%d files can't be read and were left out, such as %s\n", len(c.Unreadable), c.Unreadable[0])
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s\n", warning)
	}
	fmt.Fprintf(&b, "\nwhat would help most: %s\n", c.Advice)
	_, err := io.WriteString(w, b.String())
	return err
}
