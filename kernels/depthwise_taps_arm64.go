//go:build !purego

package kernels

import (
	"encoding/binary"
	"unsafe"
)

// tapsCall is output pixels next to each other whose windows, without what lies outside of the input, are of one size.
type tapsCall struct {
	src, dst                          *byte // the first pixel's first tap; the first pixel
	step, rowStep, pixelStep, dstStep int   // bytes from column to column, row to row, pixel to pixel
	rows, columns                     int
	width                             int // pixels
	panel                             *byte
	blocks, panelSize                 int
	firstWeight, weightRow            int // bytes to the first tap's weights, and from row to row
	zero                              [8]int8
}

//go:noescape
func depthwiseTaps(call *tapsCall)

// tapsPanel is the size of a panel in bytes: channels8, and for each tap eight channels' weights of 16 bits.
func tapsPanel(a *DepthwiseArgs) int { return int(unsafe.Sizeof(channels8{})) + a.KernelH*a.KernelW*16 }

// packTaps packs the panel of the channels from n on.
func packTaps(a *DepthwiseArgs, panel []byte, n int) {
	h := at[channels8](panel, 0)
	h.header = a.header(n, n+8, func(n int) int64 { return reach(a.Bias[n], a.Weights[n:], a.In, a.WeightZero) })
	h.channel = int64(n)
	weights := panel[unsafe.Sizeof(*h):]
	for i := range 8 {
		h.bias[i] = a.Bias[n+i]
		h.multiplier[i], h.right[i], h.left[i] = a.split(n + i)
		for tap := range a.KernelH * a.KernelW {
			w := int32(a.Weights[tap*a.In+n+i]) - a.WeightZero
			binary.LittleEndian.PutUint16(weights[(tap*8+i)*2:], uint16(w))
		}
	}
}

// tapByTap computes the output rows [y0, y1).
func tapByTap(a *DepthwiseArgs, y0, y1 int) {
	c := tapsCall{
		step: a.In, rowStep: a.InW * a.In, pixelStep: a.StrideW * a.In, dstStep: a.In,
		panelSize: tapsPanel(a), weightRow: a.KernelW * 16,
	}
	for i := range c.zero {
		c.zero[i] = int8(a.SrcZero)
	}
	for y := y0; y < y1; y++ {
		top := y*a.StrideH - a.PadTop
		i0, i1 := inside(top, a.KernelH, a.InH)
		for x := 0; x < a.OutW; x += c.width {
			left := x*a.StrideW - a.PadLeft
			j0, j1 := inside(left, a.KernelW, a.InW)
			c.rows, c.columns, c.width = max(i1-i0, 0), max(j1-j0, 0), 1
			widest := max(1, callMACs/(a.KernelH*a.KernelW*8))
			for ; c.columns == a.KernelW && x+c.width < a.OutW && c.width < widest; c.width++ {
				if left+c.width*a.StrideW+a.KernelW > a.InW {
					break
				}
			}
			if c.rows == 0 || c.columns == 0 { // wholly in the padding
				outside(a, a.Dst[(y*a.OutW+x)*a.In:][:a.In])
				continue
			}
			c.src, c.dst = &a.Src[(i0*a.InW+j0)*a.In], &a.Dst[(y*a.OutW+x)*a.In]
			c.firstWeight = ((i0-top)*a.KernelW + j0 - left) * 16
			most := max(1, callMACs/(c.width*c.rows*c.columns*8)) * c.panelSize
			for from := 0; from < len(a.weights); from += most {
				c.panel, c.blocks = &a.weights[from], min(most, len(a.weights)-from)/c.panelSize
				depthwiseTaps(&c)
			}
		}
	}
}

// outside computes a pixel that sees nothing of the input.
func outside(a *DepthwiseArgs, dst []byte) {
	for n := range dst {
		panel := min(n/8, (a.In+7)/8-1) * tapsPanel(a)
		h := at[channels8](a.weights, panel)
		dst[n] = a.apply(n, h.bias[n-int(h.channel)])
	}
}
