package record

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"edge/decision"
	"edge/frame"
	"edge/internal/files"
)

// Options say where a recording goes and how large it may become.
type Options struct {
	Dir   string // of the ring; it is made
	Bytes int64  // that the ring may take, at least MinBytes

	Archive       string // a folder on a disk for segments in which something happened; empty: none
	ArchiveBytes  int64  // that it may take
	ArchivePerDay int64  // that may be written to it on one day (UTC)
}

// MinBytes is the smallest ring. A segment's header takes up to 40 KB of it.
const MinBytes = 1 << 20

const (
	segments    = 8       // of the ring, at least: what is lost at once when it is full
	mostSegment = 4 << 20 // bytes, so that a large ring's fit into a day's budget too

	before     = 16 // moments before an event of which the frames are kept: a second, at 15 frames a second
	after      = 8  // and after it
	inFlight   = 8  // moments that wait to be written, at most
	maxPicture = 512 << 10
	maxState   = 1 << 20

	calm = 10 * time.Second // from one near miss of an LED to the next that counts
)

// Recorder records a run. See and SetHeader belong to the walk's goroutine; the rest may be called from any.
type Recorder struct {
	// Of the walk.
	number uint64
	header *Header // to go with the next moment
	state  []byte

	free, full chan *slot
	missed     atomic.Uint64
	wantState  atomic.Bool
	picture    atomic.Int64 // bytes of the largest picture for which there was no room

	failure atomic.Pointer[error]
	ended   chan struct{}
	archive sync.WaitGroup
}

// Seen is a moment as the walk knows it. All is borrowed until See returns.
type Seen struct {
	Kind    Kind
	At      time.Time
	Frame   frame.Frame // of a Frame
	Input   []byte      // what the network got; it may be nil if Frame is MJPEG
	Output  []byte
	Verdict decision.Verdict
	Judge   *decision.Judge
}

// slot carries a moment from the walk to the writer.
type slot struct {
	moment Moment
	scores []float32
	kept   Picture // Data is empty if there was no room, or no frame
	room   []byte  // for its Data
	header *Header // a new one, and the judge's state before this moment
	state  []byte  // that, or the state after this moment
}

// Open begins to record a run with a judge. The folder may hold earlier recordings; the oldest segments make room.
func Open(o Options, h Header, j *decision.Judge) (*Recorder, error) {
	if o.Bytes < MinBytes {
		return nil, fmt.Errorf("record: %d bytes are too few: at least %d", o.Bytes, MinBytes)
	}
	w := &writer{options: o, coder: coder{}, misses: make([]miss, len(h.Rules.LEDs))}
	if err := w.open(&h); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{
		free: make(chan *slot, before+inFlight), full: make(chan *slot, before+inFlight), ended: make(chan struct{}),
	}
	r.fitState(j)
	room := min(maxPicture, h.Input.Width*h.Input.Height*h.Input.Channels)
	for range cap(r.free) {
		r.free <- &slot{
			room:   make([]byte, 0, room),
			moment: Moment{Output: make([]byte, 0, h.Output.Classes), Lights: make([]decision.Light, 0, len(h.Rules.LEDs))},
			scores: make([]float32, 0, len(h.Rules.LEDs)),
		}
	}
	w.recorder = r
	w.closed = make(chan string, segments)
	r.archive.Go(func() { archive(o, w.closed) })
	go w.run()
	return r, nil
}

// fitState makes room for the judge's state, but not for one that is very large: then a recording that has lost its
// beginning can't be run again exactly.
func (r *Recorder) fitState(j *decision.Judge) {
	r.state = nil
	if n := j.StateSize(); n <= maxState {
		r.state = make([]byte, 0, n)
	}
}

// SetHeader says that other rules hold from the next moment on, judged by j, which has resumed from the judge before.
func (r *Recorder) SetHeader(h Header, j *decision.Judge) {
	r.fitState(j)
	r.header = &h
	if r.state != nil {
		r.state = j.AppendState(r.state, h.Started)
	}
}

