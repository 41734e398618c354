package teach

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"edge/frame"
	"edge/internal/files"
)

// The features of a lesson's pictures are kept in one file beside them, so that one more picture costs one inference:
//
//	magic             16 bytes
//	key               32 bytes: SHA-256 of the backbone's, of how pictures are cut, and of how features are made
//	size, count       4 bytes each, little-endian: features of a picture, pictures
//	count × picture   SHA-256 of the picture's file, 32 bytes; size × 2 bytes of features
//	sum               SHA-256 of all before
//
// It is written whole. A file that is damaged, or of another backbone, is ignored.
const (
	cacheName  = ".edge-features"
	cacheMagic = "edge features 1\n"
	cacheHead  = len(cacheMagic) + sha256.Size + 8
	maxCache   = 512 << 20
)

// picture is the SHA-256 of a picture's file.
type picture = [sha256.Size]byte

type cache struct {
	file     string
	key      picture
	size     int
	old, now map[picture]raw // what the file has, and what it is to have
	err      error           // why it can't be read; a file that isn't there is no reason
}

func openCache(dir string, b *Backbone, options frame.Options) *cache {
	c := &cache{
		file: filepath.Join(dir, cacheName), size: b.size, key: cacheKey(b, options),
		old: map[picture]raw{}, now: map[picture]raw{},
	}
	data, err := files.Read(c.file, maxCache)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		c.err = err
	default:
		c.parse(data)
	}
	return c
}

func cacheKey(b *Backbone, options frame.Options) picture {
	return sha256.Sum256(fmt.Appendf(nil, "%s %+v %+v %d %d", b.Sum, b.spec, options, rawSteps, len(b.layers)))
}

// Stale reports whether a lesson was taught last with another backbone, or another part of its pictures.
func Stale(dir string, b *Backbone, options frame.Options) bool {
	f, err := files.Open(filepath.Join(dir, cacheName), maxCache)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [len(cacheMagic) + sha256.Size]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return false
	}
	return picture(head[len(cacheMagic):]) != cacheKey(b, options)
}

// parse takes over what a file has, if it is whole and of the same key.
func (c *cache) parse(data []byte) {
	end := len(data) - sha256.Size
	if end < cacheHead || string(data[:len(cacheMagic)]) != cacheMagic {
		return
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return
	}
	at := len(cacheMagic)
	key := data[at : at+sha256.Size]
	at += sha256.Size
	// How many there are follows from the length: a count from the file times a picture's bytes overflows 32 bits.
	size, entry := c.size, sha256.Size+2*c.size
	count, rest := (end-cacheHead)/entry, (end-cacheHead)%entry
	says := func(at, n int) bool { return binary.LittleEndian.Uint32(data[at:]) == uint32(n) }
	if !bytes.Equal(key, c.key[:]) || rest != 0 || !says(at, size) || !says(at+4, count) {
		return
	}
	cells := make(raw, count*size)
	for i := range count {
		from := data[cacheHead+i*entry:]
		to := cells[i*size : (i+1)*size : (i+1)*size]
		for k := range to {
			to[k] = int16(binary.LittleEndian.Uint16(from[sha256.Size+2*k:]))
		}
		c.old[picture(from)] = to
	}
}

func (c *cache) get(p picture) (raw, bool) {
	if f, ok := c.now[p]; ok {
		return f, true
	}
	f, ok := c.old[p]
	return f, ok
}

func (c *cache) put(p picture, f raw) { c.now[p] = f }

// save writes the file again if it would change.
func (c *cache) save() error {
	same := len(c.now) == len(c.old)
	for p := range c.now {
		if _, ok := c.old[p]; !ok {
			same = false
		}
	}
	if same {
		return nil
	}
	w, err := files.Create(c.file, nil)
	if err != nil {
		return err
	}
	defer w.Discard()
	if _, err := w.Write(c.bytes()); err != nil {
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	c.old = make(map[picture]raw, len(c.now))
	for p, f := range c.now {
		c.old[p] = f
	}
	return nil
}

func (c *cache) bytes() []byte {
	order := make([]picture, 0, len(c.now))
	for p := range c.now {
		order = append(order, p)
	}
	slices.SortFunc(order, func(a, b picture) int { return bytes.Compare(a[:], b[:]) })
	data := make([]byte, 0, cacheHead+len(order)*(sha256.Size+2*c.size)+sha256.Size)
	data = append(append(data, cacheMagic...), c.key[:]...)
	data = binary.LittleEndian.AppendUint32(data, uint32(c.size))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(order)))
	for _, p := range order {
		data = append(data, p[:]...)
		for _, v := range c.now[p] {
			data = binary.LittleEndian.AppendUint16(data, uint16(v))
		}
	}
	sum := sha256.Sum256(data)
	return append(data, sum[:]...)
}
