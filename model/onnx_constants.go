package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"edge/quant"

	"google.golang.org/protobuf/encoding/protowire"
)

// What exporters leave to be computed from constants: shapes whose batch, or whole, is left open (x.view(x.size(0), -1)
// becomes Shape, Gather, Unsqueeze, Concat, Reshape), transposed weights, numbers of another type. Here every shape is
// known, so that all of these are constants.

// maxONNXList is how many integers a constant may have that isn't weights.
const maxONNXList = 1 << 16

// width is how many bytes an element takes in raw data; 0 for types that aren't read.
func (t *onnxTensor) width() int {
	switch t.kind {
	case onnxFloat, onnxInt32:
		return 4
	case onnxInt64, onnxDouble:
		return 8
	case onnxUint16, onnxInt16, onnxFloat16, onnxBfloat16:
		return 2
	case onnxUint8, onnxInt8, onnxBool:
		return 1
	}
	return 0
}

func (t *onnxTensor) isFloat() bool {
	return t.kind == onnxFloat || t.kind == onnxFloat16 || t.kind == onnxDouble || t.kind == onnxBfloat16
}

// data returns the elements as raw bytes, after a proof that they fit the shape.
func (t *onnxTensor) data() ([]byte, error) {
	if t.external {
		return nil, fmt.Errorf("its data is in another file: export the network into one file " +
			"(torch.onnx.export(…, external_data=False))")
	}
	width := t.width()
	if width == 0 {
		return nil, fmt.Errorf("type %s isn't supported: export the network in float32", onnxTypeName(t.kind))
	}
	count := len(t.raw) / width
	if t.raw == nil {
		count = countVarints(t.varints)
	}
	n := 1
	for _, d := range t.dims {
		if d < 0 || d > 0 && n > count/d {
			n = -1
			break
		}
		n *= d
	}
	if n != count || len(t.dims) > 2*maxRank || len(t.raw)%width != 0 {
		return nil, fmt.Errorf("%d bytes of data don't fit the shape %s of %s", max(len(t.raw), width*count), shapeString(t.dims),
			onnxTypeName(t.kind))
	}
	if t.raw == nil && t.varints != nil {
		if err := t.unpack(width, count); err != nil {
			return nil, err
		}
	}
	return t.raw, nil
}

// countVarints returns how many there are: each ends with a byte below 128.
func countVarints(b []byte) (n int) {
	for _, c := range b {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// unpack makes raw data of so many varints.
func (t *onnxTensor) unpack(width, count int) error {
	raw, element := make([]byte, 0, count*width), [8]byte{}
	for b := t.varints; len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return damagedProtobuf(n)
		}
		b = b[n:]
		binary.LittleEndian.PutUint64(element[:], v)
		raw = append(raw, element[:width]...)
	}
	t.raw, t.varints = raw, nil
	return nil
}

// floats returns the elements as float32 numbers, in bytes.
func (t *onnxTensor) floats() ([]byte, error) {
	if !t.external && t.width() > 0 && !t.isFloat() {
		return nil, fmt.Errorf("type %s, not float32: export the network in float32", onnxTypeName(t.kind))
	}
	raw, err := t.data()
	if err != nil || t.kind == onnxFloat {
		return raw, err
	}
	width := t.width()
	out := make([]byte, 0, len(raw)/width*4)
	for at := 0; at < len(raw); at += width {
		out = appendFloat32(out, float32(t.number(raw[at:])))
	}
	t.kind, t.raw = onnxFloat, out
	return out, nil
}

// number is the element that raw begins with.
func (t *onnxTensor) number(raw []byte) float64 {
	order := binary.LittleEndian
	switch t.kind {
	case onnxFloat:
		return float64(math.Float32frombits(order.Uint32(raw)))
	case onnxDouble:
		return math.Float64frombits(order.Uint64(raw))
	case onnxFloat16:
		return float64(float16(order.Uint16(raw)))
	case onnxBfloat16:
		return float64(math.Float32frombits(uint32(order.Uint16(raw)) << 16))
	}
	return float64(t.integer(raw))
}

