//go:build linux

package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"edge/e2e/wire"
)

func mountAPIs(root string) error {
	for _, m := range []struct{ kind, at string }{
		{"devtmpfs", "/dev"},
		{"proc", "/proc"},
		{"sysfs", "/sys"},
		{"debugfs", "/sys/kernel/debug"},
		{"tmpfs", "/run"},
		{"tmpfs", "/tmp"},
	} {
		if err := mount(m.kind, root+m.at, m.kind, 0, ""); err != nil {
			return err
		}
	}
	return nil
}

func load(m wire.Module) error {
	f, err := os.Open(m.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), m.Parameters, 0); err != nil {
		return fmt.Errorf("load %s %s: %w", m.File, m.Parameters, err)
	}
	return nil
}

// switchRoot lays a tmpfs over the squashfs on device and the files from the initramfs over both, and hands the
// machine to the init in there, which is to start the agent again.
func switchRoot(device string) error {
	device, err := waitFor(device)
	if err != nil {
		return err
	}
	if err := mount(device, "/lower", "squashfs", unix.MS_RDONLY, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", "/upper", "tmpfs", 0, ""); err != nil {
		return err
	}
	for _, dir := range []string{"/upper/files", "/upper/work"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	const layers = "lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work"
	if err := mount("overlay", "/root", "overlay", 0, layers); err != nil {
		return err
	}
	if err := copyTree(wire.Files, "/root"); err != nil {
		return err
	}
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run"} {
		if err := unix.Mount(dir, "/root"+dir, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", dir, err)
		}
	}
	if err := os.Chdir("/root"); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move /root to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	return fmt.Errorf("/sbin/init: %w", unix.Exec("/sbin/init", []string{"/sbin/init"}, os.Environ()))
}

func mount(source, at, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, at, kind, flags, data); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount %s at %s: %w", kind, at, err)
	}
	return nil
}

// copyTree copies folders, regular files and links.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch entry.Type() {
		case fs.ModeDir:
			return os.MkdirAll(target, 0o755)
		case fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		return copyFile(path, target)
	})
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
		return err
	}
	return out.Close()
}

// waitFor waits until a driver has made the device's node, and returns its path.
func waitFor(pattern string) (string, error) {
	for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		if len(matches) > 0 {
			return matches[0], nil
		}
	}
	return "", fmt.Errorf("%s did not appear", pattern)
}
