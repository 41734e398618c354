package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

const (
	minOpset, maxOpset = 11, 20
	// maxONNXWeights is how many bytes of weights are copied from a file, four times those of the largest MobileNet
	// of this package's README.
	maxONNXWeights = 56 << 20
)

// ReadONNX reads a float32 network from the bytes of an .onnx file, as PyTorch's exporters write MobileNets and their
// relatives (operator sets 11 to 20). The graph passes Check and has the layout of .tflite: images NHWC, weights OHWI
// and 1HWO. Batch normalizations are folded into the weights before them, activations into the operation before them.
// Paddings that are neither SAME nor VALID become Pad nodes. The weights are copies.
//
// Errors name the node, and for what isn't supported also what to do.
func ReadONNX(b []byte) (*Graph, error) {
	g, err := readONNX(b)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return g, nil
}

func readONNX(b []byte) (*Graph, error) {
	file, err := parseONNX(b)
	if err != nil {
		return nil, err
	}
	if file.opset < minOpset || file.opset > maxOpset {
		return nil, fmt.Errorf("operator set %d: export the network with one of %d to %d (opset_version=17)",
			file.opset, minOpset, maxOpset)
	}
	r := onnxReader{
		opset: file.opset, constants: map[string]*onnxTensor{}, values: map[string]value{},
		alias: map[string]string{}, uses: map[string]int{},
	}
	r.g.Name = file.name
	if err := r.network(file); err != nil {
		return nil, err
	}
	if err := r.g.check(); err != nil {
		return nil, err
	}
	r.g.dropUnused()
	return &r.g, nil
}

// onnxReader turns the nodes of a file into those of a graph, one after the other.
type onnxReader struct {
	g         Graph
	opset     int
	constants map[string]*onnxTensor
	values    map[string]value  // of what has been computed
	alias     map[string]string // Identity and Dropout: the name of the value itself
	uses      map[string]int    // how often a value is read, or an output of the network
	weights   int               // bytes of weights made so far
}

// value is an activation. In the graph, one of 4 dimensions is NHWC where the file says NCHW; the others are alike.
type value struct {
	tensor int // in the graph
	node   int // that computes it; −1 for an input
	// A flattened image keeps its dimensions: the file has its elements in the order c, h, w, the graph in the order
	// h, w, c. Weights are reordered where such a value meets them. nil elsewhere.
	image []int
}

func (r *onnxReader) network(file *onnxFile) error {
	for _, t := range file.initializers {
		r.constants[t.name] = t
	}
	for i := range file.nodes {
		n := &file.nodes[i]
		if (n.op == "Identity" || n.op == "Dropout") && len(n.inputs) > 0 && len(n.outputs) > 0 {
			r.alias[n.outputs[0]] = r.root(n.inputs[0])
			continue
		}
		for _, name := range n.inputs {
			r.uses[r.root(name)]++
		}
	}
	for _, name := range file.outputs {
		r.uses[r.root(name)]++
	}
	for _, input := range file.inputs {
		if _, constant := r.constants[input.name]; constant {
			continue // old files list the weights, too
		}
		if err := r.input(input); err != nil {
			return fmt.Errorf("input %s: %w", printable(input.name), err)
		}
	}
	for i := range file.nodes {
		if err := r.node(&file.nodes[i]); err != nil {
			return fmt.Errorf("%s: %w", file.place(i), err)
		}
	}
	for _, name := range file.outputs {
		v, ok := r.values[r.root(name)]
		if !ok {
			return fmt.Errorf("output %s is never computed", printable(name))
		}
		if v.image != nil {
			return fmt.Errorf("output %s is a flattened image: end the network before", printable(name))
		}
		r.g.Tensors[v.tensor].Name = name
		r.g.Outputs = append(r.g.Outputs, v.tensor)
	}
	return nil
}

