package frame

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edge/internal/marker"
)

// TestMain reads picture files instead of running tests if it is told so, and says how much memory the process had at
// most: TestMemoryPromise measures it so.
func TestMain(m *testing.M) {
	names := os.Getenv("READ_PICTURES")
	if names == "" {
		os.Exit(m.Run())
	}
	for range 2 { // as a camera of files does that begins again after the last
		for _, name := range strings.Split(names, "\n") {
			_, _ = ReadFile(context.Background(), name)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(status)
}

// residentAfter returns the most memory that a process had which read files, in bytes.
func residentAfter(t *testing.T, names ...string) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "READ_PICTURES="+strings.Join(names, "\n"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", names, err, out)
	}
	// Not rusage: that begins with the memory of the process that forked.
	_, after, _ := strings.Cut(string(out), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatalf("%s: %v in %s", names, err, out)
	}
	return kilobytes << 10
}

// TestMemoryPromise holds that no file takes more than 64 MiB of memory beyond its own size, also when it is read again
// and again: ordinary ones, hostile ones, what fuzzing found, and what others have collected.
func TestMemoryPromise(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short, which goes with the race detector: that takes memory of its own")
	}
	dir := t.TempDir()
	hostile := map[string][]byte{
		"chunks.png":   pngOfChunks(7 << 20),
		"large.jpg":    largeJPEG(8160, 6120),
		"huge.jpg":     largeJPEG(16320, 12240),
		"padded.jpg":   padded(largeJPEG(3900, 3000), 60<<20),
		"bomb.jpg":     scanBomb(3000, 5000),
		"bomb-2.jpg":   resized(golden(t, "pictures/progressive.jpg"), 32000, 32000),
		"bomb-3.jpg":   resized(golden(t, "files/420.progressive.jpg"), 8000, 6000),
		"tables.webp":  webpOfTables(2600),
		"16bit.png":    largePNG(t, image.NewNRGBA64(image.Rect(0, 0, 2400, 2400))),
		"large.png":    largePNG(t, image.NewRGBA(image.Rect(0, 0, 4000, 4000))),
		"too-wide.png": pngHeader(30000, 30000, 8, 2),
	}
	var names []string
	for name, data := range hostile {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, path)
	}
	for _, root := range []string{"testdata", "../../shared/cases"} {
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				names = append(names, path)
			}
			return nil
		})
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := residentAfter(t, empty)
	measure := func(what string, size int64, names ...string) {
		const slack = 12 << 20 // the collector's and the decoders' own
		began := time.Now()
		beyond := residentAfter(t, names...) - before - size
		if beyond > maxMemory+slack {
			t.Errorf("%s: %d MiB beyond the file's %d", what, beyond>>20, size>>20)
		}
		t.Logf("%s: %d MiB beyond the file's %d, %v", what, beyond>>20, size>>20, time.Since(began).Round(time.Millisecond))
	}
	var small []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(name, dir) || info.Size() > 1<<20 {
			measure(filepath.Base(name), info.Size(), name)
		} else {
			small = append(small, name)
		}
	}
	measure(fmt.Sprint(len(small), " small files"), 0, small...)
}

// pngOfChunks is a small PNG file with so many bytes of empty chunks, before its pixels and among them.
func pngOfChunks(size int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		return nil
	}
	small := b.String()
	data := strings.Index(small, "IDAT") - 4
	end := data + 12 + int(small[data+3])
	many := strings.Repeat(chunk("teSt", ""), size/3/12)
	return []byte(small[:data] + many + strings.Repeat(chunk("IDAT", ""), size/3/12) + small[data:end] + strings.Repeat(chunk("IDAT", ""), size/3/12) + small[end:])
}

// padded is a JPEG file with comments that make it so large.
func padded(jpeg []byte, size int) []byte {
	comment := append([]byte{0xff, marker.COM, 0xff, 0xff}, make([]byte, 0xfffd)...)
	b := append(bytes.Clone(jpeg[:2]), bytes.Repeat(comment, (size-len(jpeg))/len(comment))...)
	return append(b, jpeg[2:]...)
}

func largePNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
