package main

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

	"edge/classifier"
	"edge/download"
	"edge/internal/files"
	"edge/mobilenet"
	"edge/model"
)

// getter downloads a hosted network into a folder.
//
//	NAME.tgz.part     what has come of the archive; the next try goes on from there
//	NAME.tgz          an archive that a person has put there is used instead
//	NAME.tflite       the network: there whole and checked, or not at all
//	edge-models.lock  the SHA-256 that was learned, if edge doesn't know it
type getter struct {
	mobilenet.Hosted
	dir, url string
	std      streams

	pins *pins
	pin  download.Pin // of the file, if pinned
	from string       // who pinned it; empty: nobody has
}

func newGetter(name, dir, mirror string, std streams) (*getter, error) {
	h, ok := mobilenet.HostedNamed(name)
	if !ok {
		return nil, configErrorf("edge model get: no network %q: edge model list shows them", name)
	}
	g := &getter{Hosted: h, dir: dir, url: h.Archive, std: std}
	if mirror != "" {
		g.url = strings.TrimRight(mirror, "/") + "/" + path.Base(h.Archive)
	}
	if !strings.HasPrefix(g.url, "https://") && !strings.HasPrefix(g.url, "http://") {
		return nil, configErrorf("edge model get: --mirror %q: expected is an https URL", mirror)
	}
	return g, nil
}

func (g *getter) path(suffix string) string { return filepath.Join(g.dir, g.Name+suffix) }

// get leaves the verified network in the folder.
func (g *getter) get(ctx context.Context) (err error) {
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return err
	}
	unlock, err := lockFolder(g.dir)
	if err != nil {
		return err
	}
	defer unlock()
	if g.pins, err = readPins(g.dir); err != nil {
		return err
	}
	g.pin, g.from, _ = g.pins.of(g.Hosted)
	file := g.path(".tflite")
	present, err := files.Read(file, classifier.MaxModelFile)
	switch here := download.PinOf(g.File(), present); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case here == g.pin:
		_, err := fmt.Fprintf(g.std.out, "%s is here, verified: SHA-256 %s\n", file, here.SHA256)
		return err
	case g.from != "":
		return fmt.Errorf("%w: move it away, then get it again", mismatch(file, here, g.pin, g.from))
	}
	if g.from == "" && strings.HasPrefix(g.url, "http://") {
		return fmt.Errorf("%s: only https is allowed for %s, whose SHA-256 isn't known yet", g.url, g.Name)
	}
	data, err := g.obtain(ctx)
	if err != nil {
		return err
	}
	got := download.PinOf(g.File(), data)
	if present != nil && download.PinOf(g.File(), present) != got {
		return fmt.Errorf("%w: move it away, then get it again",
			mismatch(file, download.PinOf(g.File(), present), got, g.url))
	}
	if err := g.keep(file, data, got); err != nil {
		return err
	}
	os.Remove(g.path(".tgz.part"))
	verdict := "as " + g.from + " knows it"
	if g.from == "" {
		verdict = "seen for the first time and pinned in " + g.pins.file
	}
	_, err = fmt.Fprintf(g.std.out, "%s: %s bytes, SHA-256 %s, %s\n", file, grouped(len(data)), got.SHA256, verdict)
	return err
}

// keep pins what hasn't been pinned and then writes the file, so that whatever bears the name is pinned.
func (g *getter) keep(file string, data []byte, got download.Pin) error {
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
func (g *getter) obtain(ctx context.Context) ([]byte, error) {
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
		os.Remove(part) // it is no good
		if !resumed {
			return nil, err
		}
		fmt.Fprintf(g.std.err, "edge: %v; perhaps the server's file has changed since the download began: once more from the start\n", err)
	}
}

func (g *getter) fetch(ctx context.Context, part string) (resumed bool, err error) {
	show, have, total := progressLine(g.std.err), int64(0), int64(0)
	text := func() string {
		s := fmt.Sprintf("%s: %.1f", path.Base(g.url), float64(have)/1e6)
		if total > 0 {
			s += fmt.Sprintf(" of %.1f", float64(total)/1e6)
		}
		return s + " MB"
	}
	resumed, err = download.Fetch(ctx, g.url, part, download.Options{
		Limit:     maxArchive,
		PlainHTTP: g.from != "",
		Progress: func(h, t int64) {
			have, total = h, t
			show(text(), false)
		},
	})
	if have > 0 {
		show(text(), true)
	}
	if errors.Is(err, download.ErrNoCurl) {
		err = fmt.Errorf("%w, by which edge downloads: install it (apt install curl), or download %s in another way, "+
			"save it as %s, and give this command again; edge model verify %s checks the network later on",
			err, g.url, g.path(".tgz"), g.path(".tflite"))
	}
	return resumed, err
}

// unpack returns the network's file out of an archive, if it is what it must be.
func (g *getter) unpack(ctx context.Context, archive string) ([]byte, error) {
	file, err := os.Open(archive)
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
