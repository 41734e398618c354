package frame

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"edge/internal/marker"
)

// TestAppendJPEG takes the tables out of a picture that has the standard's, as Go's encoder makes, and puts them back.
func TestAppendJPEG(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 40, 24), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = byte(i * 7)
	}
	var whole bytes.Buffer
	if err := jpeg.Encode(&whole, img, nil); err != nil {
		t.Fatal(err)
	}
	if got := AppendJPEG([]byte("x"), whole.Bytes()); !bytes.Equal(got[1:], whole.Bytes()) {
		t.Error("a whole picture has changed")
	}
	at := bytes.Index(whole.Bytes(), []byte{0xff, marker.DHT})
	scan, hasTables := scanOf(whole.Bytes())
	if at < 0 || scan < at || !hasTables {
		t.Fatalf("tables at %d, scan at %d", at, scan)
	}
	without := append(bytes.Clone(whole.Bytes()[:at]), whole.Bytes()[scan:]...)
	if _, err := jpeg.Decode(bytes.NewReader(without)); err == nil {
		t.Fatal("it can be read without tables")
	}
	got, err := jpeg.Decode(bytes.NewReader(AppendJPEG(nil, without)))
	if err != nil {
		t.Fatal(err)
	}
	want, err := jpeg.Decode(bytes.NewReader(whole.Bytes()))
	if err != nil || !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) {
		t.Errorf("another picture, %v", err)
	}
	for n := range without {
		AppendJPEG(nil, without[:n])
	}
}