// See takes a copy of a moment. It never waits: if the writer is behind, the moment is missing from the recording and
// counted. It allocates nothing.
func (r *Recorder) See(m Seen, started time.Time) {
	number := r.number
	r.number++
	var s *slot
	select {
	case s = <-r.free:
	default:
		r.missed.Add(1)
		r.wantState.Store(true)
		r.state = r.state[:0] // that with a new header is old now
		return
	}
	s.moment.Kind, s.moment.Number, s.moment.At = m.Kind, number, m.At.Sub(started)
	s.moment.Output = append(s.moment.Output[:0], m.Output...)
	s.moment.Changed, s.moment.State = m.Verdict.Changed, m.Verdict.State
	s.moment.Lights = append(s.moment.Lights[:0], m.Verdict.Lights...)
	s.scores = append(s.scores[:0], m.Verdict.Scores...)
	r.keep(s, &m)
	s.header, s.state = nil, s.state[:0]
	switch {
	case r.header != nil:
		s.header, r.header = r.header, nil
		s.state, r.state = r.state, make([]byte, 0, cap(r.state)) // once for each new header
	case r.state != nil && r.wantState.Load():
		r.wantState.Store(false)
		if cap(s.state) < cap(r.state) {
			s.state = make([]byte, 0, cap(r.state)) // once for each slot
		}
		s.state = m.Judge.AppendState(s.state, started)
	}
	r.full <- s // there is always room: it holds as many as there are slots
}

// keep copies the frame into the slot if it has room; the writer makes more.
func (r *Recorder) keep(s *slot, m *Seen) {
	data := m.Input
	if m.Kind != Frame {
		data = nil
	}
	s.kept = Picture{Number: s.moment.Number, Name: m.Frame.Name, Data: s.room[:0]}
	if m.Kind == Frame && m.Frame.Format == frame.MJPEG {
		data = m.Frame.Pix
		s.kept.Format, s.kept.Width, s.kept.Height = frame.MJPEG, m.Frame.Width, m.Frame.Height
	}
	if len(data) > cap(s.room) {
		r.picture.Store(int64(min(len(data), maxPicture)))
		return
	}
	s.kept.Data = append(s.room[:0], data...)
}

// Missed returns how many moments are missing from the recording because the writer was behind.
func (r *Recorder) Missed() uint64 { return r.missed.Load() }

