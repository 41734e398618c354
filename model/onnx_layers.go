package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Layers that move over their input, and those with weights.

func (r *onnxReader) conv(n *onnxNode) error {
	x, in, err := r.image(n, 0)
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
	window, x, err := r.window(n, x, kernelH, kernelW, zerosDontCount)
	if err != nil {
		return err
	}
	var op Op
	var w, axis int
	switch group := n.integer("group", 1); {
	case group >= 1 && dims[1] > 1 && dims[1]*group == in[3] && out%group == 0 || group == 1 && dims[1] == in[3]:
		op = Conv2D{Window: window} // in groups if the weights have fewer channels than the input
		w, err = r.weightsTensor(name, data, []int{out, kernelH, kernelW, dims[1]}, func(i int) int {
			o, rest := i/(kernelH*kernelW*dims[1]), i%(kernelH*kernelW*dims[1]) // rest: (h·KW + w)·I + channel
			return (o*dims[1]+rest%dims[1])*kernelH*kernelW + rest/dims[1]
		})
	case group == in[3] && dims[1] == 1 && out%group == 0:
		op, axis = DepthwiseConv2D{Window: window, Multiplier: out / group}, 3
		w, err = r.weightsTensor(name, data, []int{1, kernelH, kernelW, out}, func(i int) int {
			return i%out*kernelH*kernelW + i/out
		})
	default:
		return fmt.Errorf("%d groups, %d input channels, weights of %s: the groups must share them evenly", group, in[3], shapeString(dims))
	}
	if err != nil {
		return err
	}
	r.keepQuant(w, n, 0, axis)
	bias := -1
	if data, _, err := r.floats(n, 2); err != nil {
		return err
	} else if data != nil {
		if bias, err = r.biasTensor(n.input(2), data, out, 1); err != nil {
			return err
		}
	}
	return r.emitImage(n, op, x, w, bias)
}

// keepQuant notes how the file quantizes the weights that input 1 of n is, if their output channels are its dimension
// channels; axis is that of the tensor w.
func (r *onnxReader) keepQuant(w int, n *onnxNode, channels, axis int) {
	t := r.constants[r.root(n.input(1))]
	if len(t.quant) == 1 || len(t.quant) > 1 && t.axis == channels {
		r.g.Tensors[w].Quant, r.g.Tensors[w].Axis = t.quant, axis
	}
}

// How a window takes the padding: as nothing, or as zeros that an average counts, or as nothing that can't be zeros, as
// the greatest of some numbers below 0 would be.
type padded uint8

const (
	zerosDontCount padded = iota
	zerosCount
	nothing
)

// window returns how a layer moves over x. Paddings that aren't SAME or VALID are put before it, as a Pad node; tensor is
// the layer's input then.
func (r *onnxReader) window(n *onnxNode, x, kernelH, kernelW int, zeros padded) (w Window, tensor int, err error) {
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
	shape := r.g.Tensors[x].Shape
	vertical := border{shape[1], kernelH, strides[0], pads[0], pads[2]}
	horizontal := border{shape[2], kernelW, strides[1], pads[1], pads[3]}
	switch mode := n.str("auto_pad", "NOTSET"); mode {
	case "NOTSET":
	case "VALID":
		return w, x, nil
	case "SAME_UPPER", "SAME_LOWER":
		vertical.same(mode == "SAME_LOWER")
		horizontal.same(mode == "SAME_LOWER")
	default:
		return Window{}, 0, fmt.Errorf("an auto_pad of %s", printable(mode))
	}
	before := vertical.before + vertical.after + horizontal.before + horizontal.after
	if n.integer("ceil_mode", 0) != 0 {
		vertical.ceil()
		horizontal.ceil()
	}
	if vertical.steps() < 1 || horizontal.steps() < 1 {
		return Window{}, 0, fmt.Errorf("a window of %d×%d is larger than its input of %s", kernelH, kernelW,
			shapeString(shape))
	}
	ceiled := vertical.before+vertical.after+horizontal.before+horizontal.after != before
	vertical.trim()
	horizontal.trim()
	switch {
	case vertical.before+vertical.after+horizontal.before+horizontal.after == 0:
		return w, x, nil
	case vertical.isSame() && horizontal.isSame() && zeros != zerosCount:
		w.Padding = Same
		return w, x, nil
	case zeros == nothing:
		return Window{}, 0, fmt.Errorf("pads of %v aren't supported here, since values below 0 may meet them: "+
			"leave the padding to the convolutions, or put a ReLU before", pads)
	case zeros == zerosCount && ceiled:
		return Window{}, 0, fmt.Errorf("ceil_mode isn't supported for averages that count their padding")
	}
	op := Pad{
		Before: []int{0, vertical.before, horizontal.before, 0},
		After:  []int{0, vertical.after, horizontal.after, 0},
	}
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: n.outputs[0] + "/pad", Type: Float32, Quant: r.g.Tensors[x].Quant})
	tensor = len(r.g.Tensors) - 1
	_, err = r.emitTo(n, tensor, op, x)
	return w, tensor, err
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

