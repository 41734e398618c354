//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"syscall"
)

// The messages of USB/IP (Documentation/usb/usbip_protocol.rst in the kernel's source): 48 bytes, big-endian, and then the data
// of a transfer. The host submits a transfer or takes one back, the device answers.

const (
	cmdSubmit = 1
	cmdUnlink = 2
	retSubmit = 3
	retUnlink = 4
)

type message struct {
	Command, Sequence, Device, Direction, Endpoint uint32
	A                                              uint32 // submit: flags; unlink: which; answers: status
	Length                                         uint32 // of the transfer
	_                                              [3]uint32
	Setup                                          setup // of a control transfer
}

// setup is a control request (USB 2.0, section 9.3); its numbers are little-endian.
type setup struct {
	Type, Request         uint8
	ValueLow, ValueHigh   uint8
	IndexLow, IndexHigh   uint8
	LengthLow, LengthHigh uint8
}

// The answers' status.
const (
	stalled  = -int32(syscall.EPIPE)
	unlinked = -int32(syscall.ECONNRESET)
)

// plugIn gives the kernel one end of a socket, and returns the other.
func plugIn(port int) (*os.File, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(ends[1])
	const speed = 3 // high
	attach := fmt.Sprintf("%d %d %d %d", port, ends[1], port+2, speed)
	if err := os.WriteFile("/sys/devices/platform/vhci_hcd.0/attach", []byte(attach), 0); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(ends[0]), "host"), nil
}

// serve answers the host until it has unplugged the camera.
func (c *camera) serve() error {
	in := bufio.NewReaderSize(c.host, 1<<16)
	for {
		var m message
		if err := binary.Read(in, binary.BigEndian, &m); err != nil {
			return err
		}
		switch {
		case m.Command == cmdUnlink:
			if err := c.unlink(m); err != nil {
				return err
			}
		case m.Command != cmdSubmit:
			return fmt.Errorf("message %d", m.Command)
		case m.Endpoint != 0:
			c.queue(m)
		default:
			out := make([]byte, 0)
			if m.Direction == 0 {
				out = make([]byte, m.Length)
			}
			if _, err := io.ReadFull(in, out); err != nil {
				return err
			}
			data, status := c.control(m.Setup, out)
			data = data[:min(len(data), int(m.Length))]
			if m.Direction == 0 {
				data = nil
			}
			c.mu.Lock()
			err := c.answer(m, status, data)
			c.mu.Unlock()
			if err != nil {
				return err
			}
		}
	}
}

// answer ends a transfer. c.mu is held, as messages must not mix.
func (c *camera) answer(m message, status int32, data []byte) error {
	length := uint32(len(data))
	if m.Direction == 0 {
		length = m.Length
	}
	answer := message{Command: retSubmit, Sequence: m.Sequence, A: uint32(status), Length: length}
	b, err := binary.Append(nil, binary.BigEndian, answer)
	if err == nil {
		_, err = c.host.Write(append(b, data...))
	}
	return err
}

// queue keeps a transfer of the stream until there is something to give.
func (c *camera) queue(m message) {
	c.mu.Lock()
	c.waiting = append(c.waiting, m)
	c.mu.Unlock()
	c.more.Signal()
}

// unlink takes a transfer back that hasn't been answered.
func (c *camera) unlink(m message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := message{Command: retUnlink, Sequence: m.Sequence}
	for i, w := range c.waiting {
		if w.Sequence == m.A {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			status := unlinked
			answer.A = uint32(status)
			break
		}
	}
	b, err := binary.Append(nil, binary.BigEndian, answer)
	if err == nil {
		_, err = c.host.Write(b)
	}
	return err
}
