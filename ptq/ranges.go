package ptq

import (
	"math"

	"edge/model"
	"edge/quant"
)

// interval is the range of real values that a tensor's 256 steps cover. It contains 0, so that zeros are exact.
type interval struct{ lo, hi float64 }

// params are the scale and the zero point for int8.
func (r interval) params() quant.Params {
	lo, hi := min(r.lo, 0), max(r.hi, 0)
	if hi == lo { // a tensor of zeros: any scale will do
		return quant.Params{Scale: 1}
	}
	scale := float32((hi - lo) / 255)
	if scale < leastScale {
		scale = leastScale
	}
	zero := math.Round(-128 - lo/float64(scale))
	return quant.Params{Scale: scale, ZeroPoint: int32(min(max(zero, -128), 127))}
}

// leastScale keeps scales, products of two of them, and what a fused activation is in their steps, far from what float32
// and int32 can't hold.
const leastScale = 1e-7

// chooseParams returns each activation's scale and zero point. Tensors that only move or select values have those of
// their source. What the file gives (Tensor.Quant) stays; kept counts those tensors.
func chooseParams(g *model.Graph, spreads []spread, how Ranges) (params []quant.Params, kept int, err error) {
	home := groups(g)
	ranges := make([]interval, len(g.Tensors)) // by home
	set := make([]*quant.Params, len(g.Tensors))
	widen := func(t int, r interval) {
		to := &ranges[home[t]]
		to.lo, to.hi = min(to.lo, r.lo), max(to.hi, r.hi)
	}
	give := func(t int) {
		if q := g.Tensors[t].Quant; len(q) == 1 {
			set[home[t]] = &q[0]
		}
	}
	in := g.Inputs[0]
	widen(in, inputRange(g, &spreads[in]))
	give(in)
	for i, n := range g.Nodes {
		out := n.Outputs[0]
		row, err := rowOf(g, i)
		if err != nil {
			return nil, 0, err
		}
		_, joined := n.Op.(model.Concatenation)
		if row.output == measured || joined {
			widen(out, useful(g, out, spreads[out].choose(how)))
		}
		give(out)
	}
	for i, n := range g.Nodes {
		row, _ := rowOf(g, i)
		if row.output != fixed {
			continue
		}
		out := n.Outputs[0]
		set[home[out]] = &row.params
	}
	params = make([]quant.Params, len(g.Tensors))
	for t := range params {
		params[t] = ranges[home[t]].params()
		if p := set[home[t]]; p != nil {
			params[t] = *p
		}
		if q := g.Tensors[t].Quant; g.Tensors[t].Data == nil && len(q) == 1 && q[0] == params[t] {
			kept++
		}
	}
	return params, kept, nil
}

// useful is the part of a tensor's range that makes a difference to the only operation that reads it.
func useful(g *model.Graph, t int, r interval) interval {
	reader := onlyReader(g, t)
	if reader < 0 {
		return r
	}
	if row, err := rowOf(g, reader); err == nil && row.useful != nil {
		lo, hi := row.useful(g.Nodes[reader].Op)
		r.lo, r.hi = max(r.lo, float64(lo)), min(r.hi, float64(hi))
	}
	return r
}

// groups returns for each tensor the one that stands for all those that are quantized alike. What a concatenation joins
// is, too, unless its scale is given or fixed: that is brought to the output's by a Quantize (see rescale).
func groups(g *model.Graph) []int {
	home := make([]int, len(g.Tensors))
	for t := range home {
		home[t] = t
	}
	join := func(a, b int) {
		from, to := home[b], home[a]
		for t := range home {
			if home[t] == from {
				home[t] = to
			}
		}
	}
	set := make([]bool, len(g.Tensors)) // by home
	for i, n := range g.Nodes {
		row, _ := rowOf(g, i)
		if _, joined := n.Op.(model.Concatenation); row.output == likeInput && !joined {
			join(n.Outputs[0], n.Inputs[0])
		}
	}
	for i, n := range g.Nodes {
		row, _ := rowOf(g, i)
		out := n.Outputs[0]
		set[home[out]] = set[home[out]] || row.output == fixed || len(g.Tensors[out].Quant) == 1
	}
	for _, n := range g.Nodes {
		if _, joined := n.Op.(model.Concatenation); !joined {
			continue
		}
		for _, t := range n.Inputs {
			if !set[home[t]] {
				was := set[home[n.Outputs[0]]]
				join(n.Outputs[0], t)
				set[home[n.Outputs[0]]] = was
			}
		}
	}
	return home
}

// inputRange is what all pixels from 0 to 255 become, if that is known.
func inputRange(g *model.Graph, s *spread) interval {
	n := g.Normalization
	if n == nil {
		return interval{float64(s.lo), float64(s.hi)}
	}
	var r interval
	for c, mean := range n.Mean {
		r.lo = min(r.lo, float64((0-mean)/n.Std[c]))
		r.hi = max(r.hi, float64((255-mean)/n.Std[c]))
	}
	return r
}

// choose returns the range for a tensor.
func (s *spread) choose(how Ranges) interval {
	switch {
	case s.hi == s.lo || how == MinMax:
		return interval{float64(s.lo), float64(s.hi)}
	case how == Percentile:
		return s.percentile(0.0001)
	}
	return s.leastError()
}

// percentile leaves out a share of the values at each end.
func (s *spread) percentile(share float64) interval {
	var total uint64
	for _, n := range s.bins {
		total += n
	}
	most := uint64(share * float64(total))
	first, last := 0, binCount-1
	for below := s.bins[first]; below <= most; below += s.bins[first] {
		first++
	}
	for above := s.bins[last]; above <= most; above += s.bins[last] {
		last--
	}
	width := float64(s.hi-s.lo) / binCount
	return interval{float64(s.lo) + float64(first)*width, float64(s.lo) + float64(last+1)*width}
}

// leastError tries narrower and narrower ranges, first at the upper end, then at the lower.
func (s *spread) leastError() interval {
	const tries = 64
	full := interval{min(float64(s.lo), 0), max(float64(s.hi), 0)}
	best, least := full, s.error(full)
	try := func(r interval) {
		if e := s.error(r); e < least {
			best, least = r, e
		}
	}
	for i := 1; i < tries; i++ {
		try(interval{full.lo, full.hi * (1 - float64(i)/tries)})
	}
	hi := best.hi
	for i := 1; i < tries; i++ {
		try(interval{full.lo * (1 - float64(i)/tries), hi})
	}
	return best
}

// error is the sum of the squared errors that steps of such a range cause.
func (s *spread) error(r interval) float64 {
	step := (r.hi - r.lo) / 255
	if step == 0 {
		return math.Inf(1)
	}
	rounding := step * step / 12
	sum := 0.
	for i, n := range s.bins {
		if n == 0 {
			continue
		}
		v := s.center(i)
		switch e := max(r.lo-v, v-r.hi); {
		case e > step/2:
			sum += float64(n) * e * e
		case v > step/2 || v < -step/2 || s.lo != 0: // the zeros of a ReLU are exact
			sum += float64(n) * rounding
		}
	}
	return sum
}
