package decision_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"edge/decision"
)

// stateConfig has an LED of each kind of smoothing, a hold, and a doubt.
func stateConfig() decision.Config {
	var c decision.Config
	for i, s := range []decision.Smoothing{{}, {Span: 700 * time.Millisecond}, {Frames: 4}, {Votes: 2, Frames: 3}} {
		led := catLED()
		led.Name = fmt.Sprint("cat", i)
		led.Smoothing = s
		led.Hold = time.Duration(i) * 200 * time.Millisecond
		c.LEDs = append(c.LEDs, led)
	}
	c.LEDs = append(c.LEDs, decision.LED{Name: "unsure"})
	c.NotSure = decision.NotSure{
		Show: decision.Show{LEDs: []string{"unsure"}}, Below: 0.7, Smoothing: decision.Smoothing{Frames: 2}, Hold: time.Second,
	}
	return c
}

// TestState takes a judge's state at every frame and holds that a judge that goes on from there says the same.
func TestState(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	type step struct {
		cat int
		at  time.Time
	}
	var steps []step
	for i := range 300 {
		s := step{rnd.IntN(101), start.Add(time.Duration(i*70+rnd.IntN(40)) * time.Millisecond)}
		if rnd.IntN(40) == 0 {
			s.cat = lost
		}
		steps = append(steps, s)
	}
	say := func(j *decision.Judge, s step) string {
		if s.cat == lost {
			return fmt.Sprint(j.Lost(s.at))
		}
		return fmt.Sprint(j.Observe(output(s.cat), s.at))
	}
	j := newJudge(t, stateConfig())
	var said []string
	var states [][]byte
	buffer := make([]byte, 0, j.StateSize())
	for _, s := range steps {
		states = append(states, slices.Clone(j.AppendState(buffer, start)))
		said = append(said, say(j, s))
	}
	const day = 24 * time.Hour // another machine, at another time
	for from := 0; from < len(steps); from += 7 {
		j := newJudge(t, stateConfig())
		if err := j.SetState(states[from], start.Add(day)); err != nil {
			t.Fatal(err)
		}
		for i := from; i < len(steps); i++ {
			s := steps[i]
			s.at = s.at.Add(day)
			if got := say(j, s); got != said[i] {
				t.Fatalf("from step %d, step %d: %s, want %s", from, i, got, said[i])
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { buffer = j.AppendState(buffer[:0], start) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	whole := states[len(states)-1]
	for n := range whole {
		if newJudge(t, stateConfig()).SetState(whole[:n], start) == nil {
			t.Errorf("%d bytes of %d are a state", n, len(whole))
		}
	}
	other := decision.Config{LEDs: []decision.LED{catLED()}}
	if newJudge(t, other).SetState(whole, start) == nil {
		t.Error("the state of other rules is taken")
	}
}

// TestResume moves a threshold below a score that has been smoothed for long: the LED goes on with the next frame, and
// one that was lit stays lit.
func TestResume(t *testing.T) {
	config := func(on, off float32) decision.Config {
		a, b := catLED(), catLED()
		a.Name, b.Name = "a", "b"
		a.On, a.Off = on, off
		b.On, b.Off = 0.3, 0.2
		for _, led := range []*decision.LED{&a, &b} {
			led.Smoothing = decision.Smoothing{Span: 2 * time.Second}
		}
		return decision.Config{LEDs: []decision.LED{a, b}}
	}
	j := newJudge(t, config(0.6, 0.4))
	at := start
	var v decision.Verdict
	for range 30 {
		at = at.Add(100 * time.Millisecond)
		v = j.Observe(output(50), at)
	}
	if v.Lights[0] != decision.Dark || v.Lights[1] != decision.Steady {
		t.Fatalf("before: %v", v.Lights)
	}
	next := newJudge(t, config(0.45, 0.4))
	next.Resume(j)
	v = next.Observe(output(50), at.Add(100*time.Millisecond))
	if v.Lights[0] != decision.Steady || v.Lights[1] != decision.Steady || !v.Changed {
		t.Errorf("after: %v, changed %v", v.Lights, v.Changed)
	}
	smoothed := make([]float32, 2)
	next.Smoothed(smoothed)
	if smoothed[0] != 0.5 || smoothed[1] != 0.5 {
		t.Errorf("smoothed %v", smoothed)
	}
}

// TestSmoothed holds that an LED is lit exactly if what Smoothed says reaches its threshold.
func TestSmoothed(t *testing.T) {
	config := stateConfig()
	for i := range config.LEDs {
		config.LEDs[i].Hold = 0
	}
	config.NotSure = decision.NotSure{}
	config.LEDs = config.LEDs[:4]
	j := newJudge(t, config)
	rnd := rand.New(rand.NewPCG(5, 6))
	lit := make([]bool, 4)
	smoothed := make([]float32, 4)
	for i := range 2000 {
		v := j.Observe(output(rnd.IntN(101)), start.Add(time.Duration(i)*50*time.Millisecond))
		j.Smoothed(smoothed)
		for k, led := range config.LEDs {
			threshold := led.On
			if lit[k] {
				threshold = led.Off
			}
			lit[k] = smoothed[k] >= threshold
			if lit[k] != (v.Lights[k] != decision.Dark) {
				t.Fatalf("frame %d, %s (%v): smoothed %v, light %v", i, led.Name, led.Smoothing, smoothed[k], v.Lights[k])
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { j.Smoothed(smoothed) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
