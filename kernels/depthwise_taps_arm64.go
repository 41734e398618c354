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

// depthwisePanelTaps is a panel's size in bytes: channels8, and for each tap eight channels' weights of 16 bits.
func depthwisePanelTaps(l *DepthwiseLayer) int {
	return int(unsafe.Sizeof(channels8{})) + l.KernelH*l.KernelW*16
}

// packDepthwisePanelTaps packs the weights of the channels from n on, for depthwise_taps_arm64.s.
func packDepthwisePanelTaps(l *DepthwiseLayer, panel []byte, n int) {
	weights := panel[unsafe.Sizeof(channels8{}):]
	for tap := range l.KernelH * l.KernelW {
		for i := range 8 {
			binary.LittleEndian.PutUint16(weights[(tap*8+i)*2:], uint16(l.weight(tap, n+i)))
		}
	}
}

// runTaps computes the output rows [Y0, Y1), tap by tap.
func (p *depthwisePanels) runTaps(call DepthwiseCall) {
	c := tapsCall{
		step: p.in, rowStep: p.InW * p.in, pixelStep: p.StrideW * p.in, dstStep: p.in,
		panelSize: p.size, weightRow: p.KernelW * 16,
	}
	for i := range c.zero {
		c.zero[i] = int8(p.srcZero)
	}
	for y := call.Y0; y < call.Y1; y++ {
		top := y*p.StrideH - p.PadTop
		i0, i1 := inside(top, p.KernelH, p.InH)
		for x := 0; x < p.OutW; x += c.width {
			left := x*p.StrideW - p.PadLeft
			j0, j1 := inside(left, p.KernelW, p.InW)
			c.rows, c.columns, c.width = max(i1-i0, 0), max(j1-j0, 0), 1
			widest := max(1, callMACs/(p.KernelH*p.KernelW*8))
			for ; c.columns == p.KernelW && x+c.width < p.OutW && c.width < widest; c.width++ {
				if left+c.width*p.StrideW+p.KernelW > p.InW {
					break
				}
			}
			if c.rows == 0 || c.columns == 0 { // wholly in the padding
				copy(call.Dst[((y-call.DstY)*p.OutW+x)*p.in:], p.outside)
				continue
			}
			c.src = &call.Src[((i0-call.SrcY)*p.InW+j0)*p.in]
			c.dst = &call.Dst[((y-call.DstY)*p.OutW+x)*p.in]
			c.firstWeight = ((i0-top)*p.KernelW + j0 - left) * 16
			most := max(1, callMACs/(c.width*c.rows*c.columns*8)) * c.panelSize
			for from := 0; from < len(p.panels); from += most {
				c.panel, c.blocks = &p.panels[from], min(most, len(p.panels)-from)/c.panelSize
				depthwise_taps_8ch__neon(&c)
			}
		}
	}
}
