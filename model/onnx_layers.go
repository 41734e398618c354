package model

import (
	"fmt"
	"slices"
)

// Layers that move over their input, and those with weights.

func (r *onnxReader) conv(n *onnxNode) error {
	v, in, err := r.image(n, 0)
	if err != nil {
		return err
	}
	data, dims, err := r.floats(n, 1)
	if err != nil {
		return err
	}
	if len(dims) != 4 {
		return fmt.Errorf("weights of %s: they must have 4 dimensions", shapeString(dims))
	}
	out, kernelH, kernelW := dims[0], dims[2], dims[3]
	if k := n.ints("kernel_shape"); k != nil && !slices.Equal(k, dims[2:]) {
		return fmt.Errorf("a kernel_shape of %v, but weights of %s", k, shapeString(dims))
	}
	if d := n.ints("dilations"); slices.ContainsFunc(d, func(d int) bool { return d != 1 }) {
		return fmt.Errorf("dilations of %v aren't supported", d)
	}
	name := n.input(1)
	window, tensor, err := r.window(n, v, kernelH, kernelW, false)
	if err != nil {
		return err
	}
	var op Op
	var w int
	switch group := n.integer("group", 1); {
	case group == 1 && dims[1] == in[3]:
		op = Conv2D{Window: window}
		w, err = r.weightsTensor(name, data, []int{out, kernelH, kernelW, dims[1]}, func(i int) int {
			o, rest := i/(kernelH*kernelW*dims[1]), i%(kernelH*kernelW*dims[1]) // rest: (h·KW + w)·I + channel
			return (o*dims[1]+rest%dims[1])*kernelH*kernelW + rest/dims[1]
		})
	case group == in[3] && dims[1] == 1 && out%group == 0:
		op = DepthwiseConv2D{Window: window, Multiplier: out / group}
		w, err = r.weightsTensor(name, data, []int{1, kernelH, kernelW, out}, func(i int) int {
			return i%out*kernelH*kernelW + i/out
		})
	default:
		return fmt.Errorf("%d groups, %d input channels, weights of %s: only convolutions of one group and depthwise "+
			"ones are supported", group, in[3], shapeString(dims))
	}
	if err != nil {
		return err
	}
	bias := -1
	if data, _, err := r.floats(n, 2); err != nil {
		return err
	} else if data != nil {
		if bias, err = r.biasTensor(n.input(2), data, out, 1); err != nil {
			return err
		}
	}
	_, err = r.emit(n, op, tensor, w, bias)
	return err
}

// window returns how a layer moves over v. Paddings that aren't SAME or VALID are put before it, as a Pad node;
// tensor is the layer's input then. Where zeros must count, all are.
func (r *onnxReader) window(
	n *onnxNode, v value, kernelH, kernelW int, zerosCount bool,
) (w Window, tensor int, err error) {
	strides, pads := n.ints("strides"), n.ints("pads")
	if strides == nil {
		strides = []int{1, 1}
	}
	if pads == nil {
		pads = make([]int, 4)
	}
	const limit = 1 << 16
	outside := func(x int) bool { return x < 0 || x > limit }
	if len(strides) != 2 || len(pads) != 4 || slices.ContainsFunc(pads, outside) ||
		slices.ContainsFunc(strides, func(x int) bool { return x < 1 || x > limit }) {
		return Window{}, 0, fmt.Errorf("strides of %v and pads of %v", strides, pads)
	}
	w = Window{strides[0], strides[1], Valid}
	shape := r.g.Tensors[v.tensor].Shape
	vertical := border{shape[1], kernelH, strides[0], pads[0], pads[2]}
	horizontal := border{shape[2], kernelW, strides[1], pads[1], pads[3]}
	switch mode := n.str("auto_pad", "NOTSET"); mode {
	case "NOTSET":
	case "VALID":
		return w, v.tensor, nil
	case "SAME_UPPER", "SAME_LOWER":
		vertical.same(mode == "SAME_LOWER")
		horizontal.same(mode == "SAME_LOWER")
	default:
		return Window{}, 0, fmt.Errorf("an auto_pad of %s", printable(mode))
	}
	if vertical.steps() < 1 || horizontal.steps() < 1 {
		return Window{}, 0, fmt.Errorf("a window of %d×%d is larger than its input of %s", kernelH, kernelW,
			shapeString(shape))
	}
	vertical.trim()
	horizontal.trim()
	switch {
	case vertical.before+vertical.after+horizontal.before+horizontal.after == 0:
		return w, v.tensor, nil
	case vertical.isSame() && horizontal.isSame() && !zerosCount:
		w.Padding = Same
		return w, v.tensor, nil
	}
	op := Pad{
		Before: []int{0, vertical.before, horizontal.before, 0},
		After:  []int{0, vertical.after, horizontal.after, 0},
	}
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: n.outputs[0] + "/pad", Type: Float32})
	padded, err := r.emitTo(n, len(r.g.Tensors)-1, op, v.tensor)
	return w, padded.tensor, err
}

// border is how a window meets the ends of one dimension.
type border struct{ length, kernel, stride, before, after int }

func (b border) steps() int {
	room := b.length + b.before + b.after - b.kernel
	if room < 0 {
		return 0
	}
	return room/b.stride + 1
}

