package marker

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"testing"
)

// walk returns the codes of all markers, and the length of their segments.
func walk(data []byte) (codes []byte, bytes int, err error) {
	for w := (Walker{}); ; {
		code, segment, err := w.Next(data)
		if err != nil {
			return codes, bytes, err
		}
		codes = append(codes, code)
		bytes += len(segment)
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, data, codes string
		segments          int
		err               error
	}{
		{"nothing", "", "", 0, ErrShort},
		{"a picture", "\xff\xd8\xff\xdb\x00\x04ab\xff\xda\x00\x02data\xff\x00\xff\xd0data\xff\xd9", "\xd8\xdb\xda\xd9", 2, ErrShort},
		{"fill bytes", "\xff\xff\xd8\xff\xff\xff\xdb\x00\x02\xff\xff\xff\x00\xff\xff\xd1\xff\xff\xd9", "\xd8\xdb\xd9", 0, ErrShort},
		{"other bytes", "\xff\xd8\x00\xff\x00junk\xff\x01\xff\xdb\x00\x03c\x00\x00\xff\xd9", "\xd8\xdb\xd9", 1, ErrShort},
		{"reserved", "\xff\xd8\xff\x4b\xff\xbf\xff\xd9", "\xd8\x4b\xbf\xd9", 0, ErrShort},
		{"a marker inside a segment", "\xff\xe1\x00\x06\xff\xd8\xff\xd9\xff\xd9", "\xe1\xd9", 4, ErrShort},
		{"a length of 1", "\xff\xd8\xff\xdb\x00\x01", "\xd8", 0, ErrSize},
		{"half a length", "\xff\xd8\xff\xdb\x00", "\xd8", 0, ErrShort},
		{"half a segment", "\xff\xd8\xff\xdb\x00\x09abc", "\xd8", 0, ErrShort},
		{"half a marker", "\xff\xd8\xff", "\xd8", 0, ErrShort},
	} {
		codes, segments, err := walk([]byte(c.data))
		if string(codes) != c.codes || segments != c.segments || !errors.Is(err, c.err) {
			t.Errorf("%s: %x, %d bytes, %v; want %x, %d, %v", c.name, codes, segments, err, c.codes, c.segments, c.err)
		}
	}
}

// FuzzNext holds that what Next finds doesn't depend on how much of the data is there at first.
func FuzzNext(f *testing.F) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 20, 20)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xd8\xff\xff\xdb\x00\x04ab\x00\xff\xda\x00\x02data\xff\x00\xff\xd0data\xff\x4b\xff\xd9"))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, bytes, err := walk(data)
		var got []byte
		var w Walker
		for n := 0; n <= len(data); n++ {
			for {
				before := w.At
				code, segment, err := w.Next(data[:n])
				if w.At < before || w.At > n {
					t.Fatalf("from %d to %d of %d", before, w.At, n)
				}
				if errors.Is(err, ErrSize) {
					n = len(data)
				}
				if err != nil {
					break
				}
				got = append(got, code)
				bytes -= len(segment)
			}
		}
		if string(got) != string(want) || bytes != 0 {
			t.Errorf("byte by byte %x, at once %x, %v", got, want, err)
		}
	})
}
