package decision

import (
	"slices"
	"time"
)

// fastest is how many frames a second a window over time is made for. Faster ones make it shorter, not wrong.
const fastest = 120

// window holds the scores that smoothing looks back on.
//
//	scores  [ s₄ | s₅ | s₂ | s₃ ]      a ring: next is where s₆ goes, count how many are filled;
//	                     next          a window over time also drops what is too old
type window struct {
	span    time.Duration // 0: the whole ring
	votes   int           // 0: the mean decides
	scores  []float32
	times   []time.Duration // of the scores; nil without a span
	sorted  []float32       // room for level; nil without votes
	next    int
	count   int
	watched time.Duration // the time of the first score since the start
}

func newWindow(s Smoothing) window {
	w := window{span: s.Span, votes: s.Votes, scores: make([]float32, max(1, s.Frames))}
	if s.Span > 0 {
		w.scores = make([]float32, 2+int(s.Span.Seconds()*fastest))
		w.times = make([]time.Duration, len(w.scores))
	}
	if w.votes > 0 {
		w.sorted = make([]float32, len(w.scores))
	}
	w.forget()
	return w
}

func (w *window) forget() { w.count, w.watched = 0, -1 }

func (w *window) add(score float32, now time.Duration) {
	if w.watched < 0 {
		w.watched = now
	}
	w.scores[w.next] = score
	if w.span > 0 {
		w.times[w.next] = now
	}
	w.next = (w.next + 1) % len(w.scores)
	w.count = min(w.count+1, len(w.scores))
	for w.span > 0 && w.times[w.at(w.count)] <= now-w.span {
		w.count--
	}
}

// at is where the score lies that was added age calls ago, 1 for the newest.
func (w *window) at(age int) int {
	i := w.next - age
	if i < 0 {
		i += len(w.scores)
	}
	return i
}

// reaches reports whether the scores, as smoothed, reach a threshold.
func (w *window) reaches(threshold float32, now time.Duration) bool {
	if w.votes == 0 {
		return w.mean(now) >= threshold
	}
	votes := 0
	for age := 1; age <= w.count; age++ {
		if w.scores[w.at(age)] >= threshold {
			votes++
		}
	}
	return votes >= w.votes
}

// level returns the highest threshold that the scores reach, 0 if they reach none.
func (w *window) level(now time.Duration) float32 {
	switch {
	case w.count == 0 || w.count < w.votes:
		return 0
	case w.votes == 0:
		return w.mean(now)
	}
	sorted := w.sorted[:w.count]
	for i := range sorted {
		sorted[i] = w.scores[w.at(i+1)]
	}
	slices.Sort(sorted)
	return sorted[w.count-w.votes]
}

// mean counts what is missing of a full window as 0. It adds all scores again each time: a running sum would carry its
// rounding errors for years.
func (w *window) mean(now time.Duration) float32 {
	var sum float64
	for age := 1; age <= w.count; age++ {
		sum += float64(w.scores[w.at(age)])
	}
	if w.span == 0 {
		return float32(sum / float64(len(w.scores)))
	}
	full := min(1, float64(now-w.watched)/float64(w.span))
	return float32(sum / float64(w.count) * full)
}
