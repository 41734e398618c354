package main

import (
	"encoding/json"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"edge/decision"
)

func TestClassify(t *testing.T) {
	net := colourModel(t)
	picture := colourPicture(t, "<red> & \"round\".png", red)

	status, stdout, stderr := edge("classify", "--model", net, "--top-k", "2", picture)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if status != 0 || stderr != "" || len(lines) != 1 || !strings.HasSuffix(lines[0], "%     0  red") {
		t.Errorf("status %d, stderr %q, stdout %q", status, stderr, stdout)
	}
	status, stdout, _ = edge("classify", "--model", net, picture, picture)
	if status != 0 || strings.Count(stdout, picture+"\n") != 2 {
		t.Errorf("two pictures: status %d, stdout %q", status, stdout)
	}
}

func TestClassifyJSON(t *testing.T) {
	net := colourModel(t)
	one, two := colourPicture(t, "<red> & \"round\".png", red), colourPicture(t, "2.png", blue)
	bad := filepath.Join(t.TempDir(), "bad.jpg")
	write(t, bad, jpegOf(t, green)[:200])
	absent := filepath.Join(t.TempDir(), "absent.jpg")

	status, stdout, stderr := edge("classify", "--json", "--model", net, one, bad, absent, two)
	if status != statusConfig {
		t.Errorf("status %d", status)
	}
	for i, file := range []string{bad, absent} {
		if line := strings.SplitAfter(stderr, "\n")[i]; !strings.Contains(line, file) {
			t.Errorf("stderr %q doesn't name %s", line, file)
		}
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %q", len(lines), stdout)
	}
	for i, want := range []struct {
		file, label string
		index       int
	}{{one, "red", 0}, {two, "blue", 2}} {
		var got struct {
			File string           `json:"file"`
			Top  []map[string]any `json:"top"`
		}
		d := json.NewDecoder(strings.NewReader(lines[i]))
		d.DisallowUnknownFields()
		if err := d.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.File != want.file || len(got.Top) < 1 || len(got.Top) > 3 {
			t.Fatalf("%+v", got)
		}
		best := got.Top[0]
		if best["index"] != float64(want.index) || best["label"] != want.label || best["score"].(float64) < 0.9 || len(best) != 3 {
			t.Errorf("best class %v, want %+v", best, want)
		}
		falls := slices.IsSortedFunc(got.Top, func(a, b map[string]any) int {
			return int(1e6 * (b["score"].(float64) - a["score"].(float64)))
		})
		if !falls {
			t.Errorf("not in order: %v", got.Top)
		}
	}
}

func TestClassifyErrors(t *testing.T) {
	net, picture := colourModel(t), colourPicture(t, "red.png", red)
	labels := filepath.Join(t.TempDir(), "labels.txt")
	write(t, labels, []byte("red\ngreen\n"))
	with := func(args ...string) []string { return append([]string{"classify", "--model", net}, args...) }

	expectFailure(t, statusConfig, []string{"picture files"}, with()...)
	expectFailure(t, statusConfig, []string{"--top-k 0"}, with("--top-k", "0", picture)...)
	expectFailure(t, statusConfig, []string{labels, "2 labels", "3 classes"}, with("--labels", labels, picture)...)
	expectFailure(t, statusConfig, []string{"--rotate", "45"}, with("--rotate", "45", picture)...)
	expectFailure(t, statusConfig, []string{"--roi"}, with("--roi", "1,2,3", picture)...)
	expectFailure(t, statusConfig, []string{picture, "outside"}, with("--roi", "0,0,320,240", picture)...)
	expectFailure(t, statusConfig, []string{"absent.png", "no such file"}, with("absent.png")...)
	expectFailure(t, statusConfig, []string{net}, with(net)...)
	expectFailure(t, statusConfig, []string{"there are no files"}, with(t.TempDir())...)

	// A file without an end takes no memory without an end.
	expectFailure(t, statusConfig, []string{"/dev/zero", "is a device"}, with("/dev/zero")...)

	// Networks that don't take a picture.
	for _, golden := range []string{"s8-add-0", "s8-softmax-1-10"} {
		file := filepath.Join("../../engine/testdata/golden", golden+".tflite")
		expectFailure(t, statusConfig, []string{golden}, "classify", "--model", file, picture)
	}
}

