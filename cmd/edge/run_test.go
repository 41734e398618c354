package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"edge/camera"
	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/lights"
	"edge/record"
)

// rules light an LED for red and one for green at once, and a third one when the camera is lost.
const rules = `
leds:
  - {name: r, classes: red, smoothing: none, hold: 0s}
  - {name: g, classes: green, smoothing: none, hold: 0s}
  - {name: lost}
states:
  camera_lost: {leds: lost}
`

// runFiles writes a network and a configuration, and returns the configuration's file.
func runFiles(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "edge.yaml")
	write(t, file, fmt.Appendf(nil, "model: %s\n%s", colourModel(t), text))
	return file
}

// pictureFolder writes pictures that come in this order.
func pictureFolder(t testing.TB, pictures ...[]byte) string {
	t.Helper()
	dir := t.TempDir()
	for i, p := range pictures {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), p)
	}
	return dir
}

func TestRunPictures(t *testing.T) {
	config := runFiles(t, rules)
	dir := pictureFolder(t, pngOf(t, red), pngOf(t, green), []byte("no picture"), pngOf(t, blue))
	status, stdout, stderr := edge("run", "--config", config, "--camera", dir, "--leds", "terminal")
	if status != 0 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	var seen []string
	for line := range strings.Lines(stdout) {
		seen = append(seen, strings.TrimSpace(strings.TrimPrefix(line, dir+"/")))
	}
	want := []string{
		"starting  r dark  g dark  lost dark",
		"0.png  1.00 red  r steady  g dark  lost dark",
		"1.png  1.00 green  r dark  g steady  lost dark",
		"3.png  1.00 blue  r dark  g dark  lost dark",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got  %q\nwant %q", seen, want)
	}
	for _, words := range []string{"level=INFO msg=ready camera=" + dir, "msg=stopped frames=3", "damaged=1"} {
		if !strings.Contains(stderr, words) {
			t.Errorf("%q isn't in %s", words, stderr)
		}
	}
}

// TestRunLogsChanges shows a picture many times: that isn't worth a line each.
func TestRunLogsChanges(t *testing.T) {
	config := runFiles(t, rules)
	dir := pictureFolder(t, slices.Repeat([][]byte{pngOf(t, red)}, 50)...)
	_, _, quiet := edge("run", "--config", config, "--camera", dir, "--leds", "none")
	if n := strings.Count(quiet, "\n"); n > 6 {
		t.Errorf("%d lines for 50 pictures: %s", n, quiet)
	}
	_, _, verbose := edge("run", "--config", config, "--camera", dir, "--leds", "none", "--verbose")
	if n := strings.Count(verbose, "msg=frame"); n != 49 {
		t.Errorf("--verbose: %d lines for 49 frames without a change", n)
	}
}

