package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"edge/classifier"
	"edge/frame"
	"edge/mobilenet"
	"edge/page"
)

var enduranceFrames = flag.Int("frames", 0, "TestManyFrames walks so many frames (make endurance)")

// resources are what a process may lose bit by bit, and how much more of it may be there after a run than before: what the
// allocator and the scheduler move by themselves. A leak of one byte a frame is 1 MB in a million frames.
var resources = []struct {
	name      string
	tolerance float64
	now       func(m *runtime.MemStats) (float64, error)
}{
	{"heap in bytes", 128 << 10, func(m *runtime.MemStats) (float64, error) { return float64(m.HeapAlloc), nil }},
	{"objects in the heap", 2000, func(m *runtime.MemStats) (float64, error) { return float64(m.HeapObjects), nil }},
	{"resident memory in bytes", 4 << 20, func(*runtime.MemStats) (float64, error) { n, err := ownStatus("VmRSS"); return n * 1024, err }},
	{"threads", 1, func(*runtime.MemStats) (float64, error) { return ownStatus("Threads") }},
	{"goroutines", 1, func(*runtime.MemStats) (float64, error) { return float64(runtime.NumGoroutine()), nil }},
	{"open files", 1, func(*runtime.MemStats) (float64, error) {
		open, err := os.ReadDir("/proc/self/fd")
		return float64(len(open)), err
	}},
}

// TestManyFrames walks many frames through the program as a service runs it: a camera that is a command, a MobileNet, an LED
// that switches, the recorder, the status file, and a page at which people look who come and go. Nothing may grow.
func TestManyFrames(t *testing.T) {
	if *enduranceFrames == 0 {
		t.Skip("needs -frames N: make endurance")
	}
	dir := t.TempDir()
	config, frames := switchingNetwork(t, dir)
	t.Setenv("RUNTIME_DIRECTORY", dir)
	pipe := filepath.Join(dir, "frames")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log lockedBuffer
	ended := make(chan int, 1)
	address := freeAddress(t)
	url := "http://" + address
	go func() { // until stop
		ended <- Main(ctx, []string{
			"run", "--config", config, "--camera", "exec:exec cat " + pipe, "--format", "yuyv", "--size", "96x96",
			"--leds", "none", "--page=" + address, "--threads", "1",
		}, streams{strings.NewReader(""), io.Discard, &log})
	}()
	go feedFrames(pipe, frames) // until nobody reads them
	for end := time.Now().Add(time.Minute); !isReady(url); time.Sleep(10 * time.Millisecond) {
		if len(ended) > 0 || time.Now().After(end) {
			t.Fatalf("no page, or no frames: %s", log.String())
		}
	}

	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() { lookAround(ctx, url) })

	const samples = 200
	x, y := make([]float64, 0, samples), make([][]float64, len(resources))
	began := time.Now()
	var last page.State
	for i := range samples {
		for last.Frames < uint64((i+1)*(*enduranceFrames)/samples) {
			select {
			case status := <-ended:
				t.Fatalf("edge run ended with status %d: %s", status, log.String())
			case <-time.After(20 * time.Millisecond):
			}
			last = stateOf(t, url)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		x = append(x, float64(last.Frames))
		for k, r := range resources {
			n, err := r.now(&m)
			if err != nil {
				t.Fatal(err)
			}
			y[k] = append(y[k], n)
		}
	}
	took := time.Since(began)
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("edge run ended with status %d: %s", status, log.String())
	}
	t.Logf("%d frames in %v, %d more dropped, the LED switched %d times; %s", last.Frames, took.Round(time.Second), last.Dropped,
		last.LEDs[0].Switches, last.Trouble)
	if last.LEDs[0].Switches < last.Frames/1000 {
		t.Error("the LED hardly switched: the recorder had nothing to do")
	}
	const warm = samples / 5 // caches and rings fill up before
	for k, r := range resources {
		slope, err := trend(x[warm:], y[k][warm:])
		n := last.Frames
		t.Logf("%-24s %12.0f → %12.0f: %+.3g ± %.2g in a frame, %+.3g ± %.2g in the run (2 σ)", r.name, y[k][warm], y[k][samples-1],
			slope, 2*err, slope*float64(n), 2*err*float64(n))
		if (slope-3*err)*float64(n) > r.tolerance {
			t.Errorf("%s grow: more than %g in %d frames", r.name, r.tolerance, n)
		}
	}
}

