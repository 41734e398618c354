package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"edge/defaultmodel"
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
	expectFailure(t, statusConfig, []string{"--html draws", "--config"}, "replay", dir, "--html", filepath.Join(t.TempDir(), "drawn.html"))
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
	text := "page: {listen: \"127.0.0.1:80\", password: pbkdf2-sha256$1$a$b}\npage:\n  view_password: pbkdf2-sha256$1$c$d # x\n" +
		"page: {\"password\": 'pbkdf2-sha256$1$e$f'}\npage:\n  password: >-\n    pbkdf2-sha256$1$g$h\n"
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
	if status, _, stderr = edge("run", "--config", config, "--camera", pictures, "--leds", "none", "--record", config); status != 0 {
		t.Fatal(stderr) // a file where a folder is to be is no reason to keep the LEDs dark
	}
	if _, stdout, _ = edge("status", "--dir", dir); !strings.Contains(stdout, "trouble  nothing is recorded: record: ") {
		t.Error(stdout)
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

// recordJPEG records what a camera shows that sends JPEG: its frames are recorded as it sent them, so a replay fits them
// again. It ends after a few frames.
func recordJPEG(t *testing.T, config, recording string) {
	t.Helper()
	const camera = "exec:for f in cat coffee rocket cat; do cat ../../examples/$f.jpg; sleep 0.1; done"
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	log := &frameCounter{end: cancel}
	args := []string{"run", "--config", config, "--camera", camera, "--leds", "none", "--record", recording, "--verbose"}
	if status := Main(ctx, args, streams{strings.NewReader(""), io.Discard, log}); status != 0 {
		t.Fatal(log.String())
	}
}

// frameCounter is a log that ends the run at the fourth frame.
type frameCounter struct {
	strings.Builder
	end func()
}

func (c *frameCounter) Write(line []byte) (int, error) {
	n, err := c.Builder.Write(line)
	if strings.Count(c.String(), "msg=frame ")+strings.Count(c.String(), "state=watching ") == 4 {
		c.end()
	}
	return n, err
}

var allPictures = regexp.MustCompile(`\n([1-9]\d*) of (\d+) pictures gave the recorded bytes`)

// sameBytes reports whether a replay ran pictures through the network, all with the recorded bytes.
func sameBytes(stdout string) bool {
	m := allPictures.FindStringSubmatch(stdout)
	return m != nil && m[1] == m[2]
}

// TestReplayOfSettings records with each setting that changes scores, and with those that must not: a replay gives the
// recorded bytes. With another value of it, the recorded outputs don't count.
func TestReplayOfSettings(t *testing.T) {
	const led = "leds: [{name: cat, classes: any cat, smoothing: none, hold: 0s}]\n"
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.yaml")
	write(t, plain, []byte(led))
	for i, c := range []struct {
		setting string
		differs bool
	}{
		{"normalize: mean=100,std=50", true},
		{"camera: {fit: stretch}", true},
		{"camera: {fit: letterbox}", true},
		{"camera: {roi: \"0.1,0.2,0.5,0.6\"}", true},
		{"camera: {rotate: 90}", true},
		{"camera: {mirror: true}", true},
		{"threads: 2", false},
		{"kernels: generic", false},
	} {
		config := filepath.Join(dir, "edge.yaml")
		recording := filepath.Join(dir, strconv.Itoa(i))
		write(t, config, []byte(led+c.setting+"\n"))
		recordJPEG(t, config, recording)
		status, stdout, stderr := edge("replay", recording)
		if status != 0 || stderr != "" || !sameBytes(stdout) {
			t.Errorf("%s: status %d, %s%s", c.setting, status, stdout, stderr)
		}
		status, stdout, stderr = edge("replay", recording, "--config", config)
		if status != 0 || strings.Contains(stdout, "were kept count") || !strings.Contains(stdout, "Nothing would have been different") {
			t.Errorf("%s, with its own configuration: status %d, %s%s", c.setting, status, stdout, stderr)
		}
		status, stdout, stderr = edge("replay", recording, "--config", plain)
		if status != 0 || strings.Contains(stdout, "moments whose frames were kept count") != c.differs {
			t.Errorf("%s, without it: status %d, %s%s", c.setting, status, stdout, stderr)
		}
	}
}

// TestReplayOfLesson records a network that was taught, whose scores are more than its last layer's.
func TestReplayOfLesson(t *testing.T) {
	dir := t.TempDir()
	lesson := filepath.Join(dir, "lesson")
	for _, class := range []string{"cat", "rocket"} {
		if err := os.MkdirAll(filepath.Join(lesson, class), 0o777); err != nil {
			t.Fatal(err)
		}
		picture := readTestFile(t, "../../examples/"+class+".jpg")
		for i := range 4 {
			write(t, filepath.Join(lesson, class, fmt.Sprintf("%d.jpg", i)), append(picture, byte(i)))
		}
	}
	if status, stdout, stderr := edge("teach", lesson, "--out", filepath.Join(lesson, taughtFile)); status != 0 {
		t.Fatal(stdout, stderr)
	}
	config, recording := filepath.Join(dir, "edge.yaml"), filepath.Join(dir, "record")
	write(t, config, []byte("teach: {lesson: lesson}\nleds: [{name: r, classes: rocket, smoothing: none, hold: 0s}]\n"))
	recordJPEG(t, config, recording)
	for _, args := range [][]string{{"replay", recording}, {"replay", recording, "--model", filepath.Join(lesson, taughtFile)}} {
		status, stdout, stderr := edge(args...)
		if status != 0 || stderr != "" || !sameBytes(stdout) {
			t.Errorf("%q: status %d, %s%s", args, status, stdout, stderr)
		}
	}
	status, stdout, stderr := edge("replay", recording, "--config", config)
	if status != 0 || !strings.Contains(stdout, "Nothing would have been different") || strings.Contains(stdout, "another network") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
}

// TestReplayOfAPart replays recordings whose end, or one of whose files, is missing.
func TestReplayOfAPart(t *testing.T) {
	dir, config := recordedRun(t)
	names, err := filepath.Glob(filepath.Join(dir, "*.rec"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	whole := readTestFile(t, names[0])
	cut := filepath.Join(t.TempDir(), "cut.rec")
	write(t, cut, whole[:len(whole)-3])
	for _, args := range [][]string{{"replay", cut}, {"replay", cut, "--config", config}, {"record", "export", cut, "--out", t.TempDir()}} {
		if status, stdout, stderr := edge(args...); status != 0 || stdout == "" {
			t.Errorf("%q: status %d, %s%s", args, status, stdout, stderr)
		}
	}
	if _, _, stderr := edge("replay", cut); !strings.Contains(stderr, "cut off") {
		t.Errorf("it doesn't say that the end is missing: %s", stderr)
	}
	for n := range 20 {
		write(t, cut, whole[:n*11])
		if status, _, stderr := edge("replay", cut); status != statusConfig || !strings.HasPrefix(stderr, "record: ") && !strings.Contains(stderr, "nothing was recorded") {
			t.Errorf("%d bytes: status %d, %s", n*11, status, stderr)
		}
	}
	write(t, filepath.Join(dir, "00000000.rec"), whole[:100]) // an old segment, of which not even the header is left
	write(t, filepath.Join(dir, "00000009.rec"), []byte("this is a text, and a long one, and no recording at all"))
	status, stdout, stderr := edge("replay", dir)
	if status != 0 || !strings.Contains(stdout, "5 of 5 changes") || strings.Count(stderr, "\n") != 2 {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	expectFailure(t, statusConfig, []string{"which this command reads"}, "replay", names[0], "--config", config, "--html", names[0])
	expectFailure(t, statusConfig, []string{"the recording's rules don't fit this network"}, "replay", names[0], "--model", imagenetModel(t))
}

// imagenetModel is a network with other classes than red, green and blue.
func imagenetModel(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "other.tflite")
	write(t, name, defaultmodel.TFLite)
	return name
}
