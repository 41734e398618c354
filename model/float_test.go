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
			for c := range x[3] {
				visit(c, o*w[1]*w[2]*w[3]+c)
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
		for i := range out {
			out[i] = in[i] + f.values[n.Inputs[1]][i]
		}
		activate(out, op.Activation)
	case Mean: // over rows and columns
		pixels := x[1] * x[2]
		for i, v := range in {
			out[i%x[3]] += v / float32(pixels)
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
