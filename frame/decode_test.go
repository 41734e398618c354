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
		"cut.jpg":          {photo[:len(photo)/2], "JPEG: it ends at byte 711"},
		"header.jpg":       {photo[:30], "JPEG: near byte 2 of 30: it ends"},
		"bomb.png":         {pngHeader(15000, 15000, 8, 2), "MiB of memory, more than 64"},
		"bomb-16.png":      {pngHeader(4000, 3000, 16, 2), "4000×3000 pixels would take"},
		"wide.png":         {pngHeader(100000, 1, 8, 2), "at most 32768"},
		"bomb.jpg":         {resized(photo, 20000, 20000), "it ends at byte 1421, in row 1 of 1250"},
		"bomb-2.jpg":       {resized(golden(t, "pictures/progressive.jpg"), 32000, 32000), "32000×32000 pixels would take"},
		"a.heic":           {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "not a JPEG, PNG, WebP or BMP picture, but HEIC, as iPhones"},
		"a.avif":           {[]byte("\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif"), "not a JPEG, PNG, WebP or BMP picture, but AVIF"},
		"a.mp4":            {[]byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp41"), "not a JPEG, PNG, WebP or BMP picture, but a video"},
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

// chunk is a chunk of a PNG file.
func chunk(kind, content string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(append(b, kind...), content...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// riff is a chunk of a WebP file.
func riff(kind, content string) string {
	return string(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(content)))) + content + "\x00"[:len(content)%2]
}

// TestOrientations turns one picture by EXIF in each kind of file.
func TestOrientations(t *testing.T) {
	exif := func(orientation string) string {
		return "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12" + orientation
	}
	insert := func(name, after, what string) []byte {
		data := string(golden(t, name))
		at := strings.Index(data, after) + len(after)
		return []byte(data[:at] + what + data[at:])
	}
	ihdr := string(golden(t, "pictures/rgb.png")[:33])
	webp := func(name, exif string) []byte {
		picture := golden(t, "pictures/"+name)[12:]
		plain, err := Decode(t.Context(), golden(t, "pictures/"+name), name)
		if err != nil {
			t.Fatal(err)
		}
		flags := "\x08"
		if kind := string(picture[:4]); kind == "VP8X" { // has alpha: the header is there
			picture = picture[18:]
			flags = "\x18"
		}
		size := func(n int) string { return string([]byte{byte(n - 1), byte((n - 1) >> 8), 0}) }
		content := "WEBP" + riff("VP8X", flags+"\x00\x00\x00"+size(plain.Width)+size(plain.Height)) + string(picture) + riff("EXIF", exif)
		return []byte(riff("RIFF", content))
	}
	const six, sixLong = "\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00", "\x00\x04\x00\x00\x00\x01\x00\x00\x00\x06"
	for _, c := range []struct {
		what, plain string
		data        []byte
	}{
		{"PNG", "rgb.png", insert("pictures/rgb.png", ihdr, chunk("eXIf", exif(six)))},
		{"PNG, LONG", "rgb.png", insert("pictures/rgb.png", ihdr, chunk("eXIf", exif(sixLong)))},
		{"PNG after others", "16bit.png", insert("pictures/16bit.png", string(golden(t, "pictures/16bit.png")[:33]),
			chunk("tEXt", "a\x00b")+chunk("eXIf", "Exif\x00\x00"+exif(six)))},
		{"lossless WebP", "lossless.webp", webp("lossless.webp", exif(six))},
		{"lossy WebP", "lossy.webp", webp("lossy.webp", "Exif\x00\x00"+exif(sixLong))},
		{"WebP with alpha", "lossy-alpha.webp", webp("lossy-alpha.webp", exif(six))},
		{"JPEG, LONG", "rgb.jpg", insert("pictures/rgb.jpg", "\xff\xd8", "\xff\xe1\x00\x1e"+"Exif\x00\x00"+exif(sixLong)+"\x00\x00")},
	} {
		plain, err := Decode(t.Context(), golden(t, "pictures/"+c.plain), c.plain)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Decode(t.Context(), c.data, c.what)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if f.Width != plain.Height || f.Height != plain.Width {
			t.Errorf("%s: %d×%d of %d×%d", c.what, f.Width, f.Height, plain.Width, plain.Height)
			continue
		}
		for y := range f.Height { // 6: what is the left side here is the picture's bottom
			for x := range f.Width {
				got, want := f.Pix[y*f.Stride+3*x:][:3], plain.Pix[(plain.Height-1-x)*plain.Stride+3*y:][:3]
				if !bytes.Equal(got, want) {
					t.Fatalf("%s: pixel %d, %d is %v, want %v", c.what, x, y, got, want)
				}
			}
		}
	}
}

// bmpFile is a picture of 2×2 equal pixels.
func bmpFile(header, compression uint32, masks []uint32, pixel ...byte) []byte {
	info := []uint32{header, 2, 2, 1 | uint32(8*len(pixel))<<16, compression, 0, 0, 0, 0, 0}
	info = append(info, masks...)
	for uint32(4*len(info)) < header {
		info = append(info, 0)
	}
	b := binary.LittleEndian.AppendUint32([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00"), uint32(14+4*len(info)))
	for _, v := range info {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return append(b, bytes.Repeat(pixel, 4)...)
}

// TestBMP reads pictures of 16 and 32 bits a pixel. The fourth byte is alpha only if the header says so, and if not all
// of the picture would be transparent.
func TestBMP(t *testing.T) {
	bgra := []uint32{0xff0000, 0xff00, 0xff, 0xff000000}
	for _, c := range []struct {
		what, want string
		data       []byte
	}{
		{"V3", "\x03\x02\x01", bmpFile(40, 0, nil, 1, 2, 3, 0)},
		{"V4", "\x03\x02\x01", bmpFile(108, 0, bgra, 1, 2, 3, 0)},
		{"V5", "\x03\x02\x01", bmpFile(124, 0, bgra, 1, 2, 3, 0)},
		{"V5, some other byte", "\x03\x02\x01", bmpFile(124, 0, bgra, 1, 2, 3, 77)},
		{"bit fields, all transparent", "\x03\x02\x01", bmpFile(124, 3, bgra, 1, 2, 3, 0)},
		{"bit fields, opaque", "\x03\x02\x01", bmpFile(124, 3, bgra, 1, 2, 3, 255)},
		{"bit fields, half transparent", "\x81\x80\x80", bmpFile(124, 3, bgra, 1, 2, 3, 128)},
		{"bit fields, no alpha", "\x03\x02\x01", bmpFile(124, 3, []uint32{0xff0000, 0xff00, 0xff, 0}, 1, 2, 3, 9)},
		{"bit fields, another order", "\x01\x02\x03", bmpFile(108, 3, []uint32{0xff, 0xff00, 0xff0000, 0}, 1, 2, 3, 9)},
		{"bit fields after V3", "\x03\x02\x01", bmpFile(40, 3, bgra[:3], 1, 2, 3, 9)},
		{"10 bits a colour", "\xff\x00\x80", bmpFile(40, 3, []uint32{0x3ff00000, 0xffc00, 0x3ff}, 2, 2, 0xf0, 0x3f)},
		{"5-5-5", "\xff\x00\x84", bmpFile(40, 0, nil, 0x10, 0x7c)},
		{"5-6-5", "\xff\x82\x00", bmpFile(40, 3, []uint32{0xf800, 0x7e0, 0x1f}, 0x00, 0xfc)},
		{"4-4-4", "\xff\x88\x11", bmpFile(40, 3, []uint32{0xf00, 0xf0, 0xf}, 0x81, 0x0f)},
	} {
		f, err := Decode(t.Context(), c.data, c.what)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if farthest(t, f.Pix, []byte(strings.Repeat(c.want, 4))) > 0 {
			t.Errorf("%s: %v, want %v", c.what, f.Pix[:3], []byte(c.want))
		}
	}
	topDown := bmpFile(40, 0, nil, 1, 2, 3, 0)
	binary.LittleEndian.PutUint32(topDown[22:], 0xfffffffe) // −2
	topDown[len(topDown)-16] = 99                           // the first row's first pixel
	f, err := Decode(t.Context(), topDown, "top down")
	if err != nil || f.Pix[2] != 99 {
		t.Errorf("from the top: %v, %v", f.Pix, err)
	}
	for what, data := range map[string][]byte{
		"cut off":  topDown[:len(topDown)-1],
		"no red":   bmpFile(40, 3, []uint32{0, 0xff00, 0xff}, 1, 2, 3, 0),
		"no masks": bmpFile(40, 3, nil, 1, 2, 3, 0)[:54],
	} {
		if _, err := Decode(t.Context(), data, what); err == nil {
			t.Errorf("%s: no error", what)
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
	at := max(bytes.Index(b, []byte{0xff, marker.SOF0}), bytes.Index(b, []byte{0xff, marker.SOF2}))
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
