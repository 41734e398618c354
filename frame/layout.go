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

// layoutOf returns the layout of a raw format; not of MJPEG, which has none, and not of deep formats, which are made
// GREY first.
func layoutOf(f Format, w, h, stride int) layout {
	first := plane{0, stride, f.MinStride(w), h, 1}
	full := func(at, step int) component { return component{0, at, step, w, 1} }
	// Chroma: half as many samples in a row; in the planes after the first perhaps half as many rows, too.
	cw, ch, cstride := half(w), chromaRows(f, h), chromaStride(f, w, stride)
	chroma := func(plane, at, step int) component { return component{plane, at, step, cw, 2} }
	after := func(i, rowBytes int) plane {
		subY := 1
		if ch < h {
			subY = 2
		}
		return plane{stride*h + i*cstride*ch, cstride, rowBytes, ch, subY}
	}
	switch f {
	case YUYV:
		return layout{yuv, []plane{first}, []component{full(0, 2), chroma(0, 1, 4), chroma(0, 3, 4)}}
	case YVYU:
		return layout{yuv, []plane{first}, []component{full(0, 2), chroma(0, 3, 4), chroma(0, 1, 4)}}
	case UYVY:
		return layout{yuv, []plane{first}, []component{full(1, 2), chroma(0, 0, 4), chroma(0, 2, 4)}}
	case VYUY:
		return layout{yuv, []plane{first}, []component{full(1, 2), chroma(0, 2, 4), chroma(0, 0, 4)}}
	case NV12, NV16:
		return layout{yuv, []plane{first, after(0, 2*cw)}, []component{full(0, 1), chroma(1, 0, 2), chroma(1, 1, 2)}}
	case NV21, NV61:
		return layout{yuv, []plane{first, after(0, 2*cw)}, []component{full(0, 1), chroma(1, 1, 2), chroma(1, 0, 2)}}
	case YU12, YUV422P:
		return layout{yuv, []plane{first, after(0, cw), after(1, cw)}, []component{full(0, 1), chroma(1, 0, 1), chroma(2, 0, 1)}}
	case YV12:
		return layout{yuv, []plane{first, after(0, cw), after(1, cw)}, []component{full(0, 1), chroma(2, 0, 1), chroma(1, 0, 1)}}
	case RGB24:
		return layout{rgb, []plane{first}, []component{full(0, 3), full(1, 3), full(2, 3)}}
	case BGR24:
		return layout{rgb, []plane{first}, []component{full(2, 3), full(1, 3), full(0, 3)}}
	case RGBX32:
		return layout{rgb, []plane{first}, []component{full(0, 4), full(1, 4), full(2, 4)}}
	case BGRX32:
		return layout{rgb, []plane{first}, []component{full(2, 4), full(1, 4), full(0, 4)}}
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
