package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTeachAddShort takes pictures from a camera that ends before there are enough: that is a failure, which says how many
// there are, and they stay.
func TestTeachAddShort(t *testing.T) {
	lesson, picture := filepath.Join(t.TempDir(), "lesson"), colourPicture(t, "red.png", red)
	for i, c := range []struct {
		count, stdout, stderr string
		status                int
	}{
		{"2", "1 of 2 pictures of red taken", "1 of 2 pictures were taken and are kept: " + picture + " ended before that", statusFailed},
		{"1", "1 of 1 pictures of red taken", "", 0},
	} {
		status, stdout, stderr := edge("teach", "add", lesson, "--class", "red", "--camera", picture, "--count", c.count)
		if status != c.status || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) || (stderr == "") != (status == 0) {
			t.Errorf("--count %s: status %d, %q, %q", c.count, status, stdout, stderr)
		}
		if kept, err := filepath.Glob(filepath.Join(lesson, "red", "*.jpg")); err != nil || len(kept) != i+1 {
			t.Errorf("--count %s: %d pictures are there, %v", c.count, len(kept), err)
		}
	}
}
