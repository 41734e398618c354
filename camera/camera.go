// Package camera gives frames: from a V4L2 camera, a command's output, standard input, or picture files.
//
// A person names a source ("auto", "/dev/video0", "exec:rpicam-vid …", a folder); ParseSpec turns that into a Spec, and
// Open the Spec into a Camera. A Camera gives its frames as a sequence, always the newest, each borrowed until the next:
//
//	for f, err := range cam.Frames(ctx) { … }
//
// The sequence outlives trouble. A camera that is unplugged, silent, or whose command ends is reported as ErrLost every
// second, is looked for again, and comes back by itself; a damaged frame is left out and counted.
//
// Cameras are judged by what they do, not by what they say: there are drivers that give another format than was asked
// for, MJPEG with bytes where none belong, buffers flagged as errors, grey infrared cameras that come first. What a
// source says of itself is checked, and what no source says (how rows of raw frames are padded) a person must say.
//
// The files in the order in which to read them: camera.go says what every source is, spec.go what a person may call it;
// files.go reads pictures; stream.go takes frames out of a pipe, cut by split.go, filled by stdin.go or command.go;
// device.go is a V4L2 camera that may be unplugged and come back, session.go one that is plugged in and streams;
// choose.go finds the best of its formats, v4l2.go has the kernel's structures and what they mean, and library.go says
// what is left to the webcam library, what isn't, and why; list.go says which cameras this machine has, and why another
// can't be used.
package camera

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync/atomic"
	"time"

	"edge/frame"
)

// Camera is a source of frames.
type Camera interface {
	// Frames gives one frame after another, the newest that there is. A frame is borrowed: it is valid until the next
	// iteration. Its Format and size can change if a camera was unplugged and another one comes back.
	//
	// An error that is ErrLost or frame.ErrDamaged (a picture file that can't be read) comes without a frame and the
	// sequence continues, as it does after ErrNotYet. ErrLost comes again every second for as long as the camera is lost,
	// and ErrNotYet while the next picture isn't due or is late, so that a loop never waits for more than a second. Any other
	// error is the last element. The sequence also ends when ctx does, after the last picture, and at the end of standard input.
	//
	// When the sequence ends, whatever it started (a goroutine, a child process) has ended, too. At most one sequence may
	// run at a time.
	Frames(ctx context.Context) iter.Seq2[frame.Frame, error]

	// Counts returns how many frames were delivered, dropped and damaged so far. Any goroutine may call it.
	Counts() Counts

	// String says which camera this is now, for people. Any goroutine may call it.
	String() string

	// Close frees what Open took. It must not be called while a sequence runs.
	Close() error
}

// ErrLost says that a camera gives no frames for now: it is unplugged or silent, or its command ended. The source keeps
// trying by itself.
var ErrLost = errors.New("lost")

// ErrNotYet says that the next picture isn't due yet, or that the camera has been silent for less than its patience.
var ErrNotYet = errors.New("not yet")

// Options say what is wanted of a camera. The zero value will do for everything but a stream of raw frames.
type Options struct {
	Width, Height int           // wanted of a V4L2 camera (0: 640 × 480); what they are in a stream of raw frames
	Format        frame.Format  // 0: the cheapest that a V4L2 camera has, MJPEG from a stream
	Stride        int           // of raw frames in a stream: bytes from one row to the next; 0: as the writer is known to do
	FPS           float64       // wanted of a V4L2 camera (0: its own); of picture files (0: as fast as they are taken)
	Loop          bool          // picture files: begin again after the last one
	Patience      time.Duration // how long a camera may give no frame before it is lost; 0: 3 s
	Wait          bool          // a V4L2 camera that can't be opened yet is lost, not an error of Open
}

const (
	defaultPatience = 3 * time.Second
	lostInterval    = time.Second // how often a lost camera is reported, and tried again
	waitInterval    = time.Second // how often a sequence that waits for a picture says so
	maxFrame        = 16 << 20    // bytes of one frame from a stream; at most three are in memory
	maxSide         = 1 << 14     // pixels; so that no product of sizes overflows on machines of 32 bits
)

func (o Options) patience() time.Duration {
	if o.Patience <= 0 {
		return defaultPatience
	}
	return o.Patience
}

// Open returns the source of frames that spec names. A V4L2 camera is found and started, a directory is read; a command
// is started, and standard input read, by Frames.
//
// A stream (Stdin, Command) is MJPEG, or raw frames if o.Format says so; then o.Width and o.Height must say how large
// they are, and o.Stride how their rows are padded unless that is known.
func Open(spec Spec, o Options) (Camera, error) {
	switch spec.Kind {
	case Stdin:
		return openStdin(os.Stdin, o)
	case Command:
		return openCommand(spec.Arg, o)
	case Files:
		return openPattern(spec.Arg, o)
	}
	return openDevice(spec, o)
}

// Counts are numbers of frames since a camera was opened, by what became of them.
type Counts struct {
	Delivered uint64 // given to the sequence
	Dropped   uint64 // a newer one was there
	Damaged   uint64 // flagged by the driver, of a wrong size, cut off, or not to be decoded
}

// counters are the live Counts.
type counters struct{ delivered, dropped, damaged atomic.Uint64 }

// Counts implements Camera.
func (c *counters) Counts() Counts {
	return Counts{c.delivered.Load(), c.dropped.Load(), c.damaged.Load()}
}

// lost returns the error of a camera that gives no frames for now, and why.
func lost(name string, why error) error {
	return fmt.Errorf("camera: %s: %w: %w", name, ErrLost, why)
}

// sleep waits for d; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