func (t *onnxTensor) integer(raw []byte) int {
	order := binary.LittleEndian
	switch t.kind {
	case onnxInt64:
		return int(order.Uint64(raw))
	case onnxInt32:
		return int(int32(order.Uint32(raw)))
	case onnxInt16:
		return int(int16(order.Uint16(raw)))
	case onnxUint16:
		return int(order.Uint16(raw))
	case onnxInt8:
		return int(int8(raw[0]))
	}
	return int(raw[0])
}

// float16 is the number that 16 bits stand for (IEEE 754, binary16).
func float16(bits uint16) float32 {
	sign, exponent, fraction := uint32(bits>>15), uint32(bits>>10&31), uint32(bits&1023)
	switch exponent {
	case 0: // zero and subnormal numbers: fraction · 2^−24
		v := float32(fraction) * (1. / (1 << 24))
		if sign != 0 {
			v = -v
		}
		return v
	case 31:
		return math.Float32frombits(sign<<31 | 255<<23 | fraction<<13)
	}
	return math.Float32frombits(sign<<31 | (exponent+127-15)<<23 | fraction<<13)
}

// ints returns the elements of a tensor of integers.
func (t *onnxTensor) ints() ([]int, error) {
	raw, err := t.data()
	if err != nil {
		return nil, err
	}
	if t.isFloat() {
		return nil, fmt.Errorf("type %s, not int64", onnxTypeName(t.kind))
	}
	width := t.width()
	if len(raw)/width > maxONNXList {
		return nil, fmt.Errorf("%d integers", len(raw)/width)
	}
	out := make([]int, 0, len(raw)/width)
	for at := 0; at < len(raw); at += width {
		out = append(out, t.integer(raw[at:]))
	}
	return out, nil
}

// integersOf is a constant of integers.
func integersOf(dims []int, v ...int) *onnxTensor {
	raw := make([]byte, 0, 8*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(x))
	}
	return &onnxTensor{kind: onnxInt64, dims: dims, raw: raw}
}

func listOf(v ...int) *onnxTensor { return integersOf([]int{len(v)}, v...) }

// fold makes n's output the constant that its row computes.
func (r *onnxReader) fold(n *onnxNode, op onnxOp, in []*onnxTensor) error {
	out, err := op.fold(r, n, in)
	if err != nil {
		return err
	}
	delete(r.alias, n.outputs[0])
	r.constants[n.outputs[0]] = out
	return nil
}

// moved is a constant of these dimensions whose element i is the one at from(i) of t.
func (r *onnxReader) moved(t *onnxTensor, dims []int, from func(i int) int) (*onnxTensor, error) {
	raw, err := t.data()
	if err != nil {
		return nil, err
	}
	width := t.width()
	n, err := constantElements(dims)
	if err != nil {
		return nil, err
	}
	if err := r.spend(n * width); err != nil {
		return nil, err
	}
	out := make([]byte, n*width)
	for i := range n {
		at := from(i) * width
		copy(out[i*width:(i+1)*width], raw[at:at+width])
	}
	return &onnxTensor{kind: t.kind, dims: dims, raw: out}, nil
}

// constantElements is how many elements a constant of this shape has.
func constantElements(dims []int) (int, error) {
	n := 1
	for _, d := range dims {
		if d < 0 || d > 0 && n > maxONNXWeights/d {
			return 0, fmt.Errorf("a constant of %s", shapeString(dims))
		}
		n *= d
	}
	if len(dims) > 2*maxRank {
		return 0, fmt.Errorf("a constant of %d dimensions", len(dims))
	}
	return n, nil
}

// seen is t with other dimensions of as many elements.
func seen(t *onnxTensor, dims []int) (*onnxTensor, error) {
	if _, err := t.data(); err != nil {
		return nil, err
	}
	have, _ := constantElements(t.dims)
	if n, err := constantElements(dims); err != nil || n != have {
		return nil, fmt.Errorf("%s can't become %s", shapeString(t.dims), shapeString(dims))
	}
	out := *t
	out.dims = dims
	return &out, nil
}

func foldIdentity(_ *onnxReader, _ *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	return in[0], nil
}

