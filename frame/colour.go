package frame

import "math"

// Colour is fixed-point arithmetic with 16 bits after the point, and every result goes through one table a channel,
// which clamps to 0…255 and quantizes at once: colours beyond the range have entries too.
//
//	entry   0 … bias−1   bias … bias+255    … 1023
//	pixel   0            0 … 255            255
const (
	pointBits = 16
	bias      = 384 // limited range yields −289 … 547
)

type lookup [1024]byte

func (l *lookup) at(fixed int32) byte { return l[uint32(fixed)>>pointBits%uint32(len(l))] }

// matrix turns Y, U and V into red, green and blue, with the bias added, ready to be rounded down.
type matrix struct {
	y, rv, gu, gv, bu int32
	y0, r0, g0, b0    int32 // to start from: for luma alone, red, green and blue
}

// weightsOf returns what part of luma red and blue make, in 1/10000. (ITU-R BT.601-7, section 2.5.1; BT.709-6, item
// 3.2.)
func weightsOf(m Matrix) (red, blue int64) {
	if m == BT709 {
		return 2126, 722
	}
	return 2990, 1140
}

// matrixOf returns the inverse of Y = Kr·R + Kg·G + Kb·B, U = (B − Y) / (2 − 2·Kb), V = (R − Y) / (2 − 2·Kr), where Y
// is black at 16 and white at 235 and U, V reach from 16 to 240, or all of them from 0 to 255.
func matrixOf(m Matrix, r Range) matrix {
	kr, kb := weightsOf(m)
	kg := 10000 - kr - kb
	ySteps, uvSteps, black := int64(255), int64(255), int32(0)
	if r == Limited {
		ySteps, uvSteps, black = 219, 224, 16
	}
	const one = 1 << pointBits
	c := matrix{
		y:  ratio(255*one, ySteps),
		rv: ratio(255*one*2*(10000-kr), uvSteps*10000),
		bu: ratio(255*one*2*(10000-kb), uvSteps*10000),
		gv: -ratio(255*one*2*(10000-kr)*kr, uvSteps*10000*kg),
		gu: -ratio(255*one*2*(10000-kb)*kb, uvSteps*10000*kg),
	}
	c.y0 = bias*one + one/2 - c.y*black
	c.r0 = c.y0 - 128*c.rv
	c.g0 = c.y0 - 128*(c.gu+c.gv)
	c.b0 = c.y0 - 128*c.bu
	return c
}

// ratio returns a/b rounded to nearest, for positive a and b.
func ratio(a, b int64) int32 { return int32((a + b/2) / b) }

// palette turns samples into values of the tensor.
type palette struct {
	kind     kind // of the samples
	channels int  // of the tensor
	matrix   matrix
	rgb      [3]lookup    // for red, green and blue as the matrix makes them
	tone     [3][256]byte // for samples that need no matrix: red, green and blue, or luma for all three
}

func newPalette(spec TensorSpec, k kind, m Matrix, r Range) *palette {
	p := &palette{kind: k, channels: spec.Channels, matrix: matrixOf(m, r)}
	for c := range spec.Channels {
		quantized := quantizedPixels(spec, c)
		for i := range p.rgb[c] {
			p.rgb[c][i] = quantized[min(max(i-bias, 0), 255)]
		}
		for i := range p.tone[c] {
			if k == rgb {
				p.tone[c][i] = quantized[i]
			} else {
				p.tone[c][i] = p.rgb[c].at(p.matrix.y*int32(i) + p.matrix.y0)
			}
		}
	}
	return p
}

// quantizedPixels returns the tensor's value for each value of channel c of a pixel.
//
// Models that take the pixel itself, shifted by 128 if they are signed, often state a normalization and a quantization
// that are only nearly each other's inverse: (pixel − 127.5) / 127.5 with a scale of 1/128 and zero point 128. If the
// two are within one step of cancelling out for all pixels, they are taken to cancel out.
func quantizedPixels(spec TensorSpec, c int) [256]byte {
	lo, hi := int32(0), int32(255)
	if spec.Signed {
		lo, hi = -128, 127
	}
	var q [256]byte
	itself := true
	for pixel := range q {
		real := (float32(pixel) - spec.Mean[c]) / spec.Std[c]
		q[pixel] = byte(spec.Quant.Quantize(real, lo, hi))
		exact := float64(real)/float64(spec.Quant.Scale) + float64(spec.Quant.ZeroPoint)
		itself = itself && math.Abs(exact-float64(int32(pixel)+lo)) < 1.01
	}
	if itself {
		for pixel := range q {
			q[pixel] = byte(int32(pixel) + lo)
		}
	}
	return q
}

// row writes a row of pixels to dst, the first at at, the others each step further.
func (p *palette) row(dst []byte, at, step int, parts []part) {
	a := parts[0].samples
	b, c := a, a
	if p.kind != luma {
		b, c = parts[1].samples, parts[2].samples
	}
	switch {
	case p.channels == 3 && p.kind == yuv:
		p.paintYUV(dst, at, step, a, b, c)
	case p.channels == 3:
		p.paintTones(dst, at, step, a, b, c)
	case p.kind == rgb:
		p.paintLumaOf(dst, at, step, a, b, c)
	default:
		p.paintLuma(dst, at, step, a)
	}
}

func (p *palette) paintYUV(dst []byte, at, step int, ys, us, vs []byte) {
	m := p.matrix
	us, vs = us[:len(ys)], vs[:len(ys)]
	for i, luma := range ys {
		y, u, v := m.y*int32(luma), int32(us[i]), int32(vs[i])
		pixel := dst[at:][:3]
		pixel[0] = p.rgb[0].at(y + m.rv*v + m.r0)
		pixel[1] = p.rgb[1].at(y + m.gu*u + m.gv*v + m.g0)
		pixel[2] = p.rgb[2].at(y + m.bu*u + m.b0)
		at += step
	}
}

func (p *palette) paintTones(dst []byte, at, step int, rs, gs, bs []byte) {
	gs, bs = gs[:len(rs)], bs[:len(rs)]
	for i, r := range rs {
		pixel := dst[at:][:3]
		pixel[0] = p.tone[0][r]
		pixel[1] = p.tone[1][gs[i]]
		pixel[2] = p.tone[2][bs[i]]
		at += step
	}
}

func (p *palette) paintLuma(dst []byte, at, step int, ys []byte) {
	for _, y := range ys {
		dst[at] = p.tone[0][y]
		at += step
	}
}

// paintLumaOf turns red, green and blue into luma with the weights of BT.601, as other programs do.
func (p *palette) paintLumaOf(dst []byte, at, step int, rs, gs, bs []byte) {
	const r16, g16, b16 = 19595, 38470, 7471 // 0.299, 0.587, 0.114; together 1
	gs, bs = gs[:len(rs)], bs[:len(rs)]
	for i, r := range rs {
		dst[at] = p.tone[0][(r16*uint32(r)+g16*uint32(gs[i])+b16*uint32(bs[i])+1<<15)>>16]
		at += step
	}
}
