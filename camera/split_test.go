package camera

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"edge/frame"
	"edge/internal/marker"
)

// picture returns a JPEG picture of that size and shade.
func picture(t testing.TB, width, height int, shade uint8) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = shade + uint8(i*i*31)%16
	}
	img.Set(0, 0, color.Gray{shade})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// splitAll returns the frames in a stream, how many were damaged, and the error at its end.
func splitAll(r io.Reader) (frames []frame.Frame, damaged uint64, err error) {
	var count atomic.Uint64
	s := &mjpegSplitter{r: bufio.NewReaderSize(r, 4096), damaged: &count}
	for {
		var f frame.Frame
		if err := s.next(&f); err != nil {
			return frames, count.Load(), err
		}
		frames = append(frames, f)
	}
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestSplitMJPEG(t *testing.T) {
	a, b := picture(t, 64, 48, 10), picture(t, 33, 17, 200)
	thumbnail := picture(t, 16, 16, 99)
	exif := join([]byte{0xFF, marker.APP1, byte((len(thumbnail) + 2) >> 8), byte(len(thumbnail) + 2)}, thumbnail)
	withThumbnail := join(a[:2], exif, a[2:])
	filled := join(a[:2], []byte{0xFF, 0xFF}, a[2:len(a)-2], []byte{0xFF, 0xFF, 0xFF}, a[len(a)-2:])
	firstSegment := 4 + int(a[4])<<8 + int(a[5])
	scan := bytes.Index(a, []byte{0xFF, marker.SOS}) + 20 // in the middle of the entropy-coded bytes
	badMarker := join(a[:scan], []byte{0xFF, 0x4B, 0xFF, 0xF0}, a[scan:])
	junk := join(a[:2], []byte{0}, a[2:firstSegment], []byte{0xFF, 0, 0x7F}, a[firstSegment:])
	restarts := join(a[:len(a)-2], []byte{0xFF, 0, 0, 0xFF, marker.RST0, 0x4B, 0xFF, 0x4B, 0x7F}, a[len(a)-2:])
	header := []byte("\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 7\r\n\r\n")

	tests := []struct {
		name    string
		stream  []byte
		want    [][]byte
		damaged uint64
		err     error
	}{
		{"nothing", nil, nil, 0, io.EOF},
		{"two", join(a, b), [][]byte{a, b}, 0, io.EOF},
		{"joined in the middle", join(a[len(a)/2:], b), [][]byte{b}, 0, io.EOF},
		{"multipart", join(header, a, header, b, header), [][]byte{a, b}, 0, io.EOF},
		{"lone FFs between", join(a, []byte{0xFF, 0, 0xFF, 0xFF}, b), [][]byte{a, b}, 0, io.EOF},
		{"a thumbnail inside", join(withThumbnail, b), [][]byte{withThumbnail, b}, 0, io.EOF},
		{"fill bytes", join(filled, b), [][]byte{filled, b}, 0, io.EOF},
		{"no end marker", join(a[:len(a)-2], b[:len(b)-2]), [][]byte{a[:len(a)-2], b[:len(b)-2]}, 0, io.EOF},
		{"half an end marker", join(a[:len(a)-1], b), [][]byte{a[:len(a)-1], b}, 0, io.EOF},
		{"cut off in the scan", join(a[:len(a)-9], b), [][]byte{a[:len(a)-9], b}, 0, io.EOF}, // decoding it will tell
		{"bytes between segments", join(junk, b), [][]byte{junk, b}, 0, io.EOF},
		{"bytes after the scan", join(restarts, b), [][]byte{restarts, b}, 0, io.EOF},
		{"cut off after SOI", join(a[:2], b), [][]byte{b}, 1, io.EOF},
		{"cut off between segments", join(a[:firstSegment], b), [][]byte{b}, 1, io.EOF},
		{"cut off in a segment, which eats into the next", join(a[:firstSegment-9], b, b), [][]byte{join(a[:firstSegment-9], b), b}, 0, io.EOF},
		{"an impossible marker", join(badMarker, b), [][]byte{b}, 1, io.EOF},
		{"an empty picture", join([]byte{0xFF, marker.SOI, 0xFF, marker.EOI}, b), [][]byte{b}, 1, io.EOF},
		{"no picture", make([]byte, maxNoise+1), nil, 0, errNoPicture},
		{"endless segments", join(bytes.Repeat([]byte{0xFF, marker.SOI, 0xFF, marker.COM, 0, 2}, 3), b), [][]byte{b}, 3, io.EOF},
		{"too large", join(a[:scan], make([]byte, maxFrame), b), [][]byte{b}, 1, io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames, damaged, err := splitAll(bytes.NewReader(tt.stream))
			if len(frames) != len(tt.want) || damaged != tt.damaged || !errors.Is(err, tt.err) {
				t.Fatalf("%d frames, %d damaged, %v; want %d, %d, %v", len(frames), damaged, err, len(tt.want),
					tt.damaged, tt.err)
			}
			for i, f := range frames {
				if !bytes.Equal(f.Pix, tt.want[i]) {
					t.Errorf("frame %d isn't the picture", i)
				}
				c, err := jpeg.DecodeConfig(bytes.NewReader(tt.want[i]))
				if err != nil || f.Width != c.Width || f.Height != c.Height || f.Format != frame.MJPEG {
					t.Errorf("frame %d is %v %d × %d, want %d × %d (%v)", i, f.Format, f.Width, f.Height, c.Width,
						c.Height, err)
				}
			}
		})
	}
}

