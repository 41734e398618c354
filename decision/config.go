// Package decision turns a network's scores over time into lights: which LED is dark, which shines, which blinks.
//
// A frame's way through it: the quantized output becomes scores (Scorer); the scores of an LED's classes become one,
// their sum (rule); smoothing takes the noise out of it (window); two thresholds and a hold make it a switch; the
// switches and the State, such as CameraLost, make the lights (Judge).
package decision

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Config says which LED shows what.
type Config struct {
	LEDs       []LED
	Starting   Show // before the first frame
	CameraLost Show // while there are no frames
	NotSure    NotSure
}

// LED is one LED and the rule that switches it. Without classes it only serves the states (Show).
type LED struct {
	Name      string
	Classes   []Class
	On        float32 // a dark LED lights up when the score reaches On, in (0, 1]
	Off       float32 // a lit one goes dark when the score falls below Off, in (0, On]
	Smoothing Smoothing
	Hold      time.Duration // it keeps each state for at least this long; only a change of State ends it earlier
	Light     Light         // how it shines; the zero value means Steady
}

// Class picks one or more of the network's classes, by index or by name, in upper or lower case. A name is
//
//	tench, Tinca tinca    a whole label
//	tench                 one of the names that a label lists between commas
//	any dog               a group of classes (Output.Groups)
//	*terrier              a pattern of either, with * and ?: of whole words if any label has them, else of parts of words
//	151-268               the classes from the first index to the last
type Class struct {
	Name  string
	Index int // counts if Name is empty
}

// ClassName returns a Class that picks by name or pattern.
func ClassName(name string) Class { return Class{Name: name} }

// ClassIndex returns a Class that picks by index.
func ClassIndex(i int) Class { return Class{Index: i} }

func (c Class) String() string {
	if c.Name == "" {
		return strconv.Itoa(c.Index)
	}
	return strconv.Quote(c.Name)
}

// Light is what one LED does: dark if On is 0, steady if only Off is 0, else lit for On and dark for Off in turn.
type Light struct{ On, Off time.Duration }

// The lights that don't blink.
var (
	Dark   = Light{}
	Steady = Light{On: time.Second}
)

func (l Light) orSteady() Light {
	if l == (Light{}) {
		return Steady
	}
	return l
}

func (l Light) String() string {
	switch {
	case l.On == 0:
		return "dark"
	case l.Off == 0:
		return "steady"
	}
	return fmt.Sprintf("blinks, %v on, %v off", l.On, l.Off)
}

// Show says which LEDs show a state of the program, and how; the zero Light means Steady. Without LEDs the state isn't
// shown.
type Show struct {
	LEDs  []string
	Light Light
}

// NotSure is shown when no LED's own rule lights it and no class reaches the score Below; never, if Below is 0.
type NotSure struct {
	Show
	Below     float32 // in (0, 1]
	Smoothing Smoothing
	Hold      time.Duration
}

// Smoothing says how an LED looks back over time; the zero value doesn't. While less has been seen than it looks back on
// (at the start and after a lost camera), what is missing counts against the LED: as a score of 0, or as no vote.
type Smoothing struct {
	Span   time.Duration // the mean of the scores of the last Span
	Frames int           // else, the mean of the scores of the last Frames frames
	Votes  int           // if above 0, this many of these frames must reach On, and to stay lit, Off
}

// ParseSmoothing reads "none", "average 1s", "average 10 frames" or "3 of 5 frames".
func ParseSmoothing(text string) (Smoothing, error) {
	var s Smoothing
	words := strings.Fields(text)
	if n := len(words); n > 0 && words[n-1] == "frames" {
		words = words[:n-1]
	} else if n == 2 && isNumber(words[1]) {
		return s, fmt.Errorf(`smoothing %.40q has no unit: write "average %[2]s frames" or "average %[2]ss"`,
			text, words[1])
	}
	var err error
	switch {
	case len(words) == 1 && words[0] == "none":
		return s, nil
	case len(words) == 2 && words[0] == "average" && isNumber(words[1]):
		s.Frames, err = strconv.Atoi(words[1])
	case len(words) == 2 && words[0] == "average":
		s.Span, err = time.ParseDuration(words[1])
	case len(words) == 3 && words[1] == "of" && isNumber(words[0]) && isNumber(words[2]):
		if s.Votes, err = strconv.Atoi(words[0]); err == nil {
			s.Frames, err = strconv.Atoi(words[2])
		}
	}
	noVotes := len(words) == 3 && s.Votes == 0
	if err != nil || s == (Smoothing{}) || noVotes {
		return s, fmt.Errorf(`smoothing %.40q: choose "none", "average 1s", "average 10 frames" or "3 of 5 frames"`,
			text)
	}
	return s, nil
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (s Smoothing) String() string {
	switch {
	case s.Span != 0:
		return "average " + s.Span.String()
	case s.Votes != 0:
		return fmt.Sprintf("%d of %d frames", s.Votes, s.Frames)
	case s.Frames != 0:
		return fmt.Sprintf("average %d frames", s.Frames)
	}
	return "none"
}

// Problem is one thing that is wrong with a Config.
type Problem struct {
	Place
	Text string // what is wrong, complete without the Place: `led "door": off (0.7) is above on (0.6)`
}

// Place says where in a Config a Problem lies: in one of the LEDs, or in the Show of a state.
type Place struct {
	State State // Starting, CameraLost or Unsure (Config.NotSure); 0 for an LED
	LED   int   // index in Config.LEDs, if State is 0
	Field Field // 0 for the whole LED or Show
	Index int   // in LED.Classes or Show.LEDs, if Field names them
}

// Field is a field of LED, Show or NotSure.
type Field uint8

// The fields. FieldLEDs is that of a Show, FieldBelow that of NotSure; both have FieldLight.
const (
	FieldName Field = iota + 1
	FieldClasses
	FieldOn
	FieldOff
	FieldSmoothing
	FieldHold
	FieldLight
	FieldLEDs
	FieldBelow
)

// at is the place of a field.
func (p Place) at(f Field) Place {
	p.Field = f
	return p
}

// element is the place of one element of a field.
func (p Place) element(f Field, i int) Place {
	p.Field, p.Index = f, i
	return p
}

// Problems is an error that lists all that is wrong with a Config.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = "decision: " + p[i].Text
	}
	return strings.Join(lines, "\n")
}

