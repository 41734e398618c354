//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"edge/e2e/machine"
)

// gplev0 is the level of lines 0 to 31 of a BCM2837 (BCM2835 ARM Peripherals, section 6.1).
const gplev0 = 0x3f200034

const (
	gpio17 = 1 << 17
	gpio27 = 1 << 27
)

// TestRaspberryPiPins drives LEDs on a Raspberry Pi 3, one named by the header's pin and one by the SoC's number, and
// reads the SoC's register.
func TestRaspberryPiPins(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := smallSubject(t)
	config := boardConfig(s.class, "yuyv", "pin 11", "GPIO27")
	g := b.boot(t, machine.Config{Board: machine.RPi3, Files: append(s.files("/etc/edge", "yuyv", config),
		machine.File{Path: "/usr/local/bin/edge", Host: b.path("edge")})})
	lit := func() uint32 { return g.word(gplev0) & (gpio17 | gpio27) }

	if doctor := g.sh("edge doctor || true"); !strings.Contains(doctor, "Raspberry Pi 3 Model B") {
		t.Errorf("edge doctor doesn't know the board:\n%s", doctor)
	}
	g.feed("YUYV", "/pictures/shown")
	edge := g.start(machine.Command{Argv: []string{"edge", "run"}})
	g.wait("GPIO17 is high", func() bool { return lit() == gpio17 })
	g.sh("echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind")
	g.wait("GPIO27 is high, alone", func() bool { return lit() == gpio27 })
	g.end(edge)
	if lit() != 0 {
		t.Errorf("edge run ended and left LEDs on: %#x", lit())
	}
}
