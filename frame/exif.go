package frame

import (
	"bytes"
	"encoding/binary"

	"edge/internal/marker"
)

// jpegHeader is what image/jpeg doesn't tell of a JPEG file.
type jpegHeader struct {
	orientation     orientation
	progressive     bool
	rgb             bool // not Y Cb Cr
	components      int  // 0: no frame header was found
	samplesPerPixel float64
}

// orientation is EXIF's tag 0x0112: how to turn a picture so that it is upright. 1, and anything unknown, is as it is.
type orientation uint16

// options returns what turns the picture upright.
func (o orientation) options() Options {
	switch o {
	case 2:
		return Options{Mirror: true}
	case 3:
		return Options{Rotate: 180}
	case 4:
		return Options{Rotate: 180, Mirror: true}
	case 5:
		return Options{Rotate: 90, Mirror: true}
	case 6:
		return Options{Rotate: 90}
	case 7:
		return Options{Rotate: 270, Mirror: true}
	case 8:
		return Options{Rotate: 270}
	}
	return Options{}
}

// bytesPerPixel is what image/jpeg takes at most while it decodes.
func (h jpegHeader) bytesPerPixel() float64 {
	if h.components == 0 { // image/jpeg may see more than scanJPEG does: the worst there is
		h = jpegHeader{progressive: true, components: 4, samplesPerPixel: 4}
	}
	n := h.samplesPerPixel
	if h.progressive {
		n += 4 * h.samplesPerPixel // it keeps all coefficients
	}
	if h.rgb || h.components == 4 {
		n += 4 // it makes another picture of the planes
	}
	return n
}

// scanJPEG looks through the segments before the first scan. Damage just ends the search: image/jpeg reports it.
func scanJPEG(data []byte) jpegHeader {
	var h jpegHeader
	for w := (marker.Walker{At: 2}); ; {
		code, segment, err := w.Next(data)
		if err != nil || code == marker.SOS || code == marker.EOI {
			return h
		}
		switch code {
		case marker.SOF0, marker.SOF1, marker.SOF2:
			h.progressive = code == marker.SOF2
			h.readFrameHeader(segment)
		case marker.APP1:
			if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
				h.orientation = orientationIn(tiff)
			}
		case marker.APP14:
			const transform = 11
			if bytes.HasPrefix(segment, []byte("Adobe")) && len(segment) > transform && segment[transform] == 0 {
				h.rgb = true
			}
		}
	}
}

func (h *jpegHeader) readFrameHeader(s []byte) {
	if len(s) < 6 || len(s) < 6+3*int(s[5]) {
		return
	}
	h.components = int(s[5])
	var ids string
	var samples, maxH, maxV int
	for i := range h.components {
		c := s[6+3*i:]
		ids += string(rune(c[0]))
		x, y := int(c[1]>>4), int(c[1]&15)
		samples += x * y
		maxH, maxV = max(maxH, x), max(maxV, y)
	}
	h.rgb = h.rgb || ids == "RGB"
	h.samplesPerPixel = float64(samples) / float64(max(maxH*maxV, 1))
}

// orientationIn looks for the orientation in the first directory of EXIF's TIFF structure. (Exif 2.3, 4.6.4.)
func orientationIn(tiff []byte) orientation {
	const tagOrientation, typeShort = 0x0112, 3
	if len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 0
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for n := order.Uint16(tiff[at:]); n > 0 && len(entries) >= 12; n-- {
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			return orientation(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return 0
}
