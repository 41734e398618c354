// Package testframe makes frames for tests: a picture as a camera would deliver it.
package testframe

import (
	"encoding/binary"
	"math"

	"edge/frame"
)

// Convert returns a picture (RGB24, as frame.Decode gives it) in a raw format, in rows without padding. Colours are
// converted in floating point, straight from the definitions of BT.601 and BT.709, and chroma is the mean of the pixels
// that share it.
func Convert(rgb frame.Frame, format frame.Format, m frame.Matrix, r frame.Range) frame.Frame {
	w, h := rgb.Width, rgb.Height
	out := frame.Frame{
		Pix: make([]byte, format.FrameSize(w, h, 0)), Format: format, Width: w, Height: h, Stride: format.MinStride(w),
		Matrix: m, Range: r, At: rgb.At, Seq: rgb.Seq, Name: rgb.Name,
	}
	p := picture{rgb, m, r}
	cw, ch := (w+1)/2, (h+1)/2
	for y := range h {
		for x := range w {
			red, green, blue := p.rgb(x, y)
			row := out.Pix[y*out.Stride:]
			switch luma := p.luma(x, y); format {
			case frame.RGB24:
				copy(row[3*x:], []byte{byte(red), byte(green), byte(blue)})
			case frame.BGR24:
				copy(row[3*x:], []byte{byte(blue), byte(green), byte(red)})
			case frame.RGBX32:
				copy(row[4*x:], []byte{byte(red), byte(green), byte(blue), 255})
			case frame.BGRX32:
				copy(row[4*x:], []byte{byte(blue), byte(green), byte(red), 255})
			case frame.YUYV, frame.YVYU:
				row[2*x] = luma
			case frame.UYVY, frame.VYUY:
				row[2*x+1] = luma
			case frame.Y10, frame.Y12, frame.Y16: // little-endian, so many bits of 16
				binary.LittleEndian.PutUint16(row[2*x:], uint16(luma)<<map[frame.Format]int{frame.Y10: 2, frame.Y12: 4, frame.Y16: 8}[format])
			default:
				row[x] = luma
			}
		}
		for x := range cw {
			u, v := p.chroma(2*x, y, 1)
			switch at := y*out.Stride + 4*x; format {
			case frame.YUYV:
				out.Pix[at+1], out.Pix[at+3] = u, v
			case frame.YVYU:
				out.Pix[at+1], out.Pix[at+3] = v, u
			case frame.UYVY:
				out.Pix[at], out.Pix[at+2] = u, v
			case frame.VYUY:
				out.Pix[at], out.Pix[at+2] = v, u
			}
		}
	}
	planes := out.Pix[min(w*h, len(out.Pix)):]
	for i := range cw * ch { // a quarter as much chroma
		u, v := p.chroma(i%cw*2, i/cw*2, 2)
		switch format {
		case frame.YU12:
			planes[i], planes[cw*ch+i] = u, v
		case frame.YV12:
			planes[i], planes[cw*ch+i] = v, u
		case frame.NV12:
			planes[2*i], planes[2*i+1] = u, v
		case frame.NV21:
			planes[2*i], planes[2*i+1] = v, u
		}
	}
	for i := range cw * h { // half as much
		u, v := p.chroma(i%cw*2, i/cw, 1)
		switch format {
		case frame.YUV422P:
			planes[i], planes[cw*h+i] = u, v
		case frame.NV16:
			planes[2*i], planes[2*i+1] = u, v
		case frame.NV61:
			planes[2*i], planes[2*i+1] = v, u
		}
	}
	return out
}

type picture struct {
	frame.Frame
	m frame.Matrix
	r frame.Range
}

func (p picture) rgb(x, y int) (r, g, b float64) {
	at := p.Pix[min(y, p.Height-1)*p.Stride+3*min(x, p.Width-1):]
	return float64(at[0]), float64(at[1]), float64(at[2])
}

func (p picture) weights() (red, blue float64) {
	if p.m == frame.BT709 {
		return 0.2126, 0.0722
	}
	return 0.299, 0.114
}

func (p picture) luma(x, y int) byte {
	kr, kb := p.weights()
	r, g, b := p.rgb(x, y)
	luma := kr*r + (1-kr-kb)*g + kb*b
	if p.r == frame.Limited {
		luma = 16 + luma*219/255
	}
	return nearest(luma)
}

// chroma returns U and V of the pixels (x, y), (x+1, y) and, if rows is 2, those below.
func (p picture) chroma(x, y, rows int) (u, v byte) {
	kr, kb := p.weights()
	var sumU, sumV float64
	for i := range 2 * rows {
		r, g, b := p.rgb(x+i%2, y+i/2)
		luma := kr*r + (1-kr-kb)*g + kb*b
		sumU += (b - luma) / (2 - 2*kb) / float64(2*rows)
		sumV += (r - luma) / (2 - 2*kr) / float64(2*rows)
	}
	if p.r == frame.Limited {
		sumU, sumV = sumU*224/255, sumV*224/255
	}
	return nearest(128 + sumU), nearest(128 + sumV)
}

func nearest(x float64) byte { return byte(min(max(math.Round(x), 0), 255)) }
