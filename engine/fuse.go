package engine

import (
	"fmt"
	"slices"
	"strings"

	"edge/kernels"
	"edge/model"
)

// A large tensor that only the next layer reads gets no place in the arena: the layers before and after it are one step,
// which computes a few rows of the last layer's output at a time, and of the others what these depend on. What lies
// between layers stays in the cache of the core that wrote it, and threads don't wait for each other between them.
// kernels.Set.FuseFrom says how large.
//
// A window moves down by less than its height, so that some rows are seen again. They are kept:
//
//	expand       rows  0 1 2 3 4 │           first band: rows 0 and 1 of a 3×3 depthwise layer with stride 2
//	depthwise           0   1                see rows 0 to 4
//	expand               kept: 4 │ 5 6 7 8   next band: row 4 moves to the front, and four are computed
//	depthwise                      2   3
//
// A thread computes them again only where its own rows begin.

// bandBytes is about how much lies between the layers for one band: two threads' fit into the smallest second-level caches
// of boards, and a row's pixels are a small part of it.
const bandBytes = 128 << 10

// rows are the rows of a tensor from a first one on, as many as fit data.
type rows struct {
	data  []byte
	first int
}

// stage is a layer that can compute any rows of its output.
type stage struct {
	info StepInfo
	kernels.Window
	inRow, outRow int // bytes of a row
	work          int // in MACs
	scratch       int // bytes that run needs
	// run computes the output rows [y0, y1). src and dst have at least the rows that are read and written.
	run func(scratch []byte, src, dst rows, y0, y1 int)
}

// sees returns which rows of the input the output rows [y0, y1) depend on.
func (s *stage) sees(y0, y1 int) (from, to int) {
	from = min(max(y0*s.StrideH-s.PadTop, 0), s.InH)
	return from, max(min((y1-1)*s.StrideH-s.PadTop+s.KernelH, s.InH), from)
}

// rowStep adds a step of one stage.
func (c *compiler) rowStep(n *model.Node, s *stage) {
	src, dst := rows{data: c.bytes[n.Inputs[0]]}, rows{data: c.bytes[n.Outputs[0]]}
	workers := c.needScratch(s.scratch)
	c.add(s.info, n, c.byRows(s.OutH, s.work, func(worker, y0, y1 int) { s.run(workers[worker], src, dst, y0, y1) }))
}

// findChains sets how many nodes from each one on are one step: more than one if at least fuseFrom bytes lie between them. A
// sum at the end is a part of it, too.
func (c *compiler) findChains(fuseFrom int) {
	g := c.graph
	c.chains = slices.Repeat([]int{1}, len(g.Nodes))
	if fuseFrom == 0 {
		return
	}
	reads := make([]int, len(g.Tensors))
	for i := range g.Nodes {
		for _, t := range g.Nodes[i].Inputs {
			if t >= 0 {
				reads[t]++
			}
		}
	}
	for _, t := range g.Outputs {
		reads[t]++
	}
	for i := 0; i < len(g.Nodes); i += c.chains[i] {
		for next := i + 1; next < len(g.Nodes) && c.chains[i] < maxStages; next++ {
			t := g.Nodes[next-1].Outputs[0]
			_, sum := g.Nodes[next].Op.(model.Add)
			worthwhile := c.size(t) >= fuseFrom || sum && c.chains[i] > 1
			if !worthwhile || reads[t] != 1 || !slices.Contains(g.Nodes[next].Inputs, t) ||
				!c.isStage(next-1, next-1 == i) || !c.isStage(next, false) {
				break
			}
			c.chains[i]++
		}
	}
}

// isStage reports whether stage compiles node i, as the first of its chain or a later one.
func (c *compiler) isStage(i int, first bool) bool {
	n := &c.graph.Nodes[i]
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	if len(in.Shape) != 4 || in.Type == model.Float32 {
		return false
	}
	switch n.Op.(type) {
	case model.Conv2D:
		w := c.tensor(n.Inputs[1])
		return w.Shape[3] == in.Shape[3] && (first || w.Shape[1] == 1 && w.Shape[2] == 1 && slices.Equal(in.Shape[:3], o.Shape[:3]))
	case model.DepthwiseConv2D:
		return true
	case model.Add:
		other := c.tensor(n.Inputs[1])
		return !first && slices.Equal(in.Shape, other.Shape) && in.Data == nil && other.Data == nil
	}
	return false
}