// ceil adds the padding at the end with which the last, incomplete window is one, too, if it begins inside.
func (b *border) ceil() {
	room := b.length + b.before + b.after - b.kernel
	if room < 0 || room%b.stride == 0 {
		return
	}
	if next := (room/b.stride + 1) * b.stride; next < b.length+b.before {
		b.after += next - room
	}
}

// trim takes off what no window reaches at the end.
func (b *border) trim() {
	b.after = max((b.steps()-1)*b.stride+b.kernel-b.length-b.before, 0)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// averagePool and maxPool take paddings as .tflite has them: SAME, and they don't count. An average where they count
// gets a Pad node, and so does a maximum of what isn't negative.
func (r *onnxReader) averagePool(n *onnxNode) error {
	zeros := nothing
	if n.integer("count_include_pad", 0) != 0 {
		zeros = zerosCount
	}
	w, kernel, x, err := r.pool(n, zeros)
	if err != nil {
		return err
	}
	return r.emitImage(n, AveragePool2D{Window: w, KernelH: kernel[0], KernelW: kernel[1]}, x)
}

func (r *onnxReader) maxPool(n *onnxNode) error {
	zeros := nothing
	if v, err := r.activation(n, 0); err == nil && r.isPositive(v.tensor) {
		zeros = zerosDontCount
	}
	if len(n.outputs) > 1 && r.uses[n.outputs[1]] > 0 {
		return fmt.Errorf("the places of the greatest values are used: that isn't supported")
	}
	w, kernel, x, err := r.pool(n, zeros)
	if err != nil {
		return err
	}
	return r.emitImage(n, MaxPool2D{Window: w, KernelH: kernel[0], KernelW: kernel[1]}, x)
}

// isPositive says whether no element of a tensor can be below 0.
func (r *onnxReader) isPositive(tensor int) bool {
	for i := len(r.g.Nodes) - 1; i >= 0; i-- {
		n := &r.g.Nodes[i]
		if n.Outputs[0] != tensor {
			continue
		}
		if q := r.g.Tensors[tensor].Quant; len(q) == 1 && q[0].ZeroPoint == -128 {
			return true
		}
		a := None
		switch op := n.Op.(type) {
		case Conv2D:
			a = op.Activation
		case DepthwiseConv2D:
			a = op.Activation
		case FullyConnected:
			a = op.Activation
		case Add:
			a = op.Activation
		case Logistic, Softmax:
			return true
		case Mul:
			if a = op.Activation; r.isPositive(n.Inputs[0]) && r.isPositive(n.Inputs[1]) {
				return true
			}
		case Rectifier:
			a = op.Activation
		case MaxPool2D, AveragePool2D, Mean, Reshape, Pad, StridedSlice:
			return r.isPositive(n.Inputs[0])
		case Concatenation:
			return !slices.ContainsFunc(n.Inputs, func(t int) bool { return !r.isPositive(t) })
		}
		return a == Relu || a == Relu6 || a == Relu0To1
	}
	return false
}

func (r *onnxReader) pool(n *onnxNode, zeros padded) (w Window, kernel []int, x int, err error) {
	x, _, err = r.image(n, 0)
	if err != nil {
		return Window{}, nil, 0, err
	}
	kernel = n.ints("kernel_shape")
	if len(kernel) != 2 || min(kernel[0], kernel[1]) < 1 || max(kernel[0], kernel[1]) > maxActivationBytes {
		return Window{}, nil, 0, fmt.Errorf("a kernel_shape of %v", kernel)
	}
	if d := n.ints("dilations"); slices.ContainsFunc(d, func(d int) bool { return d != 1 }) {
		return Window{}, nil, 0, fmt.Errorf("dilations of %v aren't supported", d)
	}
	w, x, err = r.window(n, x, kernel[0], kernel[1], zeros)
	return w, kernel, x, err
}

func (r *onnxReader) gemm(n *onnxNode) error {
	if n.integer("transA", 0) != 0 {
		return fmt.Errorf("a transposed input isn't supported")
	}
	node, err := r.fullyConnected(n, n.integer("transB", 0) != 0, n.float("alpha", 1))
	if err != nil {
		return err
	}
	data, _, err := r.floats(n, 2)
	if data == nil || err != nil {
		return err
	}
	shape := r.g.Tensors[r.g.Nodes[node].Outputs[0]].Shape
	r.g.Nodes[node].Inputs[2], err = r.biasTensor(n.input(2), data, shape[len(shape)-1], n.float("beta", 1))
	return err
}

func (r *onnxReader) matMul(n *onnxNode) error {
	_, err := r.fullyConnected(n, false, 1)
	return err
}

// fullyConnected emits the product of input 0 with the constant input 1, which is [O, K] if transposed, else [K, O].
func (r *onnxReader) fullyConnected(n *onnxNode, transposed bool, factor float32) (node int, err error) {
	v, err := r.activation(n, 0)
	if err != nil {
		return 0, err
	}
	data, dims, err := r.floats(n, 1)
	if err != nil {
		return 0, err
	}
	last := len(v.dims) - 1
	if last < 0 || len(dims) != 2 {
		return 0, fmt.Errorf("an input of %s and weights of %s: the weights must have 2 dimensions",
			shapeString(v.shape()), shapeString(dims))
	}
	depth, units := dims[0], dims[1]
	if transposed {
		depth, units = units, depth
	}
	if depth != v.dims[last].size || depth == 0 || units == 0 {
		return 0, fmt.Errorf("weights of %s don't fit an input of %s", shapeString(dims), shapeString(v.shape()))
	}
	rows := Elements(v.shape()) / depth
	order := fileOffsets(v.dims[last:]) // where the graph has element k of a row, which may be a flattened image
	x := v.tensor
	if rows != 1 {
		var same []int
		for i := range v.dims {
			same = append(same, i)
		}
		if x, err = r.lay(n, v, same); err != nil {
			return 0, err
		}
	}
	if x, err = r.reshape(n, x, []int{rows, depth}); err != nil {
		return 0, err
	}
	from := make([]int, depth) // the file's place for each of the graph's
	for k, at := range order {
		from[at] = k
	}
	w, err := r.weightsTensor(n.input(1), data, []int{units, depth}, func(i int) int {
		o, k := i/depth, from[i%depth]
		if transposed {
			return o*depth + k
		}
		return k*units + o
	})
	if err != nil {
		return 0, err
	}
	channels := 1
	if transposed {
		channels = 0
	}
	r.keepQuant(w, n, channels, 0)
	if factor != 1 {
		for i := range len(data) / 4 {
			binary.LittleEndian.PutUint32(r.g.Tensors[w].Data[4*i:], math.Float32bits(factor*float32At(r.g.Tensors[w].Data, i)))
		}
		r.g.Tensors[w].Quant = nil
	}
	made, err := r.emit(n, nil, FullyConnected{}, x, w, -1)
	if err != nil {
		return 0, err
	}
	seen, ok := made.reshaped(append(slices.Clone(v.shape()[:last]), units))
	if !ok {
		return 0, fmt.Errorf("an input of %s", shapeString(v.shape()))
	}
	r.values[n.outputs[0]] = seen
	return made.node, nil
}
