package frame

import (
	"errors"
	"fmt"
)

// ErrDamaged is Fit's error if this frame is broken and the next may be good.
var ErrDamaged = errors.New("damaged frame")

// Fitter turns frames into a network's input. It keeps tables for the kind of frame it saw last, so frames of one
// camera cost no memory after the first.
type Fitter struct {
	spec    TensorSpec
	options Options

	shape shape // of the frames that what follows is for
	need  int   // bytes of a frame
	place placement
	lines []line // one a plane
	parts []part // one a component
	paint *palette
	bar   []byte // a row of the tensor as letterbox bars have it; nil without bars
	jpeg  jpegDecoder
	grey  []byte // the upper 8 bits of a deep format's samples
}

// shape is all of a frame that the tables depend on.
type shape struct {
	format                Format
	width, height, stride int
	reduced               int
	matrix                Matrix
	rng                   Range
	jpeg                  jpegGeometry // of MJPEG only
}

// line is a plane on its way through the resampling: one row of it, blended from rows of the frame.
type line struct {
	plane
	from int    // bytes of the frame's rows that aren't needed
	rows []taps // for each row of the grid
	row  []byte // and windowSlack
}

// part is a component on its way: one row of samples, one for each pixel of the grid.
type part struct {
	line    int
	filter  filter
	samples []byte
	used    rect // samples of the frame that count
}

