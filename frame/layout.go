package frame

// A layout says where the samples of a frame lie: up to three planes of rows of bytes, and in them the components.
//
//	YUYV   one plane     Y U Y V Y U Y V      Y: at 0, step 2; U: at 1, step 4; V: at 3, step 4
//	NV12   two planes    Y Y Y Y | U V U V    Y: at 0, step 1; U: at 0, step 2; V: at 1, step 2
//	YU12   three planes  Y Y Y Y | U U | V V
//	RGB24  one plane     R G B R G B          R: at 0, step 3; …
type layout struct {
	kind       kind
	planes     []plane
	components []component
}

// kind is what the components are.
type kind uint8

const (
	luma kind = iota // Y
	yuv              // Y U V
	rgb              // R G B
)

// plane is a rectangle of bytes in the frame.
type plane struct {
	offset, stride int // bytes: of the first row, and from row to row
	rowBytes, rows int
	subY           int // rows of pixels for one row of samples
}

// component is one of the colours in a plane.
type component struct {
	plane    int
	at, step int // bytes: of a row's first sample, and from sample to sample
	samples  int // in a row
	subX     int // pixels for one sample
}

// layoutOf returns the layout of a raw format; not of MJPEG, which has none.
func layoutOf(f Format, w, h, stride int) layout {
	cw, ch := half(w), half(h)
	cstride := chromaStride(f, w, stride)
	first := plane{0, stride, f.MinStride(w), h, 1}
	full := func(at, step int) component { return component{0, at, step, w, 1} }
	switch f {
	case YUYV:
		return layout{yuv, []plane{first}, []component{full(0, 2), {0, 1, 4, cw, 2}, {0, 3, 4, cw, 2}}}
	case UYVY:
		return layout{yuv, []plane{first}, []component{full(1, 2), {0, 0, 4, cw, 2}, {0, 2, 4, cw, 2}}}
	case NV12, NV21:
		u, v := 0, 1
		if f == NV21 {
			u, v = 1, 0
		}
		chroma := plane{stride * h, cstride, 2 * cw, ch, 2}
		return layout{yuv, []plane{first, chroma}, []component{full(0, 1), {1, u, 2, cw, 2}, {1, v, 2, cw, 2}}}
	case YU12:
		u := plane{stride * h, cstride, cw, ch, 2}
		v := plane{stride*h + cstride*ch, cstride, cw, ch, 2}
		return layout{yuv, []plane{first, u, v}, []component{full(0, 1), {1, 0, 1, cw, 2}, {2, 0, 1, cw, 2}}}
	case RGB24:
		return layout{rgb, []plane{first}, []component{full(0, 3), full(1, 3), full(2, 3)}}
	case BGR24:
		return layout{rgb, []plane{first}, []component{full(2, 3), full(1, 3), full(0, 3)}}
	}
	return layout{luma, []plane{first}, []component{full(0, 1)}} // GREY
}

// size returns how many bytes a frame of this layout has at least: to the end of the last row's samples.
func (l layout) size() int {
	n := 0
	for _, p := range l.planes {
		n = max(n, p.offset+(p.rows-1)*p.stride+p.rowBytes)
	}
	return n
}
