package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/record"
)

const testConfig = `# rules
leds:
  - name: cat
    classes: cat   # purrs
    on: 0.6
    off: 0.4
    smoothing: none
    hold: 0s
  - {name: status}
states:
  camera_lost: {leds: status}
`

// walk is a program that sees frames: what the page is about in these tests.
type walk struct {
	t        testing.TB
	mu       sync.Mutex
	live     *Live
	judge    *decision.Judge
	config   *config.Config
	output   decision.Output
	recorder *record.Recorder
	started  time.Time
	saved    []byte
	refuse   error
	frames   int
}

func newWalk(t testing.TB, recording string) *walk {
	t.Helper()
	w := &walk{t: t, output: decision.Output{Classes: 3, Scale: 1. / 256, Labels: []string{"dog", "cat", "<i>& \"co\""}}, started: time.Now()}
	var err error
	if w.config, err = config.Parse("/etc/edge/edge.yaml", []byte(testConfig)); err != nil {
		t.Fatal(err)
	}
	if w.judge, err = w.config.Judge(w.output); err != nil {
		t.Fatal(err)
	}
	w.live = NewLive(w.config.Decision, Network{"pets", "abc", w.output})
	if recording != "" {
		h := record.Header{Started: w.started, Output: w.output, Rules: w.config.Decision, Input: specOf(8, 8, 3)}
		if w.recorder, err = record.Open(record.Options{Dir: recording, Bytes: record.MinBytes}, h, w.judge); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // after what shows it frames has ended
			if err := w.recorder.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return w
}

// see shows it a frame in which the score of "cat" is so many 256ths.
func (w *walk) see(cat byte) decision.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames++
	f := frame.Frame{
		Pix: bytes.Repeat([]byte{cat, 80, 120}, 64*48), Format: frame.RGB24, Width: 64, Height: 48, Stride: 3 * 64, At: time.Now(),
	}
	output := []byte{254 - cat, cat, 1}
	v := w.judge.Observe(output, f.At)
	w.live.See(Seen{Frame: f, Output: output, Verdict: v, Judge: w.judge, Ran: time.Millisecond, At: time.Now()})
	if w.recorder != nil {
		w.recorder.See(record.Seen{
			Kind: record.Frame, At: f.At, Frame: f, Input: f.Pix[:8*8*3], Output: output, Verdict: v, Judge: w.judge,
		}, w.started)
	}
	return v
}

func (w *walk) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.judge.Lost(time.Now())
	w.live.See(Seen{Verdict: v, Judge: w.judge, At: time.Now()})
}

// Get implements Settings.
func (w *walk) Get() ([]byte, *config.Config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.config.Text(), w.config
}

// Change implements Settings.
func (w *walk) Change(_ context.Context, changes []config.Change, save bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := config.Edit(w.config.Text(), changes)
	if err != nil {
		return err
	}
	c, err := config.Parse("/etc/edge/edge.yaml", text)
	if err != nil {
		return err
	}
	j, err := c.Judge(w.output)
	if err != nil {
		return err
	}
	j.Resume(w.judge)
	w.judge, w.config = j, c
	w.live.SetRules(c.Decision)
	if save {
		if w.refuse != nil {
			return w.refuse
		}
		w.saved = text
	}
	return nil
}

// watch keeps the walk going until the test ends.
func (w *walk) watch(cat byte) {
	stop := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				w.see(cat)
			}
		}
	})
	w.t.Cleanup(func() { close(stop); ended.Wait() })
}

func (w *walk) program(recording string) Program {
	return Program{
		Live: w.live, Input: specOf(8, 8, 3), Settings: w, Record: recording, Log: slog.New(slog.DiscardHandler),
		Fixed:    Fixed{Version: "v1", Kernels: "generic", Started: w.started},
		Changing: func() Changing { return Changing{Camera: "test", Dropped: 3, Temperature: 51} },
	}
}