// place says where a node is, for errors.
func (m *onnxFile) place(i int) string {
	n := &m.nodes[i]
	name := n.name
	if name == "" && len(n.outputs) > 0 {
		name = n.outputs[0]
	}
	return fmt.Sprintf("node %d (%s %s)", i, printable(n.op), printable(name))
}

// root is the name of the value that name stands for.
func (r *onnxReader) root(name string) string {
	if root, ok := r.alias[name]; ok {
		return root
	}
	return name
}

func (r *onnxReader) input(in onnxInput) error {
	if in.kind != onnxFloat {
		return fmt.Errorf("its type must be float32")
	}
	shape := slices.Clone(in.shape)
	if len(shape) > 0 && shape[0] <= 0 { // a dynamic batch
		shape[0] = 1
	}
	for _, d := range shape {
		if d <= 0 {
			return fmt.Errorf("its shape %v isn't fixed: export the network without dynamic_axes", shape)
		}
	}
	if len(shape) == 4 {
		shape = []int{shape[0], shape[2], shape[3], shape[1]}
	}
	t := Tensor{Name: in.name, Type: Float32, Shape: shape}
	if err := t.checkActivation(); err != nil {
		return err
	}
	r.g.Tensors = append(r.g.Tensors, t)
	i := len(r.g.Tensors) - 1
	r.g.Inputs = append(r.g.Inputs, i)
	r.values[in.name] = value{tensor: i, node: -1}
	return nil
}

func (r *onnxReader) node(n *onnxNode) error {
	if len(n.outputs) == 0 {
		return fmt.Errorf("it has no output")
	}
	if n.domain != "" && n.domain != "ai.onnx" {
		return fmt.Errorf("an operation of %s isn't supported: export the network with standard operations only",
			printable(n.domain))
	}
	switch n.op {
	case "Identity":
		return nil
	case "Dropout":
		return r.dropout(n)
	case "Constant":
		return r.constantNode(n)
	case "Conv":
		return r.conv(n)
	case "BatchNormalization":
		return r.batchNormalization(n)
	case "Relu":
		return r.fuse(n, Relu)
	case "Clip":
		return r.clip(n)
	case "Add":
		return r.add(n)
	case "Pad":
		return r.pad(n)
	case "GlobalAveragePool":
		return r.globalAveragePool(n)
	case "ReduceMean":
		return r.reduceMean(n)
	case "Flatten":
		return r.flatten(n)
	case "Reshape":
		return r.reshape(n)
	case "Gemm":
		return r.gemm(n)
	case "MatMul":
		return r.matMul(n)
	case "Softmax":
		return r.softmax(n)
	}
	do := "build the network from convolutions, ReLU6, additions, pooling and fully connected layers, " +
		"as MobileNetV1 and V2 are"
	switch n.op {
	case "Shape", "Gather", "Unsqueeze", "Concat", "Slice", "Cast":
		do = "export the network with a fixed input shape and constant folding"
	case "QuantizeLinear", "DequantizeLinear", "QLinearConv":
		do = "export the network before its quantization"
	case "Sub", "Mul", "Div":
		do = "leave normalization to the configuration"
	}
	return fmt.Errorf("this operation isn't supported: %s", do)
}

// activation returns an input that is computed.
func (r *onnxReader) activation(n *onnxNode, i int) (value, error) {
	name := n.input(i)
	v, ok := r.values[r.root(name)]
	switch {
	case ok:
		return v, nil
	case name == "":
		return value{}, fmt.Errorf("its input %d is missing", i)
	case r.constants[r.root(name)] != nil:
		return value{}, fmt.Errorf("its input %s is constant: export the network with constant folding", printable(name))
	}
	return value{}, fmt.Errorf("its input %s is read before it is computed", printable(name))
}

// plain is activation for operations that can't take a flattened image.
func (r *onnxReader) plain(n *onnxNode, i int) (value, error) {
	v, err := r.activation(n, i)
	if err == nil && v.image != nil {
		return value{}, fmt.Errorf("a flattened image of %s is only supported as the input of Gemm or MatMul",
			shapeString(v.image))
	}
	return v, err
}

