package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/board"
	"edge/camera"
	"edge/config"
	"edge/gpio"
	"edge/kernels"
)

// expect checks the state of a finding, and that text and fix say what a person needs.
func expect(t *testing.T, f finding, want state, says ...string) {
	t.Helper()
	if f.State != want {
		t.Errorf("%+v; want %s", f, want)
	}
	if f.State == missing && f.Fix == "" {
		t.Errorf("%+v: missing, and no fix", f)
	}
	for _, s := range says {
		if s == "" {
			t.Errorf("%+v: the test expects an empty text, which everything says", f)
		}
		if !strings.Contains(f.Text+"\n"+f.Fix, s) {
			t.Errorf("%+v doesn't say %q", f, s)
		}
	}
}

// expectFinding compares a finding with one that holds a part of its text and of its remedy. No remedy means none.
func expectFinding(t *testing.T, f, want finding) {
	t.Helper()
	expect(t, f, want.State, want.Text)
	if !strings.Contains(f.Fix, want.Fix) || want.Fix == "" && f.Fix != "" {
		t.Errorf("%+v: want the remedy %q", f, want.Fix)
	}
}

func TestCheckProcessor(t *testing.T) {
	b := board.Board{CPU: "Cortex-A76", Cores: 4}
	sets := []*kernels.Set{{Name: "generic"}, {Name: "neon"}, {Name: "neon-dot"}}
	f := checkProcessor(b, []string{"asimd", "asimddp"}, sets)
	expect(t, f, good, "4 × Cortex-A76, asimd asimddp; kernels: neon-dot (and generic, neon)")
	expect(t, checkProcessor(board.Board{Cores: 1}, nil, sets[:1]), good, "1 × unknown; kernels: generic")
}

func TestCheckHealth(t *testing.T) {
	for _, c := range []struct {
		health board.Health
		want   []finding
	}{
		{board.Health{}, nil},
		{board.Health{Celsius: 47.7, Monitored: true}, []finding{
			{"heat", good, "48 °C", ""}, {"power", good, "no under-voltage", ""},
		}},
		{board.Health{Celsius: 80}, []finding{{"heat", warning, "slows down from 80 °C", "heat sink"}}},
		{board.Health{Throttled: board.UnderVoltage, Monitored: true}, []finding{
			{"power", warning, "under-voltage", "better supply"},
		}},
		{board.Health{Throttled: board.UnderVoltage << 16, Monitored: true}, []finding{
			{"power", warning, "since the start: under-voltage", "better supply"},
		}},
		{board.Health{Throttled: board.SoftLimit, Monitored: true}, []finding{
			{"power", warning, "soft temperature limit", "heat sink"},
		}},
	} {
		got := checkHealth(c.health)
		if len(got) != len(c.want) {
			t.Errorf("%+v: %d findings; want %d", c.health, len(got), len(c.want))
			continue
		}
		for i, want := range c.want {
			expectFinding(t, got[i], want)
		}
	}
}

func TestCheckMemory(t *testing.T) {
	b := board.Board{Memory: 436908 << 10}
	expect(t, checkMemory(b, board.Health{Available: 300 << 20}), good, "426 MiB, 300 MiB available")
	expect(t, checkMemory(b, board.Health{Available: 63 << 20}), warning, "stop other programs")
	expect(t, checkMemory(board.Board{}, board.Health{}), good, "not known")
}

func TestCheckConfig(t *testing.T) {
	dir := t.TempDir()
	absent, bad := filepath.Join(dir, "absent.yaml"), filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("modle: x\nthreads: many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(absent)
	expect(t, checkConfig(absent, err), missing, "is not there", "deploy/edge.yaml")
	_, err = config.Load(bad)
	expect(t, checkConfig(bad, err), missing, "bad.yaml:1", "bad.yaml:2", "check-config")
	expect(t, checkConfig(bad, nil), good, bad)
	long := errors.New("1\n2\n3\n4\n5")
	expect(t, checkConfig(bad, long), missing, "1\n2\n3\nand 2 more")
}

func TestCheckCamera(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		source string
		want   state
		says   string
	}{
		{"-", good, "standard input"},
		{dir, good, "pictures from " + dir},
		{"exec:sh -c 'cat'", good, "come from sh"},
		{"exec:no-such-rpicam-vid -o -", missing, "rpicam-apps"},
	} {
		got := checkCamera(parsedSpec(t, c.source))
		if len(got) != 1 {
			t.Fatalf("%s: %+v; want one finding", c.source, got)
		}
		expect(t, got[0], c.want, c.says)
	}
}

