package frame

import (
	"bytes"
	"image"
	"image/jpeg"

	"edge/quant"
)

// TaughtQuality is the JPEG quality of pictures that are kept to teach from.
const TaughtQuality = 92

// maxEncoded is the longer side of the pictures that an Encoder makes of raw pixels, in pixels. Networks see fewer.
const maxEncoded = 960

// Encoder makes JPEG files of frames. It keeps its buffers for frames of one size.
type Encoder struct {
	width, height int // of the frames
	fitter        *Fitter
	pix           []byte
	rgb           *image.RGBA
	size          int // of the last file, in bytes
}

// Encode returns a JPEG file of a frame: a camera's own as it is, raw pixels encoded with a quality from 1 to 100.
func (e *Encoder) Encode(f Frame, quality int) ([]byte, error) {
	if f.Format == MJPEG {
		return AppendJPEG(nil, f.Pix), nil
	}
	if e.fitter == nil || e.width != f.Width || e.height != f.Height {
		w, h := f.Width, f.Height
		if most := max(w, h); most > maxEncoded {
			w, h = max(w*maxEncoded/most, 1), max(h*maxEncoded/most, 1)
		}
		spec := TensorSpec{Height: h, Width: w, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}}
		fitter, err := NewFitter(spec, Options{Fit: Stretch})
		if err != nil {
			return nil, err
		}
		e.width, e.height, e.fitter = f.Width, f.Height, fitter
		e.pix, e.rgb = make([]byte, 3*w*h), image.NewRGBA(image.Rect(0, 0, w, h))
	}
	if err := e.fitter.Fit(e.pix, f); err != nil {
		return nil, err
	}
	to := e.rgb.Pix
	for i, j := 0, 0; i < len(e.pix); i, j = i+3, j+4 {
		to[j], to[j+1], to[j+2], to[j+3] = e.pix[i], e.pix[i+1], e.pix[i+2], 255
	}
	var b bytes.Buffer
	b.Grow(e.size + e.size/8)
	err := jpeg.Encode(&b, e.rgb, &jpeg.Options{Quality: quality})
	e.size = b.Len()
	return b.Bytes(), err
}
