// Package gpio drives LEDs through the GPIO character device of Linux (5.10 or later), on any board that has one.
//
//	text ──ParseLine──▶ Line ──Find──▶ Place ──Open──▶ LEDs ──Set──▶ light
//
// # Why not with a library alone
//
// The lines are driven behind the interface of periph.io/x/conn/v3/gpio, but by the ioctls of version 2 themselves,
// with the structs of golang.org/x/sys. periph's own driver, periph.io/x/host/v3/gpioioctl (v3.8.5), has the same
// methods and is what the tests on a device compare with. It isn't safe for LEDs that nobody looks after:
//   - on a Raspberry Pi 5, where gpiochip4 is a link to gpiochip0, looking for chips closes standard input;
//   - it can't ask for an initial value or active-low: an LED that is lit by a low line flashes at the start;
//   - Read or Func on an output makes it an input: the LED goes out;
//   - after one EBUSY a line continues with descriptor 0; the errno is lost, and with it who holds the line;
//   - it addresses the lines of a LineSet by name, and many chips have none.
//
// host.Init of periph would be worse: as root it maps the registers of the SoC that it believes to be on.
//
// # When LEDs are off
//
// They are off from the request on, at once when Set says so, and after Close: with `defer leds.Close()` in the
// function that drives them, also after a signal that ends its loop and after a panic in it.
//
// A process that is killed (SIGKILL, a panic in another goroutine, the watchdog) can't switch anything off. The kernel
// releases its lines; the driver decides what happens to the level: the mainline pinctrl-bcm2835 makes the line an
// input, so that the LED goes out; Raspberry Pi's own kernels keep the output as it was (persist_gpio_outputs, on by
// default; https://github.com/raspberrypi/linux/pull/6117 and 6150), and so do many others. So a second process inherits
// the lines (Files) and switches them off when the first one has died (OffInherited); package lights has it. If both are
// killed, whoever supervises them must call Off: in the unit that is ExecStopPost=, which systemd also runs after a crash.
package gpio

import (
	"errors"
	"fmt"
	"os"

	"periph.io/x/conn/v3/gpio"
)

// LEDs are lines that are driven together. Only one goroutine at a time may use them.
type LEDs struct{ banks []bank }

// bank is the LEDs on one chip.
type bank struct {
	lines group
	leds  []int          // which LED is at each bit
	shown gpio.GPIOValue // what the lines show now
	lost  bool           // shown may be wrong: Forget
}

// Open takes the lines with all LEDs off. LED i of Set is lines[i]. Lines may lie on several chips; those of one chip
// are taken and changed together.
func Open(h Header, lines []Line) (*LEDs, error) {
	if len(lines) == 0 {
		return &LEDs{}, nil
	}
	chips, err := Chips()
	if err != nil {
		return nil, err
	}
	orders, err := plan(chips, h, lines)
	if err != nil {
		return nil, err
	}
	l := &LEDs{}
	for _, o := range orders {
		lines, err := requestOutputs(o.chip.Path, o.offsets, o.activeLow)
		if err != nil {
			return nil, errors.Join(requestError(o.places(), err), l.Close())
		}
		l.banks = append(l.banks, bank{lines: lines, leds: o.leds})
	}
	return l, nil
}

// order is what to request from one chip.
type order struct {
	chip      *Chip
	offsets   []int
	leds      []int  // parallel to offsets
	activeLow uint64 // bit i belongs to offsets[i]
}

// plan sorts the lines by chip.
func plan(chips []Chip, h Header, lines []Line) ([]*order, error) {
	var orders []*order
	byChip := map[*Chip]*order{}
	taken := map[Place]Line{}
	for led, line := range lines {
		place, err := Find(chips, h, line)
		if err != nil {
			return nil, fmt.Errorf("gpio: %w", err)
		}
		if other, ok := taken[place]; ok {
			return nil, fmt.Errorf("gpio: %s and %s are the same line, %v: give each LED its own", other, line, place)
		}
		taken[place] = line
		o := byChip[place.Chip]
		if o == nil {
			o = &order{chip: place.Chip}
			byChip[place.Chip] = o
			orders = append(orders, o)
		}
		if len(o.offsets) == maxLines {
			return nil, fmt.Errorf("gpio: more than %d LEDs on the chip %s", maxLines, o.chip.Label)
		}
		if line.ActiveLow {
			o.activeLow |= 1 << len(o.offsets)
		}
		o.offsets = append(o.offsets, place.Offset)
		o.leds = append(o.leds, led)
	}
	return orders, nil
}

