package frame

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"edge/quant"
)

// pixels is a tensor whose values are the pixels themselves.
func pixels(w, h, channels int) TensorSpec {
	return TensorSpec{
		Width: w, Height: h, Channels: channels,
		Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1},
	}
}

func fitted(t *testing.T, spec TensorSpec, o Options, f Frame) []byte {
	t.Helper()
	fitter, err := NewFitter(spec, o)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, spec.Width*spec.Height*spec.Channels)
	if err := fitter.Fit(dst, f); err != nil {
		t.Fatal(err)
	}
	return dst
}

// ideal is Fit in floating point, straight from the definitions, one pixel of the tensor after the other.
type ideal struct{ Frame }

// sample returns the sample of component c (Y U V or R G B) for pixels' column x and row y, from V4L2's pictures of the
// formats; subX and subY are the pixels a sample stands for.
func (i ideal) sample(c, x, y int) float64 {
	s := i.Stride
	if s == 0 {
		s = i.Format.MinStride(i.Width)
	}
	subX, subY := i.sub(c)
	p, plane := i.Pix, s*i.Height
	cs, ch := chromaStride(i.Format, i.Width, s), (i.Height+subY-1)/subY
	sx, sy := x/subX, y/subY
	switch i.Format {
	case YUYV:
		return float64(p[y*s+[]int{2 * x, 4*sx + 1, 4*sx + 3}[c]])
	case UYVY:
		return float64(p[y*s+[]int{2*x + 1, 4 * sx, 4*sx + 2}[c]])
	case YVYU:
		return float64(p[y*s+[]int{2 * x, 4*sx + 3, 4*sx + 1}[c]])
	case VYUY:
		return float64(p[y*s+[]int{2*x + 1, 4*sx + 2, 4 * sx}[c]])
	case NV12, NV16:
		return float64(p[[]int{y*s + x, plane + sy*cs + 2*sx, plane + sy*cs + 2*sx + 1}[c]])
	case NV21, NV61:
		return float64(p[[]int{y*s + x, plane + sy*cs + 2*sx + 1, plane + sy*cs + 2*sx}[c]])
	case YU12, YUV422P:
		return float64(p[[]int{y*s + x, plane + sy*cs + sx, plane + (ch+sy)*cs + sx}[c]])
	case YV12:
		return float64(p[[]int{y*s + x, plane + (ch+sy)*cs + sx, plane + sy*cs + sx}[c]])
	case Y10, Y12, Y16:
		bits := map[Format]int{Y10: 10, Y12: 12, Y16: 16}[i.Format]
		return float64(min((int(p[y*s+2*x])+256*int(p[y*s+2*x+1]))>>(bits-8), 255))
	case RGBX32:
		return float64(p[y*s+4*x+c])
	case BGRX32:
		return float64(p[y*s+4*x+2-c])
	case RGB24:
		return float64(p[y*s+3*x+c])
	case BGR24:
		return float64(p[y*s+3*x+2-c])
	}
	return float64(p[y*s+x])
}

func (i ideal) sub(c int) (x, y int) {
	if c == 0 {
		return 1, 1
	}
	switch i.Format {
	case YUYV, UYVY, YVYU, VYUY, NV16, NV61, YUV422P:
		return 2, 1
	case NV12, NV21, YU12, YV12:
		return 2, 2
	}
	return 1, 1
}

// at returns component c resampled for the pixel (x, y) of a grid of w × h that lies on the rectangle from.
func (i ideal) at(c, x, y int, from rect, w, h int) float64 {
	subX, subY := i.sub(c)
	weights := func(n, start, length, out, sub, size int) map[int]float64 {
		scale := float64(length) / float64(out)
		centre, reach := float64(start)+(float64(n)+0.5)*scale, max(float64(sub), scale/2)
		all, sum := map[int]float64{}, 0.0
		for s := 0; s*sub < size; s++ {
			if height := 1 - math.Abs((float64(s)+0.5)*float64(sub)-centre)/reach; height > 0 {
				all[s] = height
				sum += height
			}
		}
		for s := range all {
			all[s] /= sum
		}
		return all
	}
	value := 0.0
	columns := weights(x, from.x, from.w, w, subX, i.Width)
	for sy, wy := range weights(y, from.y, from.h, h, subY, i.Height) {
		for sx, wx := range columns {
			value += wx * wy * i.sample(c, min(sx*subX, i.Width-1), min(sy*subY, i.Height-1))
		}
	}
	return value
}

