package camera

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"edge/frame"
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

// The markers of a JPEG picture (ITU T.81, table B.1) by which it is followed.
const (
	markTEM  = 0x01 // stands alone, as RST0…RST7 do
	markSOF0 = 0xC0
	markDHT  = 0xC4
	markJPG  = 0xC8
	markDAC  = 0xCC
	markSOFF = 0xCF
	markRST0 = 0xD0
	markRST7 = 0xD7
	markSOI  = 0xD8
	markEOI  = 0xD9
	markSOS  = 0xDA
	markDQT  = 0xDB
	markDNL  = 0xDC
	markDRI  = 0xDD
	markAPP0 = 0xE0
	markAPPF = 0xEF
	markCOM  = 0xFE
)

// maxNoise is how many bytes between pictures there may be until the stream isn't taken for MJPEG any more. A stream
// that is joined in the middle begins with a part of a picture; a multipart stream has headers between pictures.
const maxNoise = 4 << 20

var (
	errNoPicture = fmt.Errorf("no JPEG picture in %d MiB: is this MJPEG? (rpicam-vid needs --codec mjpeg, "+
		"ffmpeg -f mjpeg)", maxNoise>>20)
	errDamaged = errors.New("damaged picture")
	errRestart = errors.New("a picture begins within a picture")
)

// mjpegSplitter cuts JPEG pictures out of a stream. It follows their segments, so that a thumbnail inside a picture
// doesn't end it, and looks for the next picture after anything that can't be one.
type mjpegSplitter struct {
	r       *bufio.Reader
	noise   int // bytes outside of pictures since the last whole picture
	damaged *atomic.Uint64
}

func (s *mjpegSplitter) next(f *frame.Frame) error {
	err := s.seek()
	for err == nil {
		err = s.picture(f)
		switch {
		case err == nil:
			s.noise = 0
			return nil
		case errors.Is(err, errRestart):
			s.damaged.Add(1)
			err = nil
		case errors.Is(err, errDamaged):
			s.damaged.Add(1)
			err = s.seek()
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			s.damaged.Add(1)
			err = io.EOF
		}
	}
	return err
}

// seek reads on until after the next SOI.
func (s *mjpegSplitter) seek() error {
	for {
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
		if code == markSOI {
			return nil
		}
	}
}

// picture reads what follows an SOI until the EOI. Its errors are errRestart (another SOI was read), errDamaged, and
// the stream's.
func (s *mjpegSplitter) picture(f *frame.Frame) error {
	*f = frame.Frame{Pix: append(f.Pix[:0], 0xFF, markSOI), Format: frame.MJPEG, Range: frame.Full}
	for inScan := false; ; {
		code, err := s.marker(f, inScan)
		if err != nil {
			return err
		}
		switch {
		case code == markSOI:
			return errRestart
		case code == markEOI && inScan && f.Width > 0:
			return nil
		case code == markEOI || !inScan && !allowedBeforeScan(code) || inScan && !allowedAfterScan(code):
			return errDamaged
		case code == markTEM || isRestart(code):
			continue
		}
		body, err := s.segment(f)
		if err != nil {
			return err
		}
		if isStartOfFrame(code) {
			if len(body) < 6 {
				return errDamaged
			}
			f.Height, f.Width = int(body[1])<<8|int(body[2]), int(body[3])<<8|int(body[4])
			if f.Height == 0 || f.Width == 0 {
				return errDamaged
			}
		}
		inScan = inScan || code == markSOS
	}
}

// marker reads up to and including the next marker and returns its code. Before the first scan a marker must come at
// once; after that there are entropy-coded bytes before it, in which 0xFF is followed by 0 or is a restart marker.
func (s *mjpegSplitter) marker(f *frame.Frame, inScan bool) (byte, error) {
	for {
		if err := s.toFF(f, inScan); err != nil {
			return 0, err
		}
		code := byte(0xFF)
		for code == 0xFF { // any number of them may fill the space before a marker
			var err error
			if code, err = s.r.ReadByte(); err != nil {
				return 0, err
			}
			if len(f.Pix) >= maxFrame {
				return 0, errDamaged
			}
			f.Pix = append(f.Pix, code)
		}
		if entropy := code == 0 || isRestart(code); !inScan || !entropy {
			return code, nil
		}
	}
}

// toFF reads up to and including the next 0xFF, which must come at once outside of a scan.
func (s *mjpegSplitter) toFF(f *frame.Frame, inScan bool) error {
	if !inScan {
		b, err := s.r.ReadByte()
		if err == nil && b != 0xFF {
			return errDamaged
		}
		f.Pix = append(f.Pix, 0xFF)
		return err
	}
	for {
		part, err := s.r.ReadSlice(0xFF)
		if len(f.Pix)+len(part) > maxFrame {
			return errDamaged
		}
		f.Pix = append(f.Pix, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// segment reads a marker's segment, which begins with its own length, and returns it without the length.
func (s *mjpegSplitter) segment(f *frame.Frame) ([]byte, error) {
	at := len(f.Pix)
	f.Pix = append(f.Pix, 0, 0)
	if _, err := io.ReadFull(s.r, f.Pix[at:]); err != nil {
		return nil, err
	}
	n := int(f.Pix[at])<<8 | int(f.Pix[at+1])
	if n < 2 || at+n > maxFrame {
		return nil, errDamaged
	}
	f.Pix = slices.Grow(f.Pix, n-2)[:at+n]
	body := f.Pix[at+2:]
	_, err := io.ReadFull(s.r, body)
	return body, err
}

func isRestart(code byte) bool { return markRST0 <= code && code <= markRST7 }

func isStartOfFrame(code byte) bool {
	return markSOF0 <= code && code <= markSOFF && code != markDHT && code != markJPG && code != markDAC
}

// allowedBeforeScan reports whether such a marker exists; anything else is a damaged byte.
func allowedBeforeScan(code byte) bool { return code >= markSOF0 || code == markTEM }

// allowedAfterScan reports whether such a marker may follow a scan.
func allowedAfterScan(code byte) bool {
	switch code {
	case markDHT, markDAC, markSOS, markDQT, markDRI, markDNL, markCOM:
		return true
	}
	return markAPP0 <= code && code <= markAPPF
}
