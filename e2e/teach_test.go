//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"edge/e2e/machine"
)

// teachConfig has one button: line 3 of the PL061, which QEMU's monitor raises for 100 ms as the board's power button.
const teachConfig = `
camera:
  source: /dev/video0
  size: 640x480
  format: yuyv
leds:
  - {name: seen, line: "9030000.pl061:4", classes: [red], on: 0.6, smoothing: none, hold: 0s}
  - {name: lost, line: "9030000.pl061:5"}
states:
  camera_lost: {leds: lost}
teach:
  lesson: /lesson
  buttons: [{line: "9030000.pl061:3", class: red, active_high: true}]
`

// TestTeachesAtTheCamera takes pictures of one class by a command and of another by a button, and sees the LED follow what was
// taught; after the power was cut, the lesson and the network are still there.
func TestTeachesAtTheCamera(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	g := b.boot(t, machine.Config{Files: []machine.File{
		{Path: "/usr/local/bin/edge", Host: b.path("edge")},
		{Path: "/etc/edge/edge.yaml", Content: []byte(teachConfig)},
	}})
	const blue, red = "9", "7"
	show := func(pattern string) { g.sh("vivid set /dev/video0 osd_text_mode=2 test_pattern=" + pattern) }
	show(blue)
	if out := g.run("edge", "teach", "add", "/lesson", "--class", "blue", "--camera", "/dev/video0", "--count", "3", "--every", "50ms"); !strings.Contains(out, "3 pictures of blue taken") {
		t.Fatalf("edge teach add: %s", out)
	}
	start := func() *machine.Process {
		return g.start(machine.Command{Argv: []string{"edge", "run", "--config", "/etc/edge/edge.yaml", "--verbose"}})
	}
	edge := start()
	g.wait("edge watches", func() bool { return strings.Contains(edge.Stderr(), "ready") })
	show(red)
	frames := func() int { return strings.Count(edge.Stderr(), "msg=frame") }
	before := frames()
	g.wait("what the camera shows now is seen", func() bool { return frames() >= before+3 }) // an emulated frame takes a second
	if leds := g.pl061() & ledSeen; leds != 0 {
		t.Errorf("the LED is on before anything was taught: %#x", leds)
	}
	if err := g.Press(); err != nil {
		t.Fatal(err)
	}
	g.wait("the LED shows what was taught", func() bool { return g.pl061()&ledSeen != 0 })
	show(blue)
	g.wait("the LED is off for what else was taught", func() bool { return g.pl061()&ledSeen == 0 })
	g.sh("kill -9 $(pidof edge)")
	g.wait("the LEDs are off", func() bool { return g.pl061() == 0 })
	show(red)
	start()
	g.wait("the LED shows it again after a restart", func() bool { return g.pl061()&ledSeen != 0 })
}
