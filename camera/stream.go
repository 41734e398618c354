package camera

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"sync"
	"time"

	"edge/frame"
)

// stream gives frames from a pipe. One goroutine reads and cuts them, so that the pipe never fills with old frames while
// the network runs, and keeps the newest whole frame for the sequence.
type stream struct {
	counters
	name     string
	patience time.Duration
	raw      frame.Frame // what every frame is, without Pix, when they are raw
	rawSize  int         // bytes of a raw frame; 0: MJPEG

	// feed reads frames into the slot until ctx ends (then its result doesn't matter) or no more can come.
	feed func(ctx context.Context, in *slot) error
}

// newStream returns a stream without its feed.
func newStream(spec Spec, o Options) (*stream, error) {
	name := spec.String()
	if spec.Kind == Stdin {
		name = "standard input"
	}
	s := &stream{name: name, patience: o.patience()}
	if o.Format == 0 || o.Format == frame.MJPEG {
		return s, nil
	}
	if o.Width <= 0 || o.Height <= 0 {
		return nil, fmt.Errorf("camera: %s: raw frames of %v: nothing in them says how large they are: give --size, "+
			"for example 640x480", name, o.Format)
	}
	if o.Width > maxSide || o.Height > maxSide {
		return nil, fmt.Errorf("camera: %s: frames of %d × %d are too large", name, o.Width, o.Height)
	}
	stride, err := rawStride(spec, o)
	if err != nil {
		return nil, fmt.Errorf("camera: %s: %w", name, err)
	}
	// Nothing says how such frames hold colours, so they count as most do: BT.601, limited range.
	s.raw = frame.Frame{Format: o.Format, Width: o.Width, Height: o.Height, Stride: stride}
	rpicam := o.Format == frame.YU12 && stride%64 == 0 && !isFFmpeg.MatchString(spec.Arg)
	if rpicam || o.Format.IsGrey() {
		s.raw.Range = frame.Full // rpicam-vid writes YU12 with a JPEG's colours, and every program writes grey in full range
	}
	s.rawSize = o.Format.FrameSize(o.Width, o.Height, s.raw.Stride)
	if s.rawSize > maxFrame {
		return nil, fmt.Errorf("camera: %s: a frame of %d × %d in %v takes %d MiB: at most %d", name, o.Width, o.Height,
			o.Format, s.rawSize>>20, maxFrame>>20)
	}
	return s, nil
}

// The programs that write raw frames, in a command.
var (
	isLibcamera = regexp.MustCompile(`\b(rpi|lib)cam(era)?-`) // rpicam-vid, libcamera-vid
	isFFmpeg    = regexp.MustCompile(`\bffmpeg\b`)
)

// rawStride returns the bytes from one row of raw frames to the next. Nothing in a stream says them, and a wrong guess
// makes garbage of every frame without any error; so if writers differ, and it isn't known which one this is, the
// person has to say.
//
//	yuv420 of width 800    ffmpeg      800 bytes: no padding
//	                       rpicam-vid  832: padded to 64
func rawStride(spec Spec, o Options) (int, error) {
	tight := o.Format.MinStride(o.Width)
	padded := (tight + 63) / 64 * 64
	const most = 1 << 20
	switch {
	case o.Stride != 0 && (o.Stride < tight || o.Stride > most):
		return 0, fmt.Errorf("rows of %d bytes: %d pixels of %v take %d at least, and %d are the most",
			o.Stride, o.Width, o.Format, tight, most)
	case o.Stride != 0:
		return o.Stride, nil
	case o.Format != frame.YU12 || tight == padded || isFFmpeg.MatchString(spec.Arg):
		return tight, nil
	case isLibcamera.MatchString(spec.Arg):
		return padded, nil
	}
	return 0, fmt.Errorf("rows of %d pixels of %v have %d bytes from ffmpeg and %d from rpicam-vid, which pads them: "+
		"say which with --stride %[3]d or --stride %[4]d, or take a width that is a multiple of 64",
		o.Width, o.Format, tight, padded)
}

// splitter returns what cuts r into frames.
func (s *stream) splitter(r io.Reader) splitter {
	if s.rawSize > 0 {
		return &rawSplitter{r: r, like: s.raw, size: s.rawSize, damaged: &s.damaged}
	}
	return &mjpegSplitter{r: bufio.NewReaderSize(r, 64<<10), damaged: &s.damaged}
}

