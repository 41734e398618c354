package frame

import (
	"math/rand/v2"
	"os"
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
	frames := []Frame{{Pix: encoded(b, photoLike(640, 480, 1), 85), Format: MJPEG}}
	for _, f := range rawFormats {
		frames = append(frames, randomFrame(f, 640, 480, 0, 1))
	}
	for _, frame := range frames {
		b.Run(frame.Format.String(), func(b *testing.B) {
			fitter, err := NewFitter(rgb224, Options{})
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 224*224*3)
			if err := fitter.Fit(dst, frame); err != nil { // makes the tables
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := fitter.Fit(dst, frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"progressive.jpg", "rgb.png", "lossy.webp", "rgb.bmp"} {
		data, err := os.ReadFile("testdata/pictures/" + name)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = Decode(b.Context(), data, name)
			}
		})
	}
	b.Run("640x480.jpg", func(b *testing.B) {
		data := encoded(b, photoLike(640, 480, 1), 85)
		for b.Loop() {
			_, _ = Decode(b.Context(), data, "")
		}
	})
}
