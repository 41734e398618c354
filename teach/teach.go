// Package teach makes a network for a person's own classes from a folder of pictures, on the board itself, in a second.
//
//	LESSON/open/*.jpg ─┐                    ┌ features, kept      ┌ Fit: which features, how strict,   ┌ one .tflite:
//	LESSON/shut/*.jpg ─┼─▶ frozen backbone ─┤ beside the pictures ┤ how sure; by leaving out one      ─┤ backbone, head,
//	LESSON/none/*.jpg ─┘                    └                     └ picture after the other            └ labels, thresholds
//
// Only the last layer is trained. Its inputs are the backbone's features at unit length, so that a sum of products is
// a cosine; its weights are a kernel ridge regression (solve.go), which one factorization fits and judges at once: what the
// network would say of each picture if that one hadn't been taught. That chooses the features and the regularization,
// finds the thresholds, and makes the score card. Pictures that are nearly the same, as a camera takes them one after
// another, count as one.
//
// Which class a picture shows is one question; whether it shows any of them is another: a second output says how familiar a picture looks to
// each class (the cosine to the mean of its pictures); below the class's threshold it is none of them.
//
// All of it is standard TensorFlow Lite: MEAN, MUL, TANH, L2_NORMALIZATION, CONCATENATION, FULLY_CONNECTED, SOFTMAX (network.go).
//
// Literature: SimpleShot (arXiv 1911.04623), Deep SLDA (1909.01520), Online Continual Learning for Embedded Devices
// (2203.10681).
package teach

import (
	"errors"
	"fmt"
	"io"
	"time"

	"edge/internal/files"
	"edge/model"
)

// Taught is a fitted lesson: the network and its score card.
type Taught struct {
	*Fit
	Graph *model.Graph // with labels and lesson
	Card  *Card
}

// Teach fits a lesson's pictures on the features of b, once: to teach it again, it must be read again. It notes now in the
// network.
func Teach(l *Lesson, b *Backbone, now time.Time) (*Taught, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	features, class := l.raws()
	l.forget() // the fit keeps bytes of them
	f := fit(b, features, class, l.Classes)
	g, err := f.network(b)
	if err != nil {
		return nil, fmt.Errorf("teach: %s: %w", b.Name, err)
	}
	card := f.card(l, b, now)
	for i := range f.parts { // what is asked of the fit later needs no other pictures' cosines
		f.parts[i].kernel = nil
	}
	var layers []string
	for _, i := range f.chosen.layers {
		layers = append(layers, b.layers[i].name)
	}
	g.Name, g.Labels = "taught "+now.UTC().Format(time.DateOnly), l.Classes
	g.Lesson = &model.Lesson{
		Thresholds: f.thresholds, Pictures: l.Counts(), Taught: now.UTC().Truncate(time.Second),
		Backbone: b.Name, Sum: b.Sum, Layers: layers,
		Accuracy: float32(card.Accuracy), Low: float32(card.Low), High: float32(card.High),
	}
	return &Taught{f, g, card}, nil
}

// Write writes the network to a file, whole or not at all.
func (t *Taught) Write(name string, stdout io.Writer) error {
	return writeWhole(name, stdout, func(w io.Writer) error {
		_, err := t.Graph.EncodeTFLite(w)
		return err
	})
}

func writeWhole(name string, stdout io.Writer, content func(w io.Writer) error) error {
	w, err := files.Create(name, stdout)
	if err != nil {
		return err
	}
	defer w.Discard()
	if err := content(w); err != nil {
		return errors.Join(err, fmt.Errorf("%s: nothing was written", name))
	}
	return w.Commit()
}