// stage compiles a node of a chain; before is the output of the node before it.
func (c *compiler) stage(n *model.Node, before int) (*stage, error) {
	switch op := n.Op.(type) {
	case model.Conv2D:
		return c.convStage(n, op)
	case model.DepthwiseConv2D:
		return c.depthwiseStage(n, op)
	default:
		return c.sumStage(n, n.Op.(model.Add), before)
	}
}

func (c *compiler) convStage(n *model.Node, op model.Conv2D) (*stage, error) {
	w, info := c.conv(n, op)
	in, out := c.tensor(n.Inputs[0]).Shape[3], c.tensor(n.Outputs[0]).Shape[3]
	s := &stage{info: info, Window: w, work: info.MACs, inRow: w.InW * in, outRow: w.OutW * out}
	if isPointwise(&w) {
		packed, err := c.packPointwise(n, op.Activation, w.OutH*w.OutW, in)
		if err != nil {
			return nil, err
		}
		s.info.Kernel, s.scratch = c.kernelName(packed), packed.Scratch
		s.run = func(scratch []byte, src, dst rows, y0, y1 int) {
			packed.Run(kernels.PointwiseCall{
				Src: src.data[(y0-src.first)*s.inRow:], Dst: dst.data[(y0-dst.first)*s.outRow:], Scratch: scratch,
				P1: (y1 - y0) * w.OutW, N1: out,
			})
		}
		return s, nil
	}
	most := max(maxPatches/(w.KernelH*w.KernelW*in), 1)
	p, err := c.packPatches(n, op, w, most)
	if err != nil {
		return nil, err
	}
	s.info.Kernel, s.scratch = c.kernelName(p.packed), p.scratch()
	s.run = func(scratch []byte, src, dst rows, y0, y1 int) { // src is the chain's input, from its first row on
		for at, end := y0*w.OutW, y1*w.OutW; at < end; at += most {
			p.run(scratch, src.data, dst.data[at*out-dst.first*s.outRow:], at, min(at+most, end))
		}
	}
	return s, nil
}

func (c *compiler) sumStage(n *model.Node, op model.Add, before int) (*stage, error) {
	o := c.operands(n)
	l, err := c.addLayer(o, op)
	if err != nil {
		return nil, err
	}
	h, row := o.out.Shape[1], o.out.Shape[2]*o.out.Shape[3]
	first := n.Inputs[0] == before
	other := o.bytesA
	if first {
		other = o.bytesB
	}
	packed := c.set.PackAdd(l)
	return &stage{
		info: StepInfo{Kind: "add", Kernel: c.set.Name}, work: macsPerByte * h * row, inRow: row, outRow: row,
		Window: kernels.Window{InH: h, OutH: h, KernelH: 1, StrideH: 1},
		run: func(_ []byte, src, dst rows, y0, y1 int) {
			size := (y1 - y0) * row
			a, b := src.data[(y0-src.first)*row:][:size], other[y0*row:][:size]
			if !first {
				a, b = b, a
			}
			packed.Run(kernels.AddCall{A: a, B: b, Dst: dst.data[(y0-dst.first)*row:][:size]})
		},
	}, nil
}

// maxStages bounds a chain: what several layers see of their inputs grows with each.
const maxStages = 8

// chain is stages that run band by band.
type chain struct {
	stages []*stage
	band   int      // rows of the last stage's output
	places []int    // in a worker's scratch: of each stage's output rows, and then of what a stage needs itself
	src    rows     // the first stage's input
	dst    rows     // the last one's output
	held   [][]held // by worker, then by stage but the last
}

// held are the rows [first, end) of a stage's output that lie in a worker's scratch, and the end that the band needs.
type held struct{ first, end, want int }