// image is activation for operations that take an image; shape is 1, H, W, C.
func (r *onnxReader) image(n *onnxNode, i int) (v value, shape []int, err error) {
	v, err = r.plain(n, i)
	if err != nil {
		return value{}, nil, err
	}
	shape = r.g.Tensors[v.tensor].Shape
	if len(shape) != 4 {
		return value{}, nil, fmt.Errorf("an input of %s: it must have 4 dimensions", shapeString(shape))
	}
	return v, shape, nil
}

// constant returns an input that is constant; nil where it is absent.
func (r *onnxReader) constant(n *onnxNode, i int) (*onnxTensor, error) {
	name := n.input(i)
	if name == "" {
		return nil, nil
	}
	t := r.constants[r.root(name)]
	if t == nil {
		return nil, fmt.Errorf("its input %s isn't constant: export the network with constant folding", printable(name))
	}
	return t, nil
}

// floats returns the elements of a constant input and its shape; nil where it is absent.
func (r *onnxReader) floats(n *onnxNode, i int) (elements []byte, dims []int, err error) {
	t, err := r.constant(n, i)
	if t == nil || err != nil {
		return nil, nil, err
	}
	elements, err = t.floats()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", printable(n.input(i)), err)
	}
	return elements, t.dims, nil
}

// ints returns the elements of a constant input of integers; nil where it is absent.
func (r *onnxReader) ints(n *onnxNode, i int) ([]int, error) {
	t, err := r.constant(n, i)
	if t == nil || err != nil {
		return nil, err
	}
	v, err := t.ints()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(n.input(i)), err)
	}
	return v, nil
}

// emit appends an operation on v and constants to the graph and makes its output the value of n's.
func (r *onnxReader) emit(n *onnxNode, op Op, inputs ...int) (value, error) {
	name := n.outputs[0]
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: name, Type: Float32})
	return r.emitTo(n, len(r.g.Tensors)-1, op, inputs...)
}

func (r *onnxReader) emitTo(n *onnxNode, tensor int, op Op, inputs ...int) (value, error) {
	if len(r.g.Nodes) == maxNodes {
		return value{}, fmt.Errorf("more than %d operations", maxNodes)
	}
	node := Node{Op: op, Name: n.name, Inputs: inputs, Outputs: []int{tensor}}
	if err := r.g.checkOptions(op); err != nil {
		return value{}, err
	}
	shape, err := r.g.outputShape(&node)
	if err != nil {
		return value{}, err
	}
	t := &r.g.Tensors[tensor]
	t.Shape = shape
	if err := t.checkActivation(); err != nil {
		return value{}, err
	}
	r.g.Nodes = append(r.g.Nodes, node)
	v := value{tensor: tensor, node: len(r.g.Nodes) - 1}
	r.values[n.outputs[0]] = v
	return v, nil
}

// weightsTensor appends weights to the graph: element i of a tensor of this shape is the one at from(i) in data.
func (r *onnxReader) weightsTensor(name string, data []byte, shape []int, from func(i int) int) (int, error) {
	r.weights += len(data)
	if r.weights > maxONNXWeights {
		return 0, fmt.Errorf("more than %d MiB of weights", maxONNXWeights>>20)
	}
	copied := make([]byte, len(data))
	for i := range len(data) / 4 {
		copy(copied[4*i:4*i+4], data[4*from(i):])
	}
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: name, Type: Float32, Shape: shape, Data: copied})
	return len(r.g.Tensors) - 1, nil
}

// biasTensor appends a bias of n elements: the given ones times factor, one for all or one each.
func (r *onnxReader) biasTensor(name string, data []byte, n int, factor float32) (int, error) {
	given := float32s(data)
	if len(given) != 1 && len(given) != n {
		return 0, fmt.Errorf("a bias of %d elements for %d output channels", len(given), n)
	}
	bias := make([]byte, 0, 4*n)
	for i := range n {
		bias = appendFloat32(bias, given[i%len(given)]*factor)
	}
	return r.weightsTensor(name, bias, []int{n}, func(i int) int { return i })
}

