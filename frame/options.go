package frame

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Options say which part of a frame becomes the network's input, and which way up. The zero value is the largest
// centred crop of the network's shape: what someone holds before a camera counts up to the picture's edge. Evaluations
// on ImageNet crop more, to a Fraction of 0.875, which makes things larger and is worth about a point of top-1 there.
type Options struct {
	Fit      FitMode
	Fraction float64 // Crop: how much of the largest centred crop is kept, in (0, 1]; 0 is all of it
	ROI      ROI     // the zero value is the whole picture
	Rotate   int     // degrees clockwise: 0, 90, 180 or 270
	Mirror   bool    // left and right change places, after the rotation
}

// FitMode says how a picture is brought to the shape of the network's input.
type FitMode uint8

// Crop cuts the sides off, Stretch changes the proportions, Letterbox adds bars of the colour Mean, which the network
// sees as zeros, like its own padding.
const (
	Crop FitMode = iota
	Stretch
	Letterbox
)

var fitModes = [...]string{"crop", "stretch", "letterbox"}

// String returns what ParseFit takes.
func (m FitMode) String() string {
	if int(m) >= len(fitModes) {
		return fmt.Sprintf("fit mode %d", uint8(m))
	}
	return fitModes[m]
}

// FitModes returns what ParseFit takes.
func FitModes() []string { return fitModes[:] }

// ParseFit reads "crop", "stretch" or "letterbox".
func ParseFit(s string) (FitMode, error) {
	for i, name := range fitModes {
		if strings.EqualFold(s, name) {
			return FitMode(i), nil
		}
	}
	return 0, fmt.Errorf("fit %q: choose %s", s, strings.Join(fitModes[:], ", "))
}

// ROI is the region of interest: the part of the picture that counts, as a person sees the picture after Rotate and
// Mirror. Values that are all at most 1 are fractions of the picture, else they are pixels; so 0,0,1,1 is all of it,
// and so is the zero value.
type ROI struct {
	X, Y, Width, Height float64
}

// ParseROI reads "x,y,w,h": fractions of the picture ("0.25,0,0.5,1") or pixels ("160,0,320,480").
func ParseROI(s string) (ROI, error) {
	const want = `want "x,y,w,h" in pixels or in fractions of the picture, for example 0.25,0,0.5,1`
	fields := strings.Split(s, ",")
	if len(fields) != 4 {
		return ROI{}, fmt.Errorf("roi %q: %s", s, want)
	}
	var v [4]float64
	for i, field := range fields {
		var err error
		if v[i], err = strconv.ParseFloat(strings.TrimSpace(field), 64); err != nil {
			return ROI{}, fmt.Errorf("roi %q: %q isn't a number: %s", s, field, want)
		}
	}
	r := ROI{v[0], v[1], v[2], v[3]}
	if r == (ROI{}) {
		return ROI{}, fmt.Errorf("roi %q is empty", s)
	}
	return r, r.check()
}

// String returns what ParseROI takes.
func (r ROI) String() string {
	if r == (ROI{}) {
		r = ROI{0, 0, 1, 1}
	}
	return fmt.Sprintf("%v,%v,%v,%v", r.X, r.Y, r.Width, r.Height)
}

func (r ROI) fractions() bool { return max(r.X, r.Y, r.Width, r.Height) <= 1 }

// check finds what is wrong with r for a picture of any size.
func (r ROI) check() error {
	if r == (ROI{}) {
		return nil
	}
	for _, v := range [...]float64{r.X, r.Y, r.Width, r.Height} {
		switch {
		case !(v >= 0 && v <= maxSide):
			return fmt.Errorf("roi %v: %v isn't from 0 to %d", r, v, maxSide)
		case !r.fractions() && v != math.Trunc(v):
			return fmt.Errorf("roi %v: %v isn't a whole number of pixels (a fraction is at most 1)", r, v)
		}
	}
	if r.Width == 0 || r.Height == 0 {
		return fmt.Errorf("roi %v is empty", r)
	}
	const slack = 1e-6 // 0.7 + 0.3 may be a little more than 1
	if r.fractions() && max(r.X+r.Width, r.Y+r.Height) > 1+slack {
		return fmt.Errorf("roi %v reaches outside the picture", r)
	}
	return nil
}

// in returns r in pixels of a picture of w × h.
func (r ROI) in(w, h int) (rect, error) {
	if r == (ROI{}) {
		return rect{0, 0, w, h}, nil
	}
	x0, y0, x1, y1 := r.X, r.Y, r.X+r.Width, r.Y+r.Height
	if r.fractions() {
		x0, y0, x1, y1 = x0*float64(w), y0*float64(h), x1*float64(w), y1*float64(h)
	}
	if x1 > float64(w)+0.5 || y1 > float64(h)+0.5 {
		return rect{}, fmt.Errorf("frame: roi %v reaches outside the picture of %d×%d pixels", r, w, h)
	}
	x, y := min(int(math.Round(x0)), w-1), min(int(math.Round(y0)), h-1)
	return rect{x, y, max(int(math.Round(x1))-x, 1), max(int(math.Round(y1))-y, 1)}, nil
}

// check finds what is wrong with o for any frame.
func (o Options) check() error {
	switch {
	case int(o.Fit) >= len(fitModes):
		return fmt.Errorf("frame: unknown %v", o.Fit)
	case !(o.Fraction >= 0 && o.Fraction <= 1):
		return fmt.Errorf("frame: crop fraction %v isn't from 0 to 1", o.Fraction)
	case o.Rotate != 0 && o.Rotate != 90 && o.Rotate != 180 && o.Rotate != 270:
		return fmt.Errorf("frame: rotation of %d degrees: choose 0, 90, 180 or 270", o.Rotate)
	}
	if err := o.ROI.check(); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}
