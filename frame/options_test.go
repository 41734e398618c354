package frame

import (
	"math"
	"strings"
	"testing"
)

func TestParseROI(t *testing.T) {
	for s, want := range map[string]ROI{
		"0,0,1,1":               {0, 0, 1, 1},
		" 0.25, 0 ,0.5 ,1":      {0.25, 0, 0.5, 1},
		"160,0,320,480":         {160, 0, 320, 480},
		"0.7,0,0.30000000001,1": {0.7, 0, 0.30000000001, 1},
	} {
		if got, err := ParseROI(s); err != nil || got != want {
			t.Errorf("ParseROI(%q) = %+v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"":              `want "x,y,w,h"`,
		"1,2,3":         `want "x,y,w,h"`,
		"1,2,3,4,5":     `want "x,y,w,h"`,
		"a,0,1,1":       `"a" isn't a number`,
		"0,0,0,0":       "is empty",
		"0.5,0.5,0,0.5": "is empty",
		"0.5,0,0.6,1":   "outside the picture",
		"-1,0,10,10":    "isn't from 0",
		"NaN,0,1,1":     "isn't from 0",
		"0,0,1e9,10":    "isn't from 0",
		"0.5,0,100,100": "isn't a whole number",
	} {
		if got, err := ParseROI(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseROI(%q) = %+v, %v; want %q", s, got, err, want)
		}
	}
}

func TestROIIn(t *testing.T) {
	for _, c := range []struct {
		roi  ROI
		want rect
	}{
		{ROI{}, rect{0, 0, 640, 480}},
		{ROI{0, 0, 1, 1}, rect{0, 0, 640, 480}},
		{ROI{0.25, 0.5, 0.5, 0.5}, rect{160, 240, 320, 240}},
		{ROI{600, 470, 40, 10}, rect{600, 470, 40, 10}},
		{ROI{0.9999, 0.9999, 1e-5, 1e-5}, rect{639, 479, 1, 1}}, // never less than a pixel
	} {
		if got, err := c.roi.in(640, 480); err != nil || got != c.want {
			t.Errorf("%v: %v, %v; want %v", c.roi, got, err, c.want)
		}
	}
	if got, err := (ROI{600, 0, 41, 10}).in(640, 480); err == nil {
		t.Errorf("outside: %v", got)
	}
}

func TestParseFit(t *testing.T) {
	for _, mode := range []FitMode{Crop, Stretch, Letterbox} {
		if got, err := ParseFit(mode.String()); err != nil || got != mode {
			t.Errorf("%v: %v, %v", mode, got, err)
		}
	}
	if got, err := ParseFit("squeeze"); err == nil || !strings.Contains(err.Error(), "crop, stretch, letterbox") {
		t.Errorf("squeeze: %v, %v", got, err)
	}
}

// What can be wrong is found when the Fitter is made, not at the first frame.
func TestNewFitterErrors(t *testing.T) {
	nan := float32(math.NaN())
	for want, change := range map[string]func(*TensorSpec, *Options){
		"0×224 pixels":     func(s *TensorSpec, _ *Options) { s.Width = 0 },
		"4 channels":       func(s *TensorSpec, _ *Options) { s.Channels = 4 },
		"scale is 0":       func(s *TensorSpec, _ *Options) { s.Quant.Scale = 0 },
		"scale is NaN":     func(s *TensorSpec, _ *Options) { s.Quant.Scale = nan },
		"of channel 2":     func(s *TensorSpec, _ *Options) { s.Std[2] = 0 },
		"of channel 1":     func(s *TensorSpec, _ *Options) { s.Mean[1] = nan },
		"fit mode 9":       func(_ *TensorSpec, o *Options) { o.Fit = 9 },
		"fraction 1.5":     func(_ *TensorSpec, o *Options) { o.Fraction = 1.5 },
		"of 45 degrees":    func(_ *TensorSpec, o *Options) { o.Rotate = 45 },
		"roi 2,0,0,5":      func(_ *TensorSpec, o *Options) { o.ROI = ROI{2, 0, 0, 5} },
		"outside the pict": func(_ *TensorSpec, o *Options) { o.ROI = ROI{0, 0.5, 0.5, 0.75} },
	} {
		spec, o := rgb224, Options{}
		change(&spec, &o)
		if _, err := NewFitter(spec, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