// NewFitter makes a Fitter for a network's input dst. The error says which value of dst or o is wrong.
func NewFitter(dst TensorSpec, o Options) (*Fitter, error) {
	if err := dst.check(); err != nil {
		return nil, err
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	return &Fitter{spec: dst, options: o}, nil
}

func (s TensorSpec) check() error {
	switch {
	case s.Width < 1 || s.Width > maxSide || s.Height < 1 || s.Height > maxSide:
		return fmt.Errorf("frame: input tensor of %d×%d pixels: want 1 to %d", s.Width, s.Height, maxSide)
	case s.Channels != 1 && s.Channels != 3:
		return fmt.Errorf("frame: input tensor has %d channels: a picture has 3 (RGB) or 1 (luma)", s.Channels)
	case !(s.Quant.Scale > 0):
		return fmt.Errorf("frame: input tensor's scale is %v: want a positive number", s.Quant.Scale)
	}
	for c, std := range s.Std[:s.Channels] {
		if std == 0 || std != std || s.Mean[c] != s.Mean[c] {
			return fmt.Errorf("frame: normalization (pixel − %v) / %v of channel %d makes no sense", s.Mean[c], std, c)
		}
	}
	return nil
}

// Fit writes f, resampled and quantized, to dst, which is the network's whole input: Height·Width·Channels bytes in
// rows from the top, red first. It allocates nothing unless f differs in shape from the frame before.
//
// errors.Is(err, ErrDamaged) if this frame is broken: too short, or not a JPEG picture that can be decoded. Any
// other error means that no frame of this shape can be fitted: an ROI outside of it, an impossible size. dst then
// holds no picture.
func (t *Fitter) Fit(dst []byte, f Frame) error {
	if want := t.spec.Width * t.spec.Height * t.spec.Channels; len(dst) != want {
		return fmt.Errorf("frame: input tensor has %d bytes, want %d", len(dst), want)
	}
	if f.Format == MJPEG {
		return t.fitJPEG(dst, f)
	}
	if f.Format.deep() > 0 {
		var err error
		if f, err = t.narrowed(f); err != nil {
			return err
		}
	}
	s := shapeOf(f)
	if s != t.shape {
		if err := t.prepare(s, layoutOf(f.Format, f.Width, f.Height, s.stride)); err != nil {
			return err
		}
	}
	if len(f.Pix) < t.need {
		return fmt.Errorf("frame: %w: %d bytes instead of %d", ErrDamaged, len(f.Pix), t.need)
	}
	t.resample(dst, f.Pix)
	return nil
}

// narrowed returns a frame of a deep format as GREY: of each sample the upper 8 bits that count.
func (t *Fitter) narrowed(f Frame) (Frame, error) {
	s := shapeOf(f)
	if err := s.check(); err != nil {
		return Frame{}, err
	}
	if need := s.stride*(s.height-1) + 2*s.width; len(f.Pix) < need {
		return Frame{}, fmt.Errorf("frame: %w: %d bytes instead of %d", ErrDamaged, len(f.Pix), need)
	}
	if n := s.width * s.height; n > cap(t.grey) {
		t.grey = make([]byte, n)
	}
	grey, shift := t.grey[:s.width*s.height], f.Format.deep()
	for y := range s.height {
		row := f.Pix[y*s.stride:][:2*s.width]
		for x := range s.width {
			sample := int(row[2*x]) | int(row[2*x+1])<<8
			grey[y*s.width+x] = byte(min(sample>>shift, 255))
		}
	}
	f.Pix, f.Format, f.Stride = grey, GREY, s.width
	return f, nil
}

func (t *Fitter) fitJPEG(dst []byte, f Frame) error {
	if err := t.jpeg.start(f.Pix); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	g := t.jpeg.geometry
	s := shape{format: MJPEG, width: g.width, height: g.height, matrix: BT601, rng: Full, jpeg: g}
	if s != t.shape {
		if err := t.prepare(s, g.layout()); err != nil {
			if g.width != f.Width || g.height != f.Height { // maybe the size is what is damaged
				err = fmt.Errorf("frame: %w: %w", ErrDamaged, err)
			}
			return err
		}
	}
	var wanted [4]rect
	for i := range t.parts {
		wanted[i] = t.parts[i].used
	}
	if err := t.jpeg.decode(&wanted); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	t.resample(dst, t.jpeg.pix)
	return nil
}

// prepare makes the tables for frames of shape s, whose samples lie as l says.
func (t *Fitter) prepare(s shape, l layout) error {
	if err := s.check(); err != nil {
		return err
	}
	p, err := place(s.width, s.height, s.reduced, t.spec.Width, t.spec.Height, t.options)
	if err != nil {
		return err
	}
	if t.spec.Channels == 1 && l.kind == yuv { // chroma isn't needed
		l.kind, l.planes, l.components = luma, l.planes[:1], l.components[:1]
	}
	t.shape, t.need, t.place = s, l.size(), p
	t.lines, t.parts = tablesOf(l, p)
	t.paint = newPalette(t.spec, l.kind, s.matrix, s.rng)
	t.bar = nil
	if p.bars {
		t.bar = barRow(t.spec)
	}
	return nil
}

func shapeOf(f Frame) shape {
	s := shape{
		format: f.Format, width: f.Width, height: f.Height, stride: f.Stride, reduced: f.Reduced, matrix: f.Matrix, rng: f.Range,
	}
	if s.stride == 0 {
		s.stride = f.Format.MinStride(f.Width)
	}
	return s
}

func (s shape) check() error {
	switch {
	case !s.format.valid():
		return fmt.Errorf("frame: unknown %v", s.format)
	case s.width < 1 || s.width > maxSide || s.height < 1 || s.height > maxSide:
		return fmt.Errorf("frame: picture of %d×%d pixels: want 1 to %d", s.width, s.height, maxSide)
	case s.stride < s.format.MinStride(s.width) || s.stride > maxStride:
		return fmt.Errorf("frame: rows of %d bytes for %d pixels of %v", s.stride, s.width, s.format)
	case int64(s.stride)*int64(s.height) > maxBytes:
		return fmt.Errorf("frame: picture of %d×%d pixels is too large", s.width, s.height)
	}
	return nil
}

// tablesOf makes the tables for resampling.
func tablesOf(l layout, p placement) ([]line, []part) {
	lines := make([]line, len(l.planes))
	parts := make([]part, len(l.components))
	for i, plane := range l.planes {
		rows := triangle(p.height, p.from.y, p.from.h, plane.subY, plane.rows)
		top, bottom := rows[0].first, rows[p.height-1].end()
		var columns [3][]taps // of the components in this plane
		from, to := plane.rowBytes, 0
		for c, comp := range l.components {
			if comp.plane != i {
				continue
			}
			columns[c] = triangle(p.width, p.from.x, p.from.w, comp.subX, comp.samples)
			left, right := columns[c][0].first, columns[c][p.width-1].end()
			parts[c].used = rect{left, top, right - left, bottom - top}
			from = min(from, comp.at+left*comp.step)
			to = max(to, comp.at+(right-1)*comp.step+1)
		}
		for c, comp := range l.components {
			if comp.plane == i {
				parts[c].line = i
				parts[c].filter = windowsOf(columns[c], comp.at-from, comp.step)
				parts[c].samples = make([]byte, p.width)
			}
		}
		lines[i] = line{plane, from, rows, make([]byte, to-from+windowSlack)}
	}
	return lines, parts
}

// barRow returns a row of the tensor that is all zeros, as real numbers.
func barRow(s TensorSpec) []byte {
	row := make([]byte, s.Width*s.Channels)
	zero := min(max(s.Quant.ZeroPoint, 0), 255)
	if s.Signed {
		zero = min(max(s.Quant.ZeroPoint, -128), 127)
	}
	for i := range row {
		row[i] = byte(zero)
	}
	return row
}

// resample turns a frame's bytes into the tensor, row by row.
func (t *Fitter) resample(dst, pix []byte) {
	if t.bar != nil {
		for at := 0; at < len(dst); at += len(t.bar) {
			copy(dst[at:], t.bar)
		}
	}
	for y := range t.place.height {
		for i := range t.lines {
			l := &t.lines[i]
			rows := &l.rows[y]
			blend(l.row[:len(l.row)-windowSlack], pix[l.offset+rows.first*l.stride+l.from:], l.stride, rows.weights)
		}
		for i := range t.parts {
			p := &t.parts[i]
			p.filter.apply(p.samples, t.lines[p.line].row)
		}
		first := t.place.first + y*t.place.dy
		t.paint.row(dst, first*t.spec.Channels, t.place.dx*t.spec.Channels, t.parts)
	}
}