func (o *order) places() []Place {
	places := make([]Place, len(o.offsets))
	for i, offset := range o.offsets {
		places[i] = Place{o.chip, offset}
	}
	return places
}

// Set lights the LEDs that are true in on, which has one entry for each line of Open, and switches off the others: all of a
// chip in one ioctl, and none if nothing changes. It allocates nothing. After an error the next call tries again.
func (l *LEDs) Set(on []bool) error {
	var failed error
	for i := range l.banks {
		b := &l.banks[i]
		var want gpio.GPIOValue
		for bit, led := range b.leds {
			if on[led] {
				want |= 1 << bit
			}
		}
		if err := b.show(want); err != nil {
			failed = err
		}
	}
	return failed
}

func (b *bank) show(want gpio.GPIOValue) error {
	changed := want ^ b.shown
	if b.lost {
		changed = 1<<len(b.leds) - 1
	}
	if changed == 0 {
		return nil
	}
	if err := b.lines.Out(want, changed); err != nil {
		return fmt.Errorf("gpio: setting the LEDs: %w", err)
	}
	b.shown, b.lost = want, false
	return nil
}

// Close switches the LEDs off and gives the lines back. A second Close does nothing.
func (l *LEDs) Close() error {
	var errs []error
	for i := range l.banks {
		b := &l.banks[i]
		errs = append(errs, b.show(0), b.lines.Close())
	}
	l.banks = nil
	return errors.Join(errs...)
}

// Forget makes the next Set set every line, also those that show what they should already: another process, which
// inherited the lines, may have switched them off meanwhile.
func (l *LEDs) Forget() {
	for i := range l.banks {
		l.banks[i].lost = true
	}
}

// Files returns descriptors that own the lines, one for each chip, for a process that is to inherit them. The caller closes
// them. The lines are free again only when all who have them have closed theirs.
func (l *LEDs) Files() ([]*os.File, error) {
	var files []*os.File
	for i := range l.banks {
		file, err := l.banks[i].lines.(*outputs).file()
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, fmt.Errorf("gpio: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// OffInherited switches off all LEDs of a chip whose lines this process inherited as a descriptor of Files.
func OffInherited(fd uintptr) error {
	if err := (&outputs{fd}).Out(0, 1<<maxLines-1); err != nil {
		return fmt.Errorf("gpio: switching LEDs off: %w", err)
	}
	return nil
}

// Off switches off LEDs that a killed process may have left on, one by one. The error joins those of all lines that can't
// be taken, such as one that another process holds; the other LEDs are off. If two of the lines are the same, only
// the first one counts.
func Off(h Header, lines []Line) error {
	if len(lines) == 0 {
		return nil
	}
	chips, err := Chips()
	if err != nil {
		return err
	}
	return offEach(chips, h, lines, off)
}

func offEach(chips []Chip, h Header, lines []Line, off func(p Place, activeLow bool) error) error {
	var errs []error
	done := map[Place]bool{}
	for _, line := range lines {
		p, err := Find(chips, h, line)
		if err != nil {
			errs = append(errs, fmt.Errorf("gpio: %w", err))
		} else if !done[p] {
			done[p] = true
			errs = append(errs, off(p, line.ActiveLow))
		}
	}
	return errors.Join(errs...)
}

// off takes one line, which switches it off, and gives it back.
func off(p Place, activeLow bool) error {
	var low uint64
	if activeLow {
		low = 1
	}
	line, err := requestOutputs(p.Chip.Path, []int{p.Offset}, low)
	if err != nil {
		return requestError([]Place{p}, err)
	}
	return line.Close()
}
