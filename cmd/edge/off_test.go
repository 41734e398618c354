package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edge/gpio"
	"edge/lights"
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

// TestRunKeepsLines breaks the configuration of a run: edge off still tries the lines that the run took. (That the LEDs
// go out then is shown where there are some, in e2e.)
func TestRunKeepsLines(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir+":/elsewhere")
	config := runFiles(t, "leds: [{name: r, line: taken-chip:17, classes: red, active_low: true}]\n")
	picture := colourPicture(t, "red.png", red)
	expectFailure(t, statusFailed, []string{"edge: gpio: "}, "run", "--config", config, "--camera", picture)
	if lines, err := lights.TakenLines(dir); err != nil || !slices.Equal(lines, parseLines(t, "!taken-chip:17")) {
		t.Fatalf("%v, %v", lines, err)
	}
	write(t, config, []byte("leds: [{colour: red}]"))
	expectFailure(t, statusConfig, []string{"gpio: ", config, "colour"}, "off", "--config", config)

	t.Setenv("RUNTIME_DIRECTORY", "")
	status, _, stderr := edge("off", "--config", config)
	if status != statusConfig || strings.Contains(stderr, "gpio") {
		t.Errorf("by hand: status %d, %s", status, stderr)
	}
}

// TestOffGarbled is about what edge run can't have written: a person is told, and the configuration still counts.
func TestOffGarbled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir)
	off := func(config string) (status int, stderr string) {
		status, _, stderr = edge("off", "--config", config)
		return status, stderr
	}
	dark, wired := runFiles(t, ""), runFiles(t, "leds: [{name: r, line: own-chip:17, classes: red}]\n")
	if status, stderr := off(dark); status != 0 || stderr != "" {
		t.Errorf("nothing taken: status %d, %q", status, stderr)
	}
	for what, text := range map[string]string{
		"empty":         "",
		"no JSON":       "\x00\xff leds",
		"cut off":       `[{"line":"taken-chip:1`,
		"no list":       `{"line":"taken-chip:17"}`,
		"no lines":      "[]",
		"nothing":       "null",
		"no line":       `[{"active_low":true}]`,
		"a bare number": `[{"line":"17"}]`,
		"odd types":     `[{"line":17}]`,
		"twice":         `[{"line":"taken-chip:17"},{"line":"taken-chip:17"}]`,
		"deep":          strings.Repeat("[", 60000),
		"huge":          `[{"line":"` + strings.Repeat("x", 1<<20) + `"}]`,
	} {
		write(t, filepath.Join(dir, "leds.json"), []byte(text))
		if status, stderr := off(dark); status != statusFailed || stderr == "" {
			t.Errorf("%s: status %d, %q", what, status, stderr)
		}
		if status, stderr := off(wired); status != statusFailed || !strings.Contains(stderr, "gpio: ") {
			t.Errorf("%s: status %d, %q", what, status, stderr)
		}
	}
	if err := os.Remove(filepath.Join(dir, "leds.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "leds.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if status, stderr := off(dark); status != statusFailed || !strings.Contains(stderr, "directory") {
		t.Errorf("a directory: status %d, %q", status, stderr)
	}
}
