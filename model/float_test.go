package model

import (
	"math"
	"slices"
)

// float runs a float32 network the plain way: for each element of an output, its definition. Activations are NHWC.
type float struct {
	g      *Graph
	values [][]float32
}

func runFloat(g *Graph, input []float32) []float32 {
	f := float{g, make([][]float32, len(g.Tensors))}
	for i := range g.Tensors {
		f.values[i] = float32s(g.Tensors[i].Data)
	}
	f.values[g.Inputs[0]] = input
	for _, n := range g.Nodes {
		f.values[n.Outputs[0]] = f.node(n)
	}
	return f.values[g.Outputs[0]]
}

func (f *float) node(n Node) []float32 {
	x, y := f.g.Tensors[n.Inputs[0]].Shape, f.g.Tensors[n.Outputs[0]].Shape
	in := f.values[n.Inputs[0]]
	out := make([]float32, Elements(y))
	switch op := n.Op.(type) {
	case Conv2D:
		w := f.g.Tensors[n.Inputs[1]].Shape
		f.slide(n, op.Window, w[1], w[2], x, y, out, func(o int, visit func(channel, weight int)) {
			for c := range w[3] {
				visit(o/(y[3]*w[3]/x[3])*w[3]+c, o*w[1]*w[2]*w[3]+c)
			}
		}, w[3])
		activate(out, op.Activation)
	case DepthwiseConv2D:
		w := f.g.Tensors[n.Inputs[1]].Shape
		f.slide(n, op.Window, w[1], w[2], x, y, out, func(o int, visit func(channel, weight int)) {
			visit(o/op.Multiplier, o)
		}, w[3])
		activate(out, op.Activation)
	case AveragePool2D:
		f.pool(n, op.Window, op.KernelH, op.KernelW, out, func(window []float32) float32 {
			sum := float32(0)
			for _, v := range window {
				sum += v
			}
			return sum / float32(len(window))
		})
		activate(out, op.Activation)
	case MaxPool2D:
		f.pool(n, op.Window, op.KernelH, op.KernelW, out, slices.Max[[]float32])
		activate(out, op.Activation)
	case FullyConnected:
		units := y[len(y)-1]
		depth := len(in) / (len(out) / units)
		for i := range out {
			sum := f.bias(n, i%units)
			for k := range depth {
				sum += float64(in[i/units*depth+k]) * float64(f.values[n.Inputs[1]][i%units*depth+k])
			}
			out[i] = float32(sum)
		}
		activate(out, op.Activation)
	case Add:
		f.pairs(n, out, func(a, b float32) float32 { return a + b })
		activate(out, op.Activation)
	case Sub:
		f.pairs(n, out, func(a, b float32) float32 { return a - b })
		activate(out, op.Activation)
	case Mul:
		f.pairs(n, out, func(a, b float32) float32 { return a * b })
		activate(out, op.Activation)
	case PRelu:
		f.pairs(n, out, func(a, b float32) float32 { return max(a, 0) + b*min(a, 0) })
	case LeakyRelu:
		each(out, in, func(v float64) float64 { return max(v, 0) + float64(op.Alpha)*min(v, 0) })
	case HardSwish:
		each(out, in, func(v float64) float64 { return v * min(max(v+3, 0), 6) / 6 })
	case Logistic:
		each(out, in, func(v float64) float64 { return 1 / (1 + math.Exp(-v)) })
	case Tanh:
		each(out, in, math.Tanh)
	case Rectifier:
		copy(out, in)
		activate(out, op.Activation)
	case Concatenation: // of images, along the channels
		at := 0
		for _, t := range n.Inputs {
			c := f.g.Tensors[t].Shape[3]
			for i, v := range f.values[t] {
				out[i/c*y[3]+at+i%c] = v
			}
			at += c
		}
	case StridedSlice: // of images
		for i := range out {
			c, w, h := i%y[3], i/y[3]%y[2], i/y[3]/y[2]
			out[i] = in[((h*op.Stride[1]+op.Begin[1])*x[2]+w*op.Stride[2]+op.Begin[2])*x[3]+c*op.Stride[3]+op.Begin[3]]
		}
	case Mean: // over rows and columns
		for i, v := range in {
			out[i%len(out)] += v / float32(len(in)/len(out))
		}
	case Pad:
		for i, v := range in {
			c, w, h := i%x[3], i/x[3]%x[2], i/x[3]/x[2]
			out[((h+op.Before[1])*y[2]+w+op.Before[2])*y[3]+c+op.Before[3]] = v
		}
	case Reshape:
		copy(out, in)
	case Softmax:
		sum := 0.0
		for _, v := range in {
			sum += math.Exp(float64(v))
		}
		for i, v := range in {
			out[i] = float32(math.Exp(float64(v)) / sum)
		}
	default:
		panic(OpName(op))
	}
	return out
}

