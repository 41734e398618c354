package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"edge/board"
	"edge/camera"
	"edge/classifier"
	"edge/config"
	"edge/defaultmodel"
	"edge/gpio"
	"edge/kernels"
)

// expect checks the state of a finding, and that text and fix say what a person needs.
func expect(t *testing.T, f Finding, want State, says ...string) {
	t.Helper()
	if f.State != want {
		t.Errorf("%+v; want %s", f, want)
	}
	if f.State == Missing && f.Fix == "" {
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
func expectFinding(t *testing.T, f, want Finding) {
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
	expect(t, f, Good, "4 × Cortex-A76, asimd asimddp; kernels: neon-dot (and generic, neon)")
	expect(t, checkProcessor(board.Board{Cores: 1}, nil, sets[:1]), Good, "1 × unknown; kernels: generic")
}

func TestCheckHealth(t *testing.T) {
	for _, c := range []struct {
		health board.Health
		want   []Finding
	}{
		{board.Health{}, nil},
		{board.Health{Celsius: 47.7, Monitored: true}, []Finding{
			{"heat", Good, "48 °C", ""}, {"power", Good, "no under-voltage", ""},
		}},
		{board.Health{Celsius: 80}, []Finding{{"heat", Warning, "slows down from 80 °C", "heat sink"}}},
		{board.Health{Throttled: board.UnderVoltage, Monitored: true}, []Finding{
			{"power", Warning, "under-voltage", "better supply"},
		}},
		{board.Health{Throttled: board.UnderVoltage << 16, Monitored: true}, []Finding{
			{"power", Warning, "since the start: under-voltage", "better supply"},
		}},
		{board.Health{Throttled: board.SoftLimit, Monitored: true}, []Finding{
			{"power", Warning, "soft temperature limit", "heat sink"},
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
	expect(t, checkMemory(b, board.Health{Available: 300 << 20}), Good, "426 MiB, 300 MiB available")
	expect(t, checkMemory(b, board.Health{Available: 63 << 20}), Warning, "stop other programs")
	expect(t, checkMemory(board.Board{}, board.Health{}), Good, "not known")
}

func TestCheckConfig(t *testing.T) {
	dir := t.TempDir()
	absent, bad := filepath.Join(dir, "absent.yaml"), filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("modle: x\nthreads: many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(absent)
	expect(t, checkConfig(absent, err), Missing, "is not there", "deploy/edge.yaml")
	_, err = config.Load(bad)
	expect(t, checkConfig(bad, err), Missing, "bad.yaml:1", "bad.yaml:2", "check-config")
	expect(t, checkConfig(bad, nil), Good, bad)
	long := errors.New("1\n2\n3\n4\n5")
	expect(t, checkConfig(bad, long), Missing, "1\n2\n3\nand 2 more")
}

func TestCheckCamera(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		source string
		want   State
		says   string
	}{
		{"-", Good, "standard input"},
		{dir, Good, "pictures from " + dir},
		{"exec:sh -c 'cat'", Good, "come from sh"},
		{"exec:no-such-rpicam-vid -o -", Missing, "rpicam-apps"},
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
		want   []Finding
	}{
		{"a webcam", "auto", []camera.Node{webcam, metadata}, []Finding{
			{"", Good, "/dev/video0 (HD Pro Webcam C920)", ""},
		}},
		{"by its path", "/dev/video0", []camera.Node{denied, webcam}, []Finding{{"", Good, "/dev/video0", ""}}},
		{"by its name", "c920", []camera.Node{denied, webcam}, []Finding{{"", Good, "/dev/video0", ""}}},
		{"another is in trouble", "auto", []camera.Node{webcam, denied}, []Finding{
			{"", Good, "/dev/video0", ""}, {"", Warning, "/dev/video3 (USB Camera): permission denied: join the group video", ""},
		}},
		{"nothing", "auto", []camera.Node{metadata}, []Finding{{"", Missing, "no camera", "plug one in"}}},
		{"another one", "/dev/video9", []camera.Node{webcam}, []Finding{{"", Missing, "can be used: /dev/video9", "edge cameras"}}},
		{"busy", "auto", []camera.Node{busy}, []Finding{
			{"", Warning, "held by motion (pid 812)", ""}, {"", Missing, "no camera", "plug one in"},
		}},
		{"busy with us", "auto", []camera.Node{ours}, []Finding{{"", Good, "used by edge (pid 77)", ""}}},
		{"CSI", "auto", []camera.Node{csi, metadata}, []Finding{{"", Missing, "CSI", "exec:rpicam-vid"}}},
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
	expect(t, checkChips(none, false), Warning, "this machine has no GPIO chip", "--leds terminal")
	expect(t, checkChips(none, true), Missing, "--leds terminal")
	denied := fmt.Errorf("gpio: /dev/gpiochip0: %w: add the user to the group gpio", fs.ErrPermission)
	expect(t, checkChips(denied, false), Missing, "no permission", "group")
}

func TestCheckLine(t *testing.T) {
	const place = "pinctrl-rp1:17 (GPIO17)"
	expect(t, checkLine("led", `"cat"`, place, "", nil), Good, `"cat" on pinctrl-rp1:17 (GPIO17), free`)
	expect(t, checkLine("led", `"cat"`, place, "edge", nil), Good, "used by edge now")
	expect(t, checkLine("led", `"cat"`, place, "spi0 CS0", nil), Missing, "held by spi0 CS0", "another line")
	expect(t, checkLine("led", `"cat"`, "", "", errors.New("no such line")), Missing, `"cat": no such line`)

	_, _, err := lookUp(nil, gpio.Header{}, nil)
	expect(t, checkLine("led", `"cat"`, "", "", err), Missing, "line: GPIO17")
	line, err := gpio.ParseLine("pin 11")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = lookUp(nil, gpio.Header{}, &line)
	expect(t, checkLine("led", `"cat"`, "", "", err), Missing, "header of this board is not known")
}

func TestCheckGroups(t *testing.T) {
	both := []string{"video", "gpio"}
	for _, c := range []struct {
		account account
		want    []Finding
	}{
		{account{name: "root", root: true}, []Finding{{"groups", Good, "root", ""}}},
		{account{name: "pi", member: both, exists: both}, []Finding{{"groups", Good, "pi is in video, gpio", ""}}},
		{account{name: "pi", exists: both}, []Finding{
			{"groups", Warning, "pi is not in video, gpio", "sudo usermod -aG video,gpio pi"},
		}},
		{account{name: "ann", member: []string{"video", "users"}, exists: []string{"video"}}, []Finding{
			{"groups", Warning, "no group gpio", "udev"},
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

		want State
		says string
	}{
		{"not-found", "inactive", "dead", "", "success", "0", Warning, "not installed"},
		{"loaded", "active", "running", "enabled", "success", "0", Good, "edge.service is active"},
		{"loaded", "active", "running", "enabled", "success", "3", Good, "3 restarts"},
		{"loaded", "active", "running", "disabled", "success", "0", Warning, "systemctl enable edge"},
		{"loaded", "failed", "failed", "enabled", "exit-code", "0", Missing, "failed: exit-code"},
		{"loaded", "activating", "auto-restart", "enabled", "exit-code", "1", Missing, "again and again: 1 restart"},
		{"loaded", "inactive", "dead", "disabled", "success", "0", Warning, "enable --now"},
	} {
		show := fmt.Sprintf("Result=%s\nNRestarts=%s\nLoadState=%s\nActiveState=%s\nSubState=%s\nUnitFileState=%s\n",
			c.result, c.restarts, c.load, c.active, c.sub, c.file)
		expect(t, checkService(show), c.want, c.says)
	}
	expect(t, checkService(""), Warning, "no systemd")
}

// TestCheckNetwork shows that the network has its name, the one inside the program too.
func TestCheckNetwork(t *testing.T) {
	check := func(o classifier.Options) Finding {
		return checkNetwork(config.Default(), func(*config.Config) (*classifier.Classifier, error) { return classifier.Open(o) })
	}
	expect(t, check(classifier.Options{}), Good, "EfficientNet-Lite0, 1000 classes")
	file := filepath.Join(t.TempDir(), "net.tflite")
	if err := os.WriteFile(file, defaultmodel.TFLite, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, check(classifier.Options{Model: file}), Good, file+", 1000 classes")
	later := checkNetwork(config.Default(), func(*config.Config) (*classifier.Classifier, error) {
		net, err := classifier.Open(classifier.Options{})
		if err == nil {
			net.Output.Later = []string{"tabby", "ajar"}
		}
		return net, err
	})
	expect(t, later, Warning, "not taught yet: tabby, ajar", "button")
	expect(t, check(classifier.Options{Model: "absent.tflite"}), Missing, "absent.tflite", "model: and labels:")
}
