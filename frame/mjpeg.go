package frame

import (
	"bytes"

	"edge/internal/marker"
)

// AppendJPEG appends a picture of an MJPEG stream to dst as a JPEG file that any program can read: many cameras leave the
// Huffman tables out, since all of them would be the standard's. A picture that has tables is appended unchanged, and so
// is anything that isn't a picture.
func AppendJPEG(dst, picture []byte) []byte {
	scan, hasTables := scanOf(picture)
	if scan < 0 || hasTables {
		return append(dst, picture...)
	}
	dst = append(dst, picture[:scan]...)
	for class := range standardHuffman {
		for number, table := range standardHuffman[class] {
			n := 2 + 1 + len(table)
			dst = append(dst, 0xff, marker.DHT, byte(n>>8), byte(n), byte(class<<4|number))
			dst = append(dst, table...)
		}
	}
	return append(dst, picture[scan:]...)
}

// scanOf returns where a picture's first scan begins, and whether Huffman tables come before it; −1 for no picture.
func scanOf(picture []byte) (at int, hasTables bool) {
	if !bytes.HasPrefix(picture, []byte{0xff, marker.SOI}) {
		return -1, false
	}
	for at = 2; at+4 <= len(picture) && picture[at] == 0xff; {
		switch picture[at+1] {
		case 0xff: // fills the space before a marker
			at++
			continue
		case marker.SOS:
			return at, hasTables
		case marker.DHT:
			hasTables = true
		}
		at += 2 + int(picture[at+2])<<8 + int(picture[at+3])
	}
	return -1, false
}