// needed is how many elements of padding SAME takes.
func (b border) needed() int {
	return max((ceilDiv(b.length, b.stride)-1)*b.stride+b.kernel-b.length, 0)
}

// same sets the paddings that give ceil(length / stride) steps; the odd element goes to the end, or before.
func (b *border) same(lower bool) {
	b.before = b.needed() / 2
	b.after = b.needed() - b.before
	if lower {
		b.before, b.after = b.after, b.before
	}
}

// isSame says whether the paddings give what .tflite calls SAME.
func (b border) isSame() bool {
	return b.steps() == ceilDiv(b.length, b.stride) && b.before == b.needed()/2
}

// trim takes off what no window reaches at the end.
func (b *border) trim() {
	b.after = max((b.steps()-1)*b.stride+b.kernel-b.length-b.before, 0)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// averagePool and maxPool take paddings as .tflite has them: SAME, and they don't count. An average where they count
// gets a Pad node.
func (r *onnxReader) averagePool(n *onnxNode) error {
	zerosCount := n.integer("count_include_pad", 0) != 0
	p, err := r.pool(n, zerosCount)
	if err != nil {
		return err
	}
	if p.padded && !zerosCount {
		return fmt.Errorf("pads of %v aren't supported: leave the padding to the convolutions", n.ints("pads"))
	}
	_, err = r.emit(n, AveragePool2D{Window: p.Window, KernelH: p.kernelH, KernelW: p.kernelW}, p.tensor)
	return err
}

func (r *onnxReader) maxPool(n *onnxNode) error {
	p, err := r.pool(n, false)
	if err != nil {
		return err
	}
	if p.padded {
		return fmt.Errorf("pads of %v aren't supported: leave the padding to the convolutions", n.ints("pads"))
	}
	_, err = r.emit(n, MaxPool2D{Window: p.Window, KernelH: p.kernelH, KernelW: p.kernelW}, p.tensor)
	return err
}

type pooling struct {
	Window
	kernelH, kernelW int
	tensor           int  // to pool
	padded           bool // by a Pad node
}

func (r *onnxReader) pool(n *onnxNode, zerosCount bool) (pooling, error) {
	v, _, err := r.image(n, 0)
	if err != nil {
		return pooling{}, err
	}
	k := n.ints("kernel_shape")
	if len(k) != 2 || min(k[0], k[1]) < 1 || max(k[0], k[1]) > maxActivationBytes {
		return pooling{}, fmt.Errorf("a kernel_shape of %v", k)
	}
	if n.integer("ceil_mode", 0) != 0 {
		return pooling{}, fmt.Errorf("ceil_mode isn't supported: pad the input instead")
	}
	if d := n.ints("dilations"); slices.ContainsFunc(d, func(d int) bool { return d != 1 }) {
		return pooling{}, fmt.Errorf("dilations of %v aren't supported", d)
	}
	w, tensor, err := r.window(n, v, k[0], k[1], zerosCount)
	return pooling{w, k[0], k[1], tensor, tensor != v.tensor}, err
}

func (r *onnxReader) gemm(n *onnxNode) error {
	if n.integer("transA", 0) != 0 {
		return fmt.Errorf("a transposed input isn't supported")
	}
	if err := r.fullyConnected(n, n.integer("transB", 0) != 0, n.float("alpha", 1)); err != nil {
		return err
	}
	data, _, err := r.floats(n, 2)
	if data == nil || err != nil {
		return err
	}
	node := &r.g.Nodes[len(r.g.Nodes)-1]
	units := r.g.Tensors[node.Outputs[0]].Shape[1]
	node.Inputs[2], err = r.biasTensor(n.input(2), data, units, n.float("beta", 1))
	return err
}

func (r *onnxReader) matMul(n *onnxNode) error { return r.fullyConnected(n, false, 1) }

// fullyConnected emits the product of input 0 with the constant input 1, which is [O, K] if transposed, else [K, O].
func (r *onnxReader) fullyConnected(n *onnxNode, transposed bool, factor float32) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	data, dims, err := r.floats(n, 1)
	if err != nil {
		return err
	}
	shape := r.g.Tensors[v.tensor].Shape
	if len(shape) != 2 || len(dims) != 2 {
		return fmt.Errorf("an input of %s and weights of %s: both must have 2 dimensions",
			shapeString(shape), shapeString(dims))
	}
	depth, units := dims[0], dims[1]
	if transposed {
		depth, units = units, depth
	}
	if depth != shape[1] {
		return fmt.Errorf("weights of %s don't fit an input of %s", shapeString(dims), shapeString(shape))
	}
	w, err := r.weightsTensor(n.input(1), data, []int{units, depth}, func(i int) int {
		o, k := i/depth, fileOrder(v.image, i%depth)
		if transposed {
			return o*depth + k
		}
		return k*units + o
	})
	if err != nil {
		return err
	}
	if factor != 1 {
		for i := range len(data) / 4 {
			scaleFloat32(r.g.Tensors[w].Data[4*i:], float64(factor), 0)
		}
	}
	_, err = r.emit(n, FullyConnected{}, v.tensor, w, -1)
	return err
}

// fileOrder is where the file has element k of an image that has been flattened; nil is no image.
func fileOrder(image []int, k int) int {
	if image == nil {
		return k
	}
	pixels, channels := image[1]*image[2], image[3]
	return k%channels*pixels + k/channels
}
