package model

import (
	"fmt"
	"math"
)

// Networks that are quantized in the file: as pairs of QuantizeLinear and DequantizeLinear around float operations (QDQ),
// or with operations of their own (QOperator: QLinearConv and its like). Both are read as the float32 network whose
// numbers they stand for; how the file quantizes a tensor is kept in the tensor's Quant. Bytes from 0 to 255 become those
// from −128 to 127, which moves zero points by 128 and changes nothing else.

// scheme is the scale and zero point at inputs i and i+1 of n: one for all, or one for each index along an axis.
func (r *onnxReader) scheme(n *onnxNode, i int, element *onnxTensor) (q []Quant, shift int, err error) {
	data, _, err := r.floats(n, i)
	if err != nil {
		return nil, 0, err
	}
	points, err := r.constant(n, i+1)
	if err != nil {
		return nil, 0, err
	}
	if n.integer("block_size", 0) != 0 {
		return nil, 0, fmt.Errorf("scales for blocks of elements aren't supported: start from the float32 network")
	}
	kind := onnxUint8 // as QuantizeLinear has it
	if t := n.integer("output_dtype", 0); t != 0 {
		kind = t
	}
	var zeros []int
	if points != nil {
		kind = points.kind
		if zeros, err = points.ints(); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", printable(n.input(i+1)), err)
		}
	} else if element != nil {
		kind = element.kind
	}
	switch kind {
	case onnxInt8, onnxInt32:
	case onnxUint8:
		shift = 128
	default:
		return nil, 0, fmt.Errorf("type %s isn't supported: quantize to int8 or uint8, or start from the float32 network",
			onnxTypeName(kind))
	}
	scales := float32s(data)
	if len(scales) == 0 || len(zeros) > 0 && len(zeros) != len(scales) {
		return nil, 0, fmt.Errorf("%d scales and %d zero points", len(scales), len(zeros))
	}
	for k, s := range scales {
		if !(s > 0) || math.IsInf(float64(s), 0) {
			return nil, 0, fmt.Errorf("the scale %g at %d isn't a positive number", s, k)
		}
		zero := 0
		if zeros != nil {
			zero = zeros[k]
		}
		if kind != onnxInt32 && (zero < -128+shift || zero > 127+shift) {
			return nil, 0, fmt.Errorf("the zero point %d", zero)
		}
		q = append(q, Quant{Scale: s, ZeroPoint: int32(zero - shift)})
	}
	return q, shift, nil
}

// quantizeLinear notes how an activation is quantized. Its output is the activation itself.
func (r *onnxReader) quantizeLinear(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	if err := r.note(n, 1, v); err != nil {
		return err
	}
	r.rename(n, v)
	return nil
}

// note keeps the scale and zero point at inputs i and i+1 for the tensor of v.
func (r *onnxReader) note(n *onnxNode, i int, v value) error {
	q, _, err := r.scheme(n, i, nil)
	if err != nil {
		return err
	}
	if len(q) != 1 {
		return fmt.Errorf("an activation with %d scales: only one is supported", len(q))
	}
	t := &r.g.Tensors[v.tensor]
	if len(t.Quant) == 0 { // a second one would be for another reader
		t.Quant = q
	}
	return nil
}

func (r *onnxReader) dequantizeLinear(n *onnxNode) error {
	v, err := r.activation(n, 0)
	if err != nil {
		return err
	}
	if _, _, err := r.scheme(n, 1, nil); err != nil {
		return err
	}
	r.rename(n, v)
	return nil
}

func foldDequantizeLinear(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	return r.dequantized(n, 0)
}

// dequantized is the constant at input i of n in float32, by the scale and zero point behind it.
func (r *onnxReader) dequantized(n *onnxNode, i int) (*onnxTensor, error) {
	t, err := r.constant(n, i)
	if err != nil || t == nil {
		return nil, fmt.Errorf("its input %d isn't constant", i)
	}
	q, shift, err := r.scheme(n, i+1, t)
	if err != nil {
		return nil, err
	}
	raw, err := t.data()
	if err != nil {
		return nil, err
	}
	if t.isFloat() || t.kind == onnxInt64 || t.kind == onnxBool {
		return nil, fmt.Errorf("%s of type %s", printable(n.input(i)), onnxTypeName(t.kind))
	}
	axis := n.integer("axis", 1)
	if n.op != "DequantizeLinear" {
		axis = 0 // QLinearConv's output channels
	}
	if axis < 0 {
		axis += len(t.dims)
	}
	if len(q) > 1 && (axis < 0 || axis >= len(t.dims) || t.dims[axis] != len(q)) {
		return nil, fmt.Errorf("%d scales along dimension %d of %s", len(q), axis, shapeString(t.dims))
	}
	inner := 1
	if len(q) > 1 {
		inner = Elements(t.dims[axis+1:])
	}
	width := t.width()
	count := len(raw) / width
	if err := r.spend(4 * count); err != nil {
		return nil, err
	}
	out := &onnxTensor{kind: onnxFloat, dims: t.dims, raw: make([]byte, 0, 4*count), axis: axis}
	for k := range count {
		p := q[k/inner%len(q)]
		code := t.integer(raw[k*width:]) - shift
		out.raw = appendFloat32(out.raw, p.Real(int32(code)))
	}
	if width == 1 {
		out.quant = q
	}
	return out, nil
}