// TestNormalize shows that what a person says of pixels goes before what the network says, that a guess is told, and that
// every command that opens a network for pictures takes it.
func TestNormalize(t *testing.T) {
	net, picture := colourModel(t), colourPicture(t, "red.png", color.RGBA{90, 80, 80, 255})
	best := func(args ...string) (label string, score float32) {
		t.Helper()
		status, stdout, stderr := edge(append([]string{"classify", "--json", "--model", net, picture}, args...)...)
		var got classified
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || status != 0 {
			t.Fatalf("%q: status %d, %v, %q", args, status, err, stderr)
		}
		return got.Top[0].Label, got.Top[0].Score
	}
	_, plain := best()
	_, doubled := best("--normalize", "mean=0,std=100") // the difference between red and the others counts more
	if doubled <= plain {
		t.Errorf("scores %v and %v", plain, doubled)
	}
	for _, args := range [][]string{
		{"classify", picture}, {"eval", "--images", filepath.Dir(picture)}, {"run", "--camera", filepath.Dir(picture), "--leds", "none"},
	} {
		expectFailure(t, statusConfig, []string{"--normalize", "imgnet", "0..1"}, append(args, "--model", net, "--normalize", "imgnet")...)
	}
	status, _, stderr := edge("classify", "--model", net, picture, "--normalize", "0..255")
	if status != 0 || !strings.Contains(stderr, "pixels become 0 to 255") {
		t.Errorf("status %d, %q", status, stderr)
	}
	_, stdout, _ := edge("inspect", net)
	for _, words := range []string{"pixels     0..1, derived from the input's range, 0 to 1\n", "scores     probabilities of classes"} {
		if !strings.Contains(stdout, words) {
			t.Errorf("no %q in\n%s", words, stdout)
		}
	}
}

// TestClassifyFolder classifies every picture of a folder, and leaves out what is none.
func TestClassifyFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "1.png"), pngOf(t, red))
	write(t, filepath.Join(dir, "2.jpg"), jpegOf(t, blue))
	write(t, filepath.Join(dir, "notes.txt"), []byte("no picture"))
	status, stdout, stderr := edge("classify", "-m", colourModel(t), "-k", "1", dir)
	if status != 0 || !strings.Contains(stderr, "left out: ") || !strings.Contains(stderr, "notes.txt") ||
		strings.Count(stdout, "\n") != 4 || !strings.Contains(stdout, "1.png\n") || !strings.Contains(stdout, "  blue\n") {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
}

// TestNoFillers shows that classes of no score aren't listed, but one always is.
func TestNoFillers(t *testing.T) {
	for want, scores := range map[int][]float32{1: {0, 0.0001, 0}, 2: {0.6, 0.0002, 0.4}, 3: {0.6, 0.3, 0.001}} {
		var out strings.Builder
		c := classified{"f", top(scores, 5, decision.Output{Classes: 3})}
		if err := c.print(&out); err != nil || strings.Count(out.String(), "\n") != want {
			t.Errorf("%v: %v %q", scores, err, out.String())
		}
		out.Reset()
		c.Top = top([]float32{0.5, 0, 0.2, 0}, 4, decision.Output{Classes: 4})
		if err := c.printJSON(&out); err != nil || strings.Count(out.String(), "index") != 2 {
			t.Errorf("%v %q", err, out.String())
		}
	}
}

// TestNamesSteerNothing has pictures whose names are commands for a terminal.
func TestNamesSteerNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "\x1b[2J\u009b31m")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "0_\x1b]0;a\x07\n.png"), pngOf(t, red))
	write(t, filepath.Join(dir, "1_\u202e\xff.png"), pngOf(t, green))
	write(t, filepath.Join(dir, "2_\x1b[31m.png"), []byte("no picture"))
	net := colourModel(t)
	for _, args := range [][]string{
		{"classify", "--model", net, dir},
		{"classify", "--model", net, "--json", dir},
		{"eval", "--model", net, "--images", dir},
		{"eval", "--model", net, "--images", dir, "--json"},
		{"run", "--model", net, "--camera", dir, "--leds", "none"},
		{"teach", dir},
		{"inspect", dir},
		{"check-config", dir},
		{"replay", dir},
		{"bench", "--model", dir + "/none"},
		{"quantize", dir, "--calibrate", dir, "--out", dir},
		{"run", "--camera", dir + "[", "--leds", "none"},
		{"fly" + dir},
		{"run", "--" + dir},
	} {
		_, stdout, stderr := edge(args...)
		if i := strings.IndexFunc(stdout+stderr, func(c rune) bool { return c != '\n' && unicode.In(c, unicode.Cc, unicode.Cf) }); i >= 0 {
			t.Errorf("edge %q prints %q", args, (stdout + stderr)[max(0, i-20):])
		}
	}
}