// pump reads frames from r into the slot until r fails. It returns how many, and r's error.
func (s *stream) pump(r io.Reader, in *slot) (n int, err error) {
	split := s.splitter(r)
	for ; ; n++ {
		if err := split.next(&in.spare); err != nil {
			return n, err
		}
		in.spare.At = time.Now()
		if in.put() {
			s.dropped.Add(1)
		}
	}
}

// Frames implements Camera.
func (s *stream) Frames(ctx context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		in := newSlot()
		ended := make(chan error, 1)
		var reader sync.WaitGroup
		reader.Go(func() { ended <- s.feed(ctx, in) })
		defer reader.Wait()
		defer cancel()
		s.deliver(ctx, in, ended, yield)
	}
}

// deliver yields what arrives in the slot until the feed or ctx ends.
func (s *stream) deliver(ctx context.Context, in *slot, ended <-chan error, yield func(frame.Frame, error) bool) {
	give := func(f frame.Frame) bool {
		s.delivered.Add(1)
		more := yield(f, nil)
		in.free <- f
		return more
	}
	giveLast := func() bool { // what came before the trouble
		select {
		case f := <-in.newest:
			return give(f)
		default:
			return true
		}
	}
	heard := time.Now() // of the last frame
	wait := func() time.Duration { return min(waitInterval, s.patience-time.Since(heard)) }
	silence := time.NewTimer(wait())
	defer silence.Stop()
	var trouble error
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case f := <-in.newest:
			trouble = nil
			if !give(f) {
				return
			}
			heard = time.Now()
			silence.Reset(wait())
			continue
		case failed := <-in.trouble:
			if !giveLast() {
				return
			}
			trouble = failed.why
		case <-silence.C:
			if trouble == nil && wait() > 0 {
				if !yield(frame.Frame{}, ErrNotYet) {
					return
				}
				silence.Reset(wait())
				continue
			}
			if trouble == nil {
				trouble = fmt.Errorf("no frame for %v", s.patience)
			}
		case err := <-ended:
			if giveLast() && err != nil && ctx.Err() == nil {
				yield(frame.Frame{}, fmt.Errorf("camera: %s: %w", s.name, err))
			}
			return
		}
		if !yield(frame.Frame{}, lost(s.name, trouble)) {
			return
		}
		silence.Reset(lostInterval)
	}
}

// String implements Camera.
func (s *stream) String() string {
	if s.rawSize == 0 {
		return s.name + ", MJPEG"
	}
	return fmt.Sprintf("%s, %v %d × %d", s.name, s.raw.Format, s.raw.Width, s.raw.Height)
}

// Close implements Camera. All that a stream holds ends with its sequence.
func (s *stream) Close() error { return nil }

// slot holds the newest frame that the reading goroutine has left. There are three frames, so that neither side ever
// waits for the other: one is being filled, one is the newest, one belongs to the sequence.
type slot struct {
	spare   frame.Frame      // being filled
	newest  chan frame.Frame // 1
	free    chan frame.Frame // 3: nobody's
	trouble chan failure     // 1: why no frames come for now
	seq     uint32
}

type failure struct{ why error }

func newSlot() *slot {
	in := &slot{newest: make(chan frame.Frame, 1), free: make(chan frame.Frame, 3), trouble: make(chan failure, 1)}
	in.free <- frame.Frame{}
	in.free <- frame.Frame{}
	return in
}

// put makes the spare frame the newest one and reports whether that dropped one that nobody took. It ends any earlier
// trouble.
func (in *slot) put() (dropped bool) {
	in.seq++
	in.spare.Seq = in.seq
	select {
	case <-in.trouble:
	default:
	}
	select {
	case old := <-in.newest:
		in.newest <- in.spare // has room: nobody else sends
		in.spare = old
		return true
	default:
		in.newest <- in.spare
		in.spare = <-in.free // the sequence has one at most and there are three
		return false
	}
}

// fail says why no frames come for now, replacing what was said before.
func (in *slot) fail(why error) {
	select {
	case <-in.trouble:
	default:
	}
	in.trouble <- failure{why}
}

// atEnd turns the error of a stream's last read into why it ended, nil if it just ended.
func atEnd(frames int, err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case frames == 0:
		return errors.New("ended without a whole frame")
	}
	return nil
}
