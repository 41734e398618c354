package decision_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"edge/decision"
)

// pets is an output of probabilities in 256ths, as the official MobileNets have it.
var pets = decision.Output{
	Classes: 4,
	Scale:   1. / 256,
	Labels:  []string{"background", "tabby, tabby cat", "Egyptian cat", "goldfish, Carassius auratus"},
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func catLED() decision.LED {
	return decision.LED{Name: "cat", Classes: []decision.Class{decision.ClassName("tabby")}, On: 0.6, Off: 0.4}
}

func newJudge(t testing.TB, c decision.Config) *decision.Judge {
	t.Helper()
	j, err := decision.NewJudge(c, pets)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// output gives class 1 a score in per cent, and the rest to the background.
func output(percent int) []byte {
	q := byte((percent*256 + 99) / 100 & 0xff)
	return []byte{255 - q, q, 0, 0}
}

// event is one line of a timeline: seconds, and the score of the cat in per cent, or lost; then what is expected.
type event struct {
	at     float64
	cat    int // per cent; lost: the camera is lost
	light  decision.Light
	second decision.Light // of the LED that shows states, if the timeline has one
}

const lost = -1

func TestTimelines(t *testing.T) {
	on, dark := decision.Steady, decision.Dark
	blink := decision.Light{On: 100 * time.Millisecond, Off: 900 * time.Millisecond}
	status := decision.LED{Name: "status"}
	tests := []struct {
		name   string
		config func(*decision.Config)
		events []event
	}{
		{
			name: "two thresholds",
			events: []event{
				{at: 0, cat: 50, light: dark},
				{at: 1, cat: 60, light: on},
				{at: 2, cat: 50, light: on},
				{at: 3, cat: 40, light: on},
				{at: 4, cat: 39, light: dark},
				{at: 5, cat: 59, light: dark},
				{at: 6, cat: 99, light: on},
			},
		},
		{
			name:   "blinks",
			config: func(c *decision.Config) { c.LEDs[0].Light = blink },
			events: []event{{at: 0, cat: 10, light: dark}, {at: 1, cat: 90, light: blink}},
		},
		{
			name:   "hold keeps both states",
			config: func(c *decision.Config) { c.LEDs[0].Hold = 2 * time.Second },
			events: []event{
				{at: 0, cat: 90, light: on}, // the first change waits for nothing
				{at: 1.9, cat: 0, light: on},
				{at: 2, cat: 0, light: dark},
				{at: 3, cat: 90, light: dark},
				{at: 4, cat: 90, light: on},
			},
		},
		{
			name:   "mean of frames, missing ones are 0",
			config: func(c *decision.Config) { c.LEDs[0].Smoothing = decision.Smoothing{Frames: 3} },
			events: []event{
				{at: 0, cat: 90, light: dark}, // 30
				{at: 1, cat: 90, light: on},   // 60
				{at: 2, cat: 0, light: on},    // 60
				{at: 3, cat: 30, light: on},   // 40
				{at: 4, cat: 80, light: dark}, // 37
				{at: 5, cat: 70, light: on},   // 60
			},
		},
		{
			name:   "mean over a time, however fast the frames come",
			config: func(c *decision.Config) { c.LEDs[0].Smoothing = decision.Smoothing{Span: time.Second} },
			events: []event{
				{at: 0, cat: 80, light: dark},   // one frame is no second
				{at: 0.5, cat: 80, light: dark}, // half a second: 40
				{at: 0.8, cat: 80, light: on},   // 64
				{at: 1.0, cat: 0, light: on},    // 80 80 0 (the first has gone): 53
				{at: 1.1, cat: 0, light: on},    // 80 80 0 0: 40
				{at: 1.2, cat: 0, light: dark},  // 80 80 0 0 0: 32
				{at: 9, cat: 80, light: on},     // the only one of the last second
			},
		},
		{
			name:   "votes",
			config: func(c *decision.Config) { c.LEDs[0].Smoothing = decision.Smoothing{Votes: 2, Frames: 3} },
			events: []event{
				{at: 0, cat: 90, light: dark},
				{at: 1, cat: 0, light: dark},
				{at: 2, cat: 61, light: on},
				{at: 3, cat: 40, light: on}, // to stay lit, reaching off is enough
				{at: 4, cat: 0, light: on},
				{at: 5, cat: 59, light: on},
				{at: 6, cat: 0, light: dark},
				{at: 7, cat: 59, light: dark},
				{at: 8, cat: 59, light: dark},
			},
		},
		{
			name:   "one vote of many doesn't flicker",
			config: func(c *decision.Config) { c.LEDs[0].Smoothing = decision.Smoothing{Votes: 1, Frames: 3} },
			events: []event{
				{at: 0, cat: 90, light: on},
				{at: 1, cat: 0, light: on},
				{at: 2, cat: 0, light: on},
				{at: 3, cat: 0, light: dark},
			},
		},
		{
			name:   "a lost camera puts the light out and is forgotten",
			config: func(c *decision.Config) { c.LEDs[0].Smoothing = decision.Smoothing{Votes: 2, Frames: 3} },
			events: []event{
				{at: 0, cat: 90, light: dark},
				{at: 1, cat: 90, light: on},
				{at: 2, cat: lost, light: dark},
				{at: 3, cat: lost, light: dark},
				{at: 4, cat: 90, light: dark}, // the votes before don't count
				{at: 5, cat: 90, light: on},
			},
		},
		{
			name:   "a camera that comes and goes doesn't get round the hold",
			config: func(c *decision.Config) { c.LEDs[0].Hold = 5 * time.Second },
			events: []event{
				{at: 0, cat: 90, light: on},
				{at: 1, cat: lost, light: dark},
				{at: 2, cat: 90, light: dark},
				{at: 6, cat: 90, light: on},
			},
		},
		{
			name: "states",
			config: func(c *decision.Config) {
				c.LEDs = append(c.LEDs, status)
				c.CameraLost = decision.Show{LEDs: []string{"status", "cat"}, Light: blink}
				c.NotSure = decision.NotSure{Show: decision.Show{LEDs: []string{"status"}}, Below: 0.7}
			},
			events: []event{
				{at: 0, cat: 50, light: dark, second: on}, // background has the other half
				{at: 1, cat: 65, light: on, second: dark}, // the rule speaks, so it's sure enough
				{at: 2, cat: 10, light: dark, second: dark},
				{at: 3, cat: lost, light: blink, second: blink},
				{at: 4, cat: 50, light: dark, second: on},
			},
		},
		{
			name: "not sure is below, not at, the threshold",
			config: func(c *decision.Config) {
				c.LEDs[0].On = 0.9
				c.LEDs = append(c.LEDs, status)
				c.NotSure = decision.NotSure{Show: decision.Show{LEDs: []string{"status"}}, Below: 0.5}
			},
			events: []event{
				{at: 0, cat: 50, light: dark, second: dark}, // 128 of 256
				{at: 1, cat: 49, light: dark, second: dark}, // the background has the rest
			},
		},
		{
			name: "not sure is smoothed and held too",
			config: func(c *decision.Config) {
				c.LEDs[0].On = 0.9
				c.LEDs = append(c.LEDs, status)
				c.NotSure = decision.NotSure{
					Show: decision.Show{LEDs: []string{"status"}}, Below: 0.7,
					Smoothing: decision.Smoothing{Votes: 2, Frames: 2}, Hold: 3 * time.Second,
				}
			},
			events: []event{
				{at: 0, cat: 50, light: dark, second: dark},
				{at: 1, cat: 50, light: dark, second: on},
				{at: 2, cat: 80, light: dark, second: on},
				{at: 3, cat: 80, light: dark, second: on},
				{at: 4, cat: 80, light: dark, second: dark},
			},
		},
		{
			name:   "late frames don't turn time back, nor does a clock that is set",
			config: func(c *decision.Config) { c.LEDs[0].Hold = 2 * time.Second },
			events: []event{
				{at: 100, cat: 90, light: on},
				{at: 101, cat: 0, light: on},
				{at: 99, cat: 0, light: on},
				{at: 101.5, cat: 0, light: on},
				{at: 2, cat: 0, light: on}, // an hour back, say; from here on
				{at: 2.4, cat: 0, light: on},
				{at: 2.5, cat: 0, light: dark},
				{at: 1e9, cat: 90, light: on},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			config := decision.Config{LEDs: []decision.LED{catLED()}}
			if tt.config != nil {
				tt.config(&config)
			}
			j := newJudge(t, config)
			for _, e := range tt.events {
				at := start.Add(time.Duration(e.at * float64(time.Second)))
				var v decision.Verdict
				if e.cat == lost {
					v = j.Lost(at)
				} else {
					v = j.Observe(output(e.cat), at)
				}
				if v.Lights[0] != e.light || len(v.Lights) > 1 && v.Lights[1] != e.second {
					t.Fatalf("at %v s, cat %d %%: lights %v, want %v, %v", e.at, e.cat, v.Lights, e.light, e.second)
				}
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	led := catLED()
	led.Classes = []decision.Class{decision.ClassName("*cat"), decision.ClassIndex(1)} // 1 counts once
	blink := decision.Light{On: time.Second, Off: time.Second}
	j := newJudge(t, decision.Config{
		LEDs:     []decision.LED{led},
		Starting: decision.Show{LEDs: []string{"cat"}, Light: blink},
	})
	type verdict struct {
		state   decision.State
		light   decision.Light
		ledSum  float32
		top     int
		score   float32
		changed bool
	}
	for i, tt := range []struct {
		say  func() decision.Verdict
		want verdict
	}{
		{j.Starting, verdict{decision.Starting, blink, 0, -1, 0, true}},
		{j.Starting, verdict{decision.Starting, blink, 0, -1, 0, false}},
		{
			func() decision.Verdict { return j.Observe([]byte{64, 64, 128, 0}, start) },
			verdict{decision.Watching, decision.Steady, 0.75, 2, 0.5, true},
		},
		{
			func() decision.Verdict { return j.Observe([]byte{64, 64, 64, 64}, start) },
			verdict{decision.Watching, decision.Steady, 0.5, 0, 0.25, false},
		},
		{
			func() decision.Verdict { return j.Observe([]byte{0, 200, 200, 0}, start) },
			verdict{decision.Watching, decision.Steady, 1, 1, 200. / 256, false},
		},
		{
			func() decision.Verdict { return j.Lost(start) },
			verdict{decision.CameraLost, decision.Dark, 0, -1, 0, true},
		},
	} {
		v := tt.say()
		got := verdict{v.State, v.Lights[0], v.Scores[0], v.Top, v.Score, v.Changed}
		if got != tt.want {
			t.Errorf("verdict %d: got %+v, want %+v", i, got, tt.want)
		}
	}
}

// Whatever is seen, no LED goes on, or off while there is a camera, sooner than the hold after its last change; and
// without a hold none changes but by a score beyond the threshold.
func TestNeverFaster(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		led := catLED()
		led.Hold = time.Duration(rnd.IntN(3000)) * time.Millisecond
		led.Smoothing = []decision.Smoothing{
			{},
			{Span: time.Duration(1+rnd.IntN(2000)) * time.Millisecond},
			{Frames: 1 + rnd.IntN(5)},
			{Votes: 1 + rnd.IntN(3), Frames: 3},
		}[rnd.IntN(4)]
		j := newJudge(t, decision.Config{LEDs: []decision.LED{led}})
		newest := start
		light, changed := decision.Dark, start.Add(-time.Hour)
		for range 500 {
			at := newest.Add(time.Duration(rnd.IntN(1500)-200) * time.Millisecond) // some come late
			if at.After(newest) {
				newest = at
			}
			var v decision.Verdict
			percent := rnd.IntN(101)
			if rnd.IntN(50) == 0 {
				v = j.Lost(at)
				percent = lost
			} else {
				v = j.Observe(output(percent), at)
			}
			if v.Lights[0] == light {
				continue
			}
			if percent != lost && newest.Sub(changed) < led.Hold {
				t.Fatalf("seed %d: changed %v after the last change, hold is %v", seed, newest.Sub(changed), led.Hold)
			}
			if led.Smoothing == (decision.Smoothing{}) && percent != lost && percent >= 40 && percent < 60 {
				t.Fatalf("seed %d: a score of %d %% between the thresholds changed the light to %v", seed, percent, v.Lights[0])
			}
			light, changed = v.Lights[0], newest
		}
	}
}

func TestReplayIsTheSame(t *testing.T) {
	led := catLED()
	led.Smoothing = decision.Smoothing{Span: 700 * time.Millisecond}
	led.Hold = 300 * time.Millisecond
	run := func() string {
		j := newJudge(t, decision.Config{LEDs: []decision.LED{led}, NotSure: decision.NotSure{Below: 0.6}})
		rnd := rand.New(rand.NewPCG(1, 2))
		var log strings.Builder
		for i := range 2000 {
			at := start.Add(time.Duration(i)*33*time.Millisecond + time.Duration(rnd.IntN(40))*time.Millisecond)
			fmt.Fprintln(&log, j.Observe(output(rnd.IntN(101)), at))
		}
		return log.String()
	}
	if first := run(); first != run() || !strings.Contains(first, "steady") || !strings.Contains(first, "not sure") {
		t.Error("the same outputs gave other verdicts")
	}
}

// A window over time has a bounded ring; frames that come faster than it is made for are averaged over less time.
func TestFasterThanTheWindow(t *testing.T) {
	led := catLED()
	led.Smoothing = decision.Smoothing{Span: time.Second}
	j := newJudge(t, decision.Config{LEDs: []decision.LED{led}})
	for i := range 100_000 {
		v := j.Observe(output(80), start.Add(time.Duration(i)*100*time.Microsecond))
		if want := i >= 7493; (v.Lights[0] == decision.Steady) != want { // 0.6 s of 205/256
			t.Fatalf("frame %d: %v", i, v.Lights)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	led := catLED()
	led.Smoothing = decision.Smoothing{Span: time.Second}
	for _, values := range []decision.Values{decision.Probabilities, decision.Independent, decision.Logits} {
		o := pets
		o.Values = values
		j, err := decision.NewJudge(decision.Config{LEDs: []decision.LED{led}, NotSure: decision.NotSure{Below: 0.5}}, o)
		if err != nil {
			t.Fatal(err)
		}
		at, out := start, output(70)
		if n := testing.AllocsPerRun(1000, func() {
			at = at.Add(30 * time.Millisecond)
			j.Observe(out, at)
			j.Lost(at)
			j.Starting()
		}); n != 0 {
			t.Errorf("values %v: %v allocations", values, n)
		}
	}
}

func TestNewJudgeErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*decision.Config, *decision.Output)
		place  decision.Place
		want   []string
	}{
		{
			"unknown class", func(c *decision.Config, _ *decision.Output) {
				c.LEDs[0].Classes = append(c.LEDs[0].Classes, decision.ClassName("goldfsh"))
			},
			decision.Place{Field: decision.FieldClasses, Index: 1},
			[]string{`led "cat"`, `class "goldfsh"`, `did you mean "goldfish"?`},
		},
		{
			"part of a label", func(c *decision.Config, _ *decision.Output) {
				c.LEDs[0].Classes[0] = decision.ClassName("cat")
			},
			decision.Place{Field: decision.FieldClasses},
			[]string{`did you mean "tabby, tabby cat" or "Egyptian cat"?`},
		},
		{
			"pattern that fits nothing", func(c *decision.Config, _ *decision.Output) {
				c.LEDs[0].Classes[0] = decision.ClassName("*dog*")
			},
			decision.Place{Field: decision.FieldClasses},
			[]string{"no class fits this pattern"},
		},
		{
			"index", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Classes[0] = decision.ClassIndex(4) },
			decision.Place{Field: decision.FieldClasses},
			[]string{"class 4: the network has the classes 0 to 3"},
		},
		{
			"negative index", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Classes[0] = decision.ClassIndex(-1) },
			decision.Place{Field: decision.FieldClasses},
			[]string{"class -1"},
		},
		{
			"no labels", func(_ *decision.Config, o *decision.Output) { o.Labels = nil },
			decision.Place{Field: decision.FieldClasses},
			[]string{"has no labels"},
		},
		{
			"two of one name", func(_ *decision.Config, o *decision.Output) {
				o.Labels = []string{"a", "tabby", "Tabby", "tabby, x"}
			},
			decision.Place{Field: decision.FieldClasses},
			[]string{"2 classes have this name: choose by index, of 1, 2"},
		},
		{
			"off above on", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Off = 0.7 },
			decision.Place{Field: decision.FieldOff},
			[]string{`led "cat"`, "off (0.7) is above on (0.6)"},
		},
		{
			"on too high", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].On = 60 },
			decision.Place{Field: decision.FieldOn},
			[]string{"on is 60: it must be above 0 and at most 1"},
		},
		{
			"never off", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Off = 0 },
			decision.Place{Field: decision.FieldOff},
			[]string{"off is 0"},
		},
		{
			"never reached", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].On = 1 },
			decision.Place{Field: decision.FieldOn},
			[]string{"on (1) is never reached", "0.996"},
		},
		{
			"hold", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Hold = -1 },
			decision.Place{Field: decision.FieldHold},
			[]string{"hold is -1ns"},
		},
		{
			"votes", func(c *decision.Config, _ *decision.Output) {
				c.LEDs[0].Smoothing = decision.Smoothing{Votes: 4, Frames: 3}
			},
			decision.Place{Field: decision.FieldSmoothing},
			[]string{"4 of 3 frames"},
		},
		{
			"memory", func(c *decision.Config, _ *decision.Output) {
				c.LEDs[0].Smoothing = decision.Smoothing{Span: time.Hour}
			},
			decision.Place{Field: decision.FieldSmoothing},
			[]string{"at most 1m0s"},
		},
		{
			"blink", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Light = decision.Light{On: 1, Off: 1} },
			decision.Place{Field: decision.FieldLight},
			[]string{"1ns on"},
		},
		{
			"nothing lights it", func(c *decision.Config, _ *decision.Output) { c.LEDs[0].Classes = nil },
			decision.Place{},
			[]string{"nothing lights it"},
		},
		{
			"name twice", func(c *decision.Config, _ *decision.Output) { c.LEDs = append(c.LEDs, c.LEDs[0]) },
			decision.Place{LED: 1, Field: decision.FieldName},
			[]string{"second LED of this name"},
		},
		{
			"state of no LED", func(c *decision.Config, _ *decision.Output) { c.Starting.LEDs = []string{"cta", "cats"} },
			decision.Place{State: decision.Starting, Field: decision.FieldLEDs, Index: 1},
			[]string{`no LED "cats": did you mean "cat"?`},
		},
		{
			"not sure of nothing", func(c *decision.Config, _ *decision.Output) { c.NotSure.LEDs = []string{"cat"} },
			decision.Place{State: decision.Unsure, Field: decision.FieldBelow},
			[]string{"below is 0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, o := decision.Config{LEDs: []decision.LED{catLED()}}, pets
			tt.change(&c, &o)
			_, err := decision.NewJudge(c, o)
			problems, ok := err.(decision.Problems)
			if !ok {
				t.Fatalf("got error %v", err)
			}
			i := slices.IndexFunc(problems, func(p decision.Problem) bool { return p.Place == tt.place })
			if i < 0 {
				t.Fatalf("no problem at %+v: %+v", tt.place, problems)
			}
			for _, want := range tt.want {
				if !strings.Contains(problems[i].Text, want) {
					t.Errorf("%q lacks %q", problems[i].Text, want)
				}
			}
		})
	}
}

