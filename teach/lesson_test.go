package teach

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"edge/classifier"
	"edge/frame"
	"edge/mobilenet"
)

// smallBackbone is a MobileNet with random weights: features of any kind tell stripes from dots.
func smallBackbone(t testing.TB) *Backbone {
	t.Helper()
	blueprint, err := mobilenet.V2(0.35, 96, 120)
	if err != nil {
		t.Fatal(err)
	}
	data, err := blueprint.Graph(1).WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backbone.tflite")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := OpenBackbone(classifier.Options{Model: file, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// paint writes a picture of a pattern: each seed gives others of the same kind.
func paint(t testing.TB, file, kind string, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 5))
	img := image.NewRGBA(image.Rect(0, 0, 96, 96))
	period, shift := 8+rng.IntN(6), rng.IntN(8)
	for y := range 96 {
		for x := range 96 {
			c := color.RGBA{uint8(rng.IntN(60)), uint8(rng.IntN(60)), uint8(rng.IntN(60)), 255}
			on := false
			switch kind {
			case "stripes":
				on = (x+shift)/period%2 == 0
			case "bands":
				on = (y+shift)/period%2 == 0
			case "dots":
				on = (x+shift)%period < period/2 && (y+shift)%period < period/2
			}
			if on {
				c.R, c.G, c.B = c.R+180, c.G+180, c.B+uint8(rng.IntN(190))
			}
			img.SetRGBA(x, y, c)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := png.Encode(w, img); err != nil {
		t.Fatal(err)
	}
}

// paintLesson writes a lesson of three kinds of patterns.
func paintLesson(t testing.TB, per int) string {
	t.Helper()
	dir := t.TempDir()
	for k, kind := range []string{"stripes", "bands", "dots"} {
		for i := range per {
			paint(t, filepath.Join(dir, kind, string(rune('a'+i))+".png"), kind, uint64(100*k+i))
		}
	}
	return dir
}

func read(t testing.TB, dir string, b *Backbone) *Lesson {
	t.Helper()
	l, err := Read(t.Context(), dir, b, frame.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestTeach teaches three classes, and shows the network others of them, through the file, as any other network is used.
func TestTeach(t *testing.T) {
	b, err := OpenBackbone(classifier.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dir := paintLesson(t, 8)
	l := read(t, dir, b)
	taught, err := Teach(l, b, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "taught.tflite")
	if err := taught.Write(file, nil); err != nil {
		t.Fatal(err)
	}
	net, err := classifier.Open(classifier.Options{Model: file, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	if got := strings.Join(net.Output.Labels, " "); got != "bands dots stripes none" {
		t.Errorf("labels %q", got)
	}
	right := 0
	for c, kind := range []string{"bands", "dots", "stripes"} {
		for i := range 6 {
			picture := filepath.Join(t.TempDir(), "p.png")
			paint(t, picture, kind, uint64(900+10*c+i))
			scores, err := net.ClassifyFile(t.Context(), picture)
			if err != nil {
				t.Fatal(err)
			}
			best := 0
			for k, s := range scores {
				if s > scores[best] {
					best = k
				}
			}
			if best == c {
				right++
			}
		}
	}
	if right < 15 {
		t.Errorf("%d of 18 right", right)
	}
	// What wasn't read back from the file is the same network, and shares the backbone's weights.
	direct, err := classifier.New(taught.Graph, classifier.Options{Threads: 1, Donor: b.Donor()})
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	for _, name := range []string{"cat", "clock"} {
		f, err := frame.ReadFile(t.Context(), "../examples/"+name+".jpg")
		if err != nil || net.Fit(f) != nil || direct.Fit(f) != nil {
			t.Fatal(err)
		}
		net.Run()
		direct.Run()
		for i, o := range net.Net.Outputs() {
			if !bytes.Equal(o.Data, direct.Net.Outputs()[i].Data) {
				t.Errorf("%s: output %d differs from that of the network that was read back", name, i)
			}
		}
	}
	_, _, own := direct.Net.Memory()
	if _, _, all := net.Net.Memory(); own*20 > all {
		t.Errorf("%d of %d bytes of weights aren't shared with the backbone", own, all)
	}
	if scores, err := net.ClassifyFile(t.Context(), "../examples/cat.jpg"); err != nil || scores[3] < 0.9 {
		t.Errorf("a cat: %v, %v; want none", scores, err)
	}
	// Once more costs no inference; one more picture costs one.
	if again := read(t, dir, b); again.Computed != 0 || again.CacheErr != nil {
		t.Errorf("%d computed again, %v", again.Computed, again.CacheErr)
	}
	paint(t, filepath.Join(dir, "dots", "z.png"), "dots", 77)
	if more := read(t, dir, b); more.Computed != 1 || len(more.Pictures) != 25 {
		t.Errorf("%d computed for one more picture", more.Computed)
	}
}

// TestBursts: a hundred frames of one still scene count as one picture.
func TestBursts(t *testing.T) {
	b := smallBackbone(t)
	dir := paintLesson(t, 4)
	for i := range 10 {
		data, err := os.ReadFile(filepath.Join(dir, "dots", "a.png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "dots", "same"+string(rune('0'+i))+".png"), append(data, byte(i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l := read(t, dir, b)
	features, class := l.raws()
	f := fit(b, features, class, l.Classes)
	if len(f.bursts) > 12 || len(f.class) != 22 {
		t.Errorf("%d bursts of %d pictures, want at most 12 of 22", len(f.bursts), len(f.class))
	}
}

// TestLayouts finds the same classes however a lesson's folder is laid out. A lesson may have the classes training and testing:
// these are a layout only if there are classes within.
func TestLayouts(t *testing.T) {
	for _, c := range []struct{ files, classes string }{
		{"a/1.png b/2.png", "a=1 b=1"},
		{"training/a/1.png training/b/2.png testing/a/3.png", "a=1 b=1"},
		{"training/a/1.png training/b/2.png", "a=1 b=1"},
		{"training/a.1.png training/b.2.png testing/a.3.png", "a=1 b=1"},
		{"a.1.png b.2.png", "a=1 b=1"},
		{"training/1.png training/2.png testing/3.png", "testing=1 training=2"},
		{"training/burst-00001-001.png", "training=1"},
		{"training/1.png testing/a/2.png", "testing=1 training=1"},
		{"training/1.png testing/2.png none/3.png", "none=1 testing=1 training=1"},
		{"testing/1.png a/2.png", "a=1 testing=1"},
	} {
		dir := t.TempDir()
		for file := range strings.FieldsSeq(c.files) {
			paint(t, filepath.Join(dir, file), "dots", 1)
		}
		l, err := list(dir)
		if err != nil {
			t.Errorf("%s: %v", c.files, err)
			continue
		}
		var found []string
		for i, n := range l.Counts() {
			found = append(found, fmt.Sprintf("%s=%d", l.Classes[i], n))
		}
		if got := strings.Join(found, " "); got != c.classes {
			t.Errorf("%s: %s, want %s", c.files, got, c.classes)
		}
	}
}

// TestBadLessons: what is wrong is told, and nothing is lost.
func TestBadLessons(t *testing.T) {
	b := smallBackbone(t)
	lesson := func(files map[string]string) string {
		dir := t.TempDir()
		for name, kind := range files {
			if kind != "" {
				paint(t, filepath.Join(dir, name), kind, uint64(len(name)))
				continue
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte("no picture"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for want, dir := range map[string]string{
		"no such file":           filepath.Join(t.TempDir(), "absent"),
		"no pictures in it":      t.TempDir(),
		"only one class, a":      lesson(map[string]string{"a/1.png": "dots"}),
		"no pictures of b":       lesson(map[string]string{"a/1.png": "dots", "b/1.png": ""}),
		"1 files can't be read":  lesson(map[string]string{"a/1.png": "dots", "b/2.png": ""}),
		"a folder with a folder": lesson(map[string]string{"1.png": "dots"}),
		"upper and lower case":   lesson(map[string]string{"a/1.png": "dots", "A/2.png": "stripes"}),
		"one line of text":       lesson(map[string]string{"a/1.png": "dots", "b\x1b[2J/2.png": "stripes"}),
	} {
		_, err := Read(t.Context(), dir, b, frame.Options{}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	// One picture a class can be taught, and the card says that this is little.
	l := read(t, lesson(map[string]string{"a/1.png": "dots", "b/1.png": "stripes", "b/bad.png": ""}), b)
	taught, err := Teach(l, b, time.Now())
	if err != nil || !strings.Contains(taught.Card.Advice, "10 more") || len(taught.Card.Unreadable) != 1 {
		t.Errorf("%v, %+v", err, taught.Card)
	}
	// Classes that are the same.
	same := t.TempDir()
	for i := range uint64(6) {
		paint(t, filepath.Join(same, "a", string(rune('0'+i))+".png"), "dots", i)
		paint(t, filepath.Join(same, "b", string(rune('0'+i))+".png"), "dots", i)
	}
	if taught, err = Teach(read(t, same, b), b, time.Now()); err != nil || len(taught.Card.Twins) == 0 {
		t.Errorf("%v, twins %v", err, taught.Card.Twins)
	}
}

// TestReadOnly: a lesson that can't be written is taught all the same.
func TestReadOnly(t *testing.T) {
	b := smallBackbone(t)
	dir := paintLesson(t, 3)
	cacheFile := filepath.Join(dir, cacheName)
	if err := os.Mkdir(cacheFile, 0o755); err != nil { // also root can't write over a folder
		t.Fatal(err)
	}
	l := read(t, dir, b)
	if l.CacheErr == nil || len(l.Pictures) != 9 {
		t.Errorf("%d pictures, %v", len(l.Pictures), l.CacheErr)
	}
	if _, err := Teach(l, b, time.Now()); err != nil {
		t.Error(err)
	}
}

// TestFullDisk: no picture, no cache and no network is there by halves.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small disk can't be mounted: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	store, err := OpenStore(filepath.Join(dir, "lesson"))
	if err != nil {
		t.Fatal(err)
	}
	noise := frame.Frame{Format: frame.RGB24, Width: 200, Height: 100, Stride: 600, Pix: make([]byte, 60000)}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range noise.Pix {
		noise.Pix[i] = byte(rng.Uint32())
	}
	store.Begin()
	taken := 0
	for err == nil && taken < 100 {
		if _, err = store.Add("open", noise); err == nil {
			taken++
		}
	}
	if !errors.Is(err, unix.ENOSPC) || taken == 0 {
		t.Errorf("%d pictures, then %v", taken, err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "lesson", "open", "*"))
	if len(files) != taken {
		t.Errorf("%d files of %d pictures", len(files), taken)
	}
	for _, file := range files {
		if _, err := frame.ReadFile(t.Context(), file); err != nil {
			t.Errorf("a half picture: %v", err)
		}
	}
}

// TestStore: bursts are numbered on, the last one can be forgotten, and names can't leave the folder.
func TestStore(t *testing.T) {
	dir := t.TempDir()
	f := frame.Frame{Format: frame.RGB24, Width: 4, Height: 4, Stride: 12, Pix: make([]byte, 48)}
	for burst, class := range []string{"open", "shut", "open"} {
		s, err := OpenStore(dir)
		if err != nil {
			t.Fatal(err)
		}
		s.Begin()
		for range burst + 1 {
			if _, err := s.Add(class, f); err != nil {
				t.Fatal(err)
			}
		}
	}
	s, err := OpenStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{3, 2, 1, 0} {
		if n, err := s.Undo(); n != want || err != nil {
			t.Errorf("%d forgotten, %v; want %d", n, err, want)
		}
	}
	for _, class := range []string{"", ".", "..", "a/b", "a\nb", ".hidden"} {
		if _, err := s.Add(class, f); err == nil {
			t.Errorf("class %q is taken", class)
		}
	}
}

// TestKilled kills a process that teaches again and again, at random: the lesson is whole, and the last network loads.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("EDGE_TEACH_FOREVER"); dir != "" {
		b := smallBackbone(t)
		for {
			store, err := OpenStore(dir)
			if err != nil {
				t.Fatal(err)
			}
			store.Begin()
			f, err := frame.ReadFile(t.Context(), filepath.Join(dir, "dots", "a.png"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Add("dots", f); err != nil {
				t.Fatal(err)
			}
			l, err := Read(context.Background(), dir, b, frame.Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			taught, err := Teach(l, b, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if err := taught.Write(filepath.Join(dir, "net.tflite"), nil); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Undo(); err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := paintLesson(t, 3)
	b := smallBackbone(t)
	rng := rand.New(rand.NewPCG(7, 7))
	times := 30
	if testing.Short() {
		times = 5
	}
	networks := 0
	for range times {
		c := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
		c.Env = append(os.Environ(), "EDGE_TEACH_FOREVER="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(50+rng.IntN(400)) * time.Millisecond)
		c.Process.Kill()
		c.Wait()
		l := read(t, dir, b)
		if len(l.Bad) > 0 || len(l.Pictures) < 9 {
			t.Fatalf("%d pictures, damaged: %v", len(l.Pictures), l.Bad)
		}
		file := filepath.Join(dir, "net.tflite")
		if _, err := os.Stat(file); err == nil {
			networks++
			net, err := classifier.Open(classifier.Options{Model: file, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			net.Close()
		}
	}
	t.Logf("killed %d times, a network was there %d times", times, networks)
}

// fileOf is the file that a cache writes.
func fileOf(c *cache) []byte {
	var b bytes.Buffer
	if err := c.write(&b); err != nil {
		panic(err) // a buffer takes anything
	}
	return b.Bytes()
}

// parsed is what a file of three features a picture gives.
func parsed(t testing.TB, file []byte) map[picture]raw {
	t.Helper()
	c := &cache{size: 3, old: map[picture]raw{}}
	if err := c.parse(bytes.NewReader(file), len(file)); err != nil {
		t.Fatal(err)
	}
	return c.old
}

// FuzzCache reads cache files that anyone may have written: as they are, and with the right sum at the end, without which
// nothing of them is looked at.
func FuzzCache(f *testing.F) {
	sealed := func(body []byte) []byte {
		sum := sha256.Sum256(body)
		return append(bytes.Clone(body), sum[:]...)
	}
	c := &cache{size: 3, now: map[picture]raw{{1}: {1, 2, 3}, {2}: {4, 5, 6}}}
	whole := fileOf(c)
	body := whole[:len(whole)-sha256.Size]
	head := func(size, count uint32) []byte {
		b := bytes.Clone(body)
		binary.LittleEndian.PutUint32(b[cacheHead-8:], size)
		binary.LittleEndian.PutUint32(b[cacheHead-4:], count)
		return b
	}
	otherKey := bytes.Clone(body)
	otherKey[len(cacheMagic)] ^= 1
	extremes := bytes.Clone(body)
	copy(extremes[cacheHead+sha256.Size:], []byte{0x00, 0x80, 0xff, 0x7f, 0xff, 0xff}) // the least, the greatest, −1
	floats := bytes.Clone(body)
	binary.LittleEndian.PutUint32(floats[cacheHead+sha256.Size:], math.Float32bits(float32(math.NaN()))) // features are integers
	twice := append(bytes.Clone(body[:cacheHead]), bytes.Repeat(body[cacheHead:cacheHead+sha256.Size+6], 2)...)
	for _, seed := range [][]byte{
		nil, []byte(cacheMagic), body[:cacheHead-1], body[:cacheHead], body, body[:len(body)-1], append(bytes.Clone(body), 0),
		otherKey, head(4, 2), head(0, 2), head(3, 0), head(3, 3), head(3, math.MaxUint32), head(math.MaxUint32, 2),
		head(3, 2+1<<31), // times the 38 bytes of a picture, 2 again in 32 bits
		extremes, floats, twice, append([]byte("edge features 0\n"), body[len(cacheMagic):]...),
	} {
		f.Add(seed)
		f.Add(sealed(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, sealed(data)} {
			old := parsed(t, data)
			for _, features := range old {
				if len(features) != 3 {
					t.Fatal(features)
				}
			}
			if most := max(0, (len(data)-cacheHead-sha256.Size)/(sha256.Size+6)); len(old) > most {
				t.Fatalf("%d pictures in %d bytes", len(old), len(data))
			}
			// What was taken over is written as it was read.
			if back := parsed(t, fileOf(&cache{size: 3, now: old})); !maps.EqualFunc(old, back, slices.Equal) {
				t.Fatalf("%v, then %v", old, back)
			}
		}
	})
}

// TestDamagedCache: a damaged file is as good as none.
func TestDamagedCache(t *testing.T) {
	c := &cache{size: 3, now: map[picture]raw{{1}: {1, 2, 3}, {2}: {4, -5, 6}}}
	good := fileOf(c)
	if back := parsed(t, good); len(back) != 2 || back[picture{2}][1] != -5 {
		t.Errorf("%v", back)
	}
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1
		if back := parsed(t, bad); len(back) != 0 {
			t.Errorf("byte %d changed: %d pictures", i, len(back))
		}
	}
}
