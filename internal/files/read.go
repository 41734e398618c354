// Package files opens every file that comes from outside, and writes every file that the program makes.
//
// What a person names may be a FIFO that nobody writes to, a device without an end, or a file of 10 GB. Read opens
// none of these by mistake: it takes regular files up to a limit and never blocks. What the program writes appears under
// its name only when all of it is on the disk; see Create.
package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"edge/internal/text"
)

// ErrNotRegular is the error for a FIFO, a device, a socket or a folder in place of a file.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge is the error for a file above its limit. The message continues with the limit.
var ErrTooLarge = errors.New("larger")

// Open opens a regular file of at most limit bytes for reading. It doesn't wait for anything: opening a FIFO or a
// device is refused, not begun. Errors name the file.
func Open(name string, limit int64) (*os.File, error) {
	// Without O_NONBLOCK opening a FIFO would wait for its writer. A regular file doesn't care.
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, renamed(err, name)
	}
	clean := text.Clean(name)
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: is %s, %w", clean, kind(info.Mode()), ErrNotRegular)
	case file.SetReadDeadline(time.Time{}) == nil: // the kernel would tell when there is more to read, as of /proc/kmsg
		err = fmt.Errorf("%s: reading it may wait for ever, so it is %w", clean, ErrNotRegular)
	case info.Size() > limit:
		err = tooLarge(name, limit)
	default:
		return file, nil
	}
	file.Close()
	return nil, err
}

// Read returns the content of a regular file of at most limit bytes. Errors name the file.
func Read(name string, limit int64) ([]byte, error) {
	var data bytes.Buffer
	if err := ReadTo(&data, name, limit); err != nil {
		return nil, err
	}
	return data.Bytes(), nil
}

// ReadTo is Read into a buffer, in place of what that held: one does for many files.
func ReadTo(data *bytes.Buffer, name string, limit int64) error {
	file, err := Open(name, limit)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// A file may grow while it is read, and those of /proc say that they have no size, which some have no end either.
	const growth = 1 << 20
	limit = min(limit, info.Size()+growth)
	data.Reset()
	data.Grow(int(info.Size()) + bytes.MinRead) // at once, not doubling
	n, err := data.ReadFrom(io.LimitReader(file, limit+1))
	if err == nil && n > limit {
		err = tooLarge(name, limit)
	}
	return renamed(err, name)
}

func tooLarge(name string, limit int64) error {
	size := fmt.Sprintf("%d MiB", limit>>20)
	if limit < 1<<20 {
		size = fmt.Sprintf("%d KiB", limit>>10)
	}
	return fmt.Errorf("%s: %w than %s", text.Clean(name), ErrTooLarge, size)
}

// kind names what isn't a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}
