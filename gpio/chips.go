package gpio

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Chip is a GPIO chip that the kernel offers to programs.
type Chip struct {
	Label string   // its name: "pinctrl-bcm2835"
	Path  string   // "/dev/gpiochip0"; the number can change at each boot
	Lines []string // names by offset; they may be empty and need not be unique
}

// Chips lists the chips that this process may use. The errors say what to do: no GPIO at all, no permission, a kernel
// that is too old.
func Chips() ([]Chip, error) { return readChips("/dev/gpiochip*") }

func readChips(pattern string) ([]Chip, error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("gpio: %w", err)
	}
	var chips []Chip
	var failed error
	seen := map[string]bool{} // by the kernel's name: Raspberry Pi OS has a gpiochip4 that is a link to gpiochip0
	for _, path := range paths {
		name, chip, err := readChip(path)
		if err != nil {
			failed = err
		} else if !seen[name] {
			seen[name] = true
			chips = append(chips, chip)
		}
	}
	switch {
	case len(chips) > 0:
		return chips, nil
	case failed != nil:
		return nil, failed
	}
	return nil, fmt.Errorf("gpio: this machine has no GPIO chip (there is no %s)", pattern)
}

// readChip asks a device which chip it is, by what name the kernel knows it, and for the names of its lines.
func readChip(path string) (name string, c Chip, err error) {
	device, err := openChip(path)
	if err != nil {
		return "", Chip{}, err
	}
	defer device.Close()
	var info unix.GPIOChipInfo
	if err := ioctl(device.Fd(), unix.GPIO_GET_CHIPINFO_IOCTL, unsafe.Pointer(&info)); err != nil {
		return "", Chip{}, fmt.Errorf("gpio: %s is no GPIO chip: %w", path, err)
	}
	c = Chip{Label: unix.ByteSliceToString(info.Label[:]), Path: path, Lines: make([]string, info.Lines)}
	for offset := range c.Lines {
		line, err := lineInfo(device, offset)
		if err != nil {
			return "", Chip{}, fmt.Errorf("gpio: %s, line %d: %w: the kernel must be Linux 5.10 or later", path, offset, err)
		}
		c.Lines[offset] = unix.ByteSliceToString(line.Name[:])
	}
	return unix.ByteSliceToString(info.Name[:]), c, nil
}

// openChip opens a chip's device; the error says what to do.
func openChip(path string) (*os.File, error) {
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("gpio: %w: add the user to the group gpio (sudo usermod -aG gpio $USER) and log in again; "+
			"where there is no such group, install edge's udev and sysusers rules", err)
	}
	if err != nil {
		return nil, fmt.Errorf("gpio: %w", err)
	}
	return device, nil
}

// Header says where the pins of a board's header lead. The zero value is a board whose header isn't known.
type Header struct {
	Chip string // label of the chip that GPIO names and pins mean
	Pins []int  // offset on Chip by pin number; −1 for supply and ground; index 0 isn't used
}

// Place is a line that was found on this machine.
type Place struct {
	Chip   *Chip
	Offset int
}

// ErrNoLine is Find's error for what can't be a line of this machine, whatever chip is plugged in later: a supply pin,
// a number that the chip doesn't have, a name that no chip knows.
var ErrNoLine = errors.New("no such line")

// noLine is an ErrNoLine that says which line.
type noLine struct{ text string }

func noLinef(format string, args ...any) error { return &noLine{fmt.Sprintf(format, args...)} }

func (e *noLine) Error() string        { return e.text }
func (e *noLine) Is(target error) bool { return target == ErrNoLine }

// Find looks up where a line is. It needs no access to the devices. The errors name the line, and the chips or lines that
// there are, and are ErrNoLine unless the chip may still come.
func Find(chips []Chip, h Header, l Line) (Place, error) {
	if l.pin > 0 {
		return findPin(chips, h, l)
	}
	if l.chip != "" {
		i, err := chipByLabel(chips, l.chip)
		if err != nil {
			return Place{}, fmt.Errorf("%s: %w", l, err)
		}
		if l.name == "" {
			return onChip(&chips[i], l.offset, l)
		}
		return findName(chips[i:i+1], l)
	}
	// On the header's chip GPIOn is line n, by whatever name the device tree has for it (a Pi's GPIO2 is called SDA1).
	if n, ok := gpioNumber(l.name); ok && h.Chip != "" {
		return onHeaderChip(chips, h, n, l)
	}
	return findName(chips, l)
}

