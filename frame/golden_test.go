package frame

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What other implementations make of the same input. testdata/golden.py writes it, and says what is in the files.

func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// farthest returns the largest difference of two pictures' samples.
func farthest(t *testing.T, got, want []byte) int {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d bytes, want %d", len(got), len(want))
	}
	worst := 0
	for i := range got {
		worst = max(worst, int(got[i])-int(want[i]), int(want[i])-int(got[i]))
	}
	return worst
}

// Both round the same real number; ±1 is where libswscale's fewer bits fall on the other side of a half.
func TestColourAgainstSwscale(t *testing.T) {
	b := golden(t, "colour.bin")
	const n = 16 * 16
	for _, m := range []Matrix{BT601, BT709} {
		for _, r := range []Range{Limited, Full} {
			planes, want := b[:3*n], b[3*n:6*n]
			b = b[6*n:]
			f := Frame{Format: YUYV, Width: 2, Height: n, Matrix: m, Range: r}
			for i := range n {
				f.Pix = append(f.Pix, planes[i], planes[n+i], planes[i], planes[2*n+i])
			}
			// Each row is one pixel twice, so resampling changes nothing.
			got := fitted(t, pixels(1, n, 3), Options{Fit: Stretch}, f)
			if worst := farthest(t, got, want); worst > 1 {
				t.Errorf("matrix %v, range %v: off by %d", m, r, worst)
			}
		}
	}
}

// OpenCV has weights of 11 bits and rounds once; here they have 8 and each direction rounds: ±1 each.
func TestResizeAgainstOpenCV(t *testing.T) {
	b := golden(t, "resize.bin")
	f := Frame{Pix: b[:40*36*3], Format: RGB24, Width: 40, Height: 36}
	b = b[40*36*3:]
	for _, size := range [][2]int{{32, 24}, {96, 100}} {
		n := size[0] * size[1] * 3
		got := fitted(t, pixels(size[0], size[1], 3), Options{Fit: Stretch}, f)
		if worst := farthest(t, got, b[:n]); worst > 2 {
			t.Errorf("%v: off by %d", size, worst)
		}
		b = b[n:]
	}
}

// The transform has libjpeg's bits, so the samples are the same.
func TestJPEGAgainstLibjpeg(t *testing.T) {
	files, _ := filepath.Glob("testdata/jpeg/*.jpg")
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	var d jpegDecoder
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".jpg")
		data := golden(t, "jpeg/"+base+".jpg")
		err := decodePlanes(&d, data)
		if base == "progressive" {
			if err == nil || !strings.Contains(err.Error(), "progressive") {
				t.Errorf("%s: %v", base, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		var want []byte
		planes := 1
		switch {
		case strings.HasPrefix(base, "444"):
			want, planes = golden(t, "jpeg/"+base+".yuv"), 3
		case base == "422-no-tables":
			want = golden(t, "jpeg/422-tables.y")
		default:
			want = golden(t, "jpeg/"+base+".y")
		}
		var got []byte
		l := d.geometry.layout()
		for i := range planes {
			for y := range l.planes[i].rows {
				got = append(got, d.pix[l.planes[i].offset+y*l.planes[i].stride:][:l.components[i].samples]...)
			}
		}
		if worst := farthest(t, got, want); worst != 0 {
			t.Errorf("%s: off by %d", base, worst)
		}
		if base != "422-no-tables" { // image/jpeg can't
			if worst, n := compare(t, &d, data); worst > 1 {
				t.Errorf("%s: %d samples differ from image/jpeg's, by %d", base, n, worst)
			}
		}
	}
}

func TestPicturesAgainstPillow(t *testing.T) {
	files, _ := filepath.Glob("testdata/pictures/*.rgb")
	if len(files) < 20 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".rgb")
		f, err := Decode(t.Context(), golden(t, "pictures/"+name), name)
		if err != nil {
			t.Error(err)
			continue
		}
		want := golden(t, "pictures/"+name+".rgb")
		if f.Format != RGB24 || f.Name != name || f.Stride != 3*f.Width {
			t.Errorf("%s: %v", name, f)
		}
		tolerance := 0
		switch filepath.Ext(name) {
		case ".jpg":
			tolerance = 3
		case ".webp":
			tolerance = 2
		}
		if strings.Contains(name, "alpha") {
			tolerance++
		}
		if worst := farthest(t, f.Pix, want); worst > tolerance {
			t.Errorf("%s: off by %d", name, worst)
		}
	}
}
