package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

const (
	minOpset, maxOpset = 7, 24
	// maxONNXWeights is how many bytes of constants are made of a file at most: those of ResNet50, 102 MB, twice.
	maxONNXWeights = 256 << 20
)

// ReadONNX reads a float32 network from the bytes of an .onnx file, as PyTorch's and TensorFlow's exporters write
// MobileNets and their relatives (operator sets 7 to 24; float16 becomes float32). The graph passes Check and has the
// layout of .tflite: images NHWC, weights OHWI and 1HWO. Batch normalizations and arithmetic with constants become a
// part of the weights before them, or a depthwise layer of 1×1; activations a part of the operation before them.
// Paddings that are neither SAME nor VALID become Pad nodes. The weights are copies.
//
// A network that is quantized in the file (QuantizeLinear and DequantizeLinear, or QLinearConv and its like) is read
// as float32, too; its tensors' Quant then says how the file quantizes them.
//
// PyTorch's newer exporter puts the weights into a second file, NAME.onnx.data. beside returns the bytes of such a file;
// the name is what the .onnx file says, and may be hostile. nil refuses networks of several files.
//
// Errors name the node, and for what isn't supported also what to do.
func ReadONNX(b []byte, beside func(name string) ([]byte, error)) (*Graph, error) {
	g, err := readONNX(b, beside)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return g, nil
}

func readONNX(b []byte, beside func(name string) ([]byte, error)) (*Graph, error) {
	file, err := parseONNX(b)
	if err != nil {
		return nil, err
	}
	if file.opset < minOpset || file.opset > maxOpset {
		return nil, fmt.Errorf("operator set %d: export the network with one of %d to %d (opset_version=17)",
			file.opset, minOpset, maxOpset)
	}
	if err := file.fetch(beside); err != nil {
		return nil, err
	}
	r := onnxReader{
		opset: file.opset, constants: map[string]*onnxTensor{}, values: map[string]value{},
		alias: map[string]string{}, uses: map[string]int{},
		left: min(8*file.size+sharingAllowance, maxONNXWeights), // 8 bits become 32, and those are laid out again
	}
	r.g.Name = file.name
	if err := r.network(file); err != nil {
		return nil, err
	}
	r.g.foldArithmetic()
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
	alias     map[string]string // Identity and its like: the name of the value itself
	uses      map[string]int    // how often a value is read, or an output of the network
	left      int               // how many bytes of constants may still be made
}

