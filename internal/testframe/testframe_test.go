package testframe

import (
	"testing"

	"edge/frame"
	"edge/quant"
)

// There and back: a smooth picture comes out of the Fitter as it went into Convert.
func TestConvert(t *testing.T) {
	const w, h = 36, 22
	rgb := frame.Frame{Format: frame.RGB24, Width: w, Height: h, Stride: 3 * w}
	for y := range h {
		for x := range w {
			rgb.Pix = append(rgb.Pix, byte(40+4*x), byte(200-6*y), byte(60+2*x+2*y))
		}
	}
	itself := frame.TensorSpec{
		Width: w, Height: h, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1},
	}
	got := make([]byte, len(rgb.Pix))
	for f := frame.YUYV; f < frame.MJPEG; f++ {
		for _, m := range []frame.Matrix{frame.BT601, frame.BT709} {
			for _, r := range []frame.Range{frame.Limited, frame.Full} {
				fitter, err := frame.NewFitter(itself, frame.Options{Fit: frame.Stretch})
				if err != nil {
					t.Fatal(err)
				}
				if err := fitter.Fit(got, Convert(rgb, f, m, r)); err != nil {
					t.Fatal(err)
				}
				for i := range got {
					want := rgb.Pix[i]
					switch f {
					case frame.GREY, frame.Y10, frame.Y12, frame.Y16:
						want = got[i/3*3] // all three alike
					}
					if d := int(got[i]) - int(want); d > 5 || d < -5 {
						t.Fatalf("%v, matrix %v, range %v: byte %d is %d, want %d", f, m, r, i, got[i], want)
					}
				}
			}
		}
	}
}
