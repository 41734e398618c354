package frame

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edge/internal/marker"
)

// decodeFile decodes all of a picture file by ourselves, with blocks of so many samples.
func decodeFile(t *testing.T, data []byte, block int) *jpegDecoder {
	t.Helper()
	d := &jpegDecoder{file: &jpegFile{ctx: t.Context(), transform: noAdobe}}
	if err := d.start(data); err != nil {
		t.Fatal(err)
	}
	d.geometry.block = block
	everything := rect{0, 0, maxSide, maxSide}
	if err := d.decode(&[4]rect{everything, everything, everything, everything}); err != nil {
		t.Fatal(err)
	}
	return d
}

// samplesOf returns all samples that belong to the picture.
func samplesOf(d *jpegDecoder) []byte {
	var samples []byte
	l := d.geometry.layout()
	for i, p := range l.planes {
		for y := range p.rows {
			samples = append(samples, d.pix[p.offset+y*p.stride:][:l.components[i].samples]...)
		}
	}
	return samples
}

// TestProgressive holds that a picture that jpegtran has cut into scans has the samples that it had before, in every size.
func TestProgressive(t *testing.T) {
	files, _ := filepath.Glob("testdata/files/*.progressive.jpg")
	if len(files) < 7 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range append(files, "testdata/files/420.scans.jpg") {
		name := filepath.Base(file)
		base, _, _ := strings.Cut(name, ".")
		for _, block := range []int{8, 4, 2, 1} {
			want := decodeFile(t, golden(t, "jpeg/"+base+".jpg"), block)
			got := decodeFile(t, golden(t, "files/"+name), block)
			if want.file.progressive || !got.file.progressive {
				t.Fatalf("%s isn't progressive", name)
			}
			if worst := farthest(t, samplesOf(got), samplesOf(want)); worst != 0 {
				t.Errorf("%s, blocks of %d: off by %d", name, block, worst)
			}
		}
	}
}

// TestProgressiveDamage holds that a progressive picture is read or refused wherever it ends.
func TestProgressiveDamage(t *testing.T) {
	for _, name := range []string{"files/420.scans.jpg", "files/444-poor.progressive.jpg"} {
		data := golden(t, name)
		whole := 0
		for n := range len(data) {
			f, err := Decode(t.Context(), data[:n], name)
			if err == nil {
				whole++ // between two scans it is a picture, of less detail
			} else if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNotPicture) {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
			if err == nil && f.Width == 0 {
				t.Fatalf("%s, %d bytes: no picture", name, n)
			}
		}
		if whole < 2 || whole > len(data)/2 {
			t.Errorf("%s: %d of its beginnings are pictures", name, whole)
		}
	}
}

// TestOddSamplings compares with what djpeg made of pictures that image/jpeg refuses, and others that it reads. Go's
// samples may be off by one, and colours by twice that.
func TestOddSamplings(t *testing.T) {
	files, _ := filepath.Glob("testdata/files/*.ppm")
	if len(files) < 7 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".ppm")
		f, err := Decode(t.Context(), golden(t, "files/"+base+".jpg"), base)
		if err != nil {
			t.Error(err)
			continue
		}
		ppm := golden(t, "files/"+base+".ppm")
		if worst := farthest(t, f.Pix, ppm[len(ppm)-len(f.Pix):]); worst > 3 {
			t.Errorf("%s: off by %d", base, worst)
		}
	}
}

// TestReducedTransform compares with the definition: the cosines of the low frequencies, in floating point.
func TestReducedTransform(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		for _, n := range []int{4, 2, 1} {
			var b block
			var f [8][8]float64
			for place := range 64 {
				if r.IntN(3) == 0 {
					value := int32(r.IntN(400) - 200)
					b.set(uint8(place), value)
					f[place/8][place%8] = float64(value)
				}
			}
			c := func(k int) float64 {
				if k == 0 {
					return math.Sqrt2 / 4
				}
				return 0.5
			}
			got := make([]byte, n*n)
			b.reduced(got, n, n)
			for y := range n {
				for x := range n {
					sum := 128.0
					for v := range n {
						for u := range n {
							sum += c(u) * c(v) * f[v][u] * math.Cos(float64((2*x+1)*u)*math.Pi/float64(2*n)) *
								math.Cos(float64((2*y+1)*v)*math.Pi/float64(2*n))
						}
					}
					if want := min(max(sum, 0), 255); math.Abs(float64(got[y*n+x])-want) > 0.52 {
						t.Fatalf("%d×%d: sample %d, %d is %d, want %.3f", n, n, x, y, got[y*n+x], want)
					}
				}
			}
			if b != (block{}) {
				t.Fatal("the block isn't zero again")
			}
		}
	}
}

