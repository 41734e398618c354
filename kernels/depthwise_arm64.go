//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// A depthwise layer is computed in panels of eight channels, row by row. If the channels aren't a multiple of eight,
// the last panel takes the last eight, and some channels are computed twice. There are kernels for 3×3 and 5×5 with strides
// 1 and 2, and one for all other windows and weights (depthwise_taps_arm64.go). Depth multipliers, less than eight channels
// and rounding once are left to the generic code.

// depthwiseCall is one output row, or two, of some panels.
type depthwiseCall struct {
	rows        [7]*byte // the input's rows, from the first column on
	steps       [7]int   // from column to column: the channels, or 0 for a row of padding
	dst         [2]*byte
	dstSteps    [2]int
	padding     *byte // eight activations of padding
	left, right int   // columns of padding: at most half a window
	width       int   // output pixels
	panel       *byte
	blocks      int
}

// Which kernel computes a panel.
const (
	depthwiseDot     = iota // weights are int8
	depthwisePairs          // and no two of them, whose products are summed in 16 bits, are −128
	depthwiseColumns        // and the magnitudes of each column of three are at most 255 together
	depthwiseWide           // weights are int16
	depthwiseDot5x5         // weights are int8, of a 5×5 layer
)

// A panel's size in bytes: channels8, and the weights as its kernel wants them.
const (
	depthwisePanel         = int(unsafe.Sizeof(channels8{})) + 3*64
	depthwisePanel5x5      = int(unsafe.Sizeof(channels8{})) + 10*64
	depthwisePanel5x5Pairs = int(unsafe.Sizeof(channels8{})) + 26*8
)

// isSquare reports whether the kernels for windows of that size can compute the layer. They compute two rows of a panel in
// one call, as wide as they are.
func isSquare(l *DepthwiseLayer, size int) bool {
	right := (l.OutW-1)*l.StrideW + size - l.PadLeft - l.InW
	return l.KernelH == size && l.KernelW == size && l.StrideH == l.StrideW && l.StrideH <= 2 &&
		l.PadLeft <= size/2 && right <= min(size/2, l.OutW) && 2*8*size*size*l.OutW <= callMACs
}

// depthwisePanels is a layer as the kernels read it: those for 3×3 or 5×5 windows, or those for any.
type depthwisePanels struct {
	Window
	in      int // channels
	srcZero byte
	panels  []byte
	size    int    // of a panel
	outside []byte // what a pixel becomes that sees nothing of the input; for any windows only
}

func packDepthwiseNeonDot(l DepthwiseLayer) *Depthwise { return packDepthwise(l, true) }
func packDepthwiseNeon(l DepthwiseLayer) *Depthwise    { return packDepthwise(l, false) }

func packDepthwise(l DepthwiseLayer, dot bool) *Depthwise {
	if l.Multiplier > 1 || l.In < 8 || l.Once {
		return packGenericDepthwise[int8](l)
	}
	p := &depthwisePanels{Window: l.Window, in: l.In, srcZero: byte(l.SrcZero)}
	const besides = 2 // rows: one of padding, and one for what isn't wanted
	switch {
	case isSquare(&l, 3):
		p.pack(&l, depthwisePanel, func(panel []byte, n int) { packDepthwisePanel(&l, panel, n, dot) })
		return &Depthwise{Scratch: besides * l.In, run: p.runRows}
	case isSquare(&l, 5) && dot && areInt8(&l):
		p.pack(&l, depthwisePanel5x5, func(panel []byte, n int) { packDepthwisePanel5x5(&l, panel, n) })
		return &Depthwise{Scratch: besides * l.In, run: p.runRows}
	case isSquare(&l, 5) && arePairs(&l):
		p.pack(&l, depthwisePanel5x5Pairs, func(panel []byte, n int) { packDepthwisePanel5x5Pairs(&l, panel, n) })
		return &Depthwise{Scratch: 5 * p.paddedRow(), run: p.runPadded}
	}
	p.pack(&l, depthwisePanelTaps(&l), func(panel []byte, n int) { packDepthwisePanelTaps(&l, panel, n) })
	p.outside = make([]byte, l.In)
	for n := range p.outside {
		p.outside[n] = l.apply(n, l.Bias[n])
	}
	return &Depthwise{run: p.runTaps}
}

// pack packs panels of that size: one packs that of the channels from n on.
func (p *depthwisePanels) pack(l *DepthwiseLayer, size int, one func(panel []byte, n int)) {
	p.size, p.panels = size, make([]byte, (l.In+7)/8*size)
	for i := range (l.In + 7) / 8 {
		n, panel := min(i*8, l.In-8), p.panels[i*size:][:size]
		h := at[channels8](panel, 0)
		h.header = l.header(n, n+8, func(n int) int64 { return reach(l.Bias[n], l.Weights[n:], l.In, l.WeightZero) })
		h.channel = int64(n)
		for i := range h.bias {
			h.bias[i] = l.Bias[n+i]
			h.multiplier[i], h.right[i], h.left[i] = l.split(n + i)
		}
		one(panel, n)
	}
}

// withoutZero takes the activations' zero point out of a panel's biases: its kernel multiplies them as they are.
func (h *channels8) withoutZero(l *DepthwiseLayer) {
	for i := range h.bias {
		for tap := range l.KernelH * l.KernelW {
			h.bias[i] -= l.SrcZero * l.weight(tap, int(h.channel)+i)
		}
	}
}