func foldConstant(_ *onnxReader, n *onnxNode, _ []*onnxTensor) (*onnxTensor, error) {
	for _, a := range n.attributes {
		switch a.name {
		case "value":
			if a.tensor == nil {
				return nil, fmt.Errorf("its value is missing")
			}
			return a.tensor, nil
		case "value_float":
			return &onnxTensor{kind: onnxFloat, raw: appendFloat32(nil, a.float)}, nil
		case "value_floats":
			return &onnxTensor{kind: onnxFloat, dims: []int{len(a.floats) / 4}, raw: a.floats}, nil
		case "value_int":
			return integersOf(nil, a.integer), nil
		case "value_ints":
			return listOf(a.ints...), nil
		}
	}
	return nil, fmt.Errorf("its value is neither numbers nor a tensor of numbers")
}

func foldConstantOfShape(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	dims, err := in[0].ints()
	if err != nil {
		return nil, err
	}
	value := &onnxTensor{kind: onnxFloat, dims: []int{1}, raw: make([]byte, 4)}
	if a, ok := n.attribute("value"); ok && a.tensor != nil {
		value = a.tensor
	}
	if have, err := constantElements(value.dims); err != nil || have != 1 {
		return nil, fmt.Errorf("its value isn't one number")
	}
	return r.moved(value, dims, func(int) int { return 0 })
}

func foldShape(_ *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	return listOf(shapePart(n, in[0].dims)...), nil
}

// shapePart is the part of a shape that Shape gives.
func shapePart(n *onnxNode, shape []int) []int {
	bound := func(name string, absent int) int {
		i := n.integer(name, absent)
		if i < 0 {
			i += len(shape)
		}
		return max(0, min(i, len(shape)))
	}
	start, end := bound("start", 0), bound("end", len(shape))
	return shape[start:max(start, end)]
}

func foldCast(_ *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	t := in[0]
	to := n.integer("to", onnxFloat)
	if n.op == "CastLike" {
		to = in[1].kind
	}
	out := &onnxTensor{kind: to, dims: t.dims}
	switch {
	case out.isFloat() == t.isFloat():
		return t, nil // wider or narrower: what is read converts itself
	case t.isFloat():
		raw, err := t.floats()
		if err != nil {
			return nil, err
		}
		if len(raw)/4 > maxONNXList {
			return nil, fmt.Errorf("%d integers", len(raw)/4)
		}
		var v []int
		for _, x := range float32s(raw) {
			if !(math.Abs(float64(x)) < 1<<31) {
				return nil, fmt.Errorf("%g becomes an integer", x)
			}
			v = append(v, int(x)) // in range: see above
		}
		return integersOf(t.dims, v...), nil
	}
	v, err := t.ints()
	if err != nil {
		return nil, err
	}
	out.kind = onnxFloat
	for _, x := range v {
		out.raw = appendFloat32(out.raw, float32(x))
	}
	return out, nil
}

func foldUnary(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	f := map[string]func(float64) float64{
		"Sqrt": math.Sqrt, "Neg": func(x float64) float64 { return -x }, "Reciprocal": func(x float64) float64 { return 1 / x },
		"Ceil": math.Ceil, "Floor": math.Floor,
	}[n.op]
	if !in[0].isFloat() {
		v, err := in[0].ints()
		for i := range v {
			v[i] = int(quant.Saturate(f(float64(v[i]))))
		}
		return integersOf(in[0].dims, v...), err
	}
	raw, err := in[0].floats()
	if err == nil {
		err = r.spend(len(raw))
	}
	if err != nil {
		return nil, err
	}
	out := &onnxTensor{kind: onnxFloat, dims: in[0].dims, raw: make([]byte, 0, len(raw))}
	for _, x := range float32s(raw) {
		out.raw = appendFloat32(out.raw, float32(f(float64(x))))
	}
	return out, nil
}

