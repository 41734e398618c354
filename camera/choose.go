package camera

import (
	"cmp"
	"fmt"
	"slices"

	"edge/frame"
)

// Format is a pixel format that a camera has.
type Format struct {
	FourCC   string  `json:"fourcc"`
	About    string  `json:"about"`    // the driver's words
	Readable bool    `json:"readable"` // its frames can be used
	Sizes    []Sizes `json:"sizes"`    // none: the driver doesn't say

	code  uint32
	known frame.Format // when it is readable
}

// newFormat describes one of V4L2's formats.
func newFormat(code uint32, about string) Format {
	known, readable := frame.FormatOf(code)
	return Format{FourCC: fourCC(code), About: about, Readable: readable, Sizes: []Sizes{}, code: code, known: known}
}

// Sizes is one size of a camera's frames (Step… are 0), or all that lie on a grid.
type Sizes struct {
	MinWidth   int `json:"min_width"`
	MaxWidth   int `json:"max_width"`
	StepWidth  int `json:"step_width"`
	MinHeight  int `json:"min_height"`
	MaxHeight  int `json:"max_height"`
	StepHeight int `json:"step_height"`
}

// String returns for example "640x480" or "16x16…1920x1080".
func (s Sizes) String() string {
	if s.MinWidth == s.MaxWidth && s.MinHeight == s.MaxHeight {
		return fmt.Sprintf("%dx%d", s.MaxWidth, s.MaxHeight)
	}
	return fmt.Sprintf("%dx%d…%dx%d", s.MinWidth, s.MinHeight, s.MaxWidth, s.MaxHeight)
}

// atLeast returns the smallest of these sizes that holds width × height, else the largest.
func (s Sizes) atLeast(width, height int) (w, h int) {
	return onGrid(width, s.MinWidth, s.MaxWidth, s.StepWidth), onGrid(height, s.MinHeight, s.MaxHeight, s.StepHeight)
}

func onGrid(want, least, most, step int) int {
	step = max(step, 1)
	steps := max(0, want-least+step-1) / step
	return min(least+steps*step, most)
}

// mode is one way to run a camera.
type mode struct {
	format        frame.Format
	code          uint32 // V4L2's for format
	width, height int
	fps           float64 // the fastest; 0: the driver doesn't say
}

// wanted returns Options for a V4L2 camera with their defaults filled in.
func wanted(o Options) Options {
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = 640, 480
	}
	return o
}

// modes lists, for each readable format and list of sizes, the size that fits best. rate says how fast one is.
func modes(formats []Format, o Options, rate func(code uint32, width, height int) float64) []mode {
	var list []mode
	for _, f := range formats {
		if !f.Readable || o.Format != 0 && o.Format != f.known {
			continue
		}
		sizes := f.Sizes
		if len(sizes) == 0 {
			sizes = []Sizes{{MinWidth: o.Width, MaxWidth: o.Width, MinHeight: o.Height, MaxHeight: o.Height}}
		}
		for _, s := range sizes {
			w, h := s.atLeast(o.Width, o.Height)
			list = append(list, mode{f.known, f.code, w, h, rate(f.code, w, h)})
		}
	}
	return list
}

// bestMode returns the mode that fits best, false if there is none in the wanted format.
func bestMode(formats []Format, o Options, rate func(code uint32, width, height int) float64) (m mode, found bool) {
	list := modes(formats, o, rate)
	if len(list) == 0 {
		return m, false
	}
	return slices.MinFunc(list, func(a, b mode) int { return compareModes(a, b, o) }), true
}

// compareModes returns a number below 0 if a is the better mode: one that is as large as wanted, then as fast, then cheap to read,
// then small.
func compareModes(a, b mode, o Options) int {
	missing := func(m mode) int { return max(0, o.Width-m.width) + max(0, o.Height-m.height) }
	slow := func(m mode) float64 {
		const tolerance = 0.95 // 29.97 for 30
		if m.fps == 0 || m.fps >= o.FPS*tolerance {
			return 0
		}
		return o.FPS - m.fps
	}
	return cmp.Or(
		cmp.Compare(missing(a), missing(b)),
		cmp.Compare(slow(a), slow(b)),
		cmp.Compare(cost(a.format), cost(b.format)),
		cmp.Compare(a.width*a.height, b.width*b.height),
		cmp.Compare(a.format, b.format),
	)
}

// cost orders formats: those that are read as they are, those to be decoded, those without colours.
func cost(f frame.Format) int {
	switch {
	case f == frame.MJPEG:
		return 1
	case f.IsGrey():
		return 2
	}
	return 0
}
