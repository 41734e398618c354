package ptq

import (
	"fmt"
	"math"
	"slices"

	"edge/model"
	"edge/quant"
)

// clamp is the range that a fused activation leaves.
type clamp struct{ lo, hi float32 }

func clampOf(a model.Activation) clamp {
	lo, hi := a.Range()
	return clamp{lo, hi}
}

// apply leaves NaN as it is, to be found.
func (c clamp) apply(v float32) float32 {
	if v < c.lo {
		return c.lo
	}
	if v > c.hi {
		return c.hi
	}
	return v
}

// operation is a row of the table: all that this package knows of an operation.
type operation struct {
	// run returns what computes a node of it in float32; l is nil without weights.
	run func(e *executor, n *model.Node, l *layer) func()
	// channels is the dimension of the output channels in its weights; −1 if it has none.
	channels int
	output   output
	params   quant.Params // of its output, if that is fixed
	// useful are the values of its input that make a difference; nil: all of them.
	useful   func(op model.Op) (lo, hi float32)
	constant bool // its second input is one, which becomes int8 with one scale
}

// output says how an operation's output is quantized.
type output uint8

const (
	measured  output = iota // by the range of its values
	likeInput               // as its inputs are: it only moves or selects values
	fixed                   // as TensorFlow Lite's kernels take for granted
)

// probabilities is what the outputs of softmax and the logistic function must have.
var probabilities = quant.Params{Scale: 1. / 256, ZeroPoint: -128}

// operations are those that are quantized here, by model.OpName.
var operations = map[string]operation{
	"Conv2D":          {run: runConv2D, channels: 0},
	"DepthwiseConv2D": {run: runDepthwise, channels: 3},
	"FullyConnected":  {run: runFullyConnected, channels: 0},

	"Add":       {run: runAdd, channels: -1},
	"Sub":       {run: runSub, channels: -1},
	"Mul":       {run: runMul, channels: -1},
	"HardSwish": {run: runHardSwish, channels: -1, useful: usefulToHardSwish},
	"LeakyRelu": {run: runLeakyRelu, channels: -1},
	"PRelu":     {run: runPRelu, channels: -1, constant: true},
	"Rectifier": {run: runRectifier, channels: -1, useful: usefulToRectifier},
	"Mean":      {run: runMean, channels: -1},
	"Softmax":   {run: runSoftmax, channels: -1, output: fixed, params: probabilities},
	"Logistic":  {run: runLogistic, channels: -1, output: fixed, params: probabilities},
	"Tanh":      {run: runTanh, channels: -1, output: fixed, params: quant.Params{Scale: 1. / 128}},

	"AveragePool2D": {run: runAveragePool, channels: -1, output: likeInput},
	"MaxPool2D":     {run: runMaxPool, channels: -1, output: likeInput},
	"ReduceMax":     {run: runReduceMax, channels: -1, output: likeInput},
	"Pad":           {run: runPad, channels: -1, output: likeInput},
	"StridedSlice":  {run: runSlice, channels: -1, output: likeInput},
	"Reshape":       {run: runCopy, channels: -1, output: likeInput},
	"Squeeze":       {run: runCopy, channels: -1, output: likeInput},
	"Concatenation": {run: runConcatenation, channels: -1, output: likeInput},
}

// rowOf looks the operation of a node up.
func rowOf(g *model.Graph, node int) (operation, error) {
	n := &g.Nodes[node]
	row, ok := operations[model.OpName(n.Op)]
	if !ok {
		return operation{}, fmt.Errorf("%s: this operation isn't quantized here", place(g, node))
	}
	for k, t := range n.Inputs {
		if t >= 0 && g.Tensors[t].Data != nil && (k == 0 || row.channels < 0 && !row.constant) {
			return operation{}, fmt.Errorf("%s: its constant %s isn't quantized here: one value, or one for each channel, would "+
				"become a part of a layer", place(g, node), g.Tensors[t].Name)
		}
	}
	return row, nil
}

