package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	minOpset, maxOpset = 11, 20
	// maxONNXWeights is how many bytes of weights are copied from a file: twice those of V2 with α 1.4.
	maxONNXWeights = 56 << 20
)

// ReadONNX reads a float32 network from the bytes of an .onnx file, as PyTorch's exporters write MobileNets and their
// relatives (operator sets 11 to 20). The graph passes Check and has the layout of .tflite: images NHWC, weights OHWI
// and 1HWO. Batch normalizations are folded into the weights before them, activations into the operation before them.
// Paddings that are neither SAME nor VALID become Pad nodes. The weights are copies.
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
	// A mean over the columns, or rows, of an image that has yet to be computed: tensor is the image, and this is its
	// dimension that the mean goes over. The mean over the other one completes it. 0 elsewhere.
	halfMean int
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
		if v.halfMean != 0 {
			return fmt.Errorf("output %s: %w", printable(name), errHalfMean)
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
	case "AveragePool":
		return r.averagePool(n)
	case "MaxPool":
		return r.maxPool(n)
	case "GlobalAveragePool":
		return r.globalAveragePool(n)
	case "ReduceMean":
		return r.reduceMean(n)
	case "Flatten":
		return r.flatten(n)
	case "Squeeze":
		return r.squeeze(n)
	case "Shape", "Gather", "Unsqueeze", "Concat", "Cast":
		return r.integers(n)
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
	case "Slice", "Expand", "ConstantOfShape", "CastLike", "Ceil", "Floor", "Range":
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
	case ok && v.halfMean != 0:
		return value{}, errHalfMean
	case ok:
		return v, nil
	case name == "":
		return value{}, fmt.Errorf("its input %d is missing", i)
	case r.constants[r.root(name)] != nil:
		return value{}, fmt.Errorf("its input %s is constant: export the network with constant folding", printable(name))
	}
	return value{}, fmt.Errorf("its input %s is read before it is computed", printable(name))
}

var errHalfMean = errors.New("a mean over only rows or only columns isn't supported: take it over both (x.mean([2, 3]))")

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
