//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"math/rand/v2"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/image/draw"

	stdimage "image"

	"edge/e2e/machine"
)

// encodeJPEG is the picture as a camera of that size gives it.
func encodeJPEG(t *testing.T, p *picture, w, h int) []byte {
	t.Helper()
	scaled := stdimage.NewRGBA(stdimage.Rect(0, 0, w, h))
	draw.BiLinear.Scale(scaled, scaled.Bounds(), p.rgba(), stdimage.Rect(0, 0, width, height), draw.Src, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, scaled, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shows are the folders that a webcam shows: what they hold comes again and again.
func shows(t *testing.T, s *subject) []machine.File {
	t.Helper()
	bright, dark := encodeJPEG(t, s.shown, 320, 240), encodeJPEG(t, s.other, 320, 240)
	junk := make([]byte, 5000)
	for i := range junk {
		junk[i] = byte(rand.Uint32())
	}
	noise := append(bytes.Clone(dark[:len(dark)/3]), junk...)
	var files []machine.File
	for folder, contents := range map[string][][]byte{
		"bright": {bright},
		"dark":   {dark},
		"mixed":  {bright, dark[:len(dark)/2], junk, bright, noise, dark[:2], bright, {}, junk[:1]},
		"broken": {dark[:len(dark)/2], junk, noise, dark[:2], bright[:len(bright)*3/4]},
		"small":  {encodeJPEG(t, s.shown, 160, 120)},
		"large":  {encodeJPEG(t, s.shown, 640, 480)},
		"sizes":  {encodeJPEG(t, s.shown, 160, 120), bright, encodeJPEG(t, s.shown, 640, 480), bright},
	} {
		for i, content := range contents {
			files = append(files, machine.File{Path: fmt.Sprintf("/shows/%s/%d", folder, i), Content: content})
		}
	}
	for _, folder := range []string{"flagged", "mixed"} {
		files = append(files, machine.File{Path: "/shows/" + folder + "/9.error", Content: bright})
	}
	return files
}

// bootWebcams boots with ports for USB cameras.
func (b *bench) bootWebcams(t *testing.T, c machine.Config) *guest {
	t.Helper()
	s := smallSubject(t)
	config := boardConfig(s.class, "mjpeg", "9030000.pl061:4", "9030000.pl061:5")
	config = bytes.Replace(config, []byte("/dev/video0"), []byte("Front camera"), 1)
	c.Modules = machine.USBCameras
	c.Files = append(append(shows(t, s), s.files("/etc/edge", "yuyv", config)...),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")}, machine.File{Path: "/usr/local/bin/webcam", Host: b.path("webcam")})
	g := b.boot(t, c)
	g.sh("mkdir /shows/silent")
	return g
}

// webcam is a USB camera that is plugged into a guest.
type webcam struct {
	*machine.Process
	g      *guest
	folder string // a link to what it shows
}

func (g *guest) plugWebcam(port int, name, size, show string) *webcam {
	g.t.Helper()
	w := &webcam{g: g, folder: path.Join("/run", name)}
	w.show(show)
	w.Process = g.start(machine.Command{Argv: []string{"webcam", fmt.Sprint(port), name, fmt.Sprint("A", port), size, w.folder}})
	return w
}

func (w *webcam) show(show string) { w.g.sh(fmt.Sprintf("ln -sfn /shows/%s '%s'", show, w.folder)) }

// starts is how often its stream was started.
func (w *webcam) starts() int { return strings.Count(w.Stdout(), "started") }

func (w *webcam) unplug() {
	w.g.t.Helper()
	if err := w.Signal(syscall.SIGKILL); err != nil {
		w.g.t.Fatal(err)
	}
	w.g.wait("the webcam is unplugged", func() bool { return !w.Running() })
}

// status is what edge status reads. It is written every second.
type status struct {
	At, Camera              string
	Frames, Damaged, Losses uint64
}

func (g *guest) status() (s status) {
	g.t.Helper()
	text := g.sh("cat /run/status.json")
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		g.t.Fatalf("%v: %s", err, text)
	}
	return s
}

// TestEnduranceWebcam is a USB camera in trouble: it is silent, gives junk, answers nothing, has other pictures than it says, or
// flags them all. The LEDs tell, edge lives on as the same process, and sees again as soon as there is something to see.
func TestEnduranceWebcam(t *testing.T) {
	b := newEnduranceBench(t)
	g := b.bootWebcams(t, machine.Config{})
	camera := g.plugWebcam(0, "Front camera", "320x240", "bright")
	edge := g.start(machine.Command{Argv: []string{"edge", "run"}, Env: serviceEnv})
	lights := func(what string, want uint32) {
		t.Helper()
		g.wait(fmt.Sprintf("the LEDs show %#x: %s", want, what), func() bool {
			if !edge.Running() {
				t.Fatalf("%s: edge run ended", what)
			}
			return g.pl061() == want
		})
	}
	// sees shows that the LED follows the pictures.
	sees := func(after string) {
		t.Helper()
		camera.show("dark")
		lights("a dark picture after "+after, 0)
		camera.show("bright")
		lights("a bright picture after "+after, ledSeen)
	}
	state := func() (s status) {
		t.Helper()
		before := g.status()
		g.wait("the status is written anew", func() bool { s = g.status(); return s.At != before.At })
		return s
	}
	counted := func(what string, damaged uint64) {
		t.Helper()
		g.wait("the status tells of damaged frames: "+what, func() bool { return g.status().Damaged > damaged })
	}
	troubles := []struct {
		name   string
		strike func()
	}{
		{"damaged pictures between good ones", func() {
			before := state()
			camera.show("dark")
			lights("a dark picture", 0)
			camera.show("mixed")
			lights("good pictures between damaged ones", ledSeen)
			counted("mixed", before.Damaged)
			if after := state(); after.Losses != before.Losses {
				t.Errorf("the camera was lost %d times, as it gave a damaged picture now and then", after.Losses-before.Losses)
			}
		}},
		{"nothing but damaged pictures", func() {
			before := state()
			camera.show("broken")
			lights("nothing but damaged pictures", ledLost)
			counted("broken", before.Damaged)
		}},
		{"pictures of other sizes", func() {
			camera.show("dark")
			lights("a dark picture", 0)
			for _, size := range []string{"small", "large", "sizes"} {
				camera.show(size)
				lights(size, ledSeen)
				camera.show("dark")
				lights("dark after "+size, 0)
			}
		}},
		{"silence", func() {
			camera.show("silent")
			lights("a silent camera", ledLost)
		}},
		{"silence for so long that the stream is started again", func() {
			starts := camera.starts()
			camera.show("silent")
			lights("a silent camera", ledLost)
			g.wait("edge starts the silent camera's stream again", func() bool { return camera.starts() > starts })
			lights("a silent camera, started again", ledLost)
		}},
		{"pictures that are all flagged", func() {
			before := state()
			camera.show("flagged")
			lights("nothing but flagged pictures", ledLost)
			counted("flagged", before.Damaged)
		}},
		{"another camera of this name", func() {
			camera.unplug()
			lights("an unplugged camera", ledLost)
			camera = g.plugWebcam(0, "Front camera", []string{"320x240", "640x480"}[rand.IntN(2)], "bright")
		}},
		{"calls that don't return", func() {
			// The driver waits for the camera when edge closes it, after 10 s of silence, and edge waits for the driver.
			if err := camera.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			lights("a camera that answers nothing", ledLost)
			lights("a call that doesn't return", 0)
			if log := edge.Stderr(); !strings.Contains(log, "no sign of life") {
				t.Errorf("the keeper doesn't say why the LEDs are off:\n%s", log)
			}
			if err := camera.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
		}},
	}
	lights("a bright picture", ledSeen)
	rounds := max(1, *cycles/10)
	for range rounds {
		for _, i := range rand.Perm(len(troubles)) {
			trouble := troubles[i]
			start := time.Now()
			trouble.strike()
			sees(trouble.name)
			t.Logf("%s: %v", trouble.name, time.Since(start).Round(100*time.Millisecond))
		}
	}
	end := state()
	t.Logf("%d times each of %d troubles: %d frames seen, %d damaged, lost %d times", rounds, len(troubles), end.Frames, end.Damaged, end.Losses)
	g.end(edge)
}

// linkWebcams makes the links that udev makes for cameras, by what USB says of them (60-persistent-v4l.rules).
const linkWebcams = `mkdir -p /dev/v4l/by-id; rm -f /dev/v4l/by-id/*
for node in /sys/class/video4linux/video*; do
	usb=$node/device/..
	if [ -e $usb/serial ] && [ "$(cat $node/index)" = 0 ]; then
		ln -s /dev/${node##*/} /dev/v4l/by-id/usb-$(cat $usb/serial)-video-index0
	fi
done`

// TestEnduranceSwap unplugs two cameras and plugs them in in the other order, so that they swap their numbers. Who names a camera,
// or the link by its serial number, gets the same one again; who names /dev/videoN gets the one that has the number now.
func TestEnduranceSwap(t *testing.T) {
	b := newEnduranceBench(t)
	g := b.bootWebcams(t, machine.Config{})
	var front, back *webcam
	node := func(name string) string {
		return strings.TrimSpace(g.sh("for n in /sys/class/video4linux/video*; do grep -q '" + name + "' $n/name && echo /dev/${n##*/} && break; done; true"))
	}
	plug := func(frontFirst bool) {
		t.Helper()
		plugFront := func() {
			front = g.plugWebcam(0, "Front camera", "320x240", "bright")
			g.wait("the front camera has a number", func() bool { return node("Front") != "" })
		}
		if frontFirst {
			plugFront()
		}
		back = g.plugWebcam(1, "Back camera", "320x240", "dark")
		g.wait("the back camera has a number", func() bool { return node("Back") != "" })
		if !frontFirst {
			plugFront()
		}
		g.sh(linkWebcams)
	}
	frontFirst := true
	plug(frontFirst)
	one, other := node("Front"), node("Back")
	t.Logf("the front camera is %s, the back camera %s", one, other)
	swaps := max(1, *cycles/10)
	for _, source := range []string{"Front camera", "/dev/v4l/by-id/usb-A0-video-index0", one} {
		edge := g.start(machine.Command{Argv: []string{"edge", "run", "--camera", source}, Env: serviceEnv})
		lights := func(what string, want uint32) {
			t.Helper()
			g.wait(fmt.Sprintf("the LEDs show %#x: %s, from %s", want, what, source), func() bool {
				if !edge.Running() {
					t.Fatalf("%s: edge run ended", what)
				}
				return g.pl061() == want
			})
		}
		seen := func() *webcam { // by what has the number
			if source == one && !frontFirst {
				return back
			}
			return front
		}
		seen().show("bright")
		lights("bright", ledSeen)
		for range 2 * swaps { // back and forth
			front.unplug()
			back.unplug()
			lights("both cameras are unplugged", ledLost)
			// Their numbers and links go a moment later; what is still taken can't be swapped.
			g.wait("both cameras' numbers are free", func() bool { return node("camera") == "" })
			g.sh(linkWebcams)
			frontFirst = !frontFirst
			plug(frontFirst)
			if now := node("Front"); (now == one) != frontFirst || now != one && now != other {
				t.Fatalf("the front camera was %s and is %s", one, now)
			}
			for range 2 {
				seen().show("dark")
				lights("dark", 0)
				seen().show("bright")
				lights("bright", ledSeen)
			}
		}
		name := map[bool]string{true: "Front camera", false: "Back camera"}[seen() == front]
		g.wait("the status tells that edge looks at the "+name, func() bool { return strings.Contains(g.status().Camera, name) })
		g.end(edge)
		t.Logf("%s: %d swaps", source, 2*swaps)
	}
}
