package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"edge/frame"
)

// patient is for tests in which nothing is lost, however slow the machine.
var patient = Options{Patience: time.Minute}

// within is a context that ends with the test, and after a time that is long enough for a slow machine.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// elements is a camera's sequence without ErrNotYet, which comes as often as a machine is slow.
func elements(ctx context.Context, c Camera) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for f, err := range c.Frames(ctx) {
			if !errors.Is(err, ErrNotYet) && !yield(f, err) {
				return
			}
		}
	}
}

func open(t *testing.T, spec string, o Options) Camera {
	t.Helper()
	c, err := openSpec(spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// openSpec opens what a person may write.
func openSpec(spec string, o Options) (Camera, error) {
	s, err := ParseSpec(spec)
	if err != nil {
		return nil, err
	}
	return Open(s, o)
}

// save writes a file into a directory of this test's and returns its path.
func save(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestCommandGivesFrames(t *testing.T) {
	before := runtime.NumGoroutine()
	a, b := picture(t, 32, 32, 20), picture(t, 48, 32, 90)
	dir := t.TempDir()
	for name, content := range map[string][]byte{"a.jpg": a, "b.jpg": b} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, "exec:cd "+dir+"; cat a.jpg; until [ -e go ]; do sleep 0.02; done; cat b.jpg; sleep 60", patient)
	var widths []int
	for f, err := range elements(within(t), c) {
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(f.At) > 5*time.Second || f.Seq != uint32(len(widths)+1) {
			t.Errorf("frame %d: seq %d, at %v", len(widths), f.Seq, f.At)
		}
		if widths = append(widths, f.Width); len(widths) == 2 {
			break
		}
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if widths[0] != 32 || widths[1] != 48 {
		t.Errorf("widths %v", widths)
	}
	if got := c.Counts(); got != (Counts{Delivered: 2}) {
		t.Errorf("counts %+v", got)
	}
	waitFor(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !isSo(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// TestCommandIsNeverLeftBehind: not the command, not what it started, not even when they ignore the gentle signal.
func TestCommandIsNeverLeftBehind(t *testing.T) {
	jpg := save(t, "a.jpg", picture(t, 16, 16, 1))
	tests := map[string]string{
		"one process":      "cat %s; echo $$ >%s; exec sleep 60",
		"a grandchild":     "cat %s; sleep 60 & echo $! >%s; wait",
		"ignores SIGTERM":  "trap '' TERM; cat %s; sh -c 'trap \"\" TERM; echo $$ >%s; while :; do sleep 1; done'",
		"ends before that": "cat %s; (sleep 60) & echo $! >%s; sleep 0.1; exit 3",
	}
	for name, line := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pids := filepath.Join(t.TempDir(), "pid")
			c := open(t, "exec:"+fmt.Sprintf(line, jpg, pids), patient)
			var pid int
			for _, err := range elements(within(t), c) {
				if err != nil {
					t.Error(err)
				}
				pid = awaitPID(t, pids)
				break
			}
			waitFor(t, "the process to be gone", func() bool { return isGone(pid) })
		})
	}
}

// TestKilled: nor does anything stay when this program has no time to end it.
func TestKilled(t *testing.T) {
	const env = "EDGE_TEST_CAMERA"
	if spec := os.Getenv(env); spec != "" {
		for _, err := range elements(within(t), open(t, spec, patient)) {
			t.Error(err)
		}
		return
	}
	pids := filepath.Join(t.TempDir(), "pid") // after that: a killed child leaves its folder behind
	self := exec.Command(os.Args[0], "-test.run", "^TestKilled$")
	const stubborn = `exec:sh -c 'echo $$ >%s; trap "" TERM PIPE; while :; do sleep 1; done' | cat`
	self.Env = append(os.Environ(), env+"="+fmt.Sprintf(stubborn, pids))
	if err := self.Start(); err != nil {
		t.Fatal(err)
	}
	pid := awaitPID(t, pids)
	if err := errors.Join(unix.Kill(pid, 0), self.Process.Kill()); err != nil {
		t.Error(err)
	}
	_ = self.Wait()
	waitFor(t, "the process to be gone", func() bool { return isGone(pid) })
}

// awaitPID waits for a file that holds a process's number.
func awaitPID(t *testing.T, path string) (pid int) {
	t.Helper()
	waitFor(t, "the pid", func() bool {
		b, _ := os.ReadFile(path)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0
	})
	return pid
}

func isGone(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) || isZombie(pid) }

// isZombie reports whether a process has ended and only its new parent hasn't noticed.
func isZombie(pid int) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, _ := bytes.Cut(b, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}

func TestCommandIsStartedAgain(t *testing.T) {
	jpg := save(t, "a.jpg", picture(t, 16, 16, 1))
	c := open(t, "exec:cat "+jpg+"; echo no cameras available >&2; exit 7", Options{})
	frames, losses := 0, 0
	for _, err := range elements(within(t), c) {
		switch {
		case err == nil:
			frames++
		case errors.Is(err, ErrLost):
			losses++
			if s := err.Error(); !strings.Contains(s, "exit status 7") || !strings.Contains(s, "no cameras available") {
				t.Errorf("it says %q", s)
			}
		default:
			t.Fatal(err)
		}
		if frames == 2 {
			break
		}
	}
	if losses == 0 {
		t.Error("nothing was said between the frames")
	}
}

func TestCommandThatIsNone(t *testing.T) {
	c := open(t, "exec:no-such-command-as-this -o -", Options{})
	var last error
	n := 0
	for _, err := range elements(within(t), c) {
		last = err
		n++
	}
	if n != 1 || last == nil || errors.Is(last, ErrLost) || !strings.Contains(last.Error(), "no-such-command-as-this") {
		t.Errorf("%d elements, the last is %v", n, last)
	}
}

func TestSilenceIsLost(t *testing.T) {
	jpg := save(t, "a.jpg", picture(t, 16, 16, 1))
	c := open(t, "exec:sleep 0.4; cat "+jpg+"; sleep 60", Options{Patience: 100 * time.Millisecond})
	before, frames, after := 0, 0, 0 // losses before the frame and after it
	for _, err := range elements(within(t), c) {
		switch {
		case err == nil:
			frames++
		case !errors.Is(err, ErrLost):
			t.Fatal(err)
		case frames == 0:
			before++
		default:
			after++
		}
		if after == 2 {
			break
		}
	}
	if before == 0 || frames != 1 || after != 2 {
		t.Errorf("lost %d times, %d frames, lost %d times", before, frames, after)
	}
}

// TestSilenceIsNoHang: a loop never waits for more than a second, or its keeper takes it for hung; and silence counts from the
// last frame.
func TestSilenceIsNoHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newSlot()
		var told []string
		start := time.Now()
		s := &stream{name: "it", patience: 2500 * time.Millisecond, rawSize: 1}
		s.deliver(t.Context(), in, nil, func(_ frame.Frame, err error) bool {
			what := "frame"
			switch {
			case errors.Is(err, ErrNotYet):
				what = "not yet"
			case errors.Is(err, ErrLost):
				what = "lost"
			}
			told = append(told, fmt.Sprint(time.Since(start).Milliseconds(), " ", what))
			if len(told) == 2 {
				in.put()
			}
			return len(told) < 7
		})
		want := []string{"1000 not yet", "2000 not yet", "2000 frame", "3000 not yet", "4000 not yet", "4500 lost", "5500 lost"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestNotMJPEG(t *testing.T) {
	c := open(t, "exec:cat /dev/zero", patient)
	for _, err := range elements(within(t), c) {
		if !errors.Is(err, ErrLost) || !errors.Is(err, errNoPicture) {
			t.Errorf("got %v", err)
		}
		break
	}
}

// TestNewestFrame: who takes his time gets the newest frame, and the older ones are counted.
func TestNewestFrame(t *testing.T) {
	r, w := pipe(t)
	c, err := openStdin(r, Options{Format: frame.GREY, Width: 1, Height: 1, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string) {
		if _, err := w.WriteString(s); err != nil {
			t.Error(err)
		}
	}
	write("a")
	var got []byte
	for f, err := range elements(within(t), c) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, f.Pix...)
		switch string(f.Pix) {
		case "a":
			write("bcdefgh")
			waitFor(t, "the frames to be dropped", func() bool { return c.Counts().Dropped == 6 })
			if string(f.Pix) != "a" {
				t.Errorf("the borrowed frame became %q", f.Pix)
			}
		case "h":
			_ = w.Close()
		}
	}
	if string(got) != "ah" || c.Counts() != (Counts{Delivered: 2, Dropped: 6}) {
		t.Errorf("got %q, %+v", got, c.Counts())
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	return r, w
}

func TestStdin(t *testing.T) {
	jpg := picture(t, 16, 16, 1)
	tests := []struct {
		name   string
		stream []byte
		frames int
		want   string // of the last error
	}{
		{"a picture", jpg, 1, ""},
		{"nothing", nil, 0, "without a whole frame"},
		{"half a picture", jpg[:len(jpg)/2], 0, "without a whole frame"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w := pipe(t)
			c, err := openStdin(r, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(tt.stream); err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
			frames, last := 0, ""
			for _, err := range elements(within(t), c) {
				if err != nil {
					last = err.Error()
				} else {
					frames++
				}
			}
			if frames != tt.frames || !strings.Contains(last, tt.want) || (last == "") != (tt.want == "") {
				t.Errorf("%d frames, %q", frames, last)
			}
		})
	}
}

// TestStdinCanBeLeft: the read that waits ends with the context, and standard input stays open.
func TestStdinCanBeLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	r, w := pipe(t)
	c, err := openStdin(r, Options{Patience: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	for _, err := range elements(ctx, c) {
		if !errors.Is(err, ErrLost) {
			t.Fatal(err)
		}
		cancel()
	}
	waitFor(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	if _, err := w.Write([]byte{1}); err != nil {
		t.Error(err)
	}
}

func TestRawFrames(t *testing.T) {
	tests := []struct {
		o            Options
		stride, size int
		matrixRange  frame.Range
	}{
		{Options{Format: frame.YU12, Width: 640, Height: 480}, 640, 640 * 480 * 3 / 2, frame.Full},
		{Options{Format: frame.YU12, Width: 200, Height: 100, Stride: 256}, 256, 256 * 150, frame.Full},
		{Options{Format: frame.YUYV, Width: 10, Height: 10}, 20, 200, frame.Limited},
		{Options{Format: frame.RGB24, Width: 10, Height: 10}, 30, 300, frame.Limited},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.o.Format, tt.o.Width), func(t *testing.T) {
			tt.o.Patience = time.Minute
			c := open(t, "exec:head -c "+strconv.Itoa(tt.size)+" /dev/zero; sleep 60", tt.o)
			for f, err := range elements(within(t), c) {
				if err != nil {
					t.Fatal(err)
				}
				if f.Format != tt.o.Format || f.Width != tt.o.Width || f.Height != tt.o.Height || f.Stride != tt.stride ||
					f.Range != tt.matrixRange || f.Matrix != frame.BT601 || len(f.Pix) != tt.size {
					t.Errorf("got %v %d × %d, stride %d, range %v, %d bytes", f.Format, f.Width, f.Height, f.Stride,
						f.Range, len(f.Pix))
				}
				break
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "frames")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		spec string
		o    Options
		want string
	}{
		{"", Options{}, "none given"},
		{"exec: ", Options{}, "without a command"},
		{"exec:x", Options{Format: frame.YU12}, "--size"},
		{"exec:x", Options{Format: frame.YU12, Width: -1, Height: 4}, "--size"},
		{"exec:x", Options{Format: frame.RGB24, Width: 1 << 30, Height: 1 << 30}, "too large"},
		{"exec:x", Options{Format: frame.RGB24, Width: 1 << 13, Height: 1 << 13}, "192 MiB"},
		{"/no/such/directory", Options{}, "no such file"},
		{"no-such-picture.jpg", Options{}, "no such file"},
		{"[", Options{}, "syntax error"},
		{t.TempDir(), Options{}, "no picture in it"},
		{fifo, Options{}, "--camera - <" + fifo},
	}
	for _, tt := range tests {
		c, err := openSpec(tt.spec, tt.o)
		if err == nil || c != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open(%q, %+v): %v", tt.spec, tt.o, err)
		}
	}
}

// TestStreamAllocatesNothing per frame, once it runs.
func TestStreamAllocatesNothing(t *testing.T) {
	jpg := picture(t, 64, 64, 1)
	for _, o := range []Options{{}, {Format: frame.GREY, Width: 64, Height: 64}} {
		s, err := newStream(Spec{Command, "test"}, o)
		if err != nil {
			t.Fatal(err)
		}
		in := newSlot()
		split := s.splitter(endless{bytes.Repeat(jpg, 5)})
		one := func() {
			if err := split.next(&in.spare); err != nil {
				t.Fatal(err)
			}
			in.put()
			in.free <- <-in.newest
		}
		for range 4 {
			one()
		}
		if n := testing.AllocsPerRun(100, one); n != 0 {
			t.Errorf("%v: %v allocations a frame", s, n)
		}
	}
}

// endless gives the same bytes again and again; a Read never returns more than are left of one round.
type endless struct{ b []byte }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.b), nil }
