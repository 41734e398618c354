package camera

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"edge/frame"
)

// device is a V4L2 camera, which may be unplugged and come back.
type device struct {
	counters
	spec Spec
	o    Options
	name atomic.Pointer[string] // of the one that was plugged in last

	session *session      // nil while there is none
	trouble error         // why no frames come for now; nil while they come
	silence time.Duration // how long this session has given none
}

// reopenAfter is how long a camera may be silent before it is closed and opened again.
const reopenAfter = 10 * time.Second

func openDevice(spec Spec, o Options) (Camera, error) {
	d := &device{spec: spec, o: o}
	name := spec.String()
	d.name.Store(&name)
	if err := d.open(); err != nil && !o.Wait {
		return nil, fmt.Errorf("camera: %w", err)
	}
	return d, nil
}

// open finds the camera, wherever it is now, and starts it.
func (d *device) open() error {
	n, err := find(d.spec)
	if err != nil {
		return err
	}
	s, err := startSession(n, d.o, &d.counters)
	if err != nil {
		return n.explain(err)
	}
	d.session, d.silence = s, 0
	name := fmt.Sprintf("%s (%s)", n.Path, n.Name)
	d.name.Store(&name)
	return nil
}

// Frames implements Camera.
func (d *device) Frames(ctx context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for ctx.Err() == nil {
			f, err := d.next(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				d.delivered.Add(1)
				if !yield(f, nil) {
					return
				}
			case errors.Is(err, ErrNotYet):
				if !yield(frame.Frame{}, err) {
					return
				}
			case !yield(frame.Frame{}, lost(d.String(), err)):
				return
			case d.session == nil && !sleep(ctx, lostInterval):
				return
			}
		}
	}
}

// next waits for the next frame. Its error says why there is none; the caller then calls it again.
func (d *device) next(ctx context.Context) (frame.Frame, error) {
	if d.session == nil {
		if d.trouble = d.open(); d.trouble != nil {
			return frame.Frame{}, d.trouble
		}
		d.trouble = errSilent
	}
	wait := lostInterval
	if d.trouble == nil {
		wait = min(waitInterval, d.o.patience()-d.silence)
	}
	f, err := d.session.next(ctx, wait)
	if err == nil {
		d.trouble = nil
		d.silence = 0
		return f, nil
	}
	if errors.Is(err, errSilent) {
		d.silence += wait
		if d.trouble == nil && d.silence < d.o.patience() {
			return frame.Frame{}, ErrNotYet
		}
		err = fmt.Errorf("%w for %v", errSilent, d.silence)
	} else if errors.Is(err, unix.ENODEV) {
		err = fmt.Errorf("unplugged (%w)", err)
	}
	if !errors.Is(err, errSilent) || d.silence >= reopenAfter {
		d.session.closeAfter(err)
		d.session = nil
	}
	d.trouble = err
	return frame.Frame{}, err
}

// String implements Camera.
func (d *device) String() string { return *d.name.Load() }

// Close implements Camera.
func (d *device) Close() error {
	if d.session == nil {
		return nil
	}
	err := d.session.close()
	d.session = nil
	return err
}
