package frame

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"image/jpeg"

	"edge/internal/marker"
)

// jpegFile is what a jpegDecoder knows of a picture file, beyond what matters in a camera's stream.
type jpegFile struct {
	ctx          context.Context // ends decoding
	progressive  bool
	orientation  orientation
	transform    adobe
	coefficients [4]coefficients // of a progressive picture
}

// adobe is what Adobe's APP14 segment says of the colours: 0 are R G B or C M Y K, 1 Y Cb Cr, 2 Y Cb Cr K.
type adobe int8

const noAdobe adobe = -1

// readApplication reads the segments in which other standards than JPEG's say how to show a picture.
func (f *jpegFile) readApplication(code byte, segment []byte) {
	if tiff, ok := bytes.CutPrefix(segment, exifPrefix); ok && code == marker.APP1 && f.orientation == 0 {
		f.orientation = orientationIn(tiff)
	}
	const transform = 11
	if code == marker.APP14 && len(segment) > transform && bytes.HasPrefix(segment, []byte("Adobe")) {
		f.transform = adobe(segment[transform])
	}
}

// maxStandardScans is how many scans image/jpeg is trusted with, which can't be stopped between them. Encoders write ten.
const maxStandardScans = 64

// readJPEG reads a JPEG file.
//
// image/jpeg decodes what it can, at full size, so that the bytes of ordinary photographs are those by which networks
// were calibrated and measured here. Ours decodes the rest: other samplings, pictures without Huffman tables, without an
// end or with bytes too many, CMYK that Adobe has not signed, and pictures that would take too much memory. The latter
// are made smaller while they are decoded: the largest of 1/2, 1/4 and 1/8 whose planes, coefficients and RGB24 fit.
func readJPEG(data []byte, r *source) (Frame, error) {
	d := jpegDecoder{file: &jpegFile{ctx: r.ctx, transform: noAdobe}}
	if err := d.start(data); err != nil {
		return Frame{}, err
	}
	o := d.file.orientation.options()
	if n := d.standardBytes(); n <= maxMemory && scans(data) <= maxStandardScans {
		collect(n)
		img, err := jpeg.Decode(r)
		if err == nil {
			return toRGB(img, o), nil
		}
		if ended := r.ctx.Err(); ended != nil {
			return Frame{}, ended
		}
	}
	g := &d.geometry
	for d.fileBytes() > maxMemory {
		if g.block == 1 {
			return Frame{}, fmt.Errorf("%d×%d pixels would take %d MiB of memory even at an eighth of the size, more than %d",
				g.width, g.height, d.fileBytes()>>20, maxMemory>>20)
		}
		g.block /= 2
	}
	collect(d.fileBytes())
	all := rect{w: maxSide, h: maxSide}
	if err := d.decode(&[4]rect{all, all, all, all}); err != nil {
		return Frame{}, err
	}
	f := d.rgb(o)
	if g.block < 8 {
		f.Reduced = 8 / g.block
	}
	return f, nil
}

// scans returns how many scans a file has.
func scans(data []byte) int {
	n := 0
	for w := (marker.Walker{}); ; {
		code, _, err := w.Next(data)
		if err != nil {
			return n
		}
		if code == marker.SOS {
			n++
		}
	}
}

// standardBytes is what image/jpeg takes at most for the picture, with RGB24 made of it.
func (d *jpegDecoder) standardBytes() int64 {
	g := &d.geometry
	samples, pixels := 64*g.blocks(), int64(g.width)*int64(g.height)
	n := samples + 3*pixels
	if d.file.progressive {
		n += 4 * samples // it keeps all coefficients, in 32 bits
	}
	if g.count == 4 || d.isRGB() {
		n += 4 * pixels // it makes another picture of the planes
	}
	return n
}

// fileBytes is what this decoder takes for the picture, with RGB24 made of it.
func (d *jpegDecoder) fileBytes() int64 {
	g := &d.geometry
	width, height := g.scaled()
	n := g.bytes() + 3*int64(width)*int64(height)
	if d.file.progressive {
		n += 2*g.bytes() + 8*g.blocks()
	}
	return n
}

// isRGB reports whether the three components are red, green and blue. (As libjpeg decides it.)
func (d *jpegDecoder) isRGB() bool {
	c := &d.geometry.components
	byID := c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B'
	return d.geometry.count == 3 && (d.file.transform == 0 || d.file.transform == noAdobe && byID)
}

// rgb returns the decoded planes as an RGB24 frame, rotated and mirrored. Each pixel takes the nearest samples, as
// image.YCbCr has it.
func (d *jpegDecoder) rgb(o Options) Frame {
	g := &d.geometry
	w, h := g.scaled()
	l := g.layout()
	f, at, dx, dy := rgbFrame(w, h, o, nil)
	isRGB := d.isRGB()
	var samples [4][]byte // a row of each plane
	for y := range h {
		for i, p := range l.planes {
			samples[i] = d.pix[p.offset+y/p.subY*p.stride:][:p.rowBytes]
		}
		next := at + y*dy
		for x := range w {
			a := samples[0][x/l.components[0].subX]
			red, green, blue := a, a, a
			if g.count > 1 {
				green, blue = samples[1][x/l.components[1].subX], samples[2][x/l.components[2].subX]
				if !isRGB && (g.count == 3 || d.file.transform == 2) {
					red, green, blue = color.YCbCrToRGB(a, green, blue)
				}
			}
			if g.count == 4 {
				// Everyone who writes such files writes them inverted: the paper's white is 255.
				k := uint32(samples[3][x/l.components[3].subX])
				if d.file.transform == 2 {
					red, green, blue = ^red, ^green, ^blue
				}
				red, green, blue = tinted(red, k), tinted(green, k), tinted(blue, k)
			}
			pixel := f.Pix[next:][:3]
			pixel[0], pixel[1], pixel[2] = red, green, blue
			next += dx
		}
	}
	return f
}

// tinted is a share of light that ink lets through, after black ink has let through k of 255.
func tinted(c byte, k uint32) byte { return byte((uint32(c)*k + 127) / 255) }
