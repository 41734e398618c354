package frame

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"runtime"
	"runtime/metrics"

	"golang.org/x/image/webp"

	"edge/internal/text"
	"edge/quant"
)

// maxMemory is how many bytes reading a picture file may take, beyond the file itself.
const maxMemory = 64 << 20

// ErrNotPicture is Decode's error for a file that is no JPEG, PNG, WebP or BMP picture at all. If it is a picture of
// another kind, the error says of which, and how to convert it.
var ErrNotPicture = errors.New("not a JPEG, PNG, WebP or BMP picture")

// Decode reads a whole picture file: JPEG, PNG, WebP or BMP, told apart by their first bytes. The frame is RGB24 and
// upright: the picture's EXIF orientation has been applied. Transparent parts show white, as on a page; of 16 bits
// a channel the upper 8 count.
//
// A picture takes 64 MiB of memory at most, beyond the file. JPEG photographs that would take more, from about 14
// megapixels on (8 if they are progressive), are made smaller while they are decoded: to a half, a quarter or an eighth
// of their width and height, the largest that fits, as Frame.Reduced says. Other pictures that would take more are
// refused, which the header's size tells before anything is read.
//
// name is what the frame and errors call it. An error says what is wrong and, if the file's data are, about where.
// When ctx ends, decoding stops with ctx's error.
func Decode(ctx context.Context, data []byte, name string) (Frame, error) {
	clean := text.Clean(name)
	kind, read := sniff(data)
	if read == nil {
		return Frame{}, fmt.Errorf("frame: %s: %w%s", clean, ErrNotPicture, otherKind(data))
	}
	r := &source{ctx: ctx, Reader: bytes.NewReader(data)}
	f, err := read(data, r)
	switch {
	case errors.Is(err, ErrDamaged): // by our own decoder, which says where
		return Frame{}, fmt.Errorf("frame: %s: %w", clean, err)
	case err != nil:
		at := len(data) - r.Len()
		return Frame{}, fmt.Errorf("frame: %s: %s, near byte %d of %d: %w", clean, kind, at, len(data), err)
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
	case starts(pngSignature):
		return "PNG", readPNG
	case starts("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return "WebP", readWebP
	case starts("BM"):
		return "BMP", readBMP
	}
	return "", nil
}

// otherKind says what a file is that isn't read here, and what to do; it is empty for what isn't known.
func otherKind(data []byte) string {
	const convert = "convert it: ffmpeg -i IN OUT.jpg"
	starts := func(with string) bool { return bytes.HasPrefix(data, []byte(with)) }
	switch {
	case len(data) >= 12 && string(data[4:8]) == "ftyp": // ISO/IEC 14496-12, section 4.3
		switch string(data[8:12]) {
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			return ", but HEIC, as iPhones write it: heif-convert IN OUT.jpg (Debian: libheif-examples) converts it, " +
				"and Settings, Camera, Formats, Most Compatible makes the phone write JPEG"
		case "avif", "avis":
			return ", but AVIF: " + convert
		}
		return ", but a video: ffmpeg -i IN -vf fps=1 OUT%04d.jpg takes a picture out of it every second"
	case starts("GIF8"):
		return ", but GIF: " + convert
	case starts("II*\x00"), starts("MM\x00*"):
		return ", but TIFF or a camera's raw file: " + convert
	case starts("\xff\x0a"), starts("\x00\x00\x00\x0cJXL "):
		return ", but JPEG XL: djxl IN OUT.jpg (Debian: libjxl-tools) converts it"
	case starts("\x00\x00\x00\x0cjP  "):
		return ", but JPEG 2000: " + convert
	case starts("version https://git-lfs"):
		return ", but where Git LFS keeps one: git lfs pull gets it"
	}
	return ""
}

// affordable checks the size that a header states, and makes room for it, given how many bytes decoding takes a pixel.
func affordable(c image.Config, bytesPerPixel float64) error {
	if c.Width < 1 || c.Height < 1 {
		return errors.New("a picture without pixels")
	}
	if c.Width > maxSide || c.Height > maxSide {
		return fmt.Errorf("%d×%d pixels: at most %d in each direction", c.Width, c.Height, maxSide)
	}
	need := float64(c.Width) * float64(c.Height) * bytesPerPixel
	if need > maxMemory {
		return fmt.Errorf("%d×%d pixels would take %.0f MiB of memory, more than %d: make the picture smaller",
			c.Width, c.Height, need/(1<<20), maxMemory>>20)
	}
	collect(int64(need))
	return nil
}

// decoder is one of the libraries.
type decoder struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// read reads a picture. Decoding it and converting it to RGB24 takes at most the given number of bytes a pixel.
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

const pngSignature = "\x89PNG\r\n\x1a\n"

// maxChunks is how many chunks a PNG file may have. Programs write one for every 8 KiB at least, and image/png allocates
// 4 KiB for each one that it skips, however small that is.
const maxChunks = 1 << 14

func readPNG(data []byte, r *source) (Frame, error) {
	chunks := 0
	for rest, ok := data[len(pngSignature):], true; ok; chunks++ {
		_, _, rest, ok = pngChunk(rest)
	}
	if chunks > maxChunks {
		return Frame{}, fmt.Errorf("it has %d chunks, more than %d: write it again with another program", chunks, maxChunks)
	}
	o := orientationInPNG(data).options()
	interlaced := 1.0
	if len(data) > 28 && data[28] != 0 { // IHDR's last byte: the passes take as much again
		interlaced = 2
	}
	img, err := decoder{png.DecodeConfig, png.Decode}.read(r, func(m color.Model) float64 {
		switch {
		case (m == color.RGBAModel || m == color.NRGBAModel) && o == (Options{}):
			return 4 * interlaced // RGB24 goes where the pixels were
		case m == color.RGBAModel, m == color.NRGBAModel:
			return 4*interlaced + 3
		case m == color.RGBA64Model, m == color.NRGBA64Model:
			return 8*interlaced + 3
		case m == color.Gray16Model:
			return 2*interlaced + 3
		}
		return interlaced + 3 // grey or a palette
	})
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, o), nil
}