func parsedSpec(t *testing.T, text string) camera.Spec {
	t.Helper()
	s, err := camera.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckNodes(t *testing.T) {
	yuyv := []camera.Format{{FourCC: "YUYV"}}
	webcam := camera.Node{
		Path: "/dev/video0", Name: "HD Pro Webcam C920", Driver: "uvcvideo", Usable: true, Formats: yuyv,
	}
	metadata := camera.Node{Path: "/dev/video1", Name: "HD Pro Webcam C920", Driver: "uvcvideo", Why: "gives data"}
	csi := camera.Node{Path: "/dev/video2", Name: "unicam", Driver: "unicam", Why: "raw Bayer data", CSI: true}
	denied := camera.Node{Path: "/dev/video3", Name: "USB Camera", Why: "permission denied: join the group video"}
	busy := camera.Node{
		Path: "/dev/video4", Name: "USB Camera", Driver: "uvcvideo", Formats: yuyv, Why: "busy, held by motion (pid 812)",
		Holders: []camera.Holder{{PID: 812, Name: "motion"}},
	}
	ours := busy
	ours.Holders = []camera.Holder{{PID: 77, Name: "edge"}}

	for _, c := range []struct {
		what   string
		source string
		nodes  []camera.Node
		want   []finding
	}{
		{"a webcam", "auto", []camera.Node{webcam, metadata}, []finding{
			{"", good, "/dev/video0 (HD Pro Webcam C920)", ""},
		}},
		{"by its path", "/dev/video0", []camera.Node{denied, webcam}, []finding{{"", good, "/dev/video0", ""}}},
		{"by its name", "c920", []camera.Node{denied, webcam}, []finding{{"", good, "/dev/video0", ""}}},
		{"another is in trouble", "auto", []camera.Node{webcam, denied}, []finding{
			{"", good, "/dev/video0", ""}, {"", warning, "/dev/video3 (USB Camera): permission denied: join the group video", ""},
		}},
		{"nothing", "auto", []camera.Node{metadata}, []finding{{"", missing, "no camera", "plug one in"}}},
		{"another one", "/dev/video9", []camera.Node{webcam}, []finding{{"", missing, "can be used: /dev/video9", "edge cameras"}}},
		{"busy", "auto", []camera.Node{busy}, []finding{
			{"", warning, "held by motion (pid 812)", ""}, {"", missing, "no camera", "plug one in"},
		}},
		{"busy with us", "auto", []camera.Node{ours}, []finding{{"", good, "used by edge (pid 77)", ""}}},
		{"CSI", "auto", []camera.Node{csi, metadata}, []finding{{"", missing, "CSI", "exec:rpicam-vid"}}},
	} {
		got := checkNodes(parsedSpec(t, c.source), c.nodes)
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v; want %+v", c.what, got, c.want)
			continue
		}
		for i, want := range c.want {
			expectFinding(t, got[i], want)
		}
	}
}

func TestCheckChips(t *testing.T) {
	none := errors.New("gpio: this machine has no GPIO chip")
	expect(t, checkChips(none, false), warning, "this machine has no GPIO chip", "--leds terminal")
	expect(t, checkChips(none, true), missing, "--leds terminal")
	denied := fmt.Errorf("gpio: /dev/gpiochip0: %w: add the user to the group gpio", fs.ErrPermission)
	expect(t, checkChips(denied, false), missing, "no permission", "group")
}

func TestCheckLine(t *testing.T) {
	const place = "pinctrl-rp1:17 (GPIO17)"
	expect(t, checkLine("cat", place, "", nil), good, `"cat" on pinctrl-rp1:17 (GPIO17), free`)
	expect(t, checkLine("cat", place, "edge", nil), good, "driven by edge now")
	expect(t, checkLine("cat", place, "spi0 CS0", nil), missing, "held by spi0 CS0", "another line")
	expect(t, checkLine("cat", "", "", errors.New("no such line")), missing, `"cat": no such line`)

	_, _, err := lookUp(nil, gpio.Header{}, nil)
	expect(t, checkLine("cat", "", "", err), missing, "line: GPIO17")
	line, err := gpio.ParseLine("pin 11")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = lookUp(nil, gpio.Header{}, &line)
	expect(t, checkLine("cat", "", "", err), missing, "header of this board is not known")
}

