package engine

import (
	"fmt"

	"edge/model"
)

// node adds the steps of node i.
func (c *compiler) node(i int) error {
	if err := c.operation(&c.graph.Nodes[i]); err != nil {
		return fmt.Errorf("engine: %s: %w", c.place(i), err)
	}
	return nil
}

// operation is the one place that maps operations to the code that compiles them.
func (c *compiler) operation(n *model.Node) error {
	switch op := n.Op.(type) {
	case model.Conv2D:
		return c.conv2D(n, op)
	case model.DepthwiseConv2D:
		return c.depthwise(n, op)
	case model.FullyConnected:
		return c.fullyConnected(n, op)
	case model.Add:
		return c.sum(n, op)
	case model.Sub:
		return c.difference(n, op)
	case model.Mul:
		return c.product(n, op)
	case model.Div:
		return c.quotient(n, op)
	case model.Maximum:
		return c.pairs(c.operands(n), "maximum", func(a, b int32) int32 { return max(a, b) }, model.None)
	case model.Minimum:
		return c.pairs(c.operands(n), "minimum", func(a, b int32) int32 { return min(a, b) }, model.None)
	case model.Mean:
		return c.mean(n, op)
	case model.ReduceMax:
		return c.reduceMax(n, op)
	case model.Rectifier:
		return c.rectifier(n, op)
	case model.HardSwish:
		return c.hardSwish(n)
	case model.LeakyRelu:
		return c.leakyRelu(n, op)
	case model.PRelu:
		return c.parametric(n)
	case model.Softmax:
		return c.softmax(n, op)
	case model.Quantize:
		return c.quantize(n)
	case model.Pad:
		return c.pad(n, op)
	case model.StridedSlice:
		return c.slice(n, op)
	case model.AveragePool2D:
		c.pool(n, op.Window, op.KernelH, op.KernelW, op.Activation, true)
	case model.MaxPool2D:
		c.pool(n, op.Window, op.KernelH, op.KernelW, op.Activation, false)
	case model.L2Normalization:
		c.l2Normalization(n)
	case model.Logistic:
		c.logistic(n)
	case model.Tanh:
		c.tanh(n)
	case model.Dequantize:
		c.dequantize(n)
	case model.Concatenation:
		c.concatenation(n, op)
	case model.Reshape, model.Squeeze: // planMemory has put the output in its input's place
	default:
		return fmt.Errorf("%s isn't run here", model.OpName(n.Op)) // TestEveryOperation shows that this isn't reached
	}
	return nil
}
