package frame

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"edge/internal/marker"
)

// photoLike is a picture with smooth parts, edges and noise.
func photoLike(w, h int, seed uint64) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{byte(x * 255 / w), byte(y * 255 / h), byte((x + y) * 2), 255}
			if (x/37+y/23)%5 == 0 {
				c = color.RGBA{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(60)), 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func encoded(t testing.TB, img image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decodePlanes decodes all of a picture.
func decodePlanes(d *jpegDecoder, data []byte) error {
	if err := d.start(data); err != nil {
		return err
	}
	everything := rect{0, 0, maxSide, maxSide}
	return d.decode(&[4]rect{everything, everything, everything, everything})
}

// compare returns the largest difference of a decoded picture's planes from those that image/jpeg finds.
func compare(t testing.TB, d *jpegDecoder, data []byte) (worst, count int) {
	t.Helper()
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	l := d.geometry.layout()
	for i, c := range l.components {
		p := l.planes[i]
		for y := range p.rows {
			for x := range c.samples {
				var want byte
				switch img := img.(type) {
				case *image.Gray:
					want = img.Pix[y*img.Stride+x]
				case *image.YCbCr:
					stride := []int{img.YStride, img.CStride, img.CStride}[i]
					want = [][]byte{img.Y, img.Cb, img.Cr}[i][y*stride+x]
				}
				diff := int(d.pix[p.offset+y*p.stride+x]) - int(want)
				worst = max(worst, diff, -diff)
				if diff != 0 {
					count++
				}
			}
		}
	}
	return worst, count
}

func TestJPEGAgainstImageJPEG(t *testing.T) {
	var d jpegDecoder
	for _, quality := range []int{1, 30, 75, 90, 100} {
		for _, size := range []image.Point{{64, 48}, {1, 1}, {17, 33}, {100, 9}, {640, 480}} {
			data := encoded(t, photoLike(size.X, size.Y, 1), quality)
			if err := decodePlanes(&d, data); err != nil {
				t.Fatal(quality, size, err)
			}
			if worst, n := compare(t, &d, data); worst > 1 {
				t.Errorf("quality %d, %v: %d samples differ, by %d", quality, size, n, worst)
			}
		}
	}
}

func TestJPEGSharedPhotographs(t *testing.T) {
	files, _ := filepath.Glob("../../shared/images/*.jpg")
	if len(files) == 0 {
		t.Skip("../shared/images isn't here")
	}
	var d jpegDecoder
	for _, name := range files[:50] {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodePlanes(&d, data); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if worst, n := compare(t, &d, data); worst > 1 {
			t.Errorf("%s: %d samples differ, by %d", name, n, worst)
		}
	}
}

func TestTruncatedJPEG(t *testing.T) {
	data := encoded(t, photoLike(160, 120, 1), 80)
	fitter, err := NewFitter(rgb224, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 224*224*3)
	for n := range len(data) - 2 { // the end marker may be missing
		if err := fitter.Fit(dst, Frame{Pix: data[:n], Format: MJPEG}); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if err := fitter.Fit(dst, Frame{Pix: data, Format: MJPEG}); err != nil {
		t.Error(err)
	}
}

func BenchmarkJPEG(b *testing.B) {
	files, _ := filepath.Glob("../../shared/images/000*.jpg")
	photo := encoded(b, photoLike(640, 480, 1), 85)
	if len(files) > 0 {
		photo, _ = os.ReadFile(files[0])
	}
	b.Run("own", func(b *testing.B) {
		var d jpegDecoder
		b.ReportAllocs()
		for b.Loop() {
			if err := decodePlanes(&d, photo); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(photo)), "bytes")
	})
	b.Run("image", func(b *testing.B) {
		for b.Loop() {
			_, _ = jpeg.Decode(bytes.NewReader(photo))
		}
	})
}

func BenchmarkInverse(b *testing.B) {
	var bl block
	var out [64]byte
	r := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		for k := range 20 {
			bl.set(zigzag[k], int32(r.Uint32()%64)-32)
		}
		bl.inverse(out[:], 8)
	}
}

// A frame in MJPEG gives what the same samples give in YU12, whatever part of it is wanted: blocks that are left out
// don't matter.
func TestFitMJPEGIsFitYU12(t *testing.T) {
	data := encoded(t, photoLike(160, 120, 1), 90)
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	planes := img.(*image.YCbCr)
	video := Frame{Format: YU12, Width: 160, Height: 120, Range: Full}
	for y := range 120 {
		video.Pix = append(video.Pix, planes.Y[y*planes.YStride:][:160]...)
	}
	for _, p := range [][]byte{planes.Cb, planes.Cr} {
		for y := range 60 {
			video.Pix = append(video.Pix, p[y*planes.CStride:][:80]...)
		}
	}
	for _, o := range []Options{
		{},
		{Fit: Stretch},
		{Fit: Letterbox, Rotate: 90},
		{ROI: ROI{100, 3, 50, 60}},
		{ROI: ROI{0.01, 0.7, 0.2, 0.25}, Rotate: 180, Mirror: true},
		{ROI: ROI{31, 63, 3, 2}, Fit: Stretch},
	} {
		for _, channels := range []int{3, 1} {
			spec := pixels(40, 30, channels)
			got := fitted(t, spec, o, Frame{Pix: data, Format: MJPEG})
			if worst := farthest(t, got, fitted(t, spec, o, video)); worst > 3 { // image/jpeg's samples may differ by 1
				t.Errorf("%+v, %d channels: off by %d", o, channels, worst)
			}
		}
	}
}

func TestFitMJPEGTakesJPEGsSize(t *testing.T) {
	fitter, _ := NewFitter(rgb224, Options{ROI: ROI{300, 200, 100, 100}})
	dst := make([]byte, 224*224*3)
	large, small := encoded(t, photoLike(640, 480, 1), 60), encoded(t, photoLike(64, 48, 1), 60)
	if err := fitter.Fit(dst, Frame{Pix: large, Format: MJPEG, Width: 1, Height: 1}); err != nil {
		t.Error(err)
	}
	// A region outside the picture is the fault of the options, unless the camera announced another size.
	err := fitter.Fit(dst, Frame{Pix: small, Format: MJPEG, Width: 64, Height: 48})
	if err == nil || errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if err := fitter.Fit(dst, Frame{Pix: small, Format: MJPEG, Width: 640, Height: 480}); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

// Cameras pad: with zeros, with the rest of an earlier frame, after an end marker or without one.
func TestMJPEGPadding(t *testing.T) {
	data := golden(t, "jpeg/422-no-tables.jpg")
	var d jpegDecoder
	for _, padding := range []string{"", "\x00\x00\x00\x00", "AVI1 something", "\xff\xff\xff", string(data)} {
		for _, end := range []int{len(data), len(data) - 2} {
			if err := decodePlanes(&d, append(bytes.Clone(data[:end]), padding...)); err != nil {
				t.Errorf("%q: %v", padding, err)
			}
		}
	}
}

// Tables that one picture brings mustn't serve for the next that brings none.
func TestMJPEGTablesAreThePictures(t *testing.T) {
	var d jpegDecoder
	for _, name := range []string{"444-optimized", "422-no-tables", "422-tables", "444-optimized", "422-no-tables"} {
		if err := decodePlanes(&d, golden(t, "jpeg/"+name+".jpg")); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if worst := farthest(t, d.pix[:d.geometry.width], golden(t, "jpeg/422-tables.y")[:d.geometry.width]); worst != 0 {
		t.Errorf("off by %d", worst)
	}
}

func TestMJPEGDamage(t *testing.T) {
	good := golden(t, "jpeg/420-restart.jpg")
	header := bytes.Index(good, []byte{0xff, marker.SOF0})
	with := func(at int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	restart := bytes.Index(good, []byte{0xff, marker.RST0 + 0})
	var d jpegDecoder
	for name, data := range map[string][]byte{
		"no start":          good[1:],
		"12 bits":           with(header+4, 12),
		"no width":          with(header+7, 0, 0),
		"huge":              with(header+5, 0x7f, 0xff, 0x7f, 0xff),
		"2 components":      with(header+9, 2),
		"sampling of 0":     with(header+11, 0x02),
		"sampling of 3":     with(header+11, 0x31),
		"arithmetic":        with(header+1, 0xc9),
		"lossless":          with(header+1, 0xc3),
		"wrong restart":     with(restart+1, marker.RST0+3),
		"no restart":        with(restart, 0, 0),
		"two frame headers": append(append(bytes.Clone(good[:header]), good[header:header+19]...), good[header:]...),
		"end at once":       {0xff, marker.SOI, 0xff, marker.EOI},
		"many tables": append(append(bytes.Clone(good[:header]), bytes.Repeat(append([]byte{0xff, marker.DHT, 0, 19, 0},
			make([]byte, 16)...), 2000)...), good[header:]...),
		"no tables at all": append([]byte{0xff, marker.SOI}, good[header:]...),
	} {
		if err := decodePlanes(&d, data); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := decodePlanes(&d, good); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// greyParts takes a grey picture apart: the headers before its frame header, those between that and the scan's, and the
// scan's data.
func greyParts(t *testing.T, plane *image.Gray) (tables, huffman, data []byte) {
	t.Helper()
	b := encoded(t, plane, 80)
	sof, sos := bytes.Index(b, []byte{0xff, marker.SOF0}), bytes.Index(b, []byte{0xff, marker.SOS})
	return b[2:sof], b[sof+2+11 : sos], b[sos+2+8 : len(b)-2]
}

// A picture whose components come one after the other: three grey pictures in one.
func TestJPEGScanPerComponent(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	sizes := []image.Point{{43, 27}, {22, 14}, {22, 14}}
	var picture, scans, tables, huffman []byte
	for i, size := range sizes {
		plane := image.NewGray(image.Rectangle{Max: size})
		for j := range plane.Pix {
			plane.Pix[j] = byte(r.IntN(256))
		}
		var data []byte
		tables, huffman, data = greyParts(t, plane)
		scans = append(append(scans, 0xff, marker.SOS, 0, 8, 1, byte(i+1), 0, 0, 63, 0), data...)
	}
	picture = append([]byte{0xff, marker.SOI}, tables...)
	picture = append(picture, 0xff, marker.SOF0, 0, 17, 8, 0, 27, 0, 43, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0)
	picture = append(append(picture, huffman...), scans...)

	var d jpegDecoder
	whole := append(bytes.Clone(picture), 0xff, marker.EOI)
	if err := decodePlanes(&d, whole); err != nil {
		t.Fatal(err)
	}
	if worst, n := compare(t, &d, whole); worst > 1 {
		t.Errorf("%d samples differ, by %d", n, worst)
	}
	// The first component's scan, again instead of the last one's.
	second := bytes.Clone(whole)
	at := bytes.LastIndex(second, []byte{0xff, marker.SOS})
	second[at+5] = 1
	if err := decodePlanes(&d, second); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	// No third scan.
	if err := decodePlanes(&d, append(second[:at:at], 0xff, marker.EOI)); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}
