package frame

import (
	"bytes"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

func TestDecodeSharedPhotographs(t *testing.T) {
	files, _ := filepath.Glob("../../shared/images/*.jpg")
	if len(files) == 0 {
		t.Skip("../shared/images isn't here")
	}
	for _, name := range files[:20] {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Decode(t.Context(), data, name)
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if f.Width != img.Bounds().Dx() || f.Height != img.Bounds().Dy() {
			t.Fatalf("%s: %d×%d, want %v", name, f.Width, f.Height, img.Bounds())
		}
		for y := range f.Height {
			for x := range f.Width {
				r, g, b, _ := img.At(x, y).RGBA()
				p := f.Pix[y*f.Stride+3*x:]
				if p[0] != byte(r>>8) || p[1] != byte(g>>8) || p[2] != byte(b>>8) {
					t.Fatalf("%s: pixel %d,%d is %v", name, x, y, p[:3])
				}
			}
		}
	}
}
