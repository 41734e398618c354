package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"edge/decision"
	"edge/frame"
	"edge/quant"
)

// testHeader is a run of a network with the classes cat, dog and 98 others.
func testHeader() Header {
	labels := make([]string, 100)
	for i := range labels {
		labels[i] = fmt.Sprint("class ", i)
	}
	labels[1], labels[2] = "cat", "dog"
	led := func(class string, s decision.Smoothing, hold time.Duration) decision.LED {
		return decision.LED{
			Name: class, Classes: []decision.Class{decision.ClassName(class)}, On: 0.6, Off: 0.4, Smoothing: s, Hold: hold,
		}
	}
	return Header{
		Program: "test", Started: time.Now(), Model: "pets", SHA256: strings.Repeat("0", 64),
		Input:  frame.TensorSpec{Width: 4, Height: 4, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}},
		Output: decision.Output{Classes: 100, Scale: 1. / 256, Labels: labels},
		Rules: decision.Config{
			LEDs: []decision.LED{
				led("cat", decision.Smoothing{Span: time.Second}, 300*time.Millisecond),
				led("dog", decision.Smoothing{Votes: 2, Frames: 3}, 0),
				{Name: "status"},
			},
			CameraLost: decision.Show{LEDs: []string{"status"}},
			NotSure:    decision.NotSure{Show: decision.Show{LEDs: []string{"status"}}, Below: 0.3, Smoothing: decision.Smoothing{Frames: 2}},
		},
		Config: "leds: …\n",
	}
}

// play is a walk: it shows a recorder n moments and returns each as text.
func play(t testing.TB, r *Recorder, h Header, j *decision.Judge, rnd *rand.Rand, from, n int) []string {
	t.Helper()
	output := make([]byte, h.Output.Classes)
	input := make([]byte, 48)
	var said []string
	level := 0
	for i := from; i < from+n; i++ {
		at := h.Started.Add(time.Duration(i)*66*time.Millisecond + time.Duration(rnd.IntN(20))*time.Millisecond)
		seen := Seen{Kind: Frame, At: at, Input: input, Output: output, Judge: j}
		if rnd.IntN(15) == 0 {
			level = rnd.IntN(3)
		}
		switch {
		case i == 0:
			seen.Kind = Start
			seen.Verdict = j.Starting()
		case rnd.IntN(200) == 0:
			seen.Kind = Lost
			seen.Verdict = j.Lost(at)
		default:
			clear(output)
			cat := byte(rnd.IntN(250))
			if level > 0 {
				cat = byte(200 + rnd.IntN(50))
			}
			output[level], output[50+rnd.IntN(50)] = cat, 250-cat
			if i%500 > 480 {
				clear(output) // nothing that the network knows
			}
			for k := range input {
				input[k] = byte(i + k)
			}
			seen.Verdict = j.Observe(output, at)
		}
		for len(r.free) == 0 { // a test doesn't miss a moment, unless it wants to
			time.Sleep(time.Millisecond)
		}
		r.See(seen, h.Started)
		said = append(said, fmt.Sprint(seen.Verdict.State, seen.Verdict.Lights))
	}
	return said
}

