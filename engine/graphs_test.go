package engine_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"edge/model"
)

// Small graphs with random weights that between them reach every operation, stride, padding, odd size, zero point and
// shift. What they compute is meaningless; that every value in them is well spread matters.

// builder adds nodes to a graph, one after the other.
type builder struct {
	model.Graph
	rng *rand.Rand
	typ model.Type // of activations
}

func newBuilder(name string, typ model.Type) *builder {
	seed := uint64(0)
	for _, c := range []byte(name) {
		seed = seed*131 + uint64(c)
	}
	return &builder{Graph: model.Graph{Name: name}, rng: rand.New(rand.NewPCG(seed, 1)), typ: typ}
}

// activation adds a tensor that one node will write.
func (b *builder) activation(typ model.Type, scale float32, shape ...int) int {
	t := model.Tensor{Name: fmt.Sprintf("t%d", len(b.Tensors)), Type: typ, Shape: shape}
	if typ != model.Float32 {
		t.Quant = []model.Quant{{Scale: scale, ZeroPoint: b.zeroPoint(typ)}}
	}
	b.Tensors = append(b.Tensors, t)
	return len(b.Tensors) - 1
}

func (b *builder) zeroPoint(typ model.Type) int32 {
	z := []int32{0, 128, int32(b.rng.IntN(200))}[b.rng.IntN(3)] // not too high: there is to be room above it
	if typ == model.Int8 {
		z -= 128
	}
	return z
}

func (b *builder) input(shape ...int) int {
	t := b.activation(b.typ, 0.05, shape...)
	b.Inputs = append(b.Inputs, t)
	return t
}

func (b *builder) node(op model.Op, out int, in ...int) int {
	b.Nodes = append(b.Nodes, model.Node{Op: op, Inputs: in, Outputs: []int{out}})
	return out
}

func (b *builder) output(t int) *model.Graph {
	b.Outputs = append(b.Outputs, t)
	return &b.Graph
}

// weights adds constant weights: u8 of one scale, or s8 with a scale for each of channels along axis (1: one scale).
func (b *builder) weights(channels, axis int, shape ...int) int {
	t := model.Tensor{Name: fmt.Sprintf("w%d", len(b.Tensors)), Type: b.typ, Shape: shape, Axis: axis}
	t.Data = make([]byte, model.Elements(shape))
	for i := range t.Data {
		t.Data[i] = byte(b.rng.IntN(256))
		if b.typ == model.Int8 && t.Data[i] == 128 { // −128 isn't used by symmetric weights
			t.Data[i] = 129
		}
	}
	switch b.typ {
	case model.Uint8:
		zero := []int32{0, 255, 128, 100 + int32(b.rng.IntN(60))}[b.rng.IntN(4)]
		t.Quant = []model.Quant{{Scale: 0.01, ZeroPoint: zero}}
	default:
		for range channels {
			t.Quant = append(t.Quant, model.Quant{Scale: 0.005 * (1 + b.rng.Float32()*3)})
		}
	}
	b.Tensors = append(b.Tensors, t)
	return len(b.Tensors) - 1
}

// constant adds an operand that is constant.
func (b *builder) constant(scale float32, shape ...int) int {
	i := b.activation(b.typ, scale, shape...)
	t := &b.Tensors[i]
	t.Data = make([]byte, model.Elements(shape))
	for k := range t.Data {
		for t.Data[k] = byte(t.Quant[0].ZeroPoint); t.Data[k] == byte(t.Quant[0].ZeroPoint); { // a divisor isn't 0
			t.Data[k] = byte(b.rng.IntN(256))
		}
	}
	return i
}

