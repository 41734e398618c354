package frame

import (
	"math/rand/v2"
	"testing"

	"edge/quant"
)

var rgb224 = TensorSpec{
	Width: 224, Height: 224, Channels: 3,
	Quant: quant.Params{Scale: 1.0 / 128, ZeroPoint: 128},
	Mean:  [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5},
}

func randomFrame(f Format, w, h, stride int, seed uint64) Frame {
	r := rand.New(rand.NewPCG(seed, 0))
	pix := make([]byte, f.FrameSize(w, h, stride))
	for i := range pix {
		pix[i] = byte(r.Uint32())
	}
	return Frame{Pix: pix, Format: f, Width: w, Height: h, Stride: stride}
}

func BenchmarkFit(b *testing.B) {
	for f := YUYV; f < MJPEG; f++ {
		b.Run(f.String(), func(b *testing.B) {
			frame := randomFrame(f, 640, 480, 0, 1)
			fitter, err := NewFitter(rgb224, Options{})
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 224*224*3)
			if err := fitter.Fit(dst, frame); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = fitter.Fit(dst, frame)
			}
		})
	}
}
