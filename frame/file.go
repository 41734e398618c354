package frame

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"edge/internal/files"
	"edge/internal/text"
)

// maxFile is the size of the largest picture file that is read, in bytes. It is more than a camera writes.
const maxFile = 64 << 20

// PictureSuffixes are how the names of picture files end.
var PictureSuffixes = []string{".jpg", ".jpeg", ".png", ".webp", ".bmp"}

// PictureType returns the media type that a file's name promises, in upper or lower case: empty if it isn't called a picture.
func PictureType(name string) string {
	switch suffix := strings.ToLower(filepath.Ext(name)); {
	case !slices.Contains(PictureSuffixes, suffix):
		return ""
	case suffix == ".jpg":
		return "image/jpeg"
	default:
		return "image/" + suffix[1:]
	}
}

// ReadFile reads a picture file as Decode does: the frame is RGB24, upright, and called name.
//
// It reads regular files only, so that it never waits for a pipe or a device. The file takes its own size in memory,
// and the picture 64 MiB beyond it at most. When ctx ends, decoding stops with ctx's error. Every error names the file.
func ReadFile(ctx context.Context, name string) (Frame, error) {
	if err := ctx.Err(); err != nil {
		return Frame{}, fmt.Errorf("frame: %s: %w", text.Clean(name), err)
	}
	if info, err := os.Stat(name); err == nil {
		collect(info.Size())
	}
	data, err := files.Read(name, maxFile)
	if err != nil {
		return Frame{}, fmt.Errorf("frame: %w", err)
	}
	return Decode(ctx, data, name)
}

// collect makes room for a number of bytes. Pictures come and go, and the collector alone lets garbage grow to the size
// of all that was in use when it last ran: two large pictures, one after the other, would take twice the memory of one. That costs a millisecond, next to the many that a large picture takes.
func collect(need int64) {
	const large = 8 << 20
	if need > large {
		runtime.GC()
	}
}
