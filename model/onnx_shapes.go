package model

import (
	"fmt"
	"slices"
)

// Operations without weights: most of their work is to find where the graph has a dimension of the file.

func (r *onnxReader) pad(n *onnxNode) error {
	v, err := r.plain(n, 0)
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
	if fill, _, err := r.floats(n, 2); err != nil {
		return err
	} else if fill != nil && (len(fill) != 4 || float32s(fill)[0] != 0) {
		return fmt.Errorf("padding with something else than 0 isn't supported")
	}
	rank := len(r.g.Tensors[v.tensor].Shape)
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
	op := Pad{make([]int, rank), make([]int, rank)}
	for i, axis := range axes {
		if axis, err = graphAxis(axis, rank); err != nil {
			return err
		}
		op.Before[axis], op.After[axis] = pads[i], pads[len(axes)+i]
	}
	_, err = r.emit(n, op, v.tensor)
	return err
}

// graphAxis is where the graph has a dimension of the file.
func graphAxis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fmt.Errorf("the dimension %d of %d", axis, rank)
	}
	axis = (axis + rank) % rank
	if rank == 4 {
		axis = [...]int{0, 3, 1, 2}[axis]
	}
	return axis, nil
}

func (r *onnxReader) globalAveragePool(n *onnxNode) error {
	v, _, err := r.image(n, 0)
	if err != nil {
		return err
	}
	_, err = r.emit(n, Mean{Axes: []int{1, 2}, KeepDims: true}, v.tensor)
	return err
}

func (r *onnxReader) reduceMean(n *onnxNode) error {
	if v := r.values[r.root(n.input(0))]; v.halfMean != 0 {
		return r.otherHalf(n, v)
	}
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	axes, err := r.axes(n)
	if err != nil {
		return err
	}
	rank := len(r.g.Tensors[v.tensor].Shape)
	op := Mean{KeepDims: n.integer("keepdims", 1) != 0}
	for _, axis := range axes {
		if axis, err = graphAxis(axis, rank); err != nil {
			return err
		}
		op.Axes = append(op.Axes, axis)
	}
	slices.Sort(op.Axes)
	if rank == 4 && !op.KeepDims && len(op.Axes) == 1 && (op.Axes[0] == 1 || op.Axes[0] == 2) {
		r.values[n.outputs[0]] = value{tensor: v.tensor, node: -1, halfMean: op.Axes[0]}
		return nil
	}
	if rank == 4 && !op.KeepDims && !slices.Equal(op.Axes, []int{1, 2}) {
		return fmt.Errorf("over the dimensions %v: only the mean over rows and columns is supported", axes)
	}
	_, err = r.emit(n, op, v.tensor)
	return err
}

// otherHalf completes a mean over rows and columns, one after the other: x.mean(3).mean(2).
func (r *onnxReader) otherHalf(n *onnxNode, v value) error {
	axes, err := r.axes(n)
	if err != nil {
		return err
	}
	if len(axes) != 1 || axes[0] != 2 && axes[0] != -1 || n.integer("keepdims", 1) != 0 {
		return errHalfMean
	}
	_, err = r.emit(n, Mean{Axes: []int{1, 2}}, v.tensor)
	return err
}

// axes are what newer operator sets have as input 1, older ones as an attribute; nil if neither is there.
func (r *onnxReader) axes(n *onnxNode) ([]int, error) {
	if n.input(1) != "" {
		return r.ints(n, 1)
	}
	return n.ints("axes"), nil
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
	shape := fileShape(r.g.Tensors[v.tensor].Shape)
	goes := make([]bool, len(shape))
	for _, axis := range axes {
		if axis < -len(shape) || axis >= len(shape) || shape[(axis+len(shape))%len(shape)] != 1 {
			return fmt.Errorf("dimension %d of %s can't be left out", axis, shapeString(shape))
		}
		goes[(axis+len(shape))%len(shape)] = true
	}
	var to []int
	for i, d := range shape {
		if !goes[i] && (axes != nil || d != 1) {
			to = append(to, d)
		}
	}
	return r.reshapeTo(n, v, to)
}

