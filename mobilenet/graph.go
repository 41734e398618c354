package mobilenet

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"edge/model"
	"edge/quant"
)

// Graph returns the network in int8 with random weights, the same for the same seed. It costs what a trained one
// costs, and every layer's values are well spread: about half of the values before a ReLU6 are positive, few are
// clipped, and different pictures give different classes. Which ones means nothing.
func (b *Blueprint) Graph(seed uint64) *model.Graph {
	w := &weaver{rng: rand.New(rand.NewPCG(seed, 0)), graph: &model.Graph{Name: "MobileNet " + b.Name()}}
	g := w.graph
	g.Normalization = &model.Normalization{Mean: [3]float32{128, 128, 128}, Std: [3]float32{128, 128, 128}}
	input := w.activation("input", b.Resolution, 3, model.Quant{Scale: 1. / 128}, spread{variance: 0.25})
	g.Inputs = []int{input}
	outputs := make([]int, len(b.Layers))
	last := input
	for i, l := range b.Layers {
		switch l.Kind {
		case Add:
			last = w.add(l, outputs[l.Shortcut], last)
		case Excite:
			last = w.excite(l, outputs[l.Shortcut], last)
		case Pool:
			last = w.pool(l, last)
		default:
			last = w.convolution(l, last)
		}
		outputs[i] = last
	}
	g.Outputs = []int{w.probabilities(last, b.Classes)}
	return g
}

// weaver makes a graph, node by node.
type weaver struct {
	graph   *model.Graph
	rng     *rand.Rand
	spreads []spread // of each tensor
}

// spread is what is expected of a tensor's real values.
type spread struct{ mean, variance float64 }

// A convolution's sums before its function are to have this standard deviation and mean, so that few exceed 6; a linear
// layer's to have 1; and the logits one that makes the highest of a thousand classes stand out.
const (
	reluDeviation, reluMean = 2, 0.5
	logitDeviation          = 4
	widest                  = reluMean + 4*reluDeviation // what few sums exceed
)

// after is the spread of such sums after their function (by numerical integration of the normal distribution).
var after = map[Function]spread{
	Relu6:     {mean: 1.07, variance: 1.76},
	Relu:      {mean: 1.07, variance: 1.78},
	HardSwish: {mean: 0.86, variance: 1.91},
}

func (w *weaver) activation(name string, size, channels int, q model.Quant, s spread) int {
	return w.tensor(model.Tensor{
		Name: name, Type: model.Int8, Shape: []int{1, size, size, channels}, Quant: []model.Quant{q},
	}, s)
}

func (w *weaver) tensor(t model.Tensor, s spread) int {
	w.graph.Tensors = append(w.graph.Tensors, t)
	w.spreads = append(w.spreads, s)
	return len(w.spreads) - 1
}

func (w *weaver) node(op model.Op, out int, in ...int) int {
	w.graph.Nodes = append(w.graph.Nodes, model.Node{Op: op, Inputs: in, Outputs: []int{out}})
	return out
}

func (w *weaver) convolution(l Layer, in int) int {
	deviation, mean := 1., 0.
	switch {
	case l.Function == HardSigmoid:
		mean = 1
	case l.Function != Linear:
		deviation, mean = reluDeviation, reluMean
	case l.Kind == Classify:
		deviation = logitDeviation
	}
	out, fused := 0, model.None
	switch l.Function {
	case Relu6:
		fused = model.Relu6
		out = w.activation(l.Name, l.Size, l.Out, model.Quant{Scale: 6. / 255, ZeroPoint: -128}, after[Relu6])
	case Relu:
		fused = model.Relu
		out = w.activation(l.Name, l.Size, l.Out, model.Quant{Scale: widest / 255, ZeroPoint: -128}, after[Relu])
	default:
		name := l.Name
		if l.Function != Linear {
			name += "/sum"
		}
		out = w.activation(name, l.Size, l.Out, linearQuant(deviation), spread{mean, deviation * deviation})
	}
	inputs := l.In
	shape := []int{l.Out, 1, 1, l.In}
	axis := 0
	switch l.Kind {
	case Stem:
		inputs, shape = l.Kernel*l.Kernel*l.In, []int{l.Out, l.Kernel, l.Kernel, l.In}
	case Depthwise:
		inputs, shape, axis = l.Kernel*l.Kernel, []int{1, l.Kernel, l.Kernel, l.Out}, 3
	}
	weights, bias := w.weights(l, in, inputs, shape, axis, deviation, mean)
	window := model.Window{StrideH: l.Stride, StrideW: l.Stride, Padding: model.Same}
	if l.Kind == Depthwise {
		w.node(model.DepthwiseConv2D{Window: window, Multiplier: 1, Activation: fused}, out, in, weights, bias)
	} else {
		w.node(model.Conv2D{Window: window, Activation: fused}, out, in, weights, bias)
	}
	switch l.Function {
	case HardSwish:
		return w.hardSwish(l, out)
	case HardSigmoid:
		return w.hardSigmoid(l, out)
	}
	return out
}

// hardSwish's values begin at −3/8.
func (w *weaver) hardSwish(l Layer, in int) int {
	const least = -3. / 8
	scale := float32((widest - least) / 255)
	zero := -128 + quant.Saturate(math.Round(float64(-least/scale)))
	out := w.activation(l.Name, l.Size, l.Out, model.Quant{Scale: scale, ZeroPoint: zero}, after[HardSwish])
	return w.node(model.HardSwish{}, out, in)
}