func newTestJudge(t testing.TB, h Header) *decision.Judge {
	t.Helper()
	j, err := decision.NewJudge(h.Rules, h.Output)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// recorded records n moments, and returns the folder and what was said.
func recorded(t testing.TB, o Options, n int) (string, []string) {
	t.Helper()
	o.Dir = t.TempDir()
	h := testHeader()
	j := newTestJudge(t, h)
	r, err := Open(o, h, j)
	if err != nil {
		t.Fatal(err)
	}
	said := play(t, r, h, j, rand.New(rand.NewPCG(1, 2)), 0, n)
	if err := r.Close(); err != nil || r.Missed() != 0 {
		t.Fatalf("%v, %d missed", err, r.Missed())
	}
	return o.Dir, said
}

// TestReplay records a run and runs it again.
func TestReplay(t *testing.T) {
	dir, said := recorded(t, Options{Bytes: 16 << 20}, 5000)
	r, err := Read(dir)
	if err != nil || len(r.Damaged) > 0 {
		t.Fatal(err, r.Damaged)
	}
	i := 0
	replay := Replay{Took: func(o Outcome) {
		if got := fmt.Sprint(o.Now.State, o.Now.Lights); got != said[i] || !o.Known {
			t.Fatalf("moment %d: %s, known %v; want %s", i, got, o.Known, said[i])
		}
		i++
	}}
	tally, err := replay.Run(r)
	if err != nil || i != len(said) || tally.Same != tally.Edges || tally.Others != 0 || tally.Edges < 100 || tally.Gaps != 0 {
		t.Errorf("%d moments, %+v, %v", i, tally, err)
	}
	kinds := map[Why]int{}
	for _, e := range r.Events {
		kinds[e.Why]++
		if r.Picture(e.Header, e.Number) == nil && e.Why != Loss {
			t.Errorf("no picture of the %v at moment %d", e.Why, e.Number)
		}
	}
	if len(kinds) != 4 {
		t.Errorf("events: %v", kinds)
	}
	for place, p := range r.pictures {
		if p.Format != 0 || len(p.Data) != 48 || p.Data[5] != byte(place.number+5) {
			t.Fatalf("the picture of moment %d: %+v", place.number, p)
		}
	}
}

// TestRing holds that a recording stays within its bytes, and that what is left is run again exactly.
func TestRing(t *testing.T) {
	dir, said := recorded(t, Options{Bytes: MinBytes}, 20_000)
	names, err := segmentsIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if bytes > MinBytes || bytes < MinBytes/2 || segmentNumber(names[0]) == 1 {
		t.Errorf("%d bytes in %q", bytes, names)
	}
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	unknown, known := 0, 0
	replay := Replay{Took: func(o Outcome) {
		if !o.Known {
			unknown++
			return
		}
		known++
		if got := fmt.Sprint(o.Now.State, o.Now.Lights); got != said[o.Moment.Number] {
			t.Fatalf("moment %d: %s, want %s", o.Moment.Number, got, said[o.Moment.Number])
		}
	}}
	tally, err := replay.Run(r)
	if err != nil || tally.Others != 0 || known < 1000 || unknown > before+inFlight+1 {
		t.Errorf("%d known, %d unknown, %+v, %v", known, unknown, tally, err)
	}
}

// TestNewRules changes the rules in the middle of a run.
func TestNewRules(t *testing.T) {
	h := testHeader()
	j := newTestJudge(t, h)
	dir := t.TempDir()
	r, err := Open(Options{Dir: dir, Bytes: 4 << 20}, h, j)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	said := play(t, r, h, j, rnd, 0, 500)
	for i := range 20 {
		h.Rules.LEDs = slices.Clone(h.Rules.LEDs)
		h.Rules.LEDs[0].On = 0.5 + 0.02*float32(i)
		next := newTestJudge(t, h)
		next.Resume(j)
		j = next
		r.SetHeader(h, j)
		said = append(said, play(t, r, h, j, rnd, len(said), 50)...)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	recording, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	replay := Replay{Took: func(o Outcome) {
		if got := fmt.Sprint(o.Now.State, o.Now.Lights); got != said[i] || !o.Known {
			t.Fatalf("moment %d: %s, known %v; want %s", i, got, o.Known, said[i])
		}
		i++
	}}
	if tally, err := replay.Run(recording); err != nil || i != len(said) || tally.Others != 0 {
		t.Errorf("%d moments, %+v, %v", i, tally, err)
	}
}

// TestCut cuts a recording at every byte: what was whole before is still read, and nothing else.
func TestCut(t *testing.T) {
	dir, _ := recorded(t, Options{Bytes: 4 << 20}, 40)
	names, err := segmentsIn(dir)
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	var ends []int // of entries
	moments := []int{0}
	for rest := data; len(rest) > 0; {
		kind, _, after, err := cutEntry(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest = after
		ends = append(ends, len(data)-len(rest))
		n := moments[len(moments)-1]
		if strings.ContainsRune("BFL", rune(kind)) {
			n++
		}
		moments = append(moments, n)
	}
	for n := range data {
		whole, _ := slices.BinarySearch(ends, n+1)
		r, err := Parse(data[:n:n])
		if whole == 0 {
			if n > 0 && err == nil {
				t.Fatalf("%d bytes are a recording", n)
			}
			continue
		}
		if err != nil || (len(r.Damaged) == 0) != (n == ends[whole-1]) {
			t.Fatalf("%d bytes: %v, damaged %v", n, err, r.Damaged)
		}
		count := 0
		for range r.Steps() {
			count++
		}
		if count != moments[whole] {
			t.Fatalf("%d bytes: %d moments, want %d", n, count, moments[whole])
		}
		tally, err := new(Replay).Run(r)
		if err != nil || tally.Others != 0 || tally.Known != count {
			t.Fatalf("%d bytes: %+v, %v", n, tally, err)
		}
	}
	for i := 0; i < len(data); i += 31 { // a byte is another one
		changed := bytes.Clone(data)
		changed[i] ^= 0x40
		r, err := Parse(changed)
		if err != nil {
			continue
		}
		if len(r.Damaged) != 1 {
			t.Fatalf("byte %d is changed, and nothing is damaged", i)
		}
	}
}

// TestMissed doesn't write for a while: the moments are missing, and counted, and after that all is exact again.
func TestMissed(t *testing.T) {
	h := testHeader()
	j := newTestJudge(t, h)
	dir := t.TempDir()
	r, err := Open(Options{Dir: dir, Bytes: 4 << 20}, h, j)
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	said := play(t, r, h, j, rnd, 0, 200)
	var held []*slot
	for {
		select {
		case s := <-r.free:
			held = append(held, s)
			continue
		case <-time.After(20 * time.Millisecond):
		}
		break
	}
	output := make([]byte, 100)
	for i := range 5 {
		at := h.Started.Add(time.Duration(200+i) * 70 * time.Millisecond)
		v := j.Observe(output, at)
		r.See(Seen{Kind: Frame, At: at, Output: output, Input: output[:48], Verdict: v, Judge: j}, h.Started)
		said = append(said, "missed")
	}
	for _, s := range held {
		r.free <- s
	}
	said = append(said, play(t, r, h, j, rnd, 210, 300)...)
	if err := r.Close(); err != nil || r.Missed() != 5 {
		t.Fatalf("%v, %d missed", err, r.Missed())
	}
	recording, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	replay := Replay{Took: func(o Outcome) {
		if got := fmt.Sprint(o.Now.State, o.Now.Lights); o.Known && got != said[o.Moment.Number] {
			t.Fatalf("moment %d: %s, want %s", o.Moment.Number, got, said[o.Moment.Number])
		}
	}}
	tally, err := replay.Run(recording)
	if err != nil || tally.Gaps != 1 || tally.Moments != 500 || tally.Known < 498 || tally.Others != 0 {
		t.Errorf("%+v, %v", tally, err)
	}
}

// TestArchive holds that segments in which something happened are copied, within the budgets.
func TestArchive(t *testing.T) {
	archive := filepath.Join(t.TempDir(), "archive")
	recorded(t, Options{Bytes: MinBytes, Archive: archive, ArchiveBytes: 300 << 10, ArchivePerDay: 500 << 10}, 20_000)
	names, err := segmentsIn(archive)
	if err != nil || len(names) < 2 {
		t.Fatalf("%q, %v", names, err)
	}
	var bytes int64
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	if bytes > 300<<10 {
		t.Errorf("%d bytes in the archive", bytes)
	}
	if n := segmentNumber(names[len(names)-1]); n < 3 || n > 4 {
		t.Errorf("%d segments were written, of a budget of 3, and the last", n)
	}
	r, err := Read(archive)
	if err != nil || len(r.Events) == 0 {
		t.Errorf("%v", err)
	}
}

// TestSeeAllocatesNothing holds the walk's side.
func TestSeeAllocatesNothing(t *testing.T) {
	h := testHeader()
	j := newTestJudge(t, h)
	r, err := Open(Options{Dir: t.TempDir(), Bytes: MinBytes}, h, j)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	jpeg := make([]byte, 2000)
	output := make([]byte, 100)
	i := 0
	see := func() {
		at := h.Started.Add(time.Duration(i) * time.Millisecond)
		i++
		v := j.Observe(output, at)
		r.See(Seen{
			Kind: Frame, At: at, Frame: frame.Frame{Format: frame.MJPEG, Pix: jpeg, Width: 64, Height: 48},
			Output: output, Verdict: v, Judge: j,
		}, h.Started)
	}
	if n := testing.AllocsPerRun(10, see); n > 30 { // the writer makes room for the pictures, and what is first costs
		t.Errorf("%v allocations", n)
	}
	for range 200 {
		see()
		time.Sleep(100 * time.Microsecond)
	}
	// The writer takes turns with the walk here, so that what it allocates isn't counted.
	for range 50 {
		for len(r.free) < inFlight-1 {
			time.Sleep(time.Millisecond)
		}
		if n := testing.AllocsPerRun(1, see); n > 3 {
			t.Fatalf("%v allocations", n)
		}
	}
}

// TestClockStays sets the clock of a board that has none after the run began. Other rules in the same run change nothing of that.
func TestClockStays(t *testing.T) {
	h := testHeader()
	now := h.Started
	h.Started = time.Unix(3600, 0).UTC()
	data, err := appendHeader(nil, &h)
	if err != nil {
		t.Fatal(err)
	}
	data = appendClock(data, now, 0)
	var c coder
	data = c.appendMoment(data, &Moment{Kind: Start, Changed: true, State: decision.Starting})
	h.Rules.LEDs = h.Rules.LEDs[:2]
	if data, err = appendHeader(data, &h); err != nil {
		t.Fatal(err)
	}
	c.reset()
	data = c.appendMoment(data, &Moment{Kind: Lost, Number: 1, At: time.Second, Changed: true, State: decision.CameraLost})
	r, err := Parse(appendEvent(data, Event{Number: 1, Why: Loss}))
	if err != nil {
		t.Fatal(err)
	}
	for s := range r.Steps() {
		if want := now.Add(s.Moment.At); !s.Wall.Equal(want) {
			t.Errorf("moment %d was at %v, want %v", s.Moment.Number, s.Wall, want)
		}
	}
	if want := now.Add(time.Second); len(r.Events) != 1 || !r.Events[0].At.Equal(want) {
		t.Errorf("%+v, want %v", r.Events, want)
	}
}

// TestReadNewest reads a part of a folder: the newest segments, which are run again exactly.
func TestReadNewest(t *testing.T) {
	dir, said := recorded(t, Options{Bytes: MinBytes}, 5000)
	r, err := ReadNewest(dir, MinBytes/3)
	if err != nil || len(r.segments) != 2 {
		t.Fatal(len(r.segments), err)
	}
	last := uint64(0)
	for s := range r.Steps() {
		last = s.Moment.Number
	}
	if last != uint64(len(said)-1) {
		t.Errorf("the last is moment %d of %d", last, len(said))
	}
	if tally, err := new(Replay).Run(r); err != nil || tally.Others != 0 || tally.Known < tally.Moments-before-inFlight {
		t.Errorf("%+v, %v", tally, err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.rec")
	if err := os.WriteFile(text, []byte("this is a text, and a long one, and no recording at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		text: "isn't a recording", t.TempDir(): "no recording in it", filepath.Join(dir, "none"): "no such file",
	} {
		if _, err := Read(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	dir, _ := recorded(f, Options{Bytes: 4 << 20}, 60)
	names, err := segmentsIn(dir)
	if err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	h := testHeader()
	header, err := appendHeader(nil, &h)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header)
	f.Fuzz(func(t *testing.T, data []byte) {
		parse := func(data []byte) {
			r, err := Parse(data)
			if err != nil {
				return
			}
			_, _ = new(Replay).Run(r)
		}
		parse(data)
		// What the sums keep out: entries with other payloads.
		var mended []byte
		rest := data
		for len(rest) >= 5 && len(mended) < 1<<20 {
			n := min(int(rest[0])|int(rest[1])<<8, len(rest)-5)
			kind, payload := rest[4], rest[5:5+n]
			mended = appendEntry(mended, kind, func(b []byte) []byte { return append(b, payload...) })
			rest = rest[min(5+n+4, len(rest)):]
		}
		parse(mended)
	})
}

// TestManyEvents reads a recording of nothing but events: memory stays within 64 MiB beyond the file's size.
func TestManyEvents(t *testing.T) {
	h := testHeader()
	data, err := appendHeader(nil, &h)
	if err != nil {
		t.Fatal(err)
	}
	event := appendEvent(nil, Event{Number: 1})
	data = append(data, bytes.Repeat(event, mostKept+1)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := Parse(data)
	runtime.ReadMemStats(&after)
	if err != nil || len(r.Events) != mostKept || len(r.Damaged) != 1 || !strings.Contains(r.Damaged[0].Error(), "more than") {
		t.Errorf("%v; %d events, damaged %v", err, len(r.Events), r.Damaged)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("%d MiB", took>>20)
	}
}
