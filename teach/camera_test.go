package teach

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"edge/frame"
)

// TestDropEmpty holds that a class that is still to come keeps no other one from being taught.
func TestDropEmpty(t *testing.T) {
	b := smallBackbone(t)
	dir := paintLesson(t, 3)
	for _, class := range []string{"a new one", "zebra"} { // before and after the others
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Read(t.Context(), dir, b, frame.Options{}, nil)
	if err == nil || l == nil {
		t.Fatalf("classes without pictures: %v", err)
	}
	l.DropEmpty()
	if got := strings.Join(l.Classes, " "); got != "bands dots stripes" {
		t.Errorf("classes %q", got)
	}
	for _, p := range l.Pictures {
		if l.Classes[p.Class] != filepath.Base(filepath.Dir(p.File)) {
			t.Errorf("%s became %s", p.File, l.Classes[p.Class])
		}
	}
	if _, err := Teach(l, b, time.Now()); err != nil {
		t.Error(err)
	}
}

// TestStale holds that features of another part of the pictures are noticed without reading the pictures.
func TestStale(t *testing.T) {
	b := smallBackbone(t)
	dir := paintLesson(t, 1)
	part := frame.Options{ROI: frame.ROI{X: 0.25, Y: 0.25, Width: 0.5, Height: 0.5}}
	if Stale(dir, b, part) {
		t.Error("a lesson that was never taught")
	}
	read(t, dir, b)
	if Stale(dir, b, frame.Options{}) || !Stale(dir, b, part) {
		t.Error("a lesson that was taught with all of the picture")
	}
	if err := b.SetFit(part); err != nil {
		t.Fatal(err)
	}
	if l, err := Read(t.Context(), dir, b, part, nil); err != nil || l.Computed != 3 {
		t.Errorf("%v", err)
	}
	if !Stale(dir, b, frame.Options{}) || Stale(dir, b, part) {
		t.Error("a lesson that was taught with a part of the picture")
	}
}

// TestWhyFrame holds that a frame and its file are explained alike, and that its own fit counts.
func TestWhyFrame(t *testing.T) {
	b := smallBackbone(t)
	l := read(t, paintLesson(t, 3), b)
	taught, err := Teach(l, b, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := l.Pictures[4].File
	want, err := taught.Why(t.Context(), l, b, file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.ReadFile(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := taught.WhyFrame(l, b, f, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want.File = ""
	if !reflect.DeepEqual(got, want) || got.Nearest[0].File != file || len(got.Nearest) != nearest {
		t.Errorf("%+v, want %+v", got, want)
	}
	turned, err := taught.WhyFrame(l, b, f, frame.Options{Rotate: 90})
	if err != nil || turned.Nearest[0].Cosine >= got.Nearest[0].Cosine {
		t.Errorf("%+v, %v", turned, err)
	}
	if _, err := taught.WhyFrame(l, b, f, frame.Options{ROI: frame.ROI{X: 90, Width: 90, Height: 9}}); err == nil {
		t.Error("a part outside the frame")
	}
}
