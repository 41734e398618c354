package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// Lesson is what edge teach writes into the networks that it makes: how it knows that a picture shows none of what was
// taught, and where the network comes from. The file has it as JSON, in metadata of this name:
const lessonEntry = "EDGE_LESSON"

const maxLessonBytes = 1 << 20

// Lesson tells that the network's second output says how familiar a picture looks, once for each class (the cosine to the
// mean of what was taught of it). If that of the class with the highest score is below its threshold, the picture shows
// none of them.
type Lesson struct {
	Thresholds []float32 `json:"thresholds"` // of the first output's classes, in its order
	Pictures   []int     `json:"pictures"`   // that were taught, of each class
	Taught     time.Time `json:"taught"`
	Backbone   string    `json:"backbone"` // the name of what was taught
	Sum        string    `json:"backbone_sha256"`
	Layers     []string  `json:"layers"`       // whose features tell the classes apart
	Accuracy   float32   `json:"accuracy"`     // by leave-one-out, from 0 to 1
	Low        float32   `json:"accuracy_low"` // it lies between these two, 19 times of 20
	High       float32   `json:"accuracy_high"`
}

// parseLesson reads a Lesson.
func parseLesson(data []byte) (*Lesson, error) {
	if len(data) > maxLessonBytes {
		return nil, fmt.Errorf("more than %d KiB", maxLessonBytes>>10)
	}
	l := new(Lesson)
	if err := json.Unmarshal(data, l); err != nil {
		return nil, err
	}
	return l, l.check()
}

func (l *Lesson) check() error {
	for i, t := range l.Thresholds {
		if !(math.Abs(float64(t)) <= 1) {
			return fmt.Errorf("threshold %d is %g, not a cosine", i, t)
		}
	}
	for _, share := range []float32{l.Accuracy, l.Low, l.High} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("an accuracy of %g", share)
		}
	}
	if len(l.Thresholds) == 0 {
		return errors.New("no thresholds")
	}
	return nil
}

// lesson reads the lesson, if the file has one.
func (r *tfliteReader) lesson() error {
	entries := r.model.tables(modelMetadata)
	for i := range entries.n {
		entry := entries.table(i)
		if string(entry.bytes(metadataName)) != lessonEntry {
			continue
		}
		blob, err := r.buffer(entry.uint32(metadataBuffer))
		if err != nil {
			return err
		}
		if r.g.Lesson, err = parseLesson(blob); err != nil {
			return fmt.Errorf("lesson: %w", err)
		}
	}
	return r.err
}
