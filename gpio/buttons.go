package gpio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of an input, from linux/gpio.h.
const (
	flagInput       = 1 << 2
	flagEdgeRising  = 1 << 4
	flagEdgeFalling = 1 << 5
	flagBiasPullUp  = 1 << 8
)

// debounce is how long a button's line has to rest before it counts: contacts bounce for some milliseconds.
const debounce = 20 * time.Millisecond

// Press is a button that went down or up.
type Press struct {
	Button int // as the lines of OpenButtons are numbered
	Down   bool
}

// Buttons are lines that people press. The kernel watches them, and tells of edges after the contacts have come to rest.
type Buttons struct {
	requests []*os.File // one for each chip
	presses  chan Press
	ended    sync.WaitGroup
	closing  chan struct{}
}

// OpenButtons takes the lines as inputs. A button connects its line to ground, and the line's own pull-up, if the chip has
// one, holds it high; unless ActiveLow is false: then it connects it to the supply. Every press and release comes out of
// Presses, in order.
func OpenButtons(h Header, lines []Line) (*Buttons, error) {
	b := &Buttons{presses: make(chan Press, 16), closing: make(chan struct{})}
	if len(lines) == 0 {
		return b, nil
	}
	chips, err := Chips()
	if err != nil {
		return nil, err
	}
	orders, err := plan(chips, h, lines)
	if err != nil {
		return nil, err
	}
	for _, o := range orders {
		file, err := requestInputs(o.chip.Path, o.offsets, o.activeLow)
		if err != nil {
			return nil, errors.Join(requestError(o.places(), err), b.Close())
		}
		b.requests = append(b.requests, file)
		b.ended.Go(func() { b.read(file, o) })
	}
	return b, nil
}

// Presses gives presses and releases. They wait until they are taken; it is never closed.
func (b *Buttons) Presses() <-chan Press { return b.presses }

// Close gives the lines back.
func (b *Buttons) Close() error {
	close(b.closing)
	var errs []error
	for _, f := range b.requests {
		errs = append(errs, f.Close())
	}
	b.ended.Wait()
	b.requests = nil
	return errors.Join(errs...)
}

// event is struct gpio_v2_line_event.
const (
	eventSize   = 48
	eventID     = 8
	eventOffset = 12
	eventRising = 1 // an ID: from inactive to active
)

// read hands on what the kernel tells of a chip's lines, until they are closed.
func (b *Buttons) read(file *os.File, o *order) {
	var event [eventSize]byte
	for {
		if _, err := io.ReadFull(file, event[:]); err != nil {
			return // closed
		}
		id, offset := binary.NativeEndian.Uint32(event[eventID:]), binary.NativeEndian.Uint32(event[eventOffset:])
		for i, at := range o.offsets {
			if uint32(at) != offset {
				continue
			}
			select {
			case b.presses <- Press{o.leds[i], id == eventRising}:
			case <-b.closing:
				return
			}
		}
	}
}

// requestInputs takes lines, and makes them inputs with debounced edges.
func requestInputs(path string, offsets []int, activeLow uint64) (*os.File, error) {
	device, err := openChip(path)
	if err != nil {
		return nil, err
	}
	defer device.Close() // the request lives without it
	req := inputRequest(offsets, activeLow)
	if err := ioctl(device.Fd(), unix.GPIO_V2_GET_LINE_IOCTL, unsafe.Pointer(&req)); err != nil {
		return nil, err
	}
	// Without O_NONBLOCK a read would outlive Close.
	if err := unix.SetNonblock(int(req.Fd), true); err != nil {
		return nil, errors.Join(fmt.Errorf("gpio: %w", err), unix.Close(int(req.Fd)))
	}
	return os.NewFile(uintptr(req.Fd), path), nil
}

func inputRequest(offsets []int, activeLow uint64) unix.GPIOV2LineRequest {
	var req unix.GPIOV2LineRequest
	for i, offset := range offsets {
		req.Offsets[i] = uint32(offset)
	}
	req.Num_lines = uint32(len(offsets))
	copy(req.Consumer[:], consumer)
	c := &req.Config
	const edges = flagInput | flagEdgeRising | flagEdgeFalling
	c.Flags = edges
	// The union's debounce_period_us is its first 32 bits.
	period := [8]byte{}
	binary.NativeEndian.PutUint32(period[:], uint32(debounce/time.Microsecond))
	c.Attrs[0] = attribute(unix.GPIO_V2_LINE_ATTR_ID_DEBOUNCE, binary.NativeEndian.Uint64(period[:]), 1<<len(offsets)-1)
	c.Num_attrs = 1
	if activeLow != 0 {
		c.Attrs[1] = attribute(unix.GPIO_V2_LINE_ATTR_ID_FLAGS, edges|flagActiveLow|flagBiasPullUp, activeLow)
		c.Num_attrs = 2
	}
	return req
}