func (r *onnxReader) network(file *onnxFile) error {
	for _, t := range file.initializers {
		r.constants[t.name] = t
	}
	findPatterns(file)
	alive := file.alive()
	for i := range file.nodes {
		n := &file.nodes[i]
		if !alive[i] || len(n.outputs) == 0 {
			continue
		}
		if onnxOps[n.op].same && len(n.inputs) > 0 {
			r.alias[n.outputs[0]] = r.root(n.inputs[0])
			continue
		}
		if n.op == "Shape" {
			continue // it is constant
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
		if !alive[i] {
			continue
		}
		if err := r.node(&file.nodes[i]); err != nil {
			return fmt.Errorf("%s: %w", file.place(i), err)
		}
	}
	for _, name := range file.outputs {
		if err := r.output(name); err != nil {
			return fmt.Errorf("output %s: %w", printable(name), err)
		}
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

// input takes an input of the network. Images may be N, C, H, W, or N, H, W, C as converters from TensorFlow leave them.
func (r *onnxReader) input(in onnxInput) error {
	switch in.kind {
	case onnxFloat, onnxFloat16, onnxDouble, onnxBfloat16:
	case onnxUint8: // pixels, which a Cast makes numbers
		r.g.Normalization = &Normalization{Std: [3]float32{1, 1, 1}}
	default:
		return fmt.Errorf("its type must be float32, not %s", onnxTypeName(in.kind))
	}
	shape := slices.Clone(in.shape)
	if len(shape) > 0 && shape[0] <= 0 { // a dynamic batch
		shape[0] = 1
	}
	for _, d := range shape {
		if d <= 0 {
			return fmt.Errorf("its shape %v isn't fixed: export the network without dynamic_axes", in.shape)
		}
	}
	var order []int
	if len(shape) == 4 && (shape[3] > 4 || shape[1] <= 4) {
		order = imageOrder
		shape = []int{shape[0], shape[2], shape[3], shape[1]}
	}
	t := Tensor{Name: in.name, Type: Float32, Shape: shape}
	if err := t.checkActivation(); err != nil {
		return err
	}
	r.g.Tensors = append(r.g.Tensors, t)
	i := len(r.g.Tensors) - 1
	r.g.Inputs = append(r.g.Inputs, i)
	r.values[in.name] = viewOf(i, -1, shape, order)
	return nil
}

func (r *onnxReader) output(name string) error {
	v, ok := r.values[r.root(name)]
	if !ok {
		return fmt.Errorf("it is never computed")
	}
	order, ok := v.order()
	if !ok {
		return fmt.Errorf("it is a flattened image, or its elements would move: end the network before")
	}
	t, err := r.lay(&onnxNode{outputs: []string{name}}, v, order)
	if err != nil {
		return err
	}
	if slices.Contains(r.g.Inputs, t) {
		return fmt.Errorf("it is an input, too")
	}
	r.g.Tensors[t].Name = name
	r.g.Outputs = append(r.g.Outputs, t)
	return nil
}

// node reads one operation: a constant if all that it reads is constant, else nodes of the graph.
func (r *onnxReader) node(n *onnxNode) error {
	if len(n.outputs) == 0 {
		return fmt.Errorf("it has no output")
	}
	op, known := onnxOps[n.op]
	known = known && (n.domain == "" || n.domain == "ai.onnx" || n.domain == op.domain)
	if !known {
		return unsupportedONNX(n)
	}
	if len(n.inputs) < op.inputs {
		return fmt.Errorf("its input %d is missing", len(n.inputs))
	}
	var in []*onnxTensor
	constant := op.fold != nil
	for _, name := range n.inputs {
		t := r.constants[r.root(name)]
		constant = constant && (t != nil || name == "")
		in = append(in, t)
	}
	if constant && (len(in) > 0 || op.inputs == 0) {
		return r.fold(n, op, in)
	}
	if op.read == nil {
		return fmt.Errorf("it is only supported on constants and shapes, not on images: %s", buildOtherwise)
	}
	return op.read(r, n)
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

// image is activation for operations that take an image; the tensor's shape is 1, H, W, C.
func (r *onnxReader) image(n *onnxNode, i int) (tensor int, shape []int, err error) {
	v, err := r.activation(n, i)
	if err != nil {
		return 0, nil, err
	}
	if len(v.dims) != 4 {
		return 0, nil, fmt.Errorf("an input of %s: it must have 4 dimensions", shapeString(v.shape()))
	}
	tensor, err = r.lay(n, v, imageOrder)
	if err != nil {
		return 0, nil, err
	}
	return tensor, r.g.Tensors[tensor].Shape, nil
}

// constant returns an input that is constant; nil if it is absent.
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

// floats returns the elements of a constant input, its shape, and how they are quantized; nil if it is absent.
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

// ints returns the elements of a constant input of integers; nil if it is absent.
func (r *onnxReader) ints(n *onnxNode, i int) ([]int, error) {
	t, err := r.constant(n, i)
	if t == nil || err != nil {
		return nil, err
	}
	v, err := t.ints()
	if err == nil && len(v) > maxONNXInts {
		err = fmt.Errorf("%d integers: at most %d are supported", len(v), maxONNXInts)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(n.input(i)), err)
	}
	return v, nil
}

// emit appends an operation on tensors to the graph and makes its output the value of n's, seen in that order.
func (r *onnxReader) emit(n *onnxNode, order []int, op Op, inputs ...int) (value, error) {
	r.g.Tensors = append(r.g.Tensors, Tensor{Name: n.outputs[0], Type: Float32})
	t := len(r.g.Tensors) - 1
	node, err := r.emitTo(n, t, op, inputs...)
	if err != nil {
		return value{}, err
	}
	v := viewOf(t, node, r.g.Tensors[t].Shape, order)
	r.values[n.outputs[0]] = v
	return v, nil
}

// emitImage is emit for an operation whose output is an image.
func (r *onnxReader) emitImage(n *onnxNode, op Op, inputs ...int) error {
	_, err := r.emit(n, imageOrder, op, inputs...)
	return err
}

// emitLike is emit for an operation on each element of v.
func (r *onnxReader) emitLike(n *onnxNode, v value, op Op, inputs ...int) error {
	out, err := r.emit(n, nil, op, inputs...)
	if err != nil {
		return err
	}
	out.dims = v.dims
	r.values[n.outputs[0]] = out
	return nil
}

func (r *onnxReader) emitTo(n *onnxNode, tensor int, op Op, inputs ...int) (node int, err error) {
	if len(r.g.Nodes) == maxNodes {
		return 0, fmt.Errorf("more than %d operations", maxNodes)
	}
	made := Node{Op: op, Name: n.name, Inputs: inputs, Outputs: []int{tensor}}
	if err := r.g.checkOptions(op); err != nil {
		return 0, err
	}
	shape, err := r.g.outputShape(&made)
	if err != nil {
		return 0, err
	}
	t := &r.g.Tensors[tensor]
	t.Shape = shape
	if err := t.checkActivation(); err != nil {
		return 0, err
	}
	r.g.Nodes = append(r.g.Nodes, made)
	return len(r.g.Nodes) - 1, nil
}

// rename gives n's output the value v: the same elements as an input's, perhaps seen in another way.
func (r *onnxReader) rename(n *onnxNode, v value) {
	if r.uses[r.root(n.input(0))] != 1 {
		v.node = -1 // under its other name it is used as it is
	}
	r.values[n.outputs[0]] = v
}

// spend counts bytes of constants that are made: those of a file may be used more than once.
func (r *onnxReader) spend(bytes int) error {
	if bytes > r.left {
		return fmt.Errorf("its weights are more than fits in memory here, or the file is damaged")
	}
	r.left -= bytes
	return nil
}

// weightsTensor appends weights to the graph: element i of a tensor of this shape is the one at from(i) in data.
func (r *onnxReader) weightsTensor(name string, data []byte, shape []int, from func(i int) int) (int, error) {
	if err := r.spend(len(data)); err != nil {
		return 0, err
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
