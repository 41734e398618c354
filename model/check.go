package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	lines "edge/internal/text"
)

// What a graph may ask for. MobileNets stay far below.
const (
	maxRank            = 4
	maxNodes           = 1 << 12
	maxActivationBytes = 32 << 20
)

// Check proves that g is sound, so that whoever compiles it meets no surprise: indices are in range; each tensor is
// computed before it is read, and once; shapes, types and the numbers of scales fit each other; weights and biases are
// constant; scales are finite and positive. Tensors that nothing refers to are not checked. What TensorFlow Lite
// checks when it prepares its kernels is checked here, the same way. ReadTFLite and ReadONNX return only graphs that
// pass.
func (g *Graph) Check() error {
	if err := g.check(); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

func (g *Graph) check() error {
	switch {
	case len(g.Inputs) == 0:
		return fmt.Errorf("the network has no input")
	case len(g.Outputs) == 0:
		return fmt.Errorf("the network has no output")
	case len(g.Nodes) == 0:
		return fmt.Errorf("the network has no operations")
	case len(g.Nodes) > maxNodes:
		return fmt.Errorf("%d operations: at most %d are supported", len(g.Nodes), maxNodes)
	}
	if g.Lesson != nil {
		if err := g.Lesson.check(); err != nil {
			return fmt.Errorf("lesson: %w", err)
		}
	}
	if g.Normalization != nil {
		if err := g.Normalization.check(); err != nil {
			return fmt.Errorf("normalization: %w", err)
		}
	}
	c := checker{g, make([]bool, len(g.Tensors))}
	for _, i := range g.Inputs {
		if err := c.input(i); err != nil {
			return fmt.Errorf("input: %w", err)
		}
	}
	for i := range g.Nodes {
		if err := c.node(&g.Nodes[i]); err != nil {
			return fmt.Errorf("%s: %w", g.nodePlace(i), err)
		}
	}
	return c.outputs()
}

// checker follows the order of execution.
type checker struct {
	g     *Graph
	ready []bool // of each tensor: its value exists by now
}

func (c *checker) input(i int) error {
	if err := c.define(i); err != nil {
		return err
	}
	if shape := c.g.Tensors[i].Shape; len(shape) > 1 && shape[0] != 1 {
		return fmt.Errorf("%s: a batch of %d: convert the network with a batch of 1", c.g.tensorPlace(i), shape[0])
	}
	return nil
}

func (c *checker) outputs() error {
	for k, i := range c.g.Outputs {
		switch {
		case i < 0 || i >= len(c.g.Tensors):
			return fmt.Errorf("output: there is no tensor %d", i)
		case !c.ready[i]:
			return fmt.Errorf("output: %s is never computed", c.g.tensorPlace(i))
		case slices.Contains(c.g.Inputs, i):
			return fmt.Errorf("output: %s is an input, too", c.g.tensorPlace(i))
		case slices.Contains(c.g.Outputs[:k], i):
			return fmt.Errorf("output: %s is listed twice", c.g.tensorPlace(i))
		}
	}
	return nil
}

// define marks an activation as computed from here on.
func (c *checker) define(i int) error {
	if i < 0 || i >= len(c.g.Tensors) {
		return fmt.Errorf("there is no tensor %d", i)
	}
	t := &c.g.Tensors[i]
	if err := t.checkActivation(); err != nil {
		return fmt.Errorf("%s: %w", c.g.tensorPlace(i), err)
	}
	if c.ready[i] {
		return fmt.Errorf("%s is computed twice", c.g.tensorPlace(i))
	}
	c.ready[i] = true
	return nil
}

func (c *checker) node(n *Node) error {
	if err := c.g.checkOptions(n.Op); err != nil {
		return err
	}
	row := mustRow(n.Op)
	if err := c.operands(n, &row); err != nil {
		return err
	}
	if len(n.Outputs) != 1 {
		return fmt.Errorf("it has %d outputs, not 1", len(n.Outputs))
	}
	if err := c.define(n.Outputs[0]); err != nil {
		return err
	}
	shape, err := c.g.outputShape(n)
	if err != nil {
		return err
	}
	if y := &c.g.Tensors[n.Outputs[0]]; !slices.Equal(shape, y.Shape) {
		return fmt.Errorf("its output is %s, but the file says %s", shapeString(shape), shapeString(y.Shape))
	}
	return row.arithmetic(c.g, n)
}

// operands checks that each input of n exists and is what its place demands: constant, or computed before.
func (c *checker) operands(n *Node, row *operation) error {
	want := row.inputs
	if want < 0 {
		want = max(len(n.Inputs), 1)
	}
	if len(n.Inputs) != want {
		return fmt.Errorf("it has %d inputs, not %d", len(n.Inputs), want)
	}
	constants := 0
	for k, i := range n.Inputs {
		if row.constants == weights && k == 2 && i == -1 {
			continue // no bias
		}
		if i < 0 || i >= len(c.g.Tensors) {
			return fmt.Errorf("input %d: there is no tensor %d", k, i)
		}
		t := &c.g.Tensors[i]
		must := k > 0 && (row.constants == weights || row.constants == second)
		switch {
		case must && t.Data == nil:
			return fmt.Errorf("%s has no data: weights and bias must be constant", c.g.tensorPlace(i))
		case must || row.constants == either && t.Data != nil:
			constants++
			if err := t.checkConstant(row.constants); err != nil {
				return fmt.Errorf("%s: %w", c.g.tensorPlace(i), err)
			}
		case t.Data != nil:
			return fmt.Errorf("%s is constant: only weights and bias may be; fold it when converting",
				c.g.tensorPlace(i))
		case !c.ready[i]:
			return fmt.Errorf("%s is read before it is computed", c.g.tensorPlace(i))
		}
	}
	if constants == len(n.Inputs) {
		return fmt.Errorf("all its inputs are constant: fold it when converting")
	}
	return nil
}

func (t *Tensor) checkActivation() error {
	switch {
	case t.Data != nil:
		return fmt.Errorf("it is constant, but computed")
	case t.Type != Float32 && t.Type != Uint8 && t.Type != Int8:
		return fmt.Errorf("type %v: activations must be u8, s8 or f32", t.Type)
	}
	if _, err := elements(t.Shape, maxActivationBytes/t.Type.Size()); err != nil {
		return err
	}
	if t.Type == Float32 && len(t.Quant) == 0 {
		return nil
	}
	if len(t.Quant) != 1 {
		return fmt.Errorf("type %v with %d scales, not 1", t.Type, len(t.Quant))
	}
	return t.checkQuant()
}

func (t *Tensor) checkConstant(as constants) error {
	if t.Type < Float32 || t.Type > Bool {
		return fmt.Errorf("no known type")
	}
	n, err := elements(t.Shape, len(t.Data)/t.Type.Size())
	if err != nil || n*t.Type.Size() != len(t.Data) {
		return fmt.Errorf("%d bytes of data don't fit the shape %s of type %v", len(t.Data), shapeString(t.Shape), t.Type)
	}
	if t.Type == Float32 {
		for i := range n {
			v := float64(math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:])))
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("element %d is %g", i, v)
			}
		}
	}
	if as != weights && len(t.Quant) > 1 {
		return fmt.Errorf("an operand with %d scales: one is needed", len(t.Quant))
	}
	return t.checkQuant()
}

