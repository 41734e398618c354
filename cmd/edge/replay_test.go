package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recordedRun runs pictures, records them, and returns the recording's folder and the configuration.
func recordedRun(t *testing.T) (dir, config string) {
	t.Helper()
	config = runFiles(t, rules)
	pictures := pictureFolder(t, pngOf(t, red), pngOf(t, green), pngOf(t, red), pngOf(t, blue))
	dir = filepath.Join(t.TempDir(), "record")
	if status, _, stderr := edge("run", "--config", config, "--camera", pictures, "--leds", "none", "--record", dir); status != 0 {
		t.Fatal(stderr)
	}
	return dir, config
}

func TestReplay(t *testing.T) {
	dir, config := recordedRun(t)
	status, stdout, stderr := edge("replay", dir)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	var edges []string
	for line := range strings.Lines(stdout) {
		if _, what, ok := strings.Cut(line, "#"); ok {
			edges = append(edges, strings.TrimSpace(what))
		}
	}
	want := []string{
		"0  starting",
		"1  watching  1.00 red", "1  r dark → steady  1.00 red",
		"2  r steady → dark  1.00 green", "2  g dark → steady  1.00 green",
		"3  r dark → steady  1.00 red", "3  g steady → dark  1.00 red",
		"4  r steady → dark  1.00 blue",
	}
	if !slices.Equal(edges, want) {
		t.Errorf("got  %q\nwant %q", edges, want)
	}
	for _, words := range []string{"5 moments", "5 of 5 changes", "4 of 4 pictures gave the recorded bytes"} {
		if !strings.Contains(stdout, words) {
			t.Errorf("%q isn't in %s", words, stdout)
		}
	}

	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	swapped := filepath.Join(filepath.Dir(config), "swapped.yaml")
	write(t, swapped, []byte(strings.Replace(string(text), "name: r, classes: red", "name: r, classes: blue", 1)))
	page := filepath.Join(t.TempDir(), "timeline.html")
	status, stdout, stderr = edge("replay", dir, "--config", swapped, "--html", page)
	if status != 0 || strings.Count(stdout, "r: was steady, would be dark") != 2 || strings.Count(stdout, "r: was dark, would be steady") != 1 {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	if drawn, err := os.ReadFile(page); err != nil || !strings.Contains(string(drawn), "<svg") {
		t.Errorf("%v", err)
	}
	if status, stdout, stderr = edge("replay", dir, "--model", colourModel(t)); status != 0 || !strings.Contains(stdout, "5 of 5 changes") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	data, err := os.ReadFile(colourModel(t))
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.tflite")
	write(t, other, append(data, 0)) // another file, the same network
	status, stdout, stderr = edge("replay", dir, "--model", other)
	if status != 0 || !strings.Contains(stdout, "only the 4 moments whose frames were kept") || !strings.Contains(stdout, "Nothing would have been different") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
}

// TestReplayOfAnotherMachine runs a recording again that was made on an emulated arm64 board (Cortex-A76, kernels
// neon-dot), of the network inside the program, with a camera that was lost on the way: the same bytes from its pictures,
// and each change at its frame.
//
//	GOARCH=arm64 go build -o edge-arm64 ./cmd/edge
//	qemu-aarch64 -cpu cortex-a76 ./edge-arm64 run --config cmd/edge/testdata/arm64.yaml --leds none --record DIR --camera \
//		'exec:for f in coffee cat cat coffee coffee; do cat examples/$f.jpg; sleep 2; done; sleep 3; cat examples/wall.jpg; sleep 2'
func TestReplayOfAnotherMachine(t *testing.T) {
	status, stdout, stderr := edge("replay", "testdata/arm64.rec")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s%s", status, stdout, stderr)
	}
	want, err := os.ReadFile("testdata/arm64.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(stdout) {
		if _, after, ok := strings.Cut(line, "#"); ok { // without the time, which is the zone's
			line = "#" + after
		}
		got.WriteString(line)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

func TestReplayErrors(t *testing.T) {
	dir, _ := recordedRun(t)
	expectFailure(t, statusConfig, []string{"name one recording"}, "replay")
	expectFailure(t, statusConfig, []string{"no recording in it"}, "replay", t.TempDir())
	expectFailure(t, statusConfig, []string{"no such file"}, "replay", dir, "--config", "absent.yaml")
	expectFailure(t, statusConfig, []string{"no such file"}, "replay", dir, "--model", "absent.tflite")
	expectFailure(t, statusConfig, []string{"export RECORDING"}, "record", "export", dir)
}

func TestRecordExport(t *testing.T) {
	dir, _ := recordedRun(t)
	out := filepath.Join(t.TempDir(), "pictures")
	if status, stdout, stderr := edge("record", "export", dir, "--out", out); status != 0 || !strings.Contains(stdout, "4 pictures") {
		t.Fatalf("status %d, %s%s", status, stdout, stderr)
	}
	for class, n := range map[string]int{"red": 2, "green": 1, "blue": 1} {
		files, err := filepath.Glob(filepath.Join(out, class, "*.png"))
		if err != nil || len(files) != n {
			t.Errorf("%s: %q, %v", class, files, err)
		}
		for _, file := range files {
			if _, stdout, stderr := edge("classify", "--model", colourModel(t), "--json", file); !strings.Contains(stdout, `"label":"`+class+`","score":0.99`) {
				t.Errorf("%s: %s%s", file, stdout, stderr)
			}
		}
	}
}

// TestRecordingWithoutPassword holds that a recording, which people may give to others, has no password in it.
func TestRecordingWithoutPassword(t *testing.T) {
	text := "page: {listen: \"127.0.0.1:80\", password: pbkdf2-sha256$1$a$b}\npage:\n  view_password: pbkdf2-sha256$1$c$d # x\n"
	if got := withoutPasswords([]byte(text)); strings.Contains(got, "pbkdf2") || !strings.Contains(got, "# x") {
		t.Errorf("%q", got)
	}
}

// TestStatus runs as a service does, with a runtime directory.
func TestStatus(t *testing.T) {
	dir := t.TempDir()
	expectFailure(t, statusFailed, []string{"doesn't run as a service"}, "status", "--dir", dir)
	t.Setenv("RUNTIME_DIRECTORY", dir)
	config := runFiles(t, rules)
	pictures := pictureFolder(t, slices.Repeat([][]byte{pngOf(t, red), pngOf(t, green)}, 8)...)
	if status, _, stderr := edge("run", "--config", config, "--camera", pictures, "--leds", "none", "--fps", "12"); status != 0 {
		t.Fatal(stderr)
	}
	status, stdout, stderr := edge("status", "--dir", dir)
	if status != 0 {
		t.Fatal(stderr)
	}
	for _, words := range []string{"watching", "frames a second", "last changes", "r", "steady", "record   " + filepath.Join(dir, "record")} {
		if !strings.Contains(stdout, words) {
			t.Errorf("%q isn't in %s", words, stdout)
		}
	}
	if status, stdout, _ = edge("replay", filepath.Join(dir, "record")); status != 0 || !strings.Contains(stdout, "17 moments") {
		t.Errorf("status %d, %s", status, stdout)
	}
}

func TestPassword(t *testing.T) {
	var out strings.Builder
	status := Main(t.Context(), []string{"password"}, streams{strings.NewReader("a long password\n"), &out, &strings.Builder{}})
	if status != 0 || !strings.HasPrefix(out.String(), "page:\n  password: pbkdf2-sha256$") {
		t.Errorf("status %d, %s", status, out.String())
	}
	expectFailure(t, statusConfig, []string{"0 bytes"}, "password")
}