// Limits that keep memory and the work for each frame bounded, far above what anyone lights.
const (
	maxLEDs    = 256
	maxClasses = 10_000 // of one LED in the Config
	maxFrames  = 10_000 // that smoothing looks back on
	maxSpan    = time.Minute
	maxTime    = 24 * time.Hour
	minBlink   = 10 * time.Millisecond
)

// Check returns everything that is wrong with the Config for any network; NewJudge finds the rest.
func (c *Config) Check() []Problem {
	ck := checker{leds: map[string]bool{}}
	if len(c.LEDs) > maxLEDs {
		ck.add(Place{LED: maxLEDs}, "%d LEDs are more than %d", len(c.LEDs), maxLEDs)
		return ck.problems
	}
	used := map[string]bool{}
	for _, s := range []Show{c.Starting, c.CameraLost, c.NotSure.Show} {
		for _, name := range s.LEDs {
			used[name] = true
		}
	}
	for i := range c.LEDs {
		ck.led(Place{LED: i}, &c.LEDs[i], used)
	}
	ck.show(Starting, c.Starting)
	ck.show(CameraLost, c.CameraLost)
	ck.show(Unsure, c.NotSure.Show)
	if n := c.NotSure; n.Below != 0 || len(n.LEDs) > 0 {
		at, what := Place{State: Unsure}, Unsure.String()
		ck.isScore(at.at(FieldBelow), what+": below", n.Below)
		ck.smoothing(at, what, n.Smoothing)
		ck.time(at.at(FieldHold), what+": hold", n.Hold)
	}
	return ck.problems
}

// checker collects problems.
type checker struct {
	problems []Problem
	leds     map[string]bool // names seen so far
}

func (c *checker) add(at Place, format string, args ...any) {
	c.problems = append(c.problems, Problem{at, fmt.Sprintf(format, args...)})
}

func (c *checker) led(at Place, l *LED, used map[string]bool) {
	what := fmt.Sprintf("led %q", l.Name)
	switch {
	case l.Name == "":
		c.add(at, "an LED without a name: give it one")
	case c.leds[l.Name]:
		c.add(at.at(FieldName), "%s: a second LED of this name", what)
	case len(l.Classes) == 0 && !used[l.Name]:
		c.add(at, "%s: nothing lights it: give it classes, or let a state show it", what)
	}
	c.leds[l.Name] = true
	c.light(at, what, l.Light)
	c.smoothing(at, what, l.Smoothing)
	c.time(at.at(FieldHold), what+": hold", l.Hold)
	if len(l.Classes) == 0 {
		return
	}
	if len(l.Classes) > maxClasses {
		c.add(at.element(FieldClasses, maxClasses), "%s: %d classes are more than %d", what, len(l.Classes), maxClasses)
	}
	if c.isScore(at.at(FieldOn), what+": on", l.On) && c.isScore(at.at(FieldOff), what+": off", l.Off) && l.Off > l.On {
		c.add(at.at(FieldOff), "%s: off (%v) is above on (%v): it would go on and off with every frame", what, l.Off, l.On)
	}
}

func (c *checker) show(state State, s Show) {
	at := Place{State: state}
	for i, name := range s.LEDs {
		if !c.leds[name] {
			c.add(at.element(FieldLEDs, i), "%v: there is no LED %q%s",
				state, name, didYouMean(Nearest(name, keys(c.leds))))
		}
	}
	c.light(at, state.String(), s.Light)
}

// isScore checks that a threshold is in (0, 1].
func (c *checker) isScore(at Place, what string, v float32) bool {
	if v > 0 && v <= 1 {
		return true
	}
	c.add(at, "%s is %v: it must be above 0 and at most 1", what, v)
	return false
}

func (c *checker) time(at Place, what string, d time.Duration) {
	if d < 0 || d > maxTime {
		c.add(at, "%s is %v: it must be from 0s to %v", what, d, maxTime)
	}
}

func (c *checker) light(at Place, what string, l Light) {
	if l == (Light{}) || l == Steady {
		return
	}
	if min(l.On, l.Off) < minBlink || max(l.On, l.Off) > maxTime {
		c.add(at.at(FieldLight), "%s: blink (%v on, %v off): each must be from %v to %v", what, l.On, l.Off, minBlink, maxTime)
	}
}

func (c *checker) smoothing(at Place, what string, s Smoothing) {
	at = at.at(FieldSmoothing)
	switch {
	case s.Span < 0 || s.Span > maxSpan:
		c.add(at, "%s: smoothing looks back %v: at most %v", what, s.Span, maxSpan)
	case s.Frames < 0 || s.Frames > maxFrames:
		c.add(at, "%s: smoothing looks back %d frames: at most %d", what, s.Frames, maxFrames)
	case s.Votes < 0 || s.Votes > s.Frames:
		c.add(at, "%s: smoothing wants %d of %d frames: more than there are", what, s.Votes, s.Frames)
	}
}
