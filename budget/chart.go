package budget

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/inconsolata"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"edge/mobilenet"
)

// The chart of edge budget --png: top-1 accuracy over milliseconds, the latter on a logarithmic axis.
const (
	chartWidth, chartHeight = 1100, 720
	plotLeft, plotRight     = 70, 1070
	plotTop, plotBottom     = 90, 650
)

// The typefaces are bitmaps: a few kilobytes, where outlines and what draws them take 600.
var small, large font.Face = inconsolata.Regular8x16, inconsolata.Bold8x16

var (
	ink    = color.RGBA{0x22, 0x22, 0x22, 0xff}
	grey   = color.RGBA{0x66, 0x66, 0x66, 0xff}
	gridOf = color.RGBA{0xe4, 0xe4, 0xe4, 0xff}
	slow   = color.RGBA{0xf6, 0xf2, 0xf2, 0xff} // where the rate isn't held
	limit  = color.RGBA{0xb0, 0x30, 0x30, 0xff}
	front  = color.RGBA{0x99, 0x99, 0x99, 0xff}
	inks   = map[mobilenet.Family]color.RGBA{
		mobilenet.FamilyV1: {0x1f, 0x6f, 0xb4, 0xff},
		mobilenet.FamilyV2: {0xe0, 0x7b, 0x16, 0xff},

		mobilenet.FamilyV3Large: v3, mobilenet.FamilyV3LargeMinimalistic: v3,
		mobilenet.FamilyV3Small: v3, mobilenet.FamilyV3SmallMinimalistic: v3,
	}
	v3 = color.RGBA{0x2c, 0x8c, 0x4b, 0xff}
)

// Draw writes a chart of the judged networks as a PNG picture of 1100 × 720 pixels: time to the right, on a logarithmic
// axis, accuracy upwards, the front as a line, and the best in a ring. At least one network must have been measured.
func (b *Budget) Draw(out io.Writer) error {
	c := newCanvas(chartWidth, chartHeight)
	x, y := b.axes()
	c.text(plotLeft, 28, large, ink, alignLeft, "Accuracy and time of MobileNets on this machine")
	c.text(plotLeft, 50, small, grey, alignLeft, fmt.Sprintf("%skernels %s, threads %d, inference alone; int8 times, "+
		"published float32 accuracy on ImageNet", after(b.Machine, ", "), b.Kernels, b.Threads))
	limitAt := x.at(1000 / b.FPS)
	if limitAt < plotRight {
		left := max(limitAt, plotLeft)
		c.polygon(slow, left, plotTop, plotRight, plotTop, plotRight, plotBottom, left, plotBottom)
	}
	c.grid(x, y)
	if limitAt > plotLeft && limitAt < plotRight {
		c.line(limitAt, plotTop, limitAt, plotBottom, 2, limit)
		c.text(limitAt-8, plotTop+18, small, limit, alignRight, fmt.Sprintf("%g frames/s", b.FPS))
	}
	c.front(b, x, y)
	for _, m := range b.Networks {
		radius := 5.
		if m.Pareto {
			radius = 7
		}
		c.disc(x.at(m.P50), y.at(m.Float), radius, inks[m.Family])
		if m.Name == b.Best {
			c.ring(x.at(m.P50), y.at(m.Float), 13, 2.5, limit)
		}
	}
	c.names(b, x, y)
	c.legend()
	return png.Encode(out, c.image)
}

// after puts a separator after a text that isn't empty.
func after(text, separator string) string {
	if text == "" {
		return ""
	}
	return text + separator
}

// axis maps values to pixels: from lo at one to hi at the other end.
type axis struct {
	lo, hi     float64
	start, end float64
	log        bool
}

func (a axis) at(v float64) float64 {
	lo, hi := a.lo, a.hi
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	return a.start + (v-lo)/(hi-lo)*(a.end-a.start)
}

// axes cover all networks with some room around.
func (b *Budget) axes() (x, y axis) {
	least, most := math.Inf(1), 0.
	lowest, highest := 100., 0.
	for _, m := range b.Networks {
		least, most = min(least, m.P50), max(most, m.P50)
		lowest, highest = min(lowest, m.Float), max(highest, m.Float)
	}
	x = axis{lo: least / 2.2, hi: most * 1.5, start: plotLeft, end: plotRight, log: true}
	y = axis{lo: 5 * math.Floor(lowest/5-0.2), hi: 5 * math.Ceil(highest/5+0.2), start: plotBottom, end: plotTop}
	return x, y
}

// grid draws lines at 1, 2 and 5 times the powers of ten, and at every 5 per cent.
func (c *canvas) grid(x, y axis) {
	for power := math.Pow(10, math.Floor(math.Log10(x.lo))); power <= x.hi; power *= 10 {
		for _, digit := range []float64{1, 2, 5} {
			v := digit * power
			if v < x.lo || v > x.hi {
				continue
			}
			c.line(x.at(v), plotTop, x.at(v), plotBottom, 1, gridOf)
			c.text(x.at(v), plotBottom+20, small, ink, alignCentre, fmt.Sprintf("%.3g", v))
		}
	}
	for v := y.lo; v <= y.hi; v += 5 {
		c.line(plotLeft, y.at(v), plotRight, y.at(v), 1, gridOf)
		c.text(plotLeft-10, y.at(v)+5, small, ink, alignRight, fmt.Sprint(v))
	}
	c.line(plotLeft, plotBottom, plotRight, plotBottom, 1.5, ink)
	c.line(plotLeft, plotTop, plotLeft, plotBottom, 1.5, ink)
	c.text((plotLeft+plotRight)/2, plotBottom+46, small, ink, alignCentre, "milliseconds for one picture, median")
	c.text(plotLeft+6, plotTop-8, small, ink, alignCentre, "top-1 %")
}

