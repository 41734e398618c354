//go:build !purego

package kernels

import (
	"math"
	"unsafe"
)

// areInt8 reports whether weights fit into int8 without their zero point.
func areInt8(l *DepthwiseLayer) bool {
	for _, w := range l.Weights {
		if w := int32(w) - l.WeightZero; int32(int8(w)) != w {
			return false
		}
	}
	return true
}

// packDepthwisePanel5x5 packs the weights of the channels from n on, for depthwise_5x5_neondot_arm64.s: group | output row |
// channel | four rows of a column, or two rows of two.
func packDepthwisePanel5x5(l *DepthwiseLayer, panel []byte, n int) {
	h := at[channels8](panel, 0)
	h.withoutZero(l)
	h.mode = depthwiseDot5x5
	weights := panel[unsafe.Sizeof(*h):]
	for tap := range 25 {
		for output := range 2 {
			group, place := group5x5(tap%5, tap/5+output*l.StrideH, l.StrideH)
			for i := range 8 {
				weights[group*64+output*32+i*4+place] = byte(l.weight(tap, n+i))
			}
		}
	}
}

// group5x5 says with which group of weights, and there where, a row of the input in a column is multiplied.
func group5x5(column, row, stride int) (group, place int) {
	switch {
	case stride == 2:
		return 2*column + row/4, row % 4
	case row < 4:
		return column, row
	case column == 4: // beside column 3, which is beside column 2, too
		return 7, row - 2
	}
	return 5 + column/2, row - 4 + column%2*2
}

// paddedCall is one output row of some panels of a 5×5 layer.
type paddedCall struct {
	rows            [5]*byte // the input's, with their columns of padding
	step, pixelStep int      // bytes from column to column, from pixel to pixel
	dst             *byte
	dstStep         int
	width           int // output pixels
	panel           *byte
	blocks          int
}

// arePairs reports whether weights fit into int8, and the products of two taps next to each other together into 16 bits.
func arePairs(l *DepthwiseLayer) bool {
	if !areInt8(l) {
		return false
	}
	for n := range l.In {
		for tap := 0; tap+1 < 25; tap += 2 {
			a, b := l.weight(tap, n), l.weight(tap+1, n)
			if 128*(max(a, -a)+max(b, -b)) > math.MaxInt16 {
				return false
			}
		}
	}
	return true
}

// packDepthwisePanel5x5Pairs packs the weights of the channels from n on, for depthwise_5x5_neon_arm64.s: tap | channel.
func packDepthwisePanel5x5Pairs(l *DepthwiseLayer, panel []byte, n int) {
	h := at[channels8](panel, 0)
	h.withoutZero(l)
	weights := panel[unsafe.Sizeof(*h):]
	for tap := range 25 {
		for i := range 8 {
			weights[tap*8+i] = byte(l.weight(tap, n+i))
		}
	}
}

// paddedRow is the size of a row of the input with its padding, and with what the kernel reads ahead: a pixel's columns.
func (p *depthwisePanels) paddedRow() int { return ((p.OutW-1)*p.StrideW + 5 + p.StrideW) * p.in }

// runPadded computes the output rows [Y0, Y1) of a 5×5 layer. Five rows of the input, with their padding, are in the scratch memory,
// row y in the place y modulo 5.
func (p *depthwisePanels) runPadded(c DepthwiseCall) {
	size := p.paddedRow()
	left := p.PadLeft * p.in
	right := min(left+p.InW*p.in, size)
	place := func(row int) []byte { return c.Scratch[(row%5+5)%5*size:][:size] }
	for i := range 5 {
		p.fill(place(i)[:left])
		p.fill(place(i)[right:])
	}
	call := paddedCall{step: p.in, pixelStep: p.StrideW * p.in, dstStep: p.in, width: p.OutW}
	most := max(1, callMACs/(8*25*p.OutW)) * p.size
	next := c.Y0*p.StrideH - p.PadTop
	for y := c.Y0; y < c.Y1; y++ {
		top := y*p.StrideH - p.PadTop
		for ; next < top+5; next++ {
			if next < 0 || next >= p.InH {
				p.fill(place(next))
			} else {
				copy(place(next)[left:right], c.Src[(next-c.SrcY)*p.InW*p.in:])
			}
		}
		for i := range call.rows {
			call.rows[i] = &place(top + i)[0]
		}
		call.dst = &c.Dst[(y-c.DstY)*p.OutW*p.in]
		for from := 0; from < len(p.panels); from += most {
			call.panel, call.blocks = &p.panels[from], min(most, len(p.panels)-from)/p.size
			depthwise_5x5_8ch_pairs__neon(&call)
		}
	}
}

// fill fills with what padding is.
func (p *depthwisePanels) fill(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = p.srcZero
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