// TestReducedAgainstLibjpeg: at an eighth both take the mean of each block, and have the same samples; at a half and a
// quarter libjpeg takes the mean of neighbouring samples, which is nearly the same.
func TestReducedAgainstLibjpeg(t *testing.T) {
	data := encoded(t, photoLike(333, 222, 5), 85)
	for block, scale := range map[int]string{4: "1/2", 2: "1/4", 1: "1/8"} {
		got, want := lumaOf(decodeFile(t, data, block)), djpeg(t, data, "-grayscale", "-scale", scale)
		if len(got) != len(want) {
			t.Fatalf("%s: %d samples, libjpeg has %d", scale, len(got), len(want))
		}
		sum := 0.0
		for i := range got {
			sum += math.Abs(float64(got[i]) - float64(want[i]))
		}
		if mean := sum / float64(len(got)); mean > 3 || block == 1 && sum != 0 {
			t.Errorf("%s: %.3f off in the mean", scale, mean)
		}
	}
}

// withoutSegment is a JPEG file without its segments of that marker.
func withoutSegment(t *testing.T, data []byte, code byte) []byte {
	t.Helper()
	for w := (marker.Walker{}); ; {
		found, segment, err := w.Next(data)
		if err != nil {
			t.Fatalf("no segment %02x", code)
		}
		if found == code {
			begin := w.At - len(segment) - 4
			return append(bytes.Clone(data[:begin]), data[w.At:]...)
		}
	}
}

// TestCMYK reads four components with Adobe's segment and without, and Y Cb Cr K, as libjpeg does.
func TestCMYK(t *testing.T) {
	signed := golden(t, "pictures/cmyk.jpg")
	want := golden(t, "pictures/cmyk.jpg.rgb")
	f, err := Decode(t.Context(), withoutSegment(t, signed, marker.APP14), "unsigned")
	if err != nil {
		t.Fatal(err)
	}
	if worst := farthest(t, f.Pix, want); worst > 1 {
		t.Errorf("without Adobe's segment: off by %d", worst)
	}
	ycck := bytes.Clone(signed)
	ycck[bytes.Index(ycck, []byte("Adobe"))+11] = 2
	for what, data := range map[string][]byte{"CMYK": signed, "YCCK": ycck} {
		want := djpeg(t, data, "-nosmooth")
		standard, err := Decode(t.Context(), data, what)
		if err != nil {
			t.Fatal(err)
		}
		own := decodeFile(t, data, 8).rgb(Options{})
		if a, b := farthest(t, standard.Pix, want), farthest(t, own.Pix, want); a > 2 || b > 2 {
			t.Errorf("%s: off by %d, by our own decoder by %d", what, a, b)
		}
	}
}

// TestOwnDecoderIsImageJPEG compares the pixels of both decoders where both can.
func TestOwnDecoderIsImageJPEG(t *testing.T) {
	files, _ := filepath.Glob("testdata/pictures/*.jpg")
	for _, file := range files {
		data := golden(t, "pictures/"+filepath.Base(file))
		want, err := Decode(t.Context(), data, file)
		if err != nil {
			t.Fatal(err)
		}
		d := decodeFile(t, data, 8)
		got := d.rgb(d.file.orientation.options())
		if got.Width != want.Width || got.Height != want.Height {
			t.Errorf("%s: %d×%d, want %d×%d", file, got.Width, got.Height, want.Width, want.Height)
		} else if worst := farthest(t, got.Pix, want.Pix); worst > 3 {
			t.Errorf("%s: off by %d", file, worst)
		}
	}
}

