//go:build e2e

// Package e2e runs the real program on emulated boards. README.md says what it takes.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"edge/e2e/image"
	"edge/e2e/machine"
)

// bench is what all tests share: the boards' images, and the programs built for them and for this machine.
type bench struct {
	images *image.Set
	dir    string
}

var sharedBench = sync.OnceValues(func() (*bench, error) {
	if _, err := machine.QEMU(); err != nil {
		return nil, err
	}
	images, err := image.Prepare(context.Background())
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "edge-e2e-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{images, dir}
	for name, pkg := range map[string]string{
		"agent": "edge/e2e/agent", "vivid": "edge/e2e/vivid", "webcam": "edge/e2e/webcam", "edge": "edge/cmd/edge",
	} {
		if err := goForBoard("build", "-o", b.path(name), pkg); err != nil {
			return b, err
		}
	}
	return b, goFor(nil, "build", "-o", b.path("edge-here"), "edge/cmd/edge")
})

func TestMain(m *testing.M) {
	status := m.Run()
	if b, _ := sharedBench(); b != nil {
		os.RemoveAll(b.dir)
	}
	os.Exit(status)
}

// newBench skips the test if this machine lacks what it takes.
func newBench(t *testing.T) *bench {
	t.Helper()
	b, err := sharedBench()
	if errors.Is(err, image.ErrUnavailable) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func goForBoard(args ...string) error { return goFor([]string{"GOOS=linux", "GOARCH=arm64"}, args...) }

func goFor(env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, text)
	}
	return nil
}

// boot starts a board with vivid's camera, and prints its log if the test fails.
func (b *bench) boot(t *testing.T, c machine.Config) *guest {
	t.Helper()
	c.Images, c.Agent = b.images, b.path("agent")
	c.Modules = append(c.Modules, machine.Vivid)
	c.Files = append(c.Files, machine.File{Path: "/usr/local/bin/vivid", Host: b.path("vivid")})
	m, err := machine.Boot(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{m, t}
	t.Cleanup(func() {
		m.Close()
		if t.Failed() {
			t.Logf("the guest's log:\n%s", m.Log())
		}
	})
	return g
}

// guest is a board with the helpers that end the test if something fails.
type guest struct {
	*machine.Guest
	t *testing.T
}

// patience is for what takes a second or two in a guest that has the machine for itself, and much longer beside others.
const patience = 3 * time.Minute

// run runs a command to its end, which must be a good one.
func (g *guest) run(argv ...string) string {
	g.t.Helper()
	ctx, stop := context.WithTimeout(g.t.Context(), patience)
	defer stop()
	out, err := g.Run(ctx, argv...)
	if err != nil {
		g.giveUp(err)
	}
	return out
}

func (g *guest) sh(script string) string {
	g.t.Helper()
	return g.run("sh", "-c", script)
}

func (g *guest) start(c machine.Command) *machine.Process {
	g.t.Helper()
	p, err := g.Start(c)
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

// end ends edge as systemd does. It must end well.
func (g *guest) end(edge *machine.Process) {
	g.t.Helper()
	if err := edge.Signal(syscall.SIGTERM); err != nil {
		g.t.Fatal(err)
	}
	g.wait("edge run ends", func() bool { return !edge.Running() })
	if exit, err := edge.Wait(g.t.Context()); err != nil || exit.Status != 0 {
		g.t.Errorf("edge run ended with %+v, %v", exit, err)
	}
}

// wait polls until the condition holds.
func (g *guest) wait(what string, condition func() bool) {
	g.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			g.giveUp(fmt.Errorf("after %v still not: %s", patience, what))
		}
	}
}

// giveUp ends the test: it has failed or, if the guest's kernel has faulted, could not run.
func (g *guest) giveUp(why error) {
	g.t.Helper()
	if fault := g.Fault(); fault != "" {
		g.t.Skipf("%v, as the guest's kernel faulted:\n%s", why, fault)
	}
	g.t.Fatal(why)
}

// feed shows raw pixels at the camera. The file may change; show does it.
func (g *guest) feed(format, file string) *machine.Process {
	g.t.Helper()
	g.sh("cp " + file + " /tmp/shown")
	p := g.start(machine.Command{Argv: []string{"vivid", "feed", "640x480", format, "/tmp/shown"}})
	g.wait("the camera shows "+file, func() bool {
		if !p.Running() {
			g.t.Fatal("vivid feed ended")
		}
		return strings.Count(p.Stdout(), "showing") == 1
	})
	return p
}

// word reads a register from outside the board.
func (g *guest) word(address uint64) uint32 {
	g.t.Helper()
	word, err := g.ReadWord(address)
	if err != nil {
		g.t.Fatal(err)
	}
	return word
}

// The PL061 of -M virt (ARM DDI 0190, section 3.3).
const (
	pl061Data      = 0x9030000 + 0x3fc // all eight lines
	pl061Direction = 0x9030000 + 0x400
)

// pl061 returns the lines that drive a high level.
func (g *guest) pl061() uint32 {
	g.t.Helper()
	return g.word(pl061Data) & g.word(pl061Direction)
}

// classified is a line of edge classify --json.
type classified struct {
	Top []struct {
		Index int
		Label string
		Score float64
	}
}

func encodePNG(t *testing.T, p *picture) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p.rgba()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