func TestRunFlagsOverFile(t *testing.T) {
	dir := pictureFolder(t, pngOf(t, red))
	file := runFiles(t, "camera: {source: /nowhere/at-all, mirror: true}\nlog_level: error\n")
	if status, _, stderr := edge("run", "--config", file, "--leds", "none", "--camera", dir); status != 0 || stderr != "" {
		t.Errorf("status %d, %q", status, stderr)
	}
	expectFailure(t, statusFailed, []string{"/nowhere/at-all", "no such"}, "run", "--config", file, "--leds", "none")

	f, c, err := parseRun([]string{"--config", file, "--size=320x240", "--fps=2.5", "--rotate=90", "--mirror=false", "--threads=3"}, streams{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Capture.Width != 320 || c.Capture.Height != 240 || c.Capture.FPS != 2.5 || f.Fit.Rotate != 90 || f.Fit.Mirror ||
		f.Threads != 3 || c.Camera.String() != "/nowhere/at-all" || c.LogLevel != slog.LevelError || filepath.Ext(f.Model) != ".tflite" {
		t.Errorf("%+v, %+v", f, c)
	}
}

func TestRunErrors(t *testing.T) {
	dir := pictureFolder(t, pngOf(t, red))
	model := colourModel(t)
	run := func(args ...string) []string { return append([]string{"run", "--camera", dir}, args...) }
	bad := runFiles(t, "leds:\n  - {name: r, classes: purple}\n")
	unwired := runFiles(t, rules)
	wired := runFiles(t, "leds: [{name: r, line: no-such-chip:17, classes: red}]\n")
	supply := runFiles(t, "leds: [{name: r, line: pin 1, classes: red}]\n")
	syntax := runFiles(t, "camera: {sauce: auto}\n")
	for _, c := range []struct {
		status int
		words  []string
		args   []string
	}{
		{statusConfig, []string{"no such file"}, run("--config", "absent.yaml")},
		{statusConfig, []string{bad + ":3", "purple"}, run("--config", bad, "--leds", "none")},
		{statusConfig, []string{syntax + ":2", "sauce"}, run("--config", syntax, "--leds", "none")},
		{statusConfig, []string{unwired + ":4", `led "r": no line`}, run("--config", unwired)},
		{statusConfig, []string{supply + ":2", "pin 1 is supply or ground"}, run("--config", supply)}, // on any board
		{statusFailed, []string{"gpio", "chip", "--leds terminal"}, run("--config", wired)},
		{statusConfig, []string{"--leds", "choose gpio, terminal or none"}, run("--model", model, "--leds", "laser")},
		{statusConfig, []string{"--size"}, run("--model", model, "--size", "big")},
		{statusConfig, []string{"--format", "known are"}, run("--model", model, "--format", "cinemascope")},
		{statusConfig, []string{"--fps"}, run("--model", model, "--fps", "-1")},
		{statusConfig, []string{"--camera", "exec:", "for example"}, run("--model", model, "--camera", "exec:")},
		{statusConfig, []string{"exec:ffmpeg", "-i 'rtsp://cam/1'"}, run("--model", model, "--camera", "rtsp://cam/1")},
		{statusConfig, []string{"--stride 800", "--stride 832"}, run("--model", model, "--camera", "-", "--format", "yuv420", "--size", "800x600")},
		{statusConfig, []string{"--fit"}, run("--model", model, "--fit", "squeeze")},
	} {
		status, stdout, stderr := edge(c.args...)
		if status != c.status || stdout != "" {
			t.Errorf("edge %q: status %d, want %d: %s", c.args, status, c.status, stderr)
		}
		for _, words := range c.words {
			if !strings.Contains(stderr, words) {
				t.Errorf("edge %q: %q isn't in %s", c.args, words, stderr)
			}
		}
	}

	// A camera that isn't there may come: that's not a mistake in the configuration.
	for source, words := range map[string][]string{
		"/dev/video987": {"/dev/video987", "there is no such device"},
		"no camera":     {`"no camera"`, "neither a file nor a camera"},
	} {
		status, _, stderr := edge("run", "--model", model, "--camera", source, "--leds", "none")
		if status != statusFailed {
			t.Errorf("%s: status %d", source, status)
		}
		for _, w := range words {
			if !strings.Contains(stderr, w) {
				t.Errorf("%s: %q isn't in %s", source, w, stderr)
			}
		}
	}

	if status, _, stderr := edge(run("--model", model)...); status != 0 || !strings.Contains(stderr, "no LED is configured") {
		t.Errorf("no LEDs: status %d, %s", status, stderr)
	}
}

// TestRunLostCamera runs a command that shows a picture, ends, and shows another one when it is run again.
func TestRunLostCamera(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "red.jpg"), jpegOf(t, red))
	write(t, filepath.Join(dir, "green.jpg"), jpegOf(t, green))
	command := fmt.Sprintf("exec:cd %s; if [ -e again ]; then cat green.jpg; sleep 9; fi; touch again; cat red.jpg", dir)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out := &until{text: "green", stop: cancel}
	var errs bytes.Buffer
	args := []string{"run", "--config", runFiles(t, rules), "--camera", command, "--leds", "terminal"}
	if status := Main(ctx, args, streams{nil, out, &errs}); status != 0 {
		t.Errorf("status %d", status)
	}
	want := []string{
		"starting  r dark  g dark  lost dark", "1.00 red  r steady  g dark  lost dark",
		"camera lost  r dark  g dark  lost steady", "1.00 green  r dark  g steady  lost dark", "",
	}
	if got := strings.Split(out.String(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q\n%s", got, want, &errs)
	}
	for _, words := range []string{`msg="camera lost"`, `msg="camera is back"`} {
		if strings.Count(errs.String(), words) != 1 {
			t.Errorf("not once %s: %s", words, &errs)
		}
	}
}

// until is a writer that calls stop once some text has been written.
type until struct {
	bytes.Buffer
	text string
	stop func()
}

func (u *until) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(u.text)) {
		u.stop()
	}
	return u.Buffer.Write(b)
}

