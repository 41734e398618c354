package frame

import (
	"bytes"
	"encoding/binary"
)

// jpegHeader is what image/jpeg doesn't tell of a JPEG file.
type jpegHeader struct {
	orientation     orientation
	progressive     bool
	components      int
	samplesPerPixel float64
}

// orientation is EXIF's tag 0x0112: how to turn a picture so that it is upright. 1, and anything unknown, is as it is.
//
//	1   2   3   4      5       6       7       8
//	##  ##    #  #     ######  ##          ##  ######
//	#    #    #  #     # #     # #        # #  #  #        an F as it lies in the file
//	##  ##   ##  ##    #       ######  ######       #
//	#    #    #  #
//	#    #   ##  ##
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
	n := h.samplesPerPixel
	if h.progressive {
		n += 4 * h.samplesPerPixel // it keeps all coefficients
	}
	if h.components == 4 {
		n += 4 // it makes a CMYK picture of the planes
	}
	return n
}

// scanJPEG looks through the segments before the first scan. Damage just ends the search: image/jpeg reports it.
func scanJPEG(data []byte) jpegHeader {
	var h jpegHeader
	for at := 2; at+4 <= len(data) && data[at] == 0xff; {
		marker := data[at+1]
		if marker == 0xff { // fill byte
			at++
			continue
		}
		size := int(binary.BigEndian.Uint16(data[at+2:]))
		if marker == markerSOS || size < 2 || at+2+size > len(data) {
			break
		}
		segment := data[at+4 : at+2+size]
		switch marker {
		case markerSOF0, markerSOF1, markerSOF2:
			h.progressive = marker == markerSOF2
			h.components, h.samplesPerPixel = samplingOf(segment)
		case markerAPP1:
			if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
				h.orientation = orientationIn(tiff)
			}
		}
		at += 2 + size
	}
	return h
}

// samplingOf returns the number of components in a frame header (SOF), and of samples for each pixel.
func samplingOf(sof []byte) (components int, samplesPerPixel float64) {
	if len(sof) < 6 || len(sof) < 6+3*int(sof[5]) {
		return 0, 0
	}
	components = int(sof[5])
	var sum, maxH, maxV int
	for i := range components {
		h, v := int(sof[7+3*i]>>4), int(sof[7+3*i]&15)
		sum += h * v
		maxH, maxV = max(maxH, h), max(maxV, v)
	}
	return components, float64(sum) / float64(max(maxH*maxV, 1))
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
