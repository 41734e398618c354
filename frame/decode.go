package frame

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"runtime/metrics"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"edge/quant"
)

// maxMemory is what reading a picture file may take in memory, beyond the file itself.
const maxMemory = 64 << 20

// ErrNotPicture is Decode's error for a file that is no JPEG, PNG, WebP or BMP picture at all.
var ErrNotPicture = errors.New("not a JPEG, PNG, WebP or BMP picture")

// Decode reads a whole picture file: JPEG, PNG, WebP or BMP, told apart by their first bytes. The frame is RGB24 and
// upright: a JPEG picture's EXIF orientation has been applied. Transparent parts show white, as on a page; of 16 bits
// a channel the upper 8 count.
//
// name is what the frame and errors call it. An error says what is wrong and, where the file's data are, about where;
// also if the picture would take more than 64 MiB of memory, which the header's size tells before anything is read.
// When ctx ends, decoding stops with ctx's error.
func Decode(ctx context.Context, data []byte, name string) (Frame, error) {
	kind, read := sniff(data)
	if read == nil {
		return Frame{}, fmt.Errorf("frame: %s: %w", name, ErrNotPicture)
	}
	r := &source{ctx: ctx, Reader: bytes.NewReader(data)}
	f, err := read(data, r)
	if err != nil {
		at := len(data) - r.Len()
		return Frame{}, fmt.Errorf("frame: %s: %s, near byte %d of %d: %w", name, kind, at, len(data), err)
	}
	f.Name = name
	return f, nil
}

// reader reads a picture from r, which is at the start of data.
type reader func(data []byte, r *source) (Frame, error)

// source is a file in memory that can't be read any more when its context has ended.
type source struct {
	ctx context.Context
	*bytes.Reader
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(p)
}

// ReadByte implements io.ByteReader: compress/flate asks for it, and takes its bytes one by one if it is there.
func (s *source) ReadByte() (byte, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.ReadByte()
}

func sniff(data []byte) (kind string, read reader) {
	starts := func(with string) bool { return bytes.HasPrefix(data, []byte(with)) }
	switch {
	case starts("\xff\xd8"):
		return "JPEG", readJPEG
	case starts("\x89PNG\r\n\x1a\n"):
		return "PNG", readPNG
	case starts("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return "WebP", readWebP
	case starts("BM"):
		return "BMP", readBMP
	}
	return "", nil
}

// affordable checks the size that a header states, where decoding takes so many bytes for each pixel.
func affordable(c image.Config, bytesPerPixel float64) error {
	if c.Width < 1 || c.Height < 1 {
		return errors.New("a picture without pixels")
	}
	if c.Width > maxSide || c.Height > maxSide {
		return fmt.Errorf("%d×%d pixels: at most %d in each direction", c.Width, c.Height, maxSide)
	}
	if need := float64(c.Width) * float64(c.Height) * bytesPerPixel; need > maxMemory {
		return fmt.Errorf("%d×%d pixels would take %.0f MiB of memory, more than %d: make the picture smaller",
			c.Width, c.Height, need/(1<<20), maxMemory>>20)
	}
	return nil
}

// decoder is one of the libraries.
type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// read reads a picture if decoding it, and making RGB24 of it, takes so many bytes a pixel at most.
func (d decoder) read(r *source, bytesPerPixel func(color.Model) float64) (image.Image, error) {
	c, err := d.config(r)
	if err != nil {
		return nil, err
	}
	if err := affordable(c, bytesPerPixel(c.ColorModel)); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return d.decode(r)
}

func readJPEG(data []byte, r *source) (Frame, error) {
	h := scanJPEG(data)
	img, err := decoder{jpeg.DecodeConfig, jpeg.Decode}.read(r, func(color.Model) float64 {
		return h.bytesPerPixel() + 3
	})
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, h.orientation.options()), nil
}

func readPNG(data []byte, r *source) (Frame, error) {
	interlaced := 1.0
	if len(data) > 28 && data[28] != 0 { // IHDR's last byte: the passes take as much again
		interlaced = 2
	}
	img, err := decoder{png.DecodeConfig, png.Decode}.read(r, func(m color.Model) float64 {
		switch m {
		case color.RGBAModel, color.NRGBAModel:
			return 4 * interlaced // RGB24 goes where the pixels were
		case color.RGBA64Model, color.NRGBA64Model:
			return 8*interlaced + 3
		case color.Gray16Model:
			return 2*interlaced + 3
		}
		return interlaced + 3 // grey or a palette
	})
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, Options{}), nil
}

func readBMP(_ []byte, r *source) (Frame, error) {
	img, err := decoder{bmp.DecodeConfig, bmp.Decode}.read(r, func(color.Model) float64 { return 4 })
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, Options{}), nil
}