func appendFloat32(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

func (r *onnxReader) dropout(n *onnxNode) error {
	for _, name := range n.outputs[1:] {
		if r.uses[name] > 0 {
			return fmt.Errorf("its mask %s is used: export the network in evaluation mode (model.eval())",
				printable(name))
		}
	}
	if n.input(2) != "" {
		if t, _ := r.constant(n, 2); t == nil || slices.ContainsFunc(t.varints, isNotZero) ||
			slices.ContainsFunc(t.raw, isNotZero) {
			return fmt.Errorf("it is in training mode: export the network in evaluation mode (model.eval())")
		}
	}
	return nil
}

func isNotZero[T int | byte](x T) bool { return x != 0 }

func (r *onnxReader) constantNode(n *onnxNode) error {
	for _, a := range n.attributes {
		t := a.tensor
		switch a.name {
		case "value":
		case "value_float":
			t = &onnxTensor{kind: onnxFloat, raw: appendFloat32(nil, a.float)}
		case "value_floats":
			t = &onnxTensor{kind: onnxFloat, dims: []int{len(a.floats) / 4}, raw: a.floats}
		case "value_int":
			t = &onnxTensor{kind: onnxInt64, varints: []int{a.integer}}
		case "value_ints":
			t = &onnxTensor{kind: onnxInt64, dims: []int{len(a.ints)}, varints: a.ints}
		default:
			continue
		}
		if t == nil {
			return fmt.Errorf("its value is missing")
		}
		r.constants[n.outputs[0]] = t
		return nil
	}
	return fmt.Errorf("its value is neither numbers nor a tensor of numbers")
}

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
	window, tensor, err := r.window(n, v, kernelH, kernelW)
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

// window returns how a convolution moves over v. Paddings that aren't SAME or VALID are put before it, as a Pad node;
// tensor is the convolution's input then.
func (r *onnxReader) window(n *onnxNode, v value, kernelH, kernelW int) (w Window, tensor int, err error) {
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
	case vertical.isSame() && horizontal.isSame():
		w.Padding = Same
		return w, v.tensor, nil
	case vertical.before+vertical.after+horizontal.before+horizontal.after == 0:
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

func (b *border) steps() int {
	room := b.length + b.before + b.after - b.kernel
	if room < 0 {
		return 0
	}
	return room/b.stride + 1
}

// needed is how many elements of padding SAME takes.
func (b *border) needed() int {
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
func (b *border) isSame() bool {
	return b.steps() == ceilDiv(b.length, b.stride) && b.before == b.needed()/2
}

// trim takes off what no window reaches at the end.
func (b *border) trim() {
	b.after = max((b.steps()-1)*b.stride+b.kernel-b.length-b.before, 0)
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// producer returns the node that computes v, if v is read once only and nothing has been fused into the node: then
// what follows can become a part of it.
func (r *onnxReader) producer(n *onnxNode, i int, v value) (*Node, bool) {
	if v.node < 0 || r.uses[r.root(n.input(i))] != 1 {
		return nil, false
	}
	node := &r.g.Nodes[v.node]
	switch op := node.Op.(type) {
	case Conv2D:
		return node, op.Activation == None
	case DepthwiseConv2D:
		return node, op.Activation == None
	case FullyConnected:
		return node, op.Activation == None
	case Add:
		return node, op.Activation == None
	}
	return nil, false
}

// absorb makes v, whose node has taken n in, the output of n.
func (r *onnxReader) absorb(n *onnxNode, v value) {
	r.g.Tensors[v.tensor].Name = n.outputs[0]
	r.values[n.outputs[0]] = v
}

func (r *onnxReader) fuse(n *onnxNode, a Activation) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	node, ok := r.producer(n, 0, v)
	if !ok {
		return fmt.Errorf("an activation is only supported right after a convolution, an addition, a fully connected " +
			"layer or a batch normalization whose output nothing else uses")
	}
	switch op := node.Op.(type) {
	case Conv2D:
		op.Activation = a
		node.Op = op
	case DepthwiseConv2D:
		op.Activation = a
		node.Op = op
	case FullyConnected:
		op.Activation = a
		node.Op = op
	case Add:
		op.Activation = a
		node.Op = op
	}
	r.absorb(n, v)
	return nil
}

func (r *onnxReader) clip(n *onnxNode) error {
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	for i, bound := range []*float32{&lo, &hi} {
		data, _, err := r.floats(n, 1+i)
		if err != nil {
			return err
		}
		if len(data) > 4 {
			return fmt.Errorf("bounds of %d elements", len(data)/4)
		}
		if data != nil {
			*bound = float32s(data)[0]
		}
	}
	unbounded := float64(hi) >= math.MaxFloat32
	switch {
	case lo == 0 && hi == 6:
		return r.fuse(n, Relu6)
	case lo == 0 && unbounded:
		return r.fuse(n, Relu)
	case lo == -1 && hi == 1:
		return r.fuse(n, ReluN1To1)
	}
	return fmt.Errorf("to %g…%g: only 0…6, 0…∞ and −1…1 are supported", lo, hi)
}

// batchNormalization folds y = (x − mean) / √(variance + ε) · scale + shift into the weights before it. Where there
// are none, it becomes a depthwise convolution of 1×1.
func (r *onnxReader) batchNormalization(n *onnxNode) error {
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	if n.integer("training_mode", 0) != 0 {
		return fmt.Errorf("it is in training mode: export the network in evaluation mode (model.eval())")
	}
	shape := r.g.Tensors[v.tensor].Shape
	channels := 1
	if len(shape) > 0 {
		channels = shape[len(shape)-1]
	}
	var p [4][]float32 // scale, shift, mean, variance
	for i := range p {
		data, _, err := r.floats(n, 1+i)
		if err != nil {
			return err
		}
		if len(data) != 4*channels {
			return fmt.Errorf("%d values in %s for %d channels", len(data)/4, printable(n.input(1+i)), channels)
		}
		p[i] = float32s(data)
	}
	factor, offset := make([]float64, channels), make([]float64, channels)
	for c := range channels {
		variance := float64(p[3][c]) + float64(n.float("epsilon", 1e-5))
		if !(variance > 0) {
			return fmt.Errorf("the variance of channel %d is %g", c, p[3][c])
		}
		factor[c] = float64(p[0][c]) / math.Sqrt(variance)
		offset[c] = float64(p[1][c]) - float64(p[2][c])*factor[c]
	}
	if node, ok := r.producer(n, 0, v); ok && hasWeights(node.Op) {
		r.absorb(n, v)
		return r.scaleWeights(node, n.outputs[0], factor, offset)
	}
	if len(shape) != 4 {
		return fmt.Errorf("a batch normalization of %s that doesn't follow a convolution or a fully connected layer "+
			"isn't supported", shapeString(shape))
	}
	var data, bias []byte
	for c := range channels {
		data, bias = appendFloat32(data, float32(factor[c])), appendFloat32(bias, float32(offset[c]))
	}
	inOrder := func(i int) int { return i }
	w, err := r.weightsTensor(n.outputs[0]+"/scale", data, []int{1, 1, 1, channels}, inOrder)
	if err != nil {
		return err
	}
	b, err := r.weightsTensor(n.outputs[0]+"/shift", bias, []int{channels}, inOrder)
	if err != nil {
		return err
	}
	_, err = r.emit(n, DepthwiseConv2D{Window: Window{1, 1, Valid}, Multiplier: 1}, v.tensor, w, b)
	return err
}

// scaleWeights multiplies what node computes by factor and adds offset, for each output channel.
func (r *onnxReader) scaleWeights(node *Node, name string, factor, offset []float64) error {
	w := &r.g.Tensors[node.Inputs[1]]
	channel := func(i int) int { return i / (len(w.Data) / 4 / len(factor)) } // OHWI and [O, K]
	if _, depthwise := node.Op.(DepthwiseConv2D); depthwise {
		channel = func(i int) int { return i % len(factor) } // 1HWO
	}
	for i := range len(w.Data) / 4 {
		scaleFloat32(w.Data[4*i:], factor[channel(i)], 0)
	}
	if err := r.ensureBias(node, name); err != nil {
		return err
	}
	bias := r.g.Tensors[node.Inputs[2]].Data
	for c := range factor {
		scaleFloat32(bias[4*c:], factor[c], offset[c])
	}
	return nil
}

func scaleFloat32(b []byte, factor, offset float64) {
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	binary.LittleEndian.PutUint32(b, math.Float32bits(float32(v*factor+offset)))
}

// ensureBias gives node a bias of zeros if it has none.
func (r *onnxReader) ensureBias(node *Node, name string) error {
	if node.Inputs[2] >= 0 {
		return nil
	}
	shape := r.g.Tensors[node.Outputs[0]].Shape
	bias, err := r.biasTensor(name+"/bias", make([]byte, 4), shape[len(shape)-1], 1)
	node.Inputs[2] = bias
	return err
}

func (r *onnxReader) add(n *onnxNode) error {
	for i := range 2 {
		if name := r.root(n.input(1 - i)); r.constants[name] != nil {
			return r.addBias(n, i)
		}
	}
	a, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	b, err := r.plain(n, 1)
	if err != nil {
		return err
	}
	if ranks := len(r.g.Tensors[a.tensor].Shape); ranks != len(r.g.Tensors[b.tensor].Shape) {
		return fmt.Errorf("inputs of %d and %d dimensions", ranks, len(r.g.Tensors[b.tensor].Shape))
	}
	_, err = r.emit(n, Add{}, a.tensor, b.tensor)
	return err
}

// addBias adds a constant to the bias of what computes input i.
func (r *onnxReader) addBias(n *onnxNode, i int) error {
	v, err := r.plain(n, i)
	if err != nil {
		return err
	}
	data, dims, err := r.floats(n, 1-i)
	if err != nil {
		return err
	}
	node, ok := r.producer(n, i, v)
	if !ok || !hasWeights(node.Op) {
		return fmt.Errorf("adding a constant is only supported right after a convolution or a fully connected layer")
	}
	shape := r.g.Tensors[v.tensor].Shape
	channels := shape[len(shape)-1]
	trailing := 0 // dimensions behind the channels, in the file
	if len(shape) == 4 {
		trailing = 2
	}
	at := len(dims) - 1 - trailing // of the channels
	if n := len(data) / 4; n != 1 && (n != channels || at < 0 || dims[at] != channels) {
		return fmt.Errorf("a constant of %s is added to %d channels: only one value, or one for each, is supported",
			shapeString(dims), channels)
	}
	r.absorb(n, v)
	if err := r.ensureBias(node, n.outputs[0]); err != nil {
		return err
	}
	bias, given := r.g.Tensors[node.Inputs[2]].Data, float32s(data)
	for c := range channels {
		scaleFloat32(bias[4*c:], 1, float64(given[c%len(given)]))
	}
	return nil
}

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
	v, err := r.plain(n, 0)
	if err != nil {
		return err
	}
	axes := n.ints("axes")
	if n.input(1) != "" {
		if axes, err = r.ints(n, 1); err != nil {
			return err
		}
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
	if rank == 4 && !op.KeepDims && !slices.Equal(op.Axes, []int{1, 2}) {
		return fmt.Errorf("over the dimensions %v: only the mean over rows and columns is supported", axes)
	}
	_, err = r.emit(n, op, v.tensor)
	return err
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