// serve serves a page on loopback, and returns its address.
func serve(t testing.TB, c config.Page, p Program) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve(l, c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

func request(t testing.TB, method, url, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // a stream that should have been refused doesn't end
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

func get(t testing.TB, url string, header ...string) (int, http.Header, string) {
	t.Helper()
	return request(t, http.MethodGet, url, "", header...)
}

func TestState(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	if status, _, text := get(t, url+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready before the first frame: %d, %s", status, text)
	}
	for _, cat := range []byte{10, 200, 200, 10, 200} {
		w.see(cat)
	}
	var s State
	if _, _, text := get(t, url+"/state"); json.Unmarshal([]byte(text), &s) != nil {
		t.Fatal(text)
	}
	cat := s.LEDs[0]
	if s.State != "watching" || !s.CameraUp || s.Frames != 5 || s.Dropped != 3 || cat.Name != "cat" || !cat.Lit || cat.Switches != 3 ||
		cat.Score != 200./256 || cat.On != 0.6 || s.LEDs[1].On != 0 || s.Top[0].Label != "cat" || s.Switches[0].LED != "cat" {
		t.Errorf("%+v", s)
	}
	if status, _, _ := get(t, url+"/readyz"); status != http.StatusOK {
		t.Errorf("not ready: %d", status)
	}
	status, header, text := get(t, url+"/state", "Accept", "text/html,*/*")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(text, "&lt;i&gt;") || strings.Contains(text, "<i>") {
		t.Errorf("%d, %s", status, text)
	}
	w.lose()
	if status, _, _ := get(t, url+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready without a camera: %d", status)
	}
	if status, _, _ := get(t, url+"/livez"); status != http.StatusOK {
		t.Errorf("not alive: %d", status)
	}
}

// TestMetrics holds the text to what Prometheus reads: the grammar, and that each metric has its type once, before it.
func TestMetrics(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	for _, cat := range []byte{10, 200, 10} {
		w.see(cat)
	}
	_, header, text := get(t, url+"/metrics")
	if !strings.HasPrefix(header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Error(header.Get("Content-Type"))
	}
	line := regexp.MustCompile(`^([a-z_]+)(\{([a-z0-9_]+="([^"\\\n]|\\["\\n])*",?)+\})? ([0-9.e+-]+)$`)
	types := map[string]string{}
	values := map[string]string{}
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if rest, ok := strings.CutPrefix(l, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			if types[name] != "" {
				t.Errorf("%s has two types", name)
			}
			types[name] = kind
			continue
		}
		if strings.HasPrefix(l, "# HELP ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("%q", l)
			continue
		}
		base := m[1]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if b, ok := strings.CutSuffix(m[1], suffix); ok && types[b] == "histogram" {
				base = b
			}
		}
		if types[base] == "" {
			t.Errorf("%s comes before its type", m[1])
		}
		values[m[1]+m[2]] = m[5]
	}
	for name, want := range map[string]string{
		`edge_frames_total{result="seen"}`: "3", `edge_frames_total{result="dropped"}`: "3", `edge_led_switches_total{led="cat"}`: "2",
		`edge_led_on{led="cat"}`: "0", "edge_frame_to_led_seconds_count": "3", `edge_inference_duration_seconds_bucket{le="+Inf"}`: "3",
		"edge_camera_up": "1", `edge_build_info{version="v1"}`: "1", "edge_temperature_celsius": "51",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %s", name, values[name], want)
		}
	}
}