// operands are the values and the shapes of a node's first input and of its output.
func (e *executor) operands(n *model.Node) (src, dst []float32, in, out []int) {
	x, y := n.Inputs[0], n.Outputs[0]
	return e.values[x], e.values[y], e.graph.Tensors[x].Shape, e.graph.Tensors[y].Shape
}

func runConv2D(e *executor, n *model.Node, l *layer) func() {
	op, k := n.Op.(model.Conv2D), e.graph.Tensors[n.Inputs[1]].Shape
	src, dst, in, out := e.operands(n)
	w := windowOf(op.Window, in, out, k[1], k[2])
	if k[3] != in[3] {
		return w.grouped(dst, src, l, clampOf(op.Activation))
	}
	return w.convolution(dst, src, l, clampOf(op.Activation))
}

func runDepthwise(e *executor, n *model.Node, l *layer) func() {
	op, k := n.Op.(model.DepthwiseConv2D), e.graph.Tensors[n.Inputs[1]].Shape
	src, dst, in, out := e.operands(n)
	return windowOf(op.Window, in, out, k[1], k[2]).depthwise(dst, src, l, op.Multiplier, clampOf(op.Activation))
}

func runFullyConnected(e *executor, n *model.Node, l *layer) func() {
	src, dst, _, _ := e.operands(n)
	k, c := len(l.weights)/l.channels, clampOf(n.Op.(model.FullyConnected).Activation)
	return func() { multiply(dst, src, l.weights, l.bias, k, c) }
}

func runAdd(e *executor, n *model.Node, _ *layer) func() {
	c := clampOf(n.Op.(model.Add).Activation)
	return e.pairs(n, func(a, b float32) float32 { return c.apply(a + b) })
}

func runSub(e *executor, n *model.Node, _ *layer) func() {
	c := clampOf(n.Op.(model.Sub).Activation)
	return e.pairs(n, func(a, b float32) float32 { return c.apply(a - b) })
}

func runMul(e *executor, n *model.Node, _ *layer) func() {
	c := clampOf(n.Op.(model.Mul).Activation)
	return e.pairs(n, func(a, b float32) float32 { return c.apply(float32(a * b)) })
}

func runHardSwish(e *executor, n *model.Node, _ *layer) func() {
	return e.each(n, func(x float32) float32 { return float32(x*min(max(x+3, 0), 6)) / 6 })
}

// usefulToHardSwish: all below −3 gives 0.
func usefulToHardSwish(model.Op) (lo, hi float32) { return -3, float32(math.Inf(1)) }

func runLeakyRelu(e *executor, n *model.Node, _ *layer) func() {
	alpha := n.Op.(model.LeakyRelu).Alpha
	return e.each(n, func(x float32) float32 { return leaky(x, alpha) })
}

func runPRelu(e *executor, n *model.Node, _ *layer) func() { return e.pairs(n, leaky) }

func leaky(x, alpha float32) float32 {
	if x < 0 {
		return x * alpha
	}
	return x
}

func runRectifier(e *executor, n *model.Node, _ *layer) func() {
	return e.each(n, clampOf(n.Op.(model.Rectifier).Activation).apply)
}

func usefulToRectifier(op model.Op) (lo, hi float32) { return op.(model.Rectifier).Activation.Range() }

func runTanh(e *executor, n *model.Node, _ *layer) func() {
	return e.each(n, func(x float32) float32 { return float32(math.Tanh(float64(x))) })
}

func runReduceMax(e *executor, n *model.Node, _ *layer) func() {
	src, dst, in, _ := e.operands(n)
	to, _ := keptStrides(in, n.Op.(model.ReduceMax).Axes)
	return func() {
		for i := range dst {
			dst[i] = float32(math.Inf(-1))
		}
		for i, v := range src {
			at := offset(i, in, to)
			dst[at] = max(dst[at], v)
		}
	}
}