// Err says why nothing is recorded any more, if so: the folder's disk is full, say. The walk continues.
func (r *Recorder) Err() error {
	if err := r.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// Close writes what is left. Nothing is seen any more.
func (r *Recorder) Close() error {
	close(r.full)
	<-r.ended
	r.archive.Wait()
	return r.Err()
}

// writer is the recorder's other end, a goroutine.
type writer struct {
	recorder *Recorder
	options  Options
	header   *Header
	coder    coder

	file     *os.File
	name     string
	number   int // of the segment
	size     int64
	eventful bool        // something happened in this segment
	closed   chan string // segments for the archive

	past   []*slot // the moments before, whose frames may be needed; at most so many
	follow int     // of how many more moments the frames are kept
	misses []miss  // of each LED
	doubt  bool    // the moment before was not sure
	buffer []byte
}

func (w *writer) run() {
	defer close(w.recorder.ended)
	for s := range w.recorder.full {
		if w.recorder.Err() != nil {
			w.release(s)
			continue
		}
		if err := w.write(s); err != nil {
			err = fmt.Errorf("record: nothing is recorded any more: %w", err)
			w.recorder.failure.Store(&err)
			for _, s := range w.past {
				w.release(s)
			}
			w.past = nil
		}
	}
	w.close()
	close(w.closed)
}

// write writes a moment, and pictures if they are wanted.
func (w *writer) write(s *slot) error {
	if s.header != nil {
		w.header = s.header
		w.misses = make([]miss, len(s.header.Rules.LEDs))
	}
	events := w.events(s)
	kept := w.wanted(s, len(events) > 0)
	b, err := w.encode(s, events, kept)
	if err == nil && w.size+int64(len(b)) > w.limit() {
		if err = w.next(); err == nil { // the new segment has the header already
			if s.header != nil && len(s.state) > 0 {
				err = w.put(appendState(nil, s.state))
			}
			s.header = nil
			for err == nil {
				w.coder.reset()
				if b, err = w.encode(s, events, kept); err != nil || w.size+int64(len(b)) <= w.limit() || len(kept) == 0 {
					break
				}
				kept = kept[1:] // a small ring has no room for them all
			}
		}
	}
	if err == nil {
		err = w.put(b)
	}
	w.buffer = b[:0]
	w.eventful = w.eventful || len(events) > 0
	for _, p := range kept {
		p.kept.Data = nil
	}
	w.past = append(w.past, s)
	if len(w.past) > before {
		w.release(w.past[0])
		w.past = slices.Delete(w.past, 0, 1)
	}
	return err
}

// wanted returns the moments whose frames are to be written now: those around an event, each once.
func (w *writer) wanted(s *slot, event bool) []*slot {
	var kept []*slot
	if event {
		w.follow = after + 1
		kept = append(kept, w.past...)
	}
	if w.follow > 0 {
		w.follow--
		kept = append(kept, s)
	}
	return slices.DeleteFunc(kept, func(s *slot) bool { return len(s.kept.Data) == 0 })
}

// encode writes a moment with what belongs to it into the buffer.
func (w *writer) encode(s *slot, events []Event, kept []*slot) (b []byte, err error) {
	b = w.buffer[:0]
	if s.header != nil {
		if b, err = appendHeader(b, s.header); err != nil {
			return b, err
		}
		w.coder.reset()
		b = appendState(b, s.state)
	}
	b = w.coder.appendMoment(b, &s.moment)
	if s.header == nil {
		b = appendState(b, s.state)
	}
	for _, e := range events {
		b = appendEvent(b, e)
	}
	for _, p := range kept {
		b = appendPicture(b, &p.kept)
	}
	return b, nil
}

func appendState(b, state []byte) []byte {
	if len(state) == 0 {
		return b
	}
	return appendEntry(b, entryState, func(b []byte) []byte { return append(b, state...) })
}

// release gives a slot back to the walk, with more room if pictures have become larger.
func (w *writer) release(s *slot) {
	if n := int(w.recorder.picture.Load()); n > cap(s.room) {
		s.room = make([]byte, 0, min(n+n/4, maxPicture))
	}
	w.recorder.free <- s
}

// events says what happened at a moment.
func (w *writer) events(s *slot) []Event {
	m := &s.moment
	var events []Event
	if m.Changed && m.Kind != Start {
		e := Event{Number: m.Number, Why: Switch}
		switch {
		case m.Kind == Lost:
			e.Why = Loss
		case m.State == decision.Unsure && !w.doubt:
			e.Why = Unsure
		}
		events = append(events, e)
	}
	w.doubt = m.State == decision.Unsure
	for i := range w.misses {
		led := &w.header.Rules.LEDs[i]
		if len(led.Classes) == 0 || i >= len(m.Lights) || i >= len(s.scores) {
			continue
		}
		dark := m.Lights[i] == decision.Dark
		past := m.Kind == Frame && (dark && s.scores[i] >= led.On || !dark && s.scores[i] < led.Off)
		if w.misses[i].passed(past, m) {
			events = append(events, Event{m.Number, NearMiss, i})
		}
	}
	return events
}

// miss follows an LED's score.
type miss struct {
	past bool          // it has passed the threshold that would change the LED, which hasn't changed
	said bool          // there was a near miss, at
	at   time.Duration // this time
}

// passed takes whether the score is past the threshold at a moment, and returns whether that was a near miss: it was past
// before, has come back, and nothing changed.
func (n *miss) passed(past bool, m *Moment) bool {
	cameBack := n.past && !past && !m.Changed && m.Kind == Frame
	n.past = past
	if !cameBack || n.said && m.At-n.at < calm {
		return false
	}
	n.said, n.at = true, m.At
	return true
}

// limit is how large a segment becomes.
func (w *writer) limit() int64 { return min(w.options.Bytes/segments, mostSegment) }

// put appends entries to the segment.
func (w *writer) put(b []byte) error {
	n, err := w.file.Write(b)
	w.size += int64(n)
	return err
}

// open makes the folder and begins the first segment, after those that are there.
func (w *writer) open(h *Header) error {
	w.header = h
	if err := os.MkdirAll(w.options.Dir, 0o700); err != nil {
		return err
	}
	names, err := segmentsIn(w.options.Dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		w.number = segmentNumber(names[len(names)-1])
	}
	return w.next()
}

// next closes the segment and begins the next one. The oldest ones make room for it.
func (w *writer) next() error {
	w.close()
	if err := shrink(w.options.Dir, w.options.Bytes-w.limit()); err != nil {
		return err
	}
	w.number++
	name := filepath.Join(w.options.Dir, fmt.Sprintf("%08d%s", w.number, Suffix))
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w.file, w.name, w.size, w.eventful = file, name, 0, false
	w.coder.reset()
	if w.recorder != nil {
		w.recorder.wantState.Store(true)
	}
	b, err := appendHeader(nil, w.header)
	if err != nil {
		return err
	}
	now := time.Now()
	return w.put(appendClock(b, now, now.Sub(w.header.Started)))
}

// close ends the segment, which goes to the archive if something happened in it.
func (w *writer) close() {
	if w.file == nil {
		return
	}
	w.file.Close()
	w.file = nil
	if w.eventful && w.options.Archive != "" {
		select {
		case w.closed <- w.name:
		default: // the disk is slow: it stays in the ring alone
		}
	}
}

// Suffix ends the names of a recording's files.
const Suffix = ".rec"

// segmentsIn returns the paths of the segments in a folder, the oldest first.
func segmentsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), Suffix) {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(segmentNumber(a)-segmentNumber(b), strings.Compare(a, b))
	})
	return names, nil
}

