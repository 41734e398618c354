package page

import (
	"sync"
	"sync/atomic"
	"time"

	"edge/decision"
	"edge/frame"
)

// Live holds what the walk shows of itself: the newest scores, the last minute, the last switches, counts. The walk calls See
// and SetRules; everything else may be called from any goroutine.
//
// See takes a lock only if it is free, and counts the moments that it lost: whoever reads holds it for the time of a copy.
type Live struct {
	// Counts, without the lock.
	frames   atomic.Uint64
	unsure   atomic.Uint64
	losses   atomic.Uint64
	lost     atomic.Uint64 // moments that nobody could be shown
	inferred histogram
	lit      histogram
	switches []atomic.Uint64 // of each LED

	// Pictures: whoever wants one sets wanted, and the walk copies the next frame.
	wanted  atomic.Bool
	picture chan *frame.Frame // holds one: room for the next
	ready   chan *frame.Frame // holds one

	mu      sync.Mutex
	rules   decision.Config
	network Network
	was     []bool // lit, at the moment before: for the counts
	newest  newest
	minute  []Sample // a ring
	next    int
	sampled time.Time
	last    []Switch // the newest last
}

// newest is the moment that was seen last.
type newest struct {
	at       time.Time // when it was seen
	captured time.Time // zero without a frame
	state    decision.State
	lights   []decision.Light
	scores   []float32
	smoothed []float32
	output   []byte
	top      int
	score    float32
	fps      float64
}

// Sample is what an instant of the last minute was.
type Sample struct {
	At       time.Time `json:"at"`
	Scores   []float32 `json:"scores"`
	Smoothed []float32 `json:"smoothed"`
	Lit      []bool    `json:"lit"`
}

// Switch is a change of an LED or of the state.
type Switch struct {
	At    time.Time `json:"at"`
	LED   string    `json:"led,omitempty"` // empty: the state alone
	Light string    `json:"light,omitempty"`
	State string    `json:"state"`
	Score float32   `json:"score"` // of the LED, or of the best class
}

// Seen is a moment as the walk knows it. All is borrowed until See returns.
type Seen struct {
	Frame   frame.Frame // zero without a frame
	Output  []byte
	Verdict decision.Verdict
	Judge   *decision.Judge
	Ran     time.Duration // what the network took
	At      time.Time     // when the LEDs had been set
}

const (
	samples   = 600 // of the last minute
	sampling  = time.Minute / samples
	keepsLast = 50 // switches
)

// Network is the one that runs.
type Network struct {
	Name, SHA256 string // of its file; no sum if it was made in memory
	Output       decision.Output
}

// NewLive makes a Live for these rules and a network.
func NewLive(rules decision.Config, n Network) *Live {
	l := &Live{picture: make(chan *frame.Frame, 1), ready: make(chan *frame.Frame, 1)}
	l.picture <- new(frame.Frame)
	l.newest.state = decision.Starting
	l.SetNetwork(n)
	l.SetRules(rules)
	return l
}

// SetRules says that other rules hold from now on. It makes room for them, once.
func (l *Live) SetRules(rules decision.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(rules.LEDs)
	if l.minute == nil || len(l.was) != n {
		l.switches = make([]atomic.Uint64, n)
		l.was = make([]bool, n)
		l.newest.lights = make([]decision.Light, n)
		l.newest.scores, l.newest.smoothed = make([]float32, n), make([]float32, n)
		l.minute, l.next = make([]Sample, samples), 0
		for i := range l.minute {
			l.minute[i] = Sample{Scores: make([]float32, n), Smoothed: make([]float32, n), Lit: make([]bool, n)}
		}
	}
	l.rules = rules
}

// SetNetwork says that another network's output is shown from now on: other classes were taught.
func (l *Live) SetNetwork(n Network) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.network = n
	l.newest.output = make([]byte, 0, n.Output.Classes)
}

// Network returns the one that runs.
func (l *Live) Network() Network {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.network
}