func runSlice(e *executor, n *model.Node, _ *layer) func() {
	src, dst, in, _ := e.operands(n)
	op := n.Op.(model.StridedSlice)
	from, first := strides(in, in), 0
	for d := range from {
		first += op.Begin[d] * from[d]
		from[d] *= op.Stride[d]
	}
	return func() {
		for i := range dst {
			dst[i] = src[first+offset(i, op.Size, from)]
		}
	}
}

func runAveragePool(e *executor, n *model.Node, _ *layer) func() {
	op := n.Op.(model.AveragePool2D)
	src, dst, in, out := e.operands(n)
	return windowOf(op.Window, in, out, op.KernelH, op.KernelW).averagePool(dst, src, clampOf(op.Activation))
}

func runMaxPool(e *executor, n *model.Node, _ *layer) func() {
	op := n.Op.(model.MaxPool2D)
	src, dst, in, out := e.operands(n)
	return windowOf(op.Window, in, out, op.KernelH, op.KernelW).maxPool(dst, src, clampOf(op.Activation))
}

func runCopy(e *executor, n *model.Node, _ *layer) func() {
	src, dst, _, _ := e.operands(n)
	return func() { copy(dst, src) }
}

func runLogistic(e *executor, n *model.Node, _ *layer) func() {
	return e.each(n, func(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) })
}

// each computes f of every element.
func (e *executor) each(n *model.Node, f func(x float32) float32) func() {
	src, dst, _, _ := e.operands(n)
	return func() {
		for i, x := range src {
			dst[i] = f(x)
		}
	}
}

// pairs computes f of every element of two inputs; the smaller one repeats.
func (e *executor) pairs(n *model.Node, f func(a, b float32) float32) func() {
	a, dst, shapeA, shape := e.operands(n)
	second := &e.graph.Tensors[n.Inputs[1]]
	b, shapeB := e.values[n.Inputs[1]], second.Shape
	if second.Data != nil {
		b = float32s(second.Data)
	}
	if len(a) == len(dst) && len(b) == len(dst) {
		return func() {
			for i := range dst {
				dst[i] = f(a[i], b[i])
			}
		}
	}
	fromA, fromB := strides(shapeA, shape), strides(shapeB, shape)
	last := shape[len(shape)-1]
	stepA, stepB := fromA[len(shape)-1], fromB[len(shape)-1]
	return func() {
		for row := 0; row < len(dst); row += last {
			p, q := offset(row, shape, fromA), offset(row, shape, fromB)
			for i := range last {
				dst[row+i] = f(a[p+i*stepA], b[q+i*stepB])
			}
		}
	}
}

// window is how a kernel moves over an image; top and left are the rows and columns of padding before it.
type window struct {
	inH, inW, depth, outH, outW        int
	kernelH, kernelW, strideH, strideW int
	top, left                          int
}

func windowOf(w model.Window, in, out []int, kernelH, kernelW int) window {
	v := window{
		inH: in[1], inW: in[2], depth: in[3], outH: out[1], outW: out[2],
		kernelH: kernelH, kernelW: kernelW, strideH: w.StrideH, strideW: w.StrideW,
	}
	if w.Padding == model.Same {
		v.top = max((v.outH-1)*v.strideH+kernelH-v.inH, 0) / 2
		v.left = max((v.outW-1)*v.strideW+kernelW-v.inW, 0) / 2
	}
	return v
}

// rows and columns are what the window at output row y, or column x, covers of the image: [first, end).
func (w *window) rows(y int) (first, end int) {
	first = y*w.strideH - w.top
	return max(first, 0), min(first+w.kernelH, w.inH)
}

func (w *window) columns(x int) (first, end int) {
	first = x*w.strideW - w.left
	return max(first, 0), min(first+w.kernelW, w.inW)
}

// patchPixels is how many output pixels' patches are gathered at a time.
const patchPixels = 64