// TestRunProcess runs the program itself, with frames on standard input, systemd listening, and a signal at the end.
func TestRunProcess(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			// The program heeds no signal that was ignored when it began, as under nohup: it begins with none ignored here.
			signal.Notify(make(chan os.Signal, 1), sig)
			defer signal.Reset(sig)
			socket := filepath.Join(t.TempDir(), "notify")
			systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
			if err != nil {
				t.Fatal(err)
			}
			defer systemd.Close()
			cmd := exec.Command(os.Args[0], "run", "--config", runFiles(t, rules), "--camera", "-", "--leds", "terminal")
			cmd.Env = append(os.Environ(), "EDGE_TEST_IS_PROGRAM=1", "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=200000")
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			pipe, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			go feedJPEG(pipe, jpegOf(t, red))

			end := time.Now().Add(time.Minute)
			told := func() string {
				b := make([]byte, 100)
				_ = systemd.SetReadDeadline(time.Now().Add(10 * time.Second))
				n, err := systemd.Read(b)
				if err != nil {
					t.Fatalf("%v; %s", err, &errs)
				}
				if time.Now().After(end) {
					t.Fatalf("it goes on after a minute: %s", &errs)
				}
				return string(b[:n])
			}
			for i, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
				if got := told(); got != want {
					t.Errorf("systemd was told %q, message %d should be %q", got, i, want)
				}
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for told() != "STOPPING=1" {
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &errs)
			}
			if !strings.Contains(out.String(), "r steady") || !strings.Contains(errs.String(), "msg=stopped") {
				t.Errorf("stdout %q, stderr %q", &out, &errs)
			}
		})
	}
}

// TestStopWithoutACard takes the recording's folder away while edge run records: that it can't be kept is no reason to call
// a stop that was asked for a failure.
func TestStopWithoutACard(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir)
	write(t, dir+"/red.jpg", jpegOf(t, red))
	write(t, dir+"/green.jpg", jpegOf(t, green))
	camera := fmt.Sprintf("exec:cd %s; while :; do cat red.jpg green.jpg; sleep 0.01; done", dir)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	go func() {
		for text := []byte(nil); ctx.Err() == nil && !bytes.Contains(text, []byte("nothing is recorded any more")); time.Sleep(10 * time.Millisecond) {
			if text, _ = os.ReadFile(filepath.Join(dir, statusFile)); len(text) > 0 {
				_ = os.RemoveAll(dir + "/record") // again and again, until the recorder needs another file
			}
		}
		stop()
	}()
	var out, errs bytes.Buffer
	status := Main(ctx, []string{"run", "--config", runFiles(t, rules+"record: {memory: 1MB}\n"), "--camera", camera, "--leds", "none", "--record", dir + "/record"},
		streams{strings.NewReader(""), &out, &errs})
	if status != 0 || !strings.Contains(errs.String(), "level=WARN msg=\"stopped, but not all was kept\" error=\"record: nothing is recorded any more: ") {
		t.Errorf("status %d: %s", status, &errs)
	}
}

