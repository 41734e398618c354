package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openStdin returns the frames on standard input.
func openStdin(in *os.File, o Options) (Camera, error) {
	s, err := newStream(Spec{Kind: Stdin}, o)
	if err != nil {
		return nil, err
	}
	fd := int(in.Fd())
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
		return nil, errors.New("camera: standard input is a terminal: pipe frames into it, for example " +
			"rpicam-vid -t 0 -n --codec mjpeg -o - | …")
	}
	s.feed = func(ctx context.Context, to *slot) error {
		r, err := newStoppable(fd)
		if err != nil {
			return err
		}
		defer r.close()
		defer context.AfterFunc(ctx, r.stop)()
		return atEnd(s.pump(r, to))
	}
	return s, nil
}

// stoppable reads from a descriptor that belongs to others as well, so that it can be neither closed nor made
// non-blocking in order to end a read.
type stoppable struct {
	event *os.File       // an eventfd that says stop
	poll  [2]unix.PollFd // what is read, and event
}

func newStoppable(fd int) (*stoppable, error) {
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &stoppable{event: os.NewFile(uintptr(event), "eventfd")}
	s.poll = [2]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(event), Events: unix.POLLIN}}
	return s, nil
}

// Read reads what is there, waiting until there is something; after stop it fails.
func (s *stoppable) Read(p []byte) (int, error) {
	for {
		_, err := unix.Poll(s.poll[:], -1)
		if err == nil && s.poll[1].Revents != 0 {
			return 0, os.ErrClosed
		}
		n := 0
		if err == nil {
			n, err = unix.Read(int(s.poll[0].Fd), p)
		}
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// stop ends the Read that waits, and every later one. It may be called during and after close. Any number but 0 will do.
func (s *stoppable) stop() { _, _ = s.event.Write([]byte{1, 1, 1, 1, 1, 1, 1, 1}) }

func (s *stoppable) close() { _ = s.event.Close() }