func readWebP(data []byte, r *source) (Frame, error) {
	o := orientationInWebP(data).options()
	decode := func(r io.Reader) (image.Image, error) {
		if len(data) > 1<<17 { // its tables may take 200 times as much
			runtime.GC()
		}
		return webp.Decode(&thriftyReader{r, heapObjects() + maxMemory})
	}
	img, err := decoder{webp.DecodeConfig, decode}.read(r, func(m color.Model) float64 {
		if m == color.NYCbCrAModel {
			return 4 + 4 + 1 + 1.5 + 1.5 + 3 + 3 // alpha, decoded as a lossless picture, its copy, and a lossy picture
		}
		if o != (Options{}) {
			return 4 + 4 + 3 // turning takes another place
		}
		return 4 + 4 // lossless: the pixels, and as much again if they are indices; more than a lossy one
	})
	if err != nil {
		return Frame{}, err
	}
	switch img := img.(type) {
	case *image.YCbCr:
		return videoToRGB(img, o)
	case *image.NYCbCrA:
		f, err := videoToRGB(&img.YCbCr, o)
		if err == nil {
			whiten(f, img, o)
		}
		return f, err
	}
	return toRGB(img, o), nil
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

// heapObjects returns how many bytes the heap's objects take, including garbage that the collector hasn't found yet.
func heapObjects() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// videoToRGB returns a lossy WebP picture as an RGB24 frame, rotated and mirrored. It is 4:2:0 video in limited range, unlike what
// image.YCbCr means, so it goes through a Fitter.
func videoToRGB(img *image.YCbCr, o Options) (Frame, error) {
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
	o.Fit = Stretch
	w, h = turned(w, h, o)
	itself := TensorSpec{Width: w, Height: h, Channels: 3, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1}}
	fitter, err := NewFitter(itself, o)
	if err != nil {
		return Frame{}, err
	}
	f := Frame{Pix: make([]byte, 3*w*h), Format: RGB24, Width: w, Height: h, Stride: 3 * w}
	return f, fitter.Fit(f.Pix, video)
}

// whiten puts f, whose transparency is in img, on white.
func whiten(f Frame, img *image.NYCbCrA, o Options) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	at, dx, dy := steps(w, h, o)
	for y := range h {
		next := at + y*dy
		for _, alpha := range img.A[y*img.AStride:][:w] {
			for i := next; i < next+3; i++ {
				f.Pix[i] = byte((uint32(f.Pix[i])*uint32(alpha) + 255*(255-uint32(alpha)) + 127) / 255)
			}
			next += dx
		}
	}
}

// steps returns where the pixels of a picture of w × h are in its RGB24 frame, rotated and mirrored: the byte of the
// first, and the bytes from one to the next in a row and in a column.
func steps(w, h int, o Options) (first, dx, dy int) {
	width, _ := turned(w, h, o)
	at := func(x, y int) int {
		x, y = upright(x, y, w, h, o)
		return 3 * (y*width + x)
	}
	first = at(0, 0)
	return first, at(1, 0) - first, at(0, 1) - first
}

// rgbFrame returns an RGB24 frame for a picture of w × h that is to be rotated and mirrored, and the steps of its
// pixels. It lies in pix if that isn't nil.
func rgbFrame(w, h int, o Options, pix []byte) (f Frame, first, dx, dy int) {
	if pix == nil {
		pix = make([]byte, 3*w*h)
	}
	first, dx, dy = steps(w, h, o)
	w, h = turned(w, h, o)
	return Frame{Pix: pix, Format: RGB24, Width: w, Height: h, Stride: 3 * w}, first, dx, dy
}

// toRGB returns a picture as an RGB24 frame, rotated and mirrored. It may write over img.
func toRGB(img image.Image, o Options) Frame {
	b := img.Bounds()
	f, first, dx, dy := rgbFrame(b.Dx(), b.Dy(), o, memoryFor(img, 3*b.Dx()*b.Dy(), o))
	pixels := img.(image.RGBA64Image) // all that these decoders return are
	for y := range b.Dy() {
		next := first + y*dy
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

// memoryFor returns n bytes for img as RGB24: its own memory if each pixel is read before its place is written, else
// nil.
func memoryFor(img image.Image, n int, o Options) []byte {
	if o == (Options{}) {
		switch img := img.(type) {
		case *image.RGBA:
			return img.Pix[:n]
		case *image.NRGBA:
			return img.Pix[:n]
		}
	}
	return nil
}
