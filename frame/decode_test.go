package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"runtime"
	"strings"
	"testing"

	"edge/internal/marker"
)

func TestDecodeErrors(t *testing.T) {
	photo := encoded(t, photoLike(64, 48, 1), 80)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty.jpg":        {nil, "not a JPEG"},
		"text.txt":         {[]byte("hello, this is no picture"), "not a JPEG"},
		"cut.jpg":          {photo[:len(photo)/2], "short Huffman data"},
		"header.jpg":       {photo[:30], "JPEG, near byte 30 of 30"},
		"bomb.png":         {pngHeader(30000, 30000, 8, 2), "MiB of memory, more than 64"},
		"bomb-16.png":      {pngHeader(4000, 3000, 16, 2), "4000×3000 pixels would take"},
		"wide.png":         {pngHeader(100000, 1, 8, 2), "at most 32768"},
		"bomb.jpg":         {resized(photo, 20000, 20000), "20000×20000 pixels would take"},
		"cut.webp":         {golden(t, "pictures/lossy.webp")[:60], "WebP, near byte"},
		"cut.bmp":          {golden(t, "pictures/rgb.bmp")[:100], "BMP, near byte"},
		"no pixels.bmp":    {emptyBMP(t), "without pixels"},
		"huge tables.webp": {webpOfTables(2600), "its tables take more than 64 MiB"},
	} {
		_, err := Decode(t.Context(), c.data, "dir/"+name)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "dir/"+name) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if errors.Is(err, ErrNotPicture) != strings.Contains(c.want, "not a") {
			t.Errorf("%s: ErrNotPicture: %v", name, err)
		}
	}
}

// Pictures close to the limit are decoded within it.
func TestDecodeMemory(t *testing.T) {
	var b bytes.Buffer
	grey := image.NewNRGBA64(image.Rect(0, 0, 2400, 2400)) // 11 bytes a pixel: 60 MiB
	if err := png.Encode(&b, grey); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"16bit.png": b.Bytes(), "some-tables.webp": webpOfTables(100)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(t.Context(), data, name)
		runtime.ReadMemStats(&after)
		if name == "16bit.png" && err != nil {
			t.Error(err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > maxMemory {
			t.Errorf("%s: %d MiB", name, used>>20)
		}
	}
}

func TestOrientationByteOrders(t *testing.T) {
	little := "II*\x00\x08\x00\x00\x00\x02\x00" + // directory at 8, two entries
		"\x0f\x01\x02\x00\x05\x00\x00\x00\x40\x00\x00\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00"
	big := "MM\x00*\x00\x00\x00\x08\x00\x01" + "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x03\x00\x00"
	for tiff, want := range map[string]orientation{
		little: 8, big: 3, "": 0, "II*\x00\xff\xff\xff\xff": 0, "??*\x00\x08\x00\x00\x00": 0,
	} {
		if got := orientationIn([]byte(tiff)); got != want {
			t.Errorf("%q: %d, want %d", tiff, got, want)
		}
	}
}

func TestOrientationDamage(t *testing.T) {
	exif := golden(t, "pictures/exif6.jpg")
	at := bytes.Index(exif, []byte("Exif\x00\x00")) + 6
	tiff := exif[at:]
	if o := orientationIn(tiff); o != 6 {
		t.Fatalf("orientation %d, want 6", o)
	}
	for n := range 26 {
		_ = orientationIn(tiff[:n]) // must not panic
	}
	for i := range 20 {
		for _, v := range []byte{0, 1, 127, 255} {
			damaged := bytes.Clone(tiff)
			damaged[i] = v
			_ = orientationIn(damaged)
		}
	}
}

// pngHeader is a PNG file that ends after its header.
func pngHeader(w, h uint32, bits, kind byte) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, bits, kind, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

// resized is a JPEG file whose header states another size.
func resized(photo []byte, w, h uint16) []byte {
	b := bytes.Clone(photo)
	at := bytes.Index(b, []byte{0xff, marker.SOF0})
	binary.BigEndian.PutUint16(b[at+5:], h)
	binary.BigEndian.PutUint16(b[at+7:], w)
	return b
}

func emptyBMP(t *testing.T) []byte {
	b := bytes.Clone(golden(t, "pictures/rgb.bmp"))
	clear(b[18:26])
	return b
}

// lsbWriter writes bits as lossless WebP files have them.
type lsbWriter struct {
	b []byte
	n int
}

func (w *lsbWriter) bits(value, count int) {
	for i := range count {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(value >> i & 1 << (w.n % 8))
		w.n++
	}
}

// code writes a Huffman table of two lengths: few symbols of the length short, then many of the length long.
func (w *lsbWriter) code(short, few, long, many int) {
	w.bits(0, 1)  // not a simple code
	w.bits(15, 4) // all 19 lengths of codes for lengths of codes follow
	for _, length := range []int{17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} {
		one := 0
		if length == short || length == long {
			one = 1
		}
		w.bits(one, 3)
	}
	w.bits(0, 1) // for all symbols
	bit := func(length int) int {
		if length == max(short, long) {
			return 1
		}
		return 0
	}
	for range few {
		w.bits(bit(short), 1)
	}
	for range many {
		w.bits(bit(long), 1)
	}
}

// webpOfTables is a lossless WebP file that has count groups of the largest Huffman tables, and no pixels.
func webpOfTables(count int) []byte {
	const side = 256 // pixels; 64×64 tiles
	w := &lsbWriter{}
	w.bits(0x2f, 8)
	w.bits(side-1, 14)
	w.bits(side-1, 14)
	w.bits(0, 1+3+1)   // no alpha, version 0, no transform
	w.bits(1|11<<1, 5) // a colour cache of 2048
	w.bits(1|0<<1, 4)  // tiles of 4×4 pixels have their groups
	w.bits(0, 1)       // the picture of groups has no colour cache
	w.code(8, 256, 0, 24)
	w.code(4, 16, 0, 240)
	for range 3 {
		w.bits(1, 4) // simple: the symbol is always 0
	}
	for tile := range 64 * 64 {
		group := min(tile, count-1)
		for _, c := range []struct{ value, bits int }{{group & 255, 8}, {group >> 8, 4}} {
			for i := c.bits - 1; i >= 0; i-- {
				w.bits(c.value>>i, 1)
			}
		}
	}
	for range count {
		w.code(11, 1768, 12, 560)
		for range 3 {
			w.code(8, 256, 0, 0)
		}
		w.code(5, 24, 6, 16)
	}
	riff := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(w.b)+len(w.b)%2+12))
	riff = append(riff, "WEBPVP8L"...)
	riff = binary.LittleEndian.AppendUint32(riff, uint32(len(w.b)))
	return append(append(riff, w.b...), make([]byte, len(w.b)%2)...)
}
