package classifier

import (
	"slices"

	"edge/decision"
	"edge/model"
)

// UseQuantizedEnds takes a conversion from float32 at the network's start and one to float32 at its end away: pictures are
// bytes, and the scores are made from the quantized output.
func UseQuantizedEnds(g *model.Graph) {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n model.Node) bool {
		switch n.Op.(type) {
		case model.Quantize:
			if len(g.Inputs) == 1 && n.Inputs[0] == g.Inputs[0] && g.Tensors[n.Inputs[0]].Type == model.Float32 {
				g.Inputs[0] = n.Outputs[0]
				return true
			}
		case model.Dequantize:
			if n.Outputs[0] == g.Outputs[0] {
				g.Outputs[0] = n.Inputs[0]
				return true
			}
		}
		return false
	})
}

// valuesOf says what the network's output is, from the last operation that computes something, and from the least and the
// most real value that its bytes can have.
func valuesOf(g *model.Graph, least, most float64) decision.Values {
	one := model.Elements(g.Tensors[g.Outputs[0]].Shape) == 1
	switch lastOp(g).(type) {
	case model.Softmax:
		return decision.Probabilities
	case model.Logistic:
		if one {
			return decision.Probabilities
		}
		return decision.Independent
	case model.Conv2D, model.FullyConnected, nil:
		return decision.Logits // also if they happen to lie between 0 and 1
	}
	if least >= -0.02 && most <= 1.02 { // such as a hard sigmoid, or several logistic functions put together
		return decision.Independent
	}
	return decision.Logits
}

// lastOp is the operation that makes the network's output, without what only moves it or changes its quantization; nil if
// there is none.
func lastOp(g *model.Graph) model.Op {
	last := g.Outputs[0]
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		if n.Outputs[0] != last {
			continue
		}
		switch n.Op.(type) {
		case model.Quantize, model.Dequantize, model.Reshape, model.Squeeze:
			last = n.Inputs[0]
		default:
			return n.Op
		}
	}
	return nil
}
