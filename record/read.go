package record

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"edge/internal/files"
)

// Recording is what Read found.
type Recording struct {
	Events  []Happening
	Damaged []error // of segments that were cut off or damaged: what lies before that counts

	kept     int      // events and pictures
	segments [][]byte // the entries of each file that are good
	pictures map[place]*Picture
}

// Happening is an Event in its place.
type Happening struct {
	Header *Header
	At     time.Time
	Event
}

// place is where a picture belongs.
type place struct {
	started int64
	number  uint64
}

// Step is a moment in its place.
type Step struct {
	Header *Header   // the same pointer until it changes
	State  []byte    // the judge's before this moment; nil if it isn't known
	Gap    bool      // moments before this one are missing
	Moment *Moment   // good until the next step
	Wall   time.Time // what the clock on the wall said
}

// mostRead is how many bytes Read takes into memory.
const mostRead = 256 << 20

// Read reads a recording: a segment, several in one file, or a folder of them, of a very large one the newest. That the end
// of one is missing is no error, see Damaged.
func Read(name string) (*Recording, error) { return ReadNewest(name, mostRead) }

// ReadNewest is Read for so many bytes at most.
func ReadNewest(name string, most int64) (*Recording, error) {
	names := []string{name}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if names, err = newestIn(name, most); err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("record: %s: no recording in it (*%s)", name, Suffix)
		}
	}
	r := &Recording{pictures: map[place]*Picture{}}
	for _, name := range names {
		data, err := files.Read(name, most)
		if errors.Is(err, fs.ErrNotExist) && len(names) > 1 {
			continue // the recorder has removed it meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("record: %w", err)
		}
		if err := r.add(data); err != nil {
			r.Damaged = append(r.Damaged, fmt.Errorf("record: %s: %w", name, err))
		}
	}
	if len(r.segments) == 0 && len(r.Damaged) > 0 {
		return nil, r.Damaged[0]
	}
	return r, nil
}

// newestIn returns the paths of the newest segments in a folder that have so many bytes at most, the oldest first.
func newestIn(dir string, most int64) ([]string, error) {
	names, err := segmentsIn(dir)
	if err != nil {
		return nil, err
	}
	for i, name := range slices.Backward(names) {
		info, err := os.Stat(name)
		if err == nil {
			most -= info.Size()
		}
		if most < 0 {
			return names[min(i+1, len(names)-1):], nil
		}
	}
	return names, nil
}

// Parse reads a recording from memory.
func Parse(data []byte) (*Recording, error) {
	r := &Recording{pictures: map[place]*Picture{}}
	if err := r.add(data); err != nil {
		if len(r.segments) == 0 {
			return nil, fmt.Errorf("record: %w", err)
		}
		r.Damaged = append(r.Damaged, err)
	}
	return r, nil
}

// add takes the good part of a file. Its error says where that ends.
func (r *Recording) add(data []byte) error {
	if len(data) >= 5+len(magic) && !bytes.HasPrefix(data[5:], []byte(magic[:len("edge recording")])) {
		return errors.New("this isn't a recording of edge")
	}
	good, err := r.index(data)
	if good > 0 {
		r.segments = append(r.segments, data[:good])
	}
	if err != nil {
		return fmt.Errorf("at byte %d of %d: %w", good, len(data), err)
	}
	return nil
}

// mostKept is how many events and pictures of a recording count. Each takes some 200 bytes of memory, and may be
// but a few in a file that edge hasn't written.
const mostKept = 1 << 17

// keep counts one.
func (r *Recording) keep() error {
	if r.kept++; r.kept > mostKept {
		return fmt.Errorf("more than %d pictures and events", mostKept)
	}
	return nil
}

// index checks entries and finds pictures and events. It returns how many bytes are good.
func (r *Recording) index(data []byte) (good int, err error) {
	var w walker
	for rest := data; len(rest) > 0; good = len(data) - len(rest) {
		kind, payload, after, err := cutEntry(rest)
		if err != nil {
			return good, err
		}
		if err := w.take(kind, payload); err != nil {
			return good, err
		}
		switch kind {
		case entryPicture:
			p, err := parsePicture(payload)
			if err = cmp.Or(err, r.keep()); err != nil {
				return good, err
			}
			r.pictures[place{w.header.Started.UnixNano(), p.Number}] = p
		case entryEvent:
			e, err := parseEvent(payload)
			if err = cmp.Or(err, r.keep()); err != nil {
				return good, err
			}
			r.Events = append(r.Events, Happening{w.header, w.began.Add(w.coder.at), e})
		}
		rest = after
	}
	return good, nil
}

// walker follows entries.
type walker struct {
	header *Header
	text   []byte // of the header
	coder  coder
	began  time.Time // when the run began, by the wall clock of its newest entry
	state  []byte
	moment *Moment // the last; nil if the last entry was no moment
}

// take takes one entry.
func (w *walker) take(kind byte, payload []byte) error {
	w.moment = nil
	if kind == entryHeader {
		w.coder.reset()
		if bytes.Equal(payload, w.text) {
			return nil
		}
		h, err := parseHeader(payload)
		if err != nil {
			return err
		}
		if w.header == nil || !h.Started.Equal(w.header.Started) { // of other rules in the same run the clock stays
			w.began = h.Started.Local()
		}
		w.header, w.text = h, payload
		return nil
	}
	if w.header == nil {
		return errors.New("no header before this")
	}
	switch Kind(kind) {
	case Start, Frame, Lost:
		m, err := w.coder.parseMoment(kind, payload, w.header.Output.Classes)
		w.moment = m
		return err
	}
	switch kind {
	case entryState:
		w.state = payload
	case entryClock:
		began, err := parseClock(payload)
		w.began = began
		return err
	}
	return nil // what a later version adds is skipped
}

// Steps gives the moments in their order.
func (r *Recording) Steps() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		var w walker
		var started time.Time
		next := uint64(0)
		for _, rest := range r.segments {
			for len(rest) > 0 {
				kind, payload, after, err := cutEntry(rest)
				if err == nil {
					err = w.take(kind, payload)
				}
				if err != nil {
					return // can't be: index has read it
				}
				rest = after
				m := w.moment
				if m == nil {
					continue
				}
				newRun := !started.Equal(w.header.Started)
				if !newRun && m.Number < next {
					continue // a segment that comes twice
				}
				step := Step{w.header, w.state, newRun && m.Kind != Start || !newRun && m.Number != next, m, w.began.Add(m.At)}
				started, next, w.state = w.header.Started, m.Number+1, nil
				if !yield(step) {
					return
				}
			}
		}
	}
}

// Picture returns the frame of a moment, nil if it wasn't kept.
func (r *Recording) Picture(h *Header, number uint64) *Picture {
	return r.pictures[place{h.Started.UnixNano(), number}]
}

// Pictures is how many frames were kept.
func (r *Recording) Pictures() int { return len(r.pictures) }
