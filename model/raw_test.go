package model

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
)

// raw is a .tflite file as no honest writer makes it: one convolution of 1×1, where each field can be set to anything.
// Tensor 0 is the input, 1 the weights, 2 the output.
type raw struct {
	identifier          string
	version, subgraphs  int
	deprecated, builtin int
	custom              string
	optionsType         int
	stride, dilation    int
	padding, activation int
	kind                int // of the input and the output
	inShape, outShape   []int
	scales              []float32 // of the weights
	points              []int64
	dimension           int
	data                []byte // of the weights
	buffer              int    // of the weights
	offset, size        uint64 // of the weights' buffer
	variable, sparse    bool
	name                string
	copies              int // how often the input's table is listed again
	inputs, outputs     []int
	opInputs, opOutputs []int
	codesUp             int // added to the index of the operation
	operators           int
}

const conv2D = 3 // its number in a file

func newRaw() raw {
	return raw{
		identifier: tfliteIdentifier, version: 3, subgraphs: 1, deprecated: conv2D, optionsType: convOptions,
		stride: 1, dilation: 1, padding: 1, kind: 3, inShape: []int{1, 4, 4, 2}, outShape: []int{1, 4, 4, 3},
		scales: []float32{0.5}, points: []int64{7}, data: make([]byte, 6), buffer: 1, name: "input",
		inputs: []int{0}, outputs: []int{2}, opInputs: []int{0, 1}, opOutputs: []int{2}, operators: 1,
	}
}

func (r *raw) bytes() []byte {
	w := writer{flatbuffers.NewBuilder(1 << 10)}
	w.StartObject(0)
	empty := w.EndObject()
	data := w.CreateByteVector(r.data)
	w.StartObject(3)
	w.offset(bufferData, data)
	w.PrependUint64Slot(bufferOffset, r.offset, 0)
	w.PrependUint64Slot(bufferSize, r.size, 0)
	buffers := w.tables(empty, w.EndObject())

	input := r.tensor(w, r.name, r.kind, r.inShape, 0, []float32{0.25}, []int64{3})
	tensors := []flatbuffers.UOffsetT{
		input,
		r.tensor(w, "weights", 3, []int{3, 1, 1, 2}, r.buffer, r.scales, r.points),
		r.tensor(w, "output", r.kind, r.outShape, 0, []float32{0.125}, []int64{9}),
	}
	for range r.copies {
		tensors = append(tensors, input)
	}
	tensorList := w.tables(tensors...)

	w.StartObject(convSlots)
	w.PrependInt8Slot(convPadding, int8(r.padding), 0)
	w.PrependInt32Slot(convStrideW, int32(r.stride), 0)
	w.PrependInt32Slot(convStrideH, int32(r.stride), 0)
	w.PrependInt8Slot(convActivation, int8(r.activation), 0)
	w.PrependInt32Slot(convDilationH, int32(r.dilation), 1)
	options := w.EndObject()
	opInputs, opOutputs := w.int32s(r.opInputs), w.int32s(r.opOutputs)
	w.StartObject(operatorSlots)
	w.PrependUint32Slot(operatorCode, uint32(r.codesUp), 0)
	w.offset(operatorInputs, opInputs)
	w.offset(operatorOutputs, opOutputs)
	w.PrependByteSlot(operatorOptionsType, byte(r.optionsType), 0)
	w.offset(operatorOptions, options)
	operators := w.tables(slices.Repeat([]flatbuffers.UOffsetT{w.EndObject()}, r.operators)...)

	inputs, outputs := w.int32s(r.inputs), w.int32s(r.outputs)
	w.StartObject(subgraphSlots)
	w.offset(subgraphTensors, tensorList)
	w.offset(subgraphInputs, inputs)
	w.offset(subgraphOutputs, outputs)
	w.offset(subgraphOperators, operators)
	subgraphs := w.tables(slices.Repeat([]flatbuffers.UOffsetT{w.EndObject()}, r.subgraphs)...)

	custom := w.string(r.custom)
	w.StartObject(opCodeSlots)
	w.PrependInt8Slot(opCodeDeprecated, int8(r.deprecated), 0)
	w.offset(opCodeCustom, custom)
	w.PrependInt32Slot(opCodeBuiltin, int32(r.builtin), 0)
	codes := w.tables(w.EndObject())
	w.StartObject(modelSlots)
	w.PrependUint32Slot(modelVersion, uint32(r.version), 0)
	w.offset(modelOperatorCodes, codes)
	w.offset(modelSubgraphs, subgraphs)
	w.offset(modelBuffers, buffers)
	w.FinishWithFileIdentifier(w.EndObject(), []byte(r.identifier))
	return w.FinishedBytes()
}