// feedJPEG writes pictures to a pipe until nobody reads them.
func feedJPEG(to io.Writer, picture []byte) {
	for {
		if _, err := to.Write(picture); err != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// recorder is lights that remember what was set.
type recorder struct {
	set    [][]decision.Light
	at     func(n int) // called for Set number n
	closed bool
}

func (r *recorder) Set(lights []decision.Light) error {
	r.set = append(r.set, slices.Clone(lights))
	if r.at != nil {
		r.at(len(r.set))
	}
	return nil
}

func (r *recorder) Close() error {
	r.closed = true
	return errors.New("not quite")
}

// testLoop is a loop with the colours' network.
func testLoop(t testing.TB, l lights.Lights, log io.Writer) *loop {
	t.Helper()
	c, err := config.Load(runFiles(t, rules))
	if err != nil {
		t.Fatal(err)
	}
	net, err := classifier.Open(classifier.Options{Model: c.Model, Threads: 2, Fit: c.Fit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(net.Close)
	judge, err := c.Judge(net.Output)
	if err != nil {
		t.Fatal(err)
	}
	return &loop{net: net, judge: judge, lights: l, log: slog.New(slog.NewTextHandler(log, nil)), alive: func() {}}
}

// watchTest watches a camera with the rules of a testLoop.
func watchTest(t testing.TB, l *loop, source camera.Spec) error {
	t.Helper()
	c, err := config.Load(runFiles(t, rules))
	if err != nil {
		t.Fatal(err)
	}
	c.Camera = source
	return l.watch(t.Context(), c, nil)
}

// TestWatchEnds shows that the lights go out, and that a failure to do so is told.
func TestWatchEnds(t *testing.T) {
	dir := pictureFolder(t, pngOf(t, red))
	t.Run("in peace", func(t *testing.T) {
		var r recorder
		err := watchTest(t, testLoop(t, &r, io.Discard), camera.Spec{Kind: camera.Files, Arg: dir})
		if !r.closed || err == nil || !strings.Contains(err.Error(), "not quite") || len(r.set) != 2 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("without a camera", func(t *testing.T) {
		var r recorder
		err := watchTest(t, testLoop(t, &r, io.Discard), camera.Spec{Kind: camera.Files, Arg: "/nowhere/at-all"})
		if !r.closed || err == nil || len(r.set) != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("in a panic", func(t *testing.T) {
		r := recorder{at: func(n int) {
			if n == 2 {
				panic("broken")
			}
		}}
		defer func() {
			if recover() != "broken" || !r.closed {
				t.Errorf("%+v", r)
			}
		}()
		_ = watchTest(t, testLoop(t, &r, io.Discard), camera.Spec{Kind: camera.Files, Arg: dir})
	})
}

// TestDamagedFrames leaves some out, and takes many in a row for a lost camera.
func TestDamagedFrames(t *testing.T) {
	var r recorder
	var log bytes.Buffer
	l := testLoop(t, &r, &log)
	good := frame.Frame{Format: frame.RGB24, Width: 2, Height: 2, Pix: bytes.Repeat([]byte{255, 0, 0}, 4), At: time.Now()}
	bad := good
	bad.Pix = bad.Pix[:5]
	err := l.see(bad)
	l.camera = noCamera{}
	if told := (&watchers{control: &control{}}).changing(l).Damaged; !errors.Is(err, frame.ErrDamaged) || told != 1 {
		t.Fatalf("%v, %d", err, told)
	}
	if e := l.withoutThisFrame(err); e != nil || l.lost || len(r.set) != 0 {
		t.Errorf("one damaged frame: %v, %v", e, r.set)
	}
	l.damagedSince = time.Now().Add(-damagedTooLong)
	for range 2 {
		if e := l.withoutThisFrame(err); e != nil || !l.lost || r.set[len(r.set)-1][2] != decision.Steady {
			t.Errorf("damaged for %v: %v, %v", damagedTooLong, e, r.set)
		}
	}
	if err := l.see(good); err != nil || l.lost || !l.damagedSince.IsZero() || r.set[len(r.set)-1][0] != decision.Steady {
		t.Errorf("a good frame after them: %v, %v", err, r.set)
	}
	if n := strings.Count(log.String(), "camera lost\" error"); n != 1 {
		t.Errorf("told %d times: %s", n, &log)
	}
}

// TestLoopAllocatesNothing is about the whole way of a frame, with LEDs that blink, but no change of them.
func TestLoopAllocatesNothing(t *testing.T) {
	p := lights.NewPlayer(3, func([]bool) error { return nil })
	defer p.Close()
	l := testLoop(t, p, io.Discard)
	picture := jpegOf(t, red)
	for name, f := range map[string]frame.Frame{
		"YUYV":  {Format: frame.YUYV, Width: 64, Height: 48, Stride: 128, Pix: bytes.Repeat([]byte{76, 84, 76, 255}, 32*48)},
		"MJPEG": {Format: frame.MJPEG, Width: 32, Height: 24, Pix: picture},
	} {
		see := func() {
			f.At = f.At.Add(time.Millisecond)
			if err := l.see(f); err != nil {
				t.Fatal(err)
			}
		}
		f.At = time.Now()
		see()
		if n := testing.AllocsPerRun(100, see); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
}

// patientCamera says many times that its next picture isn't due.
type patientCamera struct{ camera.Camera }

func (patientCamera) Frames(context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for range 50 {
			if !yield(frame.Frame{}, camera.ErrNotYet) {
				return
			}
		}
	}
}

// TestWaitingFeedsWatchdog waits for pictures that come more seldom than systemd wants to hear of the loop.
func TestWaitingFeedsWatchdog(t *testing.T) {
	var r recorder
	l := testLoop(t, &r, io.Discard)
	fed := 0
	l.camera, l.alive = patientCamera{}, func() { fed++ }
	if err := l.walk(t.Context()); err != nil || fed != 1+50 || len(r.set) != 1 || l.lost {
		t.Errorf("%v; fed %d times, LEDs set %d times, lost %v", err, fed, len(r.set), l.lost)
	}
}

// goneCamera is lost for ever.
type goneCamera struct{ camera.Camera }

func (goneCamera) Frames(context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		for yield(frame.Frame{}, camera.ErrLost) {
		}
	}
}

// deadLights can be set once.
type deadLights struct{ recorder }

func (d *deadLights) Set(lights []decision.Light) error {
	if len(d.set) == 1 {
		return errors.New("the keeper has died")
	}
	return d.recorder.Set(lights)
}

// TestWalkEndsWithItsLights lets the lights fail while no camera is there: the walk ends at once, for systemd to start anew.
func TestWalkEndsWithItsLights(t *testing.T) {
	l := testLoop(t, &deadLights{}, io.Discard)
	l.camera = goneCamera{}
	if err := l.walk(t.Context()); err == nil || !strings.Contains(err.Error(), "the keeper has died") {
		t.Error(err)
	}
}

// BenchmarkFrameToLight is the way of a frame from the camera to the LED, inference apart: fitted to a network of
// 224 × 224, judged by its 1000 classes, shown.
func BenchmarkFrameToLight(b *testing.B) {
	c, err := config.Parse("edge.yaml", []byte("leds: [{name: r, classes: [1, 2, 3]}, {name: g, classes: [4]}]"))
	if err != nil {
		b.Fatal(err)
	}
	net, err := classifier.Open(classifier.Options{Threads: 1, Fit: c.Fit})
	if err != nil {
		b.Fatal(err)
	}
	defer net.Close()
	judge, err := c.Judge(net.Output)
	if err != nil {
		b.Fatal(err)
	}
	p := lights.NewPlayer(2, func([]bool) error { return nil })
	defer p.Close()
	l := &loop{net: net, judge: judge, lights: p, log: slog.New(slog.DiscardHandler)}
	for _, format := range []frame.Format{frame.YUYV, frame.NV12} {
		b.Run(format.String(), func(b *testing.B) {
			f := frame.Frame{Format: format, Width: 640, Height: 480, Stride: format.MinStride(640), At: time.Now()}
			f.Pix = bytes.Repeat([]byte{76, 84, 76, 255}, format.FrameSize(640, 480, f.Stride)/4)
			b.ReportAllocs()
			for b.Loop() {
				f.At = f.At.Add(time.Millisecond)
				if err := net.Fit(f); err != nil {
					b.Fatal(err)
				}
				if err := l.show(&moment{kind: record.Frame, frame: f, verdict: judge.Observe(net.Net.Output(), f.At)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
