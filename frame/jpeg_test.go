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
	return d.decode(&[3]rect{everything, everything, everything})
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
