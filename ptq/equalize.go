package ptq

import (
	"math"

	"edge/model"
)

// equalize scales the channels between pairs of layers so that each uses more of the range that they share: what the
// first layer makes f times larger, the second takes f times smaller. The network computes the same, since a ReLU does
// not mind a positive factor, and a ReLU6 not either as long as the channel stays below 6. (Nagel et al., section 4.1,
// with the calibrated activations in place of the first layer's weights, as weights have a scale a channel here.)
//
// It returns whether anything has changed.
func equalize(g *model.Graph, layers []*layer, spreads []spread) bool {
	changed := false
	for i, n := range g.Nodes {
		next := onlyReader(g, n.Outputs[0])
		if layers[i] == nil || next < 0 || layers[next] == nil {
			continue
		}
		if _, connected := g.Nodes[next].Op.(model.FullyConnected); connected {
			continue // its inputs may be those of an image, flattened
		}
		factors := factorsFor(layers[next], spreads[n.Outputs[0]].tops)
		layers[i].scaleOutputs(factors)
		layers[next].scaleInputs(factors)
		changed = true
	}
	return changed
}

// onlyReader returns the node that reads a tensor, or −1 if none or several do, or it is an output.
func onlyReader(g *model.Graph, tensor int) int {
	reader := -1
	for _, out := range g.Outputs {
		if out == tensor {
			return -1
		}
	}
	for i, n := range g.Nodes {
		for _, t := range n.Inputs {
			if t != tensor {
				continue
			}
			if reader >= 0 {
				return -1
			}
			reader = i
		}
	}
	return reader
}

// factorsFor returns how much larger each channel of a layer's input is to be, at least 1; tops are the channels'
// greatest values.
//
// A depthwise layer doesn't mind: each of its channels has a scale of its own. Other layers' weights lose what the
// activations win; noise is least if the factor is the geometric mean of what both would like.
func factorsFor(next *layer, tops []float32) []float32 {
	const most = 64
	var top, topWeight float32
	for _, t := range tops {
		top = max(top, t)
	}
	weights := make([]float32, len(tops)) // the greatest that each input channel meets
	for i, w := range next.weights {
		c := next.inputChannel(i, len(tops))
		weights[c] = max(weights[c], w, -w)
		topWeight = max(topWeight, w, -w)
	}
	factors := make([]float32, len(tops))
	for c, t := range tops {
		factors[c] = 1
		if t == 0 || topWeight == 0 {
			continue
		}
		room := float64(top / t)
		factor := room
		if !next.depthwise {
			factor = math.Sqrt(room * float64(weights[c]/topWeight))
		}
		factors[c] = float32(max(1, min(factor, room, most)))
	}
	return factors
}

// inputChannel is the input channel that the weight at i is for, of so many.
func (l *layer) inputChannel(i, channels int) int {
	if l.depthwise {
		return l.channel(i) / (l.channels / channels)
	}
	each := channels / l.groups
	return l.channel(i)/(l.channels/l.groups)*each + i%each
}

func (l *layer) scaleOutputs(factors []float32) {
	for i := range l.weights {
		l.weights[i] *= factors[l.channel(i)]
	}
	for o := range l.bias {
		l.bias[o] *= factors[o]
	}
}

func (l *layer) scaleInputs(factors []float32) {
	for i := range l.weights {
		l.weights[i] /= factors[l.inputChannel(i, len(factors))]
	}
}
