package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"edge/camera"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
	"edge/model"
)

func TestParseAll(t *testing.T) {
	const file = `
model: net.tflite
labels: /usr/share/labels.txt
camera:
  source: exec:rpicam-vid -t 0
  size: 640x480
  fps: 12.5
  format: yuv420
  fit: letterbox
  roi: 0.25,0,0.5,1
  rotate: 180
  mirror: true
leds:
- name: cat
  line: pin 11
  active_low: true
  classes: [tabby, "*cat", 285, "7"]
  on: 0.75
  off: 0.5
  smoothing: 3 of 5 frames
  hold: 2s
  blink: {on: 100ms, off: 1s}
- name: defaults
  line: pinctrl-rp1:17
  classes: 1
- name: status
states:
  starting: {leds: status}
  camera_lost: {leds: [status, cat], blink: {on: 1s, off: 2s}}
  not_sure: {leds: [status], below: 0.25, smoothing: none, hold: 0s}
threads: 3
kernels: neon
normalize: mean=127,std=128
log_level: debug
record: {memory: off, dir: black, disk: 100MB, disk_per_day: 7 MB}
page: {listen: "127.0.0.1:8080", password: p, view_password: v, lesson: cats}
`
	got, err := Parse("/etc/edge/edge.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	line := func(text string, low bool) *gpio.Line {
		l, err := gpio.ParseLine(text)
		if err != nil {
			t.Fatal(err)
		}
		l.ActiveLow = low
		return &l
	}
	want := &Config{
		Model:     "/etc/edge/net.tflite",
		Labels:    "/usr/share/labels.txt",
		Camera:    camera.Spec{Kind: camera.Command, Arg: "rpicam-vid -t 0"},
		Capture:   camera.Options{Width: 640, Height: 480, FPS: 12.5, Format: frame.YU12},
		Normalize: &model.Normalization{Mean: [3]float32{127, 127, 127}, Std: [3]float32{128, 128, 128}},
		Fit: frame.Options{
			Fit: frame.Letterbox, ROI: frame.ROI{X: 0.25, Width: 0.5, Height: 1}, Rotate: 180, Mirror: true,
		},
		Decision: decision.Config{
			LEDs: []decision.LED{
				{
					Name: "cat",
					Classes: []decision.Class{
						decision.ClassName("tabby"), decision.ClassName("*cat"), decision.ClassIndex(285), decision.ClassName("7"),
					},
					On: 0.75, Off: 0.5,
					Smoothing: decision.Smoothing{Votes: 3, Frames: 5},
					Hold:      2 * time.Second,
					Light:     decision.Light{On: 100 * time.Millisecond, Off: time.Second},
				},
				{
					Name:    "defaults",
					Classes: []decision.Class{decision.ClassIndex(1)},
					On:      0.6, Off: 0.4, Smoothing: decision.Smoothing{Span: time.Second}, Hold: time.Second,
				},
				{Name: "status", On: 0.6, Off: 0.4, Smoothing: decision.Smoothing{Span: time.Second}, Hold: time.Second},
			},
			Starting: decision.Show{LEDs: []string{"status"}},
			CameraLost: decision.Show{
				LEDs: []string{"status", "cat"}, Light: decision.Light{On: time.Second, Off: 2 * time.Second},
			},
			NotSure: decision.NotSure{Show: decision.Show{LEDs: []string{"status"}}, Below: 0.25},
		},
		Lines:    []*gpio.Line{line("pin 11", true), line("pinctrl-rp1:17", false), nil},
		Threads:  3,
		Kernels:  "neon",
		LogLevel: slog.LevelDebug,
		Record:   Record{0, "/etc/edge/black", 100 << 20, 7 << 20},
		Page:     Page{"127.0.0.1:8080", "p", "v", "/etc/edge/cats"},
		text:     got.text,
		file:     got.file,
		lines:    got.lines,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.lines["leds[0].classes[1]"] != 17 {
		t.Errorf("leds[0].classes[1] is on line %d", got.lines["leds[0].classes[1]"])
	}
}

func TestParseDefaults(t *testing.T) {
	for _, file := range []string{"", "# nothing\n", "---\n", "leds:\nstates:\ncamera:\n", "leds: []\ncamera: {}\n"} {
		got, err := Parse("edge.yaml", []byte(file))
		if err != nil {
			t.Errorf("%q: %v", file, err)
			continue
		}
		if got.Camera != (camera.Spec{}) || len(got.Decision.LEDs) != 0 || got.LogLevel != slog.LevelInfo {
			t.Errorf("%q: %+v", file, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const led = "leds:\n- name: a\n  classes: [1]\n" // three lines
	for _, tt := range []struct{ name, file, want string }{
		{"unknown key", "model: x\nlabel: y\n", `f:2: unknown key "label": did you mean "labels"?`},
		{"kebab", led + "  active-low: true\n", `f:4: leds[0]: unknown key "active-low": did you mean "active_low"?`},
		{"unknown key, far off", "xyzzy: 1\n", `f:1: unknown key "xyzzy": there are camera, kernels, labels, leds,`},
		{"nested unknown key", "camera:\n  sorce: auto\n", `f:2: camera: unknown key "sorce": did you mean "source"?`},
		{"duplicate key", "model: a\nthreads: 1\nmodel: b\n", `f:3: "model" again: it is on line 1 already`},
		{"key that is a list", "? [a]\n: b\n", `f:1: a key must be a word`},
		{"text for number", "threads: four\n", `f:1: threads: expected a whole number from 0 to 64, found "four"`},
		{"fraction for whole", "threads: 1.5\n", `f:1: threads: expected a whole number`},
		{"too many", "threads: 65\n", `f:1: threads: expected a whole number from 0 to 64, found "65"`},
		{"huge", "threads: 99999999999999999999\n", `f:1: threads: expected`},
		{"nothing", "model:\n", `f:1: model: expected text, found nothing`},
		{"empty", `model: ""` + "\n", `f:1: model: expected text, found ""`},
		{"empty class", "leds:\n- name: a\n  classes: [x, '']\n", `f:3: leds[0].classes[1]: expected text, found ""`},
		{"mapping for text", "model: {a: b}\n", `f:1: model: expected text, found a mapping`},
		{"list for text", "model: [a]\n", `f:1: model: expected text, found a list`},
		{"text for mapping", "camera: auto\n", `f:1: camera: the camera's source goes on a line of its own, indented: source: "auto"`},
		{"mapping for list", "leds: {name: a}\n", `f:1: leds: expected a list (lines that begin with "- "), found a mapping`},
		{"list for document", "- a\n", `f:1: expected a mapping (lines of "key: value"), found a list`},
		{"text for LED", "leds:\n- cat\n", `f:2: leds[0]: expected a mapping`},
		{"yes for true", led + "  active_low: yes\n", `f:4: leds[0].active_low: expected true or false, found "yes"`},
		{"per cent", led + "  on: 60%\n", `f:4: leds[0].on: expected a number from 0 to 1, found "60%"`},
		{"above 1", led + "  on: 60\n", `f:4: leds[0].on: expected a number from 0 to 1, found "60"`},
		{"not a number", led + "  on: NaN\n", `f:4: leds[0].on: expected a number from 0 to 1`},
		{"off above on", led + "  on: 0.5\n  off: 0.7\n", `f:5: led "a": off (0.7) is above on (0.5)`},
		{"zero off", led + "  off: 0\n", `f:4: led "a": off is 0: it must be above 0`},
		{"time without unit", led + "  hold: 2\n", `f:4: leds[0].hold: expected a time with its unit, such as 500ms or 2s`},
		{"time below 0", led + "  hold: -2s\n", `f:4: leds[0].hold: expected a time`},
		{"smoothing", led + "  smoothing: average 10\n", `f:4: leds[0].smoothing: smoothing "average 10" has no unit`},
		{"votes", led + "  smoothing: 6 of 5 frames\n", `f:4: led "a": smoothing wants 6 of 5 frames`},
		{"half a blink", led + "  blink: {on: 1s}\n", `f:4: leds[0].blink: say how long it's on and how long off`},
		{"fast blink", led + "  blink: {on: 1s, off: 1ns}\n", `f:4: led "a": blink (1s on, 1ns off)`},
		{"line", led + "  line: 17\n", `f:4: leds[0].line: "17" can be two lines: write GPIO17`},
		{
			"a button's line that is an LED's", led + "  line: pin 11\nteach:\n  lesson: d\n  buttons:\n  - {class: a, line: pin 11}\n",
			`f:8: teach.buttons[0].line: pin 11 is the line of led "a" already`,
		},
		{
			"a button's line twice", "teach:\n  lesson: d\n  buttons:\n  - {class: a, line: GPIO5}\n  - {undo: true, line: GPIO5}\n",
			`f:5: teach.buttons[1].line: GPIO5 is the line of button "a" already`,
		},
		{"no LED to blink", led + "teach: {lesson: d, led: b}\n", `f:4: teach.led: there is no LED "b" below leds:`},
		{
			"a class that is no folder", "teach:\n  lesson: d\n  buttons:\n  - {class: a/b, line: GPIO5}\n",
			`f:4: teach.buttons[0].class: the pictures go into a folder of this name: "a/b": a name has no slash`,
		},
		{
			"classes that differ in case", "teach:\n  lesson: d\n  buttons:\n  - {class: a, line: GPIO5}\n  - {class: A, line: GPIO6}\n",
			`f:5: teach.buttons[1].class: "A" and "a" differ in upper and lower case only`,
		},
		{
			"line twice", led + "  line: pin11\n- name: b\n  classes: 2\n  line: pin 11\n",
			`f:7: leds[1].line: pin 11 is the line of led "a" already`,
		},
		{"no name", "leds:\n- classes: [1]\n", `f:2: an LED without a name`},
		{"name twice", led + "- name: a\n  classes: [2]\n", `f:4: led "a": a second LED of this name`},
		{"nothing lights it", "leds:\n- name: a\n", `f:2: led "a": nothing lights it`},
		{"class", "leds:\n- name: a\n  classes:\n  - 1\n  - [x]\n", `f:5: leds[0].classes[1]: expected text, found a list`},
		{"index below 0", "leds:\n- name: a\n  classes: -1\n", `f:3: leds[0].classes: expected a whole number from 0 to`},
		{
			"state of no LED", led + "states:\n  starting:\n    leds: [a,\n     bb]\n",
			`f:7: starting: there is no LED "bb"`,
		},
		{"unknown state", "states:\n  lost: {leds: a}\n", `f:2: states: unknown key "lost"`},
		{"size", "camera:\n  size: 640\n", `f:2: camera.size: size "640": want WIDTHxHEIGHT in pixels, such as 640x480`},
		{"url", "camera:\n  source: rtsp://cam/1\n", `f:2: camera.source: rtsp://cam/1 is a URL; ffmpeg can read it: write "exec:ffmpeg `},
		{"format", "camera:\n  format: h264\n", `f:2: camera.format: unknown pixel format "h264"`},
		{"fit", "camera:\n  fit: zoom\n", `f:2: camera.fit: fit "zoom": choose crop, stretch, letterbox`},
		{"roi", "camera:\n  roi: 1,2\n", `f:2: camera.roi: roi "1,2": want "x,y,w,h"`},
		{"normalize", "normalize: imgnet\n", `f:1: normalize: "imgnet": choose`},
		{"rotate", "camera:\n  rotate: 45\n", `f:2: camera.rotate: rotate "45": choose 0, 90, 180 or 270`},
		{"log level", "log_level: loud\n", `f:1: log_level: log level "loud": choose debug, info, warn or error`},
		{"alias", "model: &a x\nlabels: *a\n", `f:2: labels: aliases aren't read here: write it out, or "*a" in quotes`},
		{"merge key", "camera: &c {}\nleds:\n- <<: *c\n", `f:3: leds[0]: unknown key "<<"`},
		{"tag", "model: !!binary aGk=\n", `f:1: model: tags ("!!binary") aren't read here`},
		{"tag of ours", "model: !env HOME\n", `f:1: model: tags ("!env") aren't read here`},
		{"two documents", "model: a\n---\nmodel: b\n", `f:2: a second document`},
		{"not UTF-8", "# a\nmodel: \xff\n", `f:2: not a text in UTF-8`},
		{"binary", "model: a\x00\n", `f:1: not a text in UTF-8`},
		{"UTF-16", "\xff\xfea\x00", `f:1: a text in UTF-16: save it as UTF-8`},
		{"escape sequence", `model: "\e[2J"` + "\n", `f:1: model: "\x1b[2J" has control characters`},
		{"deep", strings.Repeat("[", 20000), `f:1: YAML: exceeded max depth`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tt.file))
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("got %v", err)
			}
			if !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// All errors come at once, in the order of the file.
func TestParseAllErrors(t *testing.T) {
	const file = "threads: x\nleds:\n- name: a\n  on: 2\n- name: b\n  classes: 1\n  off: 0.9\nfoo: 1\n"
	_, err := Parse("f", []byte(file))
	want := `^f:1: threads: .*
f:3: led "a": nothing lights it.*
f:4: leds\[0\]\.on: .*
f:7: led "b": off \(0\.9\) is above on.*
f:8: unknown key "foo".*$`
	if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestJudge(t *testing.T) {
	c, err := Parse("f", []byte("leds:\n- name: a\n  classes:\n  - tench\n  - goldfsh\n  - 99\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Judge(decision.Output{Classes: 2, Scale: 1. / 256, Labels: []string{"tench", "goldfish"}})
	want := `f:5: led "a": class "goldfsh": no class has this name: did you mean "goldfish"?` + "\n" +
		`f:6: led "a": class 99: the network has the classes 0 to 1`
	var failed *Error
	if !errors.As(err, &failed) || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err := c.GPIOLines(); err == nil || !strings.HasPrefix(err.Error(), `f:2: led "a": no line`) {
		t.Errorf("got %v", err)
	}
}

// TestPlaceLines finds on which line of the file a line stands that a board can't have.
// TestNone: states.none means the same as a rule over the class none, and what is wrong with that rule is on its line.
func TestNone(t *testing.T) {
	const leds = "leds:\n- {name: cat, classes: cat}\n- {name: stranger, on: 0.7%s}\n" // three lines
	short, err := Parse("f", []byte("states: {none: {leds: stranger, blink: {on: 1s, off: 2s}}}\n"+fmt.Sprintf(leds, "")))
	if err != nil {
		t.Fatal(err)
	}
	long, err := Parse("f", []byte(fmt.Sprintf(leds, ", classes: [none], blink: {on: 1s, off: 2s}")))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(short.Decision, long.Decision) {
		t.Errorf("%+v, want %+v", short.Decision, long.Decision)
	}
	if _, err := short.Judge(decision.Output{Classes: 2, Scale: 1. / 256, Labels: []string{"cat", "none"}}); err != nil {
		t.Error(err)
	}
	_, err = short.Judge(decision.Output{Classes: 2, Scale: 1. / 256, Labels: []string{"cat", "dog"}})
	if err == nil || err.Error() != `f:1: led "stranger": class "none": no class has this name` {
		t.Errorf("of a network without the class: %v", err)
	}
	for states, want := range map[string]string{
		"{leds: strange}":                             `f:5: states.none.leds[0]: there is no LED "strange" below leds:`,
		"{leds: [stranger, cat]}":                     `f:5: states.none.leds[1]: led "cat" has classes of its own`,
		"{leds: [stranger, stranger]}":                `f:5: states.none.leds[1]: led "stranger" has classes of its own, or is named here twice`,
		"{leds: stranger, blink: {on: 1us, off: 1s}}": `f:5: led "stranger": blink`,
		"stranger": `f:5: states.none: expected a mapping`,
	} {
		_, err := Parse("f", []byte(fmt.Sprintf(leds, "")+"states:\n  none: "+states+"\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("none: %s: %v, want %s", states, err, want)
		}
	}
}

func TestPlaceLines(t *testing.T) {
	chips := []gpio.Chip{{Label: "pinctrl-bcm2835", Path: "/dev/gpiochip0", Lines: make([]string, 54)}}
	header := gpio.Header{Chip: "pinctrl-bcm2835", Pins: []int{-1, -1, -1, 2, -1, 3, -1, 4, 14, -1, 15, 17}}
	file := func(lines ...string) *Config {
		text := "leds:\n"
		for i, line := range lines {
			text += fmt.Sprintf("- name: %c\n  classes: 1\n  line: %s\n", 'a'+i, line)
		}
		c, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct {
		lines []string
		want  string // of a board's error
		there bool   // so also without a board
	}{
		{[]string{"GPIO17", "GPIO99"}, `f:7: led "b": GPIO99: the chip pinctrl-bcm2835 has the lines 0 to 53`, false},
		{[]string{"GPIO17", "pin 1"}, `f:7: led "b": pin 1 is supply or ground`, true},
		{[]string{"pin 41"}, `f:4: led "a": pin 41: the header has the pins 1 to 11`, true},
		{[]string{"GPIO17", "GPIO4", "pin 11"}, `f:10: led "c": pin 11 and GPIO17, of led "a", are the same line`, true},
		{[]string{"pinctrl-bcm2835:17", "GPIO17"}, `f:7: led "b": GPIO17 and pinctrl-bcm2835:17, of led "a"`, true},
		{[]string{"GREEN"}, `f:4: led "a": no line is called GREEN`, false},
		{[]string{"expander:3", "GPIO4"}, "", false}, // it may be plugged in later
	} {
		c := file(tt.lines...)
		for _, elsewhere := range []bool{false, true} {
			places, err := c.PlaceLines(chips, header, elsewhere)
			switch want := tt.want; {
			case want == "" || elsewhere && !tt.there:
				if err != nil {
					t.Errorf("%q, elsewhere %v: %v", tt.lines, elsewhere, err)
				}
			case err == nil || !strings.HasPrefix(err.Error(), want):
				t.Errorf("%q, elsewhere %v: %v, %v; want %s", tt.lines, elsewhere, places, err, want)
			}
		}
	}
	c, err := Parse("f", []byte("leds: [{name: a, classes: 1, line: GPIO17}]\nteach:\n  lesson: d\n  buttons:\n"+
		"  - {class: x, line: GPIO4}\n  - {class: y, line: pin 1}\n  - {undo: true, line: pin 11}\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.PlaceLines(chips, header, false)
	const want = "f:6: button \"y\": pin 1 is supply or ground, no GPIO line: choose another pin\nf:7: button undo: pin 11 and GPIO17, of led \"a\", are the same line: give each its own"
	if err == nil || err.Error() != want {
		t.Errorf("buttons: got\n%v\nwant\n%s", err, want)
	}
	places, err := file("expander:3", "pin 11").PlaceLines(chips, header, false)
	if err != nil || places[0] != nil || places[1] == nil || places[1].Offset != 17 {
		t.Errorf("%v, %v", places, err)
	}
}

func TestLoad(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"absent", func(string) error { return nil }, "configuration: open"},
		{"directory", func(p string) error { return os.Mkdir(p, 0o700) }, "is a directory"},
		{"huge", func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) }, "larger than 64 KiB"},
		{"bad", func(p string) error { return os.WriteFile(p, []byte("x: 1"), 0o600) }, `edge.yaml:1: unknown key "x"`},
	} {
		path := filepath.Join(t.TempDir(), "edge.yaml")
		if err := tt.make(path); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path)
		var failed *Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestExampleConfig(t *testing.T) {
	const example = "../deploy/edge.yaml"
	c, err := Load(example)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Decision.LEDs) != 3 {
		t.Errorf("%d LEDs", len(c.Decision.LEDs))
	}
	// What is commented out must be right as well.
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^( *)#([a-z_]+: )`).ReplaceAll(data, []byte("$1$2"))
	if _, err := Parse("all", all); err != nil {
		t.Error(err)
	}
}

// The worst that fits into a file stays below the 64 MiB that a bad input may take.
func TestParseMemory(t *testing.T) {
	for _, piece := range []string{"a,", "a: b\n", "- \n", "? ", "[],", "{},", "&a a,", "#\n", "'',"} {
		text := strings.Repeat(piece, maxFile/len(piece))
		for _, file := range []string{text, "[" + text[:len(text)-1] + "]"} {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			_, _ = Parse("f", []byte(file))
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
				t.Errorf("%q took %d MiB", piece, got>>20)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../deploy/edge.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add("leds: [{name: a}]\nstates: {none: {leds: [a, b, ''], blink: {on: 1s, off: 1s}}}")
	f.Add("leds:\n- {name: a, classes: [1, '*'], blink: {on: 1s, off: 1s}}\nstates: {not_sure: {leds: a}}")
	f.Add("a: &a [*a, *a]\n<<: *a")
	for _, slip := range slips {
		f.Add(slip.file)
	}
	place := regexp.MustCompile(`^f:[1-9][0-9]*: `)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxFile {
			return
		}
		c, err := Parse("f", []byte(text))
		if err != nil {
			lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
			for _, p := range strings.Split(err.Error(), "\n") {
				var line int
				if _, err := fmt.Sscanf(p, "f:%d:", &line); err != nil || !place.MatchString(p) || line > lines+2 {
					t.Errorf("no place, or none of the %d lines: %s", lines, p)
				}
				if strings.ContainsAny(p, "\x1b\x00") {
					t.Errorf("control characters: %q", p)
				}
			}
			return
		}
		for i := range c.Decision.LEDs { // a judge of any network must not mind
			c.Decision.LEDs[i].Classes = []decision.Class{decision.ClassIndex(0)}
			c.Decision.LEDs[i].On, c.Decision.LEDs[i].Off = 0.5, 0.5
		}
		if len(c.Decision.LEDs) > 10 {
			return
		}
		j, err := c.Judge(decision.Output{Classes: 2, Scale: 1. / 256})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		j.Observe([]byte{1, 2}, time.Now())
	})
}
