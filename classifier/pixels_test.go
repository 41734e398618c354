package classifier

import (
	"math"
	"strings"
	"testing"

	"edge/engine"
	"edge/frame"
	"edge/model"
	"edge/quant"
)

// ranged is an input whose bytes mean the real values from least to most.
func ranged(t model.Type, least, most float64) engine.Tensor {
	scale := (most - least) / 255
	zero := math.Round(-least / scale)
	if t == model.Int8 {
		zero -= 128
	}
	return engine.Tensor{Type: t, Shape: []int{1, 1, 1, 3}, Quant: quant.Params{Scale: float32(scale), ZeroPoint: int32(zero)}}
}

// TestPixels checks what inputs of several ranges make of the darkest, a middle and the brightest red.
func TestPixels(t *testing.T) {
	said := func(text string) *model.Normalization {
		n, err := model.ParseNormalization(text)
		if err != nil {
			t.Fatal(err)
		}
		return &n
	}
	imagenet := func(p float64) float64 { return (p/255 - 0.485) / 0.229 }
	tf := func(p float64) float64 { return (p - 127.5) / 127.5 }
	for _, c := range []struct {
		name        string
		least, most float64
		said, given *model.Normalization
		want        func(p float64) float64
		words       string
		warning     string
	}{
		{"bytes", 0, 255, nil, nil, func(p float64) float64 { return p }, "0..255, derived", ""},
		{"0…1", 0, 1, nil, nil, func(p float64) float64 { return p / 255 }, "0..1, derived from the input's range, 0 to 1", ""},
		{"0…1 in 256ths", 0, 255. / 256, nil, nil, func(p float64) float64 { return p / 256 }, "0..1, derived", ""},
		{"−1…1", -1, 1, nil, nil, tf, "tf, derived", ""},
		{"−1…1 as calibrated", -1, 0.96, nil, nil, tf, "tf, derived", ""},
		{"ImageNet's", -2.118, 2.64, nil, nil, imagenet, "imagenet, derived from the input's range, -2.1", ""},
		{"ImageNet's as calibrated", -2.03, 2.5, nil, nil, imagenet, "imagenet, derived", ""},
		{"less 128", -128, 127, nil, nil, func(p float64) float64 { return p - 128 }, "mean=128,std=1, derived", ""},
		{"−0.5…0.5", -0.5, 0.5, nil, nil, func(p float64) float64 { return p/255 - 0.5 }, "derived", ""},
		{"wider than −1…1", -1.6, 1.58, nil, nil, tf, "tf, derived from the input's range, -1.6", "no usual normalization"},
		{"0…0.5", 0, 0.5, nil, nil, func(p float64) float64 { return p / 255 }, "0..1, derived", "no usual normalization"},
		{"0…200", 0, 200, nil, nil, func(p float64) float64 { return p }, "0..255, derived", "no usual normalization"},
		{"the model knows", -2.118, 2.64, said("tf"), nil, tf, "tf, as the model says", "pixels become -1 to 1"},
		{"a model that takes bytes", -1, 1, said("0..255"), nil, tf, "tf, derived", ""},
		{"a person knows best", -1.6, 1.58, said("tf"), said("imagenet"), imagenet, "imagenet, as given", ""},
		{"a person errs", -1, 1, nil, said("0..255"), func(p float64) float64 { return p }, "0..255, as given", "pixels become 0 to 255"},
	} {
		for _, typ := range []model.Type{model.Uint8, model.Int8} {
			in := ranged(typ, c.least, c.most)
			p := PixelsOf(in, c.said, c.given)
			if !strings.Contains(p.String(), c.words) {
				t.Errorf("%s: %q, want %q", c.name, p, c.words)
			}
			if w := p.Warning(); (w == "") != (c.warning == "") || !strings.Contains(w, c.warning) {
				t.Errorf("%s: warning %q, want %q", c.name, w, c.warning)
			}
			fitter, err := frame.NewFitter(InputSpec(in, p), frame.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, red := range []uint8{0, 100, 255} {
				var got [3]byte
				if err := fitter.Fit(got[:], one(red)); err != nil {
					t.Fatal(err)
				}
				value := float64(got[0])
				if typ == model.Int8 {
					value = float64(int8(got[0]))
				}
				real := (value - float64(in.Quant.ZeroPoint)) * float64(in.Quant.Scale)
				want := min(max(c.want(float64(red)), p.Least), p.Most)
				if math.Abs(real-want) > 1.6*float64(in.Quant.Scale) {
					t.Errorf("%s, %v: pixel %d becomes %v, want %v", c.name, typ, red, real, want)
				}
			}
		}
	}
}

// one is a frame of one grey pixel.
func one(v byte) frame.Frame {
	return frame.Frame{Pix: []byte{v, v, v}, Format: frame.RGB24, Width: 1, Height: 1, Stride: 3}
}