func (t *Tensor) checkQuant() error {
	if t.Type == Int32 { // a bias: its scales are those of the weights, along the one dimension that it has
		t = &Tensor{Type: t.Type, Shape: []int{Elements(t.Shape)}, Quant: t.Quant}
	}
	if len(t.Quant) > 1 && (t.Axis < 0 || t.Axis >= len(t.Shape) || t.Shape[t.Axis] != len(t.Quant)) {
		return fmt.Errorf("%d scales along dimension %d of %s", len(t.Quant), t.Axis, shapeString(t.Shape))
	}
	lo, hi := int32(0), int32(0)
	switch t.Type {
	case Uint8:
		hi = 255
	case Int8, Float32:
		lo, hi = -128, 127
	}
	if (t.Type == Uint8 || t.Type == Int8) && len(t.Quant) == 0 {
		return fmt.Errorf("type %v without a scale", t.Type)
	}
	for i, q := range t.Quant {
		if s := float64(q.Scale); !(s > 0) || math.IsInf(s, 0) {
			return fmt.Errorf("the scale %g at %d isn't a positive number", s, i)
		}
		if q.ZeroPoint < lo || q.ZeroPoint > hi {
			return fmt.Errorf("the zero point %d at %d isn't in %d…%d", q.ZeroPoint, i, lo, hi)
		}
	}
	return nil
}

// tensorPlace and nodePlace say where in g something is, for errors.
func (g *Graph) tensorPlace(i int) string {
	return fmt.Sprintf("tensor %d (%s)", i, printable(g.Tensors[i].Name))
}

func (g *Graph) nodePlace(i int) string {
	n := &g.Nodes[i]
	name := n.Name
	if name == "" && len(n.Outputs) > 0 && n.Outputs[0] >= 0 && n.Outputs[0] < len(g.Tensors) {
		name = g.Tensors[n.Outputs[0]].Name
	}
	return fmt.Sprintf("node %d (%s → %s)", i, OpName(n.Op), printable(name))
}

// Printable returns a name from a file without what steers a terminal, and shortened to fit a line.
func Printable(name string) string {
	const limit = 80
	if r := []rune(name[:min(len(name), 4*limit+4)]); len(r) > limit {
		name = string(r[:limit]) + "…"
	}
	return lines.Clean(name)
}

func printable(name string) string { return Printable(name) }
