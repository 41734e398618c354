package model

import "math"

// What exporters write as several nodes and this package as one. Older operator sets have neither HardSigmoid nor
// HardSwish, so that x·relu6(x + 3)/6 is
//
//	Add 3 ─ Clip 0…6 ─ Div 6 ─┐        or  Add 3 ─ Clip 0…6 ─┐
//	x ────────────────────── Mul           x ────────────── Mul ─ Div 6
//
// (PyTorch's torch.nn.Hardswish, and TensorFlow's hard_swish with a Mul by 0.1666 in place of the Div.)

// patterns looks nodes up by what they compute.
type patterns struct {
	file      *onnxFile
	producers map[string]int
	readers   map[string]int
	constants map[string]*onnxTensor
}

// findPatterns replaces such nodes in the file by HardSigmoid and HardSwish. The nodes that nobody reads any more stay.
func findPatterns(m *onnxFile) {
	p := patterns{m, map[string]int{}, map[string]int{}, map[string]*onnxTensor{}}
	for _, t := range m.initializers {
		p.constants[t.name] = t
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		for _, name := range n.inputs {
			p.readers[name]++
		}
		for _, name := range n.outputs {
			p.producers[name] = i
		}
		if n.op == "Constant" && len(n.outputs) > 0 {
			if t, err := foldConstant(nil, n, nil); err == nil {
				p.constants[n.outputs[0]] = t
			}
		}
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		if len(n.outputs) != 1 {
			continue
		}
		if x, ok := p.hardSigmoid(n); ok {
			*n = onnxNode{name: n.name, op: "HardSigmoid", inputs: []string{x}, outputs: n.outputs, attributes: sixth}
		}
	}
	for i := range m.nodes {
		n := &m.nodes[i]
		if len(n.outputs) != 1 {
			continue
		}
		if x, ok := p.hardSwish(n); ok {
			*n = onnxNode{name: n.name, op: "HardSwish", inputs: []string{x}, outputs: n.outputs}
		}
	}
}

var sixth = []onnxAttribute{{name: "alpha", float: 1. / 6}, {name: "beta", float: 0.5}}

// node returns the one that computes a value, if it is of that operation.
func (p *patterns) node(name, op string) (*onnxNode, bool) {
	i, ok := p.producers[name]
	if !ok || p.file.nodes[i].op != op {
		return nil, false
	}
	return &p.file.nodes[i], true
}

// is says whether a value is the constant v.
func (p *patterns) is(name string, v float64) bool {
	t := p.constants[name]
	if t == nil || t.external || !t.isFloat() {
		return false
	}
	raw, err := t.floats()
	return err == nil && len(raw) == 4 && math.Abs(float64(float32At(raw, 0))-v) < 1e-3*math.Abs(v)+1e-9
}

// with returns the other input of a node of two whose one input is the constant v.
func (p *patterns) with(n *onnxNode, v float64) (other string, ok bool) {
	if len(n.inputs) != 2 {
		return "", false
	}
	for i, name := range n.inputs {
		if p.is(name, v) && p.constants[n.inputs[1-i]] == nil {
			return n.inputs[1-i], true
		}
	}
	return "", false
}

// bySixth says whether n divides something by 6.
func (p *patterns) bySixth(n *onnxNode) (of string, ok bool) {
	switch n.op {
	case "Div":
		if len(n.inputs) == 2 && p.is(n.inputs[1], 6) {
			return n.inputs[0], true
		}
	case "Mul":
		return p.with(n, 1./6)
	}
	return "", false
}

// shifted returns the x of relu6(x + 3).
func (p *patterns) shifted(name string) (x string, ok bool) {
	clip, ok := p.node(name, "Clip")
	if !ok {
		return "", false
	}
	old := clip.float("min", -1) == 0 && clip.float("max", 0) == 6
	if !old && !(len(clip.inputs) == 3 && p.is(clip.inputs[1], 0) && p.is(clip.inputs[2], 6)) || len(clip.inputs) == 0 {
		return "", false
	}
	add, ok := p.node(clip.inputs[0], "Add")
	if !ok {
		return "", false
	}
	return p.with(add, 3)
}

func (p *patterns) hardSigmoid(n *onnxNode) (x string, ok bool) {
	of, ok := p.bySixth(n)
	if !ok {
		return "", false
	}
	return p.shifted(of)
}

func (p *patterns) hardSwish(n *onnxNode) (x string, ok bool) {
	if n.op == "Mul" && len(n.inputs) == 2 { // x · hard sigmoid
		for i, name := range n.inputs {
			h, found := p.node(name, "HardSigmoid")
			if found && len(h.inputs) == 1 && h.inputs[0] == n.inputs[1-i] && math.Abs(float64(h.float("alpha", 0.2))-1./6) < 1e-4 &&
				h.float("beta", 0.5) == 0.5 {
				return n.inputs[1-i], true
			}
		}
	}
	of, ok := p.bySixth(n) // (x · relu6(x + 3)) / 6
	if !ok || p.readers[of] != 1 {
		return "", false
	}
	product, ok := p.node(of, "Mul")
	if !ok || len(product.inputs) != 2 {
		return "", false
	}
	for i, name := range product.inputs {
		if x, found := p.shifted(name); found && x == product.inputs[1-i] {
			return x, true
		}
	}
	return "", false
}

// alive says which nodes an output of the network hangs on.
func (m *onnxFile) alive() []bool {
	producers := map[string]int{}
	for i := range m.nodes {
		for _, name := range m.nodes[i].outputs {
			producers[name] = i
		}
	}
	alive := make([]bool, len(m.nodes))
	left := m.outputs
	for len(left) > 0 {
		name := left[len(left)-1]
		left = left[:len(left)-1]
		if i, ok := producers[name]; ok && !alive[i] {
			alive[i] = true
			left = append(left[:len(left):len(left)], m.nodes[i].inputs...)
		}
	}
	return alive
}
