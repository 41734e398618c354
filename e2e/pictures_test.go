//go:build e2e

package e2e

import (
	"image"
	"image/color"
	_ "image/jpeg"
	"os"
	"testing"

	"golang.org/x/image/draw"
)

// The camera's size.
const (
	width  = 640
	height = 480
)

// picture is width × height pixels, red, green and blue.
type picture struct{ rgb []byte }

// photograph reads a picture file and fills the camera's view with the middle of it.
func photograph(t *testing.T, file string) *picture {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	source, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	from := source.Bounds()
	if w := from.Dy() * width / height; w < from.Dx() {
		from.Min.X += (from.Dx() - w) / 2
		from.Max.X = from.Min.X + w
	} else {
		h := from.Dx() * height / width
		from.Min.Y += (from.Dy() - h) / 2
		from.Max.Y = from.Min.Y + h
	}
	scaled := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.BiLinear.Scale(scaled, scaled.Bounds(), source, from, draw.Src, nil)
	p := &picture{make([]byte, 0, width*height*3)}
	for i := 0; i < len(scaled.Pix); i += 4 {
		p.rgb = append(p.rgb, scaled.Pix[i:i+3]...)
	}
	return p
}

// scene is an artificial picture around a brightness, with enough in it to tell rows, columns and colours apart.
func scene(brightness int) *picture {
	p := &picture{make([]byte, 0, width*height*3)}
	for y := range height {
		for x := range width {
			for c := range 3 {
				p.rgb = append(p.rgb, byte(brightness+(x*(c+1)/8+y*(3-c)/8)%40-20))
			}
		}
	}
	return p
}

func (p *picture) rgba() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.SetRGBA(i%width, i/width, color.RGBA{p.rgb[3*i], p.rgb[3*i+1], p.rgb[3*i+2], 255})
	}
	return m
}

// yuyv is the picture as most cameras give it: BT.601, limited range, colour for two pixels together.
func (p *picture) yuyv() []byte {
	out := make([]byte, 0, width*height*2)
	for i := 0; i < len(p.rgb); i += 6 {
		y0, u0, v0 := limitedYUV(p.rgb[i], p.rgb[i+1], p.rgb[i+2])
		y1, u1, v1 := limitedYUV(p.rgb[i+3], p.rgb[i+4], p.rgb[i+5])
		out = append(out, round(y0), round((u0+u1)/2), round(y1), round((v0+v1)/2))
	}
	return out
}

// limitedYUV is ITU-R BT.601-7, sections 2.5.1 to 2.5.3.
func limitedYUV(red, green, blue byte) (y, u, v float64) {
	r, g, b := float64(red)/255, float64(green)/255, float64(blue)/255
	luma := 0.299*r + 0.587*g + 0.114*b
	return 16 + 219*luma, 128 + 224*(b-luma)/1.772, 128 + 224*(r-luma)/1.402
}

func round(x float64) byte { return byte(x + 0.5) }
