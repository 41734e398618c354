//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"edge/e2e/machine"
)

// The LEDs of boardConfig, as bits of the PL061.
const (
	ledSeen = 1 << 4 // the class is in the picture
	ledLost = 1 << 5 // the camera is lost
)

// boardConfig is a configuration with one LED for a class and one for a lost camera. Nothing is smoothed: each frame
// counts, so that a single wrong one shows.
func boardConfig(class, format, seen, lost string) []byte {
	return fmt.Appendf(nil, `
model: net.tflite
labels: labels.txt
camera:
  source: /dev/video0
  size: 640x480
  format: %s
leds:
  - {name: seen, line: %q, classes: [%q], on: 0.6, smoothing: none, hold: 0s}
  - {name: lost, line: %q}
states:
  camera_lost: {leds: lost}
`, format, seen, class, lost)
}

// files puts a subject's network, pictures and configuration into a guest.
func (s *subject) files(etc, format string, config []byte) []machine.File {
	pixels := func(p *picture) []byte {
		if format == "rgb24" {
			return p.rgb
		}
		return p.yuyv()
	}
	return []machine.File{
		{Path: etc + "/net.tflite", Host: s.model, Mode: 0o644},
		{Path: etc + "/labels.txt", Host: s.labels, Mode: 0o644},
		{Path: etc + "/edge.yaml", Content: config},
		{Path: "/pictures/shown", Content: pixels(s.shown)},
		{Path: "/pictures/other", Content: pixels(s.other)},
	}
}

// edgeUser runs edge, so that it can open the camera only once the test gives it away, as udev does.
const edgeUser = 1000

// TestSeesWhatTheCameraShows follows a photograph from the camera to the LED, through an unplugged camera, and compares
// each frame's class and score with what edge classify says about the same pixels.
func TestSeesWhatTheCameraShows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, format := range []string{"rgb24", "yuyv"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			w := b.watch(t, realSubject(t), format)
			w.shows("shown")
			if format == "rgb24" { // lossless from the file to the network, as a PNG is
				w.equals(b.classify(t, w.subject, w.subject.shown))
			}
			w.shows("other")
			if format == "rgb24" {
				w.equals(b.classify(t, w.subject, w.subject.other))
			}
			w.shows("shown")
			w.unplug()
			w.replug("other")
			w.shows("shown")
			w.stop()
		})
	}
}

// TestSurvivesInjectedErrors makes the driver fail in every way that it offers. Nothing is looped into the camera here,
// as errors strike whichever of vivid's devices comes first: white is the driver's own picture.
func TestSurvivesInjectedErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := smallSubject(t)
	w := b.newWatcher(t, s, "yuyv")
	const black, white = 5, 6
	w.guest.sh(fmt.Sprintf("vivid set /dev/video0 osd_text_mode=2 test_pattern=%d", white))
	w.admit()
	w.start()
	for _, controls := range []string{
		"inject_v4l2_buf_flag_error=1",
		"percentage_of_dropped_buffers=60",
		"percentage_of_dropped_buffers=0",
		"inject_vidioc_qbuf_error=1",
		"inject_fatal_streaming_error=1",
		"disconnect=1",
		// These two strike when the stream starts again, as it does after the fatal error.
		"inject_vidioc_reqbufs_error=1 inject_fatal_streaming_error=1",
		"inject_vidioc_streamon_error=1 inject_fatal_streaming_error=1",
		"wrap_sequence_number=1",
		"wrap_timestamp=1",
		"timestamp_source=1",
	} {
		w.guest.sh("vivid set /dev/video0 " + controls)
		w.recovers(controls, "bright")
	}
	w.guest.sh(fmt.Sprintf("vivid set /dev/video0 test_pattern=%d", black))
	w.guest.wait("the LED is off for a black picture", func() bool { return w.guest.pl061() == 0 })
	w.guest.sh(fmt.Sprintf("vivid set /dev/video0 test_pattern=%d", white))
	w.guest.wait("the LED is on for a white picture", func() bool { return w.guest.pl061() == ledSeen })
	w.stop()
}

// watcher is a guest in which edge run watches the camera.
type watcher struct {
	t       *testing.T
	guest   *guest
	subject *subject
	format  string
	feed    *machine.Process
	edge    *machine.Process
	passed  int // how many of edge's frames are behind
}

// watch starts everything with the subject's other picture at the camera.
func (b *bench) watch(t *testing.T, s *subject, format string) *watcher {
	t.Helper()
	w := b.newWatcher(t, s, format)
	w.connect("other")
	w.start()
	return w
}

