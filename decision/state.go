package decision

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// A Judge's state, as AppendState writes it; integers are varints, times nanoseconds:
//
//	clock   1 and (last − origin), or 0 before the first frame; now
//	verdict State; for each LED its light: On, Off
//	rules   of each LED, and of the doubt: lit, since, and the window: watched, count, and count × (score, time)

// AppendState appends all that the judge remembers to b, so that SetState can continue from there. Times are kept as
// distances from origin. With enough room in b, StateSize bytes, nothing is allocated.
func (j *Judge) AppendState(b []byte, origin time.Time) []byte {
	b = append(b, 0)
	if !j.clock.last.IsZero() {
		b[len(b)-1] = 1
		b = binary.AppendVarint(b, int64(j.clock.last.Sub(origin)))
	}
	b = binary.AppendVarint(b, int64(j.clock.now))
	b = append(b, byte(j.verdict.State))
	for _, light := range j.verdict.Lights {
		b = binary.AppendVarint(b, int64(light.On))
		b = binary.AppendVarint(b, int64(light.Off))
	}
	for i := range j.rules {
		b = j.rules[i].appendState(b)
	}
	if j.doubt != nil {
		b = j.doubt.appendState(b)
	}
	return b
}

// StateSize returns how many bytes AppendState appends at most.
func (j *Judge) StateSize() int {
	const varint = binary.MaxVarintLen64
	n := 2 + 2*varint + 2*varint*len(j.rules)
	for i := range j.rules {
		n += j.rules[i].stateSize()
	}
	if j.doubt != nil {
		n += j.doubt.stateSize()
	}
	return n
}

func (r *rule) stateSize() int {
	return 1 + 3*binary.MaxVarintLen64 + len(r.window.scores)*(4+binary.MaxVarintLen64)
}

func (r *rule) appendState(b []byte) []byte {
	lit := byte(0)
	if r.lit {
		lit = 1
	}
	b = append(b, lit)
	b = binary.AppendVarint(b, int64(r.since))
	w := &r.window
	b = binary.AppendVarint(b, int64(w.watched))
	b = binary.AppendUvarint(b, uint64(w.count))
	for age := w.count; age > 0; age-- {
		i := w.at(age)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(w.scores[i]))
		if w.span > 0 {
			b = binary.AppendVarint(b, int64(w.times[i]))
		}
	}
	return b
}

// SetState makes the judge continue from a state that AppendState wrote for a judge of the same Config. After an error the
// judge remembers nothing.
func (j *Judge) SetState(state []byte, origin time.Time) error {
	s := stateReader{rest: state}
	var c clock
	if s.byte() == 1 {
		c.last = origin.Add(s.duration())
	}
	c.now = s.duration()
	v := Verdict{State: State(s.byte()), Lights: make([]Light, len(j.rules)), Scores: make([]float32, len(j.rules)), Top: -1}
	if v.State >= states {
		s.bad = true
	}
	for i := range v.Lights {
		v.Lights[i] = Light{s.duration(), s.duration()}
	}
	for i := range j.rules {
		s.rule(&j.rules[i])
	}
	if j.doubt != nil {
		s.rule(j.doubt)
	}
	if s.bad || len(s.rest) > 0 {
		j.clock, j.verdict.State = clock{}, 0
		j.blind(Starting, 0)
		return errors.New("decision: this state is of other rules, or damaged")
	}
	j.clock, j.verdict = c, v
	return nil
}

// stateReader reads a state; bad once anything is missing or impossible.
type stateReader struct {
	rest []byte
	bad  bool
}

func (s *stateReader) rule(r *rule) {
	r.lit = s.byte() == 1
	r.since = s.duration()
	w := &r.window
	w.watched = s.duration()
	n, size := binary.Uvarint(s.rest)
	if size <= 0 || n > uint64(len(w.scores)) {
		s.bad = true
		w.forget()
		return
	}
	s.rest = s.rest[size:]
	w.count = int(n)
	w.next = w.count % len(w.scores)
	for i := range w.count {
		if len(s.rest) < 4 {
			s.bad = true
			return
		}
		w.scores[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.rest))
		s.rest = s.rest[4:]
		if w.span > 0 {
			w.times[i] = s.duration()
		}
	}
}

func (s *stateReader) byte() byte {
	if len(s.rest) == 0 {
		s.bad = true
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

func (s *stateReader) duration() time.Duration {
	v, n := binary.Varint(s.rest)
	if n <= 0 {
		s.bad = true
		return 0
	}
	s.rest = s.rest[n:]
	return time.Duration(v)
}

// Resume takes over what another judge of the same network remembers, so that new thresholds don't begin in the dark:
// the clock, and of each LED of the same name whether it is lit and since when; its scores too if it is about the same
// classes and looks back in the same way.
func (j *Judge) Resume(from *Judge) {
	j.clock = from.clock
	for i := range j.rules {
		if k := slices.Index(from.names, j.names[i]); k >= 0 {
			j.rules[i].resume(&from.rules[k])
		}
	}
	if j.doubt != nil && from.doubt != nil {
		j.doubt.resume(from.doubt)
	}
	j.verdict.State = from.verdict.State
	if slices.Equal(j.names, from.names) {
		copy(j.verdict.Lights, from.verdict.Lights)
	}
}

func (r *rule) resume(from *rule) {
	r.lit, r.since = from.lit, from.since
	w, old := &r.window, &from.window
	if !slices.Equal(r.classes, from.classes) || w.span != old.span || len(w.scores) != len(old.scores) {
		return
	}
	copy(w.scores, old.scores)
	copy(w.times, old.times)
	w.next, w.count, w.watched = old.next, old.count, old.watched
}

// Smoothed writes to dst, for each LED, what its thresholds are compared with after the newest frame: the mean of the
// scores that it looks back on, or of votes the score that enough frames reach. It allocates nothing.
func (j *Judge) Smoothed(dst []float32) {
	for i := range j.rules {
		dst[i] = j.rules[i].window.level(j.clock.now)
	}
}
