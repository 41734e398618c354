// Package deploy holds what is installed beside the program, and these tests of it.
package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeSSH stands for a board: it runs the command here, with the files under $DESTDIR.
const fakeSSH = `#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
echo "$1" >>"$SSH_LOG"
shift
exec sh -c "$*"
`

// Programs of which one refuses a configuration that says "wrong", as check-config does.
const (
	firstBuild  = "#!/bin/sh\nif grep -q ^wrong \"$2\"; then echo \"$2:1: wrong\" >&2; exit 78; fi\n"
	secondBuild = firstBuild + "# second build\n"
)

// board is a fake one, and what a user of deploy.sh has.
type board struct {
	root, log string
	program   string
	env       []string
}

func newBoard(t *testing.T, machine string) *board {
	t.Helper()
	dir := t.TempDir()
	b := &board{filepath.Join(dir, "root"), filepath.Join(dir, "ssh.log"), filepath.Join(dir, "edge"), nil}
	bin := filepath.Join(dir, "bin")
	write(t, filepath.Join(bin, "ssh"), fakeSSH, 0o755)
	write(t, filepath.Join(bin, "uname"), "#!/bin/sh\necho "+machine+"\n", 0o755)
	write(t, filepath.Join(bin, "sudo"), "#!/bin/sh\nexec \"$@\"\n", 0o755)
	write(t, b.program, firstBuild, 0o755)
	b.env = append(os.Environ(),
		"PATH="+bin+":"+os.Getenv("PATH"), "DESTDIR="+b.root, "SSH_LOG="+b.log, "TMPDIR="+dir)
	return b
}

