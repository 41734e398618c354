package page

import (
	"cmp"
	"slices"
	"time"

	"edge/decision"
)

// State is what the program is doing now: what /state says, and edge status.
type State struct {
	Version     string    `json:"version"`
	Model       string    `json:"model"`
	SHA256      string    `json:"sha256"`
	Kernels     string    `json:"kernels"`
	Camera      string    `json:"camera"`
	Started     time.Time `json:"started"`
	At          time.Time `json:"at"` // when this was said
	State       string    `json:"state"`
	CameraUp    bool      `json:"camera_up"`
	Frames      uint64    `json:"frames"`
	FPS         float64   `json:"fps"`
	Dropped     uint64    `json:"dropped"`
	Damaged     uint64    `json:"damaged"`
	Losses      uint64    `json:"losses"`
	Age         float64   `json:"age_seconds"` // of the newest frame
	FrameToLED  float64   `json:"frame_to_led_seconds"`
	Inference   float64   `json:"inference_seconds"`
	Temperature float64   `json:"temperature_celsius,omitempty"`
	Throttled   string    `json:"throttled,omitempty"`
	LEDs        []LED     `json:"leds"`
	Top         []Top     `json:"top"`
	Switches    []Switch  `json:"switches"`            // the newest first
	Recording   string    `json:"recording,omitempty"` // its folder
	Trouble     string    `json:"trouble,omitempty"`   // of the recorder
	Unsaved     bool      `json:"unsaved,omitempty"`   // rules were changed and not saved
}

// LED is one LED and its rule.
type LED struct {
	Name     string  `json:"name"`
	Lit      bool    `json:"lit"`
	Light    string  `json:"light"`
	Score    float32 `json:"score"`
	Smoothed float32 `json:"smoothed"`
	On       float32 `json:"on,omitempty"` // its thresholds; none if only states light it
	Off      float32 `json:"off,omitempty"`
	Switches uint64  `json:"switches"`
}

// Top is one of the classes with the highest scores.
type Top struct {
	Class int     `json:"class"`
	Label string  `json:"label"`
	Score float32 `json:"score"`
}

// Fixed is the part of a State that doesn't change while the program runs.
type Fixed struct {
	Version, Kernels string
	Started          time.Time
}

// Changing is the part of a State that others know.
type Changing struct {
	Camera           string
	Dropped, Damaged uint64
	Temperature      float64
	Throttled        string
	Recording        string
	Trouble          string
	Unsaved          bool
}

const mostTop = 5

// State returns what is known now.
func (l *Live) State(f *Fixed, c Changing) State {
	now := time.Now()
	s := State{
		Version: f.Version, Kernels: f.Kernels, Camera: c.Camera, Started: f.Started, At: now,
		Frames: l.frames.Load(), Losses: l.losses.Load(), Dropped: c.Dropped, Damaged: c.Damaged,
		FrameToLED: l.lit.mean(), Inference: l.inferred.mean(),
		Temperature: c.Temperature, Throttled: c.Throttled, Recording: c.Recording, Trouble: c.Trouble, Unsaved: c.Unsaved,
		LEDs: []LED{}, Top: []Top{}, Switches: []Switch{},
	}
	// What takes time is done without the lock.
	l.mu.Lock()
	n, rules, network := l.newest, l.rules, l.network
	n.lights, n.output = slices.Clone(n.lights), slices.Clone(n.output)
	n.scores, n.smoothed = slices.Clone(n.scores), slices.Clone(n.smoothed)
	s.Switches = append(s.Switches, l.last...)
	l.mu.Unlock()
	s.Model, s.SHA256 = network.Name, network.SHA256
	s.State = n.state.String()
	s.CameraUp = n.state == decision.Watching || n.state == decision.Unsure
	if s.CameraUp {
		s.FPS = n.fps
		s.Age = max(now.Sub(n.captured), 0).Seconds()
	}
	for i := range rules.LEDs {
		rule := &rules.LEDs[i]
		led := LED{
			Name: rule.Name, Lit: n.lights[i] != decision.Dark, Light: n.lights[i].String(),
			Score: n.scores[i], Smoothed: n.smoothed[i], Switches: l.switches[i].Load(),
		}
		if len(rule.Classes) > 0 {
			led.On, led.Off = rule.On, rule.Off
		}
		s.LEDs = append(s.LEDs, led)
	}
	slices.Reverse(s.Switches)
	if s.CameraUp && len(n.output) == network.Output.Classes {
		s.Top = topOf(network.Output, n.output)
	}
	return s
}

// topOf finds the classes with the highest scores; those with none are left out.
func topOf(o decision.Output, output []byte) []Top {
	scorer, err := decision.NewScorer(o)
	if err != nil {
		return []Top{} // can't be: it was opened with the same
	}
	scores := scorer.Scores(output)
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	top := []Top{}
	for _, class := range order[:min(mostTop, len(order))] {
		if scores[class] > 0 {
			top = append(top, Top{class, o.ClassName(class), scores[class]})
		}
	}
	return top
}
