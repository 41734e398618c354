package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"edge/decision"
	"edge/download"
	"edge/internal/files"
	"edge/model"
)

// Getter downloads a hosted network into a folder. It writes nothing through links.
//
//	NAME.tgz.part     what has come of the archive; the next try continues from there
//	NAME.tgz          an archive that a person has put there is used instead
//	NAME.tflite       the network: there whole and checked, or not at all
//	edge-models.lock  the SHA-256 that was learned, if edge doesn't know it
type Getter struct {
	Network
	Progress func(have, total int64) // is told the archive's bytes; total is 0 if the server doesn't say
	Warn     func(text string)       // is told of problems that don't end the download

	dir, url string
	pins     *pins
	pin      download.Pin // of the file, if pinned
	from     string       // who pinned it; empty: nobody has
}

// NewGetter returns the getter of the network with that name. A mirror is the URL of a folder with the same archives; if
// it is empty, they come from their authors. Errors are about what the arguments name.
func NewGetter(name, dir, mirror string) (*Getter, error) {
	n, ok := Named(name)
	if !ok {
		if near := nearest(name); near != "" {
			return nil, fmt.Errorf("no network %q: did you mean %s? edge model list shows all", name, near)
		}
		return nil, fmt.Errorf("no network %q: edge model list shows them", name)
	}
	g := &Getter{Network: n, dir: dir, url: n.Archive, Progress: func(int64, int64) {}, Warn: func(string) {}}
	if mirror != "" {
		g.url = strings.TrimRight(mirror, "/") + "/" + path.Base(n.Archive)
	}
	if !strings.HasPrefix(g.url, "https://") && !strings.HasPrefix(g.url, "http://") {
		return nil, fmt.Errorf("--mirror %q: want an https URL", mirror)
	}
	return g, nil
}

// nearest returns the name that a person may have meant: one that begins like it, or is spelled much like it. Empty for none.
func nearest(name string) string {
	var names []string
	for _, n := range All() {
		if name != "" && strings.HasPrefix(n.Name, name) {
			return n.Name
		}
		names = append(names, n.Name)
	}
	for _, near := range decision.Nearest(strings.TrimSuffix(name, ".tflite"), names) {
		return near
	}
	return ""
}

func (g *Getter) path(suffix string) string { return filepath.Join(g.dir, g.Name+suffix) }

// Got is a verified network in a folder.
type Got struct {
	File    string
	Pin     download.Pin // of its bytes
	From    string       // who knew them before: edge, or a lock file; empty: they were seen for the first time and pinned in Lock
	Lock    string
	Present bool // it was there already
}

// Get puts the verified network into the folder.
func (g *Getter) Get(ctx context.Context) (got Got, err error) {
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return got, err
	}
	unlock, err := lockFolder(g.dir)
	if err != nil {
		return got, err
	}
	defer unlock()
	if g.pins, err = readPins(g.dir); err != nil {
		return got, err
	}
	g.pin, g.from, _ = g.pins.of(g.Network)
	file := g.path(".tflite")
	present, err := files.Read(file, maxFile)
	switch here := download.PinOf(g.File(), present); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return got, err
	case here == g.pin:
		return Got{file, here, g.from, g.pins.file, true}, nil
	case g.from != "":
		return got, fmt.Errorf("%w: move it away, then get it again", mismatch(file, here, g.pin, g.from))
	}
	if g.from == "" && strings.HasPrefix(g.url, "http://") {
		return got, fmt.Errorf("%s: only https is allowed for %s, whose SHA-256 isn't known yet", g.url, g.Name)
	}
	data, err := g.obtain(ctx)
	if err != nil {
		return got, err
	}
	pin := download.PinOf(g.File(), data)
	if present != nil && download.PinOf(g.File(), present) != pin {
		return got, fmt.Errorf("%w: move it away, then get it again",
			mismatch(file, download.PinOf(g.File(), present), pin, g.url))
	}
	if err := g.keep(file, data, pin); err != nil {
		return got, err
	}
	os.Remove(g.path(".tgz.part"))
	return Got{file, pin, g.from, g.pins.file, false}, nil
}

// keep pins the file if it isn't pinned and then writes it, so that any file of that name is pinned.
func (g *Getter) keep(file string, data []byte, got download.Pin) error {
	if g.from == "" {
		if err := writeWhole(g.pins.file, download.FormatPins(append(g.pins.learned, got))); err != nil {
			return err
		}
	}
	return writeWhole(file, data)
}

// The limits of what a server may send: the largest archive has some 90 MB, the largest network 4.3 MB.
const (
	maxArchive    = 256 << 20
	maxHostedFile = 16 << 20
)

// obtain returns the network's file, checked: out of an archive that is here, or out of the server's.
func (g *Getter) obtain(ctx context.Context) ([]byte, error) {
	archive, part := g.path(".tgz"), g.path(".tgz.part")
	if _, err := os.Stat(archive); err == nil {
		return g.unpack(ctx, archive)
	}
	for {
		resumed, err := g.fetch(ctx, part)
		if err != nil {
			return nil, err
		}
		data, err := g.unpack(ctx, part)
		if err == nil || ctx.Err() != nil {
			return data, err
		}
		os.Remove(part) // it is unusable
		if !resumed {
			return nil, err
		}
		g.Warn(fmt.Sprintf("%v; perhaps the server's file has changed since the download began: once more from the start", err))
	}
}

func (g *Getter) fetch(ctx context.Context, part string) (resumed bool, err error) {
	resumed, err = download.Fetch(ctx, g.url, part, download.Options{
		Limit: maxArchive, PlainHTTP: g.from != "", Progress: g.Progress,
	})
	if errors.Is(err, download.ErrNoCurl) {
		err = fmt.Errorf("%w, by which edge downloads: install it (apt install curl), or download %s in another way, "+
			"save it as %s, and give this command again; edge model verify %s checks the network later on",
			err, g.url, g.path(".tgz"), g.path(".tflite"))
	}
	return resumed, err
}

// unpack returns the network's file out of an archive, if it is what it must be.
func (g *Getter) unpack(ctx context.Context, archive string) ([]byte, error) {
	file, err := files.Open(archive, maxArchive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := download.Unpack(ctx, file, g.File(), maxHostedFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	if got := download.PinOf(g.File(), data); g.from != "" && got != g.pin {
		return nil, mismatch(g.File()+" in "+archive, got, g.pin, g.from)
	}
	graph, err := model.ReadTFLite(data)
	if err == nil {
		err = g.Check(graph)
	}
	if err != nil {
		return nil, fmt.Errorf("%s in %s: %w", g.File(), archive, err)
	}
	return data, nil
}

// writeWhole writes a file that appears under its name only when all of it is on the disk.
func writeWhole(name string, data []byte) error {
	file, err := files.Create(name, nil)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Commit()
}

// lockFolder keeps others from downloading into the same folder at the same time.
func lockFolder(dir string) (unlock func(), err error) {
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		folder.Close()
		return nil, fmt.Errorf("%s: another edge model get is at work in this folder", dir)
	} // other errors are of file systems without locks
	return func() { folder.Close() }, nil
}
