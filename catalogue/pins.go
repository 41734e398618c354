package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"edge/download"
	"edge/internal/files"
)

// lockFile is beside the models and pins those whose SHA-256 edge doesn't know.
const lockFile = "edge-models.lock"

// maxLockFile is far above a thousand lines.
const maxLockFile = 1 << 20

// pins are which bytes the catalogue's files must have: those that edge knows and those that a folder's lock file has.
type pins struct {
	file    string // the lock file
	learned []download.Pin
}

// readPins reads a folder's lock file, if there is one.
func readPins(dir string) (*pins, error) {
	p := &pins{file: filepath.Join(dir, lockFile)}
	data, err := files.Read(p.file, maxLockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		p.learned, err = download.ParsePins(p.file, data)
	}
	if err != nil {
		return nil, err
	}
	for _, pin := range p.learned {
		n, ok := Named(strings.TrimSuffix(pin.Name, ".tflite"))
		if ok && n.SHA256 != "" && pin != n.pin() {
			return nil, fmt.Errorf("%s: %s is pinned as %s, but edge knows it as %s: remove the line",
				p.file, pin.Name, pin.SHA256, n.SHA256)
		}
	}
	return p, nil
}

// pin is what edge itself knows of a network.
func (n Network) pin() download.Pin {
	return download.Pin{Name: n.File(), Size: n.Size, SHA256: n.SHA256}
}

// of returns the pin of a network, and who says so.
func (p *pins) of(n Network) (pin download.Pin, from string, ok bool) {
	if n.SHA256 != "" {
		return n.pin(), "edge", true
	}
	i := slices.IndexFunc(p.learned, func(pin download.Pin) bool { return pin.Name == n.File() })
	if i < 0 {
		return download.Pin{}, "", false
	}
	return p.learned[i], p.file, true
}

// withContent finds the network that has these bytes.
func (p *pins) withContent(content download.Pin) (n Network, from string, ok bool) {
	for _, n := range All() {
		if pin, from, ok := p.of(n); ok && pin.SHA256 == content.SHA256 {
			return n, from, true
		}
	}
	return Network{}, "", false
}

// mismatch is the error for a file that isn't what it is pinned as.
func mismatch(file string, got, want download.Pin, from string) error {
	return fmt.Errorf("%s isn't what %s knows: it has %d bytes with SHA-256 %s; want %d with %s",
		file, from, got.Size, got.SHA256, want.Size, want.SHA256)
}
