package engine

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"edge/model"
	"edge/quant"
)

// mean averages over some dimensions. For the usual case, all pixels of an image, that is
//
//	out[c] = clamp(zo + M · Σ_p (in[p][c] − zi)),  M = scale of in / scale of out / number of pixels
//
// The reference puts the division into the multiplier, in integers; so does this.
func (c *compiler) mean(n *model.Node, op model.Mean) error {
	in, o := c.tensor(n.Inputs[0]), c.tensor(n.Outputs[0])
	count := 1
	for _, axis := range op.Axes {
		count *= in.Shape[axis]
	}
	if rows := model.Elements(in.Shape[:len(in.Shape)-1]); rows > maxRows {
		return fmt.Errorf("a mean over %d rows, at most %d: %w", rows, maxRows, ErrMemory)
	}
	m, err := quant.MultiplierOf(float64(in.Quant[0].Scale) / float64(o.Quant[0].Scale))
	if err != nil {
		return err
	}
	shift := min(int32(bits.Len(uint(count)))-1, 32, 31+m.Shift)
	m = quant.Multiplier{Mantissa: int32(int64(m.Mantissa) << shift / int64(count)), Shift: m.Shift - shift}

	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	lo, hi := c.limits()
	zero, offset := c.zero(o), c.zero(in)*int32(count)
	result := func(sum int32) byte { return byte(min(max(zero+m.Apply(sum-offset), lo), hi)) }

	sign := byte(0) // what makes activations unsigned
	if c.set.Signed {
		sign = 0x80
		offset += 128 * int32(count)
	}
	if depth := len(dst); slices.Equal(op.Axes, []int{1, 2}) && depth >= 8 {
		c.add(StepInfo{Kind: "mean"}, n, c.byRows(depth/8, macsPerByte*len(src)/8, func(_, g0, g1 int) {
			eachColumn(src, depth, g0, g1, sign, func(at int, sum int32) { dst[at] = result(sum) })
		}))
		return nil
	}
	sums := make([]int32, len(dst))
	where := meanIndex(in.Shape, op.Axes)
	depth := len(where.inner)
	c.add(StepInfo{Kind: "mean"}, n, single(func() {
		clear(sums)
		for i, outer := range where.outer {
			to := sums[outer:]
			for k, b := range src[i*depth : (i+1)*depth] {
				to[where.inner[k]] += int32(b ^ sign)
			}
		}
		for i, sum := range sums {
			dst[i] = result(sum)
		}
	}))
	return nil
}

// eachColumn sums the columns of a matrix of bytes, which sign makes unsigned, with rows of depth bytes, at least 8. It
// passes on the sums of the groups of eight [g0, g1). The last of all groups also has the columns that are left.
func eachColumn(src []byte, depth, g0, g1 int, sign byte, visit func(at int, sum int32)) {
	end := g1 * 8
	if g1 == depth/8 {
		end = depth
	}
	for at := g0 * 8; at < end; at += 8 {
		at := min(at, depth-8) // the last eight overlap those before
		sums := columnSums(src[at:], depth, sign)
		for i, sum := range sums {
			visit(at+i, sum)
		}
	}
}

// columnSums sums the first eight columns of a matrix of bytes, as many rows as there are, four columns to a word:
//
//	even: columns 0, 2, 4, 6; odd: columns 1, 3, 5, 7; 16 bits each, which hold the sum of 257 bytes
func columnSums(src []byte, row int, sign byte) (sums [8]int32) {
	const low, most = 0x00ff00ff00ff00ff, 257
	signs := uint64(sign) * 0x0101010101010101
	for len(src) >= 8 {
		var even, odd uint64
		for r := 0; r < most && len(src) >= 8; r++ {
			x := binary.LittleEndian.Uint64(src) ^ signs
			even += x & low
			odd += x >> 8 & low
			src = src[min(row, len(src)):]
		}
		for i := range 4 {
			sums[2*i] += int32(even >> (16 * i) & 0xffff)
			sums[2*i+1] += int32(odd >> (16 * i) & 0xffff)
		}
	}
	return sums
}

// reduceMax takes the greatest over some dimensions.
func (c *compiler) reduceMax(n *model.Node, op model.ReduceMax) error {
	in := c.tensor(n.Inputs[0])
	if rows := model.Elements(in.Shape[:len(in.Shape)-1]); rows > maxRows {
		return fmt.Errorf("a maximum over %d rows, at most %d: %w", rows, maxRows, ErrMemory)
	}
	src, dst := c.bytes[n.Inputs[0]], c.bytes[n.Outputs[0]]
	where := meanIndex(in.Shape, op.Axes)
	depth := len(where.inner)
	sign := byte(0) // turns activations into unsigned ones of the same order
	if c.set.Signed {
		sign = 0x80
	}
	c.add(StepInfo{Kind: "max"}, n, single(func() {
		fill(dst, sign) // the least
		for i, outer := range where.outer {
			to := dst[outer:]
			for k, b := range src[i*depth : (i+1)*depth] {
				at := where.inner[k]
				to[at] = max(to[at]^sign, b^sign) ^ sign
			}
		}
	}))
	return nil
}

// meanPlaces says where an input element's sum is: outer[its row] + inner[its place in the row], a row being the last
// dimension.
type meanPlaces struct{ outer, inner []int }

func meanIndex(shape, axes []int) meanPlaces {
	last := len(shape) - 1
	strides := make([]int, len(shape)) // in the output; 0 along what is averaged
	step := 1
	for d := last; d >= 0; d-- {
		if !slices.Contains(axes, d) {
			strides[d] = step
			step *= shape[d]
		}
	}
	w := meanPlaces{inner: make([]int, shape[last]), outer: make([]int, model.Elements(shape[:last]))}
	for k := range w.inner {
		w.inner[k] = k * strides[last]
	}
	for i := range w.outer {
		at := i
		for d := last - 1; d >= 0; d-- {
			w.outer[i] += at % shape[d] * strides[d]
			at /= shape[d]
		}
	}
	return w
}
