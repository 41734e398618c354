//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// A depthwise layer is computed in panels of eight channels, row by row. If the channels aren't a multiple of eight,
// the last panel takes the last eight, and some channels are computed twice. There are kernels for 3×3 with strides 1
// and 2, and one for all other windows (depthwise_taps_arm64.go). Depth multipliers, less than eight channels and
// rounding once are left to the generic code.

// depthwiseCall is one output row, or two, of some panels.
type depthwiseCall struct {
	rows        [4]*byte // the input's rows, from the first column on
	steps       [4]int   // from column to column: the channels, or 0 for a row of padding
	dst         [2]*byte
	dstSteps    [2]int
	padding     *byte // eight activations of padding
	left, right int   // columns of padding: 0 or 1
	width       int   // output pixels
	panel       *byte
	blocks      int
}

//go:noescape
func depthwiseDot1(call *depthwiseCall)

//go:noescape
func depthwiseDot2(call *depthwiseCall)

//go:noescape
func depthwisePairs1(call *depthwiseCall)

//go:noescape
func depthwisePairs2(call *depthwiseCall)

//go:noescape
func depthwiseColumns1(call *depthwiseCall)

//go:noescape
func depthwiseColumns2(call *depthwiseCall)

//go:noescape
func depthwiseWide1(call *depthwiseCall)

//go:noescape
func depthwiseWide2(call *depthwiseCall)

// Which code computes a layer.
const (
	depthwise3x3 = iota
	depthwiseTapByTap
	depthwiseGeneric
)

// Which kernel computes a panel of a 3×3 layer.
const (
	depthwiseDot     = iota // weights are int8
	depthwisePairs          // and no two of them, whose products are summed in 16 bits, are −128
	depthwiseColumns        // and the magnitudes of each column of three are at most 255 together
	depthwiseWide           // weights are int16
)

// depthwisePanel is a panel's size in bytes: channels8, and the weights as its kernel wants them.
const depthwisePanel = int(unsafe.Sizeof(channels8{})) + 3*64

// is3x3 reports whether the kernels for 3×3 can compute the layer. They compute two rows of a panel in one call, as wide as
// they are.
func is3x3(a *DepthwiseArgs) bool {
	right := (a.OutW-1)*a.StrideW + a.KernelW - a.PadLeft - a.InW
	return a.KernelH == 3 && a.KernelW == 3 && a.StrideH == a.StrideW && a.StrideH <= 2 && a.PadLeft <= 1 && right <= 1 &&
		2*8*9*a.OutW <= callMACs
}

func prepareDotDepthwise(a *DepthwiseArgs)  { prepareDepthwise(a, true) }
func prepareNeonDepthwise(a *DepthwiseArgs) { prepareDepthwise(a, false) }

func prepareDepthwise(a *DepthwiseArgs, dot bool) {
	panels := (a.In + 7) / 8
	switch {
	case a.Multiplier > 1 || a.In < 8 || a.Once:
		a.native.depthwise = depthwiseGeneric
		prepareGenericDepthwise(a)
	case is3x3(a):
		a.native.depthwise = depthwise3x3
		a.Scratch = 2 * a.In // a row of padding, and one for what isn't wanted
		a.weights = make([]byte, panels*depthwisePanel)
		for i := range panels {
			packDepthwise(a, a.weights[i*depthwisePanel:][:depthwisePanel], min(i*8, a.In-8), dot)
		}
	default:
		a.native.depthwise = depthwiseTapByTap
		a.Scratch = 0
		size := tapsPanel(a)
		a.weights = make([]byte, panels*size)
		for i := range panels {
			packTaps(a, a.weights[i*size:][:size], min(i*8, a.In-8))
		}
	}
}

// packDepthwise packs the panel of the channels from n on.
func packDepthwise(a *DepthwiseArgs, panel []byte, n int, dot bool) {
	h := at[channels8](panel, 0)
	h.header = a.header(n, n+8, func(n int) int64 { return reach(a.Bias[n], a.Weights[n:], a.In, a.WeightZero) })
	h.channel = int64(n)
	var weights [8]taps
	for i := range weights {
		sum := int32(0)
		for j := range weights[i] { // by columns
			w := int32(a.Weights[(j%3*3+j/3)*a.In+n+i]) - a.WeightZero
			weights[i][j] = int16(w)
			sum += w
		}
		h.bias[i] = a.Bias[n+i] - a.SrcZero*sum
		h.multiplier[i], h.right[i], h.left[i] = a.split(n + i)
	}
	h.mode = depthwiseMode(&weights, dot)
	packed := panel[unsafe.Sizeof(*h):]
	for i, w := range weights {
		for j, v := range w {
			switch column, row := j/3, j%3; h.mode {
			case depthwiseDot: // column | channels 0…3 of rows 0, 1, 2 and none, channels 4…7
				packed[column*32+i*4+row] = byte(v)
				if a.StrideH == 1 { // for the second output row: none, 0, 1, 2
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

// depthwise computes the output rows [y0, y1).
func depthwise(a *DepthwiseArgs, scratch []byte, y0, y1 int) {
	switch a.native.depthwise {
	case depthwiseGeneric:
		genericDepthwise[int8](a, scratch, y0, y1)
	case depthwise3x3:
		depthwiseRows(a, scratch, y0, y1)
	default:
		tapByTap(a, y0, y1)
	}
}

// depthwiseRows computes output rows of a 3×3 layer.
func depthwiseRows(a *DepthwiseArgs, scratch []byte, y0, y1 int) {
	padding := scratch[:a.In]
	for i := range padding {
		padding[i] = byte(a.SrcZero)
	}
	right := max(0, (a.OutW-1)*a.StrideW+3-a.PadLeft-a.InW)
	most := max(1, callMACs/(2*8*9*a.OutW)) // panels of one call
	for from := 0; from < len(a.weights); {
		mode := at[header](a.weights, from).mode
		to := from + depthwisePanel
		for to < len(a.weights) && to < from+most*depthwisePanel && at[header](a.weights, to).mode == mode {
			to += depthwisePanel
		}
		call := depthwiseCall{
			padding: &padding[0], left: a.PadLeft, right: right, width: a.OutW,
			panel: &a.weights[from], blocks: (to - from) / depthwisePanel,
		}
		rows := 1
		if mode == depthwiseDot && a.StrideH == 1 {
			rows = 2
		}
		for y := y0; y < y1; y += rows {
			for i := range call.rows {
				call.rows[i], call.steps[i] = &padding[0], 0
				if row := y*a.StrideH - a.PadTop + i; row >= 0 && row < a.InH {
					call.rows[i], call.steps[i] = &a.Src[row*a.InW*a.In], a.In
				}
			}
			for i := range call.dst {
				call.dst[i], call.dstSteps[i] = &scratch[a.In], 0
				if y+i < y1 {
					call.dst[i], call.dstSteps[i] = &a.Dst[(y+i)*a.OutW*a.In], a.In
				}
			}
			call.run(mode, a.StrideH)
		}
		from = to
	}
}

func (c *depthwiseCall) run(mode int64, stride int) {
	switch {
	case mode == depthwiseDot && stride == 1:
		depthwiseDot1(c)
	case mode == depthwiseDot:
		depthwiseDot2(c)
	case mode == depthwisePairs && stride == 1:
		depthwisePairs1(c)
	case mode == depthwisePairs:
		depthwisePairs2(c)
	case mode == depthwiseColumns && stride == 1:
		depthwiseColumns1(c)
	case mode == depthwiseColumns:
		depthwiseColumns2(c)
	case stride == 1:
		depthwiseWide1(c)
	default:
		depthwiseWide2(c)
	}
}
