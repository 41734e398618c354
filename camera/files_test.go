package camera

import (
	"context"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"edge/frame"
)

// savePNG writes a PNG picture of that width.
func savePNG(t *testing.T, path string, width int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(f, image.NewNRGBA(image.Rect(0, 0, width, 2))), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"cat10.png", "cat9.png", "cat1.PNG", "notes.txt", "broken.jpg"} {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(strings.ToLower(name), ".png") {
			savePNG(t, path, i+1)
		} else if err := os.WriteFile(path, []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name, spec, want string
		o                Options
	}{
		{"directory", dir, "!broken.jpg cat1.PNG=3 cat9.png=2 cat10.png=1", Options{}},
		{"pattern", filepath.Join(dir, "cat?.*"), "cat1.PNG=3 cat9.png=2", Options{}},
		{"file", filepath.Join(dir, "cat10.png"), "cat10.png=1", Options{}},
		{"nothing but damaged", filepath.Join(dir, "broken.jpg"), "!broken.jpg", Options{}},
		{"nothing but damaged, endlessly", filepath.Join(dir, "broken.jpg"), "!broken.jpg none", Options{Loop: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t, tt.spec, tt.o)
			var got []string
			for f, err := range c.Frames(within(t)) {
				switch {
				case err == nil:
					got = append(got, filepath.Base(f.Name)+"="+string(rune('0'+f.Width)))
				case errors.Is(err, frame.ErrDamaged):
					_, after, _ := strings.Cut(err.Error(), dir+"/")
					name, _, _ := strings.Cut(after, ":")
					got = append(got, "!"+name)
				default:
					got = append(got, "none")
				}
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

func TestPicturesAtARate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	savePNG(t, path, 1)
	c := open(t, path, Options{FPS: 50, Loop: true})
	began := time.Now()
	n := 0
	for _, err := range c.Frames(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 6 {
			break
		}
	}
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("6 pictures at 50 a second took %v", took)
	}
}

// TestPicturesAtALowRate waits 100 s from each to the next: a loop that feeds a watchdog is to hear of it every second.
func TestPicturesAtALowRate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	savePNG(t, path, 1)
	synctest.Test(t, func(t *testing.T) {
		c := open(t, path, Options{FPS: 0.01, Loop: true})
		began, last := time.Now(), time.Now()
		pictures := 0
		for _, err := range c.Frames(t.Context()) {
			now := time.Now()
			if gap := now.Sub(last); gap > time.Second {
				t.Fatalf("%v without a word, after %v", gap, last.Sub(began))
			}
			last = now
			if err != nil && !errors.Is(err, ErrNotYet) {
				t.Fatal(err)
			}
			if err != nil {
				continue
			}
			if due := time.Duration(pictures) * 100 * time.Second; now.Sub(began) != due {
				t.Errorf("picture %d came after %v", pictures, now.Sub(began))
			}
			if pictures++; pictures == 4 {
				break
			}
		}
	})
}

// TestPicturesAtAnAbsurdRate asks for a pause that no clock holds: one picture, and then the end of the context.
func TestPicturesAtAnAbsurdRate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.png")
	savePNG(t, path, 1)
	for _, fps := range []float64{1e-9, 1e-12, 5e-324} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), time.Hour)
			defer stop()
			pictures := 0
			for _, err := range open(t, path, Options{FPS: fps, Loop: true}).Frames(ctx) {
				if err == nil {
					pictures++
				}
			}
			if pictures != 1 {
				t.Errorf("%v frames a second gave %d pictures in an hour", fps, pictures)
			}
		})
	}
}

func TestCompareNatural(t *testing.T) {
	want := []string{
		"", "01", "1", "2", "10", "18446744073709551616", "a", "a1", "a1b", "a1b2", "a2", "a2b1", "a10", "a010b", "b",
	}
	for seed := range want {
		got := slices.Clone(want)
		slices.Reverse(got[seed:])
		slices.SortFunc(got, compareNatural)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q", got)
		}
	}
}
