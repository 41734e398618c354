package model

import "fmt"

// What exporters compute of shapes where the batch, or all, is left open: x.view(x.size(0), -1) becomes Shape, Gather,
// Unsqueeze, Concat, Reshape. Here every shape is known, so that these are constants.

// integers computes a node whose output is a short list of integers.
func (r *onnxReader) integers(n *onnxNode) error {
	if n.op == "Shape" {
		return r.shape(n)
	}
	var lists [][]int
	for i := range n.inputs {
		if _, computed := r.values[r.root(n.input(i))]; computed {
			return fmt.Errorf("it is only supported on shapes, not on images: build the network from convolutions, " +
				"ReLU6, additions, pooling and fully connected layers, as MobileNetV1 and V2 are")
		}
		v, err := r.ints(n, i)
		if err != nil {
			return err
		}
		lists = append(lists, v)
	}
	var out []int
	switch {
	case len(lists) == 0:
		return fmt.Errorf("its input 0 is missing")
	case n.op == "Concat":
		for _, v := range lists {
			if out = append(out, v...); len(out) > maxONNXInts {
				break // an error below
			}
		}
	case n.op == "Gather" && len(lists) == 2:
		for _, at := range lists[1] {
			if at < 0 {
				at += len(lists[0])
			}
			if at < 0 || at >= len(lists[0]) {
				return fmt.Errorf("number %d of a list of %d", at, len(lists[0]))
			}
			out = append(out, lists[0][at])
		}
	default: // Unsqueeze and Cast leave the numbers
		out = lists[0]
	}
	if len(out) > maxONNXInts {
		return fmt.Errorf("%d integers", len(out))
	}
	r.constants[n.outputs[0]] = &onnxTensor{kind: onnxInt64, dims: []int{len(out)}, varints: out}
	return nil
}

func (r *onnxReader) shape(n *onnxNode) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	shape := fileShape(r.g.Tensors[v.tensor].Shape)
	bound := func(name string, absent int) int {
		i := n.integer(name, absent)
		if i < 0 {
			i += len(shape)
		}
		return max(0, min(i, len(shape)))
	}
	start, end := bound("start", 0), bound("end", len(shape))
	shape = shape[start:max(start, end)]
	r.constants[n.outputs[0]] = &onnxTensor{kind: onnxInt64, dims: []int{len(shape)}, varints: shape}
	return nil
}