func (r *raw) tensor(
	w writer, name string, kind int, shape []int, buffer int, scales []float32, points []int64,
) flatbuffers.UOffsetT {
	w.StartVector(8, len(points), 8)
	for _, p := range slices.Backward(points) {
		w.PrependInt64(p)
	}
	zeros := w.EndVector(len(points))
	scale, dims, named := w.float32s(scales), w.int32s(shape), w.string(name)
	w.StartObject(quantizationSlots)
	w.offset(quantizationScale, scale)
	w.offset(quantizationZeroPoint, zeros)
	w.PrependInt32Slot(quantizationDimension, int32(r.dimension), 0)
	quantization := w.EndObject()
	w.StartObject(0)
	sparsity := w.EndObject()
	w.StartObject(tensorShapeSignature)
	w.offset(tensorShape, dims)
	w.PrependInt8Slot(tensorType, int8(kind), 0)
	w.PrependUint32Slot(tensorBuffer, uint32(buffer), 0)
	w.offset(tensorName, named)
	w.offset(tensorQuantization, quantization)
	w.PrependBoolSlot(tensorIsVariable, r.variable, false)
	if r.sparse {
		w.offset(tensorSparsity, sparsity)
	}
	return w.EndObject()
}

func TestReadTFLiteRaw(t *testing.T) {
	r := newRaw()
	g, err := ReadTFLite(r.bytes())
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, roundTrip(t, g), g)
}

// TestReadTFLiteBuiltinCode: a new file has an operation's number in a field that old ones don't have.
func TestReadTFLiteBuiltinCode(t *testing.T) {
	r := newRaw()
	r.deprecated, r.builtin = 0, conv2D
	if _, err := ReadTFLite(r.bytes()); err != nil {
		t.Error(err)
	}
}

// TestReadTFLiteDataBehind: a file above 2 GB has its weights behind the FlatBuffer.
func TestReadTFLiteDataBehind(t *testing.T) {
	r := newRaw()
	r.data, r.size = nil, 6
	r.offset = 2 // for a file of the same length
	r.offset = uint64(len(r.bytes()))
	g, err := ReadTFLite(append(r.bytes(), 1, 2, 3, 4, 5, 6, 7))
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Tensors[1].Data; !slices.Equal(got, []byte{1, 2, 3, 4, 5, 6}) {
		t.Error(got)
	}
}

func TestReadTFLiteRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *raw)
		want   string
	}{
		"identifier":         {func(r *raw) { r.identifier = "M001" }, "model: not a .tflite file"},
		"version":            {func(r *raw) { r.version = 2 }, "version 2 of the schema"},
		"no subgraph":        {func(r *raw) { r.subgraphs = 0 }, "0 subgraphs"},
		"two subgraphs":      {func(r *raw) { r.subgraphs = 2 }, "2 subgraphs"},
		"no operators":       {func(r *raw) { r.operators = 0 }, "no operations"},
		"many operators":     {func(r *raw) { r.operators = maxNodes + 1 }, "4097 operations"},
		"operator twice":     {func(r *raw) { r.operators = 2 }, "tensor 2 (output) is computed twice"},
		"no input":           {func(r *raw) { r.inputs = nil }, "no input"},
		"input out of range": {func(r *raw) { r.inputs = []int{3} }, "no tensor 3"},
		"negative output":    {func(r *raw) { r.outputs = []int{-1} }, "no tensor -1"},
		"constant input":     {func(r *raw) { r.inputs = []int{1} }, "tensor 1 (weights): it is constant"},
		"constant output":    {func(r *raw) { r.outputs = []int{1} }, "tensor 1 (weights) is never computed"},
		"output is input":    {func(r *raw) { r.outputs = []int{0} }, "is an input, too"},
		"output twice":       {func(r *raw) { r.outputs = []int{2, 2} }, "twice"},
		"input twice":        {func(r *raw) { r.inputs = []int{0, 0} }, "twice"},
		"cycle":              {func(r *raw) { r.opInputs = []int{2, 1} }, "tensor 2 (output) is read before"},
		"computed weights":   {func(r *raw) { r.opInputs = []int{0, 0} }, "must be constant"},
		"constant read":      {func(r *raw) { r.opInputs = []int{1, 1} }, "is constant"},
		"no operands":        {func(r *raw) { r.opInputs = nil }, "0 inputs, not 3"},
		"missing operand":    {func(r *raw) { r.opInputs = []int{-1, 1} }, "no tensor -1"},
		"two outputs":        {func(r *raw) { r.opOutputs = []int{2, 2} }, "2 outputs, not 1"},
		"operand range":      {func(r *raw) { r.opInputs = []int{0, 99} }, "no tensor 99"},
		"code range":         {func(r *raw) { r.codesUp = 1 }, "no operation code 1"},
		"unknown operation":  {func(r *raw) { r.builtin = 5 }, "node 0 (DEPTH_TO_SPACE → output): this operation isn't"},
		"variables":          {func(r *raw) { r.builtin = 142 }, "node 0 (VAR_HANDLE → output): this operation isn't supported: the file keeps weights"},
		"resource":           {func(r *raw) { r.kind = 13 }, "type RESOURCE isn't supported"},
		"future operation":   {func(r *raw) { r.builtin = 999 }, "node 0 (operation 999 → output)"},
		"negative operation": {func(r *raw) { r.deprecated, r.builtin = -3, -5 }, "operation -3"},
		"custom operation": {
			func(r *raw) { r.builtin, r.custom = opCustom, "Nice\x1bOp" },
			`node 0 (CUSTOM Nice?Op → output): this operation isn't supported: convert`,
		},
		"other options":     {func(r *raw) { r.optionsType = poolOptions }, "options of another operation"},
		"stride":            {func(r *raw) { r.stride = 0 }, "a stride of 0×0"},
		"dilation":          {func(r *raw) { r.dilation = 2 }, "node 0 (CONV_2D → output): a dilation of 2×1"},
		"padding":           {func(r *raw) { r.padding = 2 }, "the padding 2"},
		"activation":        {func(r *raw) { r.activation = 4 }, "fused activation 4"},
		"type":              {func(r *raw) { r.kind = 1 }, "tensor 0 (input): type FLOAT16 isn't supported"},
		"future type":       {func(r *raw) { r.kind = 100 }, "unknown type 100"},
		"i32 input":         {func(r *raw) { r.kind = 2 }, "type i32: activations must be"},
		"s8 with u8":        {func(r *raw) { r.kind = 9 }, "weights of type u8 with an input of type s8"},
		"f32 with u8":       {func(r *raw) { r.kind = 0 }, "full integer quantization"},
		"batch":             {func(r *raw) { r.inShape[0], r.outShape[0] = 2, 2 }, "a batch of 2"},
		"rank":              {func(r *raw) { r.inShape = []int{1, 1, 1, 1, 1} }, "5 dimensions"},
		"large rank":        {func(r *raw) { r.inShape = make([]int, 1e6) }, "1000000 dimensions"},
		"zero dimension":    {func(r *raw) { r.inShape[1] = 0 }, "dimension of 0"},
		"unknown dimension": {func(r *raw) { r.inShape[1] = -1 }, "dimension of -1"},
		"overflow":          {func(r *raw) { r.inShape = []int{1, 1 << 30, 1 << 30, 1 << 30} }, "too large"},
		"overflow to zero":  {func(r *raw) { r.inShape = []int{1 << 16, 1 << 16, 1 << 16, 1 << 16} }, "too large"},
		"channels":          {func(r *raw) { r.inShape[3] = 4 }, "weights for 2 input channels, but the input has 4"},
		"output shape":      {func(r *raw) { r.outShape[1] = 5 }, "its output is 1×4×4×3, but the file says 1×5×4×3"},
		"zero scale":        {func(r *raw) { r.scales[0] = 0 }, "tensor 1 (weights): the scale 0 at 0"},
		"negative scale":    {func(r *raw) { r.scales[0] = -1 }, "the scale -1 at 0"},
		"NaN scale":         {func(r *raw) { r.scales[0] = float32(math.NaN()) }, "the scale NaN at 0"},
		"infinite scale":    {func(r *raw) { r.scales[0] = float32(math.Inf(1)) }, "the scale +Inf at 0"},
		"no scale":          {func(r *raw) { r.scales, r.points = nil, nil }, "type u8 without a scale"},
		"no zero point":     {func(r *raw) { r.points = nil }, "1 scales, but 0 zero points"},
		"zero point range":  {func(r *raw) { r.points[0] = 256 }, "zero point 256 at 0 isn't in 0…255"},
		"zero point size":   {func(r *raw) { r.points[0] = 1 << 40 }, "the zero point 1099511627776"},
		"u8 per channel": {
			func(r *raw) { r.scales, r.points = []float32{1, 1, 1}, []int64{0, 0, 0} }, "u8 weights have 3 scales",
		},
		"quantized dimension": {
			func(r *raw) { r.scales, r.points, r.dimension = []float32{1, 1, 1}, []int64{0, 0, 0}, 3 },
			"3 scales along dimension 3 of 3×1×1×2",
		},
		"missing data":      {func(r *raw) { r.data = nil }, "tensor 1 (weights) has no data"},
		"too little data":   {func(r *raw) { r.data = r.data[:5] }, "5 bytes of data don't fit the shape 3×1×1×2"},
		"too much data":     {func(r *raw) { r.data = make([]byte, 7) }, "7 bytes of data don't fit"},
		"buffer range":      {func(r *raw) { r.buffer = 2 }, "tensor 1 (weights): there is no buffer 2"},
		"data beyond":       {func(r *raw) { r.data, r.offset, r.size = nil, 10, 1e9 }, "ends beyond the file"},
		"data far beyond":   {func(r *raw) { r.data, r.offset, r.size = nil, 1<<63, 1<<63 }, "ends beyond the file"},
		"variable":          {func(r *raw) { r.variable = true }, "variables"},
		"sparse":            {func(r *raw) { r.sparse = true }, "sparse weights"},
		"too many tensors":  {func(r *raw) { r.copies = maxFileTensors }, "65539 tensors"},
		"long name":         {func(r *raw) { r.name, r.kind = strings.Repeat("x", 1e6), 1 }, "xxx…): type FLOAT16"},
		"shared long names": {sharedLongNames, "more than fits in memory"},
		"shared weights":    {sharedWeights, "more weights than it has"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRaw()
			c.change(&r)
			_, err := measured(t, ReadTFLite, r.bytes())
			requireRefusal(t, err, c.want)
		})
	}
}