// TestEncoderMakesWay holds that pictures are made by a thread of a low priority.
func TestEncoderMakesWay(t *testing.T) {
	low := func() (threads []string) {
		files, err := filepath.Glob("/proc/self/task/*/stat")
		if err != nil || len(files) == 0 {
			t.Skip("no /proc here")
		}
		for _, file := range files {
			text, _ := os.ReadFile(file) // a thread may have ended
			_, rest, _ := strings.Cut(string(text), ") ")
			if fields := strings.Fields(rest); len(fields) > 16 && fields[16] == strconv.Itoa(niceness) {
				threads = append(threads, file)
			}
		}
		return threads
	}
	before := low() // other tests', and the process's first thread, which is only parked after it was an encoder's
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve(l, config.Page{}, newWalk(t, "").program(""))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2000 {
		if slices.ContainsFunc(low(), func(thread string) bool { return !slices.Contains(before, thread) }) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("threads of low priority: %q before, %q now", before, low())
}

func TestPictures(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	w.watch(100)
	status, header, text := get(t, url+"/snapshot")
	img, err := jpeg.Decode(strings.NewReader(text))
	if err != nil || status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 48 {
		t.Fatalf("%d, %v", status, err)
	}
	r, _, b, _ := img.At(30, 20).RGBA()
	if r>>8 < 90 || r>>8 > 110 || b>>8 < 110 || b>>8 > 130 {
		t.Errorf("red %d, blue %d", r>>8, b>>8)
	}
}

func TestStream(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program(""))
	w.watch(100)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, url+"/stream", nil)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(answer.Body, params["boundary"])
	for range 3 {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(part)
		if err != nil || strconv.Itoa(len(data)) != part.Header.Get("Content-Length") {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSettings(t *testing.T) {
	w := newWalk(t, "")
	url := serve(t, config.Page{}, w.program("")) + "/api/v1/config"
	w.see(140) // 0.55: dark
	status, _, text := request(t, http.MethodPatch, url, `{"set":[{"path":"leds[0].on","value":"0.5"}]}`)
	if status != http.StatusOK || w.saved != nil {
		t.Fatalf("%d, %s, saved %q", status, text, w.saved)
	}
	if v := w.see(140); v.Lights[0] != decision.Steady {
		t.Errorf("the new threshold doesn't hold: %v", v.Lights)
	}
	status, _, text = request(t, http.MethodPatch, url, `{"set":[{"path":"camera.roi","value":"0,0,0.5,1"}],"save":true}`)
	if want := strings.Replace(testConfig, "on: 0.6", "on: 0.5", 1) + "camera:\n  roi: 0,0,0.5,1\n"; status != http.StatusOK || string(w.saved) != want {
		t.Errorf("%d, %s\ngot  %q\nwant %q", status, text, w.saved, want)
	}
	for _, c := range []struct {
		body, path, words string
		status            int
	}{
		{`{"set":[{"path":"leds[0].off","value":"0.9"}]}`, "leds[0].off", "above on", 422},
		{`{"set":[{"path":"leds[0].smoothing","value":"lots"}]}`, "leds[0].smoothing", "average 1s", 422},
		{`{"set":[{"path":"camera.roi","value":"2,2"}]}`, "camera.roi", "want", 422},
		{`{"set":[{"path":"camera.source","value":"exec:sh"}]}`, "camera.source", "can't be changed here", 422},
		{`{"set":[{"path":"page.password","value":"x"}]}`, "page.password", "can't be changed here", 422},
		{`{"set":[{"path":"leds[7].on","value":"0.5"}]}`, "leds[7].on", "no such place", 422},
		{`{"set":[{"path":"leds[0].on","value":"0.5\nmodel: evil"}]}`, "leds[0].on", "one line", 422},
		{`{"sat":[]}`, "", "sat", 400},
		{`not JSON`, "", "invalid", 400},
		{`{"set":[{"path":"` + strings.Repeat("x", mostBody) + `"}]}`, "", "64 KiB", 413},
	} {
		before, _ := w.Get()
		status, _, text := request(t, http.MethodPatch, url, c.body)
		var p problems
		if err := json.Unmarshal([]byte(text), &p); err != nil || status != c.status || len(p.Problems) == 0 || p.Problems[0].Path != c.path || !strings.Contains(text, c.words) {
			t.Errorf("%.80s: %d, %s", c.body, status, text)
		}
		if after, _ := w.Get(); !bytes.Equal(before, after) {
			t.Errorf("%.80s: the rules have changed", c.body)
		}
	}
	w.refuse = os.ErrPermission
	if status, _, text := request(t, http.MethodPatch, url, `{"set":[],"save":true}`); status != http.StatusConflict || !strings.Contains(text, "permission") {
		t.Errorf("%d, %s", status, text)
	}
}

func TestWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "record")
	w := newWalk(t, dir)
	url := serve(t, config.Page{}, w.program(dir))
	for i := range 40 {
		w.see([]byte{10, 200}[i/10%2])
		time.Sleep(2 * time.Millisecond)
	}
	var list []happening
	deadline := time.Now().Add(10 * time.Second)
	for len(list) < 3 && time.Now().Before(deadline) {
		_, _, text := get(t, url+"/api/v1/replay")
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(text)
		}
		time.Sleep(100 * time.Millisecond)
	}
	i := slices.IndexFunc(list, func(h happening) bool { return h.Moment == 20 })
	if i < 0 || list[i].Why != "switch" || !list[i].Picture {
		t.Fatalf("%+v", list)
	}
	var s story
	status, _, text := get(t, fmt.Sprintf("%s/api/v1/replay/%s/%d", url, list[i].Run, list[i].Moment))
	if err := json.Unmarshal([]byte(text), &s); err != nil || status != http.StatusOK {
		t.Fatal(status, text)
	}
	if len(s.Moments) < 30 || s.LEDs[0].Lit || s.LEDs[0].Score != 10./256 || !s.Moments[19].Lit[0] || s.Moments[20].Lit[0] || s.Top[0].Label != "dog" ||
		!strings.HasPrefix(s.Text, `"cat" was steady, now it is dark: its score (none) is 0.04, below 0.4.`) {
		t.Errorf("%+v", s)
	}
	status, header, text := get(t, fmt.Sprintf("%s/api/v1/pictures/%s/%d", url, list[i].Run, list[i].Moment))
	if status != http.StatusOK || header.Get("Content-Type") != "image/png" || !strings.HasPrefix(text, "\x89PNG") {
		t.Errorf("%d, %q", status, text)
	}
	for _, path := range []string{"/api/v1/replay/1/2", "/api/v1/replay/x/y", "/api/v1/pictures/1/2", "/api/v1/pictures/" + list[i].Run + "/999999"} {
		if status, _, _ := get(t, url+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestSize holds that the whole page is small, and asks for nothing from elsewhere.
func TestSize(t *testing.T) {
	total := 0
	entries, err := web.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := web.ReadFile("web/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() == "openapi.json" {
			continue // for machines
		}
		total += len(data)
		for _, found := range regexp.MustCompile(`https?://[^"' )]+`).FindAllString(string(data), -1) {
			if found != "http://www.w3.org/2000/svg" {
				t.Errorf("%s: %s", e.Name(), found)
			}
		}
		if regexp.MustCompile(`innerHTML|insertAdjacentHTML|document\.write|eval\(| on[a-z]+="| style="`).Match(data) {
			t.Errorf("%s: what the content security policy and text from cameras forbid", e.Name())
		}
	}
	if total > 60_000 {
		t.Errorf("%d bytes", total)
	}
}
