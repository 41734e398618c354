package main

import (
	"fmt"
	"strings"
	"testing"

	"edge/decision"
)

func TestDescribeConfig(t *testing.T) {
	c, err := parseConfig("edge.yaml", []byte(`
model: /net.tflite
camera: {source: /dev/video0, size: 640x480, rotate: 90}
leds:
- {name: cat, line: GPIO17, active_low: true, classes: ["*cat", 3], blink: {on: 1s, off: 2s}}
- {name: any, classes: "*", smoothing: none, hold: 0s}
- {name: status, line: pin 11}
states:
  camera_lost: {leds: [status, cat]}
  not_sure: {leds: status, blink: {on: 100ms, off: 900ms}}
`))
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"background", "tabby, tabby cat", "Egyptian cat", "lynx"}
	for i := len(labels); i < 20; i++ {
		labels = append(labels, fmt.Sprint("name ", i))
	}
	judge, err := c.judge(decision.Output{Classes: len(labels), Scale: 1. / 256, Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := describeConfig(&out, c, judge, labels); err != nil {
		t.Fatal(err)
	}
	const want = `edge.yaml is right.

model        /net.tflite
camera       /dev/video0, 640×480, rotated by 90° clockwise, crop
led cat      GPIO17, lit when low
             blinks (1s on, 2s off) when the score reaches 0.6, goes dark when it falls below 0.4
             smoothing average 1s, hold 1s
             class 1, tabby, tabby cat
             class 2, Egyptian cat
             class 3, lynx
led any      not connected to any line: only --leds terminal shows it
             shines when the score reaches 0.6, goes dark when it falls below 0.4
             smoothing none, hold 0s
             class 0, background
             class 1, tabby, tabby cat
             class 2, Egyptian cat
             class 3, lynx
             class 4, name 4
             class 5, name 5
             class 6, name 6
             class 7, name 7
             class 8, name 8
             class 9, name 9
             class 10, name 10
             class 11, name 11
             and 8 more
led status   pin 11
             shows states only
starting     all LEDs are dark
camera lost  status shines, cat shines
not sure     status blinks (100ms on, 900ms off)
             if no class lights an LED, and none has a score of 0.3
             smoothing average 1s, hold 1s
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}

	c.Model = ""
	out.Reset()
	if err := describeConfig(&out, c, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"model        none named", `class "*cat"`, "class 3\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without a model: %q is missing in\n%s", want, out.String())
		}
	}
}
