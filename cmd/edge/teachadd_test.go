package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTeachAddShort takes pictures from a camera that ends before there are enough: the person hears of it.
func TestTeachAddShort(t *testing.T) {
	lesson, picture := filepath.Join(t.TempDir(), "lesson"), colourPicture(t, "red.png", red)
	add := []string{"teach", "add", lesson, "--class", "red", "--camera", picture, "--count"}
	for _, c := range []struct {
		count, taken string
		short        bool
	}{{"2", "1 of 2 pictures of red taken", true}, {"1", "1 of 1 pictures of red taken", false}} {
		status, stdout, stderr := edge(append(add, c.count)...)
		if status != 0 || !strings.Contains(stdout, c.taken) || strings.Contains(stderr, "ended before that") != c.short {
			t.Errorf("--count %s: status %d, %q, %q", c.count, status, stdout, stderr)
		}
	}
}
