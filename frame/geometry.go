package frame

import "math"

// The largest pictures: pixels of width or height, bytes of a row and of a plane.
const (
	maxSide   = 1 << 15
	maxStride = 1 << 20
	maxBytes  = 1 << 28
)

// rect is a rectangle of whole pixels.
type rect struct{ x, y, w, h int }

// placement says which pixels of a frame become which pixels of the tensor. The frame is resampled the way up that it
// lies in memory, and only the steps between pixels of the tensor know about rotating and mirroring:
//
//	frame                      tensor, here with Rotate 90
//	+---------------+          +--------------+
//	|   +-------+   |          |  ↑ dx       first
//	|   | from  |   |  grid →  |  |           |   pixel (x, y) of the grid is at
//	|   +-------+   |          |  +-- dy ←    |   first + x·dx + y·dy
//	+---------------+          +--------------+
type placement struct {
	from          rect // of the frame
	width, height int  // of the grid: what from is resampled to
	first, dx, dy int  // pixels of the tensor
	bars          bool // the grid doesn't cover the tensor
}

// place finds the placement for a frame of w × h and a tensor of tw × th. The ROI is of the picture, which is larger than
// the frame by the factor by which it was reduced.
func place(w, h, reduced, tw, th int, o Options) (placement, error) {
	uprightW, uprightH := turned(w, h, o)
	k := max(reduced, 1)
	seen, err := o.ROI.in(k*uprightW, k*uprightH)
	if err != nil {
		return placement{}, err
	}
	seen = rect{seen.x / k, seen.y / k, max(seen.w/k, 1), max(seen.h/k, 1)}
	roi := lyingRect(seen, w, h, o)
	gw, gh := turned(tw, th, o) // the whole tensor as the frame lies
	p := placement{from: roi, width: gw, height: gh}
	x0, y0 := 0, 0
	switch o.Fit {
	case Crop:
		p.from = centredCrop(roi, gw, gh, o.Fraction)
	case Letterbox:
		p.width, p.height = inside(gw, gh, roi.w, roi.h)
		x0, y0 = (gw-p.width)/2, (gh-p.height)/2
		p.bars = p.width != gw || p.height != gh
	}
	at := func(x, y int) int {
		x, y = upright(x, y, gw, gh, o)
		return y*tw + x
	}
	p.first = at(x0, y0)
	p.dx = at(x0+1, y0) - p.first
	p.dy = at(x0, y0+1) - p.first
	return p, nil
}

// centredCrop returns the largest rectangle of the shape w:h amid r, made smaller by fraction.
func centredCrop(r rect, w, h int, fraction float64) rect {
	if fraction == 0 {
		fraction = 1
	}
	cw, ch := inside(r.w, r.h, w, h)
	cw = max(int(math.Round(float64(cw)*fraction)), 1)
	ch = max(int(math.Round(float64(ch)*fraction)), 1)
	return rect{r.x + (r.w-cw)/2, r.y + (r.h-ch)/2, cw, ch}
}

// inside returns the largest size of the shape w:h that fits into boxW × boxH.
func inside(boxW, boxH, w, h int) (int, int) {
	if boxW*h < boxH*w { // the width is what limits
		return boxW, max((boxW*h+w/2)/w, 1)
	}
	return max((boxH*w+h/2)/h, 1), boxH
}

// turned returns the size of a picture of w × h after o.Rotate.
func turned(w, h int, o Options) (int, int) {
	if o.Rotate == 90 || o.Rotate == 270 {
		return h, w
	}
	return w, h
}

// upright returns where the pixel (x, y) of a picture of w × h is after o.Rotate and o.Mirror.
func upright(x, y, w, h int, o Options) (int, int) {
	x, y = rotated(x, y, w, h, o.Rotate)
	if o.Mirror {
		w, _ = turned(w, h, o)
		x = w - 1 - x
	}
	return x, y
}

func rotated(x, y, w, h, degrees int) (int, int) {
	switch degrees {
	case 90:
		return h - 1 - y, x
	case 180:
		return w - 1 - x, h - 1 - y
	case 270:
		return y, w - 1 - x
	}
	return x, y
}

// lyingRect returns the rectangle of a frame of w × h that a person sees as r after o.Rotate and o.Mirror.
func lyingRect(r rect, w, h int, o Options) rect {
	uw, uh := turned(w, h, o)
	if o.Mirror {
		r.x = uw - r.x - r.w
	}
	back := (360 - o.Rotate) % 360
	x0, y0 := rotated(r.x, r.y, uw, uh, back)
	x1, y1 := rotated(r.x+r.w-1, r.y+r.h-1, uw, uh, back)
	return rect{min(x0, x1), min(y0, y1), max(x0, x1) - min(x0, x1) + 1, max(y0, y1) - min(y0, y1) + 1}
}