// hardSigmoid consists of the operations that TensorFlow's converter writes: a sum with 3 that is clamped to [0, 6], and a product
// with 1/6.
func (w *weaver) hardSigmoid(l Layer, in int) int {
	x := w.spreads[in]
	sum := w.activation(l.Name+"/plus3", l.Size, l.Out, model.Quant{Scale: 6. / 255, ZeroPoint: -128}, spread{})
	w.node(model.Add{Activation: model.Relu6}, sum, in, w.number(l.Name+"/3", 3))
	out := w.activation(l.Name, l.Size, l.Out, model.Quant{Scale: 1. / 255, ZeroPoint: -128},
		spread{(x.mean + 3) / 6, x.variance / 36})
	return w.node(model.Mul{}, out, sum, w.number(l.Name+"/sixth", 1./6))
}

// number is a constant.
func (w *weaver) number(name string, real float64) int {
	return w.tensor(model.Tensor{
		Name: name, Type: model.Int8, Data: []byte{127}, Quant: []model.Quant{{Scale: float32(real / 127)}},
	}, spread{})
}

// excite multiplies by numbers in [0, 1].
func (w *weaver) excite(l Layer, x, gate int) int {
	s, g := w.spreads[x], w.spreads[gate]
	s.mean *= g.mean
	s.variance *= g.mean * g.mean
	out := w.activation(l.Name, l.Size, l.Out, w.graph.Tensors[x].Quant[0], s)
	return w.node(model.Mul{}, out, x, gate)
}

// linearQuant covers four standard deviations on both sides of zero.
func linearQuant(deviation float64) model.Quant {
	return model.Quant{Scale: float32(8 * deviation / 255), ZeroPoint: 3}
}

// weights makes uniformly distributed weights with a scale for each output channel. Those of a channel are such that
// its sums over that many inputs get the deviation; its bias takes away what the inputs' mean adds to each of them, and
// adds mean, as batch normalization does in a trained network.
func (w *weaver) weights(l Layer, in, inputs int, shape []int, axis int, deviation, mean float64) (weights, bias int) {
	const uniform = 127 / 1.7320508 // 127/√3: the deviation of a uniform distribution in ±127
	before := w.spreads[in]
	scale := deviation / math.Sqrt(float64(inputs)*before.variance) / uniform
	t := model.Tensor{Name: l.Name + "/weights", Type: model.Int8, Shape: shape, Axis: axis}
	b := model.Tensor{Name: l.Name + "/bias", Type: model.Int32, Shape: []int{l.Out}, Data: make([]byte, 4*l.Out)}
	for range l.Out {
		q := model.Quant{Scale: float32(scale * (0.75 + 0.5*w.rng.Float64()))}
		t.Quant = append(t.Quant, q)
		b.Quant = append(b.Quant, model.Quant{Scale: q.Scale * w.graph.Tensors[in].Quant[0].Scale})
	}
	t.Data = make([]byte, inputs*l.Out)
	sums := make([]int, l.Out) // of each output channel's weights
	for i := range t.Data {
		v := w.rng.IntN(255) - 127
		t.Data[i] = byte(int8(v))
		if axis == 0 {
			sums[i/inputs] += v
		} else {
			sums[i%l.Out] += v
		}
	}
	for c, sum := range sums {
		real := mean - float64(before.mean*float64(sum)*float64(t.Quant[c].Scale)) // rounded twice on every machine
		q := quant.Saturate(math.Round(real / float64(b.Quant[c].Scale)))
		binary.LittleEndian.PutUint32(b.Data[4*c:], uint32(q))
	}
	return w.tensor(t, spread{}), w.tensor(b, spread{})
}

func (w *weaver) add(l Layer, a, b int) int {
	variance := w.spreads[a].variance + w.spreads[b].variance
	out := w.activation(l.Name, l.Size, l.Out, linearQuant(math.Sqrt(variance)), spread{variance: variance})
	return w.node(model.Add{}, out, a, b)
}

// pool is the mean over the picture. What differs between pixels cancels out in it; what differs between channels,
// found to be a seventh of the variance, stays.
func (w *weaver) pool(l Layer, in int) int {
	x := &w.graph.Tensors[in]
	s := w.spreads[in]
	s.variance /= 7
	size := x.Shape[1]
	out := w.activation(l.Name, 1, l.Out, x.Quant[0], s)
	return w.node(model.AveragePool2D{
		Window:  model.Window{StrideH: 1, StrideW: 1, Padding: model.Valid},
		KernelH: size, KernelW: size,
	}, out, in)
}

// probabilities ends the network as the published ones end.
func (w *weaver) probabilities(logits, classes int) int {
	flat := w.tensor(model.Tensor{
		Name: "logits", Type: model.Int8, Shape: []int{1, classes},
		Quant: w.graph.Tensors[logits].Quant,
	}, spread{})
	w.node(model.Reshape{}, flat, logits)
	out := w.tensor(model.Tensor{
		Name: "probabilities", Type: model.Int8, Shape: []int{1, classes},
		Quant: []model.Quant{{Scale: 1. / 256, ZeroPoint: -128}},
	}, spread{})
	return w.node(model.Softmax{Beta: 1}, out, flat)
}