// segmentNumber is 0 for what has no number.
func segmentNumber(name string) int {
	n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), Suffix))
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0
	}
	return n
}

// shrink removes the oldest segments until the rest takes so many bytes at most.
func shrink(dir string, bytes int64) error {
	names, err := segmentsIn(dir)
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(names) {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if bytes -= info.Size(); bytes >= 0 {
			continue
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// archiver copies segments to a disk.
type archiver struct {
	options Options
	day     string
	spent   int64 // bytes, on that day
}

// archive copies the segments that are closed, until there are no more. What fails is tried with the next one: the disk
// may have become full, or may not be there.
func archive(o Options, closed <-chan string) {
	if o.Archive == "" {
		for range closed {
		}
		return
	}
	a := &archiver{options: o}
	for name := range closed {
		_ = a.copy(name, time.Now().UTC())
	}
}

// copy copies a segment unless the day's budget is spent.
func (a *archiver) copy(name string, now time.Time) error {
	if err := os.MkdirAll(a.options.Archive, 0o700); err != nil {
		return err
	}
	if day := now.Format(time.DateOnly); day != a.day {
		a.day, a.spent = day, writtenOn(a.options.Archive, day)
	}
	source, err := files.Open(name, a.options.Bytes)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if a.spent+info.Size() > a.options.ArchivePerDay || info.Size() > a.options.ArchiveBytes {
		return errors.New("the day's budget is spent")
	}
	if err := shrink(a.options.Archive, a.options.ArchiveBytes-info.Size()); err != nil {
		return err
	}
	a.spent += info.Size()
	names, err := segmentsIn(a.options.Archive)
	if err != nil {
		return err
	}
	number := 1
	if len(names) > 0 {
		number = segmentNumber(names[len(names)-1]) + 1
	}
	w, err := files.Create(filepath.Join(a.options.Archive, fmt.Sprintf("%08d%s", number, Suffix)), nil)
	if err != nil {
		return err
	}
	defer w.Discard()
	if _, err := io.Copy(w, source); err != nil {
		return err
	}
	return w.Commit()
}

// writtenOn is how many bytes of the segments in a folder were written on a day.
func writtenOn(dir, day string) int64 {
	names, err := segmentsIn(dir)
	if err != nil {
		return 0
	}
	var bytes int64
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.ModTime().UTC().Format(time.DateOnly) == day {
			bytes += info.Size()
		}
	}
	return bytes
}
