package engine

import (
	"fmt"

	"edge/model"
)

func supported(op model.Op) bool {
	switch op.(type) {
	case model.Conv2D, model.DepthwiseConv2D, model.FullyConnected, model.Add, model.AveragePool2D, model.MaxPool2D,
		model.Mean, model.Pad, model.Reshape, model.Squeeze, model.Softmax, model.Logistic, model.Quantize,
		model.Dequantize, model.Concatenation:
		return true
	}
	return false
}

// compileNode adds the steps of one node.
func (c *compiler) compileNode(n *model.Node) error {
	switch op := n.Op.(type) {
	case model.Conv2D:
		return c.conv2D(n, op)
	case model.DepthwiseConv2D:
		return c.depthwise(n, op)
	case model.FullyConnected:
		return c.fullyConnected(n, op)
	case model.Add:
		return c.addition(n, op)
	case model.AveragePool2D:
		return c.pool(n, op.Window, op.KernelH, op.KernelW, op.Activation, true)
	case model.MaxPool2D:
		return c.pool(n, op.Window, op.KernelH, op.KernelW, op.Activation, false)
	case model.Mean:
		return c.mean(n, op)
	case model.Pad:
		return c.pad(n, op)
	case model.Reshape, model.Squeeze:
		return c.view(n)
	case model.Softmax:
		return c.softmax(n, op)
	case model.Logistic:
		return c.logistic(n)
	case model.Quantize:
		return c.quantize(n)
	case model.Dequantize:
		return c.dequantize(n)
	case model.Concatenation:
		return c.concatenation(n, op)
	}
	return fmt.Errorf("%s isn't run here", opName(n.Op))
}

// view is a node whose output is its input's bytes: planMemory has put them in one place, so nothing is left to do.
func (c *compiler) view(n *model.Node) error { return c.sameQuant(n) }

// sameQuant checks that a node's output is quantized as its input is.
func (c *compiler) sameQuant(n *model.Node) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	if in.Type != o.Type || firstQuant(in) != firstQuant(o) {
		return fmt.Errorf("input and output are quantized differently (%s %v, %s %v)",
			in.Type, firstQuant(in), o.Type, firstQuant(o))
	}
	return nil
}