// convolution gathers what each output pixel sees of the image, and multiplies that.
func (w window) convolution(dst, src []float32, l *layer, c clamp) func() {
	k := w.kernelH * w.kernelW * w.depth
	if w.kernelH*w.kernelW*w.strideH*w.strideW == 1 {
		return func() {
			pixels := w.outH * w.outW
			for p := 0; p < pixels; p += patchPixels { // a block of pixels stays in the cache
				q := min(p+patchPixels, pixels)
				multiply(dst[p*l.channels:q*l.channels], src[p*k:q*k], l.weights, l.bias, k, c)
			}
		}
	}
	patches := make([]float32, patchPixels*k)
	return func() {
		pixels := w.outH * w.outW
		for p := 0; p < pixels; p += patchPixels {
			q := min(p+patchPixels, pixels)
			for i := p; i < q; i++ {
				w.gather(patches[(i-p)*k:(i-p+1)*k], src, i/w.outW, i%w.outW)
			}
			multiply(dst[p*l.channels:q*l.channels], patches[:(q-p)*k], l.weights, l.bias, k, c)
		}
	}
}

// grouped is a convolution in groups: one after the other, on the channels of each.
func (w window) grouped(dst, src []float32, l *layer, c clamp) func() {
	groups, in, out := l.groups, w.depth/l.groups, l.channels/l.groups
	part, sum := make([]float32, w.inH*w.inW*in), make([]float32, w.outH*w.outW*out)
	var steps []func()
	each := len(l.weights) / groups
	w.depth = in
	for g := range groups {
		one := &layer{weights: l.weights[g*each : (g+1)*each], bias: l.bias[g*out : (g+1)*out], channels: out, groups: 1}
		step := w.convolution(sum, part, one, c)
		steps = append(steps, func() {
			for p := range w.inH * w.inW {
				copy(part[p*in:(p+1)*in], src[p*in*groups+g*in:])
			}
			step()
			for p := range w.outH * w.outW {
				copy(dst[p*out*groups+g*out:][:out], sum[p*out:])
			}
		})
	}
	return func() {
		for _, step := range steps {
			step()
		}
	}
}

func (w *window) gather(patch, src []float32, y, x int) {
	clear(patch)
	y0, y1 := w.rows(y)
	x0, x1 := w.columns(x)
	for row := y0; row < y1; row++ {
		at := ((row-(y*w.strideH-w.top))*w.kernelW + x0 - (x*w.strideW - w.left)) * w.depth
		copy(patch[at:], src[(row*w.inW+x0)*w.depth:(row*w.inW+x1)*w.depth])
	}
}

func (w window) depthwise(dst, src []float32, l *layer, multiplier int, c clamp) func() {
	wide := make([]float32, l.channels) // a pixel with each channel repeated
	return func() {
		for p := range w.outH * w.outW {
			y, x := p/w.outW, p%w.outW
			sum := dst[p*l.channels : (p+1)*l.channels]
			copy(sum, l.bias)
			y0, y1 := w.rows(y)
			x0, x1 := w.columns(x)
			for row := y0; row < y1; row++ {
				for column := x0; column < x1; column++ {
					pixel := src[(row*w.inW+column)*w.depth:][:w.depth]
					if multiplier > 1 {
						for i := range wide {
							wide[i] = pixel[i/multiplier]
						}
						pixel = wide
					}
					tap := (row-(y*w.strideH-w.top))*w.kernelW + column - (x*w.strideW - w.left)
					accumulate(sum, pixel, l.weights[tap*l.channels:])
				}
			}
			for i, v := range sum {
				sum[i] = c.apply(v)
			}
		}
	}
}

func (w window) averagePool(dst, src []float32, c clamp) func() {
	return func() {
		for p := range w.outH * w.outW {
			y0, y1 := w.rows(p / w.outW)
			x0, x1 := w.columns(p % w.outW)
			factor := 1 / float32((y1-y0)*(x1-x0))
			for i := range w.depth {
				var sum float32
				for row := y0; row < y1; row++ {
					for column := x0; column < x1; column++ {
						sum += src[(row*w.inW+column)*w.depth+i]
					}
				}
				dst[p*w.depth+i] = c.apply(sum * factor)
			}
		}
	}
}

