package engine

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// compiler turns a graph into steps: it places every activation first, and then compiles one node after another.
type compiler struct {
	graph   *model.Graph
	set     *kernels.Set
	threads int

	chains  []int // by node: how many nodes from this one on are one step
	home    []int // the tensor in whose place each tensor lies: its own, or that of the one that it is another view of
	spans   []span
	spanOf  []int // by tensor, −1 for those without a place of their own
	bytes   [][]byte
	arena   []byte
	steps   []step
	infos   []StepInfo
	scratch int // bytes that a worker needs
	workers [][]byte
	weights int

	donor  Donor
	donors map[*byte]*model.Node // the donor's layers, by where their weights begin
	packed map[int]packed        // by the tensor that is written
}

// What a file can ask for is bounded. The largest MobileNets stay far below.
const (
	maxArena = 48 << 20 // bytes
	maxRows  = 1 << 18  // of a tensor whose rows are moved one by one
)

// ErrFloat and ErrMemory are the two reasons why a network that passes Check isn't run.
var (
	// ErrFloat: it computes in float32.
	ErrFloat = errors.New("this program runs quantized networks: quantize it with edge quantize")
	// ErrMemory: it needs more memory than Compile allows.
	ErrMemory = errors.New("too large")
)

// check runs the model's own check, which proves all that is taken for granted here except that no tensor is float32.
func (c *compiler) check() error {
	g := c.graph
	if err := g.Check(); err != nil {
		return err
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if _, ok := n.Op.(model.Quantize); !ok && c.tensor(n.Inputs[0]).Type == model.Float32 {
			return fmt.Errorf("engine: %s works on float32: %w", c.place(i), ErrFloat)
		}
	}
	return nil
}

// place names a node for errors.
func (c *compiler) place(i int) string {
	n := &c.graph.Nodes[i]
	return fmt.Sprintf("node %d (%s → %s)", i, model.OpName(n.Op), model.Printable(c.tensor(n.Outputs[0]).Name))
}

// planMemory gives every activation its place.
func (c *compiler) planMemory() error {
	g := c.graph
	c.home = make([]int, len(g.Tensors))
	c.spanOf = make([]int, len(g.Tensors))
	for t := range g.Tensors {
		c.home[t], c.spanOf[t] = t, -1
	}
	touch := func(t, step int) {
		if t < 0 || g.Tensors[t].Data != nil {
			return
		}
		home := c.home[t]
		if c.spanOf[home] < 0 {
			c.spanOf[home] = len(c.spans)
			c.spans = append(c.spans, span{first: step, last: step, size: c.size(home)})
		}
		s := &c.spans[c.spanOf[home]]
		s.last = max(s.last, step)
	}
	for _, t := range g.Inputs {
		touch(t, 0)
	}
	step, end := 0, 0 // the chain that a node belongs to: its first node, and the one after its last
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if c.isView(n) {
			c.home[n.Outputs[0]] = c.home[n.Inputs[0]]
		}
		if i == end {
			step, end = i, i+c.chains[i]
		}
		for _, t := range n.Inputs {
			if i == step || t != g.Nodes[i-1].Outputs[0] {
				touch(t, step)
			}
		}
		if i == end-1 {
			for _, t := range n.Outputs {
				touch(t, step)
			}
		}
	}
	for _, t := range g.Outputs {
		touch(t, len(g.Nodes))
	}
	size := place(c.spans)
	if size > maxArena {
		return fmt.Errorf("engine: the activations need %d MiB, at most %d are allowed: %w", size>>20, maxArena>>20, ErrMemory)
	}
	c.arena = alignedBytes(size)
	c.bytes = make([][]byte, len(g.Tensors))
	for t := range g.Tensors {
		if i := c.spanOf[c.home[t]]; i >= 0 && g.Tensors[t].Data == nil {
			at := c.spans[i].at
			size := model.Elements(g.Tensors[t].Shape) * g.Tensors[t].Type.Size()
			c.bytes[t] = c.arena[at : at+size : at+size]
		}
	}
	for _, t := range g.Inputs {
		c.flip(t)
	}
	return nil
}

func (c *compiler) size(t int) int {
	size := model.Elements(c.graph.Tensors[t].Shape) * c.graph.Tensors[t].Type.Size()
	return (size + alignment - 1) / alignment * alignment
}

