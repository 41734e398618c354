package camera

import (
	"errors"
	"testing"
)

// A camera that isn't there yet is an error, or lost for who wants to wait for it.
func TestWaitsForDevice(t *testing.T) {
	const missing = "/dev/video-that-is-not-there"
	if _, err := openSpec(missing, Options{}); err == nil || errors.Is(err, ErrLost) {
		t.Fatalf("opening it gave %v", err)
	}
	c, err := openSpec(missing, Options{Wait: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reports := 0
	for _, err := range elements(t.Context(), c) {
		if !errors.Is(err, ErrLost) {
			t.Fatalf("the sequence gave %v", err)
		}
		if reports++; reports == 2 {
			break
		}
	}
	if reports != 2 {
		t.Fatalf("%d reports of a camera that is lost", reports)
	}
}
