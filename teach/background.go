package teach

import (
	"context"
	"fmt"
	"slices"

	"edge/frame"
)

// What of a picture tells the classes apart can be measured roughly: with its middle covered, and with all but its middle
// covered. If the classes are told apart as well without the middle, they may differ by where they were photographed.
const (
	maxBorderPictures = 40 // that are looked at again, twice
	borderTells       = 0.9
	middleSide        = 0.7 // of the picture's sides
)

// WarnBackground looks at some pictures again, and adds a warning to the card if their borders tell the classes apart as well
// as their middles. Pictures that can't be read any more don't count.
func (t *Taught) WarnBackground(ctx context.Context, l *Lesson, b *Backbone) error {
	var at []int
	perClass := max(maxBorderPictures/t.classes, 4)
	count := make([]int, t.classes)
	for _, burst := range t.bursts {
		if c := t.class[burst[0]]; count[c] < perClass {
			count[c]++
			at = append(at, burst[0])
		}
	}
	if slices.Min(count) < fewBursts {
		return nil
	}
	var border, middle []raw
	var class []int
	for _, i := range at {
		f, err := frame.ReadFile(ctx, l.Pictures[i].File)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || b.fitter.Fit(b.net.Input(), f) != nil {
			continue
		}
		b.cover(true)
		b.net.Run()
		border = append(border, b.pool())
		if b.fitter.Fit(b.net.Input(), f) != nil {
			continue
		}
		b.cover(false)
		b.net.Run()
		middle = append(middle, b.pool())
		class = append(class, t.class[i])
	}
	byBorder, byMiddle := prototypeAccuracy(b, border, class, t.classes), prototypeAccuracy(b, middle, class, t.classes)
	if byBorder >= borderTells && byBorder >= byMiddle-0.02 {
		t.Card.Warnings = append(t.Card.Warnings, fmt.Sprintf("with the middle covered, the classes are still told apart in %.0f %% of "+
			"the pictures, by the middle alone in %.0f %%: the classes may differ by their background. Show each of them in front of the same "+
			"things, or look at a smaller region (--roi).", 100*byBorder, 100*byMiddle))
	}
	return nil
}

// cover hides the middle of the network's input, or all but the middle, behind the colour that the network takes for nothing.
func (b *Backbone) cover(middle bool) {
	in := b.net.Inputs()[0]
	height, width, channels := in.Shape[1], in.Shape[2], in.Shape[3]
	inside := func(at, length int) bool {
		edge := int(float64(length) * (1 - middleSide) / 2)
		return at >= edge && at < length-edge
	}
	for y := range height {
		for x := range width {
			if (inside(y, height) && inside(x, width)) == middle {
				at := (y*width + x) * channels
				for c := range channels {
					in.Data[at+c] = byte(in.Quant.ZeroPoint)
				}
			}
		}
	}
}

// prototypeAccuracy is how often a picture's pooled features are closest to those of its class, itself left out.
func prototypeAccuracy(b *Backbone, pictures []raw, class []int, classes int) float64 {
	s := newSet(b.layers, pictures)
	k := s.kernels([]combination{{layers: []int{pooled}}})[0]
	right := 0
	for i := range pictures {
		sum, n := make([]float64, classes), make([]float64, classes)
		for j := range pictures {
			if i != j {
				sum[class[j]] += float64(k.at(i, j))
				n[class[j]]++
			}
		}
		for c := range sum {
			sum[c] /= max(n[c], 1)
		}
		if slices.Index(sum, slices.Max(sum)) == class[i] {
			right++
		}
	}
	return float64(right) / float64(max(len(pictures), 1))
}
