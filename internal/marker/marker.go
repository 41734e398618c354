// Package marker walks over the markers of a JPEG picture.
//
// A JPEG picture is a row of segments. Each begins with a marker, FF and a code, and most markers are followed by the
// length and the content of their segment. A scan's header is followed by entropy-coded data, in which FF is always
// followed by 00, or by the code of a restart marker:
//
//	FF D8 | FF E0 len … | FF DB len … | FF C0 len … | FF DA len … | data FF 00 data FF D0 data … | FF D9
//	SOI     APP0          DQT           SOF0          SOS            scan       RST0               EOI
//
// Cameras also write bytes between segments, before restart markers, or no EOI. libjpeg reads that, and so does Next:
// whatever isn't a marker is skipped. (ITU-T T.81, annex B.)
package marker

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The markers' codes. (ITU-T T.81, table B.1.)
const (
	TEM   = 0x01 // stands alone; no meaning outside of encoders
	SOF0  = 0xc0 // frame header: baseline
	SOF1  = 0xc1 // extended sequential
	SOF2  = 0xc2 // progressive
	DHT   = 0xc4 // Huffman tables
	JPG   = 0xc8 // reserved
	DAC   = 0xcc // arithmetic coding's tables
	SOF15 = 0xcf // the last of the frame headers, DHT, JPG and DAC aside
	RST0  = 0xd0 // restart; the last three bits count
	RST7  = 0xd7
	SOI   = 0xd8 // start of the picture
	EOI   = 0xd9 // its end
	SOS   = 0xda // start of a scan
	DQT   = 0xdb // quantization tables
	DNL   = 0xdc // number of lines
	DRI   = 0xdd // restart interval
	DHP   = 0xde // hierarchical progression, which nobody uses
	APP0  = 0xe0 // JFIF
	APP1  = 0xe1 // EXIF
	APP14 = 0xee // Adobe
	APP15 = 0xef
	COM   = 0xfe // comment
)

// Errors of Next.
var (
	ErrShort = errors.New("it ends before its end marker")
	ErrSize  = errors.New("a segment without a sound length")
)

// IsRestart reports whether code is one of RST0…RST7.
func IsRestart(code byte) bool { return RST0 <= code && code <= RST7 }

// IsFrame reports whether code begins a frame header: SOF0…SOF15.
func IsFrame(code byte) bool {
	return SOF0 <= code && code <= SOF15 && code != DHT && code != JPG && code != DAC
}

// IsReserved reports whether no picture has a marker of this code.
func IsReserved(code byte) bool {
	return code < SOF0 && code != TEM || code == JPG || DHP <= code && code < APP0 || APP15 < code && code != COM
}

// Walker is a place in a picture.
type Walker struct {
	At int // in the data: what is before has been walked over
}

// Next walks past the next marker and the segment that belongs to it, and returns both: the code, and the segment
// without its length. SOI, EOI and reserved markers have none. Bytes that aren't a marker, the data of scans among them,
// are skipped, and so are restart markers and TEM.
//
// The error is ErrShort if the data end before that; with more data behind the same ones, Next can be called again. The
// walker is then before the marker, whose code is returned if it is there. The error is ErrSize if a segment's length
// can't be one.
func (w *Walker) Next(data []byte) (code byte, segment []byte, err error) {
	for {
		at, ok := Find(data, w.At)
		w.At = at
		if !ok {
			return 0, nil, ErrShort
		}
		code = data[at+1]
		at += 2
		switch {
		case code == TEM || IsRestart(code):
			w.At = at
			continue
		case code == SOI || code == EOI || IsReserved(code):
			w.At = at
			return code, nil, nil
		case at+2 > len(data):
			return code, nil, ErrShort
		}
		size := int(binary.BigEndian.Uint16(data[at:]))
		switch {
		case size < 2:
			w.At = at
			return code, nil, ErrSize
		case at+size > len(data):
			return code, nil, ErrShort
		}
		w.At = at + size
		return code, data[at+2 : w.At], nil
	}
}

// Find returns the place of the next marker in data, at or after at: an FF whose next byte is neither FF nor 00. If
// there is none, it is not ok, and the place is where one might begin when more data come.
func Find(data []byte, at int) (place int, ok bool) {
	for {
		i := bytes.IndexByte(data[at:], 0xff)
		if i < 0 {
			return len(data), false
		}
		at += i
		for at+1 < len(data) && data[at+1] == 0xff { // any number of them may stand before a marker
			at++
		}
		if at+1 == len(data) {
			return at, false
		}
		if data[at+1] != 0 {
			return at, true
		}
		at += 2
	}
}
