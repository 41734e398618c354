package frame

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func addFiles(f *testing.F, pattern string) {
	files, _ := filepath.Glob(pattern)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// Whatever a camera sends as MJPEG, it is fitted or damaged, and all of the tensor depends on this frame alone.
func FuzzFitMJPEG(f *testing.F) {
	addFiles(f, "testdata/jpeg/*.jpg")
	spec := pixels(24, 24, 3)
	used, _ := NewFitter(spec, Options{})
	a, b := make([]byte, 24*24*3), make([]byte, 24*24*3)
	f.Fuzz(func(t *testing.T, data []byte) {
		original := bytes.Clone(data)
		frame := Frame{Pix: data, Format: MJPEG}
		err := used.Fit(a, frame)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%v", err)
		}
		fresh, _ := NewFitter(spec, Options{})
		if again := fresh.Fit(b, frame); (err == nil) != (again == nil) {
			t.Errorf("first %v, then %v", err, again)
		}
		if err == nil && !bytes.Equal(a, b) {
			t.Error("a Fitter that has seen other frames makes something else of this one")
		}
		if !bytes.Equal(data, original) {
			t.Error("the frame was changed")
		}
	})
}

// Whatever the file, Decode gives a whole picture or an error, and takes no more memory than it says.
func FuzzDecodePicture(f *testing.F) {
	addFiles(f, "testdata/pictures/*[!rb]") // not *.rgb
	addFiles(f, "testdata/files/*.jpg")
	f.Add(bmpFile(124, 3, []uint32{0xff0000, 0xff00, 0xff, 0xff000000}, 1, 2, 3, 128))
	f.Add(bmpFile(40, 3, []uint32{0xf800, 0x7e0, 0x1f}, 1, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := Decode(t.Context(), data, "fuzz")
		runtime.ReadMemStats(&after)
		const slack = 8 << 20 // decoders' tables and buffers, mostly garbage
		if used := after.TotalAlloc - before.TotalAlloc; used > maxMemory+slack {
			t.Errorf("%d MiB were allocated", used>>20)
		}
		if err != nil {
			return
		}
		if p.Format != RGB24 || p.Width < 1 || p.Height < 1 || len(p.Pix) != p.Width*p.Height*3 {
			t.Errorf("%d×%d %v of %d bytes", p.Width, p.Height, p.Format, len(p.Pix))
		}
	})
}

// Whatever the JPEG file, our own decoder reads or refuses it, in every size, and makes a smaller picture of it if it makes
// a large one.
func FuzzJPEGFile(f *testing.F) {
	addFiles(f, "testdata/files/*.jpg")
	addFiles(f, "testdata/jpeg/*.jpg")
	addFiles(f, "testdata/pictures/*.jpg")
	f.Fuzz(func(t *testing.T, data []byte) {
		everything := rect{0, 0, maxSide, maxSide}
		for _, block := range []int{8, 4, 2, 1} {
			d := &jpegDecoder{file: &jpegFile{ctx: t.Context(), transform: noAdobe}}
			if d.start(data) != nil {
				return
			}
			d.geometry.block = block
			if d.fileBytes() > maxMemory/8 {
				return
			}
			err := d.decode(&[4]rect{everything, everything, everything, everything})
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			width, height := d.geometry.scaled()
			if p := d.rgb(Options{}); len(p.Pix) != 3*width*height || width < 1 || height < 1 {
				t.Errorf("%d×%d pixels of %d bytes", width, height, len(p.Pix))
			}
		}
	})
}

// Whatever the geometry, Fit stays inside the frame and the tensor, and fills it.
func FuzzFit(f *testing.F) {
	f.Add(uint8(YUYV), 64, 48, 0, uint8(0), 0.5, uint8(0), false, uint8(16), uint8(12), 0.0, 0.0, 0.0, 0.0, 0)
	f.Add(uint8(NV12), 33, 27, 40, uint8(1), 1.0, uint8(1), true, uint8(9), uint8(30), 0.1, 0.2, 0.5, 0.5, 3)
	f.Add(uint8(NV16), 33, 27, 40, uint8(1), 1.0, uint8(1), true, uint8(9), uint8(30), 0.1, 0.2, 0.5, 0.5, 3)
	f.Add(uint8(Y10), 33, 27, 70, uint8(1), 1.0, uint8(1), true, uint8(9), uint8(30), 0.1, 0.2, 0.5, 0.5, 3)
	f.Add(uint8(YU12), 5, 7, 8, uint8(2), 0.0, uint8(3), true, uint8(96), uint8(1), 1.0, 2.0, 3.0, 4.0, 0)
	f.Fuzz(func(
		t *testing.T, format uint8, w, h, stride int, fit uint8, fraction float64, turns uint8, mirror bool,
		tw, th uint8, x, y, rw, rh float64, short int,
	) {
		if w > 200 || h > 200 || stride > 2000 {
			return
		}
		o := Options{
			Fit: FitMode(fit), Fraction: fraction, ROI: ROI{x, y, rw, rh}, Rotate: int(turns) * 90, Mirror: mirror,
		}
		spec := pixels(int(tw), int(th), 1+int(format>>7)*2)
		fitter, err := NewFitter(spec, o)
		if err != nil {
			return
		}
		frame := Frame{Format: Format(format & 31), Width: w, Height: h, Stride: stride}
		if frame.Format == MJPEG {
			return
		}
		size := 0
		if w > 0 && h > 0 && stride >= 0 {
			size = frame.Format.FrameSize(w, h, stride)
			size = max(size-max(short, 0)%8, 0)
		}
		frame.Pix = bytes.Repeat([]byte{100}, size+64)[:size:size]
		dst := bytes.Repeat([]byte{7}, int(tw)*int(th)*spec.Channels)
		if err := fitter.Fit(dst, frame); err != nil {
			return
		}
		for i, v := range dst { // of a frame that is all 100, no byte of the tensor is a 7
			if v == 7 {
				t.Fatalf("byte %d of the tensor wasn't written", i)
			}
		}
	})
}

// What ParseROI takes, String says and ParseROI takes again, and it lies in every picture that is large enough.
func FuzzParseROI(f *testing.F) {
	for _, s := range []string{
		"0,0,1,1", "0.25,0,0.5,1", "160, 0, 320, 480", "1e-9,0,0.1,0.1", "NaN,0,1,1", "0,0,-1,1", "1,2,3",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseROI(s)
		if err != nil {
			return
		}
		if again, err := ParseROI(r.String()); err != nil || again != r {
			t.Errorf("%q is %+v, but its %q is %+v, %v", s, r, r.String(), again, err)
		}
		const side = 2 * maxSide
		in, err := r.in(side, side)
		if err != nil || min(in.x, in.y) < 0 || min(in.w, in.h) < 1 || max(in.x+in.w, in.y+in.h) > side {
			t.Errorf("%q is %+v, %v", s, in, err)
		}
	})
}
