package frame

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"edge/internal/files"
)

// TestReadFile reads a picture, and neither waits for what isn't a file nor goes on when nobody wants the picture.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	name, pipe := filepath.Join(dir, "rgb.png"), filepath.Join(dir, "pipe.jpg")
	if err := errors.Join(os.WriteFile(name, golden(t, "pictures/rgb.png"), 0o600), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(t.Context(), name)
	if err != nil || f.Name != name || farthest(t, f.Pix, golden(t, "pictures/rgb.png.rgb")) != 0 {
		t.Errorf("%v, %v", f.Name, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx  context.Context
		name string
		want error
	}{
		{t.Context(), pipe, files.ErrNotRegular},
		{t.Context(), dir, files.ErrNotRegular},
		{t.Context(), filepath.Join(dir, "none.jpg"), fs.ErrNotExist},
		{ended, name, context.Canceled},
	} {
		if _, err := ReadFile(c.ctx, c.name); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// endsAfter is a context that ends when it has been asked so many times.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestDecodeStops ends the context while a picture of each kind is decoded.
func TestDecodeStops(t *testing.T) {
	for name, after := range map[string]int{
		"pictures/rgb.png": 1, "pictures/rgb.bmp": 1, "pictures/lossy.webp": 1, "pictures/lossless.webp": 1,
		"pictures/rgb.jpg": 0, "jpeg/422-no-tables.jpg": 2,
	} {
		data := golden(t, name)
		if _, err := Decode(&endsAfter{t.Context(), after}, data, name); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPictureType(t *testing.T) {
	for name, want := range map[string]string{
		"a.jpg": "image/jpeg", "b/IMG.JPEG": "image/jpeg", "c.png": "image/png", "d.WebP": "image/webp", "e.bmp": "image/bmp",
		"a.jpg.txt": "", "README.md": "", "jpg": "", "": "",
	} {
		if got := PictureType(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