func each(out, in []float32, function func(v float64) float64) {
	for i, v := range in {
		out[i] = float32(function(float64(v)))
	}
}

// pairs computes a function of two inputs, whose shapes end alike but for dimensions of 1.
func (f *float) pairs(n Node, out []float32, function func(a, b float32) float32) {
	y := f.g.Tensors[n.Outputs[0]].Shape
	for i := range out {
		var operands [2]float32
		for k := range operands {
			shape, at, step, rest := f.g.Tensors[n.Inputs[k]].Shape, 0, 1, i
			for d := 1; d <= len(shape); d++ {
				size := shape[len(shape)-d]
				at += rest % y[len(y)-d] % size * step
				step *= size
				rest /= y[len(y)-d]
			}
			operands[k] = f.values[n.Inputs[k]][at]
		}
		out[i] = function(operands[0], operands[1])
	}
}

func (f *float) bias(n Node, o int) float64 {
	if n.Inputs[2] < 0 {
		return 0
	}
	return float64(f.values[n.Inputs[2]][o])
}

// slide moves a window; taps names, for an output channel, the input channels and the first pixel's weights; the next
// pixel's are step further.
func (f *float) slide(
	n Node, win Window, kernelH, kernelW int, x, y []int, out []float32,
	taps func(o int, visit func(channel, weight int)), step int,
) {
	in, weights := f.values[n.Inputs[0]], f.values[n.Inputs[1]]
	top, left := 0, 0
	if win.Padding == Same {
		top = max((y[1]-1)*win.StrideH+kernelH-x[1], 0) / 2
		left = max((y[2]-1)*win.StrideW+kernelW-x[2], 0) / 2
	}
	for i := range out {
		o, ow, oh := i%y[3], i/y[3]%y[2], i/y[3]/y[2]
		sum := f.bias(n, o)
		for kh := range kernelH {
			for kw := range kernelW {
				h, w := oh*win.StrideH+kh-top, ow*win.StrideW+kw-left
				if h < 0 || h >= x[1] || w < 0 || w >= x[2] {
					continue
				}
				taps(o, func(channel, weight int) {
					sum += float64(in[(h*x[2]+w)*x[3]+channel]) * float64(weights[weight+(kh*kernelW+kw)*step])
				})
			}
		}
		out[i] = float32(sum)
	}
}

// pool hands reduce what lies inside the window, for each output.
func (f *float) pool(n Node, win Window, kernelH, kernelW int, out []float32, reduce func([]float32) float32) {
	x, y := f.g.Tensors[n.Inputs[0]].Shape, f.g.Tensors[n.Outputs[0]].Shape
	top, left := 0, 0
	if win.Padding == Same {
		top = max((y[1]-1)*win.StrideH+kernelH-x[1], 0) / 2
		left = max((y[2]-1)*win.StrideW+kernelW-x[2], 0) / 2
	}
	for i := range out {
		c, ow, oh := i%y[3], i/y[3]%y[2], i/y[3]/y[2]
		var window []float32
		for h := max(oh*win.StrideH-top, 0); h < min(oh*win.StrideH-top+kernelH, x[1]); h++ {
			for w := max(ow*win.StrideW-left, 0); w < min(ow*win.StrideW-left+kernelW, x[2]); w++ {
				window = append(window, f.values[n.Inputs[0]][(h*x[2]+w)*x[3]+c])
			}
		}
		out[i] = reduce(window)
	}
}

func activate(v []float32, a Activation) {
	lo, hi := math.Inf(-1), math.Inf(1)
	switch a {
	case Relu:
		lo = 0
	case Relu6:
		lo, hi = 0, 6
	case ReluN1To1:
		lo, hi = -1, 1
	}
	for i := range v {
		v[i] = float32(min(max(float64(v[i]), lo), hi))
	}
}
