//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"edge/e2e/machine"
)

// keeperConfig has an LED that is lit while there is no camera, and a camera that never comes.
const keeperConfig = `
camera: {source: "exec:sleep 100000"}
leds:
  - {name: steady, line: "9030000.pl061:4"}
  - {name: low, line: "9030000.pl061:6", active_low: true}
states:
  starting: {leds: [steady, low]}
  camera_lost: {leds: [steady, low]}
`

// TestLEDsGoOffWithTheProcess kills and stops edge run while an LED is lit, without any systemd that would clean up after
// it: another process must switch the LED off, and nobody may hold the lines afterwards.
func TestLEDsGoOffWithTheProcess(t *testing.T) {
	t.Parallel()
	const steady, low = 1 << 4, 1 << 6
	b := newBench(t)
	g := b.boot(t, machine.Config{Files: []machine.File{
		{Path: "/usr/local/bin/edge", Host: b.path("edge")},
		{Path: "/etc/edge/edge.yaml", Content: []byte(keeperConfig)},
	}})
	run := func() *machine.Process {
		edge := g.start(machine.Command{Argv: []string{"edge", "run"}})
		g.wait("the LEDs are on", func() bool {
			if !edge.Running() {
				t.Fatalf("edge run ended: %s", edge.Stderr())
			}
			return g.pl061() == steady // and the one that is lit when low is low
		})
		return edge
	}
	free := func() {
		t.Helper()
		g.wait("nobody holds the lines", func() bool {
			return !strings.Contains(g.sh("cat /sys/kernel/debug/gpio"), "|edge")
		})
	}

	var worst time.Duration
	for range 10 {
		edge := run()
		start := time.Now()
		if err := edge.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		g.wait("the LEDs are off after kill -9", func() bool { return g.pl061() == low })
		worst = max(worst, time.Since(start))
		free()
	}
	t.Logf("after kill -9 the LEDs were off within %v", worst.Round(time.Millisecond))

	edge := run()
	time.Sleep(4 * time.Second) // longer than the keeper's patience: a loop that waits for its first frame isn't silent
	for range 2 {
		start := time.Now()
		if err := edge.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		g.wait("the LEDs are off after SIGSTOP", func() bool { return g.pl061() == low })
		t.Logf("after SIGSTOP the LEDs were off within %v", time.Since(start).Round(time.Millisecond))
		if err := edge.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		g.wait("the LEDs are on again after SIGCONT", func() bool { return g.pl061() == steady })
	}
	time.Sleep(5 * time.Second) // longer than the keeper's patience: a loop that waits for its camera isn't silent
	if leds := g.pl061(); leds != steady {
		t.Errorf("a loop that waits for its camera has the LEDs at %#x", leds)
	}
	if said := strings.Count(edge.Stderr(), "no sign of life"); said != 2 {
		t.Errorf("the keeper told %d times of silence, want 2:\n%s", said, edge.Stderr())
	}
	g.end(edge)
	if leds := g.pl061(); leds != low && leds != 0 {
		t.Errorf("edge run ended and left LEDs on: %#x", leds)
	}
	free()
}

// TestOffEachByItself switches LEDs off of which some can't be had: another edge run drives one, and a chip is gone. The
// others must be off, with the lines of the crashed run and with those of the configuration alone.
func TestOffEachByItself(t *testing.T) {
	t.Parallel()
	const a, b = 1 << 4, 1 << 5
	bench := newBench(t)
	g := bench.boot(t, machine.Config{Files: []machine.File{
		{Path: "/usr/local/bin/edge", Host: bench.path("edge")},
		{Path: "/etc/a.yaml", Content: []byte(`
camera: {source: "exec:sleep 100000"}
leds: [{name: a, line: "9030000.pl061:4"}]
states: {starting: {leds: a}, camera_lost: {leds: a}}
`)},
		{Path: "/etc/b.yaml", Content: []byte(`
camera: {source: "exec:sleep 100000"}
leds: [{name: b, line: "9030000.pl061:5"}]
states: {starting: {leds: b}, camera_lost: {leds: b}}
`)},
		{Path: "/etc/off.yaml", Content: []byte(`
leds: [{name: gone, line: "expander:3"}, {name: b, line: "9030000.pl061:5"}, {name: a, line: "9030000.pl061:4"}]
states: {camera_lost: {leds: [gone, a, b]}}
`)},
	}})
	for _, off := range []string{
		"edge off --config /etc/off.yaml",                           // by hand
		"RUNTIME_DIRECTORY=/run/t edge off --config /etc/none.yaml", // after a crash, and the configuration has gone
	} {
		// A crash of both processes: nothing but edge off is left to switch a off.
		g.start(machine.Command{Argv: []string{"sh", "-c", "mkdir -p /run/t; RUNTIME_DIRECTORY=/run/t exec edge run --config /etc/a.yaml"}})
		g.wait("a is lit", func() bool { return g.pl061() == a })
		g.sh("killall -STOP edge; killall -9 edge")
		second := g.start(machine.Command{Argv: []string{"edge", "run", "--config", "/etc/b.yaml"}})
		g.wait("a and b are lit", func() bool { return g.pl061() == a|b })

		said := g.sh(off + " 2>&1 || true")
		if leds := g.pl061(); leds != b {
			t.Errorf("after %s the LEDs are %#x, want b alone\n%s", off, leds, said)
		}
		if strings.Contains(off, "off.yaml") && (!strings.Contains(said, "expander") || !strings.Contains(said, "held by edge")) {
			t.Errorf("%s doesn't tell what it couldn't switch off:\n%s", off, said)
		}
		g.end(second)
	}
}
