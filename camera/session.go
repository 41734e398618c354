package camera

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/blackjack/webcam"
	"golang.org/x/sys/unix"

	"edge/frame"
	"edge/internal/marker"
)

// session is a V4L2 camera that is open and streaming, until it fails.
type session struct {
	cam     *webcam.Webcam
	fd      int
	buffers [][]byte
	like    frame.Frame // what every frame is, without Pix, At, Seq
	size    int         // bytes of every frame; 0: they differ (MJPEG)
	fps     float64     // 0: the driver doesn't say

	lent int // the buffer that belongs to the sequence now, or nobody
	poll []unix.PollFd
	last buffer // the one dequeued last; a field so that no call allocates

	dropped, damaged *atomic.Uint64
}

const (
	bufferCount = 4
	nobody      = -1
	pollSlice   = 100 * time.Millisecond // how long the end of a context may go unnoticed
)

var errSilent = errors.New("no frame")

// startSession opens the camera n and starts it in the mode that fits best.
func startSession(n Node, o Options, c *counters) (*session, error) {
	cam, err := webcam.Open(n.Path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	s := &session{cam: cam, fd: descriptor(cam), lent: nobody, dropped: &c.dropped, damaged: &c.damaged}
	unix.CloseOnExec(s.fd) // the library's Open doesn't ask for it
	s.poll = []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	if err := s.start(n.Formats, wanted(o)); err != nil {
		s.closeAfter(err)
		return nil, err
	}
	return s, nil
}

func (s *session) start(formats []Format, o Options) error {
	if err := s.setMode(formats, o); err != nil {
		return err
	}
	if err := startStreaming(s.cam, bufferCount); err != nil {
		return err
	}
	s.buffers = mapped(s.cam)
	for _, b := range s.buffers {
		if len(b) < s.size {
			return fmt.Errorf("the driver's buffers have %d bytes, its frames of %v take %d", len(b), s.like.Format, s.size)
		}
	}
	return nil
}

// setMode chooses a mode, sets it, and reads back what the driver made of it.
func (s *session) setMode(formats []Format, o Options) error {
	m, found := bestMode(formats, o, s.rate)
	if !found {
		return fmt.Errorf("it has no %v: leave --format out, or see edge cameras", o.Format)
	}
	_, _, _, err := s.cam.SetImageFormat(webcam.PixelFormat(m.code), uint32(m.width), uint32(m.height))
	if err != nil {
		return fmt.Errorf("set %v %d × %d: %w", m.format, m.width, m.height, err)
	}
	if o.FPS > 0 {
		_ = s.cam.SetFramerate(float32(o.FPS)) // many drivers have one rate only; what it is now is read below
	}
	if fps, err := s.cam.GetFramerate(); err == nil {
		s.fps = float64(fps)
	}
	truth := format{Type: bufTypeVideoCapture}
	if err := ioctl(s.fd, vidiocGFmt, &truth); err != nil {
		return fmt.Errorf("read the format back: %w", err)
	}
	s.like, s.size, err = layout(truth.Pix)
	return err
}

// rate returns how many frames a second a mode gives at most, 0 if the driver doesn't say.
func (s *session) rate(code uint32, width, height int) float64 {
	most := 0.0
	for _, r := range s.cam.GetSupportedFramerates(webcam.PixelFormat(code), uint32(width), uint32(height)) {
		if r.MinNumerator > 0 {
			most = max(most, float64(r.MinDenominator)/float64(r.MinNumerator))
		}
	}
	return most
}

// layout returns what frames of the driver's format are like, and their size, 0 for MJPEG.
func layout(p pixFormat) (like frame.Frame, size int, err error) {
	f, known := frame.FormatOf(p.PixelFormat)
	if !known {
		return like, 0, fmt.Errorf("the driver gives frames as %s, whatever it is asked for; that can't be read",
			fourCC(p.PixelFormat))
	}
	const longestRow = 4 * maxSide
	like = frame.Frame{Format: f, Width: int(p.Width), Height: int(p.Height)}
	like.Matrix, like.Range = colours(f, p)
	if p.Width == 0 || p.Height == 0 || p.Width > maxSide || p.Height > maxSide || p.BytesPerLine > longestRow {
		return like, 0, fmt.Errorf("the driver says that frames are %d × %d, %d bytes a row", p.Width, p.Height,
			p.BytesPerLine)
	}
	if f == frame.MJPEG {
		return like, 0, nil
	}
	like.Stride = max(int(p.BytesPerLine), f.MinStride(like.Width)) // some drivers leave it 0
	return like, f.FrameSize(like.Width, like.Height, like.Stride), nil
}

// next takes back the frame it lent before and returns the newest one, waiting for at most that long: errSilent if none
// comes. Any other error ends this session.
func (s *session) next(ctx context.Context, wait time.Duration) (frame.Frame, error) {
	if err := s.takeBack(); err != nil {
		return frame.Frame{}, err
	}
	waited := false
	for end := time.Now().Add(wait); ; {
		f, err := s.newest()
		if err != nil {
			return frame.Frame{}, err
		}
		if s.lent != nobody {
			// If the network is slower than the camera, all buffers are full and the driver has stopped. Then even
			// the newest frame is old, and the one that comes next is worth waiting for.
			if waited || time.Since(f.At) <= s.stale() {
				return f, nil
			}
			s.dropped.Add(1)
			if err := s.takeBack(); err != nil {
				return frame.Frame{}, err
			}
		}
		if err := s.wait(ctx, end); err != nil {
			return frame.Frame{}, err
		}
		waited = true
	}
}

// stale is the age above which a waiting frame is no longer taken.
func (s *session) stale() time.Duration {
	const least = 100 * time.Millisecond
	if s.fps <= 0 {
		return least
	}
	return max(least, time.Duration(3*float64(time.Second)/s.fps))
}

// newest lends the newest good frame that is ready, if there is one, and gives the older ones back to the driver.
func (s *session) newest() (f frame.Frame, err error) {
	for range 2 * len(s.buffers) { // more were made while this ran: then the newest is new enough
		s.last = buffer{Type: bufTypeVideoCapture, Memory: memoryMmap}
		err := ioctl(s.fd, vidiocDqbuf, &s.last)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil {
			return f, err
		}
		if int(s.last.Index) >= len(s.buffers) {
			return f, fmt.Errorf("the driver gave buffer %d of %d", s.last.Index, len(s.buffers))
		}
		if !s.isGood(&s.last) {
			s.damaged.Add(1)
			if err := s.cam.ReleaseFrame(s.last.Index); err != nil {
				return f, err
			}
			continue
		}
		if s.lent != nobody {
			s.dropped.Add(1)
			if err := s.takeBack(); err != nil {
				return f, err
			}
		}
		s.lent = int(s.last.Index)
		f = s.like
		f.Pix, f.Seq, f.At = s.pix(&s.last), s.last.Sequence, capturedAt(&s.last)
	}
	return f, nil
}

// isGood reports whether a buffer holds a whole frame.
func (s *session) isGood(b *buffer) bool {
	used := int(b.BytesUsed)
	if b.Flags&bufFlagError != 0 || used > len(s.buffers[b.Index]) || used == 0 || used < s.size {
		return false
	}
	if s.size > 0 {
		return true
	}
	pix := s.pix(b)
	return used > 4 && pix[0] == 0xFF && pix[1] == marker.SOI
}

func (s *session) pix(b *buffer) []byte {
	if s.size > 0 {
		return s.buffers[b.Index][:s.size]
	}
	return s.buffers[b.Index][:b.BytesUsed]
}

// takeBack gives the buffer that is lent to the driver.
func (s *session) takeBack() error {
	if s.lent == nobody {
		return nil
	}
	index := uint32(s.lent)
	s.lent = nobody
	return s.cam.ReleaseFrame(index)
}

// wait waits until a frame is ready. A driver that has failed is ready as well: the next VIDIOC_DQBUF says why.
func (s *session) wait(ctx context.Context, end time.Time) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := time.Until(end)
		if left <= 0 {
			return errSilent
		}
		n, err := unix.Poll(s.poll, int(min(left, pollSlice).Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if err == nil && n > 0 {
			if s.poll[0].Revents&unix.POLLIN == 0 {
				return s.failure()
			}
			return nil
		}
	}
}

// failure asks the driver why it reports an error instead of frames.
func (s *session) failure() error {
	s.last = buffer{Type: bufTypeVideoCapture, Memory: memoryMmap}
	if err := ioctl(s.fd, vidiocDqbuf, &s.last); err != nil {
		return err
	}
	return errors.New("the driver reports an error")
}

// settleTime is what the kernel gets to take a camera apart that was unplugged. Closing it meanwhile can unregister its media entity
// twice, at which Linux 6.1 faults (media_device_unregister_entity) and ends the thread. A camera that comes instead needs
// longer to get a number: its hub waits as long, and then it is asked what it is.
const settleTime = 150 * time.Millisecond

// closeAfter closes a session that ended with err.
func (s *session) closeAfter(err error) {
	if errors.Is(err, unix.ENODEV) {
		time.Sleep(settleTime)
	}
	_ = s.close() // it is of no use any more
}

// close stops the camera; a frame that is lent can't be read any more.
func (s *session) close() error { return s.cam.Close() }