func (b *builder) bias(in, w, channels int) int {
	t := model.Tensor{Name: fmt.Sprintf("b%d", len(b.Tensors)), Type: model.Int32, Shape: []int{channels}}
	for _, q := range b.Tensors[w].Quant {
		t.Quant = append(t.Quant, model.Quant{Scale: b.Tensors[in].Quant[0].Scale * q.Scale})
	}
	t.Data = make([]byte, 4*channels)
	for i := range channels {
		binary.LittleEndian.PutUint32(t.Data[4*i:], uint32(int32(b.rng.IntN(8001)-4000)))
	}
	b.Tensors = append(b.Tensors, t)
	return len(b.Tensors) - 1
}

// outScale is such that a convolution's multiplier is about 1/range: below 1 the shift is left.
func (b *builder) outScale(in, w int, spread float32) float32 {
	return b.Tensors[in].Quant[0].Scale * b.Tensors[w].Quant[0].Scale * spread
}

func (b *builder) conv(in, out, kernelH, kernelW int, w model.Window, act model.Activation, spread float32) int {
	s := b.Tensors[in].Shape
	weights := b.weights(out, 0, out, kernelH, kernelW, s[3])
	bias := b.bias(in, weights, out)
	o := b.activation(b.typ, b.outScale(in, weights, spread), 1, size(s[1], kernelH, w.StrideH, w.Padding),
		size(s[2], kernelW, w.StrideW, w.Padding), out)
	return b.node(model.Conv2D{Window: w, Activation: act}, o, in, weights, bias)
}

func (b *builder) grouped(in, out, kernel, groups int, w model.Window, act model.Activation, spread float32) int {
	s := b.Tensors[in].Shape
	weights := b.weights(out, 0, out, kernel, kernel, s[3]/groups)
	bias := b.bias(in, weights, out)
	o := b.activation(b.typ, b.outScale(in, weights, spread), 1, size(s[1], kernel, w.StrideH, w.Padding),
		size(s[2], kernel, w.StrideW, w.Padding), out)
	return b.node(model.Conv2D{Window: w, Activation: act}, o, in, weights, bias)
}

func (b *builder) depthwise(in, kernelH, kernelW, multiplier int, w model.Window, act model.Activation, spread float32) int {
	s := b.Tensors[in].Shape
	out := s[3] * multiplier
	weights := b.weights(out, 3, 1, kernelH, kernelW, out)
	bias := b.bias(in, weights, out)
	o := b.activation(b.typ, b.outScale(in, weights, spread), 1, size(s[1], kernelH, w.StrideH, w.Padding),
		size(s[2], kernelW, w.StrideW, w.Padding), out)
	return b.node(model.DepthwiseConv2D{Window: w, Multiplier: multiplier, Activation: act}, o, in, weights, bias)
}

func (b *builder) fullyConnected(in, out int, act model.Activation, spread float32) int {
	k := model.Elements(b.Tensors[in].Shape)
	weights := b.weights(1, 0, out, k)
	bias := b.bias(in, weights, out)
	o := b.activation(b.typ, b.outScale(in, weights, spread), 1, out)
	return b.node(model.FullyConnected{Activation: act}, o, in, weights, bias)
}

func (b *builder) pool(in, kernelH, kernelW int, w model.Window, act model.Activation, average bool) int {
	s := b.Tensors[in].Shape
	o := b.like(in, 1, size(s[1], kernelH, w.StrideH, w.Padding), size(s[2], kernelW, w.StrideW, w.Padding), s[3])
	if average {
		return b.node(model.AveragePool2D{Window: w, KernelH: kernelH, KernelW: kernelW, Activation: act}, o, in)
	}
	return b.node(model.MaxPool2D{Window: w, KernelH: kernelH, KernelW: kernelW, Activation: act}, o, in)
}

// like adds a tensor that is quantized as t is.
func (b *builder) like(t int, shape ...int) int {
	o := b.activation(b.typ, 1, shape...)
	b.Tensors[o].Quant = b.Tensors[t].Quant
	return o
}

// softmax adds the usual end: probabilities in steps of 1/256.
func (b *builder) softmax(in int, beta float32) int {
	return b.node(model.Softmax{Beta: beta}, b.probabilities(in), in)
}

