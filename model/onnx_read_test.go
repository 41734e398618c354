package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// onnxFixtures are what testdata/make_onnx.py makes: networks, and what onnxruntime computes with them.
func onnxFixtures(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join("testdata", "onnx", "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files in testdata/onnx: ", err)
	}
	return files
}

// readAlone reads a network of one file.
func readAlone(b []byte) (*Graph, error) { return ReadONNX(b, nil) }

// toNHWC reorders what a file has as NCHW.
func toNHWC(v []float32, shape []int) []float32 {
	if len(shape) != 4 {
		return v
	}
	out, pixels, channels := make([]float32, len(v)), shape[1]*shape[2], shape[3]
	for i := range v {
		out[i%pixels*channels+i/pixels] = v[i]
	}
	return out
}

// TestReadONNX runs each network the plain way and compares with onnxruntime.
func TestReadONNX(t *testing.T) {
	for _, path := range onnxFixtures(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			g, err := readAlone(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			x, y := g.Tensors[g.Inputs[0]].Shape, g.Tensors[g.Outputs[0]].Shape
			values := float32s(readFile(t, strings.TrimSuffix(path, "onnx")+"f32"))
			if len(values) != Elements(x)+Elements(y) {
				t.Fatalf("%v → %v doesn't fit %d values", x, y, len(values))
			}
			given, want := toNHWC(values[:Elements(x)], x), toNHWC(values[Elements(x):], y)
			if strings.HasPrefix(filepath.Base(path), "nhwc") {
				given = values[:Elements(x)]
			}
			for i, got := range runFloat(g, given) {
				if math.Abs(float64(got-want[i])) > 2e-5*max(1, math.Abs(float64(want[i]))) {
					t.Errorf("output %d is %g, want %g", i, got, want[i])
				}
			}
			for i := range g.Nodes {
				g.Nodes[i].Name = "" // .tflite has no names for them
			}
			requireEqual(t, roundTrip(t, g), g)
		})
	}
}