func findPin(chips []Chip, h Header, l Line) (Place, error) {
	if h.Chip == "" {
		return Place{}, noLinef(
			"%s: the header of this board is not known: write the line's name or LABEL:OFFSET", l)
	}
	if l.pin >= len(h.Pins) {
		return Place{}, noLinef("%s: the header has the pins 1 to %d", l, len(h.Pins)-1)
	}
	offset := h.Pins[l.pin]
	if offset < 0 {
		return Place{}, noLinef("%s is supply or ground, no GPIO line: choose another pin", l)
	}
	return onHeaderChip(chips, h, offset, l)
}

func findName(chips []Chip, l Line) (Place, error) {
	var found []Place
	for i := range chips {
		for offset, name := range chips[i].Lines {
			if name == l.name {
				found = append(found, Place{&chips[i], offset})
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Place{}, noLinef("no line is called %s (`edge doctor` lists the chips): "+
			"check the spelling, or write LABEL:OFFSET", l)
	}
	return Place{}, noLinef("several lines are called %s: write which one: %s:%d or %s:%d", l,
		found[0].Chip.Label, found[0].Offset, found[1].Chip.Label, found[1].Offset)
}

func onHeaderChip(chips []Chip, h Header, offset int, l Line) (Place, error) {
	i, err := chipByLabel(chips, h.Chip)
	if err != nil {
		return Place{}, fmt.Errorf("%s: %w", l, err)
	}
	return onChip(&chips[i], offset, l)
}

func onChip(chip *Chip, offset int, l Line) (Place, error) {
	if offset >= len(chip.Lines) {
		return Place{}, noLinef("%s: the chip %s has the lines 0 to %d", l, chip.Label, len(chip.Lines)-1)
	}
	return Place{chip, offset}, nil
}

// chipByLabel is the index of the only chip with that label.
func chipByLabel(chips []Chip, label string) (int, error) {
	found := -1
	labels := make([]string, len(chips))
	for i, c := range chips {
		labels[i] = c.Label
		if c.Label != label {
			continue
		}
		if found >= 0 {
			return 0, noLinef("two chips have the label %s: use another chip, or the line's name", label)
		}
		found = i
	}
	if found < 0 {
		return 0, fmt.Errorf("no chip has the label %s; there are: %s", label, strings.Join(labels, ", "))
	}
	return found, nil
}

// gpioNumber is the number in a name such as GPIO17.
func gpioNumber(name string) (int, bool) {
	if len(name) <= 4 || !strings.EqualFold(name[:4], "GPIO") {
		return 0, false
	}
	return number(name[4:])
}

// String returns the place by chip and offset, with the line's name if it has one: "pinctrl-bcm2835:17 (GPIO17)".
func (p Place) String() string {
	s := fmt.Sprintf("%s:%d", p.Chip.Label, p.Offset)
	if name := p.Chip.Lines[p.Offset]; name != "" {
		s += " (" + name + ")"
	}
	return s
}

// Holder returns who holds the line at this moment, by the name it gave itself, or nothing if the line is free.
func (p Place) Holder() (string, error) {
	device, err := openChip(p.Chip.Path)
	if err != nil {
		return "", err
	}
	defer device.Close()
	info, err := lineInfo(device, p.Offset)
	if err != nil {
		return "", fmt.Errorf("gpio: asking about %v: %w", p, err)
	}
	if info.Flags&flagUsed == 0 {
		return "", nil
	}
	if name := unix.ByteSliceToString(info.Consumer[:]); name != "" {
		return name, nil
	}
	return "the kernel", nil
}

// lineInfo asks a chip about one of its lines.
func lineInfo(device *os.File, offset int) (unix.GPIOV2LineInfo, error) {
	info := unix.GPIOV2LineInfo{Offset: uint32(offset)}
	err := ioctl(device.Fd(), unix.GPIO_V2_GET_LINEINFO_IOCTL, unsafe.Pointer(&info))
	return info, err
}

func ioctl(fd uintptr, number uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(number), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
