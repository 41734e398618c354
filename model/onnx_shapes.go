package model

import (
	"fmt"
	"slices"
)

// Operations without weights: most of their work is to find where the graph has a dimension of the file.

func (r *onnxReader) pad(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	if mode := n.str("mode", "constant"); mode != "constant" {
		return fmt.Errorf("the mode %s isn't supported: only constant is", printable(mode))
	}
	pads, err := r.ints(n, 1)
	if err != nil {
		return err
	}
	if pads == nil { // before operator set 11
		pads = n.ints("pads")
	}
	if fill, _, err := r.floats(n, 2); err != nil {
		return err
	} else if fill != nil && (len(fill) != 4 || float32s(fill)[0] != 0) || n.float("value", 0) != 0 {
		return fmt.Errorf("padding with something else than 0 isn't supported")
	}
	rank := len(v.dims)
	axes, err := r.ints(n, 3)
	if err != nil {
		return err
	}
	if axes == nil {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("%d pads for %d dimensions", len(pads), len(axes))
	}
	x, order, err := r.ordered(n, v)
	if err != nil {
		return err
	}
	op := Pad{make([]int, rank), make([]int, rank)}
	for i, axis := range axes {
		if axis, err = axisOfTensor(axis, order); err != nil {
			return err
		}
		op.Before[axis], op.After[axis] = pads[i], pads[len(axes)+i]
	}
	if !slices.ContainsFunc(pads, isNotZero) {
		r.rename(n, v)
		return nil
	}
	_, err = r.emit(n, order, op, x)
	return err
}

func isNotZero[T int | byte](x T) bool { return x != 0 }

// ordered returns a tensor with the elements of v, and which dimension of v each of its own is.
func (r *onnxReader) ordered(n *onnxNode, v value) (tensor int, order []int, err error) {
	order, ok := v.order()
	if !ok {
		return 0, nil, fmt.Errorf("an input of %s whose elements lie in another order here isn't supported: "+
			"leave out the Transpose or Reshape before", shapeString(v.shape()))
	}
	tensor, err = r.lay(n, v, order)
	return tensor, order, err
}

// axisOfTensor is where a tensor in that order has a dimension of the file.
func axisOfTensor(axis int, order []int) (int, error) {
	rank := len(order)
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("the dimension %d of %d", axis, rank)
	}
	return slices.Index(order, (axis+rank)%rank), nil
}

func (r *onnxReader) globalAveragePool(n *onnxNode) error {
	x, _, err := r.image(n, 0)
	if err != nil {
		return err
	}
	return r.emitImage(n, Mean{Axes: []int{1, 2}, KeepDims: true}, x)
}

func (r *onnxReader) globalMaxPool(n *onnxNode) error {
	x, shape, err := r.image(n, 0)
	if err != nil {
		return err
	}
	return r.emitImage(n, MaxPool2D{Window{1, 1, Valid}, shape[1], shape[2], None}, x)
}

// reduceMax is supported over rows and columns.
func (r *onnxReader) reduceMax(n *onnxNode) error {
	axes, err := r.axes(n)
	if err != nil {
		return err
	}
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += 4
		}
	}
	slices.Sort(axes)
	if !slices.Equal(axes, []int{2, 3}) {
		return fmt.Errorf("over the dimensions %v: only the greatest of all rows and columns is supported", axes)
	}
	if err := r.globalMaxPool(n); err != nil || n.integer("keepdims", 1) != 0 {
		return err
	}
	v := r.values[n.outputs[0]]
	v.dims = v.dims[:2]
	r.values[n.outputs[0]] = v
	return nil
}

