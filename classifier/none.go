package classifier

import (
	"fmt"
	"math"
	"slices"

	"edge/decision"
	"edge/engine"
	"edge/model"
)

// None is the label of the class that edge teach's networks answer with when a picture shows none of what they were taught.
const None = "none"

// familiarity decides whether a picture shows any of what was taught; which of it, the scores decide. A taught network
// has a second output, how familiar the picture looks to each class (model.Lesson).
type familiarity struct {
	scores, familiar []byte // the network's outputs
	sign             byte   // 0x80 for int8: byte ^ sign counts up with the value
	least            []byte // of each class, byte ^ sign: what is less isn't one of them
	none             int    // the class that is none of the others
	result           []byte // the scores, with one more for none if nothing was taught of it
}

// newFamiliarity returns nil for a network that wasn't taught by edge teach. output is that of the scores; it is told of the
// class none.
func newFamiliarity(net *engine.Net, g *model.Graph, output *decision.Output) (*familiarity, error) {
	if g.Lesson == nil {
		return nil, nil
	}
	outputs, thresholds := net.Outputs(), g.Lesson.Thresholds
	if len(outputs) != 2 || len(outputs[1].Data) != output.Classes || len(thresholds) != output.Classes ||
		outputs[1].Type != outputs[0].Type {
		return nil, fmt.Errorf("a lesson of %d classes in a network with %d outputs and %d classes: teach it again",
			len(thresholds), len(outputs), output.Classes)
	}
	f := &familiarity{scores: outputs[0].Data, familiar: outputs[1].Data, none: slices.Index(output.Labels, None)}
	lowest := 0.0
	if output.Signed {
		f.sign, lowest = 0x80, -128
	}
	q := outputs[1].Quant
	for _, t := range thresholds {
		steps := math.Ceil(float64(t)/float64(q.Scale)) + float64(q.ZeroPoint) - lowest
		f.least = append(f.least, byte(min(max(steps, 0), 255)))
	}
	if f.none < 0 {
		f.none = output.Classes
		output.Classes++
		output.Labels = append(slices.Clone(output.Labels), None)
	}
	f.result = make([]byte, output.Classes)
	return f, nil
}

// judge returns the scores as they count: those of the network, or, if the picture isn't familiar to the class with the
// highest score, all for none.
func (f *familiarity) judge() []byte {
	best := 0
	for i, b := range f.scores {
		if b^f.sign > f.scores[best]^f.sign {
			best = i
		}
	}
	if best != f.none && f.familiar[best]^f.sign < f.least[best] {
		for i := range f.result {
			f.result[i] = f.sign // the least
		}
		f.result[f.none] = 0xff ^ f.sign
		return f.result
	}
	f.result[len(f.result)-1] = f.sign
	copy(f.result, f.scores)
	return f.result
}