// TestLargePhotograph reads photographs that don't fit into memory at full size: how much smaller they become, and that
// a region in pixels is still the picture's.
func TestLargePhotograph(t *testing.T) {
	const w, h = 8160, 6120 // 50 megapixels
	data := largeJPEG(w, h)
	f, err := Decode(t.Context(), data, "large.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if f.Width != w/2 || f.Height != h/2 || f.Reduced != 2 {
		t.Errorf("%d×%d, reduced %d times", f.Width, f.Height, f.Reduced)
	}
	// The left half is dark, the right one light.
	for x, want := range map[float64]byte{0: 64, w - 640: 192} {
		got := fitted(t, pixels(4, 4, 1), Options{Fit: Stretch, ROI: ROI{x, 100, 600, 5000}}, f)
		if worst := farthest(t, got, bytes.Repeat([]byte{want}, 16)); worst > 1 {
			t.Errorf("at %v: %v, want %d", x, got, want)
		}
	}
	fitter, _ := NewFitter(rgb224, Options{ROI: ROI{w - 100, 0, 101, 50}})
	if err := fitter.Fit(make([]byte, 224*224*3), f); err == nil {
		t.Error("a region outside the picture")
	}
}

// largeJPEG is a grey picture in three components, dark on the left and light on the right. It has one code for a change
// of the mean, one for none.
func largeJPEG(w, h int) []byte {
	b := []byte{0xff, marker.SOI, 0xff, marker.DQT, 0, 67, 0}
	b = append(b, bytes.Repeat([]byte{8}, 64)...)
	b = append(b, 0xff, marker.SOF0, 0, 17, 8, byte(h>>8), byte(h), byte(w>>8), byte(w), 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0)
	// DC: 0 is no change, 10 one of 7 bits. AC: 0 is the end of the block.
	b = append(b, 0xff, marker.DHT, 0, 21, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)
	b = append(b, 0xff, marker.DHT, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, 0xff, marker.SOS, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0)
	var acc, n uint
	put := func(value, size uint) {
		acc, n = acc<<size|value, n+size
		for ; n >= 8; n -= 8 {
			b = append(b, byte(acc>>(n-8)))
			if b[len(b)-1] == 0xff {
				b = append(b, 0)
			}
		}
		acc &= 1<<n - 1
	}
	change := func(by int) { // of the mean: 0, 64 or −64
		switch {
		case by == 0:
			put(0, 1)
		case by < 0:
			put(2, 2)
			put(uint(by+127), 7)
		default:
			put(2, 2)
			put(uint(by), 7)
		}
		put(0, 1)
	}
	last := 0
	for range (h + 15) / 16 {
		for x := range (w + 15) / 16 {
			value := -64
			if x >= w/32 {
				value = 64
			}
			for range 4 {
				by := max(min(value-last, 64), -64) // 128 would take 8 bits
				change(by)
				last += by
			}
			put(0, 2)
			put(0, 2)
		}
	}
	put(127, 7)
	return append(b, 0xff, marker.EOI)
}

// TestScanBomb refuses a small file that describes work for minutes.
func TestScanBomb(t *testing.T) {
	data := scanBomb(3000, 5000)
	began := time.Now()
	_, err := Decode(t.Context(), data, "bomb.jpg")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "more work than any photograph") {
		t.Errorf("%d bytes: %v after %v", len(data), err, time.Since(began))
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Decode(ended, data, "bomb.jpg"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// scanBomb is a grey progressive picture of side × side pixels whose scans say in a few bytes that nothing changes.
func scanBomb(side, count int) []byte {
	b := []byte{0xff, marker.SOI, 0xff, marker.DQT, 0, 67, 0}
	b = append(b, bytes.Repeat([]byte{1}, 64)...)
	b = append(b, 0xff, marker.SOF2, 0, 11, 8, byte(side>>8), byte(side), byte(side>>8), byte(side), 1, 1, 0x11, 0)
	b = append(b, 0xff, marker.DHT, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, 0xff, marker.DHT, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0) // runs of 16384 + 14 bits
	blocks := (side + 7) / 8 * ((side + 7) / 8)
	b = append(b, 0xff, marker.SOS, 0, 8, 1, 1, 0, 0, 0, 0)
	b = append(b, make([]byte, (blocks+7)/8)...)
	scan := []byte{0xff, marker.SOS, 0, 8, 1, 1, 0, 1, 63, 0x00}
	for left := blocks; left > 0; left -= 16384 {
		scan = append(scan, 0, 0) // a run of 16384, and what pads it to whole bytes
	}
	for range count {
		b = append(b, scan...)
	}
	return append(b, 0xff, marker.EOI)
}
