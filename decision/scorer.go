package decision

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Output describes the network's output tensor: one byte a class, real = Scale · (byte − ZeroPoint).
type Output struct {
	Classes   int
	Signed    bool // int8, else uint8
	Scale     float32
	ZeroPoint int32
	Values    Values
	Labels    []string         // one for each class, or none at all
	Groups    map[string][]int // classes that people name together, by a lower-case name: "dog" for "any dog"
	Later     []string         // classes that the network may yet be taught: rules may name them, no frame shows them
}

// Values says what the real values of an output mean.
type Values uint8

// Probabilities is the zero value: a softmax was the network's last word.
const (
	Probabilities Values = iota // of classes that exclude each other: together about 1
	Independent                 // a probability for each class by itself, as of logistic functions
	Logits                      // to be made probabilities here: by a softmax, or of one class alone by the logistic function
)

// Meaning tells a person what the output's values are, and what is done with them.
func (o Output) Meaning() string {
	least, most := o.Range()
	switch {
	case o.Values == Logits && o.Classes == 1:
		return fmt.Sprintf("one logit, %.3g to %.3g, of which the logistic function is computed here", least, most)
	case o.Values == Logits:
		return fmt.Sprintf("no probabilities but logits, %.3g to %.3g, of which a softmax is computed here", least, most)
	case o.Classes == 1:
		return "the probability of the one class"
	case o.Values == Independent:
		return "a probability for each class by itself, which don't add up to 1"
	}
	return "probabilities of classes that exclude each other, together 1"
}

// Background is the label of class 0 in networks that have one class for everything they weren't taught.
const Background = "background"

// ClassName returns the label of a class, or its number if there are no labels.
func (o Output) ClassName(class int) string {
	if class < len(o.Labels) {
		return o.Labels[class]
	}
	return "class " + strconv.Itoa(class)
}

// Untaught returns the classes of Later that the network doesn't have.
func (o Output) Untaught() []string {
	var list []string
	for _, later := range o.Later {
		if !slices.ContainsFunc(o.Labels, func(label string) bool { return strings.EqualFold(label, later) }) {
			list = append(list, later)
		}
	}
	return list
}

// Range returns the least and the greatest real value that the output's bytes can have.
func (o Output) Range() (least, most float64) {
	lowest := 0.0
	if o.Signed {
		lowest = -128
	}
	least = float64(o.Scale) * (lowest - float64(o.ZeroPoint))
	return least, least + 255*float64(o.Scale)
}

// HasBackground reports whether class 0 is none of those that the network was taught. Without labels, 1001 classes are
// ImageNet's 1000 and the background.
func (o Output) HasBackground() bool {
	if len(o.Labels) > 0 {
		return strings.EqualFold(strings.TrimSpace(o.Labels[0]), Background)
	}
	return o.Classes == 1001
}

// Scorer turns the bytes of an output into scores: probabilities.
type Scorer struct {
	softmax bool         // over the classes is computed here
	sign    byte         // 0x80 for int8: byte ^ sign counts up with the value, from 0
	table   [256]float32 // by byte ^ sign, the score; with softmax, by the distance below the largest, e^−distance
	scores  []float32
}

// NewScorer fails if the output can't be one of probabilities, or has another number of labels than of classes.
func NewScorer(o Output) (*Scorer, error) {
	switch {
	case o.Classes < 1:
		return nil, fmt.Errorf("decision: a network with %d classes", o.Classes)
	case len(o.Labels) != 0 && len(o.Labels) != o.Classes:
		return nil, fmt.Errorf("decision: %d labels for %d classes", len(o.Labels), o.Classes)
	case !(o.Scale > 0) || math.IsInf(float64(o.Scale), 0):
		return nil, fmt.Errorf("decision: the output's scale is %v", o.Scale)
	}
	s := &Scorer{softmax: o.Values == Logits && o.Classes > 1, scores: make([]float32, o.Classes)}
	lowest := int32(0)
	if o.Signed {
		s.sign, lowest = 0x80, -128
	}
	for i := range s.table {
		if s.softmax {
			s.table[i] = float32(math.Exp(-float64(o.Scale) * float64(i)))
			continue
		}
		real := float64(o.Scale) * float64(lowest+int32(i)-o.ZeroPoint)
		if o.Values == Logits { // one logit: a softmax over one class would always be 1
			real = 1 / (1 + math.Exp(-real))
		}
		s.table[i] = float32(real)
	}
	// Quantized probabilities may reach a step outside [0, 1]; logits reach far outside.
	if least, most := s.table[0], s.table[255]; !s.softmax && (least < -0.02 || most > 1.02) {
		return nil, fmt.Errorf("decision: the output's values, %.3g to %.3g, aren't probabilities: "+
			"the network doesn't end in a softmax", least, most)
	}
	return s, nil
}

// Scores returns the score of every class, in a slice that is the Scorer's and good until the next call. The length of
// output must be the number of classes. Nothing is allocated.
func (s *Scorer) Scores(output []byte) []float32 {
	output = output[:len(s.scores)]
	if s.softmax {
		s.softmaxOf(output)
		return s.scores
	}
	for i, b := range output {
		s.scores[i] = s.table[b^s.sign]
	}
	return s.scores
}

// softmaxOf needs no exponential but the table's, since bytes differ by at most 255 steps.
func (s *Scorer) softmaxOf(output []byte) {
	var largest byte
	for _, b := range output {
		largest = max(largest, b^s.sign)
	}
	var sum float32
	for i, b := range output {
		s.scores[i] = s.table[largest-b^s.sign]
		sum += s.scores[i]
	}
	for i := range s.scores {
		s.scores[i] /= sum
	}
}

// highest is the highest score that a class can have.
func (s *Scorer) highest() float32 {
	if s.softmax {
		return 1
	}
	return s.table[255]
}
