package camera

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"edge/frame"
	"edge/internal/marker"
)

// A splitter cuts a stream of bytes into frames.
type splitter interface {
	// next reads one whole frame into f, whose Pix it reuses. Its error is the stream's; damaged frames are skipped
	// and counted.
	next(f *frame.Frame) error
}

// rawSplitter cuts frames that all have the same size. Nothing in such a stream says where a frame begins.
type rawSplitter struct {
	r       io.Reader
	like    frame.Frame // everything but Pix
	size    int
	damaged *atomic.Uint64
}

func (s *rawSplitter) next(f *frame.Frame) error {
	pix := slices.Grow(f.Pix[:0], s.size)[:s.size]
	*f = s.like
	f.Pix = pix
	_, err := io.ReadFull(s.r, pix)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		s.damaged.Add(1)
		return io.EOF
	}
	return err
}

// maxNoise is how many bytes may lie between pictures before the stream no longer counts as MJPEG. A stream
// that is joined in the middle begins with a part of a picture; a multipart stream has headers between pictures.
const maxNoise = 4 << 20

var (
	errNoPicture = fmt.Errorf("no JPEG picture in %d MiB: is this MJPEG? (rpicam-vid needs --codec mjpeg, "+
		"ffmpeg -f mjpeg)", maxNoise>>20)
	errDamaged = errors.New("damaged picture")
)

// mjpegSplitter cuts JPEG pictures out of a stream. It follows their segments, so that a thumbnail inside a picture
// doesn't end it, and looks for the next picture after anything that can't be one. A picture whose end marker is missing
// ends where the next one begins; whether all of it is there shows when it is decoded.
type mjpegSplitter struct {
	r       *bufio.Reader
	begun   bool // the next picture's SOI has been read
	ahead   int  // bytes of r's buffer that are in the frame and have not been taken from r
	noise   int  // bytes outside of pictures since the last whole picture
	damaged *atomic.Uint64
}

func (s *mjpegSplitter) next(f *frame.Frame) error {
	for {
		if err := s.seek(); err != nil {
			return err
		}
		err := s.picture(f)
		if err == nil {
			s.noise = 0
			return nil
		}
		if errors.Is(err, errDamaged) || errors.Is(err, io.EOF) {
			s.damaged.Add(1)
		}
		if !errors.Is(err, errDamaged) {
			return err
		}
	}
}

// seek reads on until after the next SOI.
func (s *mjpegSplitter) seek() error {
	for !s.begun {
		skipped, err := s.r.ReadSlice(0xFF)
		s.noise += len(skipped)
		if s.noise > maxNoise {
			s.noise = 0
			return errNoPicture
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return err
		}
		code := byte(0xFF)
		for code == 0xFF {
			if code, err = s.r.ReadByte(); err != nil {
				return err
			}
			s.noise++
		}
		s.begun = code == marker.SOI
	}
	s.begun = false
	return nil
}

// picture reads what follows an SOI until the picture's end. Its error is errDamaged, or the stream's.
func (s *mjpegSplitter) picture(f *frame.Frame) error {
	*f = frame.Frame{Pix: append(f.Pix[:0], 0xFF, marker.SOI), Format: frame.MJPEG, Range: frame.Full}
	w := marker.Walker{At: len(f.Pix)}
	for inScan := false; ; {
		code, segment, err := w.Next(f.Pix)
		end := w.At // behind the marker
		switch {
		case segment != nil:
			end -= len(segment) + 2
		case errors.Is(err, marker.ErrShort):
			end += 2
		}
		switch {
		case code == marker.SOI:
			s.begun = true
			s.cut(f, end)
			f.Pix = f.Pix[:end-2]
			return whole(f, inScan)
		case code == marker.EOI:
			s.cut(f, end)
			return whole(f, inScan)
		case code != 0 && (inScan && !mayFollowScan(code) || !inScan && marker.IsReserved(code)), errors.Is(err, marker.ErrSize):
			s.cut(f, end)
			return errDamaged
		case errors.Is(err, marker.ErrShort):
			err = s.more(f)
			if errors.Is(err, io.EOF) && whole(f, inScan) == nil {
				return nil // the stream's last picture, without an end marker
			}
			if err != nil {
				return err
			}
			continue
		case marker.IsFrame(code):
			if len(segment) < 6 {
				s.cut(f, w.At)
				return errDamaged
			}
			f.Height, f.Width = int(segment[1])<<8|int(segment[2]), int(segment[3])<<8|int(segment[4])
		}
		inScan = inScan || code == marker.SOS
	}
}

// whole reports whether the picture may end here: after a scan, and if it has pixels.
func whole(f *frame.Frame, inScan bool) error {
	if !inScan || f.Width == 0 || f.Height == 0 {
		return errDamaged
	}
	return nil
}

// more appends what has arrived to the frame, waiting for at least one byte.
func (s *mjpegSplitter) more(f *frame.Frame) error {
	_, _ = s.r.Discard(s.ahead) // it is in the buffer
	s.ahead = 0
	if _, err := s.r.Peek(1); err != nil {
		return err
	}
	come, _ := s.r.Peek(s.r.Buffered())
	if len(f.Pix)+len(come) > maxFrame {
		return errDamaged
	}
	s.ahead = len(come)
	f.Pix = append(f.Pix, come...)
	return nil
}

// cut ends the frame at its byte end, which lies in what is ahead: the stream continues there.
func (s *mjpegSplitter) cut(f *frame.Frame, end int) {
	_, _ = s.r.Discard(s.ahead - (len(f.Pix) - end))
	s.ahead = 0
	f.Pix = f.Pix[:end]
}

// mayFollowScan reports whether the marker may follow a scan. Those below SOF0 are skipped, as libjpeg does.
func mayFollowScan(code byte) bool {
	switch code {
	case marker.DHT, marker.DAC, marker.SOS, marker.DQT, marker.DRI, marker.DNL, marker.COM:
		return true
	}
	return marker.APP0 <= code && code <= marker.APP15 || code < marker.SOF0
}