func (r *onnxReader) flatten(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	shape := fileShape(r.g.Tensors[v.tensor].Shape)
	axis := n.integer("axis", 1)
	if axis < 0 {
		axis += len(shape)
	}
	if axis < 0 || axis > len(shape) {
		return fmt.Errorf("axis %d of %s", axis, shapeString(shape))
	}
	return r.reshapeTo(n, v, []int{Elements(shape[:axis]), Elements(shape[axis:])})
}

// fileShape is the shape that a tensor of the graph has in the file.
func fileShape(shape []int) []int {
	if len(shape) == 4 {
		return []int{shape[0], shape[3], shape[1], shape[2]}
	}
	return shape
}

func graphShape(shape []int) []int {
	if len(shape) == 4 {
		return []int{shape[0], shape[2], shape[3], shape[1]}
	}
	return shape
}

func (r *onnxReader) reshape(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	to, err := r.ints(n, 1)
	if err != nil {
		return err
	}
	shape := fileShape(r.g.Tensors[v.tensor].Shape)
	want, rest, known := slices.Clone(to), -1, 1
	for i, d := range to {
		if d == 0 && n.integer("allowzero", 0) == 0 && i < len(shape) {
			want[i] = shape[i]
		}
		switch {
		case d == -1 && rest < 0:
			rest = i
		case want[i] < 1 || want[i] > maxActivationBytes/known:
			return fmt.Errorf("to %v", to)
		default:
			known *= want[i]
		}
	}
	if rest >= 0 {
		want[rest] = Elements(shape) / known
	}
	return r.reshapeTo(n, v, want)
}

// reshapeTo gives v a shape as the file says it, if that is possible without moving elements.
func (r *onnxReader) reshapeTo(n *onnxNode, v value, to []int) error {
	from := r.g.Tensors[v.tensor].Shape
	if len(to) > maxRank || slices.ContainsFunc(to, func(d int) bool { return d < 1 }) ||
		Elements(to) != Elements(from) {
		return fmt.Errorf("%s can't become %v", shapeString(fileShape(from)), to)
	}
	if slices.Equal(to, fileShape(from)) {
		if r.uses[r.root(n.input(0))] != 1 {
			v.node = -1 // under its other name it is used as it is
		}
		r.values[n.outputs[0]] = v
		return nil
	}
	var image []int
	switch {
	case v.image != nil:
		return fmt.Errorf("a flattened image of %s is only supported as the input of Gemm or MatMul",
			shapeString(v.image))
	case !moves(from) && !moves(graphShape(to)):
	case len(to) == 2 && to[0] == 1:
		image = from
	default:
		return fmt.Errorf("from %s to %v isn't supported: only images of one pixel or one channel can take any shape",
			shapeString(fileShape(from)), to)
	}
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: n.outputs[0], Type: Float32, Shape: graphShape(to)})
	made, err := r.emitTo(n, len(r.g.Tensors)-1, Reshape{}, v.tensor)
	made.image = image
	r.values[n.outputs[0]] = made
	return err
}

// moves says whether the elements of a tensor of the graph stand in another order in the file.
func moves(shape []int) bool {
	return len(shape) == 4 && shape[1]*shape[2] > 1 && shape[3] > 1
}

func (r *onnxReader) softmax(n *onnxNode) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	absent := -1
	if r.opset < 13 {
		absent = 1
	}
	shape := r.g.Tensors[v.tensor].Shape
	axis, err := graphAxis(n.integer("axis", absent), len(shape))
	if err != nil {
		return err
	}
	if axis != len(shape)-1 || r.opset < 13 && moves(shape) {
		return fmt.Errorf("over dimension %d of %s: only over the channels is supported",
			n.integer("axis", absent), shapeString(fileShape(shape)))
	}
	_, err = r.emit(n, Softmax{Beta: 1}, v.tensor)
	return err
}
