package decision

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// State says what the program knows of the scene, and so what the lights show.
type State uint8

// The states.
const (
	Starting   State = iota + 1 // no frame yet
	Watching                    // the LEDs' own rules decide
	Unsure                      // no rule lights an LED, and no class has a good score
	CameraLost                  // no frames any more
	states     = iota + 1
)

func (s State) String() string {
	return [states]string{"", "starting", "watching", "not sure", "camera lost"}[s]
}

// Verdict is a Judge's result after a frame or an event. Its slices are the Judge's and good until the next call.
type Verdict struct {
	State   State
	Lights  []Light   // of each LED of the Config
	Scores  []float32 // of each LED's classes in this frame: their sum, at most 1 (Independent: their highest); 0 without a frame
	Top     int       // the class with the highest score in this frame, the first of equals; -1 without a frame
	Score   float32   // of Top
	Changed bool      // State or Lights differ from the verdict before; true for the first
}

// Judge turns outputs over time into lights. The same outputs at the same times always give the same lights.
// It isn't safe for concurrent use.
type Judge struct {
	scorer   *Scorer
	clock    clock
	names    []string // of the LEDs
	rules    []rule
	doubt    *rule           // is on while no class has a good score; its own score is what the top one lacks to 1
	shows    [states][]Light // how each LED shows the state, Dark if it doesn't
	verdict  Verdict
	previous []Light
}

// NewJudge checks all that could fail, so that a Judge can't fail. An error about the Config is of type Problems.
func NewJudge(c Config, o Output) (*Judge, error) {
	scorer, err := NewScorer(o)
	if err != nil {
		return nil, err
	}
	problems := c.Check()
	classes := make([][]int, len(c.LEDs))
	for i, l := range c.LEDs {
		at := Place{LED: i}
		var wrong []Problem
		classes[i], wrong = l.resolve(at, o)
		problems = append(problems, wrong...)
		most := scorer.highest()
		if o.Values != Independent {
			most *= float32(len(classes[i]))
		}
		if len(classes[i]) > 0 && l.On > most {
			text := fmt.Sprintf("led %q: on (%v) is never reached: this network's scores end at %v", l.Name, l.On, most)
			problems = append(problems, Problem{at.at(FieldOn), text})
		}
	}
	if len(problems) > 0 {
		return nil, Problems(problems)
	}

	j := &Judge{scorer: scorer, previous: make([]Light, len(c.LEDs))}
	for i, l := range c.LEDs {
		if len(classes[i]) == 0 {
			l.On = 1 // its score stays 0: only a Show lights it
		}
		j.names = append(j.names, l.Name)
		j.rules = append(j.rules, newRule(l, classes[i], o.Values == Independent))
	}
	if n := c.NotSure; n.Below > 0 {
		least := math.Nextafter32(1-n.Below, 2) // a top class that scores Below is good enough
		doubt := newRule(LED{On: least, Off: least, Smoothing: n.Smoothing, Hold: n.Hold}, nil, false)
		j.doubt = &doubt
	}
	j.shows[Starting] = c.lights(c.Starting)
	j.shows[CameraLost] = c.lights(c.CameraLost)
	j.shows[Unsure] = c.lights(c.NotSure.Show)
	j.verdict = Verdict{Lights: make([]Light, len(c.LEDs)), Scores: make([]float32, len(c.LEDs))}
	return j, nil
}

// Classes returns the indices of the classes that LED i of the Config is about, in rising order.
func (j *Judge) Classes(i int) []int { return slices.Clone(j.rules[i].classes) }

// lights are those of all LEDs that a Show stands for.
func (c *Config) lights(s Show) []Light {
	lights := make([]Light, len(c.LEDs))
	for i, l := range c.LEDs {
		if slices.Contains(s.LEDs, l.Name) {
			lights[i] = s.Light.orSteady()
		}
	}
	return lights
}

// Observe takes the network's output for a frame captured at a time. The length of output must be the number of
// classes. It allocates nothing. It copes with frames that come late or out of order, and with clocks that are set.
func (j *Judge) Observe(output []byte, at time.Time) Verdict {
	now := j.clock.tick(at)
	scores := j.scorer.Scores(output)
	v := &j.verdict
	v.Top = highest(scores)
	v.Score = scores[v.Top]
	lit := false
	for i := range j.rules {
		r := &j.rules[i]
		v.Scores[i] = r.score(scores)
		lit = r.observe(v.Scores[i], now) || lit
	}
	if j.doubt != nil && j.doubt.observe(1-v.Score, now) && !lit {
		return j.settle(Unsure)
	}
	return j.settle(Watching)
}

// Lost tells the judge that the camera is gone. It forgets what was seen, so that nothing stale lights an LED when the
// camera is back. It may be called again and again.
func (j *Judge) Lost(at time.Time) Verdict { return j.blind(CameraLost, j.clock.tick(at)) }

// Starting tells the judge that no frame has come yet. It forgets what was seen.
func (j *Judge) Starting() Verdict { return j.blind(Starting, j.clock.now) }

func (j *Judge) blind(state State, now time.Duration) Verdict {
	for i := range j.rules {
		j.rules[i].forget(now)
	}
	if j.doubt != nil {
		j.doubt.forget(now)
	}
	clear(j.verdict.Scores)
	j.verdict.Top, j.verdict.Score = -1, 0
	return j.settle(state)
}

// settle makes the lights of the rules and the state.
func (j *Judge) settle(state State) Verdict {
	v := &j.verdict
	copy(j.previous, v.Lights)
	for i := range j.rules {
		v.Lights[i] = j.rules[i].shines()
	}
	for i, light := range j.shows[state] {
		if light != Dark {
			v.Lights[i] = light
		}
	}
	v.Changed = state != v.State || !slices.Equal(v.Lights, j.previous)
	v.State = state
	return *v
}

func highest(scores []float32) int {
	top := 0
	for i, s := range scores {
		if s > scores[top] {
			top = i
		}
	}
	return top
}

// clock counts the time since the first tick. It never goes back.
type clock struct {
	last time.Time
	now  time.Duration
}

// outOfOrder is how late a frame may be and still be a late frame. Later than that, someone has set the clock back.
const outOfOrder = 10 * time.Second

func (c *clock) tick(at time.Time) time.Duration {
	passed := at.Sub(c.last)
	switch {
	case c.last.IsZero() || passed < -outOfOrder:
		c.last = at
	case passed > 0:
		c.now += passed
		c.last = at
	}
	return c.now
}