func TestCheckGroups(t *testing.T) {
	both := []string{"video", "gpio"}
	for _, c := range []struct {
		account account
		want    []finding
	}{
		{account{name: "root", root: true}, []finding{{"groups", good, "root", ""}}},
		{account{name: "pi", member: both, exists: both}, []finding{{"groups", good, "pi is in video, gpio", ""}}},
		{account{name: "pi", exists: both}, []finding{
			{"groups", warning, "pi is not in video, gpio", "sudo usermod -aG video,gpio pi"},
		}},
		{account{name: "ann", member: []string{"video", "users"}, exists: []string{"video"}}, []finding{
			{"groups", warning, "no group gpio", "udev"},
		}},
	} {
		got := checkGroups(c.account)
		if len(got) != len(c.want) {
			t.Errorf("%+v: %+v; want %+v", c.account, got, c.want)
			continue
		}
		for i, want := range c.want {
			expectFinding(t, got[i], want)
		}
	}
}

// The properties are those that `systemctl show` of systemd 252 answers.
func TestCheckService(t *testing.T) {
	for _, c := range []struct {
		load, active, sub, file, result, restarts string

		want state
		says string
	}{
		{"not-found", "inactive", "dead", "", "success", "0", warning, "not installed"},
		{"loaded", "active", "running", "enabled", "success", "0", good, "edge.service is active"},
		{"loaded", "active", "running", "enabled", "success", "3", good, "3 restarts"},
		{"loaded", "active", "running", "disabled", "success", "0", warning, "systemctl enable edge"},
		{"loaded", "failed", "failed", "enabled", "exit-code", "0", missing, "failed: exit-code"},
		{"loaded", "activating", "auto-restart", "enabled", "exit-code", "1", missing, "again and again: 1 restart"},
		{"loaded", "inactive", "dead", "disabled", "success", "0", warning, "enable --now"},
	} {
		show := fmt.Sprintf("Result=%s\nNRestarts=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nUnitFileState=%s\n",
			c.result, c.restarts, c.load, c.active, c.sub, c.file)
		expect(t, checkService(show), c.want, c.says)
	}
	expect(t, checkService(""), warning, "no systemd")
}

func TestWriteFindings(t *testing.T) {
	findings := []finding{
		{"board", good, "Raspberry Pi 5", ""},
		{"power", warning, "under-voltage", "use a better supply"},
		{"config", missing, "edge.yaml:1: a\nedge.yaml:2: b", "mend it"},
	}
	var out bytes.Buffer
	if err := writeFindings(&out, findings); err != nil {
		t.Fatal(err)
	}
	want := `✓ board     Raspberry Pi 5
! power     under-voltage
            → use a better supply
✗ config    edge.yaml:1: a
            edge.yaml:2: b
            → mend it
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}

	out.Reset()
	if err := writeFindingsJSON(&out, findings); err != nil {
		t.Fatal(err)
	}
	var report struct {
		OK       bool
		Findings []finding
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.OK || len(report.Findings) != 3 || report.Findings[2].State != missing || report.Findings[1].Fix == "" {
		t.Errorf("JSON: %s", out.String())
	}
	if !healthy(findings[:2]) {
		t.Error("warnings alone are no failure")
	}
}

// On any machine: a report that names the configuration, and a failure because that isn't there.
func TestDoctor(t *testing.T) {
	var out, errs bytes.Buffer
	absent := filepath.Join(t.TempDir(), "edge.yaml")
	err := runDoctor(t.Context(), []string{"--config", absent}, streams{out: &out, err: &errs})
	if !errors.Is(err, errReported) || !strings.Contains(out.String(), "✗ config    "+absent) || errs.Len() != 0 {
		t.Errorf("error %v, output\n%s%s", err, out.String(), errs.String())
	}
	var failed *configError
	if err := runDoctor(t.Context(), []string{"here"}, streams{out: &out}); !errors.As(err, &failed) {
		t.Errorf("an argument: %v; want an error of the command line", err)
	}
}

// TestCheckNetwork shows that the network has its name, the one inside the program too.
func TestCheckNetwork(t *testing.T) {
	expect(t, checkNetwork(config.Default()), good, "EfficientNet-Lite0, 1000 classes")
	c := config.Default()
	c.Model = colourModel(t)
	expect(t, checkNetwork(c), good, c.Model+", 3 classes")
	c.Model = "absent.tflite"
	expect(t, checkNetwork(c), missing, "absent.tflite", "model: and labels:")
}
