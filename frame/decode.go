package frame

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"
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
func Decode(data []byte, name string) (Frame, error) {
	kind, read := sniff(data)
	if read == nil {
		return Frame{}, fmt.Errorf("frame: %s: %w", name, ErrNotPicture)
	}
	r := bytes.NewReader(data)
	f, err := read(data, r)
	if err != nil {
		return Frame{}, fmt.Errorf("frame: %s: %s, near byte %d of %d: %w", name, kind, len(data)-r.Len(), len(data), err)
	}
	f.Name = name
	return f, nil
}

// reader reads a picture from r, which is at the start of data.
type reader func(data []byte, r *bytes.Reader) (Frame, error)

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

// errEmpty and the like tell what no decoder says.
var errEmpty = errors.New("a picture without pixels")

// affordable checks the size that a header states, where decoding takes so many bytes for each pixel.
func affordable(c image.Config, bytesPerPixel float64) error {
	if c.Width < 1 || c.Height < 1 {
		return errEmpty
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

// readWith reads a picture upright with one of the libraries' decoders.
func readWith(
	r *bytes.Reader, config func(io.Reader) (image.Config, error), decode func(io.Reader) (image.Image, error),
	bytesPerPixel func(color.Model) float64,
) (Frame, error) {
	c, err := config(r)
	if err != nil {
		return Frame{}, err
	}
	if err := affordable(c, bytesPerPixel(c.ColorModel)); err != nil {
		return Frame{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Frame{}, err
	}
	img, err := decode(r)
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, Options{}), nil
}

func readPNG(data []byte, r *bytes.Reader) (Frame, error) {
	interlaced := 1.0
	if len(data) > 28 && data[28] != 0 { // IHDR's last byte: the passes take as much again
		interlaced = 2
	}
	return readWith(r, png.DecodeConfig, png.Decode, func(m color.Model) float64 {
		switch m {
		case color.GrayModel:
			return interlaced + 3
		case color.Gray16Model:
			return 2*interlaced + 3
		case color.RGBAModel, color.NRGBAModel:
			return 4 * interlaced // RGB24 goes where the pixels were
		case color.RGBA64Model, color.NRGBA64Model:
			return 8*interlaced + 3
		}
		return interlaced + 3 // a palette
	})
}

func readBMP(_ []byte, r *bytes.Reader) (Frame, error) {
	return readWith(r, bmp.DecodeConfig, bmp.Decode, func(color.Model) float64 { return 4 })
}

func readWebP(data []byte, r *bytes.Reader) (Frame, error) {
	return readWith(r, webp.DecodeConfig, webp.Decode, func(m color.Model) float64 {
		switch m {
		case color.NRGBAModel:
			return 8 // lossless: the pixels, and as much again where they are indices
		case color.NYCbCrAModel:
			return 1.5 + 8 + 1 + 3
		}
		return 1.5 + 3
	})
}

func readJPEG(data []byte, r *bytes.Reader) (Frame, error) {
	c, err := jpeg.DecodeConfig(r)
	if err != nil {
		return Frame{}, err
	}
	h := scanJPEG(data)
	if err := affordable(c, h.bytesPerPixel()+3); err != nil {
		return Frame{}, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Frame{}, err
	}
	img, err := jpeg.Decode(r)
	if err != nil {
		return Frame{}, err
	}
	return toRGB(img, h.orientation.options()), nil
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
