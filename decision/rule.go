package decision

import "time"

// rule is one LED's own switch.
type rule struct {
	classes []int
	highest bool // the classes don't exclude each other: their highest score counts, not the sum
	on, off float32
	hold    time.Duration
	light   Light
	window  window
	lit     bool
	since   time.Duration // the last change
}

func newRule(l LED, classes []int, independent bool) rule {
	return rule{
		classes: classes,
		highest: independent,
		on:      l.On,
		off:     l.Off,
		hold:    l.Hold,
		light:   l.Light.orSteady(),
		window:  newWindow(l.Smoothing),
		since:   -maxTime, // long enough ago for any hold
	}
}

// score returns the score of all the rule's classes together: what a softmax gives several classes is the probability that it is
// one of them. If classes don't exclude each other, it is the highest of theirs.
func (r *rule) score(scores []float32) float32 {
	var sum float32
	for _, class := range r.classes {
		if r.highest {
			sum = max(sum, scores[class])
		} else {
			sum += scores[class]
		}
	}
	return min(max(sum, 0), 1)
}

// observe reports whether the rule is on after one more score.
func (r *rule) observe(score float32, now time.Duration) bool {
	r.window.add(score, now)
	if now-r.since < r.hold {
		return r.lit
	}
	threshold := r.on
	if r.lit {
		threshold = r.off
	}
	if lit := r.window.reaches(threshold, now); lit != r.lit {
		r.lit, r.since = lit, now
	}
	return r.lit
}

// forget drops what was seen; the hold continues, so that a camera that comes and goes doesn't make the LED flicker.
func (r *rule) forget(now time.Duration) {
	r.window.forget()
	if r.lit {
		r.lit = false
		r.since = now
	}
}

func (r *rule) shines() Light {
	if r.lit {
		return r.light
	}
	return Dark
}