// See takes a copy of what is new. It doesn't wait, and allocates only for a switch.
func (l *Live) See(s Seen) {
	v := &s.Verdict
	frameSeen := !s.Frame.At.IsZero()
	if frameSeen {
		l.frames.Add(1)
		l.inferred.observe(s.Ran)
		l.lit.observe(s.At.Sub(s.Frame.At))
		if l.wanted.Load() {
			l.copyPicture(&s.Frame)
		}
	}
	if v.State == decision.Unsure {
		l.unsure.Add(1)
	}
	if !l.mu.TryLock() {
		l.lost.Add(1)
		return
	}
	defer l.mu.Unlock()
	n := &l.newest
	if v.State == decision.CameraLost && n.state != decision.CameraLost {
		l.losses.Add(1)
	}
	l.countSwitches(v, s.At)
	if frameSeen && !n.captured.IsZero() {
		if passed := s.Frame.At.Sub(n.captured).Seconds(); passed > 0 {
			n.fps += (min(1/passed, 1000) - n.fps) * min(1, 0.1+passed/2) // about the last ten frames, or two seconds
		}
	}
	n.at, n.captured, n.state, n.top, n.score = s.At, s.Frame.At, v.State, v.Top, v.Score
	if !frameSeen {
		n.fps = 0
	}
	copy(n.lights, v.Lights)
	copy(n.scores, v.Scores)
	n.output = append(n.output[:0], s.Output...)
	if s.At.Sub(l.sampled) >= sampling || v.Changed {
		l.sample(s.Judge, s.At)
	}
}

// copyPicture copies a frame for whoever wants one. A larger frame than before makes it allocate, once.
func (l *Live) copyPicture(f *frame.Frame) {
	select {
	case room := <-l.picture:
		l.wanted.Store(false)
		pix := append(room.Pix[:0], f.Pix...)
		*room = *f
		room.Pix = pix
		l.ready <- room // there is room: there is only one
	default:
	}
}

// countSwitches compares with the moment before.
func (l *Live) countSwitches(v *decision.Verdict, at time.Time) {
	if v.State != l.newest.state {
		l.keep(Switch{At: at, State: v.State.String(), Score: v.Score})
	}
	for i := range l.was {
		if i >= len(v.Lights) {
			break
		}
		lit := v.Lights[i] != decision.Dark
		if lit == l.was[i] {
			continue
		}
		l.was[i] = lit
		l.switches[i].Add(1)
		l.keep(Switch{At: at, LED: l.rules.LEDs[i].Name, Light: v.Lights[i].String(), State: v.State.String(), Score: v.Scores[i]})
	}
}

func (l *Live) keep(s Switch) {
	if len(l.last) == keepsLast {
		copy(l.last, l.last[1:])
		l.last = l.last[:keepsLast-1]
	}
	l.last = append(l.last, s)
}

func (l *Live) sample(j *decision.Judge, at time.Time) {
	l.sampled = at
	n := &l.newest
	j.Smoothed(n.smoothed)
	s := &l.minute[l.next]
	l.next = (l.next + 1) % len(l.minute)
	s.At = at
	copy(s.Scores, n.scores)
	copy(s.Smoothed, n.smoothed)
	for i := range s.Lit {
		s.Lit[i] = n.lights[i] != decision.Dark
	}
}

// nextPicture gives the next frame that the walk sees. The receiver gives it back.
func (l *Live) nextPicture() <-chan *frame.Frame {
	l.wanted.Store(true)
	return l.ready
}

// giveBack makes room for the next picture.
func (l *Live) giveBack(f *frame.Frame) { l.picture <- f }

// History is the last minute, the oldest first.
func (l *Live) History() []Sample {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Sample{}
	for i := range l.minute {
		s := &l.minute[(l.next+i)%len(l.minute)]
		if s.At.IsZero() || time.Since(s.At) > time.Minute {
			continue
		}
		out = append(out, Sample{
			s.At, append([]float32{}, s.Scores...), append([]float32{}, s.Smoothed...), append([]bool{}, s.Lit...),
		})
	}
	return out
}

// histogram counts durations as Prometheus does.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	nanos  atomic.Uint64
}

// bounds of the buckets, in seconds.
var bounds = [...]float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d.Seconds() > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.nanos.Add(uint64(max(d, 0)))
}

// mean is that of all durations, in seconds.
func (h *histogram) mean() float64 {
	var n uint64
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	if n == 0 {
		return 0
	}
	return time.Duration(h.nanos.Load()).Seconds() / float64(n)
}