// idealRGB is the definition of Y'CbCr: digital luma of weights kr, 1−kr−kb, kb, and colour differences.
func idealRGB(m Matrix, r Range, y, u, v float64) [3]float64 {
	kr, kb := 0.299, 0.114
	if m == BT709 {
		kr, kb = 0.2126, 0.0722
	}
	if r == Limited {
		y, u, v = (y-16)/219, (u-128)/224, (v-128)/224
	} else {
		y, u, v = y/255, (u-128)/255, (v-128)/255
	}
	red, blue := y+2*(1-kr)*v, y+2*(1-kb)*u
	green := (y - kr*red - kb*blue) / (1 - kr - kb)
	var rgb [3]float64
	for c, x := range [3]float64{red, green, blue} {
		rgb[c] = min(max(255*x, 0), 255)
	}
	return rgb
}

func (i ideal) pixel(x, y int, from rect, w, h int) [3]float64 {
	a := i.at(0, x, y, from, w, h)
	switch i.Format {
	case RGB24, BGR24, RGBX32, BGRX32:
		return [3]float64{a, i.at(1, x, y, from, w, h), i.at(2, x, y, from, w, h)}
	case GREY, Y10, Y12, Y16:
		return idealRGB(i.Matrix, i.Range, a, 128, 128)
	}
	return idealRGB(i.Matrix, i.Range, a, i.at(1, x, y, from, w, h), i.at(2, x, y, from, w, h))
}

var rawFormats = []Format{
	YUYV, UYVY, YVYU, VYUY, NV12, NV21, NV16, NV61, YU12, YV12, YUV422P, RGB24, BGR24, RGBX32, BGRX32, GREY, Y10, Y12, Y16,
}

// Random frames, so neighbouring samples differ as much as they can: the worst case for weights of 1/256. Each of the
// two directions rounds to a byte and takes weights that are off by at most 1/512 each, which makes an error of less
// than 2 in a sample, and colour differences count up to 2.1 times.
func TestFitIsTheDefinition(t *testing.T) {
	sizes := []struct{ w, h, pad, tw, th int }{
		{16, 12, 0, 16, 12}, // 1:1
		{33, 27, 5, 12, 12}, // smaller; odd sizes, padded rows
		{7, 5, 0, 16, 16},   // larger
		{64, 9, 3, 5, 7},    // much smaller
		{1, 1, 0, 3, 2},
	}
	for _, f := range rawFormats {
		for n, size := range sizes {
			stride := 0
			if size.pad > 0 {
				stride = f.MinStride(size.w) + size.pad
			}
			frame := randomFrame(f, size.w, size.h, stride, uint64(n))
			frame.Matrix, frame.Range = Matrix(n%2), Range(n/2%2)
			for _, o := range []Options{{Fit: Stretch}, {Fit: Crop}, {Fit: Crop, Fraction: 0.875}} {
				got := fitted(t, pixels(size.tw, size.th, 3), o, frame)
				p, _ := place(size.w, size.h, 0, size.tw, size.th, o)
				worst := 0.0
				for i := range size.tw * size.th {
					want := ideal{frame}.pixel(i%size.tw, i/size.tw, p.from, size.tw, size.th)
					for c := range 3 {
						worst = max(worst, math.Abs(float64(got[3*i+c])-want[c]))
					}
				}
				if worst > 3.5 {
					t.Errorf("%v %+v %+v: off by %.2f", f, size, o, worst)
				}
			}
		}
	}
}

func TestOrientation(t *testing.T) {
	// 1 2 3
	// 4 5 6
	f := Frame{Pix: []byte{1, 2, 3, 4, 5, 6}, Format: GREY, Width: 3, Height: 2, Range: Full}
	for _, c := range []struct {
		rotate int
		mirror bool
		w, h   int
		want   []byte
	}{
		{0, false, 3, 2, []byte{1, 2, 3, 4, 5, 6}},
		{90, false, 2, 3, []byte{4, 1, 5, 2, 6, 3}},
		{180, false, 3, 2, []byte{6, 5, 4, 3, 2, 1}},
		{270, false, 2, 3, []byte{3, 6, 2, 5, 1, 4}},
		{0, true, 3, 2, []byte{3, 2, 1, 6, 5, 4}},
		{90, true, 2, 3, []byte{1, 4, 2, 5, 3, 6}},
		{180, true, 3, 2, []byte{4, 5, 6, 1, 2, 3}},
		{270, true, 2, 3, []byte{6, 3, 5, 2, 4, 1}},
	} {
		o := Options{Fit: Stretch, Rotate: c.rotate, Mirror: c.mirror}
		if got := fitted(t, pixels(c.w, c.h, 1), o, f); string(got) != string(c.want) {
			t.Errorf("rotate %d, mirror %v: %v, want %v", c.rotate, c.mirror, got, c.want)
		}
		// The middle of each pixel, as a person sees it, cut out of a picture of 200 times the size.
		large := Frame{Format: GREY, Width: 600, Height: 400, Range: Full}
		for i := range large.Width * large.Height {
			large.Pix = append(large.Pix, f.Pix[i/large.Width/200*3+i%large.Width/200])
		}
		for i, want := range c.want {
			o.ROI = ROI{float64(i%c.w*200 + 50), float64(i/c.w*200 + 50), 100, 100}
			if got := fitted(t, pixels(1, 1, 1), o, large); got[0] != want {
				t.Errorf("rotate %d, mirror %v, roi %v: %v, want %v", c.rotate, c.mirror, o.ROI, got, want)
			}
		}
	}
}