// chain adds a step for the chain that begins with node i.
func (c *compiler) chain(i int) error {
	nodes := c.graph.Nodes[i:][:c.chains[i]]
	first, last := &nodes[0], &nodes[len(nodes)-1]
	f := &chain{src: rows{data: c.bytes[first.Inputs[0]]}, dst: rows{data: c.bytes[last.Outputs[0]]}}
	info := StepInfo{Kind: "fused"}
	var by []string
	work, scratch := 0, 0
	for k := range nodes {
		n := &nodes[k]
		s, err := c.stage(n, nodes[max(k-1, 0)].Outputs[0])
		if err != nil {
			return fmt.Errorf("engine: %s: %w", c.place(i+k), err)
		}
		f.stages = append(f.stages, s)
		info.MACs, info.Parameters = info.MACs+s.info.MACs, info.Parameters+s.info.Parameters
		info.Layers, by = append(info.Layers, c.describe(s.info, n)), append(by, s.info.Kernel)
		work, scratch = work+s.work, max(scratch, s.scratch)
	}
	slices.Sort(by)
	info.Kernel = strings.Join(slices.Compact(by), ", ")
	info.Between = f.cut(c.threads)
	workers := c.needScratch(info.Between + scratch)
	for range c.threads {
		f.held = append(f.held, make([]held, len(nodes)-1, len(nodes)-1+alignment/8)) // two workers' apart
	}
	height := f.stages[len(nodes)-1].OutH
	s := c.byRows(f.bands(f.band), work, func(worker, b0, b1 int) {
		for b := b0; b < b1; b++ {
			f.run(workers[worker], f.held[worker], b*f.band, min((b+1)*f.band, height))
		}
	})
	s.begin = func(worker int) { clear(f.held[worker]) }
	c.add(info, &model.Node{Inputs: first.Inputs, Outputs: last.Outputs}, s)
	return nil
}

// cut chooses the band, sets places for it, and returns the bytes that lie between the stages. Of 56 rows in bands of 4
// the busiest of four threads would get 4 of 14 bands; it gets 7 of 28.
func (f *chain) cut(threads int) (size int) {
	height := f.stages[len(f.stages)-1].OutH
	for f.band = 1; f.band < height && f.place(2*f.band) <= bandBytes; {
		f.band *= 2
	}
	for most, rows := f.band, f.band; rows > 0 && 4*rows >= most; rows /= 2 {
		if f.bands(rows)%threads == 0 {
			f.band = rows
			break
		}
	}
	return f.place(f.band)
}

// bands returns how many bands of that many rows the output has.
func (f *chain) bands(rows int) int {
	return (f.stages[len(f.stages)-1].OutH + rows - 1) / rows
}

// place sets places for a band, and returns the bytes that lie between the stages.
func (f *chain) place(band int) (size int) {
	f.places = make([]int, len(f.stages))
	for k := len(f.stages) - 1; k > 0; k-- {
		s := f.stages[k]
		band = min((band-1)*s.StrideH+s.KernelH, s.InH)
		f.places[k-1] = size
		size += (band*s.inRow + alignment - 1) / alignment * alignment
	}
	f.places[len(f.stages)-1] = size
	return size
}

// run computes the output rows [y0, y1). If they follow those that the worker has computed last, it holds some of the rows
// that they depend on.
func (f *chain) run(scratch []byte, held []held, y0, y1 int) {
	last := len(f.stages) - 1
	from, to := y0, y1 // what is to be computed of stage k
	for k := last; k > 0; k-- {
		h, s := &held[k-1], f.stages[k]
		h.want = h.end
		if from == to {
			from, to = h.end, h.end
			continue
		}
		from, to = s.sees(from, to)
		if h.first <= from && from < h.end {
			at := scratch[f.places[k-1]:]
			copy(at, at[(from-h.first)*s.inRow:(h.end-h.first)*s.inRow])
			h.first = from
		} else {
			h.first, h.end = from, from
		}
		h.want = max(to, h.end)
		from, to = h.end, h.want
	}
	src, own := f.src, scratch[f.places[last]:]
	for k := range last {
		h, s := &held[k], f.stages[k]
		dst := rows{scratch[f.places[k]:][:(h.want-h.first)*s.outRow], h.first}
		if h.end < h.want {
			s.run(own, src, dst, h.end, h.want)
			h.end = h.want
		}
		src = dst
	}
	f.stages[last].run(own, src, f.dst, y0, y1)
}