// measured reads a file and complains where that takes much memory.
func measured(t testing.TB, read func([]byte) (*Graph, error), b []byte) (*Graph, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	g, err := read(b)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > uint64(len(b))+64<<20 {
		t.Errorf("%d bytes allocated for a file of %d", used, len(b))
	}
	return g, err
}

// requireRefusal wants an error that says want, in a line for a person.
func requireRefusal(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatal("no error")
	case !strings.Contains(err.Error(), want):
		t.Errorf("%q doesn't say %q", err, want)
	case !strings.HasPrefix(err.Error(), "model: ") || len(err.Error()) > 500:
		t.Errorf("not a line for a person: %q", err)
	}
}

// sharedLongNames lists one tensor with a long name so often that its copies fill the memory.
func sharedLongNames(r *raw) {
	r.name, r.copies = strings.Repeat("x", 1e5), 1e4
	for i := range r.copies {
		r.opInputs = append(r.opInputs, 3+i)
	}
}

// sharedWeights reads the same weights so often that packing them fills the memory.
func sharedWeights(r *raw) {
	r.data = make([]byte, 1e6)
	r.opInputs = slices.Repeat([]int{1}, 100)
}

// TestReadTFLiteDamaged: whatever a damaged file holds, there is an error or a sound graph.
func TestReadTFLiteDamaged(t *testing.T) {
	for name, g := range sketches() {
		good, err := g.WriteTFLite()
		if err != nil {
			t.Fatal(err)
		}
		for n := range good {
			readDamaged(t, name, good[:n])
		}
		rng := rand.New(rand.NewPCG(2, 3))
		for range 3000 {
			b := slices.Clone(good)
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			readDamaged(t, name, b)
		}
	}
}

func readDamaged(t *testing.T, name string, b []byte) {
	t.Helper()
	if g, err := ReadTFLite(b); err == nil {
		if err := g.Check(); err != nil {
			t.Fatalf("%s: accepted: %v", name, err)
		}
	}
}

// FuzzReadTFLite: no panic, little memory, and what is accepted can be written and is read back equal.
func FuzzReadTFLite(f *testing.F) {
	for _, g := range sketches() {
		b, err := g.WriteTFLite()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	r := newRaw()
	f.Add(r.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := measured(t, ReadTFLite, b)
		if err == nil {
			requireEqual(t, roundTrip(t, g), g)
		}
	})
}