func (r *onnxReader) reduceMean(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	given, err := r.axes(n)
	if err != nil {
		return err
	}
	if given == nil && n.integer("noop_with_empty_axes", 0) != 0 {
		r.rename(n, v)
		return nil
	}
	if given == nil {
		for i := range v.dims {
			given = append(given, i)
		}
	}
	x, order, err := r.ordered(n, v)
	if err != nil {
		return err
	}
	op := Mean{KeepDims: n.integer("keepdims", 1) != 0}
	for _, axis := range given {
		if axis, err = axisOfTensor(axis, order); err != nil {
			return err
		}
		op.Axes = append(op.Axes, axis)
	}
	slices.Sort(op.Axes)
	if !op.KeepDims { // those that are left, in their new places
		var kept []int
		for i, o := range order {
			if !slices.Contains(op.Axes, i) {
				kept = append(kept, o)
			}
		}
		sorted := slices.Clone(kept)
		slices.Sort(sorted)
		order = nil
		for _, o := range kept {
			order = append(order, slices.Index(sorted, o))
		}
	}
	if inner, ok := r.meanBefore(n, v, x); ok && inner.Op.(Mean).KeepDims == op.KeepDims {
		op.Axes = joinAxes(inner.Op.(Mean), op.Axes) // one mean over all, as x.mean(3).mean(2) is
		inner.Op = op
		t := &r.g.Tensors[x]
		if t.Shape, err = r.g.outputShape(inner); err != nil {
			return err
		}
		r.absorb(n, viewOf(x, v.node, t.Shape, order))
		return nil
	}
	_, err = r.emit(n, order, op, x)
	return err
}

// meanBefore returns the node of a Mean that only this one reads.
func (r *onnxReader) meanBefore(n *onnxNode, v value, x int) (*Node, bool) {
	if v.node < 0 || x != v.tensor || r.uses[r.root(n.input(0))] != 1 {
		return nil, false
	}
	node := &r.g.Nodes[v.node]
	_, ok := node.Op.(Mean)
	return node, ok
}

// joinAxes are the dimensions that a mean and then one over these dimensions of its output go over.
func joinAxes(inner Mean, axes []int) []int {
	all := slices.Clone(inner.Axes)
	for _, axis := range axes {
		if !inner.KeepDims {
			for _, gone := range inner.Axes {
				if gone <= axis {
					axis++
				}
			}
		}
		if !slices.Contains(all, axis) {
			all = append(all, axis)
		}
	}
	slices.Sort(all)
	return all
}

// axes are what newer operator sets have as an input, older ones as an attribute; nil if neither is there.
func (r *onnxReader) axes(n *onnxNode) ([]int, error) {
	if n.input(1) != "" {
		return r.ints(n, 1)
	}
	return slices.Clone(n.ints("axes")), nil
}

func (r *onnxReader) identity(n *onnxNode) error { return nil }

func (r *onnxReader) dropout(n *onnxNode) error {
	for _, name := range n.outputs[1:] {
		if r.uses[name] > 0 {
			return fmt.Errorf("its mask %s is used: export the network in evaluation mode (model.eval())",
				printable(name))
		}
	}
	if n.input(2) != "" {
		t, _ := r.constant(n, 2)
		if t == nil || slices.ContainsFunc(t.varints, isNotZero) || slices.ContainsFunc(t.raw, isNotZero) {
			return fmt.Errorf("it is in training mode: export the network in evaluation mode (model.eval())")
		}
	}
	return nil
}

func (r *onnxReader) shape(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	r.constants[n.outputs[0]] = listOf(shapePart(n, v.shape())...)
	return nil
}

func (r *onnxReader) squeeze(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	axes, err := r.axes(n)
	if err != nil {
		return err
	}
	kept, err := squeezedDims(v.shape(), axes)
	if err != nil {
		return err
	}
	r.rename(n, v.permuted(kept))
	return nil
}