// TestReadONNXFolds: what follows a layer becomes a part of it, and only paddings that have to be stay.
func TestReadONNXFolds(t *testing.T) {
	for name, want := range map[string]string{
		"v1_bn_opset11": "Pad Conv2D DepthwiseConv2D Conv2D DepthwiseConv2D Conv2D DepthwiseConv2D Conv2D Mean Reshape " +
			"FullyConnected",
		"v2_opset13": "Pad Conv2D Conv2D DepthwiseConv2D Conv2D Add Conv2D Pad DepthwiseConv2D Conv2D Conv2D " +
			"DepthwiseConv2D Conv2D Add Conv2D Mean FullyConnected",
		"pools_opset17": "Conv2D MaxPool2D Pad AveragePool2D Conv2D MaxPool2D AveragePool2D AveragePool2D Reshape " +
			"FullyConnected",
		"keras_opset12": "Pad Conv2D DepthwiseConv2D Pad DepthwiseConv2D Mean Reshape FullyConnected Softmax",
	} {
		g, err := readAlone(readFile(t, filepath.Join("testdata", "onnx", name+".onnx")))
		if err != nil {
			t.Fatal(err)
		}
		var ops []string
		for _, n := range g.Nodes {
			ops = append(ops, OpName(n.Op))
		}
		if got := strings.Join(ops, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// message writes protobuf messages by hand, also such as no exporter writes.
type message []byte

func (m message) integer(field protowire.Number, v int) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) text(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

func onnxModelOf(opset int, graph message) message {
	return message{}.integer(1, 8).bytes(8, message{}.integer(2, opset)).bytes(7, graph)
}

func onnxNodeOf(op string, inputs []string, output string, attributes ...message) message {
	m := message{}.text(2, output).text(3, "the "+op).text(4, op)
	for _, name := range inputs {
		m = m.text(1, name)
	}
	for _, a := range attributes {
		m = m.bytes(5, a)
	}
	return m
}

func intsOf(name string, v ...int) message {
	m := message{}.text(1, name).integer(20, 7)
	for _, x := range v {
		m = m.integer(8, x)
	}
	return m
}

func floatsOf(name string, dims []int, v ...float32) message {
	m := message{}.text(8, name).integer(2, onnxFloat)
	for _, d := range dims {
		m = m.integer(1, d)
	}
	var raw []byte
	for _, x := range v {
		raw = appendFloat32(raw, x)
	}
	return m.bytes(9, raw)
}

func inputOf(name string, kind int, shape ...int) message {
	var dims message
	for _, d := range shape {
		dims = dims.bytes(1, message{}.integer(1, d))
	}
	return message{}.text(1, name).bytes(2, message{}.bytes(1, message{}.integer(1, kind).bytes(2, dims)))
}

// oneNode is a network of one operation on x with weights w of 2×2×1×1.
func oneNode(n message, more ...message) message {
	g := message{}.text(2, "g").bytes(1, n).bytes(11, inputOf("x", onnxFloat, 1, 2, 3, 3)).bytes(12, inputOf("y", 1))
	g = g.bytes(5, floatsOf("w", []int{2, 2, 1, 1}, 1, 2, 3, 4))
	for _, m := range more {
		g = g.bytes(5, m)
	}
	return onnxModelOf(17, g)
}

func TestReadONNXRefuses(t *testing.T) {
	conv := func(attributes ...message) message {
		return oneNode(onnxNodeOf("Conv", []string{"x", "w"}, "y", attributes...))
	}
	if _, err := readAlone(conv()); err != nil {
		t.Fatal(err)
	}
	external := message{}.text(8, "v").integer(2, onnxFloat).integer(1, 1).integer(14, 1)
	half := message{}.text(8, "v").integer(2, 10).integer(1, 1).bytes(9, []byte{1, 2})
	nan := floatsOf("v", []int{2, 2, 1, 1}, 1, 2, 3, float32(math.NaN()))
	twos := floatsOf("v", []int{2}, 2, 2)
	withV := func(op string, v message, inputs ...string) message {
		return oneNode(onnxNodeOf(op, inputs, "y"), v)
	}
	shared := message{}.text(2, "g").bytes(11, inputOf("x", onnxFloat, 1, 1, 1, 1)).bytes(12, inputOf("y0", 1)).
		bytes(5, floatsOf("w", []int{1 << 18, 1, 1, 1}, make([]float32, 1<<18)...))
	for i := range 200 {
		name := fmt.Sprintf("y%d", i)
		shared = shared.bytes(1, onnxNodeOf("Conv", []string{"x", "w"}, name)).bytes(12, inputOf(name, 1))
	}
	for name, c := range map[string]struct {
		file message
		want string
	}{
		"empty":           {message{}, "model: not an .onnx file"},
		"text":            {message("what is this, a file?"), "model: damaged file"},
		"old":             {onnxModelOf(6, message{}.text(2, "g")), "operator set 6"},
		"new":             {onnxModelOf(99, message{}.text(2, "g")), "operator set 99: export the network with"},
		"no nodes":        {onnxModelOf(17, message{}.text(2, "g")), "no input"},
		"unknown":         {oneNode(onnxNodeOf("LSTM", []string{"x"}, "y")), "node 0 (LSTM the LSTM): this operation isn't"},
		"other domain":    {oneNode(onnxNodeOf("Conv", []string{"x", "w"}, "y").text(7, "com.me")), "of com.me isn't"},
		"dilation":        {conv(intsOf("dilations", 2, 2)), "dilations of [2 2]"},
		"strides":         {conv(intsOf("strides", 0, 1)), "strides of [0 1]"},
		"pads":            {conv(intsOf("pads", -1, 0, 0, 0)), "pads of [-1 0 0 0]"},
		"one pad":         {conv(intsOf("pads", 1)), "pads of [1]"},
		"huge pads":       {conv(intsOf("pads", 60000, 60000, 60000, 60000)), "too large"},
		"kernel_shape":    {conv(intsOf("kernel_shape", 3, 3)), "a kernel_shape of [3 3]"},
		"groups":          {conv(message{}.text(1, "group").integer(3, 3)), "3 groups"},
		"auto_pad":        {conv(message{}.text(1, "auto_pad").text(4, "ODD")), "auto_pad of ODD"},
		"missing input":   {oneNode(onnxNodeOf("Conv", []string{"", "w"}, "y")), "input 0 is missing"},
		"read before":     {oneNode(onnxNodeOf("Conv", []string{"y", "w"}, "y")), "y is read before it is computed"},
		"constant input":  {oneNode(onnxNodeOf("Conv", []string{"w", "w"}, "y")), "input w is constant"},
		"missing weights": {oneNode(onnxNodeOf("Conv", []string{"x"}, "y")), "its input 1 is missing"},
		"computed weights": {
			oneNode(onnxNodeOf("Conv", []string{"x", "x"}, "y")), "its input x isn't constant",
		},
		"external data": {withV("Conv", external, "x", "v"), "its data is in another file"},
		"float16":       {withV("Conv", half, "x", "v"), "weights of 1: they must have 4 dimensions"},
		"strings":       {withV("Conv", message{}.text(8, "v").integer(2, 8).integer(1, 1), "x", "v"), "type string isn't"},
		"NaN":           {withV("Conv", nan, "x", "v"), "(v): element 3 is NaN"},
		"data": {
			withV("Conv", floatsOf("v", []int{2, 2, 3, 3}, 1, 2), "x", "v"), "8 bytes of data don't fit the shape 2×2×3×3",
		},
		"overflow": {
			withV("Conv", floatsOf("v", []int{1 << 30, 1 << 30, 1 << 30, 1 << 30}, 1), "x", "v"), "don't fit the shape",
		},
		"many dimensions": {withV("Conv", floatsOf("v", make([]int, 60), 1), "x", "v"), "60 dimensions"},
		"too many":        {withV("Conv", floatsOf("v", make([]int, 100), 1), "x", "v"), "more than 64 integers"},
		"bias":            {withV("Conv", floatsOf("v", []int{3}, 1, 2, 3), "x", "w", "v"), "a bias of 3 elements for 2"},
		"sum along rows":  {withV("Add", floatsOf("v", []int{3, 1}, 1, 2, 3), "x", "v"), "one value, or one for each channel"},
		"constants":       {withV("Div", twos, "v", "x"), "a constant divided by an image"},
		"infinite":        {withV("Div", floatsOf("v", nil, 0), "x", "v"), "the constant at 0 makes +Inf"},
		"variance": {
			withV("BatchNormalization", floatsOf("v", []int{2}, -2, -2), "x", "v", "v", "v", "v"), "the variance of channel 0",
		},
		"batch normalization's channels": {
			withV("BatchNormalization", floatsOf("v", []int{1}, 2), "x", "v", "v", "v", "v"), "1 values in v for 2 channels",
		},
		"flattened output": {oneNode(onnxNodeOf("Flatten", []string{"x"}, "y")), "output y: it is a flattened image"},
		"axis": {
			oneNode(onnxNodeOf("Softmax", []string{"x"}, "y", message{}.text(1, "axis").integer(3, 7))), "the dimension 7 of 4",
		},
		"softmax over rows": {oneNode(onnxNodeOf("Softmax", []string{"x"}, "y")), "over dimension -1"},
		"input type": {
			onnxModelOf(17, message{}.bytes(11, inputOf("x", onnxInt64, 1, 3))), "input x: its type must be float32",
		},
		"input shape": {
			onnxModelOf(17, message{}.bytes(11, inputOf("x", onnxFloat, 1, 3, 0, 0))), "isn't fixed",
		},
		"input size": {
			onnxModelOf(17, message{}.bytes(11, inputOf("x", onnxFloat, 1, 1<<30, 1<<30, 1<<30))), "too large",
		},
		"shared weights": {onnxModelOf(17, shared), "more than fits in memory here"},
		"many nodes": {
			onnxModelOf(17, slices.Concat(slices.Repeat([]message{message{}.bytes(1, nil)}, maxONNXNodes+1)...)),
			"more than 16384 nodes",
		},
		"many inputs": {
			onnxModelOf(17, message{}.bytes(1, slices.Concat(slices.Repeat([]message{message{}.bytes(1, nil)}, 1e5)...))),
			"more than 65536 inputs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := measured(t, readAlone, c.file)
			requireRefusal(t, err, c.want)
		})
	}
}

// TestReadONNXUnpacked: floats and integers may stand one by one.
func TestReadONNXUnpacked(t *testing.T) {
	w := message{}.text(8, "v").integer(2, onnxFloat).integer(1, 1).integer(1, 2).integer(1, 1).integer(1, 1)
	for _, v := range []float32{5, 7} {
		w = protowire.AppendFixed32(protowire.AppendTag(w, 4, protowire.Fixed32Type), math.Float32bits(v))
	}
	g, err := readAlone(oneNode(onnxNodeOf("Conv", []string{"x", "v"}, "y"), w))
	if err != nil {
		t.Fatal(err)
	}
	if got := float32s(g.Tensors[g.Nodes[0].Inputs[1]].Data); !slices.Equal(got, []float32{5, 7}) {
		t.Error(got)
	}
}

// chain is a network of a convolution and what follows it; nodes name their inputs.
func chain(nodes ...message) message {
	g := message{}.text(2, "g").bytes(11, inputOf("x", onnxFloat, 1, 2, 3, 3)).bytes(12, inputOf("y", 1)).
		bytes(5, floatsOf("w", []int{2, 2, 1, 1}, 1, 2, 3, 4)).bytes(1, onnxNodeOf("Conv", []string{"x", "w"}, "c"))
	for _, n := range nodes {
		g = g.bytes(1, n)
	}
	return onnxModelOf(17, g)
}

// TestReadONNXFollows: what may follow a convolution, in every way in which exporters write its constants.
func TestReadONNXFollows(t *testing.T) {
	six := protowire.AppendFixed32(protowire.AppendTag(message{}.text(1, "value_float"), 2, protowire.Fixed32Type),
		math.Float32bits(6))
	lo := onnxNodeOf("Constant", nil, "lo", message{}.text(1, "value_floats").bytes(7, make([]byte, 4)))
	hi := onnxNodeOf("Constant", nil, "hi", six)
	whole := onnxNodeOf("Constant", nil, "s",
		message{}.text(1, "value").bytes(5, message{}.integer(1, 2).integer(2, onnxInt64).bytes(7, []byte{1, 2})))
	listed := onnxNodeOf("Constant", nil, "s", intsOf("value_ints", 0, -1))
	mean := onnxNodeOf("GlobalAveragePool", []string{"c"}, "p")
	reshape := onnxNodeOf("Reshape", []string{"p", "s"}, "y")
	index := onnxNodeOf("Constant", nil, "at", message{}.text(1, "value_int").integer(3, 0))
	zero := onnxNodeOf("Constant", nil, "zero", intsOf("value_ints", 0))
	rest := onnxNodeOf("Constant", nil, "rest", intsOf("value_ints", -1))
	nine := onnxNodeOf("Constant", nil, "s9", intsOf("value_ints", 1, 2, 3, 3))
	keepNot := message{}.text(1, "keepdims").integer(3, 0)
	halfMean := onnxNodeOf("ReduceMean", []string{"c"}, "h", intsOf("axes", 3), keepNot)
	sameShape := onnxNodeOf("Constant", nil, "s", intsOf("value_ints", 1, -1, 3, 3))
	same := onnxNodeOf("Reshape", []string{"c", "s"}, "r")
	for name, c := range map[string]struct {
		file message
		want string
	}{
		"Clip":             {chain(lo, hi, onnxNodeOf("Clip", []string{"c", "lo", "hi"}, "y")), "Conv2D{2} 1×3×3×2"},
		"Clip without end": {chain(lo, onnxNodeOf("Clip", []string{"c", "lo"}, "y")), "Conv2D{1} 1×3×3×2"},
		"Identity": {
			chain(onnxNodeOf("Identity", []string{"c"}, "i"), onnxNodeOf("Relu", []string{"i"}, "y")), "Conv2D{1} 1×3×3×2",
		},
		"Dropout":           {chain(onnxNodeOf("Dropout", []string{"c"}, "y")), "Conv2D{0} 1×3×3×2"},
		"Flatten":           {chain(mean, onnxNodeOf("Flatten", []string{"p"}, "y")), "Conv2D{0} Mean Reshape 1×2"},
		"Flatten from here": {chain(mean, onnxNodeOf("Flatten", []string{"p"}, "y", axisOf(-3))), "Conv2D{0} Mean Reshape 1×2"},
		"Reshape by list":   {chain(mean, listed, reshape), "Conv2D{0} Mean Reshape 1×2"},
		"Reshape by tensor": {chain(mean, whole, reshape), "Conv2D{0} Mean Reshape 1×2"},
		"Reshape by size": {
			chain(mean, onnxNodeOf("Shape", []string{"p"}, "shape"), index, onnxNodeOf("Gather", []string{"shape", "at"}, "n"),
				zero, onnxNodeOf("Unsqueeze", []string{"n", "zero"}, "u"), rest, onnxNodeOf("Concat", []string{"u", "rest"}, "s"),
				reshape), "Conv2D{0} Mean Reshape 1×2",
		},
		"Squeeze by attribute": {
			chain(mean, onnxNodeOf("Squeeze", []string{"p"}, "y", intsOf("axes", 2, -1))), "Conv2D{0} Mean Reshape 1×2",
		},
		"Squeeze by input": {
			chain(mean, rest, onnxNodeOf("Squeeze", []string{"p", "rest"}, "q"),
				onnxNodeOf("Squeeze", []string{"q", "rest"}, "y")), "Conv2D{0} Mean Reshape 1×2",
		},
		"Squeeze all": {chain(mean, onnxNodeOf("Squeeze", []string{"p"}, "y")), "Conv2D{0} Mean Reshape 2"},
		"mean of means": {
			chain(halfMean, onnxNodeOf("ReduceMean", []string{"h"}, "y", intsOf("axes", -1), keepNot)), "Conv2D{0} Mean 1×2",
		},
		"Clip by attributes": {chain(onnxNodeOf("Clip", []string{"c"}, "y", floatOf("min", 0), floatOf("max", 6))), "Conv2D{2} 1×3×3×2"},
		"mean of a mean that stays": {
			chain(halfMean, onnxNodeOf("ReduceMean", []string{"h"}, "y", intsOf("axes", -1))), "Conv2D{0} Mean Mean Reshape 1×2×1",
		},
		"mean over all":       {chain(onnxNodeOf("ReduceMean", []string{"c"}, "y")), "Conv2D{0} Mean 1×1×1×1"},
		"mean over columns":   {chain(halfMean, onnxNodeOf("Identity", []string{"h"}, "y")), "Conv2D{0} Mean 1×3×2"},
		"mean over channels":  {chain(onnxNodeOf("ReduceMean", []string{"c"}, "y", intsOf("axes", 1))), "Conv2D{0} Mean 1×3×3×1"},
		"joined images":       {chain(onnxNodeOf("Concat", []string{"c", "c"}, "y", axisOf(1))), "Conv2D{0} Concatenation 1×3×3×4"},
		"joined along rows":   {chain(onnxNodeOf("Concat", []string{"c", "c"}, "y", axisOf(2))), "Conv2D{0} Concatenation 1×6×3×2"},
		"an activation alone": {chain(onnxNodeOf("Concat", []string{"c", "c"}, "j", axisOf(1)), onnxNodeOf("Relu", []string{"j"}, "y")), "Conv2D{0} Concatenation Rectifier 1×3×3×4"},
		"flattened sum":       {chain(onnxNodeOf("Flatten", []string{"c"}, "f"), onnxNodeOf("Add", []string{"f", "f"}, "z"), nine, onnxNodeOf("Reshape", []string{"z", "s9"}, "y")), "Conv2D{0} Add 1×3×3×2"},
		"used twice":          {chain(onnxNodeOf("Relu", []string{"c"}, "z"), onnxNodeOf("Add", []string{"z", "c"}, "y")), "Conv2D{0} Rectifier Add 1×3×3×2"},
		"transposed and back": {chain(onnxNodeOf("Transpose", []string{"c"}, "t", intsOf("perm", 0, 2, 3, 1)), onnxNodeOf("Relu", []string{"t"}, "u"), onnxNodeOf("Transpose", []string{"u"}, "y", intsOf("perm", 0, 3, 1, 2))), "Conv2D{1} 1×3×3×2"},
		"dead ends":           {chain(onnxNodeOf("LSTM", []string{"c"}, "z"), onnxNodeOf("Relu", []string{"c"}, "y")), "Conv2D{1} 1×3×3×2"},
		"factor and offset":   {chain(hi, onnxNodeOf("Mul", []string{"c", "hi"}, "m"), onnxNodeOf("Sub", []string{"hi", "m"}, "y")), "Conv2D{0} 1×3×3×2"},
		"hard sigmoid":        {chain(onnxNodeOf("HardSigmoid", []string{"c"}, "y")), "Conv2D{2} DepthwiseConv2D 1×3×3×2"},
		"ceil_mode": {
			chain(onnxNodeOf("MaxPool", []string{"c"}, "y", intsOf("kernel_shape", 2, 2), intsOf("strides", 2, 2),
				message{}.text(1, "ceil_mode").integer(3, 1))), "Conv2D{0} MaxPool2D 1×2×2×2",
		},
		"padded maximum": {
			chain(onnxNodeOf("Relu", []string{"c"}, "r"), onnxNodeOf("MaxPool", []string{"r"}, "y",
				intsOf("kernel_shape", 2, 2), intsOf("pads", 1, 1, 0, 0))), "Conv2D{1} Pad MaxPool2D 1×3×3×2",
		},
		"greatest": {chain(onnxNodeOf("ReduceMax", []string{"c"}, "y", intsOf("axes", 2, 3), keepNot)), "Conv2D{0} MaxPool2D Reshape 1×2"},
		"Reshape to the same": {
			chain(sameShape, same, onnxNodeOf("Relu", []string{"r"}, "y")), "Conv2D{1} 1×3×3×2",
		},
	} {
		g, err := readAlone(c.file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, n := range g.Nodes {
			if conv, ok := n.Op.(Conv2D); ok {
				got = append(got, fmt.Sprintf("Conv2D{%d}", conv.Activation))
				continue
			}
			got = append(got, OpName(n.Op))
		}
		got = append(got, shapeString(g.Tensors[g.Outputs[0]].Shape))
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", name, s, c.want)
		}
	}
	for name, c := range map[string]struct {
		file message
		want string
	}{
		"padded average": {
			chain(onnxNodeOf("AveragePool", []string{"c"}, "y", intsOf("kernel_shape", 2, 2), intsOf("pads", 1, 1, 0, 0))),
			"pads of [1 1 0 0]",
		},
		"padded maximum": {
			chain(onnxNodeOf("MaxPool", []string{"c"}, "y", intsOf("kernel_shape", 2, 2), intsOf("pads", 1, 1, 0, 0))),
			"pads of [1 1 0 0]",
		},
		"kernel_shape":    {chain(onnxNodeOf("MaxPool", []string{"c"}, "y", intsOf("kernel_shape", 0, 2))), "of [0 2]"},
		"mask":            {chain(onnxNodeOf("Dropout", []string{"c"}, "d").text(2, "y")), "its mask y is used"},
		"training":        {chain(onnxNodeOf("Dropout", []string{"c", "", "w"}, "y")), "it is in training mode"},
		"no constant":     {chain(onnxNodeOf("Constant", nil, "k"), onnxNodeOf("Reshape", []string{"c", "k"}, "y")), "its value is neither"},
		"empty constant":  {chain(onnxNodeOf("Constant", nil, "k", message{}.text(1, "value")), onnxNodeOf("Reshape", []string{"c", "k"}, "y")), "its value is missing"},
		"float shape":     {chain(hi, onnxNodeOf("Reshape", []string{"c", "hi"}, "y")), "type float32, not int64"},
		"flattened twice": {chain(onnxNodeOf("Flatten", []string{"c"}, "f"), onnxNodeOf("Flatten", []string{"f"}, "y", axisOf(0))), "y: it is a flattened image"},
		"long list": {
			chain(rest, onnxNodeOf("Concat", slices.Repeat([]string{"rest"}, 65), "z"), onnxNodeOf("Reshape", []string{"c", "z"}, "y")),
			"65 integers",
		},
		"moved": {
			chain(onnxNodeOf("Transpose", []string{"c"}, "t"), onnxNodeOf("GlobalAveragePool", []string{"t"}, "y")), "in another order",
		},
		"softmax over rows": {chain(halfMean, onnxNodeOf("Softmax", []string{"h"}, "y")), "only over the channels"},
		"images of other shapes": {
			chain(onnxNodeOf("GlobalAveragePool", []string{"c"}, "p"), onnxNodeOf("Concat", []string{"c", "p"}, "y", axisOf(1))), "don't fit along",
		},
		"squeezed too much": {
			chain(onnxNodeOf("Squeeze", []string{"c"}, "y", intsOf("axes", 1))), "dimension 1 of 1×2×3×3 can't be left out",
		},
		"squeezed outside": {chain(onnxNodeOf("Squeeze", []string{"c"}, "y", intsOf("axes", 9))), "dimension 9"},
		"joined nothing":   {chain(onnxNodeOf("Concat", nil, "y")), "input 0 is missing"},
		"beyond a list": {
			chain(rest, onnxNodeOf("Constant", nil, "two", intsOf("value_ints", 2)), onnxNodeOf("Gather", []string{"rest", "two"}, "z"),
				onnxNodeOf("Reshape", []string{"c", "z"}, "y")), "of a list of 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAlone(c.file)
			requireRefusal(t, err, c.want)
		})
	}
}

// TestReadONNXBeside: weights in a second file, as PyTorch's exporter writes them unless it is told otherwise.
func TestReadONNXBeside(t *testing.T) {
	part := func(pairs ...string) message {
		m := message{}.text(8, "v").integer(2, onnxFloat)
		for _, d := range []int{2, 2, 1, 1} {
			m = m.integer(1, d)
		}
		for i := 0; i < len(pairs); i += 2 {
			m = m.bytes(13, message{}.text(1, pairs[i]).text(2, pairs[i+1]))
		}
		return oneNode(onnxNodeOf("Conv", []string{"x", "v"}, "y"), m.integer(14, 1))
	}
	data := make([]byte, 8)
	for _, v := range []float32{5, 6, 7, 8} {
		data = appendFloat32(data, v)
	}
	beside := func(name string) ([]byte, error) {
		if name != "x.data" {
			return nil, fmt.Errorf("%s isn't there", name)
		}
		return data, nil
	}
	for _, pairs := range [][]string{
		{"location", "x.data", "offset", "8", "length", "16"},
		{"location", "x.data", "offset", "8", "checksum", "whatever"},
	} {
		g, err := ReadONNX(part(pairs...), beside)
		if err != nil {
			t.Fatal(err)
		}
		if got := float32s(g.Tensors[g.Nodes[0].Inputs[1]].Data); !slices.Equal(got, []float32{5, 6, 7, 8}) {
			t.Error(got)
		}
	}
	for want, pairs := range map[string][]string{
		"y.data isn't there":           {"location", "y.data"},
		"16 bytes from 12 on":          {"location", "x.data", "offset", "12", "length", "16"},
		"0 bytes from 30 on":           {"location", "x.data", "offset", "30"},
		"external data with the off":   {"location", "x.data", "offset", "-1"},
		"external data with the len":   {"location", "x.data", "length", "99999999999999999999"},
		"24 bytes of data don't fit t": {"location", "x.data"},
	} {
		_, err := ReadONNX(part(pairs...), beside)
		requireRefusal(t, err, want)
	}
}

func floatOf(name string, v float32) message {
	return protowire.AppendFixed32(protowire.AppendTag(message{}.text(1, name), 2, protowire.Fixed32Type), math.Float32bits(v))
}

func axisOf(axis int) message { return message{}.text(1, "axis").integer(3, axis) }

// TestReadONNXDamaged: whatever a damaged file holds, there is an error or a sound graph.
func TestReadONNXDamaged(t *testing.T) {
	for _, path := range onnxFixtures(t) {
		good := readFile(t, path)
		rng := rand.New(rand.NewPCG(4, 5))
		for i := range 600 {
			b := slices.Clone(good)
			if i%3 == 0 {
				b = b[:rng.IntN(len(b))]
			}
			for range 1 + rng.IntN(4) {
				b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
			}
			if g, err := readAlone(b); err == nil {
				if err := g.Check(); err != nil {
					t.Fatalf("%s: accepted: %v", path, err)
				}
			}
		}
	}
}

// FuzzReadONNX: no panic, little memory, and what is accepted can be written as .tflite and is read back equal.
func FuzzReadONNX(f *testing.F) {
	quantized, _ := filepath.Glob(filepath.Join("testdata", "quantized", "*.onnx"))
	for _, path := range append(onnxFixtures(f), quantized...) {
		f.Add(readFile(f, path))
	}
	f.Add([]byte(oneNode(onnxNodeOf("Conv", []string{"x", "w"}, "y", intsOf("pads", 1, 0, 1, 2)))))
	f.Add([]byte(oneNode(onnxNodeOf("Conv", []string{"x", "v"}, "y"), message{}.text(8, "v").integer(2, onnxFloat).
		integer(1, 2).integer(1, 2).integer(1, 1).integer(1, 1).integer(14, 1).
		bytes(13, message{}.text(1, "location").text(2, "f")).bytes(13, message{}.text(1, "length").text(2, "16")))))
	beside := func(string) ([]byte, error) { return make([]byte, 64), nil }
	read := func(b []byte) (*Graph, error) { return ReadONNX(b, beside) }
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := measured(t, read, b)
		if err != nil {
			return
		}
		for i := range g.Nodes {
			g.Nodes[i].Name = ""
		}
		for i := range g.Tensors { // .tflite has no scales for float32
			g.Tensors[i].Quant, g.Tensors[i].Axis = nil, 0
		}
		requireEqual(t, roundTrip(t, g), g)
	})
}

// TestONNXLists holds that elements in a list of varints, each in a byte, take no more memory than they must, and none if
// their type can't be used.
func TestONNXLists(t *testing.T) {
	const count = 4 << 20
	for kind, most := range map[int]int{onnxFloat16: 2*count + 4*count, onnxInt64: 0} {
		list := &onnxTensor{kind: kind, dims: []int{count}, varints: make([]byte, count)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		data, err := list.floats()
		runtime.ReadMemStats(&after)
		if (err == nil) != (most > 0) || len(data) > most {
			t.Errorf("type %d: %d bytes, %v", kind, len(data), err)
		}
		if took := int(after.TotalAlloc - before.TotalAlloc); took > most+1<<20 {
			t.Errorf("type %d: %d bytes of memory, want at most %d", kind, took, most)
		}
	}
	short := &onnxTensor{kind: onnxInt32, dims: []int{3}, varints: []byte{1, 0x80, 2}} // two, of one and two bytes
	if _, err := short.data(); err == nil {
		t.Error("two elements are three")
	}
}
