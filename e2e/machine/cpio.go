package machine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
)

// archive writes an initramfs: a cpio archive in the "newc" format (Documentation/driver-api/early-userspace in the
// kernel's source), all of it owned by root.
type archive struct {
	w     *bufio.Writer
	inode int
	dirs  map[string]bool
}

const (
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
	modeChar = 0o020000
)

func newArchive(w io.Writer) *archive {
	return &archive{w: bufio.NewWriterSize(w, 1<<20), dirs: map[string]bool{".": true, "/": true}}
}

// add writes one file, and before it the folders that it lies in.
func (a *archive) add(f File) error {
	a.parents(f.Path)
	switch {
	case f.Link != "":
		a.entry(f.Path, modeLink|0o777, 0, 0, int64(len(f.Link)))
		a.w.WriteString(f.Link)
		a.pad(int64(len(f.Link)))
		return nil
	case f.Host == "":
		a.entry(f.Path, modeFile|f.mode(0o644), 0, 0, int64(len(f.Content)))
		a.w.Write(f.Content)
		a.pad(int64(len(f.Content)))
		return nil
	}
	in, err := os.Open(f.Host)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	a.entry(f.Path, modeFile|f.mode(uint32(info.Mode().Perm())), 0, 0, info.Size())
	if _, err := io.CopyN(a.w, in, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", f.Host, err)
	}
	a.pad(info.Size())
	return nil
}

// console is what the kernel opens for the first process's output.
func (a *archive) console() {
	a.parents("/dev/console")
	a.entry("/dev/console", modeChar|0o600, 5, 1, 0)
}

func (a *archive) parents(file string) {
	dir := path.Dir(path.Clean(file))
	if a.dirs[dir] {
		return
	}
	a.dirs[dir] = true
	a.parents(dir)
	a.entry(dir, modeDir|0o755, 0, 0, 0)
}

// entry writes a header and the name. Errors stay with the bufio.Writer until close.
func (a *archive) entry(file string, mode, major, minor uint32, size int64) {
	a.inode++
	name := path.Clean(file)
	for len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	const links, owner, group, modified, check = 1, 0, 0, 0, 0
	fmt.Fprintf(a.w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, owner, group, links, modified, size, 0, 0, major, minor, len(name)+1, check)
	a.w.WriteString(name)
	a.w.WriteByte(0)
	a.pad(110 + int64(len(name)) + 1)
}

// pad fills up to a multiple of four; headers and contents both begin at one.
func (a *archive) pad(written int64) {
	for ; written%4 != 0; written++ {
		a.w.WriteByte(0)
	}
}

func (a *archive) close() error {
	a.entry("TRAILER!!!", 0, 0, 0, 0)
	return a.w.Flush()
}