// isView reports whether a node's output is its input's bytes: another shape, or the other sign in the network's own
// representation and the same in the set's.
func (c *compiler) isView(n *model.Node) bool {
	switch n.Op.(type) {
	case model.Reshape, model.Squeeze:
		return true
	case model.Quantize:
		in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
		return in.Type != model.Float32 && in.Quant[0].Scale == o.Quant[0].Scale && c.zero(in) == c.zero(o)
	}
	return false
}

// finish adds what comes after the last node, and returns the finished network.
func (c *compiler) finish() *Net {
	g := c.graph
	flipped := map[int]bool{}
	for _, t := range g.Outputs {
		if !flipped[c.home[t]] { // two outputs may be views of the same bytes
			flipped[c.home[t]] = true
			c.flip(t)
		}
	}
	for w := range c.workers {
		c.workers[w] = alignedBytes(c.scratch)
	}
	n := &Net{
		steps: c.steps, infos: c.infos, arena: c.arena, weights: c.weights, packed: c.packed, kernels: c.set.Name,
		lowerBound: lowerBound(c.spans, len(g.Nodes)+1),
	}
	tensors := func(indices []int) []Tensor {
		var list []Tensor
		for _, i := range indices {
			t := &g.Tensors[i]
			list = append(list, Tensor{t.Name, t.Type, t.Shape, firstQuant(t), c.bytes[i]})
		}
		return list
	}
	n.inputs, n.outputs = tensors(g.Inputs), tensors(g.Outputs)
	n.team = newTeam(n.steps, c.threads)
	return n
}

func firstQuant(t *model.Tensor) quant.Params {
	if len(t.Quant) == 0 {
		return quant.Params{}
	}
	return t.Quant[0]
}

// move is what the set's representation of a tensor's activations adds to the network's own: see kernels.
func (c *compiler) move(t *model.Tensor) int32 {
	switch {
	case c.set.Signed && t.Type == model.Uint8:
		return -128
	case !c.set.Signed && t.Type == model.Int8:
		return 128
	}
	return 0
}

// zero is a tensor's zero point in the set's representation.
func (c *compiler) zero(t *model.Tensor) int32 { return t.Quant[0].ZeroPoint + c.move(t) }

// limits are the least and greatest activation in the set's representation.
func (c *compiler) limits() (lo, hi int32) {
	if c.set.Signed {
		return math.MinInt8, math.MaxInt8
	}
	return 0, math.MaxUint8
}

// clamp is the range of an output in the set's representation, given what is fused into it.
func (c *compiler) clamp(t *model.Tensor, a model.Activation) (lo, hi int32) {
	lo, hi = c.limits()
	q := quant.Params{Scale: t.Quant[0].Scale, ZeroPoint: c.zero(t)}
	least, most := a.Range()
	return max(lo, q.Quantize(least, lo, hi)), min(hi, q.Quantize(most, lo, hi))
}

func (c *compiler) tensor(i int) *model.Tensor { return &c.graph.Tensors[i] }

// add appends a step that writes tensor out.
func (c *compiler) add(info StepInfo, n *model.Node, s step) {
	out := n.Outputs[0]
	info = c.describe(info, n)
	info.Share = s.share(c.threads)
	if at := c.spanOf[c.home[out]]; at >= 0 {
		info.From = c.spans[at].at
		info.To = info.From + len(c.bytes[out])
	}
	c.steps = append(c.steps, s)
	c.infos = append(c.infos, info)
}

// describe returns info with what node n says of its tensors.
func (c *compiler) describe(info StepInfo, n *model.Node) StepInfo {
	t := c.tensor(n.Outputs[0])
	info.Name, info.Out, info.Type, info.Quant = t.Name, t.Shape, t.Type, firstQuant(t)
	info.In = c.tensor(n.Inputs[0]).Shape
	if info.Kernel == "" {
		info.Kernel = "go"
	}
	return info
}

// flip turns the network's own representation of a tensor into the set's, or back, in its place.
func (c *compiler) flip(i int) {
	t := c.tensor(i)
	if t.Type == model.Float32 || c.move(t) == 0 {
		return
	}
	data := c.bytes[i]
	n := model.Node{Inputs: []int{i}, Outputs: []int{i}}
	c.add(StepInfo{Kind: "flip sign bit"}, &n, single(func() { kernels.Flip(data, data) }))
}

// single is a step in one chunk.
func single(run func()) step { return step{chunks: 1, run: func(_, _ int) { run() }} }

// alignedBytes makes a slice that starts at a cache line.
func alignedBytes(size int) []byte {
	b := make([]byte, size+alignment)
	skip := -int(reflect.ValueOf(b).Pointer()) & (alignment - 1)
	return b[skip : skip+size : skip+size]
}
