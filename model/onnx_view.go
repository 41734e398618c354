package model

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// value is an activation as the file sees it: the dimensions of the file, and how each walks through the memory of the
// graph's tensor, which it fills. An image that the file has as N, C, H, W lies in the graph as N, H, W, C:
//
//	N: size 1
//	C: size C, step 1
//	H: size H, step W·C
//	W: size W, step C
//
// So Reshape, Flatten, Transpose and Squeeze only change how the same memory is seen; elements never move. A dimension
// may take several strides: a flattened image is one of C·H·W elements whose strides are 1; then C.
type value struct {
	tensor int // in the graph
	node   int // that computes it, if it may still be changed; else −1
	dims   []dimension
}

// dimension is one of the file's. Its strides go from the outermost to the innermost; there are none if its size is 1.
type dimension struct {
	size    int
	strides []stride
}

// stride is size steps of step elements each.
type stride struct{ size, step int }

// imageOrder says which dimension of the file each of a 4-dimensional tensor in the graph is: N, H, W, C of N, C, H, W.
var imageOrder = []int{0, 2, 3, 1}

// viewOf is a tensor of that shape; order[i] is the dimension of the file that its dimension i is, nil for the same.
func viewOf(tensor, node int, shape, order []int) value {
	v := value{tensor, node, make([]dimension, len(shape))}
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		at := i
		if order != nil {
			at = order[i]
		}
		v.dims[at].size = shape[i]
		if shape[i] > 1 {
			v.dims[at].strides = []stride{{shape[i], step}}
		}
		step *= shape[i]
	}
	return v
}

// shape is that of the file.
func (v value) shape() []int {
	shape := make([]int, len(v.dims))
	for i, d := range v.dims {
		shape[i] = d.size
	}
	return shape
}

// strides are those of dimensions one after the other, joined if they are one walk.
func strides(dims []dimension) []stride {
	var all []stride
	for _, d := range dims {
		for _, s := range d.strides {
			if last := len(all) - 1; last >= 0 && all[last].step == s.step*s.size {
				all[last] = stride{all[last].size * s.size, s.step}
				continue
			}
			all = append(all, s)
		}
	}
	return all
}

// reshaped is v with other dimensions of as many elements; false if one would have to jump within a stride.
func (v value) reshaped(to []int) (value, bool) {
	left := strides(v.dims)
	out := value{v.tensor, v.node, nil}
	for _, size := range to {
		d := dimension{size: size}
		for need := size; need > 1; {
			if len(left) == 0 {
				return value{}, false
			}
			switch s := left[0]; {
			case need%s.size == 0:
				d.strides = append(d.strides, s)
				left = left[1:]
				need /= s.size
			case s.size%need == 0:
				d.strides = append(d.strides, stride{need, s.step * (s.size / need)})
				left[0] = stride{s.size / need, s.step}
				need = 1
			default:
				return value{}, false
			}
		}
		d.strides = strides([]dimension{d})
		out.dims = append(out.dims, d)
	}
	return out, len(left) == 0
}

// permuted is v with its dimensions in another order.
func (v value) permuted(order []int) value {
	out := value{v.tensor, v.node, make([]dimension, len(order))}
	for i, from := range order {
		out.dims[i] = v.dims[from]
	}
	return out
}

// inOrder says whether the dimensions of v, in this order, go through its memory from the beginning to the end.
func (v value) inOrder(order []int) bool {
	all := strides(v.permuted(order).dims)
	return len(all) == 0 || len(all) == 1 && all[0].step == 1
}

// order is the one in which the dimensions of v lie in memory, in the graph's way if several are right.
func (v value) order() ([]int, bool) {
	var same, sorted []int
	for i := range v.dims {
		same = append(same, i)
	}
	if len(v.dims) == 4 && v.inOrder(imageOrder) {
		return imageOrder, true
	}
	if v.inOrder(same) {
		return same, true
	}
	sorted = slices.Clone(same)
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(v.dims[b].outermost(), v.dims[a].outermost()) })
	return sorted, v.inOrder(sorted)
}

func (d dimension) outermost() int {
	if len(d.strides) == 0 {
		return math.MaxInt
	}
	return d.strides[0].step
}

// fileOffsets are where the elements of the dimensions lie in the graph's tensor, in the file's order.
func fileOffsets(dims []dimension) []int {
	offsets := []int{0}
	for _, s := range strides(dims) {
		next := make([]int, 0, len(offsets)*s.size)
		for _, at := range offsets {
			for k := range s.size {
				next = append(next, at+k*s.step)
			}
		}
		offsets = next
	}
	return offsets
}

// lay returns a tensor of the graph that has the elements of v in this order of its dimensions: v's own, or a Reshape of
// it.
func (r *onnxReader) lay(n *onnxNode, v value, order []int) (tensor int, err error) {
	if !v.inOrder(order) {
		return 0, fmt.Errorf("an input of %s whose elements lie in another order here isn't supported: "+
			"leave out the Transpose or Flatten before", shapeString(v.shape()))
	}
	shape := v.permuted(order).shape()
	if slices.Equal(shape, r.g.Tensors[v.tensor].Shape) {
		return v.tensor, nil
	}
	return r.reshape(n, v.tensor, shape)
}

// reshape emits a Reshape, if the tensor doesn't have that shape.
func (r *onnxReader) reshape(n *onnxNode, tensor int, shape []int) (int, error) {
	if slices.Equal(shape, r.g.Tensors[tensor].Shape) {
		return tensor, nil
	}
	from := r.g.Tensors[tensor]
	r.g.Tensors = append(r.g.Tensors, Tensor{
		Name: fmt.Sprintf("%s/as %s", n.outputs[0], shapeString(shape)), Type: Float32, Shape: slices.Clone(shape),
		Quant: from.Quant,
	})
	made := len(r.g.Tensors) - 1
	_, err := r.emitTo(n, made, Reshape{}, tensor)
	return made, err
}
