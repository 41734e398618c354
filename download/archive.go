// Package download gets one file out of an archive on a server that may be slow, gone or hostile, and pins what it got.
// The transfer is the program curl's: an HTTPS client would make edge 0.2 MB larger. All that curl brings is checked here.
package download

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
)

// maxUnpacked is how much an archive may unpack to: those of the largest networks have some 100 MB, most of it
// checkpoints.
const maxUnpacked = 512 << 20

// Unpack returns the one file called name, in whatever folder, of a .tar.gz archive. Nothing is written anywhere. The
// archive is read to its end, where its checksum is. It is refused if it is cut off or damaged, if a path in it leads out
// of it, and if the file is missing, there twice, a link, or larger than limit bytes.
func Unpack(ctx context.Context, archive io.Reader, name string, limit int64) ([]byte, error) {
	plain, err := gzip.NewReader(archive)
	if err != nil {
		return nil, damaged(err)
	}
	in := &bounded{ctx, plain, maxUnpacked}
	data, err := findMember(tar.NewReader(in), name, limit)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, damaged(err)
	}
	if data == nil {
		return nil, fmt.Errorf("there is no %s in the archive", name)
	}
	return data, nil
}

// findMember returns the member's content, nil if there is none.
func findMember(members *tar.Reader, name string, limit int64) (data []byte, err error) {
	for {
		h, err := members.Next()
		switch {
		case errors.Is(err, io.EOF):
			return data, nil
		case err != nil:
			return nil, damaged(err)
		case !filepath.IsLocal(h.Name):
			return nil, fmt.Errorf("the archive has a path that leads out of it, %.80q: refused", h.Name)
		case path.Base(h.Name) != name:
			continue
		case data != nil:
			return nil, fmt.Errorf("the archive has %s twice: refused", name)
		case h.Typeflag != tar.TypeReg:
			return nil, fmt.Errorf("%s is no ordinary file in the archive, but of type %q: refused", name, h.Typeflag)
		case h.Size > limit:
			return nil, fmt.Errorf("%s has %d bytes in the archive, at most %d are allowed: refused", name, h.Size, limit)
		}
		var content bytes.Buffer // grows with what is really there
		if _, err := content.ReadFrom(members); err != nil {
			return nil, damaged(err)
		}
		data = content.Bytes()
		if data == nil {
			data = []byte{}
		}
	}
}

func damaged(err error) error {
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the archive is cut off")
	}
	return fmt.Errorf("the archive is damaged: %w", err)
}

var errTooLarge = fmt.Errorf("the archive unpacks to more than %d MiB: refused", maxUnpacked>>20)

// bounded fails after a number of bytes, and when ctx ends.
type bounded struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