func foldQuantizeLinear(_ *onnxReader, _ *onnxNode, _ []*onnxTensor) (*onnxTensor, error) {
	return nil, fmt.Errorf("constants that are quantized only here aren't supported: export with constant folding")
}

// as reads a node as another operation whose inputs are the activation at input 0 and constants made here.
func (r *onnxReader) as(n *onnxNode, read func(r *onnxReader, n *onnxNode) error, scaleOfOutput int, constants ...*onnxTensor) error {
	float := *n
	float.inputs = n.inputs[:1:1]
	for k, t := range constants {
		if t == nil {
			continue
		}
		name := fmt.Sprintf("%s/%d", n.outputs[0], k)
		r.constants[name] = t
		float.inputs = append(float.inputs, name)
	}
	if err := read(r, &float); err != nil {
		return err
	}
	return r.noteOutput(n, scaleOfOutput)
}

func (r *onnxReader) noteOutput(n *onnxNode, scale int) error {
	v, ok := r.values[n.outputs[0]]
	if !ok || n.input(scale) == "" {
		return nil
	}
	r.g.Tensors[v.tensor].Quant = nil
	return r.note(n, scale, v)
}

// bias is the constant at input i, integers whose scale is that of the input times that of the weights.
func (r *onnxReader) quantizedBias(n *onnxNode, i int, weights *onnxTensor) (*onnxTensor, error) {
	t, err := r.constant(n, i)
	if t == nil || err != nil {
		return nil, err
	}
	codes, err := t.ints()
	if err != nil {
		return nil, err
	}
	in, _, err := r.scheme(n, 1, nil)
	if err != nil {
		return nil, err
	}
	if len(weights.quant) != 1 && len(weights.quant) != len(codes) || len(in) != 1 {
		return nil, fmt.Errorf("%d scales for a bias of %d", len(weights.quant), len(codes))
	}
	out := &onnxTensor{kind: onnxFloat, dims: t.dims}
	for k, c := range codes {
		step := float64(in[0].Scale) * float64(weights.quant[k%len(weights.quant)].Scale)
		out.raw = appendFloat32(out.raw, float32(float64(c)*step))
	}
	return out, nil
}

// qlinearConv: x, its scale, its zero point, w, …, …, the output's scale, …, and the bias.
func (r *onnxReader) qlinearConv(n *onnxNode) error {
	w, err := r.dequantized(n, 3)
	if err != nil {
		return err
	}
	bias, err := r.quantizedBias(n, 8, w)
	if err != nil {
		return err
	}
	return r.as(n, (*onnxReader).conv, 6, w, bias)
}

func (r *onnxReader) qlinearMatMul(n *onnxNode) error {
	w, err := r.dequantized(n, 3)
	if err != nil {
		return err
	}
	w.axis = len(w.dims) - 1
	return r.as(n, (*onnxReader).matMul, 6, w)
}

// qgemm: a, its scale, its zero point, b, …, …, the bias, the output's scale, ….
func (r *onnxReader) qgemm(n *onnxNode) error {
	w, err := r.dequantized(n, 3)
	if err != nil {
		return err
	}
	if n.integer("transB", 0) == 0 {
		w.axis = len(w.dims) - 1
	}
	bias, err := r.quantizedBias(n, 6, w)
	if err != nil {
		return err
	}
	return r.as(n, (*onnxReader).gemm, 7, w, bias)
}

// qlinearBinary: a, its scale, its zero point, b, …, …, the output's scale, ….
func (r *onnxReader) qlinearBinary(n *onnxNode) error {
	float := *n
	float.inputs = []string{n.inputs[0], n.inputs[3]}
	if r.constants[r.root(n.inputs[3])] != nil {
		t, err := r.dequantized(n, 3)
		if err != nil {
			return err
		}
		float.inputs[1] = n.outputs[0] + "/1"
		r.constants[float.inputs[1]] = t
	}
	read := (*onnxReader).add
	if n.op == "QLinearMul" {
		read = (*onnxReader).mul
	}
	if err := read(r, &float); err != nil {
		return err
	}
	return r.noteOutput(n, 6)
}

// qlinearUnary: x, its scale, its zero point, the output's scale, ….
func (r *onnxReader) qlinearUnary(n *onnxNode) error {
	read := map[string]func(r *onnxReader, n *onnxNode) error{
		"QLinearGlobalAveragePool": (*onnxReader).globalAveragePool, "QLinearAveragePool": (*onnxReader).averagePool,
		"QLinearSigmoid": unary(Logistic{}),
	}[n.op]
	if read == nil || n.integer("channels_last", 0) != 0 {
		return unsupportedONNX(&onnxNode{op: n.op})
	}
	return r.as(n, read, 3)
}

// qlinearConcat: the output's scale, its zero point, and then three for each part.
func (r *onnxReader) qlinearConcat(n *onnxNode) error {
	float := *n
	float.inputs = nil
	for i := 2; i < len(n.inputs); i += 3 {
		float.inputs = append(float.inputs, n.inputs[i])
	}
	if err := r.concat(&float); err != nil {
		return err
	}
	return r.noteOutput(n, 0)
}
