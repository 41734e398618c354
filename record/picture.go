package record

import (
	"math"

	"edge/frame"
)

// Frame is a picture as a frame. Of an input tensor that is the part of the frame that the network got, at the network's
// size, upright, with the pixels that the tensor stands for.
func (p *Picture) Frame(h *Header) (f frame.Frame, ok bool) {
	if p.Format == frame.MJPEG {
		return frame.Frame{
			Pix: p.Data, Format: frame.MJPEG, Width: p.Width, Height: p.Height, Range: frame.Full, Name: p.Name,
		}, true
	}
	in := &h.Input
	if in.Channels < 1 || len(p.Data) != in.Width*in.Height*in.Channels {
		return f, false
	}
	f = frame.Frame{
		Pix: make([]byte, len(p.Data)), Format: frame.RGB24, Width: in.Width, Height: in.Height, Range: frame.Full, Name: p.Name,
	}
	if in.Channels == 1 {
		f.Format = frame.GREY
	}
	var table [3][256]byte // the pixel that each byte of a channel stands for
	for c := range min(in.Channels, 3) {
		for v := range 256 {
			q := v
			if in.Signed {
				q = int(int8(v))
			}
			real := float64(in.Quant.Scale) * float64(q-int(in.Quant.ZeroPoint))
			pixel := real*float64(in.Std[c]) + float64(in.Mean[c])
			table[c][v] = byte(min(max(math.Round(pixel), 0), 255))
		}
	}
	for i, v := range p.Data {
		f.Pix[i] = table[i%in.Channels][v]
	}
	return f, true
}
