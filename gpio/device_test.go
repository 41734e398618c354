package gpio

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// These tests drive two lines of a real chip. They need a board (e2e has an emulated one) and say which lines may be
// driven: EDGE_GPIO_CHIP is the chip's label, EDGE_GPIO_LINES two offsets such as "17,27" (default "3,4").
//
//	CGO_ENABLED=0 GOARCH=arm64 go test -c ./gpio
//	EDGE_GPIO_CHIP=pinctrl-bcm2835 EDGE_GPIO_LINES=17,27 ./gpio.test -test.v -test.run Device
func deviceLines(t *testing.T) (lines []Line, places []Place) {
	t.Helper()
	label := os.Getenv("EDGE_GPIO_CHIP")
	if label == "" {
		t.Skip("no device: EDGE_GPIO_CHIP is not set")
	}
	offsets := os.Getenv("EDGE_GPIO_LINES")
	if offsets == "" {
		offsets = "3,4"
	}
	chips, err := Chips()
	if err != nil {
		t.Fatal(err)
	}
	for offset := range strings.SplitSeq(offsets, ",") {
		line := mustParse(t, label+":"+offset)
		place, err := Find(chips, Header{}, line)
		if err != nil {
			t.Fatal(err)
		}
		lines, places = append(lines, line), append(places, place)
	}
	if len(lines) != 2 {
		t.Fatalf("EDGE_GPIO_LINES=%s: two lines are needed", offsets)
	}
	return lines, places
}

// levels reads the physical levels of lines that LEDs hold. Unlike periph's Read this leaves an output an output.
func levels(t *testing.T, l *LEDs, activeLow gpio.GPIOValue) gpio.GPIOValue {
	t.Helper()
	v := unix.GPIOV2LineValues{Mask: 1<<len(l.banks[0].leds) - 1}
	fd := l.banks[0].lines.(*outputs).fd
	if err := ioctl(fd, unix.GPIO_V2_LINE_GET_VALUES_IOCTL, unsafe.Pointer(&v)); err != nil {
		t.Fatal(err)
	}
	return gpio.GPIOValue(v.Bits) ^ activeLow
}

// freeLevel reads the level of a line that nobody holds, without changing its direction: a request without flags.
func freeLevel(t *testing.T, p Place) bool {
	t.Helper()
	chip, err := os.OpenFile(p.Chip.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	req := unix.GPIOV2LineRequest{Num_lines: 1}
	req.Offsets[0] = uint32(p.Offset)
	if err := ioctl(chip.Fd(), unix.GPIO_V2_GET_LINE_IOCTL, unsafe.Pointer(&req)); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(int(req.Fd))
	v := unix.GPIOV2LineValues{Mask: 1}
	if err := ioctl(uintptr(req.Fd), unix.GPIO_V2_LINE_GET_VALUES_IOCTL, unsafe.Pointer(&v)); err != nil {
		t.Fatal(err)
	}
	return v.Bits == 1
}

// Chips and names are those that periph finds.
func TestDeviceChips(t *testing.T) {
	deviceLines(t)
	chips, err := Chips()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := driverreg.Init(); err != nil {
		t.Fatal(err)
	}
	if len(chips) != len(gpioioctl.Chips) {
		t.Fatalf("%d chips; periph finds %d", len(chips), len(gpioioctl.Chips))
	}
	slices.SortFunc(chips, func(a, b Chip) int { return strings.Compare(a.Path, b.Path) })
	theirs := slices.SortedFunc(slices.Values(gpioioctl.Chips), func(a, b *gpioioctl.GPIOChip) int {
		return strings.Compare(a.Path(), b.Path())
	})
	for i, c := range chips {
		p := theirs[i]
		if c.Label != p.Label() || c.Path != p.Path() || len(c.Lines) != p.LineCount() {
			t.Errorf("%s at %s with %d lines; periph has %s at %s with %d",
				c.Label, c.Path, len(c.Lines), p.Label(), p.Path(), p.LineCount())
			continue
		}
		for offset, l := range p.Lines() {
			// Where an earlier line has the same name periph makes it CHIP-NAME.
			if name := strings.TrimPrefix(l.Name(), p.Name()+"-"); c.Lines[offset] != name {
				t.Errorf("%s:%d is called %q; periph says %q", c.Label, offset, c.Lines[offset], name)
			}
		}
	}
}

func TestDevice(t *testing.T) {
	lines, places := deviceLines(t)
	lines[1].ActiveLow = true
	const activeLow = 0b10
	if who, err := places[0].Holder(); who != "" || err != nil {
		t.Fatalf("%v is held by %q, %v before the test", places[0], who, err)
	}
	l, err := Open(Header{}, lines)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := levels(t, l, activeLow); got != 0b10 {
		t.Errorf("levels after Open: %02b; want 10: both off, the second by a high line", got)
	}
	for _, step := range []struct {
		on   []bool
		want gpio.GPIOValue
	}{
		{[]bool{true, false}, 0b11},
		{[]bool{true, true}, 0b01},
		{[]bool{false, true}, 0b00},
		{[]bool{false, false}, 0b10},
	} {
		if err := l.Set(step.on); err != nil {
			t.Fatal(err)
		}
		if got := levels(t, l, activeLow); got != step.want {
			t.Errorf("levels after Set(%v): %02b; want %02b", step.on, got, step.want)
		}
	}

	if who, err := places[1].Holder(); who != consumer || err != nil {
		t.Errorf("the line is held by %q, %v; want %s", who, err, consumer)
	}
	_, err = Open(Header{}, lines)
	if err == nil || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "held by "+consumer) {
		t.Errorf("second Open: %v; want EBUSY and who holds the line", err)
	}
	on := []bool{false, false}
	if allocs := testing.AllocsPerRun(100, func() {
		on[0] = !on[0]
		if err := l.Set(on); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("Set allocates %v times", allocs)
	}

	if err := l.Set([]bool{true, true}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if freeLevel(t, places[0]) {
		t.Error("the LED is lit after Close")
	}
	if who, err := places[0].Holder(); who != "" || err != nil {
		t.Errorf("after Close the line is held by %q, %v", who, err)
	}
}

// A killed process can't switch its LED off; Off can.
func TestDeviceOffAfterKill(t *testing.T) {
	lines, places := deviceLines(t)
	child := exec.Command(os.Args[0], "-test.run", "TestDeviceHoldUntilKilled")
	child.Env = append(os.Environ(), "EDGE_GPIO_HOLD=1")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(holdMark(child.Process.Pid)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child does not light the LED")
		}
	}
	defer os.Remove(holdMark(child.Process.Pid))
	if who, err := places[0].Holder(); who != consumer || err != nil {
		t.Fatalf("the line is held by %q, %v; want %s", who, err, consumer)
	}
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"

	t.Logf("level of %v after kill -9: high is %v (the driver's choice)", places[0], freeLevel(t, places[0]))
	if err := Off(Header{}, lines); err != nil {
		t.Fatal(err)
	}
	if freeLevel(t, places[0]) {
		t.Error("the LED is lit after Off")
	}
}

// TestDeviceHoldUntilKilled is the child of the test above.
func TestDeviceHoldUntilKilled(t *testing.T) {
	if os.Getenv("EDGE_GPIO_HOLD") == "" {
		t.Skip("a part of TestDeviceOffAfterKill")
	}
	lines, _ := deviceLines(t)
	l, err := Open(Header{}, lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set([]bool{true, true}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(holdMark(os.Getpid()), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}

func holdMark(pid int) string { return fmt.Sprintf("%s/edge-gpio-hold-%d", os.TempDir(), pid) }