func TestClasses(t *testing.T) {
	labels := []string{"background", "crane", "maillot", "maillot, tank suit", "Crane, lifting", "50% off?"}
	o := decision.Output{Classes: len(labels), Scale: 1. / 256, Labels: labels}
	for _, tt := range []struct {
		class decision.Class
		want  []int
	}{
		{decision.ClassName("MAILLOT"), []int{2}},
		{decision.ClassName("tank suit"), []int{3}},
		{decision.ClassName("maillot, tank suit"), []int{3}},
		{decision.ClassName("crane"), []int{1}},
		{decision.ClassName("crane*"), []int{1, 4}},
		{decision.ClassName("*"), []int{0, 1, 2, 3, 4, 5}},
		{decision.ClassName("*a*l*"), []int{2, 3, 4}},
		{decision.ClassName("?ank*"), []int{3}},
		{decision.ClassName("50% off?"), []int{5}},
		{decision.ClassIndex(3), []int{3}},
	} {
		led := decision.LED{Name: "x", Classes: []decision.Class{tt.class}, On: 0.5, Off: 0.5}
		j, err := decision.NewJudge(decision.Config{LEDs: []decision.LED{led}}, o)
		if err != nil {
			t.Errorf("%v: %v", tt.class, err)
			continue
		}
		var got []int
		for i := range labels {
			out := make([]byte, len(labels))
			out[i] = 255
			if j.Observe(out, start).Scores[0] > 0 {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, tt.want) || !slices.Equal(j.Classes(0), tt.want) {
			t.Errorf("%v picks %v (%v), want %v", tt.class, got, j.Classes(0), tt.want)
		}
	}
}

// TestFind holds what a class's name may mean.
func TestFind(t *testing.T) {
	o := decision.Output{Classes: 8, Groups: map[string][]int{"cat": {1, 2}, "bird": {3, 5}}, Labels: []string{
		"7", "tabby, tabby cat", "Egyptian cat", "oystercatcher, oyster catcher", "strawberry", "Wölfe", "cat food", "bulldog",
	}}
	for _, c := range []struct {
		name string
		want []int
	}{
		{"*cat*", []int{1, 2, 6}}, // a word
		{"*cat", []int{1, 2}},
		{"cat*", []int{6}},
		{"*CATCHER", []int{3}},
		{"straw*", []int{4}}, // no label has it as a word
		{"*dog", []int{7}},
		{"w?lfe", []int{5}}, // a character, not a byte
		{"*", []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{"**a**a**", []int{1, 2, 3}},
		{"any cat", []int{1, 2}},
		{"Any  Bird", []int{3, 5}},
		{"2-4", []int{2, 3, 4}},
		{" 5 - 5 ", []int{5}},
		{"7", []int{0}}, // a label, not an index
	} {
		got, err := o.Find(decision.ClassName(c.name))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	for name, want := range map[string]string{
		"any bir":  `did you mean "any bird"?`,
		"any":      "no class has this name",
		"bird":     `did you mean "any bird"?`,
		"cat":      `did you mean "any cat"`,
		"4-2":      "begins with the lower index",
		"6-8":      "the classes 0 to 7",
		"a-b":      "no class has this name",
		"*zebra*":  "no class fits this pattern",
		"straw?x*": "no class fits this pattern",
	} {
		if got, err := o.Find(decision.ClassName(name)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %s", name, got, err, want)
		}
	}
	o.Later = []string{"ajar", "tabby"}
	for _, name := range []string{"ajar", "AJAR", "aj*"} { // may be named, has no index
		if got, err := o.Find(decision.ClassName(name)); err != nil || len(got) > 0 {
			t.Errorf("%q, not taught yet: %v, %v", name, got, err)
		}
	}
	if got := o.Untaught(); !slices.Equal(got, []string{"ajar", "tabby"}) {
		t.Errorf("not taught: %q", got)
	}
	o.Later = nil
	o.Groups = nil
	if _, err := o.Find(decision.ClassName("any cat")); err == nil || !strings.Contains(err.Error(), "name them") {
		t.Errorf("without groups: %v", err)
	}
	o.Labels = []string{"any cat", "1-3", "", "", "", "", "", ""}
	for class, name := range []string{"any cat", "1-3"} { // labels go first
		if got, err := o.Find(decision.ClassName(name)); err != nil || !slices.Equal(got, []int{class}) {
			t.Errorf("a label %q: %v, %v", name, got, err)
		}
	}
	o.Labels = nil
	if got, err := o.Find(decision.ClassName("0-7")); err != nil || len(got) != 8 {
		t.Errorf("a range without labels: %v, %v", got, err)
	}
}

func TestMillionsOfStars(t *testing.T) { // takes ages if matching is exponential
	o := pets
	o.Labels = slices.Clone(pets.Labels)
	o.Labels[1] = strings.Repeat("a", 1000)
	led := catLED()
	led.Classes = []decision.Class{decision.ClassName(strings.Repeat("a*", 300) + "b")}
	if _, err := decision.NewJudge(decision.Config{LEDs: []decision.LED{led}}, o); err == nil {
		t.Error("fits")
	}
}

func TestParseSmoothing(t *testing.T) {
	for text, want := range map[string]decision.Smoothing{
		"none":              {},
		"average 1.5s":      {Span: 1500 * time.Millisecond},
		"average 10 frames": {Frames: 10},
		" 3  of 5 frames ":  {Votes: 3, Frames: 5},
		"3 of 5":            {Votes: 3, Frames: 5},
	} {
		got, err := decision.ParseSmoothing(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := decision.ParseSmoothing(got.String()); err != nil || again != got {
			t.Errorf("%q reads back as %+v, %v", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"average 10":                          "no unit",
		"average":                             "choose",
		"average 0s":                          "choose",
		"0 of 0":                              "choose",
		"0 of 3 frames":                       "choose",
		"of":                                  "choose",
		"frames":                              "choose",
		"-1 of 3":                             "choose",
		"average 99999999999999999999 frames": "choose",
		"":                                    "choose",
	} {
		if got, err := decision.ParseSmoothing(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseSmoothing(f *testing.F) {
	f.Add("average 1s")
	f.Add("average 10 frames")
	f.Add("3 of 5 frames")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := decision.ParseSmoothing(text)
		if err != nil {
			return
		}
		if again, err := decision.ParseSmoothing(s.String()); err != nil || s != again {
			t.Errorf("%q is %v is %v: %v", text, s, again, err)
		}
	})
}

// TestIndependent shows that scores are added only if the classes exclude each other.
func TestIndependent(t *testing.T) {
	for values, want := range map[decision.Values]float32{decision.Probabilities: 200. / 256, decision.Independent: 120. / 256} {
		o := decision.Output{Classes: 3, Scale: 1. / 256, Values: values}
		led := decision.LED{Name: "x", Classes: []decision.Class{decision.ClassIndex(0), decision.ClassIndex(2)}, On: 0.6, Off: 0.5}
		j, err := decision.NewJudge(decision.Config{LEDs: []decision.LED{led}}, o)
		if err != nil {
			t.Fatal(err)
		}
		v := j.Observe([]byte{80, 255, 120}, start)
		if v.Scores[0] != want || (v.Lights[0] == decision.Steady) != (want > 0.6) {
			t.Errorf("%v: score %v, want %v", values, v.Scores[0], want)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("*a*b?", "xaybz, c")
	f.Add("any cat", "any cat")
	f.Add("1-2", "")
	f.Fuzz(func(t *testing.T, name, label string) {
		o := decision.Output{Classes: 2, Labels: []string{label, "b"}, Groups: map[string][]int{"cat": {1}}}
		found, err := o.Find(decision.ClassName(name))
		if (err == nil) != (len(found) > 0) && name != "" {
			t.Errorf("%v, %v", found, err)
		}
		for _, class := range found {
			if class < 0 || class > 1 {
				t.Errorf("class %d", class)
			}
		}
	})
}
