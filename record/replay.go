package record

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"edge/decision"
)

// Replay says what is run again, and how.
type Replay struct {
	// Judge makes the judge for a header; nil: of the header's own rules.
	Judge func(*Header) (*decision.Judge, error)
	// Classify runs a network on a picture; its result is good until the next call. nil: outputs are as recorded, and so
	// is the output of a picture for which it returns nil.
	Classify func(*Header, *Picture) ([]byte, error)
	// Only says for which headers moments without a picture don't count, since another network would have given other
	// outputs; nil: for none.
	Only func(*Header) bool
	// Took is called for each moment; nil: for none.
	Took func(Outcome)

	smoothed []float32
}

// Outcome is a moment as it was and as it is when it is run again.
type Outcome struct {
	Step
	At       time.Time // as the judge is told it; Wall is for people
	Was      Shown     // as recorded
	Now      Shown     // as it comes out
	Known    bool      // Now can be compared: nothing before it is missing
	Output   []byte    // the network's, now
	Scores   []float32 // of each LED of the judge, now; as Smoothed good until the next moment
	Smoothed []float32
	Top      int
	Score    float32
}

// Shown is what the LEDs show. Lights belong to the replay and are good until the next moment.
type Shown struct {
	State  decision.State
	Lights []decision.Light
}

// Equal reports whether two are the same.
func (s Shown) Equal(o Shown) bool { return s.State == o.State && slices.Equal(s.Lights, o.Lights) }

// Tally is what a replay counts.
type Tally struct {
	Moments  int // of the recording
	Known    int // that could be compared
	Pictures int // that went through the network
	Outputs  int // of those, how many gave the recorded bytes
	Gaps     int // places where moments are missing
	Edges    int // changes as recorded, of the known moments
	Same     int // of those, how many came out at the same moment with the same lights
	Others   int // moments whose lights came out otherwise
}

// Run runs a recording again.
//
// With the same rules every change comes out at its moment with the same lights, on any machine: what decides is in the
// recording. The outputs of pictures are computed again if Classify is given, else all are as recorded.
func (p *Replay) Run(r *Recording) (Tally, error) {
	var t Tally
	var header *Header
	var judge *decision.Judge
	var was Shown
	known := false
	own := p.Judge == nil // the recorded states are of this judge
	for step := range r.Steps() {
		t.Moments++
		m := step.Moment
		if step.Header != header {
			newRun := header == nil || !header.Started.Equal(step.Header.Started)
			next, err := p.judge(step.Header)
			if err != nil {
				return t, err
			}
			if !newRun {
				next.Resume(judge)
			}
			if newRun {
				known = false
				was = Shown{}
			}
			header, judge = step.Header, next
		}
		if step.Gap {
			t.Gaps++
			known = false
			was = Shown{}
			judge.Starting()
		}
		if own && step.State != nil {
			if err := judge.SetState(step.State, header.Started); err != nil {
				return t, fmt.Errorf("record: moment %d: %w", m.Number, err)
			}
			known = true
		}
		o, err := p.moment(&t, r, &step, judge)
		if err != nil {
			return t, err
		}
		if m.Kind == Start {
			known = true
		}
		if m.Changed {
			was = Shown{m.State, slices.Clone(m.Lights)}
		}
		o.Was = was
		o.Known = (known || !own) && was.State != 0 && o.Now.State != 0
		t.compare(m, &o)
		if p.Took != nil {
			p.Took(o)
		}
	}
	return t, nil
}

func (p *Replay) judge(h *Header) (*decision.Judge, error) {
	if p.Judge != nil {
		return p.Judge(h)
	}
	j, err := decision.NewJudge(h.Rules, h.Output)
	if err != nil {
		return nil, fmt.Errorf("record: the rules in the recording: %w", err)
	}
	return j, nil
}

// moment feeds the judge.
func (p *Replay) moment(t *Tally, r *Recording, step *Step, judge *decision.Judge) (Outcome, error) {
	h, m := step.Header, step.Moment
	o := Outcome{Step: *step, At: h.Started.Add(m.At), Top: -1}
	var v decision.Verdict
	switch m.Kind {
	case Start:
		v = judge.Starting()
	case Lost:
		v = judge.Lost(o.At)
	case Frame:
		o.Output = m.Output
		var output []byte
		if picture := r.Picture(h, m.Number); picture != nil && p.Classify != nil {
			var err error
			if output, err = p.Classify(h, picture); err != nil {
				return o, fmt.Errorf("record: moment %d: %w", m.Number, err)
			}
		}
		switch {
		case output != nil:
			t.Pictures++
			if bytes.Equal(output, m.Output) {
				t.Outputs++
			}
			o.Output = output
		case p.Only != nil && p.Only(h):
			judge.Starting() // what it has seen is too old for the next picture
			return o, nil
		}
		v = judge.Observe(o.Output, o.At)
	default:
		return o, errors.New("record: a moment of an unknown kind")
	}
	o.Now = Shown{v.State, v.Lights}
	o.Scores, o.Top, o.Score = v.Scores, v.Top, v.Score
	if len(p.smoothed) != len(v.Scores) {
		p.smoothed = make([]float32, len(v.Scores))
	}
	judge.Smoothed(p.smoothed)
	o.Smoothed = p.smoothed
	return o, nil
}

// compare counts what came out.
func (t *Tally) compare(m *Moment, o *Outcome) {
	if !o.Known {
		return
	}
	t.Known++
	same := o.Was.Equal(o.Now)
	if !same {
		t.Others++
	}
	if m.Changed {
		t.Edges++
		if same {
			t.Same++
		}
	}
}
