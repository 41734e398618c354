// Package image makes what an emulated board boots, out of Debian's arm64 packages: a kernel, its modules, the device
// tree of a Raspberry Pi 3, a static busybox and a root file system with systemd.
//
// Only what doesn't change from run to run is made here. It lies in a cache outside of the repository, keyed by the
// versions of the packages and by the recipe below; what is under test is added at each boot.
package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrUnavailable says that this machine lacks something for an emulated board: a tool, or the network. Tests skip.
var ErrUnavailable = errors.New("no emulated board here")

func unavailable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnavailable, fmt.Sprintf(format, args...))
}

// Set is one set of images, as paths on the host.
type Set struct {
	Kernel  string // vmlinuz
	RPi3    string // device tree of the Raspberry Pi 3 B
	Busybox string // static, arm64
	Modules string // a folder of NAME.ko files, closed under dependencies
	Root    string // squashfs: Debian with systemd
}

// recipe is part of the key: raise it when the code below makes something else of the same packages.
const recipe = "4"

// modules that a guest may ask for. What the kernel has built in (PL061, pinctrl-bcm2835, the serial ports) isn't here.
var modules = []string{
	"vivid",                // cameras
	"vhci_hcd", "uvcvideo", // USB cameras
	"virtio_mmio", "virtio_blk", "virtio_console", // disk and agent's port on -M virt
	"squashfs", "overlay", // the root file system
	"ext4", "crc32c_generic", // a card
}

// rootPackages are what the unit needs around it: systemd, udev with its rules, and a shell to look around.
var rootPackages = []string{
	"base-files", "base-passwd", "bash", "coreutils", "dash", "diffutils", "findutils", "grep", "kmod", "libc-bin",
	"login", "mount", "passwd", "procps", "sed", "systemd", "systemd-sysv", "udev", "util-linux",
}

// tools of the host, and the Debian packages that hold them.
var tools = map[string]string{
	"apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg", "mksquashfs": "squashfs-tools",
}

