package files

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWhole writes over a file, with and without the help of a file system that has files without names.
func TestWhole(t *testing.T) {
	for _, unnamed := range []bool{true, false} {
		name := filepath.Join(t.TempDir(), "out")
		for _, text := range []string{"first", "second", ""} {
			w, err := Create(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !unnamed && w.unnamed { // as on a file system that has none
				w.Discard()
				file, err := os.Create(besides(name))
				if err != nil {
					t.Fatal(err)
				}
				w = newWhole(file, name, 0, false)
			}
			if _, err := io.WriteString(w, text); err != nil {
				t.Fatal(err)
			}
			if text == "" {
				w.Discard()
			} else if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
			w.Discard() // does nothing any more
			got, err := os.ReadFile(name)
			if err != nil || string(got) != text && text != "" || len(got) == 0 {
				t.Errorf("%q, %v after %q", got, err, text)
			}
			if entries, err := os.ReadDir(filepath.Dir(name)); err != nil || len(entries) != 1 {
				t.Errorf("%v, %v: want the file alone", entries, err)
			}
		}
	}
}

// TestWholeMode holds that a new file obeys the umask, and that one that replaces another keeps its mode.
func TestWholeMode(t *testing.T) {
	defer unix.Umask(unix.Umask(0o027))
	name := filepath.Join(t.TempDir(), "out")
	for _, want := range []fs.FileMode{0o640, 0o604} {
		if err := write(name, "text"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("mode %v, %v; want %v", info.Mode(), err, want)
		}
		if err := os.Chmod(name, 0o604); err != nil {
			t.Fatal(err)
		}
	}
}

func write(name, text string) error {
	w, err := Create(name, nil)
	if err != nil {
		return err
	}
	defer w.Discard()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return w.Commit()
}

// TestWholeRefuses holds what isn't written to, and that it stays as it is.
func TestWholeRefuses(t *testing.T) {
	dir := t.TempDir()
	target, link, dangling := filepath.Join(dir, "target"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	pipe := filepath.Join(dir, "pipe")
	err := errors.Join(os.WriteFile(target, []byte("precious"), 0o600), os.Symlink(target, link),
		os.Symlink(filepath.Join(dir, "nothing"), dangling), unix.Mkfifo(pipe, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		link: "symbolic link", dangling: "symbolic link", dir: "is a directory", pipe: "nobody reads",
		filepath.Join(dir, "no", "file"): "no such file",
	} {
		if err := write(name, "text"); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v, want one with its name and %q", name, err, want)
		}
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "precious" {
		t.Errorf("the link's target holds %q, %v", got, err)
	}
	if err := write("/dev/full", "text"); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("full: %v", err)
	}
	if err := write("/dev/null", "text"); err != nil {
		t.Errorf("a device: %v", err)
	}
}

// TestRead reads what is a file, and neither waits for nor swallows what isn't.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(file, make([]byte, 2048), 0o600), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(file, 2048); err != nil || len(data) != 2048 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	for _, c := range []struct {
		name string
		want error
	}{
		{file, ErrTooLarge},
		{pipe, ErrNotRegular},
		{dir, ErrNotRegular},
		{"/dev/zero", ErrNotRegular},
		{"/proc/self/mounts", ErrNotRegular}, // as /proc/kmsg: it can be waited for
		{filepath.Join(dir, "none"), fs.ErrNotExist},
	} {
		done := make(chan error, 1)
		go func() { _, err := Read(c.name, 2047); done <- err }()
		select {
		case err := <-done:
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.name) {
				t.Errorf("%s: error %v, want %v", c.name, err, c.want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: reading blocks", c.name)
		}
	}
	// What has no end though it says it has no size takes little memory before it is refused.
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read("/proc/self/pagemap", 1<<30)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 16<<20 {
		t.Errorf("error %v after %d bytes", err, took)
	}
	if _, err := Read(filepath.Join(dir, "a\x1b[2J\n"), 1); err == nil || strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("error %q", err)
	}
	// A file that says it is empty, as all in /proc do.
	if data, err := Read("/proc/self/status", 1<<20); err != nil || len(data) == 0 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
