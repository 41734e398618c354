package record

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"edge/decision"
	"edge/frame"
)

// A segment is a row of entries, the first of them a header:
//
//	+--------+------+---------+--------+
//	| length | kind | payload | CRC-32C|   length: of the payload; integers little-endian; the sum is over all before it
//	+--------+------+---------+--------+
//	  4        1      length    4
//
// A file that was cut, at whatever byte, is good up to its last whole entry. Segments may follow each other in one file.
//
//	kind      payload
//	H         magic, and a Header as JSON
//	T         what the wall clock says, Unix nanoseconds, and when that is, after Started: clocks are set
//	S         the judge's state before the moment that follows, as decision.Judge.AppendState writes it
//	B, F, L   a moment: number, At since the moment before (of a segment's first: since Started), changed (0 or 1);
//	          if changed: State, lights, and On and Off of each; of F: the output
//	P         a picture: number, format (FourCC, or 0), width, height, name's length, name; the rest is the data
//	E         an event: number, why, LED
//
// An output is written in the shortest of three ways:
//
//	0         the same as that of the frame before
//	1         a byte that most classes have, how many classes don't, and of each: how many to skip, its byte
//	2         all bytes as they are

const (
	magic      = "edge recording 1\n"
	overhead   = 4 + 1 + 4
	maxPayload = 16 << 20
)

// The kinds of entries that aren't moments.
const (
	entryHeader  = 'H'
	entryClock   = 'T'
	entryState   = 'S'
	entryPicture = 'P'
	entryEvent   = 'E'
)

const (
	outputSame = iota
	outputSparse
	outputWhole
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendEntry appends an entry whose payload fill appends.
func appendEntry(b []byte, kind byte, fill func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, kind)
	b = fill(b)
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-5))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// errCut is that of an entry of which the end is missing; errSum of one that isn't what was written.
var (
	errCut = errors.New("cut off")
	errSum = errors.New("damaged: its checksum is wrong")
)

// cutEntry splits off the first entry.
func cutEntry(b []byte) (kind byte, payload, rest []byte, err error) {
	if len(b) < overhead {
		return 0, nil, nil, errCut
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > maxPayload {
		return 0, nil, nil, errSum
	}
	end := int(n) + 5
	if len(b) < end+4 {
		return 0, nil, nil, errCut
	}
	if crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return 0, nil, nil, errSum
	}
	return b[4], b[5:end:end], b[end+4:], nil
}

func appendHeader(b []byte, h *Header) ([]byte, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return b, fmt.Errorf("record: header: %w", err)
	}
	return appendEntry(b, entryHeader, func(b []byte) []byte { return append(append(b, magic...), text...) }), nil
}

func parseHeader(payload []byte) (*Header, error) {
	text, ok := bytes.CutPrefix(payload, []byte(magic))
	if !ok {
		return nil, errors.New("a recording of another version of edge")
	}
	h := new(Header)
	if err := json.Unmarshal(text, h); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	const most = 1 << 20
	if h.Output.Classes < 1 || h.Output.Classes > most {
		return nil, fmt.Errorf("its header: %d classes", h.Output.Classes)
	}
	if _, err := frame.NewFitter(h.Input, h.Fit); err != nil { // of these, pictures are made
		return nil, fmt.Errorf("its header: %w", err)
	}
	return h, nil
}

// appendClock says that the wall clock says now when at has passed since the run began.
func appendClock(b []byte, now time.Time, at time.Duration) []byte {
	return appendEntry(b, entryClock, func(b []byte) []byte {
		return binary.AppendVarint(binary.AppendVarint(b, now.UnixNano()), int64(at))
	})
}

// parseClock returns what the wall clock said when the run began, as it was set at the time of this entry.
func parseClock(payload []byte) (time.Time, error) {
	r := fields{rest: payload}
	now, at := r.varint(), r.varint()
	if r.bad || len(r.rest) > 0 {
		return time.Time{}, errors.New("a time that makes no sense")
	}
	return time.Unix(0, now).Add(-time.Duration(at)), nil
}

// coder writes moments and reads them back. Both ends remember the moment before; reset forgets it, for a new segment.
type coder struct {
	at     time.Duration
	output []byte
}

func (c *coder) reset() { c.at, c.output = 0, c.output[:0] }

