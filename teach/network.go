package teach

import (
	"fmt"

	"edge/model"
)

// network is the backbone with its new head: two outputs, the probability of each class, and how familiar the picture looks
// to each.
//
//	                 ┌▶ MEAN ─────────────▶ L2_NORMALIZATION ─┐
//	backbone, layers ├▶ MEAN ▶ MUL ▶ TANH ▶ L2_NORMALIZATION ─┼▶ CONCATENATION ▶ FULLY_CONNECTED ▶ SOFTMAX
//	                 └▶ … textures                            ┘
//	                       the same, of the familiar layers     ▶ FULLY_CONNECTED
func (f *Fit) network(b *Backbone) (*model.Graph, error) {
	h := newHead(b.graph)
	units := map[int]int{}
	input := func(c combination, name string) int {
		var in []int
		for _, l := range c.layers {
			if _, ok := units[l]; !ok {
				units[l] = h.unit(b.layers[l], f.set.spans[l])
			}
			in = append(in, units[l])
		}
		return h.concat(in, name)
	}
	logits := h.dense(input(f.chosen, "features"), f.logits(), h.quant(f.logitScale(), 0), "logits")
	probabilities := h.softmax(logits, 1, "probabilities")
	familiarity := h.dense(input(f.familiar, "familiar"), f.prototypes, h.quant(1./255, -128), "familiarity")
	return h.finish([]int{probabilities, familiarity})
}

// logitScale is what one step of the logits stands for.
func (f *Fit) logitScale() float32 {
	const room = 1.2 // above the largest score seen
	return float32(max(f.largest()*room, 1e-3) / 127)
}

// Untaught returns a network that has learned nothing yet: it says of every picture that it is none of the classes.
func Untaught(b *Backbone, classes []string) (*model.Graph, error) {
	h := newHead(b.graph)
	l := b.layers[pooled]
	in := h.unit(l, opinionSpan)
	nothing := make([][]float32, len(classes))
	thresholds := make([]float32, len(classes))
	for c := range classes {
		nothing[c], thresholds[c] = make([]float32, l.channels), 1
	}
	probabilities := h.softmax(h.dense(in, nothing, h.quant(1, 0), "logits"), 1, "probabilities")
	familiarity := h.dense(in, nothing, h.quant(1./255, -128), "familiarity")
	g, err := h.finish([]int{probabilities, familiarity})
	if err != nil {
		return nil, fmt.Errorf("teach: %s: %w", b.Name, err)
	}
	g.Name, g.Labels = "untaught", classes
	g.Lesson = &model.Lesson{Thresholds: thresholds, Backbone: b.Name, Sum: b.Sum}
	return g, nil
}
