package gpio

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/gpio"
)

// group is some output lines of one chip. It is the part of periph's gpio.Group that LEDs need, and Close.
type group interface {
	// Out sets the lines whose bit is in mask to active (bit set) or inactive, all at once. Bit i is the line i of the
	// request.
	Out(bits, mask gpio.GPIOValue) error
	Close() error
}

var _ group = (*outputs)(nil)

// maxLines is how many lines one request can hold.
const maxLines = 64

// Flags of a line, from linux/gpio.h; golang.org/x/sys has the structs and the numbers of the ioctls, but not these.
const (
	flagUsed      = 1 << 0
	flagActiveLow = 1 << 1
	flagOutput    = 1 << 3
)

// consumer is the name under which other programs see who holds a line (gpioinfo).
const consumer = "edge"

// outputs is a line request of version 2: a descriptor that owns the lines until it is closed. The kernel opens it with
// O_CLOEXEC, so that no child keeps the lines of a dead parent.
type outputs struct{ fd uintptr }

// requestOutputs takes the lines and makes them outputs, inactive from the first moment: level and direction come in
// one ioctl, and the driver sets the level first if the hardware can. Bit i of activeLow belongs to offsets[i].
func requestOutputs(path string, offsets []int, activeLow uint64) (*outputs, error) {
	device, err := openChip(path)
	if err != nil {
		return nil, err
	}
	defer device.Close() // the request lives without it

	req := outputRequest(offsets, activeLow)
	if err := ioctl(device.Fd(), unix.GPIO_V2_GET_LINE_IOCTL, unsafe.Pointer(&req)); err != nil {
		return nil, err
	}
	return &outputs{fd: uintptr(req.Fd)}, nil
}

func outputRequest(offsets []int, activeLow uint64) unix.GPIOV2LineRequest {
	var req unix.GPIOV2LineRequest
	for i, offset := range offsets {
		req.Offsets[i] = uint32(offset)
	}
	req.Num_lines = uint32(len(offsets))
	copy(req.Consumer[:], consumer)

	c := &req.Config
	c.Flags = flagOutput
	c.Attrs[0] = attribute(unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, 0, 1<<len(offsets)-1)
	c.Num_attrs = 1
	if activeLow != 0 {
		c.Attrs[1] = attribute(unix.GPIO_V2_LINE_ATTR_ID_FLAGS, flagOutput|flagActiveLow, activeLow)
		c.Num_attrs = 2
	}
	return req
}

// attribute gives the lines in mask a value of their own; the field Flags stands for the whole union.
func attribute(id uint32, value, mask uint64) unix.GPIOV2LineConfigAttribute {
	return unix.GPIOV2LineConfigAttribute{Attr: unix.GPIOV2LineAttribute{Id: id, Flags: value}, Mask: mask}
}

func (o *outputs) Out(bits, mask gpio.GPIOValue) error {
	v := unix.GPIOV2LineValues{Bits: uint64(bits), Mask: uint64(mask)}
	return ioctl(o.fd, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, unsafe.Pointer(&v))
}

// file is another descriptor that owns the lines, for a child process.
func (o *outputs) file() (*os.File, error) {
	fd, err := unix.FcntlInt(o.fd, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "GPIO lines"), nil
}

func (o *outputs) Close() error { return unix.Close(int(o.fd)) }

// requestError says who holds which of the lines, if that is why they could not be had.
func requestError(places []Place, err error) error {
	if !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("gpio: requesting %v: %w", places, err)
	}
	for _, p := range places {
		if who, e := p.Holder(); e == nil && who != "" {
			return fmt.Errorf("gpio: %v: %w, held by %s: stop it or choose another line", p, err, who)
		}
	}
	return fmt.Errorf("gpio: %v: %w", places, err)
}
