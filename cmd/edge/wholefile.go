package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// wholeFile is a file that appears under its name only when all of it is written.
type wholeFile struct {
	*bufio.Writer
	file    *os.File // nil for standard output, and when all is done
	name    string   // what file is to be called; empty for a device or a pipe, which is written in place
	unnamed bool     // file has no name yet: whatever ends the process, nothing of it is left
}

func createWhole(name string, stdout io.Writer) (*wholeFile, error) {
	if name == "-" {
		return &wholeFile{Writer: bufio.NewWriter(stdout)}, nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &wholeFile{Writer: bufio.NewWriter(file), file: file}, nil
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target // not the link is replaced, but what it leads to
	}
	file, unnamed := openUnnamed(filepath.Dir(name)), true
	if file == nil {
		var err error
		if file, err = os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*"); err != nil {
			return nil, err
		}
		unnamed = false
	}
	return &wholeFile{bufio.NewWriterSize(file, 1<<16), file, name, unnamed}, nil
}

// openUnnamed makes a file without a name in a directory; nil where the file system has none, as FAT, or where no name
// can be given to it later.
func openUnnamed(dir string) *os.File {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), dir)
	if _, err := os.Stat(procName(file)); err != nil {
		file.Close()
		return nil
	}
	return file
}

// procName is a name of any open file, for this process.
func procName(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

// commit puts the file in its place.
func (w *wholeFile) commit() error {
	if err := w.Flush(); err != nil || w.file == nil {
		return err
	}
	if w.name != "" {
		if err := w.place(); err != nil {
			return err
		}
	}
	file := w.file
	w.file = nil
	return file.Close()
}

// place gives the file its name, in the place of what had it before.
func (w *wholeFile) place() error {
	if err := errors.Join(w.file.Chmod(0o644), w.file.Sync()); err != nil {
		return err
	}
	if !w.unnamed {
		return os.Rename(w.file.Name(), w.name)
	}
	// A link is never made over another file, only a rename is.
	link := filepath.Join(filepath.Dir(w.name), fmt.Sprintf(".%s.%d", filepath.Base(w.name), os.Getpid()))
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that had this number
		return err
	}
	err := unix.Linkat(unix.AT_FDCWD, procName(w.file), unix.AT_FDCWD, link, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: procName(w.file), New: link, Err: err}
	}
	if err := os.Rename(link, w.name); err != nil {
		return errors.Join(err, os.Remove(link))
	}
	return nil
}

// discard removes what hasn't been committed.
func (w *wholeFile) discard() {
	if w.file == nil {
		return
	}
	w.file.Close()
	if w.name != "" && !w.unnamed {
		os.Remove(w.file.Name())
	}
	w.file = nil
}