func readWebP(_ []byte, r *source) (Frame, error) {
	decode := func(r io.Reader) (image.Image, error) {
		return webp.Decode(&thriftyReader{r, heapObjects() + maxMemory})
	}
	img, err := decoder{webp.DecodeConfig, decode}.read(r, func(m color.Model) float64 {
		if m == color.NYCbCrAModel {
			return 4 + 4 + 1 + 1.5 + 1.5 + 3 // alpha, decoded as a lossless picture, its copy, and a lossy picture
		}
		return 4 + 4 // lossless: the pixels, and as much again where they are indices; more than a lossy one
	})
	if err != nil {
		return Frame{}, err
	}
	switch img := img.(type) {
	case *image.YCbCr:
		return videoToRGB(img)
	case *image.NYCbCrA:
		f, err := videoToRGB(&img.YCbCr)
		if err == nil {
			whiten(f, img)
		}
		return f, err
	}
	return toRGB(img, Options{}), nil
}

// thriftyReader fails when the heap has grown beyond limit. A lossless WebP file may describe tables of Huffman codes in
// a two-hundredth of the memory that they take, and its header doesn't tell.
type thriftyReader struct {
	r     io.Reader
	limit uint64
}

func (t *thriftyReader) Read(p []byte) (int, error) {
	if heapObjects() > t.limit {
		if runtime.GC(); heapObjects() > t.limit {
			return 0, fmt.Errorf("its tables take more than %d MiB of memory", maxMemory>>20)
		}
	}
	return t.r.Read(p)
}

// heapObjects returns how many bytes the heap's objects take, those included that the collector hasn't found yet.
func heapObjects() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// videoToRGB returns a lossy WebP picture as an RGB24 frame. It is 4:2:0 video in limited range, unlike what
// image.YCbCr means, so it goes through a Fitter.
func videoToRGB(img *image.YCbCr) (Frame, error) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	video := Frame{Format: YU12, Width: w, Height: h, Pix: make([]byte, 0, YU12.FrameSize(w, h, 0))}
	for y := range h {
		video.Pix = append(video.Pix, img.Y[y*img.YStride:][:w]...)
	}
	for _, plane := range [][]byte{img.Cb, img.Cr} {
		for y := range half(h) {
			video.Pix = append(video.Pix, plane[y*img.CStride:][:half(w)]...)
		}
	}
	itself := TensorSpec{Width: w, Height: h, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}}
	fitter, err := NewFitter(itself, Options{Fit: Stretch})
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Pix: make([]byte, 3*w*h), Format: RGB24, Width: w, Height: h, Stride: 3 * w}
	return f, fitter.Fit(f.Pix, video)
}

// whiten puts f, whose transparency is in img, on white.
func whiten(f Frame, img *image.NYCbCrA) {
	for y := range f.Height {
		row := f.Pix[y*f.Stride:][:3*f.Width]
		for x, alpha := range img.A[y*img.AStride:][:f.Width] {
			for i := 3 * x; i < 3*x+3; i++ {
				row[i] = byte((uint32(row[i])*uint32(alpha) + 255*(255-uint32(alpha)) + 127) / 255)
			}
		}
	}
}

// toRGB returns a picture as an RGB24 frame, rotated and mirrored. It may write over img.
func toRGB(img image.Image, o Options) Frame {
	b := img.Bounds()
	w, h := turned(b.Dx(), b.Dy(), o)
	f := Frame{Pix: memoryFor(img, 3*w*h, o), Format: RGB24, Width: w, Height: h, Stride: 3 * w}
	at := func(x, y int) int {
		x, y = upright(x, y, b.Dx(), b.Dy(), o)
		return 3 * (y*w + x)
	}
	dx, dy := at(1, 0)-at(0, 0), at(0, 1)-at(0, 0)
	pixels := img.(image.RGBA64Image) // all that these decoders return are
	for y := range b.Dy() {
		next := at(0, 0) + y*dy
		for x := range b.Dx() {
			c := pixels.RGBA64At(b.Min.X+x, b.Min.Y+y)
			white := 0xffff - uint32(c.A)
			f.Pix[next] = byte((uint32(c.R) + white) >> 8)
			f.Pix[next+1] = byte((uint32(c.G) + white) >> 8)
			f.Pix[next+2] = byte((uint32(c.B) + white) >> 8)
			next += dx
		}
	}
	return f
}

// memoryFor returns n bytes for img as RGB24: its own memory where each pixel is read before its place is written.
func memoryFor(img image.Image, n int, o Options) []byte {
	if o == (Options{}) {
		switch img := img.(type) {
		case *image.RGBA:
			return img.Pix[:n]
		case *image.NRGBA:
			return img.Pix[:n]
		}
	}
	return make([]byte, n)
}