// front draws a line through the networks that none beats in both.
func (c *canvas) front(b *Budget, x, y axis) {
	var before *Network
	for i := range b.Networks {
		m := &b.Networks[i]
		if !m.Pareto {
			continue
		}
		if before != nil {
			c.line(x.at(before.P50), y.at(before.Float), x.at(m.P50), y.at(m.Float), 2, front)
		}
		before = m
	}
}

// names writes the names of the front's networks left above their points, where they don't cover another name.
func (c *canvas) names(b *Budget, x, y axis) {
	var taken []image.Rectangle
	write := func(m *Network, face font.Face, ink color.Color) {
		name := strings.Replace(strings.Replace(m.Name, "_", " ", 1), "_", "/", 1)
		width := c.width(face, name)
		right, base := int(x.at(m.P50))-12, int(y.at(m.Float))-8
		box := image.Rect(right-width-4, base-15, right, base+4)
		for _, t := range taken {
			if box.Overlaps(t) {
				return
			}
		}
		taken = append(taken, box)
		c.text(float64(right), float64(base), face, ink, alignRight, name)
	}
	for i := range b.Networks {
		if m := &b.Networks[i]; m.Name == b.Best {
			write(m, small, limit)
		}
	}
	for i := len(b.Networks) - 1; i >= 0; i-- {
		if m := &b.Networks[i]; m.Pareto && m.Name != b.Best {
			write(m, small, ink)
		}
	}
}

func (c *canvas) legend() {
	const left, top = plotRight - 310, plotBottom - 106
	y := float64(top)
	entry := func(name string, draw func(x, y float64)) {
		draw(left, y-5)
		c.text(left+24, y, small, ink, alignLeft, name)
		y += 22
	}
	entry("MobileNet V1", func(x, y float64) { c.disc(x, y, 7, inks[mobilenet.FamilyV1]) })
	entry("MobileNet V2", func(x, y float64) { c.disc(x, y, 7, inks[mobilenet.FamilyV2]) })
	entry("MobileNet V3", func(x, y float64) { c.disc(x, y, 7, v3) })
	entry("none is faster and more accurate", func(x, y float64) { c.line(x-12, y, x+12, y, 2, front) })
	entry("most accurate that holds the rate", func(x, y float64) { c.ring(x, y, 9, 2.5, limit) })
}

// canvas is a picture that can be drawn on.
type canvas struct {
	image  *image.RGBA
	raster *vector.Rasterizer
}

func newCanvas(width, height int) *canvas {
	c := &canvas{image: image.NewRGBA(image.Rect(0, 0, width, height)), raster: vector.NewRasterizer(width, height)}
	draw.Draw(c.image, c.image.Bounds(), image.White, image.Point{}, draw.Src)
	return c
}

// polygon fills a shape, given as x and y in turn.
func (c *canvas) polygon(fill color.Color, points ...float64) {
	c.raster.Reset(c.image.Rect.Dx(), c.image.Rect.Dy())
	c.shape(points)
	c.fill(fill)
}

func (c *canvas) shape(points []float64) {
	c.raster.MoveTo(float32(points[0]), float32(points[1]))
	for i := 2; i < len(points); i += 2 {
		c.raster.LineTo(float32(points[i]), float32(points[i+1]))
	}
	c.raster.ClosePath()
}

func (c *canvas) fill(fill color.Color) {
	c.raster.Draw(c.image, c.image.Bounds(), image.NewUniform(fill), image.Point{})
}

func (c *canvas) line(x0, y0, x1, y1, width float64, ink color.Color) {
	length := math.Hypot(x1-x0, y1-y0)
	if length == 0 {
		return
	}
	dx, dy := (y1-y0)/length*width/2, (x0-x1)/length*width/2
	c.polygon(ink, x0+dx, y0+dy, x1+dx, y1+dy, x1-dx, y1-dy, x0-dx, y0-dy)
}

func (c *canvas) disc(x, y, radius float64, fill color.Color) {
	c.polygon(color.White, circle(x, y, radius+1.5, 1)...) // an edge, where points lie on each other
	c.polygon(fill, circle(x, y, radius, 1)...)
}

// ring is a circle with another one, in the opposite sense, cut out.
func (c *canvas) ring(x, y, radius, width float64, ink color.Color) {
	c.raster.Reset(c.image.Rect.Dx(), c.image.Rect.Dy())
	c.shape(circle(x, y, radius+width/2, 1))
	c.shape(circle(x, y, radius-width/2, -1))
	c.fill(ink)
}

func circle(x, y, radius, sense float64) []float64 {
	const corners = 48
	var points []float64
	for i := range corners {
		angle := sense * 2 * math.Pi * float64(i) / corners
		points = append(points, x+radius*math.Cos(angle), y+radius*math.Sin(angle))
	}
	return points
}

// What x means to text.
const (
	alignLeft = iota
	alignCentre
	alignRight
)

func (c *canvas) width(face font.Face, text string) int { return font.MeasureString(face, text).Ceil() }

// text writes a line; y is that of its baseline.
func (c *canvas) text(x, y float64, face font.Face, ink color.Color, align int, text string) {
	x -= float64(align) * float64(c.width(face, text)) / 2
	d := font.Drawer{Dst: c.image, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(int(math.Round(x)), int(math.Round(y)))}
	d.DrawString(text)
}