func TestLetterbox(t *testing.T) {
	f := Frame{Pix: []byte{10, 20, 30, 40}, Format: GREY, Width: 4, Height: 1, Range: Full}
	spec := pixels(4, 4, 1)
	spec.Quant.ZeroPoint = 7
	spec.Mean = [3]float32{7}
	got := fitted(t, spec, Options{Fit: Letterbox}, f)
	want := []byte{7, 7, 7, 7, 10, 20, 30, 40, 7, 7, 7, 7, 7, 7, 7, 7}
	if string(got) != string(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestQuantization(t *testing.T) {
	ramp := make([]byte, 256)
	for i := range ramp {
		ramp[i] = byte(i)
	}
	f := Frame{Pix: ramp, Format: GREY, Width: 256, Height: 1, Range: Full}
	near := func(mean, std, scale float32, zeroPoint int32, signed bool) TensorSpec {
		return TensorSpec{
			Width: 256, Height: 1, Channels: 1, Signed: signed,
			Quant: quant.Params{Scale: scale, ZeroPoint: zeroPoint}, Mean: [3]float32{mean}, Std: [3]float32{std},
		}
	}
	for _, c := range []struct {
		spec TensorSpec
		want func(pixel float64) float64
	}{
		{near(0, 255, 1.0/255, -128, true), func(p float64) float64 { return p - 128 }},
		{near(127.5, 127.5, 1.0/128, 128, false), func(p float64) float64 { return p }},
		{near(127.5, 127.5, 0.007843137718737125, 127, false), func(p float64) float64 { return p }},
		{near(128, 128, 1.0/128, 128, false), func(p float64) float64 { return p }},
		{near(127.5, 127.5, 0.0078125, 0, true), func(p float64) float64 { return p - 128 }},
		{near(100, 50, 0.04, 3, false), func(p float64) float64 { return (p-100)/50/0.04 + 3 }},
		{near(100, 50, 0.01, -5, true), func(p float64) float64 { return (p-100)/50/0.01 - 5 }},
	} {
		got := fitted(t, c.spec, Options{Fit: Stretch}, f)
		lo, hi := 0.0, 255.0
		if c.spec.Signed {
			lo, hi = -128, 127
		}
		for p := range got {
			value := float64(got[p])
			if c.spec.Signed {
				value = float64(int8(got[p]))
			}
			if want := min(max(c.want(float64(p)), lo), hi); math.Abs(value-want) > 0.5001 {
				t.Errorf("%+v: pixel %d is %v, want %v", c.spec, p, value, want)
			}
		}
	}
}

// Every 5th value of each of Y, U and V, the extremes among them. The coefficients are exact to 2^-17, so a result is
// the definition's, rounded, unless that is within 0.01 of a half.
func TestColour(t *testing.T) {
	var got [3]byte
	for _, m := range []Matrix{BT601, BT709} {
		for _, r := range []Range{Limited, Full} {
			fitter, err := NewFitter(pixels(1, 1, 3), Options{Fit: Stretch})
			if err != nil {
				t.Fatal(err)
			}
			f := Frame{Pix: make([]byte, 4), Format: YUYV, Width: 2, Height: 1, Matrix: m, Range: r}
			for i := range 52 * 52 * 52 {
				y, u, v := byte(i/52/52*5), byte(i/52%52*5), byte(i%52*5)
				f.Pix[0], f.Pix[1], f.Pix[2], f.Pix[3] = y, u, y, v
				if err := fitter.Fit(got[:], f); err != nil {
					t.Fatal(err)
				}
				for c, want := range idealRGB(m, r, float64(y), float64(u), float64(v)) {
					if math.Abs(float64(got[c])-want) > 0.51 {
						t.Fatalf("%v, %v, Y U V %d %d %d: %v, want %v of colour %d", m, r, y, u, v, got, want, c)
					}
				}
			}
		}
	}
}

// All is whole-number arithmetic, so these sums hold on every machine. If one changes, so does what networks see.
func TestSameBytesEverywhere(t *testing.T) {
	want := map[Format]uint32{
		MJPEG: 0xe883b98c, YUYV: 0x2ce184b7, UYVY: 0x6c8359b7, NV12: 0x221b4da6, NV21: 0x8ff50e20, YU12: 0xc79c7b81,
		RGB24: 0x6b7a6dd0, BGR24: 0x13ee0024, GREY: 0x678a69ce,
		YVYU: 0x67a3ed1a, VYUY: 0x3c983d82, NV16: 0x7014a117, NV61: 0x68ba4f53, YV12: 0x0bf1dbee, YUV422P: 0xdef17a6e,
		RGBX32: 0xbf38d020, BGRX32: 0xf0a8e219, Y10: 0x573e3cb7, Y12: 0x14bb9829, Y16: 0xfc58b271,
	}
	for _, f := range append([]Format{MJPEG}, rawFormats...) {
		frame := randomFrame(f, 98, 67, 0, 5)
		if f == MJPEG {
			frame.Pix = golden(t, "jpeg/420.jpg")
		}
		sum := crc32.NewIEEE()
		for _, o := range []Options{{}, {Fit: Letterbox, Rotate: 90}, {Fit: Stretch, Mirror: true}, {Fraction: 0.875}} {
			for _, channels := range []int{1, 3} {
				spec := pixels(32, 24, channels)
				spec.Quant.Scale, spec.Std = 0.02, [3]float32{51, 52, 53}
				_, _ = sum.Write(fitted(t, spec, o, frame))
			}
		}
		if sum.Sum32() != want[f] {
			t.Errorf("%v: %#08x, want %#08x", f, sum.Sum32(), want[f])
		}
	}
}

func TestFitErrors(t *testing.T) {
	fitter, err := NewFitter(rgb224, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 224*224*3)
	for _, f := range rawFormats {
		frame := randomFrame(f, 64, 48, 0, 1)
		if err := fitter.Fit(dst, frame); err != nil {
			t.Errorf("%v: %v", f, err)
		}
		frame.Pix = frame.Pix[:len(frame.Pix)-1]
		if err := fitter.Fit(dst, frame); !errors.Is(err, ErrDamaged) {
			t.Errorf("%v, a byte short: %v", f, err)
		}
	}
	for _, f := range []Frame{
		{},
		{Format: YUYV},
		{Format: 77, Width: 4, Height: 4},
		{Format: YUYV, Width: 64, Height: 48, Stride: 127},
		{Format: YUYV, Width: -1, Height: 48},
		{Format: YUYV, Width: 1 << 30, Height: 1 << 30},
		{Format: GREY, Width: 64, Height: 48, Stride: math.MaxInt},
	} {
		if err := fitter.Fit(dst, f); err == nil || errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestFitAllocatesNothing(t *testing.T) {
	frames := map[string]Frame{
		"without tables": {Pix: golden(t, "jpeg/422-no-tables.jpg"), Format: MJPEG},
		"with tables":    {Pix: golden(t, "jpeg/420-restart.jpg"), Format: MJPEG},
	}
	for _, f := range rawFormats {
		frames[f.String()] = randomFrame(f, 64, 48, 0, 1)
	}
	for name, frame := range frames {
		for _, o := range []Options{{}, {Fit: Letterbox, Rotate: 90}} {
			fitter, _ := NewFitter(rgb224, o)
			dst := make([]byte, 224*224*3)
			if n := testing.AllocsPerRun(3, func() {
				if err := fitter.Fit(dst, frame); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations a frame", name, n)
			}
		}
	}
}

// apply and blend against sums written out.
func TestFilterIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		step, at := 1+r.IntN(4), r.IntN(4)
		size, start := 1+r.IntN(60), 0
		n, length := 1+r.IntN(40), 1+r.IntN(size)
		start = r.IntN(size - length + 1)
		all := triangle(n, start, length, 1, size)
		row := make([]byte, at+size*step+7)
		for i := range row {
			row[i] = byte(r.IntN(2) * 255)
		}
		got := make([]byte, n)
		f := windowsOf(all, at, step)
		f.apply(got, row)
		for i, tp := range all {
			sum, weights := uint64(128), uint64(0)
			for j, w := range tp.weights {
				sum += w * uint64(row[at+(tp.first+j)*step])
				weights += w
			}
			if got[i] != byte(sum/256) || weights != 256 {
				t.Fatalf("%d of %d: %d, want %d; weights %v", i, n, got[i], sum/256, tp.weights)
			}
		}
	}
}

func ExampleParseROI() {
	r, err := ParseROI("0.25, 0, 0.5, 1")
	fmt.Println(r, err)
	// Output: 0.25,0,0.5,1 <nil>
}
