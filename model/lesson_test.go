package model

import (
	"math"
	"strings"
	"testing"
)

// FuzzParseLesson reads metadata that anyone may have written: what is taken holds cosines and shares alone.
func FuzzParseLesson(f *testing.F) {
	f.Add([]byte(`{"thresholds":[0.5,-1],"pictures":[3,4],"taught":"2026-11-25T22:00:00Z","layers":["textures"],"accuracy":0.9}`))
	for _, bad := range badLessons {
		f.Add([]byte(bad.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLesson(data)
		if err != nil {
			return
		}
		for _, v := range l.Thresholds {
			if !(math.Abs(float64(v)) <= 1) {
				t.Errorf("threshold %v", v)
			}
		}
		for _, v := range []float32{l.Accuracy, l.Low, l.High} {
			if !(v >= 0 && v <= 1) {
				t.Errorf("share %v", v)
			}
		}
	})
}

var badLessons = []struct{ text, want string }{
	{`{}`, "no thresholds"},
	{`null`, "no thresholds"},
	{``, "unexpected end"},
	{`{"thresholds":[2]}`, "threshold 0 is 2"},
	{`{"thresholds":[1e39]}`, "cannot unmarshal number"},
	{`{"thresholds":["x"]}`, "cannot unmarshal string"},
	{`{"thresholds":[0],"accuracy":-1}`, "an accuracy of -1"},
	{`{"thresholds":[0],"taught":"yesterday"}`, "parsing time"},
	{`{"thresholds":[0],"pictures":[1.5]}`, "cannot unmarshal number"},
	{strings.Repeat(" ", maxLessonBytes+1), "more than 1024 KiB"},
}

// TestBadLesson: each is told.
func TestBadLesson(t *testing.T) {
	for _, bad := range badLessons {
		if _, err := parseLesson([]byte(bad.text)); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%.60s: %v, want %q", bad.text, err, bad.want)
		}
	}
}
