package teach

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"edge/classifier"
	"edge/engine"
	"edge/frame"
	"edge/model"
)

// measure is where docs/bench/teach.py wants the features and what this room makes of them.
var measure = flag.String("measure", "", "write draws of the lessons in ../shared/teach, fitted, into this `FOLDER`")

// lessonDir is for BenchmarkAgain.
var lessonDir = flag.String("lesson", "", "teach the lesson in this `FOLDER`")

const shared = "../../shared/teach"

// sharedLesson reads one of the lessons of ../shared, its features kept in the machine's temporary folder.
func sharedLesson(t testing.TB, b *Backbone, name string) *Lesson {
	t.Helper()
	if _, err := os.Stat(filepath.Join(shared, name)); err != nil {
		t.Skip("../shared/teach isn't there")
	}
	dir := filepath.Join(os.TempDir(), "edge-teach-"+name)
	os.MkdirAll(dir, 0o755)
	classes, _ := os.ReadDir(filepath.Join(shared, name))
	for _, c := range classes {
		target, _ := filepath.Abs(filepath.Join(shared, name, c.Name()))
		os.Symlink(target, filepath.Join(dir, c.Name()))
	}
	l, err := Read(t.Context(), dir, b, frame.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// draw takes so many pictures of each class at random, and leaves the rest.
func draw(l *Lesson, per int, seed uint64) (taught, rest []int) {
	rng := rand.New(rand.NewPCG(seed, 77))
	for c := range l.Classes {
		var of []int
		for i, p := range l.Pictures {
			if p.Class == c {
				of = append(of, i)
			}
		}
		rng.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		taught, rest = append(taught, of[:per]...), append(rest, of[per:]...)
	}
	return taught, rest
}

// fitDraw fits the pictures of a draw.
func fitDraw(b *Backbone, l *Lesson, taught []int) *Fit {
	var features []raw
	var class []int
	for _, i := range taught {
		features, class = append(features, l.Pictures[i].features), append(class, l.Pictures[i].Class)
	}
	return fit(b, features, class, l.Classes)
}

// answer is what a fit says of a picture: the class with the highest score, and whether the picture is familiar to it.
func (f *Fit) answer(p raw) (class int, familiar bool) {
	u := f.set.of(p)
	s := f.scores(u)
	class = slices.Index(s, slices.Max(s))
	return class, f.familiarTo(u, class) >= float64(f.thresholds[class])
}

// TestShared holds how good lessons of real photographs are: which class, and whether it is any of them.
func TestShared(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	b, err := OpenBackbone(classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	least := map[string]float64{"fruit": 0.945, "rubbish": 0.985, "insects": 0.93}
	lessons := map[string]*Lesson{}
	for name := range least {
		lessons[name] = sharedLesson(t, b, name)
	}
	const per, draws = 20, 2
	for name, l := range lessons {
		right, kept, all, accepted, foreign := 0., 0., 0., 0., 0.
		for seed := range uint64(draws) {
			taught, rest := draw(l, per, seed)
			f := fitDraw(b, l, taught)
			for _, i := range rest {
				class, familiar := f.answer(l.Pictures[i].features)
				all++
				if class == l.Pictures[i].Class {
					right++
				}
				if familiar {
					kept++
				}
			}
			for other := range lessons {
				if other == name {
					continue
				}
				for i := seed; i < uint64(len(lessons[other].Pictures)); i += 4 {
					foreign++
					if _, familiar := f.answer(lessons[other].Pictures[i].features); familiar {
						accepted++
					}
				}
			}
		}
		t.Logf("%s: %.1f %% right, %.1f %% kept, %.2f %% of foreign pictures accepted", name, 100*right/all, 100*kept/all, 100*accepted/foreign)
		if right/all < least[name] || kept/all < 0.9 || accepted/foreign > 0.02 {
			t.Errorf("%s: at least %.1f %% right, 90 %% kept, and at most 2 %% accepted are wanted", name, 100*least[name])
		}
	}
}

// measured is what one draw gave.
type measured struct {
	Set      string `json:"set"`
	Per      int    `json:"per"`
	Features string `json:"features"`
	Taught   int    `json:"taught"`
	Rest     int    `json:"rest"`
	Depth    int    `json:"depth"`
	Class    []int  `json:"class"` // of all
	// What each layer's units are multiplied by for the kernel that is the mean of the parts', and its channels.
	Scales   []float64 `json:"scales"`
	Channels []int     `json:"channels"`
	Right    float64   `json:"right"`
	Int8     float64   `json:"int8"` // by the quantized head
	Kept     float64   `json:"kept"`
	Foreign  float64   `json:"foreign"`
	Millis   float64   `json:"ms"`
	Units    string    `json:"units"` // file: int8, of those taught and then the rest
}

// TestMeasure is for docs/bench/teach.py.
func TestMeasure(t *testing.T) {
	if *measure == "" {
		t.Skip("-measure isn't given")
	}
	b, err := OpenBackbone(classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sets := []string{"fruit", "rubbish", "insects"}
	var lessons []*Lesson
	for _, name := range sets {
		lessons = append(lessons, sharedLesson(t, b, name))
	}
	var all []measured
	for s, l := range lessons {
		for _, per := range []int{5, 20, 50} {
			for seed := range uint64(10) {
				taught, rest := draw(l, per, seed)
				start := time.Now()
				f := fitDraw(b, l, taught)
				m := measured{
					Set: sets[s], Per: per, Features: f.chosen.name, Taught: len(taught), Rest: len(rest),
					Millis: float64(time.Since(start).Microseconds()) / 1000,
					Units:  filepath.Join(*measure, fmt.Sprintf("%s-%d-%d", sets[s], per, seed)),
				}
				head := quantizedHead(t, f)
				for _, layer := range f.chosen.layers {
					square := 0.0
					for _, p := range f.parts {
						if slices.Contains(p.layers, layer) {
							square += p.share / float64(len(p.layers))
						}
					}
					m.Scales, m.Channels = append(m.Scales, math.Sqrt(square)), append(m.Channels, f.set.layers[layer].channels)
				}
				var units []byte
				for k, i := range append(slices.Clone(taught), rest...) {
					p := l.Pictures[i]
					u := f.set.of(p.features)
					from := len(units)
					for _, layer := range f.chosen.layers {
						for _, v := range u[layer] {
							units = append(units, byte(v))
						}
					}
					m.Depth = len(units) - from
					m.Class = append(m.Class, p.Class)
					if k < len(taught) {
						continue
					}
					n := float64(len(rest))
					class, familiar := f.answer(p.features)
					if class == p.Class {
						m.Right += 1 / n
					}
					if familiar {
						m.Kept += 1 / n
					}
					if head(units[from:]) == p.Class {
						m.Int8 += 1 / n
					}
				}
				accepted, foreign := 0., 0.
				for o, other := range lessons {
					for i := 0; o != s && i < len(other.Pictures); i += 3 {
						foreign++
						if _, familiar := f.answer(other.Pictures[i].features); familiar {
							accepted++
						}
					}
				}
				m.Foreign = accepted / foreign
				if err := os.WriteFile(m.Units, units, 0o644); err != nil {
					t.Fatal(err)
				}
				all = append(all, m)
			}
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*measure, "draws.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// quantizedHead is the head of a fit alone, as it is written: units in, the class with the highest score out, the first of
// equals.
func quantizedHead(t *testing.T, f *Fit) func(units []byte) int {
	h := &head{typ: model.Int8}
	rows := f.logits()
	in := h.tensor("units", h.quant(1./128, 0), 1, len(rows[0]))
	h.Inputs = []int{in}
	out := h.softmax(h.dense(in, rows, h.quant(f.logitScale(), 0), "logits"), 1, "probabilities")
	g, err := h.finish([]int{out})
	if err != nil {
		t.Fatal(err)
	}
	net, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return func(units []byte) int {
		copy(net.Input(), units)
		net.Run()
		best := 0
		for i, q := range net.Output() {
			if int8(q) > int8(net.Output()[best]) {
				best = i
			}
		}
		return best
	}
}

// BenchmarkFit fits 5 classes of 50 pictures each, all choices included.
func BenchmarkFit(bench *testing.B) {
	b, err := OpenBackbone(classifier.Options{})
	if err != nil {
		bench.Fatal(err)
	}
	defer b.Close()
	l := sharedLesson(bench, b, "fruit")
	var taught []int
	all, _ := draw(l, 50, 1)
	for _, i := range all {
		if l.Pictures[i].Class < 5 {
			taught = append(taught, i)
		}
	}
	l.Classes = l.Classes[:5]
	bench.ReportAllocs()
	for bench.Loop() {
		fitDraw(b, l, taught)
	}
}

// BenchmarkAgain teaches a lesson whose features are kept, as a board does after a picture: read, fit and judge, write, and open
// what was written, with its sum. The picture's own inference is apart. Each stage ends with a getppid, by which
// docs/bench/teach_board.py tells them apart.
func BenchmarkAgain(bench *testing.B) {
	if *lessonDir == "" {
		bench.Skip("-lesson isn't given")
	}
	b, err := OpenBackbone(classifier.Options{Threads: 1})
	if err != nil {
		bench.Fatal(err)
	}
	defer b.Close()
	file := filepath.Join(bench.TempDir(), "taught.tflite")
	bench.ReportAllocs()
	for bench.Loop() {
		os.Getppid()
		l, err := Read(bench.Context(), *lessonDir, b, frame.Options{}, nil)
		if err != nil {
			bench.Fatal(err)
		}
		os.Getppid()
		taught, err := Teach(l, b, time.Now())
		if err != nil {
			bench.Fatal(err)
		}
		os.Getppid()
		if err := taught.Write(file, nil); err != nil {
			bench.Fatal(err)
		}
		os.Getppid()
		net, err := classifier.New(taught.Graph, classifier.Options{Model: file, Threads: 1, Donor: b.Donor()})
		if err != nil {
			bench.Fatal(err)
		}
		if _, err := classifier.Sum(file); err != nil {
			bench.Fatal(err)
		}
		os.Getppid()
		net.Close()
	}
}