func (w window) maxPool(dst, src []float32, c clamp) func() {
	return func() {
		for p := range w.outH * w.outW {
			y0, y1 := w.rows(p / w.outW)
			x0, x1 := w.columns(p % w.outW)
			for i := range w.depth {
				top := float32(math.Inf(-1))
				for row := y0; row < y1; row++ {
					for column := x0; column < x1; column++ {
						top = max(top, src[(row*w.inW+column)*w.depth+i])
					}
				}
				dst[p*w.depth+i] = c.apply(top)
			}
		}
	}
}

// strides are how far apart neighbours along each dimension of the larger shape lie in the smaller one: 0 along
// dimensions that it repeats.
func strides(small, large []int) []int {
	s := make([]int, len(large))
	step := 1
	for d := 1; d <= len(small); d++ {
		size := small[len(small)-d]
		if size > 1 {
			s[len(large)-d] = step
		}
		step *= size
	}
	return s
}

// offset is Σ digit · stride over the digits of i in a shape.
func offset(i int, shape, strides []int) int {
	at := 0
	for d := len(shape) - 1; d >= 0; d-- {
		at += i % shape[d] * strides[d]
		i /= shape[d]
	}
	return at
}

func runMean(e *executor, n *model.Node, _ *layer) func() {
	src, dst, in, _ := e.operands(n)
	to, count := keptStrides(in, n.Op.(model.Mean).Axes)
	return func() {
		clear(dst)
		for i, v := range src {
			dst[offset(i, in, to)] += v
		}
		for i := range dst {
			dst[i] /= float32(count)
		}
	}
}

// keptStrides are the strides of what is left without some dimensions, 0 along those, and how many elements become one.
func keptStrides(in, axes []int) (to []int, count int) {
	to = make([]int, len(in))
	step, count := 1, 1
	for d := len(in) - 1; d >= 0; d-- {
		if slices.Contains(axes, d) {
			count *= in[d]
			continue
		}
		to[d] = step
		step *= in[d]
	}
	return to, count
}

func runPad(e *executor, n *model.Node, _ *layer) func() {
	src, dst, in, out := e.operands(n)
	to := make([]int, len(out))
	for d := range out {
		to[d] = model.Elements(out[d+1:])
	}
	first := 0
	for d, before := range n.Op.(model.Pad).Before {
		first += before * to[d]
	}
	return func() {
		clear(dst)
		for i, v := range src {
			dst[first+offset(i, in, to)] = v
		}
	}
}

func runSoftmax(e *executor, n *model.Node, _ *layer) func() {
	src, dst, in, _ := e.operands(n)
	depth, beta := in[len(in)-1], float64(n.Op.(model.Softmax).Beta)
	return func() {
		for at := 0; at < len(src); at += depth {
			row, out := src[at:at+depth], dst[at:at+depth]
			top, sum := slices.Max(row), 0.
			for _, x := range row {
				sum += math.Exp(beta * float64(x-top))
			}
			for i, x := range row {
				out[i] = float32(math.Exp(beta*float64(x-top)) / sum)
			}
		}
	}
}

func runConcatenation(e *executor, n *model.Node, _ *layer) func() {
	_, dst, _, _ := e.operands(n)
	var parts [][]float32
	var rows []int // elements of each part in one row
	for _, t := range n.Inputs {
		parts = append(parts, e.values[t])
		rows = append(rows, model.Elements(e.graph.Tensors[t].Shape[n.Op.(model.Concatenation).Axis:]))
	}
	return func() {
		at := 0
		for row := 0; at < len(dst); row++ {
			for i, part := range parts {
				at += copy(dst[at:], part[row*rows[i]:(row+1)*rows[i]])
			}
		}
	}
}
