// Package machine boots an emulated board with a real Linux kernel in QEMU, starts processes in it, and reads its
// registers from outside.
package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"edge/e2e/image"
)

// Board is a kind of machine that QEMU emulates.
type Board int

// The boards.
const (
	Virt Board = iota // QEMU's own, with a PL061 GPIO block of 8 lines
	RPi3              // Raspberry Pi 3 B, with its own GPIO block of 54 lines; no disk
)

// bootTime is how long a guest may take to answer: about ten times what the slowest takes on two cores.
const bootTime = 2 * time.Minute

// Config says what to boot.
type Config struct {
	Board   Board
	Images  *image.Set
	Agent   string // program of edge/e2e/agent, built for arm64
	Systemd bool   // boot Debian with systemd (Virt only), else only the agent and busybox's commands
	Modules []Module
	Files   []File
	Card    string // a disk image on this machine, with ext4: /dev/vda (Virt without systemd only)
}

// Module is a kernel module, with those that it depends on.
type Module struct{ Name, Parameters string }

// Vivid is a virtual camera (/dev/video0) and a video output (/dev/video1) that can be looped into it.
var Vivid = Module{"vivid", "node_types=0x101"}

// USBCameras are the driver of all USB cameras, and ports into which edge/e2e/webcam plugs some. Their numbers come after vivid's.
// The driver doesn't keep damaged pictures for itself.
var USBCameras = []Module{{Name: "vhci_hcd"}, {"uvcvideo", "nodrop=1"}}

// File is a file in the guest: a copy of one on the host, a link, or the content.
type File struct {
	Path    string
	Host    string
	Link    string
	Content []byte
	Mode    uint32 // permissions; 0 for the host's, or 0644
}

func (f File) mode(standard uint32) uint32 {
	if f.Mode != 0 {
		return f.Mode
	}
	return standard
}

// Guest is a running board.
type Guest struct {
	board   Board
	dir     string // sockets and initramfs
	qemu    *exec.Cmd
	exited  chan struct{} // closed when QEMU has ended
	monitor *monitor
	agent   net.Conn
	ready   chan struct{} // closed when the agent takes requests
	log     *journal

	mu        sync.Mutex // of what follows
	requests  *json.Encoder
	processes map[int]*Process
	lastID    int
}

// QEMU returns the path of the emulator. The error wraps image.ErrUnavailable if it isn't installed.
func QEMU() (string, error) {
	program, err := exec.LookPath("qemu-system-aarch64")
	if err != nil {
		err = fmt.Errorf("%w: qemu-system-aarch64 isn't installed (Debian package qemu-system-arm)", image.ErrUnavailable)
	}
	return program, err
}

// Boot starts a board and waits until its agent answers. The error wraps image.ErrUnavailable if QEMU isn't
// installed; after another one it holds the guest's log.
func Boot(ctx context.Context, c Config) (*Guest, error) {
	program, err := QEMU()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "edge-e2e-")
	if err != nil {
		return nil, err
	}
	g := &Guest{
		board: c.Board, dir: dir, exited: make(chan struct{}), ready: make(chan struct{}), log: newJournal(),
		processes: map[int]*Process{},
	}
	if err := g.boot(ctx, program, c); err != nil {
		g.Close()
		return nil, fmt.Errorf("machine: %w\n%s", err, g.Log())
	}
	return g, nil
}

func (g *Guest) boot(ctx context.Context, program string, c Config) error {
	if err := writeInitramfs(g.path("initramfs"), c); err != nil {
		return err
	}
	if c.Board == RPi3 {
		if err := freeSerialPort(c.Images.RPi3, g.path("devicetree")); err != nil {
			return err
		}
	}
	listeners := map[string]*net.UnixListener{}
	for _, name := range []string{"monitor", "agent"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: g.path(name)})
		if err != nil {
			return err
		}
		defer l.Close()
		l.SetDeadline(time.Now().Add(bootTime))
		listeners[name] = l
	}
	g.qemu = exec.Command(program, arguments(c, g.dir)...)
	g.qemu.Stdout, g.qemu.Stderr = g.log.writer("console"), g.log.writer("qemu")
	g.qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := g.qemu.Start(); err != nil {
		return err
	}
	go func() { // ends with QEMU, which Close kills
		g.qemu.Wait()
		close(g.exited)
		for _, l := range listeners {
			l.SetDeadline(time.Now())
		}
	}()
	conn, err := listeners["monitor"].Accept()
	if err != nil {
		return fmt.Errorf("no monitor: %w", err)
	}
	if g.monitor, err = newMonitor(conn); err != nil {
		return err
	}
	if g.agent, err = listeners["agent"].Accept(); err != nil {
		return fmt.Errorf("no agent's port: %w", err)
	}
	g.requests = json.NewEncoder(g.agent)
	go g.receive() // ends when Close closes the connection
	select {
	case <-g.ready:
		return nil
	case <-g.exited:
		return errors.New("QEMU ended while it booted")
	case <-time.After(bootTime):
		return fmt.Errorf("no answer from the agent within %v", bootTime)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Guest) path(name string) string { return filepath.Join(g.dir, name) }

// ReadWord returns the 32-bit word at a physical address of the board, read from outside of it.
func (g *Guest) ReadWord(address uint64) (uint32, error) { return g.monitor.word(address) }

// Log returns everything that the guest's console and its processes have written so far.
func (g *Guest) Log() string { return g.log.String() }

// Fault returns what the guest's kernel wrote when it faulted itself, or "". What comes later says nothing about a program: the
// kernel ended the thread that it ran for, whose locks stay locked.
func (g *Guest) Fault() string { return fault(g.Log()) }

func fault(log string) string {
	start := faultStarts.FindStringIndex(log)
	if start == nil {
		return ""
	}
	text, _, _ := strings.Cut(log[start[0]:], "---[ end trace")
	return text
}

var faultStarts = regexp.MustCompile(`(?m)^.* console .*(Unable to handle kernel|Internal error: |kernel BUG at ).*$`)

// Close ends the guest.
func (g *Guest) Close() {
	if g.qemu != nil && g.qemu.Process != nil {
		g.qemu.Process.Kill()
		<-g.exited
	}
	if g.agent != nil {
		g.agent.Close()
	}
	if g.monitor != nil {
		g.monitor.conn.Close()
	}
	os.RemoveAll(g.dir)
}

// Starved returns for how long the board's processor has waited for a core of this machine: what happened on the board would
// have taken so much less beside nobody else. It is the QEMU thread that has computed most.
func (g *Guest) Starved() time.Duration {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", g.qemu.Process.Pid))
	var most, starved time.Duration
	for _, name := range names {
		var ran, waited time.Duration
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		if _, err := fmt.Sscan(string(text), &ran, &waited); err == nil && ran > most {
			most, starved = ran, waited
		}
	}
	return starved
}

// SlowCard lets the card do so many reads and writes a second; 0: as many as it can.
func (g *Guest) SlowCard(operations int) error {
	text, err := g.monitor.human(fmt.Sprintf("block_set_io_throttle card 0 0 0 %d 0 0", operations))
	if err == nil && text != "" {
		err = errors.New("QEMU's monitor: " + text)
	}
	return err
}

// Press pushes the board's power button, line 3 of the PL061, for 100 ms.
func (g *Guest) Press() error {
	_, err := g.monitor.execute("system_powerdown", nil)
	return err
}