func (c *coder) appendMoment(b []byte, m *Moment) []byte {
	return appendEntry(b, byte(m.Kind), func(b []byte) []byte {
		b = binary.AppendUvarint(b, m.Number)
		b = binary.AppendVarint(b, int64(m.At-c.at))
		c.at = m.At
		b = appendBool(b, m.Changed)
		if m.Changed {
			b = append(b, byte(m.State))
			b = binary.AppendUvarint(b, uint64(len(m.Lights)))
			for _, l := range m.Lights {
				b = binary.AppendUvarint(b, uint64(l.On))
				b = binary.AppendUvarint(b, uint64(l.Off))
			}
		}
		if m.Kind == Frame {
			b = c.appendOutput(b, m.Output)
		}
		return b
	})
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func (c *coder) appendOutput(b, output []byte) []byte {
	if len(output) == len(c.output) && bytes.Equal(output, c.output) {
		return append(b, outputSame)
	}
	c.output = append(c.output[:0], output...)
	var counts [256]int
	for _, v := range output {
		counts[v]++
	}
	common := 0
	for v := range counts {
		if counts[v] > counts[common] {
			common = v
		}
	}
	others := len(output) - counts[common]
	if 2*others+4 >= len(output) { // at least two bytes for each
		return append(append(b, outputWhole), output...)
	}
	b = append(b, outputSparse, byte(common))
	b = binary.AppendUvarint(b, uint64(others))
	next := 0
	for i, v := range output {
		if int(v) != common {
			b = binary.AppendUvarint(b, uint64(i-next))
			b = append(b, v)
			next = i + 1
		}
	}
	return b
}

// parseMoment reads a moment of a network with so many classes. Its Output is good until the next call.
func (c *coder) parseMoment(kind byte, payload []byte, classes int) (*Moment, error) {
	r := fields{rest: payload}
	m := &Moment{Kind: Kind(kind), Number: r.uvarint(math.MaxInt64)}
	c.at += time.Duration(r.varint())
	m.At = c.at
	if m.Changed = r.byte() == 1; m.Changed {
		m.State = decision.State(r.byte())
		m.Lights = make([]decision.Light, r.uvarint(uint64(len(r.rest)/2)))
		for i := range m.Lights {
			m.Lights[i] = decision.Light{On: time.Duration(r.uvarint(math.MaxInt64)), Off: time.Duration(r.uvarint(math.MaxInt64))}
		}
	}
	if m.Kind == Frame {
		m.Output = c.parseOutput(&r, classes)
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errors.New("a moment that makes no sense")
	}
	return m, nil
}

func (c *coder) parseOutput(r *fields, classes int) []byte {
	switch r.byte() {
	case outputSame:
		r.bad = r.bad || len(c.output) != classes
		return c.output
	case outputWhole:
		c.output = append(c.output[:0], r.bytes(classes)...)
		return c.output
	case outputSparse:
	default:
		r.bad = true
		return nil
	}
	common := r.byte()
	n := r.uvarint(uint64(classes))
	if r.bad || n > uint64(len(r.rest)/2) {
		r.bad = true
		return nil
	}
	output := slices.Grow(c.output[:0], classes)[:classes]
	for i := range output {
		output[i] = common
	}
	for next := uint64(0); n > 0; n-- {
		i := next + r.uvarint(uint64(classes))
		if i >= uint64(classes) {
			r.bad = true
			return nil
		}
		output[i] = r.byte()
		next = i + 1
	}
	c.output = output
	return output
}

func appendPicture(b []byte, p *Picture) []byte {
	return appendEntry(b, entryPicture, func(b []byte) []byte {
		b = binary.AppendUvarint(b, p.Number)
		b = binary.LittleEndian.AppendUint32(b, p.Format.FourCC())
		b = binary.AppendUvarint(b, uint64(p.Width))
		b = binary.AppendUvarint(b, uint64(p.Height))
		b = binary.AppendUvarint(b, uint64(len(p.Name)))
		b = append(b, p.Name...)
		return append(b, p.Data...)
	})
}

func parsePicture(payload []byte) (*Picture, error) {
	r := fields{rest: payload}
	p := &Picture{Number: r.uvarint(math.MaxInt64)}
	if code := r.bytes(4); !r.bad {
		fourCC := binary.LittleEndian.Uint32(code)
		var known bool
		if p.Format, known = frame.FormatOf(fourCC); fourCC != 0 && !known {
			r.bad = true
		}
	}
	const most = 1 << 15
	p.Width, p.Height = int(r.uvarint(most)), int(r.uvarint(most))
	p.Name = string(r.bytes(int(r.uvarint(uint64(len(r.rest))))))
	p.Data = r.rest
	if r.bad {
		return nil, errors.New("a picture that makes no sense")
	}
	return p, nil
}

func appendEvent(b []byte, e Event) []byte {
	return appendEntry(b, entryEvent, func(b []byte) []byte {
		b = binary.AppendUvarint(b, e.Number)
		b = append(b, byte(e.Why))
		return binary.AppendUvarint(b, uint64(e.LED))
	})
}

func parseEvent(payload []byte) (Event, error) {
	r := fields{rest: payload}
	e := Event{r.uvarint(math.MaxInt64), Why(r.byte()), int(r.uvarint(1 << 16))}
	if r.bad || len(r.rest) > 0 {
		return e, errors.New("an event that makes no sense")
	}
	return e, nil
}

// fields reads a payload; bad once anything is missing or too large.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) byte() byte {
	if len(f.rest) == 0 {
		f.bad = true
		return 0
	}
	b := f.rest[0]
	f.rest = f.rest[1:]
	return b
}

func (f *fields) bytes(n int) []byte {
	if n > len(f.rest) {
		f.bad = true
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 || v > most {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}
