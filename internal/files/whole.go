package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"edge/internal/text"
)

// Whole is a file that appears under its name only when all of it is written: whatever ends the process before
// Commit, the file that had the name stays as it was.
type Whole struct {
	*bufio.Writer
	file    *os.File // nil for standard output, and when all is done
	name    string   // what the file is to be called; empty for a device or a pipe, which is written in place
	mode    fs.FileMode
	unnamed bool // file has no name yet: whatever ends the process, nothing of it is left
}

// Create begins a file. "-" is stdout. A device or a pipe is written in place. A symbolic link is refused, as
// following it could replace any file, and replacing it would break what it is for. A new file's mode follows the
// umask; one that replaces another keeps the other's mode. Errors, those of writing too, name the file.
//
// The caller calls Commit when all is written, and Discard in any case:
//
//	w, err := files.Create(name, os.Stdout)
//	…
//	defer w.Discard()
//	… write to w …
//	return w.Commit()
func Create(name string, stdout io.Writer) (*Whole, error) {
	if name == "-" {
		return &Whole{Writer: bufio.NewWriter(text.Raw(stdout))}, nil
	}
	mode := fs.FileMode(0) // as the umask has it
	switch info, err := os.Stat(name); {
	case err != nil:
	case info.Mode().IsRegular():
		mode = info.Mode().Perm()
	case info.IsDir():
		return nil, fmt.Errorf("%s: is a directory", name)
	default:
		return createInPlace(name)
	}
	if target, err := os.Readlink(name); err == nil {
		return nil, fmt.Errorf("%s is a symbolic link to %s: nothing is written through links; name the file itself", name, target)
	}
	dir := filepath.Dir(name)
	file, unnamed := openUnnamed(dir), true
	if file == nil {
		var err error
		if file, err = os.OpenFile(besides(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o666); err != nil {
			return nil, renamed(err, name)
		}
		unnamed = false
	}
	return newWhole(file, name, mode, unnamed), nil
}

func newWhole(file *os.File, name string, mode fs.FileMode, unnamed bool) *Whole {
	return &Whole{bufio.NewWriterSize(writer{file, name}, 1<<16), file, name, mode, unnamed}
}

// createInPlace opens a device or a pipe. It doesn't wait for somebody to read a pipe.
func createInPlace(name string) (*Whole, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("%s: nobody reads this pipe", name)
	}
	if err != nil {
		return nil, err
	}
	return &Whole{Writer: bufio.NewWriter(file), file: file}, nil
}

// writer puts a file's name into the errors of writing: an unnamed file's own are about its folder.
type writer struct {
	file *os.File
	name string
}

func (w writer) Write(data []byte) (int, error) {
	n, err := w.file.Write(data)
	return n, renamed(err, w.name)
}

// renamed is a file's error with the name that a person knows.
func renamed(err error, name string) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: path.Op, Path: text.Clean(name), Err: path.Err}
	}
	return err
}

// besides is a name next to another, for this process.
func besides(name string) string {
	return filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%d", filepath.Base(name), os.Getpid()))
}

// openUnnamed makes a file without a name in a folder. It returns nil if the file system has none, as FAT, or can't
// name one later.
func openUnnamed(dir string) *os.File {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
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

// Commit writes what is left and puts the file in its place, on the disk.
func (w *Whole) Commit() error {
	if err := w.Flush(); err != nil || w.file == nil {
		return err
	}
	if w.name != "" {
		if err := w.place(); err != nil {
			return renamed(err, w.name)
		}
	}
	file := w.file
	w.file = nil
	return file.Close()
}

// place gives the file its name, in the place of what had it before.
func (w *Whole) place() error {
	if w.mode != 0 {
		if err := w.file.Chmod(w.mode); err != nil {
			return err
		}
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if !w.unnamed {
		return os.Rename(w.file.Name(), w.name)
	}
	// A link is never made over another file, only a rename is.
	link := besides(w.name)
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

// Discard removes what hasn't been committed. After Commit it does nothing.
func (w *Whole) Discard() {
	if w.file == nil {
		return
	}
	w.file.Close()
	if w.name != "" && !w.unnamed {
		os.Remove(w.file.Name())
	}
	w.file = nil
}

// Write writes a whole file, as Create does.
func Write(name string, data []byte) error {
	w, err := Create(name, nil)
	if err != nil {
		return err
	}
	defer w.Discard()
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Commit()
}