func (b *builder) probabilities(in int) int {
	o := b.activation(b.typ, 1./256, b.Tensors[in].Shape...)
	b.Tensors[o].Quant[0].ZeroPoint = 0
	if b.typ == model.Int8 {
		b.Tensors[o].Quant[0].ZeroPoint = -128
	}
	return o
}

func size(in, kernel, stride int, p model.Padding) int {
	if p == model.Same {
		return (in + stride - 1) / stride
	}
	return (in - kernel + stride) / stride
}

func window(strideH, strideW int, p model.Padding) model.Window {
	return model.Window{StrideH: strideH, StrideW: strideW, Padding: p}
}

// smallGraphs builds them all.
func smallGraphs() []*model.Graph {
	var all []*model.Graph
	for _, typ := range []model.Type{model.Uint8, model.Int8} {
		add := func(name string, build func(b *builder) int) {
			b := newBuilder(fmt.Sprintf("%s-%s", typ, name), typ)
			all = append(all, b.output(build(b)))
		}
		same, valid := model.Same, model.Valid
		activations := []model.Activation{model.None, model.Relu, model.Relu6, model.ReluN1To1}

		// Pointwise, with each kind of shift: multipliers about 2, 0.7, 1/3, 1/40, 1/1000.
		for i, spread := range []float32{0.5, 1.4, 3, 40, 1000} {
			act := activations[i%4]
			add(fmt.Sprintf("pointwise-%g", spread), func(b *builder) int {
				return b.conv(b.input(1, 5, 7, 19), 37, 1, 1, window(1, 1, same), act, spread)
			})
			add(fmt.Sprintf("depthwise-%g", spread), func(b *builder) int {
				return b.depthwise(b.input(1, 7, 6, 21), 3, 3, 1, window(1, 1, same), act, spread)
			})
			add(fmt.Sprintf("fully-connected-%g", spread), func(b *builder) int {
				return b.fullyConnected(b.input(1, 40), 300, model.None, 5*spread)
			})
		}
		for i, act := range activations {
			add(fmt.Sprintf("activation-%d", i), func(b *builder) int {
				t := b.conv(b.input(1, 6, 6, 8), 16, 1, 1, window(1, 1, same), act, 60)
				t = b.depthwise(t, 3, 3, 1, window(1, 1, same), act, 40)
				return b.fullyConnected(t, 9, act, 300)
			})
		}
		for _, p := range []model.Padding{same, valid} {
			for _, k := range [][4]int{{3, 3, 1, 1}, {3, 3, 2, 2}, {5, 5, 1, 1}, {5, 5, 2, 2}, {2, 4, 1, 3}, {1, 1, 2, 2}, {7, 3, 3, 2}} {
				if k[0] == 1 && p == valid {
					continue
				}
				shape := []int{1, 9 + k[0]%2, 12, 3 + k[1]}
				add(fmt.Sprintf("conv-%dx%d-%d,%d-%d", k[0], k[1], k[2], k[3], p), func(b *builder) int {
					return b.conv(b.input(shape...), 11, k[0], k[1], window(k[2], k[3], p), model.Relu6, 90)
				})
				if k[2] != k[3] { // TensorFlow Lite's depthwise kernels take both strides, so do we
					continue
				}
				add(fmt.Sprintf("depthwise-%dx%d-%d-%d", k[0], k[1], k[2], p), func(b *builder) int {
					return b.depthwise(b.input(1, 11, 8, 34), k[0], k[1], 1, window(k[2], k[3], p), model.Relu, 50)
				})
			}
		}
		add("multiplier-3", func(b *builder) int {
			return b.depthwise(b.input(1, 6, 5, 4), 3, 3, 3, window(1, 1, same), model.None, 40)
		})
		add("multiplier-from-1", func(b *builder) int {
			return b.depthwise(b.input(1, 8, 8, 1), 3, 3, 8, window(2, 2, same), model.None, 40)
		})
		add("residual", func(b *builder) int {
			in := b.input(1, 8, 8, 8)
			t := b.conv(in, 48, 1, 1, window(1, 1, same), model.Relu6, 50)
			t = b.depthwise(t, 3, 3, 1, window(1, 1, same), model.Relu6, 30)
			t = b.conv(t, 8, 1, 1, window(1, 1, same), model.None, 400)
			o := b.activation(typ, 3*b.Tensors[t].Quant[0].Scale, 1, 8, 8, 8)
			return b.node(model.Add{}, o, in, t)
		})
		for i, act := range activations {
			add(fmt.Sprintf("add-%d", i), func(b *builder) int {
				x, y := b.input(1, 4, 5, 3), b.input(1, 4, 5, 3)
				b.Tensors[y].Quant[0].Scale = []float32{0.05, 0.1, 0.013, 0.4}[i]
				o := b.activation(typ, []float32{0.1, 0.06, 0.05, 0.01}[i], 1, 4, 5, 3)
				return b.node(model.Add{Activation: act}, o, x, y)
			})
		}
		add("add-broadcast", func(b *builder) int {
			x, y := b.input(1, 4, 5, 6), b.input(1, 1, 1, 6)
			return b.node(model.Add{}, b.activation(typ, 0.1, 1, 4, 5, 6), x, y)
		})
		for _, average := range []bool{true, false} {
			for i, k := range [][4]int{{2, 2, 2, 2}, {3, 3, 1, 1}, {3, 3, 2, 2}, {7, 7, 1, 1}, {2, 5, 3, 1}} {
				p := []model.Padding{same, valid}[i%2]
				add(fmt.Sprintf("pool-%v-%dx%d-%d", average, k[0], k[1], p), func(b *builder) int {
					return b.pool(b.input(1, 7, 9, 13), k[0], k[1], window(k[2], k[3], p), activations[i%4], average)
				})
			}
		}
		for i, size := range []int{7, 20} { // whole pictures, of more pixels than 16 bits can sum, too
			add(fmt.Sprintf("pool-global-%d", size), func(b *builder) int {
				return b.pool(b.input(1, size, size-1, 13+8*i), size, size-1, window(1, 1, valid), activations[2*i], true)
			})
			add(fmt.Sprintf("mean-global-%d", size), func(b *builder) int {
				in := b.input(1, size, size-1, 21)
				return b.node(model.Mean{Axes: []int{1, 2}}, b.activation(typ, 0.03, 1, 21), in)
			})
		}
		for _, keep := range []bool{true, false} {
			for i, axes := range [][]int{{1, 2}, {1}, {3}, {2, 3}} {
				add(fmt.Sprintf("mean-%v-%v", axes, keep), func(b *builder) int {
					in := b.input(1, 5, 6, 7)
					var shape []int
					for d, n := range b.Tensors[in].Shape {
						averaged := false
						for _, a := range axes {
							averaged = averaged || a == d
						}
						switch {
						case !averaged:
							shape = append(shape, n)
						case keep:
							shape = append(shape, 1)
						}
					}
					o := b.activation(typ, []float32{0.05, 0.03, 0.02, 0.11}[i], shape...)
					return b.node(model.Mean{Axes: axes, KeepDims: keep}, o, in)
				})
			}
		}
		add("mean-same-scale", func(b *builder) int {
			in := b.input(1, 7, 7, 20)
			return b.node(model.Mean{Axes: []int{1, 2}, KeepDims: true}, b.like(in, 1, 1, 1, 20), in)
		})
		add("pad", func(b *builder) int {
			in := b.input(1, 5, 4, 3)
			t := b.node(model.Pad{Before: []int{0, 1, 0, 0}, After: []int{0, 2, 1, 0}}, b.like(in, 1, 8, 5, 3), in)
			return b.conv(t, 5, 3, 3, window(2, 2, valid), model.Relu6, 60)
		})
		add("pad-channels", func(b *builder) int {
			in := b.input(1, 2, 3, 4)
			return b.node(model.Pad{Before: []int{0, 0, 1, 2}, After: []int{0, 0, 0, 1}}, b.like(in, 1, 2, 4, 7), in)
		})
		add("reshape-squeeze", func(b *builder) int {
			in := b.input(1, 4, 4, 8)
			t := b.pool(in, 4, 4, window(1, 1, valid), model.None, true)
			t = b.node(model.Squeeze{}, b.like(t, 8), t)
			t = b.node(model.Reshape{}, b.like(t, 1, 8), t)
			return b.fullyConnected(t, 5, model.None, 90)
		})
		for i, beta := range []float32{1, 0.5, 2} {
			for _, classes := range []int{2, 10, 500} { // the reference aborts on a flat distribution of more than 512
				add(fmt.Sprintf("softmax-%g-%d", beta, classes), func(b *builder) int {
					in := b.input(1, classes)
					b.Tensors[in].Quant[0].Scale = []float32{0.15, 0.02, 0.6}[i]
					return b.softmax(in, beta)
				})
			}
		}
		add("logistic", func(b *builder) int {
			in := b.input(1, 256)
			return b.node(model.Logistic{}, b.probabilities(in), in)
		})
		for _, depth := range []int{1, 7, 64, 1280} {
			add(fmt.Sprintf("l2-normalization-%d", depth), func(b *builder) int {
				in := b.input(1, 1, 3, depth)
				o := b.activation(b.typ, 1./128, 1, 1, 3, depth)
				b.Tensors[o].Quant[0].ZeroPoint = 0
				if b.typ == model.Uint8 {
					b.Tensors[o].Quant[0].ZeroPoint = 128
				}
				return b.node(model.L2Normalization{}, o, in)
			})
		}
		// Scales that a converter has rounded: the reference allows for that, and computes as if they weren't.
		add("near-scale-pool", func(b *builder) int {
			t := b.pool(b.input(1, 6, 7, 5), 2, 2, window(2, 2, valid), model.Relu6, false)
			b.Tensors[t].Quant = []model.Quant{{Scale: 0.0500001, ZeroPoint: b.Tensors[b.Inputs[0]].Quant[0].ZeroPoint}}
			return t
		})
		add("near-scale-reshape", func(b *builder) int {
			t := b.input(1, 3, 5)
			zero := b.Tensors[t].Quant[0].ZeroPoint
			t = b.node(model.Reshape{}, b.activation(typ, 0.0500001, 1, 15), t)
			b.Tensors[t].Quant[0].ZeroPoint = zero
			return t
		})
		add("near-scale-softmax", func(b *builder) int {
			t := b.softmax(b.input(1, 9), 1)
			b.Tensors[t].Quant[0].Scale = 1. / 256 * 1.0005
			return t
		})
		add("logistic-zero-point", func(b *builder) int {
			t := b.node(model.Logistic{}, b.activation(typ, 1./256, 1, 256), b.input(1, 256))
			b.Tensors[t].Quant[0].ZeroPoint = 5
			return t
		})
		add("requantize", func(b *builder) int {
			in := b.input(1, 256)
			other := model.Int8
			if typ == model.Int8 {
				other = model.Uint8
			}
			t := b.node(model.Quantize{}, b.activation(other, 0.031, 1, 256), in)
			t = b.node(model.Quantize{}, b.activation(typ, 0.4, 1, 256), t)
			return b.node(model.Quantize{}, b.activation(typ, 0.2, 1, 256), t)
		})
		add("dequantize", func(b *builder) int {
			in := b.input(1, 256)
			return b.node(model.Dequantize{}, b.activation(model.Float32, 0, 1, 256), in)
		})
		add("float-ends", func(b *builder) int {
			in := b.activation(model.Float32, 0, 1, 4, 4, 3)
			b.Inputs = append(b.Inputs, in)
			t := b.node(model.Quantize{}, b.activation(typ, 0.02, 1, 4, 4, 3), in)
			t = b.conv(t, 8, 3, 3, window(1, 1, same), model.Relu6, 80)
			return b.node(model.Dequantize{}, b.activation(model.Float32, 0, b.Tensors[t].Shape...), t)
		})
		for axis := 1; axis < 4; axis++ {
			add(fmt.Sprintf("concatenation-%d", axis), func(b *builder) int {
				x := b.input(1, 3, 4, 5)
				shape := []int{1, 3, 4, 5}
				shape[axis] = 2
				y := b.input(shape...)
				b.Tensors[y].Quant = b.Tensors[x].Quant
				shape = append([]int(nil), shape...)
				shape[axis] += b.Tensors[x].Shape[axis]
				return b.node(model.Concatenation{Axis: axis}, b.like(x, shape...), x, y)
			})
		}
		if typ == model.Uint8 {
			add("concatenation-scales", func(b *builder) int {
				x, y := b.input(1, 16, 16), b.input(1, 16, 16)
				b.Tensors[y].Quant[0].Scale = 0.013
				return b.node(model.Concatenation{Axis: 2}, b.activation(typ, 0.03, 1, 16, 32), x, y)
			})
		}
		// Each scale reaches other shifts.
		for i, scale := range []float32{0.05, 0.0235, 0.004, 0.0004, 0.3, 4} {
			out := []float32{0.04, 0.0235, 0.006, 0.00005, 0.5, 2.1}[i]
			add(fmt.Sprintf("hard-swish-%g", scale), func(b *builder) int {
				in := b.input(1, 256)
				b.Tensors[in].Quant[0].Scale = scale
				return b.node(model.HardSwish{}, b.activation(typ, out, 1, 256), in)
			})
			add(fmt.Sprintf("leaky-relu-%g", scale), func(b *builder) int {
				in := b.input(1, 256)
				b.Tensors[in].Quant[0].Scale = scale
				alpha := []float32{0.2, 0.01, 0.3, 1.7, 0, 1}[i]
				return b.node(model.LeakyRelu{Alpha: alpha}, b.activation(typ, out, 1, 256), in)
			})
			add(fmt.Sprintf("tanh-%g", scale), func(b *builder) int {
				in := b.input(1, 256)
				b.Tensors[in].Quant[0].Scale = scale
				o := b.activation(typ, []float32{1. / 128, 0.01}[i%2], 1, 256)
				return b.node(model.Tanh{}, o, in)
			})
		}
		for _, a := range []model.Activation{model.Relu, model.Relu6, model.ReluN1To1, model.Relu0To1} {
			for _, scale := range []float32{0.05, 0.013} {
				add(fmt.Sprintf("rectifier-%d-%g", a, scale), func(b *builder) int {
					return b.node(model.Rectifier{Activation: a}, b.activation(typ, scale, 1, 256), b.input(1, 256))
				})
			}
		}
		for name, shape := range map[string][]int{"channel": {1, 1, 7}, "one": {1, 1, 1}, "all": {4, 5, 7}} {
			add("prelu-"+name, func(b *builder) int {
				in := b.input(1, 4, 5, 7)
				return b.node(model.PRelu{}, b.activation(typ, 0.06, 1, 4, 5, 7), in, b.constant(0.01, shape...))
			})
		}
		for i, op := range []model.Op{
			model.Add{Activation: model.Relu6},
			model.Sub{},
			model.Mul{},
			model.Mul{Activation: model.Relu6},
			model.Div{},
			model.Sub{Activation: model.Relu},
		} {
			_, division := op.(model.Div)
			if division && typ == model.Int8 {
				continue // the reference doesn't
			}
			name, full := strings.ToLower(fmt.Sprintf("%s%d", model.OpName(op), i)), []int{1, 6, 7, 5}
			out := []float32{0.1, 0.07, 0.011, 0.03, 0.035, 0.02}[i] // of a division: where the reference is defined
			for label, shape := range map[string][]int{
				"one": {}, "ones": {1, 1, 1, 1}, "channel": {5}, "image": {7, 5}, "rows": {6, 1, 1}, "all": full,
			} {
				add(fmt.Sprintf("%s-constant-%s", name, label), func(b *builder) int {
					in := b.input(full...)
					return b.node(op, b.activation(typ, out, full...), in, b.constant(0.02, shape...))
				})
				if division {
					continue
				}
				add(fmt.Sprintf("%s-of-constant-%s", name, label), func(b *builder) int {
					in := b.input(full...)
					return b.node(op, b.activation(typ, out, full...), b.constant(0.02, shape...), in)
				})
				if len(shape) != 4 {
					continue
				}
				add(fmt.Sprintf("%s-%s", name, label), func(b *builder) int {
					x, y := b.input(full...), b.input(shape...)
					b.Tensors[y].Quant[0].Scale = 0.021
					return b.node(op, b.activation(typ, out, full...), x, y)
				})
			}
			if !division {
				add(name+"-both", func(b *builder) int {
					x, y := b.input(1, 1, 7, 5), b.input(1, 6, 1, 5)
					return b.node(op, b.activation(typ, out, full...), x, y)
				})
				add(name+"-excite", func(b *builder) int {
					x, y := b.input(1, 1, 1, 72), b.input(1, 9, 9, 72)
					return b.node(op, b.activation(typ, out, 1, 9, 9, 72), x, y)
				})
			}
		}
		for _, op := range []model.Op{model.Maximum{}, model.Minimum{}} {
			name := strings.ToLower(model.OpName(op))
			add(name, func(b *builder) int {
				x, y := b.input(1, 6, 7, 5), b.input(1, 1, 1, 5)
				b.Tensors[y].Quant = b.Tensors[x].Quant
				return b.node(op, b.like(x, 1, 6, 7, 5), x, y)
			})
			add(name+"-constant", func(b *builder) int {
				x, c := b.input(1, 6, 7, 5), b.constant(0.05)
				b.Tensors[c].Quant = b.Tensors[x].Quant
				return b.node(op, b.like(x, 1, 6, 7, 5), x, c)
			})
		}
		for _, axes := range [][]int{{1, 2}, {3}, {1, 3}} {
			for _, keep := range []bool{true, false} {
				add(fmt.Sprintf("max-%v-%v", axes, keep), func(b *builder) int {
					in := b.input(1, 5, 6, 7)
					var shape []int
					for d, n := range b.Tensors[in].Shape {
						if !slices.Contains(axes, d) {
							shape = append(shape, n)
						} else if keep {
							shape = append(shape, 1)
						}
					}
					return b.node(model.ReduceMax{Axes: axes, KeepDims: keep}, b.like(in, shape...), in)
				})
			}
		}
		add("slice-crop", func(b *builder) int {
			in := b.input(1, 9, 8, 3)
			op := model.StridedSlice{Begin: []int{0, 2, 1, 0}, Size: []int{1, 5, 6, 3}, Stride: []int{1, 1, 1, 1}}
			return b.node(op, b.like(in, 1, 5, 6, 3), in)
		})
		add("slice-strides", func(b *builder) int {
			in := b.input(1, 9, 8, 7)
			op := model.StridedSlice{Begin: []int{0, 2, 1, 1}, Size: []int{1, 3, 3, 3}, Stride: []int{1, 3, 2, 2}}
			return b.node(op, b.like(in, 1, 3, 3, 3), in)
		})
		add("slice-shrink", func(b *builder) int {
			in := b.input(1, 9, 8, 7)
			op := model.StridedSlice{
				Begin: []int{0, 2, 1, 5}, Size: []int{1, 1, 7, 1}, Stride: []int{1, 1, 1, 1}, Shrink: []int{1, 3},
			}
			return b.node(op, b.like(in, 1, 7), in)
		})
		for _, groups := range []int{2, 4, 12} {
			for i, w := range []model.Window{window(1, 1, same), window(2, 2, same), window(1, 1, valid)} {
				add(fmt.Sprintf("groups-%d-%d", groups, i), func(b *builder) int {
					return b.grouped(b.input(1, 7, 6, 12), 24, 1+2*(i%3), groups, w, model.Relu6, 60)
				})
			}
		}
		if typ == model.Int8 { // scales that the file says go along another dimension of the same size
			add("other-axis-conv", func(b *builder) int {
				t := b.conv(b.input(1, 5, 4, 12), 12, 3, 3, window(1, 1, same), model.Relu6, 60)
				b.Tensors[b.Nodes[0].Inputs[1]].Axis = 3
				return t
			})
			add("other-axis-depthwise", func(b *builder) int {
				t := b.depthwise(b.input(1, 5, 4, 3), 3, 3, 1, window(1, 1, same), model.Relu6, 60)
				b.Tensors[b.Nodes[0].Inputs[1]].Axis = 1
				return t
			})
		}
		add("squeeze-excite", func(b *builder) int { // a block of MobileNetV3
			t := b.conv(b.input(1, 9, 8, 6), 24, 1, 1, window(1, 1, same), model.None, 60)
			t = b.node(model.HardSwish{}, b.activation(typ, b.Tensors[t].Quant[0].Scale*1.1, b.Tensors[t].Shape...), t)
			u := b.depthwise(t, 5, 5, 1, window(2, 2, same), model.None, 60)
			s := b.Tensors[u].Shape
			m := b.node(model.Mean{Axes: []int{1, 2}, KeepDims: true}, b.activation(typ, b.Tensors[u].Quant[0].Scale, 1, 1, 1, s[3]), u)
			m = b.conv(m, 8, 1, 1, window(1, 1, same), model.Relu, 60)
			m = b.conv(m, 24, 1, 1, window(1, 1, same), model.None, 60)
			b.Tensors[m].Quant[0].Scale = 0.04
			m = b.node(model.Add{Activation: model.Relu6}, b.activation(typ, 6./255, 1, 1, 1, 24), m, b.constant(0.02))
			m = b.node(model.Mul{}, b.activation(typ, 1./255, 1, 1, 1, 24), m, b.constant(1./6/255))
			u = b.node(model.Mul{}, b.activation(typ, b.Tensors[u].Quant[0].Scale/4, s...), u, m)
			return b.conv(u, 6, 1, 1, window(1, 1, same), model.None, 90)
		})
		add("network", func(b *builder) int { // a whole small MobileNetV2
			t := b.conv(b.input(1, 17, 19, 3), 8, 3, 3, window(2, 2, same), model.Relu6, 120)
			t = b.depthwise(t, 3, 3, 1, window(1, 1, same), model.Relu6, 40)
			t = b.conv(t, 8, 1, 1, window(1, 1, same), model.None, 150)
			u := b.conv(t, 48, 1, 1, window(1, 1, same), model.Relu6, 70)
			u = b.depthwise(u, 3, 3, 1, window(1, 1, same), model.Relu6, 40)
			u = b.conv(u, 8, 1, 1, window(1, 1, same), model.None, 300)
			t = b.node(model.Add{}, b.activation(typ, 2*b.Tensors[u].Quant[0].Scale, b.Tensors[t].Shape...), t, u)
			t = b.depthwise(t, 5, 5, 1, window(2, 2, same), model.Relu6, 60)
			s := b.Tensors[t].Shape
			t = b.node(model.Mean{Axes: []int{1, 2}, KeepDims: true}, b.activation(typ, b.Tensors[t].Quant[0].Scale, 1, 1, 1, s[3]), t)
			t = b.fullyConnected(t, 10, model.None, 100)
			b.Tensors[t].Quant[0].Scale = 0.1
			return b.softmax(t, 1)
		})
	}
	return all
}
