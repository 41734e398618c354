package frame

import (
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io"
	"math/bits"

	"golang.org/x/image/bmp"
)

// readBMP reads a BMP file. The library reads those with a palette or 24 bits a pixel, and of the others not enough.
func readBMP(data []byte, r *source) (Frame, error) {
	if h, ok := directBMP(data); ok {
		return h.read(data, r)
	}
	img, err := decoder{bmp.DecodeConfig, bmp.Decode}.read(r, func(color.Model) float64 { return 4 })
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, Options{}), nil
}

// bmpHeader is the header of a BMP picture whose pixels are 16 or 32 bits, in which each colour has its own.
type bmpHeader struct {
	width, height int
	topDown       bool
	pixels        int64     // the place of the first row
	bytes         int       // of a pixel: 2 or 4
	masks         [4]uint32 // the bits of red, green, blue and alpha
}

// directBMP reads the header of such a picture; it is not ok for others. (BITMAPINFOHEADER, BITMAPV4HEADER and
// BITMAPV5HEADER in the documentation of Windows GDI.)
func directBMP(data []byte) (h bmpHeader, ok bool) {
	const fileHeader, infoHeader, masks = 14, 40, 14 + 40
	if len(data) < masks {
		return h, false
	}
	at := func(i int) uint32 { return binary.LittleEndian.Uint32(data[i:]) }
	size, depth, compression := at(14), data[28], at(30)
	if size < infoHeader || size > 1<<10 || data[29] != 0 || depth != 16 && depth != 32 {
		return h, false
	}
	width, height := int32(at(18)), int32(at(22))
	h = bmpHeader{width: int(width), height: int(height), pixels: int64(at(10)), bytes: int(depth) / 8}
	if height < 0 {
		h.height, h.topDown = -h.height, true
	}
	const rgb, bitfields, alphaBitfields = 0, 3, 6
	switch {
	case compression == rgb && depth == 16:
		h.masks = [4]uint32{0x7c00, 0x3e0, 0x1f, 0}
	case compression == rgb: // the fourth byte has no meaning, whatever is in it
		h.masks = [4]uint32{0xff0000, 0xff00, 0xff, 0}
	case compression == bitfields || compression == alphaBitfields:
		count := 3
		if size >= infoHeader+16 || compression == alphaBitfields {
			count = 4
		}
		if len(data) < masks+4*count {
			return h, false
		}
		for i := range count {
			h.masks[i] = at(masks + 4*i)
		}
	default:
		return h, false
	}
	return h, true
}

// read reads the pixels. Alpha that is 0 everywhere is none: many programs write a header that promises alpha, and mean
// a picture that can be seen.
func (h *bmpHeader) read(data []byte, r *source) (Frame, error) {
	if err := affordable(image.Config{Width: h.width, Height: h.height}, 3); err != nil {
		return Frame{}, err
	}
	stride := (h.width*h.bytes + 3) &^ 3
	if h.pixels+int64(stride)*int64(h.height) > int64(len(data)) {
		return Frame{}, io.ErrUnexpectedEOF
	}
	for _, mask := range h.masks[:3] {
		if mask == 0 {
			return Frame{}, errors.New("one of its colours has no bits")
		}
	}
	alpha := false
	rows := data[h.pixels:][:stride*h.height]
	pixel := func(row []byte, x int) uint32 {
		if h.bytes == 2 {
			return uint32(binary.LittleEndian.Uint16(row[2*x:]))
		}
		return binary.LittleEndian.Uint32(row[4*x:])
	}
	for at := 0; at < len(rows) && !alpha && h.masks[3] != 0; at += stride {
		for x := range h.width {
			alpha = alpha || pixel(rows[at:], x)&h.masks[3] != 0
		}
	}
	f, _, _, _ := rgbFrame(h.width, h.height, Options{}, nil)
	for y := range h.height {
		if err := r.ctx.Err(); err != nil {
			return Frame{}, err
		}
		row, to := rows[y*stride:], f.Pix[(h.height-1-y)*f.Stride:]
		if h.topDown {
			to = f.Pix[y*f.Stride:]
		}
		for x := range h.width {
			p, opaque := pixel(row, x), uint32(255)
			if alpha {
				opaque = share(p, h.masks[3])
			}
			for c := range 3 {
				to[3*x+c] = byte((share(p, h.masks[c])*opaque + 255*(255-opaque) + 127) / 255)
			}
		}
	}
	return f, nil
}

// share returns the value of a mask's bits in p, as a share of their largest value, times 255.
func share(p, mask uint32) uint32 {
	most := uint64(mask >> bits.TrailingZeros32(mask))
	return uint32((uint64(p&mask)>>bits.TrailingZeros32(mask)*255 + most/2) / most)
}