// weight returns a channel's weight without its zero point.
func (l *DepthwiseLayer) weight(tap, n int) int32 { return int32(l.Weights[tap*l.In+n]) - l.WeightZero }

// packDepthwisePanel packs the weights of the channels from n on, for depthwise_arm64.s.
func packDepthwisePanel(l *DepthwiseLayer, panel []byte, n int, dot bool) {
	h := at[channels8](panel, 0)
	h.withoutZero(l)
	var weights [8]taps
	for i := range weights {
		for j := range weights[i] { // by columns
			weights[i][j] = int16(l.weight(j%3*3+j/3, n+i))
		}
	}
	h.mode = depthwiseMode(&weights, dot)
	packed := panel[unsafe.Sizeof(*h):]
	for i, w := range weights {
		for j, v := range w {
			switch column, row := j/3, j%3; h.mode {
			case depthwiseDot: // column | channels 0…3 of rows 0, 1, 2 and none, channels 4…7
				packed[column*32+i*4+row] = byte(v)
				if l.StrideH == 1 { // for the second output row: none, 0, 1, 2
					packed[3*32+column*32+i*4+row+1] = byte(v)
				}
			case depthwiseWide: // column | row | channels 0…7
				binary.LittleEndian.PutUint16(packed[(j*8+i)*2:], uint16(v))
			default:
				packed[j*8+i] = byte(v)
			}
		}
	}
}

// taps are a channel's weights by columns, minus their zero point.
type taps [9]int16

func depthwiseMode(weights *[8]taps, dot bool) int64 {
	const most = 32767 / 128
	mode := int64(depthwiseColumns)
	for _, w := range weights {
		magnitude := func(from, to int) (sum int) {
			for _, v := range w[from:min(to, len(w))] {
				sum += max(int(v), -int(v))
			}
			return sum
		}
		for j, v := range w {
			if int16(int8(v)) != v || !dot && j%2 == 0 && magnitude(j, j+2) > most {
				return depthwiseWide
			}
			if j%3 == 0 && magnitude(j, j+3) > most {
				mode = depthwisePairs
			}
		}
	}
	if dot {
		return depthwiseDot
	}
	return mode
}

// runRows computes the output rows [Y0, Y1) of a 3×3 or 5×5 layer.
func (p *depthwisePanels) runRows(c DepthwiseCall) {
	padding, unwanted := c.Scratch[:p.in], c.Scratch[p.in:][:p.in]
	for i := range padding {
		padding[i] = p.srcZero
	}
	right := max(0, (p.OutW-1)*p.StrideW+p.KernelW-p.PadLeft-p.InW)
	most := max(1, callMACs/(2*8*p.KernelH*p.KernelW*p.OutW)) // panels of one call
	for from := 0; from < len(p.panels); {
		mode := at[header](p.panels, from).mode
		to := from + p.size
		for to < len(p.panels) && to < from+most*p.size && at[header](p.panels, to).mode == mode {
			to += p.size
		}
		call := depthwiseCall{
			padding: &padding[0], left: p.PadLeft, right: right, width: p.OutW,
			panel: &p.panels[from], blocks: (to - from) / p.size,
		}
		rows := 1
		if mode == depthwiseDot && p.StrideH == 1 || mode == depthwiseDot5x5 {
			rows = 2
		}
		for y := c.Y0; y < c.Y1; y += rows {
			for i := range (rows-1)*p.StrideH + p.KernelH {
				call.rows[i], call.steps[i] = &padding[0], 0
				row := y*p.StrideH - p.PadTop + i
				if from := (row - c.SrcY) * p.InW * p.in; row >= 0 && row < p.InH && from < len(c.Src) {
					call.rows[i], call.steps[i] = &c.Src[from], p.in
				}
			}
			for i := range call.dst {
				call.dst[i], call.dstSteps[i] = &unwanted[0], 0
				if y+i < c.Y1 {
					call.dst[i], call.dstSteps[i] = &c.Dst[(y+i-c.DstY)*p.OutW*p.in], p.in
				}
			}
			call.run(mode, p.StrideH)
		}
		from = to
	}
}

func (c *depthwiseCall) run(mode int64, stride int) {
	switch {
	case mode == depthwiseDot5x5 && stride == 1:
		depthwise_5x5s1_8ch__neondot(c)
	case mode == depthwiseDot5x5:
		depthwise_5x5s2_8ch__neondot(c)
	case mode == depthwiseDot && stride == 1:
		depthwise_3x3s1_8ch__neondot(c)
	case mode == depthwiseDot:
		depthwise_3x3s2_8ch__neondot(c)
	case mode == depthwisePairs && stride == 1:
		depthwise_3x3s1_8ch_pairs__neon(c)
	case mode == depthwisePairs:
		depthwise_3x3s2_8ch_pairs__neon(c)
	case mode == depthwiseColumns && stride == 1:
		depthwise_3x3s1_8ch_columns__neon(c)
	case mode == depthwiseColumns:
		depthwise_3x3s2_8ch_columns__neon(c)
	case stride == 1:
		depthwise_3x3s1_8ch_wide__neon(c)
	default:
		depthwise_3x3s2_8ch_wide__neon(c)
	}
}
