package teach

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
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
	f, err := files.Open(c.file, maxCache)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.err = err
		}
		return c
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = c.parse(f, int(info.Size()))
	}
	c.err = err
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

// parse takes over what a file of so many bytes has, if it is whole and of the same key. The error is that of reading.
func (c *cache) parse(file io.Reader, length int) error {
	end := length - sha256.Size
	if end < cacheHead {
		return nil
	}
	sum := sha256.New()
	from := io.TeeReader(bufio.NewReaderSize(file, 1<<16), sum)
	head, entry := make([]byte, cacheHead), make([]byte, sha256.Size+2*c.size)
	if _, err := io.ReadFull(from, head); err != nil {
		return err
	}
	// How many there are follows from the length: a count from the file times a picture's bytes overflows 32 bits.
	count, rest := (end-cacheHead)/len(entry), (end-cacheHead)%len(entry)
	if rest != 0 || !bytes.Equal(head, c.head(count)) {
		return nil
	}
	cells := make(raw, count*c.size)
	pictures := make([]picture, count)
	for i := range pictures {
		if _, err := io.ReadFull(from, entry); err != nil {
			return err
		}
		pictures[i] = picture(entry)
		to := cells[i*c.size:][:c.size]
		for k := range to {
			to[k] = int16(binary.LittleEndian.Uint16(entry[sha256.Size+2*k:]))
		}
	}
	var want, got picture
	sum.Sum(got[:0])
	if _, err := io.ReadFull(from, want[:]); err != nil || want != got {
		return err
	}
	for i, p := range pictures {
		c.old[p] = cells[i*c.size : (i+1)*c.size : (i+1)*c.size]
	}
	return nil
}

// head is what the file of so many pictures begins with.
func (c *cache) head(count int) []byte {
	b := append([]byte(cacheMagic), c.key[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.size))
	return binary.LittleEndian.AppendUint32(b, uint32(count))
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
	if err := writeWhole(c.file, nil, c.write); err != nil {
		return err
	}
	c.old = make(map[picture]raw, len(c.now))
	for p, f := range c.now {
		c.old[p] = f
	}
	return nil
}

// write writes the file's content.
func (c *cache) write(w io.Writer) error {
	order := slices.SortedFunc(maps.Keys(c.now), func(a, b picture) int { return bytes.Compare(a[:], b[:]) })
	sum := sha256.New()
	to := io.MultiWriter(w, sum)
	if _, err := to.Write(c.head(len(order))); err != nil {
		return err
	}
	entry := make([]byte, 0, sha256.Size+2*c.size)
	for _, p := range order {
		entry = append(entry[:0], p[:]...)
		for _, v := range c.now[p] {
			entry = binary.LittleEndian.AppendUint16(entry, uint16(v))
		}
		if _, err := to.Write(entry); err != nil {
			return err
		}
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}
