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
	if depth := len(dst); slices.Equal(op.Axes, []int{1, 2}) && depth >= 8 && count <= maxColumn {
		c.add(StepInfo{Kind: "mean"}, n, single(func() {
			for at := 0; at < depth; at += 8 {
				at := min(at, depth-8) // the last eight overlap those before
				sums := columnSums(src[at:], depth, sign)
				for i := range 8 {
					dst[at+i] = result(int32(sums[i%2] >> (i / 2 * 16) & 0xffff))
				}
			}
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

// maxColumn is how many bytes can be summed in 16 bits.
const maxColumn = 257

// columnSums sums the first eight columns of a matrix of bytes with rows of so many, as many as there are, four to a
// word:
//
//	sums[0]: columns 0, 2, 4, 6; sums[1]: columns 1, 3, 5, 7; 16 bits each
func columnSums(src []byte, row int, sign byte) (sums [2]uint64) {
	const low = 0x00ff00ff00ff00ff
	signs := uint64(sign) * 0x0101010101010101
	for ; len(src) >= 8; src = src[min(row, len(src)):] {
		x := binary.LittleEndian.Uint64(src) ^ signs
		sums[0] += x & low
		sums[1] += x >> 8 & low
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

// meanPlaces tells where an input element's sum is: outer[its row] + inner[its place in the row], a row being the last
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
