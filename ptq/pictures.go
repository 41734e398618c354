package ptq

import (
	"context"
	"errors"
	"fmt"

	"edge/frame"
	"edge/model"
	"edge/quant"
)

// MaxPictures bounds how many pictures are kept in memory: 150 MB at 224×224 pixels.
const MaxPictures = 1000

// Pictures are typical pictures, as pixels in the shape of a network's input.
type Pictures struct {
	pixels   [][]byte
	channels int
}

// ReadPictures reads picture files, as frame.ReadFile does, and brings them to the shape of the input of g, by how. Files
// that aren't pictures are left out and told. It fails if none is left, if the input isn't a picture's, and when ctx ends.
func ReadPictures(ctx context.Context, g *model.Graph, files []string, how frame.Options, leftOut func(error),
	progress func(pass string, done, total int),
) (*Pictures, error) {
	shape := g.Tensors[g.Inputs[0]].Shape
	if len(shape) != 4 || shape[3] != 1 && shape[3] != 3 {
		return nil, fmt.Errorf("the network's input has the shape %v: a picture is 1×height×width×3 (or 1)", shape)
	}
	fit, err := frame.NewFitter(frame.TensorSpec{ // the pixels themselves
		Height: shape[1], Width: shape[2], Channels: shape[3], Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1},
	}, how)
	if err != nil {
		return nil, err
	}
	p := &Pictures{channels: shape[3]}
	for i, name := range files {
		pixels := make([]byte, model.Elements(shape))
		picture, err := frame.ReadFile(ctx, name)
		if err == nil {
			err = fit.Fit(pixels, picture)
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			leftOut(err)
		default:
			p.pixels = append(p.pixels, pixels)
		}
		progress("reading", i+1, len(files))
	}
	if len(p.pixels) == 0 {
		return nil, errors.New("none of its files is a picture that can be read")
	}
	return p, nil
}

// Count returns how many there are.
func (p *Pictures) Count() int { return len(p.pixels) }

// Samples returns the pictures, normalized.
func (p *Pictures) Samples(n model.Normalization) Samples {
	return Samples{Count: len(p.pixels), Read: func(i int, input []float32) error {
		for k, v := range p.pixels[i] {
			channel := k % p.channels
			input[k] = (float32(v) - n.Mean[channel]) / n.Std[channel]
		}
		return nil
	}}
}

// Alike reports whether all pictures show the same: no more than two steps of brightness are between the pixels of any of
// them and the first, on average.
func (p *Pictures) Alike() bool {
	first := p.pixels[0]
	for _, other := range p.pixels[1:] {
		sum := 0
		for k, v := range other {
			sum += max(int(v)-int(first[k]), int(first[k])-int(v))
		}
		if sum > 2*len(first) {
			return false
		}
	}
	return true
}

// Settle says what the network in g expects of pixels, and notes it in g. given is what a person says, or nil: then it is
// what the file says. Arithmetic with which the network begins becomes a part of it; inside reports that. If nothing says
// what goes into that arithmetic, it is pixels of 0…255 or 0…1, whichever it makes numbers of a usual size of.
func Settle(g *model.Graph, given *model.Normalization) (inside bool, err error) {
	if given != nil {
		g.Normalization = given
	}
	n, inside := g.TakeNormalization()
	if !inside {
		if g.Normalization == nil {
			return false, errors.New("it doesn't say what it expects of pixels")
		}
		return false, nil
	}
	if g.Normalization != nil {
		n = g.Normalization.Then(n)
	} else {
		usual := func(span float32) bool { return span > 0.9 && span < 12 }
		unit, _ := model.ParseNormalization("0..1")
		switch {
		case usual(n.Span()):
		case usual(unit.Then(n).Span()):
			n = unit.Then(n)
		default:
			return false, fmt.Errorf("it begins with its own normalization (%s), but not of pixels of 0…255 or 0…1", n)
		}
	}
	g.Normalization = &n
	return true, nil
}