func (b *bench) newWatcher(t *testing.T, s *subject, format string) *watcher {
	t.Helper()
	config := boardConfig(s.class, format, "9030000.pl061:4", "9030000.pl061:5")
	g := b.boot(t, machine.Config{Files: append(s.files("/etc/edge", format, config),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")})})
	g.sh(fmt.Sprint("chown ", edgeUser, " /dev/gpiochip0"))
	return &watcher{t: t, guest: g, subject: s, format: format}
}

// connect shows a picture at the camera, and then lets edge open it.
func (w *watcher) connect(picture string) {
	w.t.Helper()
	fourcc := map[string]string{"rgb24": "RGB3", "yuyv": "YUYV"}[w.format]
	w.feed = w.guest.feed(fourcc, "/pictures/"+picture)
	w.admit()
}

// admit lets edge open the camera.
func (w *watcher) admit() {
	w.t.Helper()
	w.guest.sh(fmt.Sprint("chown ", edgeUser, " /dev/video0"))
}

func (w *watcher) start() {
	w.t.Helper()
	w.edge = w.guest.start(machine.Command{
		Argv: []string{"edge", "run", "--verbose", "--config", "/etc/edge/edge.yaml"}, User: edgeUser,
	})
	w.passed = 0
}

// shows puts a picture before the camera and waits until the LEDs say so, from outside of the guest.
func (w *watcher) shows(picture string) {
	w.t.Helper()
	w.guest.sh("cp /pictures/" + picture + " /tmp/shown")
	before := strings.Count(w.feed.Stdout(), "showing")
	if err := w.feed.Signal(syscall.SIGHUP); err != nil {
		w.t.Fatal(err)
	}
	w.guest.wait("the feed has "+picture, func() bool { return strings.Count(w.feed.Stdout(), "showing") > before })
	w.lights(picture)
}

func (w *watcher) lights(picture string) {
	w.t.Helper()
	want := map[string]uint32{"shown": ledSeen, "other": 0}[picture]
	w.guest.wait(fmt.Sprintf("the LEDs show %#x for %s", want, picture), func() bool {
		w.isRunning()
		return w.guest.pl061() == want && len(w.frames()) > w.passed
	})
	// What was under way when the picture changed is behind after two more frames.
	from := len(w.frames())
	w.guest.wait("two more frames", func() bool { return len(w.frames()) >= from+2 })
	w.passed = len(w.frames())
}

// equals compares the next frames with a classification.
func (w *watcher) equals(want classified) {
	w.t.Helper()
	from := w.passed
	w.guest.wait("three frames", func() bool { return len(w.frames()) >= from+3 })
	top := want.Top[0]
	for _, f := range w.frames()[from:] {
		if f.class != top.Label || f.score != float32(top.Score) {
			w.t.Errorf("edge run saw %s with %v; edge classify says %s with %v", f.class, f.score, top.Label, top.Score)
		}
	}
}

// recovers waits for more frames after an error. All of them must be of the class. A process that ends with status 1 is
// started again, as systemd does.
func (w *watcher) recovers(after, class string) {
	w.t.Helper()
	from := w.passed
	w.guest.wait("frames after "+after, func() bool {
		if !w.edge.Running() {
			w.restart()
			from = 0
		}
		return len(w.frames()) >= from+5
	})
	for _, f := range w.frames()[from:] {
		if f.class != class {
			w.t.Errorf("after %s: saw %s with %v; the camera shows %s", after, f.class, f.score, class)
		}
	}
	w.passed = len(w.frames())
	w.guest.wait("the LED is on again after "+after, func() bool { return w.guest.pl061() == ledSeen })
}

func (w *watcher) restart() {
	w.t.Helper()
	exit, err := w.edge.Wait(w.t.Context())
	if err != nil || exit.Status != 1 {
		w.t.Fatalf("edge run ended: %+v, %v", exit, err)
	}
	if leds := w.guest.pl061(); leds != 0 {
		w.t.Errorf("edge run ended and left LEDs on: %#x", leds)
	}
	w.start()
}

// unplug takes the camera away and waits for the LED that says so.
func (w *watcher) unplug() {
	w.t.Helper()
	w.guest.sh("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	w.guest.wait("the LED for a lost camera is on, alone", func() bool {
		w.isRunning()
		return w.guest.pl061() == ledLost
	})
}

// replug brings the camera back with another picture.
func (w *watcher) replug(picture string) {
	w.t.Helper()
	w.guest.wait("the feed noticed", func() bool { return !w.feed.Running() })
	w.guest.sh("echo vivid.0 >/sys/bus/platform/drivers/vivid/bind")
	w.passed = len(w.frames())
	w.connect(picture)
	w.lights(picture)
}

func (w *watcher) isRunning() {
	w.t.Helper()
	if !w.edge.Running() {
		w.t.Fatal("edge run ended")
	}
}

// stop ends edge as systemd does, while an LED is on. It must end well, with the LEDs off.
func (w *watcher) stop() {
	w.t.Helper()
	if leds := w.guest.pl061(); leds != ledSeen {
		w.t.Fatalf("the LEDs show %#x: nothing is to be switched off", leds)
	}
	w.guest.end(w.edge)
	if leds := w.guest.pl061(); leds != 0 {
		w.t.Errorf("edge run ended and left LEDs on: %#x", leds)
	}
}

// seen is one frame, as edge run --verbose logs it.
type seen struct {
	class string
	score float32
}

var frameLine = regexp.MustCompile(`msg=(?:frame|changed) .*class=("[^"]*"|\S+) score=(\S+)`)

// frames are all that edge has logged since it was started.
func (w *watcher) frames() []seen {
	var list []seen
	for line := range strings.Lines(w.edge.Stderr()) {
		m := frameLine.FindStringSubmatch(line)
		if m == nil || m[1] == `""` {
			continue
		}
		score, err := strconv.ParseFloat(m[2], 32)
		if err != nil {
			w.t.Fatalf("%v in %q", err, line)
		}
		list = append(list, seen{strings.Trim(m[1], `"`), float32(score)})
	}
	return slices.Clip(list)
}
