package frame

import (
	"bytes"
	"encoding/binary"
	"math"
)

// exifPrefix is what EXIF begins with in JPEG files.
var exifPrefix = []byte("Exif\x00\x00")

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

// orientationIn looks for the orientation in the first directory of EXIF's TIFF structure. (Exif 2.3, 4.6.4.)
func orientationIn(tiff []byte) orientation {
	const tagOrientation, typeShort, typeLong = 0x0112, 3, 4
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
		if order.Uint16(entries) == tagOrientation {
			switch order.Uint16(entries[2:]) {
			case typeShort:
				return orientation(order.Uint16(entries[8:]))
			case typeLong: // wrong, and written all the same
				return orientation(min(order.Uint32(entries[8:]), math.MaxUint16))
			}
		}
		entries = entries[12:]
	}
	return 0
}

// pngChunk takes the first chunk off a PNG file's chunks; false if there is no whole one. (PNG, third edition, 5.3.)
func pngChunk(data []byte) (kind string, content, rest []byte, ok bool) {
	if len(data) < 12 {
		return "", nil, nil, false
	}
	size := int64(binary.BigEndian.Uint32(data))
	if size > int64(len(data)-12) {
		return "", nil, nil, false
	}
	return string(data[4:8]), data[8 : 8+size], data[12+size:], true
}

// orientationInPNG looks for EXIF in a PNG file's chunk eXIf. (PNG, third edition, 11.3.4.)
func orientationInPNG(data []byte) orientation {
	for rest := data[len(pngSignature):]; ; {
		var kind string
		var content []byte
		var ok bool
		if kind, content, rest, ok = pngChunk(rest); !ok {
			return 0
		}
		if kind == "eXIf" {
			return orientationIn(bytes.TrimPrefix(content, exifPrefix)) // some write the prefix, too
		}
	}
}

// orientationInWebP looks for EXIF in a WebP file's chunk EXIF. (RFC 9649, section 2.7.1.5.)
func orientationInWebP(data []byte) orientation {
	for at := len("RIFF....WEBP"); at+8 <= len(data); {
		size := int64(binary.LittleEndian.Uint32(data[at+4:]))
		kind, content := string(data[at:at+4]), data[at+8:]
		if size > int64(len(content)) {
			return 0
		}
		if kind == "EXIF" {
			return orientationIn(bytes.TrimPrefix(content[:size], exifPrefix))
		}
		at += 8 + int(size+size%2)
	}
	return 0
}