// Prepare returns the images for the newest packages, and makes them first if the cache doesn't have them. It may
// download about 100 MB. The error wraps ErrUnavailable if the machine lacks something that can be installed.
func Prepare(ctx context.Context) (*Set, error) {
	for tool, pkg := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, unavailable("%s isn't installed (Debian package %s)", tool, pkg)
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		return nil, unavailable("%s is missing (Debian package debian-archive-keyring)", keyring)
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	a, err := newAPT(filepath.Join(cache, "apt"))
	if err != nil {
		return nil, err
	}
	if err := a.update(ctx, 24*time.Hour); err != nil {
		return nil, err
	}
	p, err := a.resolve(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(p.dir(cache)); err == nil {
		return newSet(p.dir(cache)), nil
	}
	if err := a.update(ctx, 10*time.Minute); err != nil { // the lists of a day ago may name what is gone
		return nil, err
	}
	if p, err = a.resolve(ctx); err != nil {
		return nil, err
	}
	return makeSet(ctx, a, cache, p)
}

// packages are the files that a set is made of, with their versions.
type packages struct{ boot, root []string }

func (a apt) resolve(ctx context.Context) (p packages, err error) {
	kernel, err := a.kernelPackage(ctx)
	if err != nil {
		return p, err
	}
	if p.boot, err = a.alone(ctx, []string{kernel, "busybox-static"}); err != nil {
		return p, err
	}
	p.root, err = a.closure(ctx, rootPackages)
	return p, err
}

// dir is where the set lies in the cache.
func (p packages) dir(cache string) string {
	return filepath.Join(cache, suite+"-"+shortHash(slices.Concat([]string{recipe}, modules, p.boot, p.root)))
}

func makeSet(ctx context.Context, a apt, cache string, p packages) (*Set, error) {
	temp, err := os.MkdirTemp(cache, "making-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp)
	if err := build(ctx, a, temp, p); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	removeOld(cache, 30*24*time.Hour)
	if err := os.Rename(filepath.Join(temp, "out"), p.dir(cache)); err != nil {
		return nil, err
	}
	return newSet(p.dir(cache)), nil
}

func newSet(dir string) *Set {
	return &Set{
		Kernel:  filepath.Join(dir, "vmlinuz"),
		RPi3:    filepath.Join(dir, "bcm2837-rpi-3-b.dtb"),
		Busybox: filepath.Join(dir, "busybox"),
		Modules: filepath.Join(dir, "modules"),
		Root:    filepath.Join(dir, "root.squashfs"),
	}
}

func build(ctx context.Context, a apt, temp string, p packages) error {
	debs, unpacked, out := filepath.Join(temp, "debs"), filepath.Join(temp, "boot"), newSet(filepath.Join(temp, "out"))
	var names []string
	for _, file := range slices.Concat(p.boot, p.root) {
		names = append(names, packageName(file))
	}
	if err := a.download(ctx, debs, names); err != nil {
		return unavailable("Debian's packages: %v", err)
	}
	if err := os.MkdirAll(out.Modules, 0o755); err != nil {
		return err
	}
	if err := unpack(ctx, unpacked, debs, p.boot); err != nil {
		return err
	}
	for pattern, to := range map[string]string{
		"boot/vmlinuz-*": out.Kernel,
		"usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb": out.RPi3,
		"bin/busybox": out.Busybox,
	} {
		if err := copyMatch(filepath.Join(unpacked, pattern), to); err != nil {
			return err
		}
	}
	if err := copyModules(filepath.Join(unpacked, "lib/modules"), out.Modules, modules); err != nil {
		return err
	}
	return buildRoot(ctx, filepath.Join(temp, "root"), debs, p.root, out.Root)
}

// buildRoot unpacks the packages without running their scripts and does by hand the little of those that matters here.
func buildRoot(ctx context.Context, dir, debs string, files []string, squashfs string) error {
	for _, name := range []string{"bin", "sbin", "lib"} { // merged /usr, as Debian's own installer makes it
		if err := os.MkdirAll(filepath.Join(dir, "usr", name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+name, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := unpack(ctx, dir, debs, files); err != nil {
		return err
	}
	for _, waste := range []string{"usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/i18n", "boot"} {
		if err := os.RemoveAll(filepath.Join(dir, waste)); err != nil {
			return err
		}
	}
	for _, name := range []string{"passwd", "group"} {
		master := filepath.Join(dir, "usr/share/base-passwd", name+".master")
		if err := copyFile(master, filepath.Join(dir, "etc", name)); err != nil {
			return err
		}
	}
	// awk, which, and others come through update-alternatives and aren't needed; sh is dash already.
	for name, text := range map[string]string{
		"etc/machine-id": "0123456789abcdef0123456789abcdef\n", "etc/hostname": "board\n", "etc/fstab": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	// Uncompressed: reading is much cheaper than decompressing under emulation.
	cmd := exec.CommandContext(ctx, "mksquashfs", dir, squashfs,
		"-all-root", "-noI", "-noD", "-noF", "-noX", "-no-progress", "-quiet", "-processors", "1")
	_, err := output(cmd)
	return err
}

func unpack(ctx context.Context, dir, debs string, files []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		if _, err := output(exec.CommandContext(ctx, "dpkg-deb", "-x", filepath.Join(debs, file), dir)); err != nil {
			return err
		}
	}
	return nil
}

// copyMatch copies the only file that matches the pattern.
func copyMatch(pattern, to string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	if len(matches) != 1 {
		return fmt.Errorf("%s matches %d files, want 1", pattern, len(matches))
	}
	return copyFile(matches[0], to)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "edge-e2e")
	return dir, os.MkdirAll(dir, 0o755)
}

// lock waits until no other process makes images.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// removeOld drops sets that were made so long ago that no guest runs on them any more.
func removeOld(cache string, age time.Duration) {
	entries, _ := os.ReadDir(cache)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && isImage(entry) && time.Since(info.ModTime()) > age {
			os.RemoveAll(filepath.Join(cache, entry.Name()))
		}
	}
}

func isImage(entry fs.DirEntry) bool {
	return strings.HasPrefix(entry.Name(), suite+"-") || strings.HasPrefix(entry.Name(), "making-")
}