func (b *board) deploy(args ...string) (string, error) {
	cmd := exec.Command("./deploy.sh", append([]string{"pi@board", b.program}, args...)...)
	cmd.Env = b.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (b *board) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestDeployInstalls(t *testing.T) {
	b := newBoard(t, "aarch64")
	model := filepath.Join(t.TempDir(), "net.tflite")
	write(t, model, "weights", 0o600)
	out, err := b.deploy(model)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, mode := range map[string]fs.FileMode{
		"usr/local/bin/edge":              0o755,
		"etc/systemd/system/edge.service": 0o644,
		"etc/systemd/system/edge.socket":  0o644,
		"etc/sysusers.d/edge.conf":        0o644,
		"etc/udev/rules.d/60-edge.rules":  0o644,
		"etc/edge/edge.yaml":              0o644,
		"etc/edge/edge.yaml.example":      0o644,

		"usr/local/share/doc/edge/LICENCES": 0o644,

		"etc/edge/net.tflite": 0o644, // the service's own user reads it
	} {
		info, err := os.Stat(filepath.Join(b.root, name))
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		} else if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
	log, err := os.ReadFile(b.log)
	if err != nil || strings.TrimSpace(strings.ReplaceAll(string(log), "pi@board\n", "")) != "" {
		t.Errorf("ssh went to %q, %v; want pi@board each time", log, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(b.root), "tmp.*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestDeployAgainChangesNothing(t *testing.T) {
	b := newBoard(t, "aarch64")
	if out, err := b.deploy(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := b.deploy()
	if err != nil || out != "" {
		t.Errorf("the second time: %v\n%s", err, out)
	}
}

func TestDeployReplacesWhatChanged(t *testing.T) {
	b := newBoard(t, "aarch64")
	if out, err := b.deploy(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const own = "my own configuration"
	write(t, filepath.Join(b.root, "etc/edge/edge.yaml"), own, 0o644)
	write(t, b.program, secondBuild, 0o755)
	out, err := b.deploy()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := b.read(t, "usr/local/bin/edge"); got != secondBuild {
		t.Errorf("the program is still %q", got)
	}
	if got := b.read(t, "etc/edge/edge.yaml"); got != own {
		t.Errorf("somebody's configuration became %q", got)
	}
	if n := strings.Count(out, "installed "); n != 1 {
		t.Errorf("%d files were installed, want the program alone:\n%s", n, out)
	}
}

func TestDeployTakesOwnConfiguration(t *testing.T) {
	b := newBoard(t, "aarch64")
	config := filepath.Join(t.TempDir(), "edge.yaml")
	write(t, config, "camera: {source: auto}\n", 0o644)
	if out, err := b.deploy(config); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := b.read(t, "etc/edge/edge.yaml"); got != "camera: {source: auto}\n" {
		t.Errorf("the configuration is %q", got)
	}
}

// A configuration that the new program refuses isn't installed, nor is the program; what was there stays.
func TestDeployChecksFirst(t *testing.T) {
	b := newBoard(t, "aarch64")
	config := filepath.Join(t.TempDir(), "edge.yaml")
	write(t, config, "model: good.tflite\n", 0o644)
	if out, err := b.deploy(config); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, b.program, secondBuild, 0o755)
	write(t, config, "wrong\n", 0o644)
	out, err := b.deploy(config)
	if err == nil || !strings.Contains(out, "etc/edge/edge.yaml:1: wrong") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := b.read(t, "etc/edge/edge.yaml") + b.read(t, "usr/local/bin/edge"); got != "model: good.tflite\n"+firstBuild {
		t.Errorf("after a wrong configuration there is %q", got)
	}

	write(t, config, "model: better.tflite\n", 0o644)
	if out, err := b.deploy(config); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, want := range map[string]string{
		"etc/edge/edge.yaml": "model: better.tflite\n", "etc/edge/edge.yaml.previous": "model: good.tflite\n",
		"usr/local/bin/edge": secondBuild, "usr/local/bin/edge.previous": firstBuild,
	} {
		if got := b.read(t, name); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
}

// A configuration that is wrong already, and brings no good one back, doesn't keep a program from being installed.
func TestDeployOverWrongConfiguration(t *testing.T) {
	b := newBoard(t, "aarch64")
	write(t, filepath.Join(b.root, "etc/edge/edge.yaml"), "wrong\n", 0o644)
	if out, err := b.deploy(); err != nil || !strings.Contains(out, "edge.yaml:1: wrong") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := b.read(t, "usr/local/bin/edge"); got != firstBuild {
		t.Errorf("the program is %q", got)
	}
}

// A model that edge.yaml doesn't use is named; a comment is no use.
func TestDeployNamesUnusedModel(t *testing.T) {
	b := newBoard(t, "aarch64")
	dir := t.TempDir()
	config, used, unused := filepath.Join(dir, "edge.yaml"), filepath.Join(dir, "used.tflite"), filepath.Join(dir, "other.tflite")
	write(t, config, "model: used.tflite\n#model: other.tflite\n", 0o644)
	write(t, used, "weights", 0o644)
	write(t, unused, "weights", 0o644)
	out, err := b.deploy(config, used, unused)
	if err != nil || !strings.Contains(out, `write there "model: other.tflite"`) || strings.Contains(out, `"model: used.tflite"`) {
		t.Errorf("%v\n%s", err, out)
	}
}

// What can't be written leaves everything as it was.
func TestDeployToFullRoot(t *testing.T) {
	b := newBoard(t, "aarch64")
	if out, err := b.deploy(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	write(t, b.program, secondBuild, 0o755)
	// A copy that fails as on a full card, for the last of the files.
	cp := "#!/bin/sh\ncase $2 in */net.tflite.new) echo 'No space left on device' >&2; exit 1;; esac\nexec /bin/cp \"$@\"\n"
	write(t, filepath.Join(filepath.Dir(b.log), "bin", "cp"), cp, 0o755)
	model := filepath.Join(t.TempDir(), "net.tflite")
	write(t, model, "weights", 0o644)
	out, err := b.deploy(model)
	if err == nil || !strings.Contains(out, "net.tflite can't be written") || !strings.Contains(out, "nothing was changed") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := b.read(t, "usr/local/bin/edge"); got != firstBuild {
		t.Error("the program was replaced")
	}
	left, _ := filepath.Glob(filepath.Join(b.root, "*", "*", "*.new"))
	more, _ := filepath.Glob(filepath.Join(b.root, "*", "*", "*", "*.new"))
	if len(left)+len(more) > 0 {
		t.Errorf("left behind: %v %v", left, more)
	}
}

func TestDeployRefusesAnotherMachine(t *testing.T) {
	b := newBoard(t, "armv7l")
	out, err := b.deploy()
	if err == nil || !strings.Contains(out, "armv7l") {
		t.Errorf("on armv7l: %v\n%s", err, out)
	}
	if _, err := os.Stat(b.root); err == nil {
		t.Error("something was installed")
	}
}

// TestUnitIsHardened holds the unit to an exposure of 2.0 at most. systemd-analyze takes ten times as much.
func TestUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze isn't installed (Debian package systemd)")
	}
	judge := exec.Command(analyze, "security", "--no-pager", "--offline=true", "--threshold=20", "edge.service")
	out, err := judge.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUnitIsUnderstood finds misspelt settings, which systemd otherwise only logs.
func TestUnitIsUnderstood(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze isn't installed (Debian package systemd)")
	}
	unit, err := os.ReadFile("edge.service")
	if err != nil {
		t.Fatal(err)
	}
	dropIn, err := os.ReadFile("edge.service.d/rpicam.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.ReplaceAll(string(unit), "/usr/local/bin/edge", "/bin/true")
	write(t, filepath.Join(dir, "edge.service"), text, 0o644)
	write(t, filepath.Join(dir, "edge.service.d", "rpicam.conf"), string(dropIn), 0o644)
	socket, err := os.ReadFile("edge.socket")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "edge.socket"), string(socket), 0o644)
	out, err := exec.Command(analyze, "verify", "--man=no", filepath.Join(dir, "edge.service"), filepath.Join(dir, "edge.socket")).CombinedOutput()
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestScriptsAreClean(t *testing.T) {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck isn't installed (Debian package shellcheck)")
	}
	if out, err := exec.Command(shellcheck, "install.sh", "deploy.sh").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
