package main

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
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

// BenchmarkWatched is how long a frame takes to the LEDs, from the instant at which it is due, at 25 frames a second:
//
//	alone      nobody could look: no recorder, no page
//	recorded   with the recorder and a page at which nobody looks
//	watched    with ten watchers of the live picture, five of which have stopped reading
//
// The three take turns, in blocks of a few seconds and in an order that chance chooses, so that whatever else the machine does
// meets them alike. What is reported of recorded and watched is by how many percent their median and 99th percentile are above
// alone's, each with the interval in which that lies with a probability of 95 %, by the bootstrap over rounds (Efron and
// Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): an interval that holds 0 shows no difference.
//
// docs/bench/page.md has results: go test ./cmd/edge -run - -bench Watched -benchtime 2000x -timeout 30m
func BenchmarkWatched(b *testing.B) {
	for _, format := range []frame.Format{frame.YUYV, frame.MJPEG} {
		b.Run(format.String(), func(b *testing.B) { benchmarkWatched(b, format) })
	}
}

func benchmarkWatched(b *testing.B, format frame.Format) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	moreThreads()
	c, network, f := watchedNetwork(b, format)
	defer network.Close()
	const rounds = 20
	names := []string{"alone", "recorded", "watched"}
	var times [3][rounds][]time.Duration
	for round := range rounds {
		for _, i := range rand.Perm(len(names)) {
			times[i][round] = framesToLED(b, c, network, f, names[i], max(b.N/rounds, 10))
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, q := range []float64{0.5, 0.99} {
		of := func(kind int, chosen []int) float64 {
			var all []time.Duration
			for _, round := range chosen {
				all = append(all, times[kind][round]...)
			}
			slices.Sort(all)
			return all[int(q*float64(len(all)))].Seconds()
		}
		all := make([]int, rounds)
		for i := range all {
			all[i] = i
		}
		b.ReportMetric(of(0, all)*1000, fmt.Sprintf("alone-p%.0f-ms", 100*q))
		for kind := 1; kind < len(names); kind++ {
			more := func(chosen []int) float64 { return 100 * (of(kind, chosen)/of(0, chosen) - 1) }
			resampled := make([]float64, 1000)
			for i := range resampled {
				chosen := make([]int, rounds)
				for k := range chosen {
					chosen[k] = rand.IntN(rounds)
				}
				resampled[i] = more(chosen)
			}
			slices.Sort(resampled)
			unit := fmt.Sprintf("%s-p%.0f-%%", names[kind], 100*q)
			b.ReportMetric(more(all), unit)
			b.ReportMetric(resampled[25], unit+"-from")
			b.ReportMetric(resampled[974], unit+"-to")
		}
	}
}

// watchedNetwork is the network inside the program, with rules for two LEDs and a frame of 640 × 480, or a photograph.
func watchedNetwork(b *testing.B, format frame.Format) (*config.Config, *classifier.Classifier, frame.Frame) {
	c, err := config.Parse("edge.yaml", []byte("leds: [{name: r, classes: [1, 2, 3]}, {name: g, classes: [4]}]"))
	if err != nil {
		b.Fatal(err)
	}
	network, err := classifier.Open(classifier.Options{Fit: c.Fit})
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
func framesToLED(b *testing.B, c *config.Config, network *classifier.Classifier, f frame.Frame, how string, n int) (took []time.Duration) {
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
	runtime.GC() // what was before is nobody's here
	const interval, warm = 40 * time.Millisecond, 5
	due := time.Now()
	for i := range n + warm {
		due = due.Add(interval)
		time.Sleep(time.Until(due))
		f.At = time.Now()
		if err := l.see(f); err != nil {
			b.Fatal(err)
		}
		if i >= warm {
			took = append(took, watch.at.Sub(due))
		}
	}
	return took
}

// watchersOf is the environment variable by which TestWatchers is told whom to watch.
const watchersOf = "EDGE_WATCHERS_OF"

// watchPage lets ten watch, of whom five don't read. They are another process, and one that makes way, as they would be
// other machines. They end when the returned function is called.
func watchPage(b *testing.B, s *page.Server) (end func()) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestWatchers$")
	cmd.Env = append(os.Environ(), watchersOf+"="+s.Address())
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, cmd.Process.Pid, 19); err != nil {
		b.Log(err)
	}
	time.Sleep(time.Second)
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// TestWatchers is no test, but the process that watchPage starts.
func TestWatchers(t *testing.T) {
	address := os.Getenv(watchersOf)
	if address == "" {
		t.Skip("it is started by BenchmarkWatched")
	}
	for i := range 10 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if i%2 == 0 {
			go io.Copy(io.Discard, c)
		}
	}
	select {} // until it is killed
}

// BenchmarkWitnesses is what showing a moment to the recorder and a page at which nobody looks costs the walk, in time of its
// core: before the LEDs are set (fitted) and after (see), at 200 frames a second.
func BenchmarkWitnesses(b *testing.B) {
	for _, format := range []frame.Format{frame.YUYV, frame.MJPEG} {
		b.Run(format.String(), func(b *testing.B) { benchmarkWitnesses(b, format) })
	}
}

func benchmarkWitnesses(b *testing.B, format frame.Format) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	moreThreads()
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