// trend fits a line through y over x by least squares and returns its slope with the standard error. Neighbours resemble
// each other, so that n of them tell as little as n·(1−ρ)/(1+ρ) others, with ρ the correlation of neighbouring residuals.
func trend(x, y []float64) (slope, deviation float64) {
	n := float64(len(x))
	var mx, my, sxx, sxy float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		sxx, sxy = sxx+(x[i]-mx)*(x[i]-mx), sxy+(x[i]-mx)*(y[i]-my)
	}
	slope = sxy / sxx
	var sum, lagged, before float64
	for i := range x {
		r := y[i] - my - slope*(x[i]-mx)
		sum, lagged, before = sum+r*r, lagged+r*before, r
	}
	if sum == 0 {
		return slope, 0
	}
	rho := min(max(lagged/sum, 0), 0.99)
	return slope, math.Sqrt(sum/(n-2)/sxx) * math.Sqrt((1+rho)/(1-rho))
}

// TestTrend: noise that wanders isn't a leak, and a leak in it is found.
func TestTrend(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alarms, found := 0, 0
	const tries, n = 1000, 160
	for range tries {
		x, flat, leak := make([]float64, n), make([]float64, n), make([]float64, n)
		wander := 0.
		for i := range n {
			wander = 0.8*wander + random.NormFloat64()
			x[i], flat[i], leak[i] = float64(i), wander, wander+float64(i)/20 // in the end 8, with a deviation of 1.7
		}
		if slope, err := trend(x, flat); slope > 3*err {
			alarms++
		}
		if slope, err := trend(x, leak); slope > 3*err {
			found++
		}
	}
	if alarms > tries/50 || found < tries*95/100 {
		t.Errorf("%d false alarms, %d of %d leaks found", alarms, found, tries)
	}
	if slope, err := trend([]float64{0, 1, 2, 3}, []float64{5, 7, 9, 11}); slope != 2 || err != 0 {
		t.Errorf("a line: %v ± %v", slope, err)
	}
}

// switchingNetwork writes a MobileNet of random weights and a configuration with an LED that is lit by one of the two frames of
// 96 × 96 pixels, YUYV, that it also returns.
func switchingNetwork(t *testing.T, dir string) (file string, frames [][]byte) {
	t.Helper()
	blueprint, err := mobilenet.V1(0.25, 96, 2)
	if err != nil {
		t.Fatal(err)
	}
	data, err := blueprint.Graph(1).WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	network := filepath.Join(dir, "network.tflite")
	write(t, network, data)
	c, err := classifier.Open(classifier.Options{Model: network, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	low, high := float32(2), float32(-1)
	frames = make([][]byte, 2)
	for grey := range 16 {
		f := frame.Frame{Format: frame.YUYV, Width: 96, Height: 96, Stride: 192, Pix: bytes.Repeat([]byte{byte(16 + 14*grey), 128}, 96*96)}
		scores, err := c.Classify(f)
		if err != nil {
			t.Fatal(err)
		}
		if s := scores[0]; s < low {
			low, frames[0] = s, f.Pix
		}
		if s := scores[0]; s > high {
			high, frames[1] = s, f.Pix
		}
	}
	if high-low < 0.01 {
		t.Fatalf("scores from %v to %v: the network sees nothing", low, high)
	}
	file = filepath.Join(dir, "edge.yaml")
	write(t, file, fmt.Appendf(nil, "model: %s\nleds: [{name: a, classes: 0, on: %v, off: %v, smoothing: none, hold: 0s}]\nrecord: {memory: 4MB}\n",
		network, low+(high-low)*0.7, low+(high-low)*0.3))
	return file, frames
}

// feedFrames writes 4,000 frames a second to a pipe: a hundred times the one, a hundred times the other.
func feedFrames(pipe string, frames [][]byte) {
	f, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	tick := time.NewTicker(250 * time.Microsecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if _, err := f.Write(frames[i/100%len(frames)]); err != nil {
			return
		}
		<-tick.C
	}
}

// lookAround is what people do with the page: they watch for a while, ask for this and that, leave, and come again.
func lookAround(ctx context.Context, url string) {
	for ctx.Err() == nil {
		for _, path := range []string{"/", "/stream", "/events", "/snapshot", "/state", "/metrics", "/api/v1/history", "/api/v1/replay"} {
			visit(ctx, url+path)
		}
	}
}

func visit(ctx context.Context, url string) {
	ctx, stop := context.WithTimeout(ctx, 200*time.Millisecond) // those that never end
	defer stop()
	if r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil); err == nil {
		if answer, err := http.DefaultClient.Do(r); err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}
}

func stateOf(t *testing.T, url string) (s page.State) {
	t.Helper()
	answer, err := http.Get(url + "/state")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// freeAddress returns an address of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func isReady(url string) bool {
	answer, err := http.Get(url + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// lockedBuffer keeps the beginning of what several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.text.Len() < 16<<10 {
		b.text.Write(p)
	}
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// ownStatus returns a number of /proc/self/status.
func ownStatus(name string) (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			return strconv.ParseFloat(strings.Fields(rest)[0], 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status has no %s", name)
}
