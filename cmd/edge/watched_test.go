package main

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"edge/camera"
	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/page"
	"edge/record"
)

// stopwatch are lights that note when they are set.
type stopwatch struct{ at time.Time }

func (s *stopwatch) Set([]decision.Light) error { s.at = time.Now(); return nil }
func (*stopwatch) Close() error                 { return nil }

// noCamera is a camera that has counted nothing.
type noCamera struct{ camera.Camera }

func (noCamera) Counts() camera.Counts { return camera.Counts{} }
func (noCamera) String() string        { return "none" }

// BenchmarkWatched is how long a frame takes to the LEDs, and how much of its core the walk takes for all of a frame, at 25
// frames a second, in turns:
//
//	alone      nobody could look: no recorder, no page
//	recorded   with the recorder and a page at which nobody looks
//	watched    with ten watchers of the live picture, five of which have stopped reading
//
// docs/bench/page.md has results: go test ./cmd/edge -run - -bench Watched -benchtime 2000x
func BenchmarkWatched(b *testing.B) {
	for _, format := range []frame.Format{frame.YUYV, frame.MJPEG} {
		b.Run(format.String(), func(b *testing.B) { benchmarkWatched(b, format) })
	}
}

func benchmarkWatched(b *testing.B, format frame.Format) {
	c, network, f := watchedNetwork(b, format)
	defer network.Close()
	const rounds = 8
	names := []string{"alone", "recorded", "watched"}
	wall, core := map[string][]time.Duration{}, map[string][]time.Duration{}
	for range rounds {
		for _, name := range names {
			w, c := framesToLED(b, c, network, f, name, max(b.N/rounds, 10))
			wall[name], core[name] = append(wall[name], w...), append(core[name], c...)
		}
	}
	for _, name := range names {
		for unit, took := range map[string][]time.Duration{"ms": wall[name], "core-ms": core[name]} {
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1000, name+"-p50-"+unit)
			b.ReportMetric(took[len(took)*99/100].Seconds()*1000, name+"-p99-"+unit)
		}
	}
}

// watchedNetwork is the network inside the program, with rules for two LEDs and a frame of 640 × 480, or a photograph.
func watchedNetwork(b *testing.B, format frame.Format) (*config.Config, *classifier.Classifier, frame.Frame) {
	c, err := config.Parse("edge.yaml", []byte("leds: [{name: r, classes: [1, 2, 3]}, {name: g, classes: [4]}]"))
	if err != nil {
		b.Fatal(err)
	}
	network, err := classifier.Open(classifier.Options{Threads: 1, Fit: c.Fit})
	if err != nil {
		b.Fatal(err)
	}
	f := frame.Frame{Format: format, Width: 640, Height: 480}
	if format == frame.MJPEG {
		if f.Pix, err = os.ReadFile("../../examples/cat.jpg"); err != nil {
			b.Fatal(err)
		}
		size, err := jpeg.DecodeConfig(bytes.NewReader(f.Pix))
		if err != nil {
			b.Fatal(err)
		}
		f.Width, f.Height = size.Width, size.Height
	} else {
		f.Stride = format.MinStride(640)
		f.Pix = bytes.Repeat([]byte{76, 84, 90, 130}, format.FrameSize(640, 480, f.Stride)/4)
	}
	return c, network, f
}

// openFor opens the recorder and the page for a loop.
func openFor(b *testing.B, l *loop, c *config.Config) (w *watchers) {
	b.Setenv("RUNTIME_DIRECTORY", b.TempDir())
	with := *c
	with.Record = config.Record{Memory: record.MinBytes}
	with.Page.Listen = "127.0.0.1:0"
	w, err := openWatchers(l, &with, nil)
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// threadTime is the time that this thread has had a core.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// framesToLED times frames through a loop that is alone, recorded or watched.
func framesToLED(b *testing.B, c *config.Config, network *classifier.Classifier, f frame.Frame, how string, n int) (wall, core []time.Duration) {
	judge, err := c.Judge(network.Output)
	if err != nil {
		b.Fatal(err)
	}
	watch := &stopwatch{}
	l := &loop{net: network, judge: judge, lights: watch, camera: noCamera{}, log: slog.New(slog.DiscardHandler), alive: func() {}}
	if how != "alone" {
		w := openFor(b, l, c)
		defer w.close()
		if how == "watched" {
			defer watchPage(b, w.server)()
		}
	}
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range n {
		f.At = <-tick.C
		before, start := threadTime(), time.Now()
		if err := l.see(f); err != nil {
			b.Fatal(err)
		}
		core = append(core, threadTime()-before)
		wall = append(wall, watch.at.Sub(start))
	}
	return wall, core
}

// watchPage lets ten watch, of whom five don't read. They end when the returned function is called.
func watchPage(b *testing.B, s *page.Server) (end func()) {
	var all []net.Conn
	for i := range 10 {
		c, err := net.Dial("tcp", s.Address())
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(c, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if i%2 == 0 {
			go io.Copy(io.Discard, c) // until it is closed
		}
		all = append(all, c)
	}
	time.Sleep(time.Second)
	return func() {
		for _, c := range all {
			c.Close()
		}
	}
}

// BenchmarkWitnesses is what showing a moment to the recorder and a page at which nobody looks costs the walk, in time of its
// core: before the LEDs are set (fitted) and after (see), at 200 frames a second.
func BenchmarkWitnesses(b *testing.B) {
	for _, format := range []frame.Format{frame.YUYV, frame.MJPEG} {
		b.Run(format.String(), func(b *testing.B) { benchmarkWitnesses(b, format) })
	}
}

func benchmarkWitnesses(b *testing.B, format frame.Format) {
	c, network, f := watchedNetwork(b, format)
	defer network.Close()
	judge, err := c.Judge(network.Output)
	if err != nil {
		b.Fatal(err)
	}
	l := &loop{net: network, judge: judge, lights: &stopwatch{}, camera: noCamera{}, log: slog.New(slog.DiscardHandler), alive: func() {}}
	defer openFor(b, l, c).close()
	output := bytes.Clone(network.Net.Output())
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var fitted, seen []time.Duration
	for i := range max(b.N, 100) {
		f.At = <-tick.C
		output[i%len(output)]++
		m := &moment{kind: record.Frame, frame: f, output: output, verdict: judge.Observe(output, f.At), judge: judge}
		before := threadTime()
		l.witnesses.fitted(&f, network.Net.Input())
		between := threadTime()
		l.witnesses.see(m)
		fitted, seen = append(fitted, between-before), append(seen, threadTime()-between)
	}
	for name, took := range map[string][]time.Duration{"before": fitted, "after": seen} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, name+"-p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1000, name+"-p99-µs")
	}
}
