package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/model"
)

func TestDescribeConfig(t *testing.T) {
	c, err := config.Parse("edge.yaml", []byte(`
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
	o := decision.Output{Classes: len(labels), Scale: 1. / 256, Labels: labels}
	normalize := model.Normalization{Mean: [3]float32{127.5, 127.5, 127.5}, Std: [3]float32{127.5, 127.5, 127.5}}
	pixels := classifier.Pixels{Normalization: normalize, From: classifier.Derived, Least: -1.5, Most: 1.5, Unusual: true}
	judge, err := c.Judge(o)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := describeConfig(&out, c, judge, o, pixels, []string{"", "", "this line is also the UART"}); err != nil {
		t.Fatal(err)
	}
	const want = `edge.yaml is right.

model        /net.tflite
pixels       tf, derived from the input's range, -1.5 to 1.5
             beware: the input's range, -1.5 to 1.5, is of no usual normalization; pixels are normalized as tf: if the scores are poor, say what the network was trained on: --normalize HOW, or normalize: in the configuration
scores       probabilities of classes that exclude each other, together 1
camera       /dev/video0, 640×480, rotated by 90° clockwise, crop
recording    16 MB in the runtime directory, in memory
page         only if systemd opens a socket for it (edge.socket)
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
             attention: this line is also the UART
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
}

func TestCheckConfigCommand(t *testing.T) {
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const lesson = "teach:\n  lesson: door\n  buttons:\n  - {class: shut, line: GPIO5}\nleds:\n- {name: y, classes: [shut, none], line: GPIO6}\n"
	for _, tt := range []struct {
		name    string
		args    []string
		want    string
		wantErr string
	}{
		{"the example", []string{"../../deploy/edge.yaml"}, "class 281, tabby, tabby cat\n", ""},
		{"no LEDs", []string{write("n.yaml", "threads: 1\n")}, "nothing will be lit", ""},
		{"no such class", []string{write("d.yaml", "leds: [{name: a, line: GPIO1, classes: [tobby cat]}]")}, "", `did you mean "tabby cat"`},
		{"two mistakes", []string{write("a.yaml", "x: 1\nthreads: a\n")}, "", "a.yaml:2: threads: expected"},
		{"no such file", []string{"/nowhere/edge.yaml"}, "", "no such file or directory: start from the commented example"},
		{"no such model", []string{write("b.yaml", "model: nowhere.tflite\n")}, "", "nowhere.tflite: no such file"},
		{"no model", []string{write("c.yaml", "model: c.yaml\n")}, "", "c.yaml: "},
		{"supply pin", []string{write("e.yaml", "leds:\n- {name: a, classes: 1, line: pin 1}")}, "", `e.yaml:2: led "a": pin 1 is supply or ground`},
		{"pin 41", []string{write("f.yaml", "leds:\n- {name: a, classes: 1, line: pin 41}")}, "", `f.yaml:2: led "a": pin 41: the header has the pins 1 to 40`},
		{"one line twice", []string{write("g.yaml", "leds:\n- {name: a, classes: 1, line: GPIO17}\n- {name: b, classes: 2, line: pin 11}")}, "", "g.yaml:3:"},
		{"I²C", []string{write("h.yaml", "leds:\n- {name: a, classes: 1, line: pin 3}")}, "attention: this line is also the I²C bus", ""},
		{"GPIO99", []string{write("i.yaml", "leds:\n- {name: a, classes: 1, line: GPIO99}")}, "attention: no Raspberry Pi has this line", ""},
		{"a lesson", []string{write("j.yaml", lesson)}, "class \"shut\", once it is taught", ""},
		{"nobody teaches it", []string{write("k.yaml", lesson+"- {name: z, classes: ajar}\n")}, "", `k.yaml:7: led "z": class "ajar": no class has this name`},
		{"two files", []string{"a", "b"}, "", "one FILE at a time"},
		{"unknown flag", []string{"--verbos"}, "", "unknown flag: --verbos"},
	} {
		var out strings.Builder
		err := runCheckConfig(context.Background(), tt.args, streams{out: &out, err: &out})
		if tt.wantErr == "" {
			if err != nil || !strings.Contains(out.String(), tt.want) {
				t.Errorf("%s: %v\n%s", tt.name, err, out.String())
			}
			continue
		}
		if !isConfigError(err) || !strings.Contains(err.Error(), tt.wantErr) || out.Len() > 0 {
			t.Errorf("%s: %v, want %s\n%s", tt.name, err, tt.wantErr, out.String())
		}
	}
}

// TestCheckConfigAtOnce holds that what only the network or the board knows is said together with what the file alone tells; but
// not if it isn't known which network is meant.
func TestCheckConfigAtOnce(t *testing.T) {
	const leds = "leds:\n- {name: a, classes: tobby cat, on: 0.2, off: 0.5}\n- {name: b, classes: 1, line: pin 1}\n"
	for text, want := range map[string][]string{
		leds:                       {`:2: led "a": off (0.5)`, `:2: led "a": class "tobby cat"`, `:3: led "b": pin 1`},
		leds + "modle: a.tflite\n": {`:2: led "a": off (0.5)`, `:3: led "b": pin 1`, `:4: unknown key "modle"`},
	} {
		file := filepath.Join(t.TempDir(), "edge.yaml")
		write(t, file, []byte(text))
		status, _, stderr := edge("check-config", file)
		lines := strings.Split(strings.TrimSpace(stderr), "\n")
		if status != statusConfig || len(lines) != len(want) {
			t.Errorf("status %d, %s", status, stderr)
			continue
		}
		for i := range want {
			if !strings.Contains(lines[i], want[i]) {
				t.Errorf("%q, want %q", lines[i], want[i])
			}
		}
	}
}

// The classes of a real network, by names and patterns, in a file with its labels beside it.
func TestCheckConfigRealModel(t *testing.T) {
	models, err := filepath.Abs("../../../shared/models")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(models); err != nil {
		t.Skipf("skipped without ../shared: %v", err)
	}
	file := filepath.Join(t.TempDir(), "edge.yaml")
	text := fmt.Sprintf("model: %[1]s/mobilenet_v1_0.25_128_quant.tflite\nlabels: %[1]s/imagenet_labels.txt\n"+
		"leds: [{name: cat, classes: [tabby, 'tiger c?t', '*siamese cat']}]\n", models)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := runCheckConfig(context.Background(), []string{file}, streams{out: &out, err: &out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"class 282, tabby, tabby cat\n", "class 283, tiger cat\n", "class 285, Siamese cat"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// TestCheckConfigPage holds that a page which everybody could reach, and a password that is none, are found before a start.
func TestCheckConfigPage(t *testing.T) {
	model := "model: " + colourModel(t) + "\n"
	check := func(text string) (int, string) {
		file := filepath.Join(t.TempDir(), "edge.yaml")
		write(t, file, []byte(model+text))
		status, stdout, stderr := edge("check-config", file)
		return status, stdout + stderr
	}
	if status, text := check("page: {listen: \"127.0.0.1:8080\"}\nrecord: {disk: 50MB}\n"); status != 0 || !strings.Contains(text, "http://127.0.0.1:8080") ||
		!strings.Contains(text, "on disk 50 MB, at most 20 MB a day") {
		t.Errorf("status %d, %s", status, text)
	}
	if status, text := check("page: {listen: \"0.0.0.0:8080\"}\n"); status != statusConfig || !strings.Contains(text, "edge password") {
		t.Errorf("status %d, %s", status, text)
	}
	if status, text := check("page: {password: secret}\n"); status != statusConfig || !strings.Contains(text, "edge password") || strings.Contains(text, "secret") {
		t.Errorf("status %d, %s", status, text)
	}
}
