package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestEdit(t *testing.T) {
	for _, c := range []struct{ text, path, value, want string }{
		{"leds:\n  - name: a # it\n    on: 0.6   # high\n", "leds[0].on", "0.7", "leds:\n  - name: a # it\n    on: 0.7   # high\n"},
		{"leds: [{name: a, on: 0.6}]\n", "leds[0].on", "0.75", "leds: [{name: a, on: 0.75}]\n"},
		{"leds: [{name: a}]\n", "leds[0].on", "0.75", "leds: [{on: 0.75, name: a}]\n"},
		{"leds:\n  - name: ä\n    classes: [x,\n      y]\n  # next\n  - {name: b}\n", "leds[0].off", "0.3", "leds:\n  - name: ä\n    off: 0.3\n    classes: [x,\n      y]\n  # next\n  - {name: b}\n"},
		{"leds:\n  - classes: [x,\n      y]\n    name: a\n", "leds[0].off", "0.3", "leds:\n  - classes: [x,\n      y]\n    off: 0.3\n    name: a\n"},
		{"camera: {roi: \"0,0,1,1\", fit: crop}\n", "camera.roi", "0.1,0,0.5,1", "camera: {roi: \"0.1,0,0.5,1\", fit: crop}\n"},
		{"camera:\n  roi: 0,0,1,1 # all\n", "camera.roi", "0.1,0,0.5,1", "camera:\n  roi: \"0.1,0,0.5,1\" # all\n"},
		{"camera:\n  source: 'it''s'\n", "camera.rotate", "180", "camera:\n  source: 'it''s'\n  rotate: 180\n"},
		{"camera:\n  rotate: '90' # x\n", "camera.rotate", "180", "camera:\n  rotate: 180 # x\n"},
		{"camera:\n  # nothing yet\nleds: []\n", "camera.rotate", "180", "camera:\n  rotate: 180\n  # nothing yet\nleds: []\n"},
		{"model: x.tflite", "camera.rotate", "180", "model: x.tflite\ncamera:\n  rotate: 180\n"},
		{"", "camera.rotate", "180", "camera:\n  rotate: 180\n"},
		{"# only this\n", "camera.mirror", "true", "# only this\ncamera:\n  mirror: true\n"},
		{"camera:\n  source: auto", "camera.mirror", "true", "camera:\n  source: auto\n  mirror: true\n"},
	} {
		got, err := Edit([]byte(c.text), []Change{{c.path, c.value}})
		if err != nil || string(got) != c.want {
			t.Errorf("%q, %s: %s: %v\ngot  %q\nwant %q", c.text, c.path, c.value, err, got, c.want)
		}
	}
	for _, c := range []struct{ text, path, value string }{
		{"leds: []\n", "leds[0].on", "0.6"},
		{"leds: [{name: a}]\n", "leds", "x"},
		{"leds: [{name: a}]\n", "leds[0].on", "0.6\nmodel: evil"},
		{"leds: [{name: &x a, on: *x}]\n", "leds[0].on", "0.6"},
		{"a: b\n", "no such place", "1"},
	} {
		var wrong *Error
		if got, err := Edit([]byte(c.text), []Change{{c.path, c.value}}); !errors.As(err, &wrong) || wrong.Problems[0].Path != c.path {
			t.Errorf("%q, %s: got %q, %v", c.text, c.path, got, err)
		}
	}
}

// TestEditExample changes the example, and changes it back.
func TestEditExample(t *testing.T) {
	text, err := os.ReadFile("../deploy/edge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	edited, err := Edit(text, []Change{{"leds[0].on", "0.9"}, {"leds[1].on", "0.55"}, {"camera.roi", "0,0,0.5,1"}, {"states.not_sure.below", "0.2"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("edge.yaml", edited)
	if err != nil {
		t.Fatal(err)
	}
	if d := &c.Decision; d.LEDs[0].On != 0.9 || d.LEDs[1].On != 0.55 || d.NotSure.Below != 0.2 || c.Fit.ROI.Width != 0.5 {
		t.Errorf("%+v", c)
	}
	if a, b := strings.Count(string(text), "\n"), strings.Count(string(edited), "\n"); b != a+2 || strings.Count(string(text), "#") != strings.Count(string(edited), "#") {
		t.Errorf("%d lines were %d", b, a)
	}
}

func FuzzEdit(f *testing.F) {
	f.Add("leds:\n  - name: a # it\n    on: 0.6   # high\n", "leds[0].on", "0.7")
	f.Add("camera: {roi: \"0,0,1,1\", fit: crop}\n", "camera.roi", "0.1,0,0.5,1")
	f.Add("camera:\n  source: 'it''s'\n", "camera.rotate", "180")
	f.Fuzz(func(t *testing.T, text, path, value string) {
		if len(text) > 1<<12 {
			return
		}
		before, err := Parse("x", []byte(text))
		if err != nil {
			return
		}
		edited, err := Edit([]byte(text), []Change{{path, value}})
		if err != nil {
			return
		}
		after, err := Parse("x", edited)
		if err == nil && len(after.Decision.LEDs) != len(before.Decision.LEDs) {
			t.Errorf("%q has other LEDs than %q", edited, text)
		}
	})
}
