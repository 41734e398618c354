package classifier

import (
	"fmt"
	"math"

	"edge/engine"
	"edge/frame"
	"edge/model"
)

// Pixels says how a pixel's value becomes a real number of the network's input, and who says so. A network's scores are
// poor, not wrong at sight, if this isn't what it was trained on.
type Pixels struct {
	model.Normalization
	From        Source
	Least, Most float64 // the real values that the input's bytes reach from and to
	Unusual     bool    // no usual normalization gives these values: what was chosen is a guess
}

// Source says who decided how pixels are normalized.
type Source string

// The sources: a person goes before the model, and that before what its input's quantization tells.
const (
	Given   Source = "as given"
	Model   Source = "as the model says"
	Derived Source = "derived from the input's range"
)

// String describes it for a person: "tf, derived from the input's range, -1 to 0.992".
func (p Pixels) String() string {
	s := fmt.Sprintf("%v, %s", p.Normalization, p.From)
	if p.From == Derived {
		s += fmt.Sprintf(", %.3g to %.3g", p.Least, p.Most)
	}
	return s
}

// Warning returns what a person should know about it; empty for nothing.
func (p Pixels) Warning() string {
	const advice = "if the scores are poor, say what the network was trained on: --normalize HOW, or normalize: in the configuration"
	dark, bright := p.ends()
	switch {
	case p.Unusual:
		return fmt.Sprintf("the input's range, %.3g to %.3g, is of no usual normalization; pixels are normalized as %v: %s",
			p.Least, p.Most, p.Normalization, advice)
	case !overlap(dark, bright, p.Least, p.Most):
		return fmt.Sprintf("pixels become %.3g to %.3g (%v, %s), but the input's range is %.3g to %.3g: %s",
			dark, bright, p.Normalization, p.From, p.Least, p.Most, advice)
	}
	return ""
}

// ends are the real values of the darkest and the brightest pixel, of all channels.
func (p Pixels) ends() (dark, bright float64) { return endsOf(p.Normalization) }

func endsOf(n model.Normalization) (dark, bright float64) {
	dark, bright = math.Inf(1), math.Inf(-1)
	for i := range n.Mean {
		dark = min(dark, float64((0-n.Mean[i])/n.Std[i]))
		bright = max(bright, float64((255-n.Mean[i])/n.Std[i]))
	}
	return dark, bright
}

// overlap reports whether most of each range lies in the other.
func overlap(a0, a1, b0, b1 float64) bool {
	return min(a1, b1)-max(a0, b0) > 0.6*max(a1-a0, b1-b0)
}

// PixelsOf finds out what the network's input expects of pixels. A person knows best; then the model, unless what it says
// would leave next to nothing of a picture, which is how some state that they take bytes; then the input's own
// quantization, which was chosen for the values that it got.
func PixelsOf(in engine.Tensor, said, given *model.Normalization) Pixels {
	p := Pixels{}
	lowest := 0.0
	if in.Type == model.Int8 {
		lowest = -128
	}
	p.Least = float64(in.Quant.Scale) * (lowest - float64(in.Quant.ZeroPoint))
	p.Most = p.Least + 255*float64(in.Quant.Scale)
	switch {
	case given != nil:
		p.Normalization, p.From = *given, Given
	case said != nil && !saturates(*said, p.Least, p.Most):
		p.Normalization, p.From = *said, Model
	default:
		p.From = Derived
		p.derive()
	}
	return p
}

// saturates reports whether nearly all pixels would become the least or the most of a range.
func saturates(n model.Normalization, least, most float64) bool {
	dark, bright := endsOf(n)
	return bright-dark > 8*(most-least)
}

// usual are the normalizations that networks are trained with: 0…255, 0…1, −1…1, ImageNet's means and deviations, about
// −2.1…2.6, and then −0.5…0.5 and −128…127.
func usual() []model.Normalization {
	all := func(mean, std float32) model.Normalization {
		return model.Normalization{Mean: [3]float32{mean, mean, mean}, Std: [3]float32{std, std, std}}
	}
	imagenet, _ := model.ParseNormalization("imagenet")
	return []model.Normalization{all(0, 1), all(0, 255), all(127.5, 127.5), imagenet, all(127.5, 255), all(128, 1)}
}

// derive finds the usual normalization whose values are the input's range, or else takes a guess at it by the range's sign
// and size. Ranges are measured on pictures, so they may be somewhat short of it.
func (p *Pixels) derive() {
	all := usual()
	for _, n := range all {
		const tolerance = 0.06
		dark, bright := endsOf(n)
		if slack := tolerance * (bright - dark); math.Abs(dark-p.Least) <= slack && math.Abs(bright-p.Most) <= slack {
			p.Normalization = n
			return
		}
	}
	p.Unusual = true
	zeroToOne, minusOneToOne, bytes := all[1], all[2], all[0]
	switch {
	case max(-p.Least, p.Most) > 16: // of bytes
		p.Normalization = bytes
		if p.Least < -16 {
			p.Normalization = all[5]
		}
	case p.Least > -0.06*(p.Most-p.Least):
		p.Normalization = zeroToOne
	default:
		p.Normalization = minusOneToOne
	}
}

// InputSpec is what the network expects of a picture.
func InputSpec(in engine.Tensor, p Pixels) frame.TensorSpec {
	s := frame.TensorSpec{
		Height: in.Shape[1], Width: in.Shape[2], Channels: in.Shape[3],
		Signed: in.Type == model.Int8, Quant: in.Quant, Mean: p.Mean, Std: p.Std,
	}
	// If the quantization undoes the normalization within a step or two, the bytes themselves are meant.
	dark, bright := p.ends()
	const steps = 2
	slack := steps * float64(in.Quant.Scale)
	if p.From == Derived && math.Abs(dark-p.Least) < slack && math.Abs(bright-p.Most) < slack && p.Mean == [3]float32{p.Mean[0], p.Mean[0], p.Mean[0]} {
		zero := in.Quant.ZeroPoint
		if s.Signed {
			zero += 128
		}
		for i := range s.Mean {
			s.Mean[i], s.Std[i] = float32(zero), 1/in.Quant.Scale
		}
	}
	return s
}