// squeezedDims are the dimensions that stay if those go, nil being all of size 1.
func squeezedDims(shape, axes []int) (kept []int, err error) {
	goes := make([]bool, len(shape))
	for _, axis := range axes {
		if axis < -len(shape) || axis >= len(shape) || shape[(axis+len(shape))%len(shape)] != 1 {
			return nil, fmt.Errorf("dimension %d of %s can't be left out", axis, shapeString(shape))
		}
		goes[(axis+len(shape))%len(shape)] = true
	}
	for i, d := range shape {
		if !goes[i] && (axes != nil || d != 1) {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

func (r *onnxReader) unsqueeze(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	axes, err := r.axes(n)
	if err != nil {
		return err
	}
	added, err := unsqueezedDims(len(v.dims), axes)
	if err != nil {
		return err
	}
	out := value{v.tensor, v.node, nil}
	for _, from := range added {
		if from < 0 {
			out.dims = append(out.dims, dimension{size: 1})
		} else {
			out.dims = append(out.dims, v.dims[from])
		}
	}
	r.rename(n, out)
	return nil
}

// unsqueezedDims says for each dimension afterwards which one it was; −1 for a new one.
func unsqueezedDims(rank int, axes []int) ([]int, error) {
	total := rank + len(axes)
	out := make([]int, total)
	for _, axis := range axes {
		if axis < -total || axis >= total || out[(axis+total)%total] < 0 {
			return nil, fmt.Errorf("a new dimension at %d of %d", axis, total)
		}
		out[(axis+total)%total] = -1
	}
	next := 0
	for i := range out {
		if out[i] == 0 {
			out[i] = next
			next++
		}
	}
	if total > 2*maxRank {
		return nil, fmt.Errorf("%d dimensions", total)
	}
	return out, nil
}

func (r *onnxReader) transpose(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	order, err := permutation(n, len(v.dims))
	if err != nil {
		return err
	}
	r.rename(n, v.permuted(order))
	return nil
}

func (r *onnxReader) flatten(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	shape := v.shape()
	axis := n.integer("axis", 1)
	if axis < 0 {
		axis += len(shape)
	}
	if axis < 0 || axis > len(shape) {
		return fmt.Errorf("axis %d of %s", axis, shapeString(shape))
	}
	return r.reshapeTo(n, v, []int{Elements(shape[:axis]), Elements(shape[axis:])})
}

func (r *onnxReader) reshapeNode(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	to, err := r.ints(n, 1)
	if err != nil {
		return err
	}
	want, err := wantedShape(n, v.shape(), to)
	if err != nil {
		return err
	}
	return r.reshapeTo(n, v, want)
}

// wantedShape is what a Reshape to a shape with 0 for the same and −1 for the rest gives.
func wantedShape(n *onnxNode, shape, to []int) ([]int, error) {
	want, rest, known := slices.Clone(to), -1, 1
	for i, d := range to {
		if d == 0 && n.integer("allowzero", 0) == 0 && i < len(shape) {
			want[i] = shape[i]
		}
		switch {
		case d == -1 && rest < 0:
			rest = i
		case want[i] < 1 || want[i] > maxONNXWeights/known:
			return nil, fmt.Errorf("to %v", to)
		default:
			known *= want[i]
		}
	}
	total, err := constantElements(shape)
	if err != nil {
		return nil, err
	}
	if rest >= 0 {
		want[rest] = total / known
		known *= want[rest]
	}
	if known != total || len(want) > 2*maxRank {
		return nil, fmt.Errorf("%s can't become %v", shapeString(shape), to)
	}
	return want, nil
}

// reshapeTo sees v in another shape, if that is possible without moving elements.
func (r *onnxReader) reshapeTo(n *onnxNode, v value, to []int) error {
	out, ok := v.reshaped(to)
	if !ok {
		return fmt.Errorf("from %s to %v isn't supported: elements would move", shapeString(v.shape()), to)
	}
	r.rename(n, out)
	return nil
}

func (r *onnxReader) softmax(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	absent := -1
	if r.opset < 13 {
		absent = 1
	}
	axis, rank := n.integer("axis", absent), len(v.dims)
	if axis < -rank || axis >= rank {
		return fmt.Errorf("the dimension %d of %d", axis, rank)
	}
	axis = (axis + rank) % rank
	over := v.dims[axis : axis+1]
	if r.opset < 13 { // all from there on
		over = v.dims[axis:]
	}
	depth := 1
	for _, d := range over {
		depth *= d.size
	}
	walk := strides(over)
	if len(walk) > 1 || len(walk) == 1 && walk[0].step != 1 {
		return fmt.Errorf("over dimension %d of %s: only over the channels is supported",
			n.integer("axis", absent), shapeString(v.shape()))
	}
	x := v.tensor
	if shape := r.g.Tensors[x].Shape; len(shape) == 0 || shape[len(shape)-1] != depth {
		if x, err = r.reshape(n, x, []int{Elements(v.shape()) / depth, depth}); err != nil {
			return err
		}
	}
	return r.emitLike(n, v, Softmax{Beta: 1}, x)
}

// concat joins activations.
func (r *onnxReader) concat(n *onnxNode) error {
	first, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	order, ok := first.order()
	if !ok {
		return fmt.Errorf("an input of %s whose elements lie in another order here isn't supported", shapeString(first.shape()))
	}
	axis, err := axisOfTensor(n.integer("axis", 0), order)
	if err != nil {
		return err
	}
	var tensors []int
	for i := range n.inputs {
		v, err := r.activation(n, i)
		if err != nil {
			return err
		}
		if len(v.dims) != len(first.dims) {
			return fmt.Errorf("inputs of %s and %s", shapeString(first.shape()), shapeString(v.shape()))
		}
		t, err := r.lay(n, v, order)
		if err != nil {
			return err
		}
		tensors = append(tensors, t)
	}
	if len(tensors) == 1 {
		r.rename(n, first)
		return nil
	}
	_, err = r.emit(n, order, Concatenation{Axis: axis}, tensors...)
	return err
}

// slice takes a part of an activation.
func (r *onnxReader) slice(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	var in []*onnxTensor
	for i := range n.inputs {
		var t *onnxTensor
		if i > 0 {
			if t, err = r.constant(n, i); err != nil {
				return err
			}
		}
		in = append(in, t)
	}
	parts, err := sliced(n, v.shape(), in)
	if err != nil {
		return err
	}
	return r.part(n, n.outputs[0], v, parts)
}

// span is what is taken along a dimension: size elements from begin on, each step-th.
type span struct{ begin, size, step int }

// part makes name the spans of v.
func (r *onnxReader) part(n *onnxNode, name string, v value, spans []span) error {
	x, order, err := r.ordered(n, v)
	if err != nil {
		return err
	}
	var op StridedSlice
	whole := true
	for i, o := range order {
		op.Begin, op.Size, op.Stride = append(op.Begin, spans[o].begin), append(op.Size, spans[o].size), append(op.Stride, spans[o].step)
		if spans[o].size < 1 {
			return fmt.Errorf("nothing is left of dimension %d", o)
		}
		whole = whole && spans[o] == span{0, r.g.Tensors[x].Shape[i], 1}
	}
	made := *n
	made.outputs = []string{name}
	if whole {
		r.rename(&made, v)
		return nil
	}
	_, err = r.emit(&made, order, op, x)
	return err
}

// split takes an activation apart along a dimension.
func (r *onnxReader) split(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	axis := n.integer("axis", 0)
	if axis < -len(v.dims) || axis >= len(v.dims) {
		return fmt.Errorf("the dimension %d of %d", axis, len(v.dims))
	}
	axis = (axis + len(v.dims)) % len(v.dims)
	sizes, err := r.ints(n, 1)
	if err != nil {
		return err
	}
	if sizes == nil { // before operator set 13
		sizes = n.ints("split")
	}
	total, count := v.dims[axis].size, len(n.outputs)
	if sizes == nil {
		each := ceilDiv(total, count)
		for i := range count {
			sizes = append(sizes, min(each, total-i*each))
		}
	}
	if len(sizes) != count {
		return fmt.Errorf("%d parts, but %d outputs", len(sizes), count)
	}
	begin := 0
	for i, size := range sizes {
		if size < 1 || size > total-begin {
			return fmt.Errorf("parts of %v of %d", sizes, total)
		}
		var spans []span
		for _, d := range v.dims {
			spans = append(spans, span{0, d.size, 1})
		}
		spans[axis] = span{begin, size, 1}
		begin += size
		if r.uses[n.outputs[i]] == 0 {
			continue
		}
		if err := r.part(n, n.outputs[i], v, spans); err != nil {
			return err
		}
	}
	return nil
}