func foldArithmetic(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	if in[0] == nil || in[1] == nil || len(in) > 2 {
		return nil, fmt.Errorf("%d inputs, not 2", len(in))
	}
	dims, err := broadcastConstants(in[0].dims, in[1].dims)
	if err != nil {
		return nil, err
	}
	count, err := constantElements(dims)
	if err == nil {
		err = r.spend(4 * count)
	}
	if err != nil {
		return nil, err
	}
	at := func(t *onnxTensor) func(i int) int {
		steps := broadcastSteps(t.dims, dims)
		return func(i int) int { return indexAt(i, dims, steps) }
	}
	a, b := at(in[0]), at(in[1])
	if !in[0].isFloat() && !in[1].isFloat() {
		x, err := in[0].ints()
		if err != nil {
			return nil, err
		}
		y, err := in[1].ints()
		if err != nil {
			return nil, err
		}
		if count > maxONNXList {
			return nil, fmt.Errorf("%d integers", count)
		}
		out := make([]int, count)
		for i := range out {
			p, q := x[a(i)], y[b(i)]
			switch n.op {
			case "Add":
				out[i] = p + q
			case "Sub":
				out[i] = p - q
			case "Mul":
				out[i] = p * q
			case "Div":
				if q == 0 {
					return nil, fmt.Errorf("a division by 0")
				}
				out[i] = p / q
			case "Max":
				out[i] = max(p, q)
			case "Min":
				out[i] = min(p, q)
			case "Equal":
				if p == q {
					out[i] = 1
				}
			}
		}
		return integersOf(dims, out...), nil
	}
	x, err := in[0].floats()
	if err != nil {
		return nil, err
	}
	y, err := in[1].floats()
	if err != nil {
		return nil, err
	}
	out := &onnxTensor{kind: onnxFloat, dims: dims, raw: make([]byte, 0, 4*count)}
	for i := range count {
		p, q := float32At(x, a(i)), float32At(y, b(i))
		switch n.op {
		case "Add":
			p += q
		case "Sub":
			p -= q
		case "Mul":
			p *= q
		case "Div":
			p /= q
		case "Max":
			p = max(p, q)
		case "Min":
			p = min(p, q)
		default:
			return nil, fmt.Errorf("of float32 numbers isn't supported")
		}
		out.raw = appendFloat32(out.raw, p)
	}
	return out, nil
}

// broadcastConstants is broadcast for shapes of unknown origin.
func broadcastConstants(a, b []int) ([]int, error) {
	for _, d := range slices.Concat(a, b) {
		if d < 1 {
			return nil, fmt.Errorf("constants of %s and %s", shapeString(a), shapeString(b))
		}
	}
	return broadcast(a, b)
}

func float32At(raw []byte, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
}

// broadcastSteps are how far apart neighbours along each dimension of large lie in small: 0 along those it repeats.
func broadcastSteps(small, large []int) []int {
	steps := make([]int, len(large))
	step := 1
	for d := 1; d <= len(small); d++ {
		if size := small[len(small)-d]; size > 1 {
			steps[len(large)-d] = step
			step *= size
		}
	}
	return steps
}

// indexAt is Σ digit · step over the digits of i in a shape.
func indexAt(i int, shape, steps []int) int {
	at := 0
	for d := len(shape) - 1; d >= 0; d-- {
		at += i % shape[d] * steps[d]
		i /= shape[d]
	}
	return at
}

func foldReshape(_ *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	if len(in) < 2 || in[1] == nil {
		return nil, fmt.Errorf("its input 1 is missing")
	}
	to, err := in[1].ints()
	if err != nil {
		return nil, err
	}
	dims, err := wantedShape(n, in[0].dims, to)
	if err != nil {
		return nil, err
	}
	return seen(in[0], dims)
}

func foldSqueeze(_ *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	axes, err := constantAxes(n, in)
	if err != nil {
		return nil, err
	}
	kept, err := squeezedDims(in[0].dims, axes)
	if err != nil {
		return nil, err
	}
	var dims []int
	for _, i := range kept {
		dims = append(dims, in[0].dims[i])
	}
	return seen(in[0], dims)
}

func foldUnsqueeze(_ *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	axes, err := constantAxes(n, in)
	if err != nil {
		return nil, err
	}
	added, err := unsqueezedDims(len(in[0].dims), axes)
	if err != nil {
		return nil, err
	}
	var dims []int
	for _, from := range added {
		if from < 0 {
			dims = append(dims, 1)
		} else {
			dims = append(dims, in[0].dims[from])
		}
	}
	return seen(in[0], dims)
}

// constantAxes are what newer operator sets have as input 1, older ones as an attribute.
func constantAxes(n *onnxNode, in []*onnxTensor) ([]int, error) {
	if len(in) > 1 && in[1] != nil {
		return in[1].ints()
	}
	return n.ints("axes"), nil
}