func TestSplitRaw(t *testing.T) {
	var damaged atomic.Uint64
	like := frame.Frame{Format: frame.GREY, Width: 3, Height: 2, Stride: 4}
	s := &rawSplitter{iotest.OneByteReader(bytes.NewReader([]byte("abcdefghABCDEFGHxyz"))), like, 8, &damaged}
	var f frame.Frame
	for _, want := range []string{"abcdefgh", "ABCDEFGH"} {
		if err := s.next(&f); err != nil || string(f.Pix) != want || f.Stride != 4 || f.Format != frame.GREY {
			t.Errorf("%q, %v; want %q", f.Pix, err, want)
		}
	}
	if err := s.next(&f); !errors.Is(err, io.EOF) || damaged.Load() != 1 {
		t.Errorf("at the end: %v, %d damaged", err, damaged.Load())
	}
	if err := s.next(&f); !errors.Is(err, io.EOF) || damaged.Load() != 1 {
		t.Errorf("after the end: %v, %d damaged", err, damaged.Load())
	}
}

func FuzzSplitMJPEG(f *testing.F) {
	a := picture(f, 24, 16, 50)
	f.Add(a)
	f.Add(join(a[:len(a)-5], a, []byte("--part\r\n"), a))
	f.Add(join(a[:2], []byte{0xFF, 0xFE, 0, 4, 0xFF, 0xD8}, a[2:]))
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, damaged, err := splitAll(bytes.NewReader(stream))
		if !errors.Is(err, io.EOF) {
			t.Fatalf("ended with %v", err)
		}
		rest := stream
		for i, f := range frames {
			at := bytes.Index(rest, f.Pix)
			if at < 0 {
				t.Fatalf("frame %d isn't in the stream after the one before", i)
			}
			rest = rest[at+len(f.Pix):]
			if !bytes.HasPrefix(f.Pix, []byte{0xFF, marker.SOI}) || bytes.Count(f.Pix, []byte{0xFF, marker.SOS}) == 0 {
				t.Fatalf("frame %d doesn't begin with SOI or has no scan: % x", i, f.Pix)
			}
			if f.Width <= 0 || f.Height <= 0 {
				t.Fatalf("frame %d is %d × %d", i, f.Width, f.Height)
			}
		}
		again, damagedAgain, _ := splitAll(iotest.OneByteReader(bytes.NewReader(stream)))
		if len(again) != len(frames) || damagedAgain != damaged {
			t.Fatalf("byte by byte %d frames and %d damaged, else %d and %d", len(again), damagedAgain, len(frames), damaged)
		}
		// Whatever came before, a picture is found at the latest after a segment's length.
		found, _, _ := splitAll(bytes.NewReader(join(stream, make([]byte, 1<<16), a, a)))
		if len(found) == 0 || !bytes.Equal(found[len(found)-1].Pix, a) {
			t.Fatal("no way back to the pictures")
		}
	})
}

func FuzzSplitRaw(f *testing.F) {
	f.Add([]byte("abcdefgh"), uint8(3))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		n := int(size) + 1
		var damaged atomic.Uint64
		s := &rawSplitter{r: iotest.HalfReader(bytes.NewReader(stream)), size: n, damaged: &damaged}
		var got []byte
		var fr frame.Frame
		for s.next(&fr) == nil {
			got = append(got, fr.Pix...)
		}
		whole := len(stream) / n * n
		if !bytes.Equal(got, stream[:whole]) || (damaged.Load() == 1) != (whole < len(stream)) {
			t.Fatalf("%d bytes in frames of %d gave %d, %d damaged", len(stream), n, len(got), damaged.Load())
		}
	})
}
