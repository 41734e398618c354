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
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"edge/e2e/image"
	"edge/e2e/wire"
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
	Units   []string // systemd units to start beside the system's own
}

// Module is a kernel module, with those that it depends on.
type Module struct{ Name, Parameters string }

// Vivid is a virtual camera (/dev/video0) and a video output (/dev/video1) that can be looped into it.
var Vivid = Module{"vivid", "node_types=0x101"}

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

// Boot starts a board and waits until its agent answers. The error wraps image.ErrUnavailable where QEMU isn't
// installed; after another one it holds the guest's log.
func Boot(ctx context.Context, c Config) (*Guest, error) {
	program, err := exec.LookPath("qemu-system-aarch64")
	if err != nil {
		return nil, fmt.Errorf("%w: qemu-system-aarch64 isn't installed (Debian package qemu-system-arm)",
			image.ErrUnavailable)
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

// arguments are QEMU's. There is no KVM: it doesn't work everywhere, and the boards aren't the host's architecture.
func arguments(c Config, dir string) []string {
	kernel := []string{"panic=-1"}
	args := []string{
		"-display", "none", "-nodefaults", "-no-reboot",
		"-kernel", c.Images.Kernel, "-initrd", filepath.Join(dir, "initramfs"),
		"-chardev", "socket,id=monitor,path=" + filepath.Join(dir, "monitor"), "-mon", "chardev=monitor,mode=control",
		"-chardev", "socket,id=agent,path=" + filepath.Join(dir, "agent"),
	}
	switch c.Board {
	case Virt:
		args = append(args, "-accel", "tcg", "-M", "virt", "-cpu", "cortex-a72", "-m", "256",
			"-device", "virtio-serial-device", "-device", "virtserialport,chardev=agent", "-serial", "stdio")
		kernel = append(kernel, "console=ttyAMA0")
	case RPi3:
		// One thread for the four cores: three of them spin until the kernel starts them, and would take the host's.
		args = append(args, "-accel", "tcg,thread=single", "-M", "raspi3b", "-dtb", filepath.Join(dir, "devicetree"),
			"-serial", "chardev:agent", "-serial", "stdio")
		// The second serial port is one that QEMU emulates just well enough for a console.
		kernel = append(kernel, "8250.nr_uarts=1", "console=ttyS0")
	}
	if c.Systemd {
		args = append(args, "-drive", "if=none,id=root,format=raw,readonly=on,file="+c.Images.Root,
			"-device", "virtio-blk-device,drive=root")
		kernel = append(kernel, "systemd.show_status=0", "systemd.unit=multi-user.target",
			"systemd.condition-needs-update=no", "systemd.firstboot=no", "systemd.wants=agent.service")
		for _, unit := range c.Units {
			kernel = append(kernel, "systemd.wants="+unit)
		}
		for _, unit := range masked {
			kernel = append(kernel, "systemd.mask="+unit)
		}
	}
	return append(args, "-append", strings.Join(kernel, " "))
}

// masked are units that would only cost time.
var masked = []string{
	"getty.target", "timers.target", "apparmor.service", "kmod-static-nodes.service", "dev-hugepages.mount",
	"dev-mqueue.mount", "sys-kernel-tracing.mount", "modprobe@configfs.service", "modprobe@dm_mod.service",
	"modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service", "modprobe@drm.service",
	"systemd-hwdb-update.service", "systemd-logind.service", "systemd-modules-load.service",
	"systemd-networkd.service", "systemd-pstore.service", "systemd-random-seed.service",
	"systemd-remount-fs.service", "systemd-repart.service", "systemd-sysctl.service", "systemd-timesyncd.service",
	"systemd-update-utmp.service", "systemd-user-sessions.service",
}

// generators make units out of what is not here. (systemd-debug-generator stays: it reads systemd.wants and systemd.mask.)
var generators = []string{
	"systemd-bless-boot-generator", "systemd-cryptsetup-generator", "systemd-fstab-generator",
	"systemd-getty-generator", "systemd-gpt-auto-generator", "systemd-hibernate-resume-generator",
	"systemd-integritysetup-generator", "systemd-rc-local-generator", "systemd-run-generator",
	"systemd-system-update-generator", "systemd-sysv-generator", "systemd-veritysetup-generator",
}

const agentUnit = `[Unit]
Description=What the host talks to
DefaultDependencies=no
After=systemd-tmpfiles-setup-dev.service
[Service]
ExecStart=/usr/local/bin/agent serve %s
StandardOutput=journal+console
OOMScoreAdjust=-1000
`

// port matches the device in the guest whose other end the host holds.
func (b Board) port() string {
	if b == RPi3 {
		return "/dev/ttyAMA0"
	}
	return "/dev/vport*p1"
}

func writeInitramfs(path string, c Config) error {
	boot := wire.Boot{Port: c.Board.port()}
	files := []File{{Path: wire.Agent, Host: c.Agent, Mode: 0o755}}
	add := func(prefix string, more ...File) {
		for _, f := range more {
			f.Path = prefix + f.Path
			files = append(files, f)
		}
	}
	modules := c.Modules
	if c.Board == Virt {
		modules = append(modules[:len(modules):len(modules)], Module{Name: "virtio_mmio"}, Module{Name: "virtio_console"})
	}
	if c.Systemd {
		boot.Root = "/dev/vda"
		modules = append(modules, Module{Name: "virtio_blk"}, Module{Name: "squashfs"}, Module{Name: "overlay"})
		add(wire.Files, c.Files...)
		add(wire.Files,
			File{Path: "/usr/local/bin/agent", Host: c.Agent, Mode: 0o755},
			File{Path: "/etc/systemd/system/agent.service", Content: fmt.Appendf(nil, agentUnit, boot.Port)})
		for _, name := range generators {
			add(wire.Files, File{Path: "/etc/systemd/system-generators/" + name, Link: "/dev/null"})
		}
	} else {
		add("", c.Files...)
		add("", busybox(c.Images.Busybox)...)
	}
	for _, m := range modules {
		order, err := c.Images.LoadOrder([]string{m.Name})
		if err != nil {
			return err
		}
		for i, host := range order {
			file := wire.Module{File: "/modules/" + filepath.Base(host)}
			if i == len(order)-1 {
				file.Parameters = m.Parameters
			}
			if !slices.ContainsFunc(boot.Modules, func(have wire.Module) bool { return have.File == file.File }) {
				boot.Modules = append(boot.Modules, file)
				add("", File{Path: file.File, Host: host})
			}
		}
	}
	text, err := json.Marshal(boot)
	if err != nil {
		return err
	}
	add("", File{Path: wire.BootFile, Content: text})
	return writeArchive(path, files)
}

func writeArchive(path string, files []File) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	a := newArchive(out)
	a.console()
	for _, f := range files {
		if err := a.add(f); err != nil {
			return err
		}
	}
	if err := a.close(); err != nil {
		return err
	}
	return out.Close()
}

// busybox is the program and a link for each command that tests and people use.
func busybox(host string) []File {
	files := []File{{Path: "/bin/busybox", Host: host, Mode: 0o755}}
	for _, name := range strings.Fields("sh ls cat echo grep sed head tail hexdump dd cmp ps kill sleep dmesg mount " +
		"umount mkdir rm cp mv ln chmod chown id env true false wc sort find stat timeout pidof top free df") {
		files = append(files, File{Path: "/bin/" + name, Link: "busybox"})
	}
	return files
}

// ReadWord returns the 32-bit word at a physical address of the board, read from outside of it.
func (g *Guest) ReadWord(address uint64) (uint32, error) { return g.monitor.word(address) }

// Log returns everything that the guest's console and its processes have written so far.
func (g *Guest) Log() string { return g.log.String() }

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