func foldTranspose(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	order, err := permutation(n, len(in[0].dims))
	if err != nil {
		return nil, err
	}
	steps := broadcastSteps(in[0].dims, in[0].dims)
	dims, from := make([]int, len(order)), make([]int, len(order))
	for i, o := range order {
		dims[i], from[i] = in[0].dims[o], steps[o]
	}
	return r.moved(in[0], dims, func(i int) int { return indexAt(i, dims, from) })
}

// permutation is the order that a Transpose asks for: backwards, if it says nothing.
func permutation(n *onnxNode, rank int) ([]int, error) {
	order := n.ints("perm")
	if order == nil {
		for i := range rank {
			order = append(order, rank-1-i)
		}
	}
	sorted := slices.Clone(order)
	slices.Sort(sorted)
	for i, o := range sorted {
		if o != i {
			return nil, fmt.Errorf("the order %v", order)
		}
	}
	if len(order) != rank {
		return nil, fmt.Errorf("the order %v for %d dimensions", order, rank)
	}
	return order, nil
}

func foldConcat(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	axis := n.integer("axis", 0)
	if in[0] == nil {
		return nil, fmt.Errorf("its input 0 is missing")
	}
	rank := len(in[0].dims)
	if axis < -rank || axis >= rank {
		return nil, fmt.Errorf("the dimension %d of %d", axis, rank)
	}
	axis = (axis + rank) % rank
	out := &onnxTensor{kind: in[0].kind, dims: slices.Clone(in[0].dims)}
	if !in[0].isFloat() {
		out.kind = onnxInt64
	} else {
		out.kind = onnxFloat
	}
	out.dims[axis] = 0
	rows := 1
	for _, d := range in[0].dims[:axis] {
		rows *= d
	}
	parts := make([][]byte, len(in))
	for i, t := range in {
		if t == nil || len(t.dims) != rank || t.isFloat() != in[0].isFloat() {
			return nil, fmt.Errorf("inputs of other shapes or types")
		}
		for d := range rank {
			if d != axis && t.dims[d] != out.dims[d] {
				return nil, fmt.Errorf("inputs of %s and %s", shapeString(in[0].dims), shapeString(t.dims))
			}
		}
		out.dims[axis] += t.dims[axis]
		var err error
		if t.isFloat() {
			parts[i], err = t.floats()
		} else {
			var v []int
			if v, err = t.ints(); err == nil {
				parts[i] = integersOf(nil, v...).raw
			}
		}
		if err == nil {
			err = r.spend(len(parts[i]))
		}
		if err != nil {
			return nil, err
		}
	}
	for row := range rows {
		for _, p := range parts {
			each := len(p) / rows
			out.raw = append(out.raw, p[row*each:(row+1)*each]...)
		}
	}
	_, err := out.data()
	return out, err
}

func foldGather(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	if in[1] == nil {
		return nil, fmt.Errorf("its input 1 is missing")
	}
	at, err := in[1].ints()
	if err != nil {
		return nil, err
	}
	rank, axis := len(in[0].dims), n.integer("axis", 0)
	if axis < -rank || axis >= rank {
		return nil, fmt.Errorf("the dimension %d of %d", axis, rank)
	}
	axis = (axis + rank) % rank
	size := in[0].dims[axis]
	for i := range at {
		if at[i] < 0 {
			at[i] += size
		}
		if at[i] < 0 || at[i] >= size {
			return nil, fmt.Errorf("number %d of a list of %d", at[i], size)
		}
	}
	dims := slices.Concat(in[0].dims[:axis], in[1].dims, in[0].dims[axis+1:])
	if _, err := in[0].data(); err != nil {
		return nil, err
	}
	inner := 1
	for _, d := range in[0].dims[axis+1:] {
		inner *= d
	}
	return r.moved(in[0], dims, func(i int) int {
		within, rest := i%inner, i/inner
		return (rest/len(at)*size+at[rest%len(at)])*inner + within
	})
}

