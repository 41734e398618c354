package lights

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edge/gpio"
)

func parseLines(t *testing.T, texts ...string) []gpio.Line {
	t.Helper()
	lines := make([]gpio.Line, len(texts))
	for i, text := range texts {
		var err error
		text, activeLow := strings.CutPrefix(text, "!")
		if lines[i], err = gpio.ParseLine(text); err != nil {
			t.Fatal(err)
		}
		lines[i].ActiveLow = activeLow
	}
	return lines
}

func TestTakenLines(t *testing.T) {
	dir := t.TempDir()
	if lines, err := TakenLines(dir); err != ErrNothingTaken {
		t.Errorf("in an empty directory: %v, %v", lines, err)
	}
	for _, want := range [][]gpio.Line{
		parseLines(t, "GPIO17", "!pin 13", `odd "label":3`, "pinctrl-rp1:GPIO4"),
		parseLines(t, "!GPIO17"), // in the place of the others
	} {
		if err := KeepTaken(dir, want); err != nil {
			t.Fatal(err)
		}
		if got, err := TakenLines(dir); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, takenFile))
	if err != nil {
		t.Fatal(err)
	}
	for n := range bytes.TrimSpace(data) {
		if lines, err := parseTaken(data[:n]); err == nil {
			t.Errorf("cut to %q: %v", data[:n], lines)
		}
	}
	if err := KeepTaken(filepath.Join(dir, "absent"), parseLines(t, "GPIO17")); err == nil {
		t.Error("no error for a directory that isn't there")
	}
	if err := KeepTaken("", parseLines(t, "GPIO17")); err != nil {
		t.Errorf("not under systemd: %v", err)
	}
}

func FuzzParseTaken(f *testing.F) {
	f.Add([]byte(`[{"line":"GPIO17","active_low":true},{"line":"pin 11"}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := parseTaken(data)
		if (err == nil) != (len(lines) > 0) {
			t.Errorf("%q: %v, %v", data, lines, err)
		}
		if err != nil {
			return
		}
		dir := t.TempDir()
		if err := KeepTaken(dir, lines); err != nil {
			t.Fatal(err)
		}
		if again, err := TakenLines(dir); err != nil || !slices.Equal(again, lines) {
			t.Errorf("%q: %v, and written and read %v, %v", data, lines, again, err)
		}
	})
}