func foldSlice(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	spans, err := sliced(n, in[0].dims, in)
	if err != nil {
		return nil, err
	}
	var dims []int
	steps, first := broadcastSteps(in[0].dims, in[0].dims), 0
	for i, s := range spans {
		dims = append(dims, s.size)
		first += s.begin * steps[i]
		steps[i] *= s.step
	}
	return r.moved(in[0], dims, func(i int) int { return first + indexAt(i, dims, steps) })
}

// sliced is what a Slice takes of a shape: its starts, ends, axes and steps are inputs 1 to 4, attributes before operator
// set 10.
func sliced(n *onnxNode, shape []int, in []*onnxTensor) ([]span, error) {
	var lists [4][]int
	for i, name := range []string{"starts", "ends", "axes", "steps"} {
		lists[i] = n.ints(name)
		if i+1 < len(in) && in[i+1] != nil {
			var err error
			if lists[i], err = in[i+1].ints(); err != nil {
				return nil, err
			}
		}
	}
	starts, ends, axes, steps := lists[0], lists[1], lists[2], lists[3]
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return nil, fmt.Errorf("%d starts, %d ends, %d dimensions", len(starts), len(ends), len(axes))
	}
	var spans []span
	for _, size := range shape {
		spans = append(spans, span{0, size, 1})
	}
	rank := len(shape)
	for i, axis := range axes {
		if axis < -rank || axis >= rank {
			return nil, fmt.Errorf("the dimension %d of %d", axis, rank)
		}
		axis = (axis + rank) % rank
		step, lo, hi := 1, 0, shape[axis]
		if steps != nil {
			step = steps[i]
		}
		if step == 0 || step < -maxActivationBytes || step > maxActivationBytes {
			return nil, fmt.Errorf("a step of %d", step)
		}
		if step < 0 {
			lo, hi = -1, shape[axis]-1
		}
		bound := func(v int) int {
			if v < 0 {
				v = max(v, -shape[axis]-1) + shape[axis]
			}
			return max(lo, min(v, hi))
		}
		from, to := bound(starts[i]), bound(ends[i])
		spans[axis] = span{from, max((to-from+step-step/max(step, -step))/step, 0), step}
	}
	return spans, nil
}

func foldExpand(r *onnxReader, _ *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	if in[1] == nil {
		return nil, fmt.Errorf("its input 1 is missing")
	}
	to, err := in[1].ints()
	if err != nil {
		return nil, err
	}
	dims, err := broadcastConstants(in[0].dims, to)
	if err != nil {
		return nil, err
	}
	if _, err := in[0].data(); err != nil {
		return nil, err
	}
	steps := broadcastSteps(in[0].dims, dims)
	return r.moved(in[0], dims, func(i int) int { return indexAt(i, dims, steps) })
}

func foldWhere(r *onnxReader, _ *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	if in[0] == nil || in[1] == nil || in[2] == nil {
		return nil, fmt.Errorf("an input is missing")
	}
	var lists [3][]int
	dims := []int{1}
	for i, t := range in[:3] {
		var err error
		if lists[i], err = t.ints(); err != nil {
			return nil, err
		}
		if dims, err = broadcastConstants(dims, t.dims); err != nil {
			return nil, err
		}
	}
	count, err := constantElements(dims)
	if err != nil || count > maxONNXList {
		return nil, fmt.Errorf("%s integers", shapeString(dims))
	}
	out := make([]int, count)
	at := func(k, i int) int { return lists[k][indexAt(i, dims, broadcastSteps(in[k].dims, dims))] }
	for i := range out {
		out[i] = at(2, i)
		if at(0, i) != 0 {
			out[i] = at(1, i)
		}
	}
	if longest := max(len(in[0].dims), len(in[1].dims), len(in[2].dims)); longest == 0 {
		dims = nil
	}
	return integersOf(dims, out...), nil
}

func foldClip(r *onnxReader, n *onnxNode, in []*onnxTensor) (*onnxTensor, error) {
	out := in[0]
	for i, op := range []string{"Max", "Min"} {
		if i+1 >= len(in) || in[i+1] == nil {
			continue
		}
		var err error
		if out, err = foldArithmetic(r, &onnxNode{op: op}, []*onnxTensor{out, in[i+1]}); err != nil {
			return nil, err
		}
	}
	return out, nil
}
