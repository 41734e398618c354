// Package naive computes the layers of a quantized network straight from their definitions: one loop a dimension, int64
// everywhere, whole tensors, no care for speed. It is the truth that the kernels are tested against and shares no code
// with them. For tests only.
//
// Tensors are []int32 in NHWC order for one image; what a value stands for (int8, uint8) is the caller's business.
package naive

import "fmt"

// Requantize returns acc · mantissa · 2^(shift−31), rounded as TensorFlow Lite's reference kernels round: first the
// product divided by 2^31 to the nearest integer, halves up; then that divided by 2^−shift to the nearest, halves away
// from zero.
func Requantize(acc int64, mantissa, shift int32) int64 {
	if shift > 0 {
		acc <<= shift
	}
	if acc != int64(int32(acc)) {
		panic(fmt.Sprintf("naive: accumulator %d doesn't fit 32 bits", acc))
	}
	high := floorDivide(acc*int64(mantissa)+1<<30, 1<<31)
	if shift >= 0 {
		return high
	}
	divisor := int64(1) << -shift
	if high < 0 {
		return -floorDivide(-high+divisor/2, divisor)
	}
	return floorDivide(high+divisor/2, divisor)
}

// RequantizeOnce returns acc · mantissa · 2^(shift−31) to the nearest integer, halves up, as the reference's fully
// connected layers do.
func RequantizeOnce(acc int64, mantissa, shift int32) int64 {
	divisor := int64(1) << (31 - shift)
	return floorDivide(acc*int64(mantissa)+divisor/2, divisor)
}

// floorDivide returns a/b rounded down; b > 0.
func floorDivide(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func clamp(x int64, lo, hi int32) int32 { return int32(min(max(x, int64(lo)), int64(hi))) }

// Requant says how an accumulator of output channel n becomes an activation.
type Requant struct {
	Mantissa, Shift []int32 // one for each output channel
	Zero, Lo, Hi    int32
	Once            bool // RequantizeOnce
}

func (r *Requant) apply(n int, acc int64) int32 {
	if r.Once {
		return clamp(int64(r.Zero)+RequantizeOnce(acc, r.Mantissa[n], r.Shift[n]), r.Lo, r.Hi)
	}
	return clamp(int64(r.Zero)+Requantize(acc, r.Mantissa[n], r.Shift[n]), r.Lo, r.Hi)
}

// Window says where the kernel of a convolution or a pooling looks.
type Window struct {
	InH, InW, OutH, OutW int
	KernelH, KernelW     int
	StrideH, StrideW     int
	PadTop, PadLeft      int
}

// at returns the input pixel under tap (i, j) of the output pixel (y, x), false if it lies in the padding.
func (w *Window) at(y, x, i, j int) (pixel int, inside bool) {
	row, column := y*w.StrideH+i-w.PadTop, x*w.StrideW+j-w.PadLeft
	return row*w.InW + column, row >= 0 && row < w.InH && column >= 0 && column < w.InW
}

// Conv is a convolution whose channels fall into Groups: 1 for a full one, In for a depthwise one. Output channel n
// sees the input channels of group n / (Out/Groups).
type Conv struct {
	Window
	In, Out, Groups     int
	SrcZero, WeightZero int32
	Requant
}

// Run returns the output for src [InH][InW][In], weights [Out][KernelH][KernelW][In/Groups] and bias [Out].
func (c *Conv) Run(src, weights, bias []int32) []int32 {
	dst := make([]int32, c.OutH*c.OutW*c.Out)
	depth := c.In / c.Groups
	for y := range c.OutH {
		for x := range c.OutW {
			for n := range c.Out {
				group := n / (c.Out / c.Groups)
				acc := int64(bias[n])
				for i := range c.KernelH {
					for j := range c.KernelW {
						pixel, inside := c.at(y, x, i, j)
						if !inside {
							continue
						}
						for k := range depth {
							s := int64(src[pixel*c.In+group*depth+k]) - int64(c.SrcZero)
							w := int64(weights[((n*c.KernelH+i)*c.KernelW+j)*depth+k]) - int64(c.WeightZero)
							acc += s * w
						}
					}
				}
				dst[(y*c.OutW+x)*c.Out+n] = c.apply(n, acc)
			}
		}
	}
	return dst
}

// Add is an elementwise addition: both inputs are brought to 2^20 steps of a common scale, summed, and requantized.
type Add struct {
	AZero, BZero                         int32
	AMantissa, AShift, BMantissa, BShift int32
	Mantissa, Shift                      int32
	Zero, Lo, Hi                         int32
}

// Run returns the sum of a and b.
func (s *Add) Run(a, b []int32) []int32 {
	dst := make([]int32, len(a))
	for i := range dst {
		sum := Requantize((int64(a[i])-int64(s.AZero))<<20, s.AMantissa, s.AShift) +
			Requantize((int64(b[i])-int64(s.BZero))<<20, s.BMantissa, s.BShift)
		dst[i] = clamp(int64(s.Zero)+Requantize(sum, s.Mantissa, s.Shift), s.Lo, s.Hi)
	}
	return dst
}

// Multiply is an elementwise product, requantized.
type Multiply struct {
	AZero, BZero, Mantissa, Shift int32
	Zero, Lo, Hi                  int32
}

// Run returns the product of a and b, which repeats.
func (m *Multiply) Run(a, b []int32) []int32 {
	dst := make([]int32, len(a))
	for i := range dst {
		product := (int64(a[i]) - int64(m.AZero)) * (int64(b[i%len(b)]) - int64(m.BZero))
		dst[i] = clamp(int64(m.Zero)+Requantize(product, m.Mantissa, m.Shift), m.Lo, m.Hi)
	}
	return dst
}

// Pool is a pooling over a window; what is in the padding doesn't count.
type Pool struct {
	Window
	Depth  int
	Lo, Hi int32
}

// Average returns the means of src [InH][InW][Depth], rounded to nearest, halves away from zero.
func (p *Pool) Average(src []int32) []int32 {
	return p.run(src, func(values []int32) int64 {
		sum, count := int64(0), int64(len(values))
		for _, v := range values {
			sum += int64(v)
		}
		if sum < 0 {
			return -((-sum + count/2) / count)
		}
		return (sum + count/2) / count
	})
}

// Max returns the largest values.
func (p *Pool) Max(src []int32) []int32 {
	return p.run(src, func(values []int32) int64 {
		top := values[0]
		for _, v := range values {
			top = max(top, v)
		}
		return int64(top)
	})
}

func (p *Pool) run(src []int32, reduce func([]int32) int64) []int32 {
	dst := make([]int32, p.OutH*p.OutW*p.Depth)
	var values []int32
	for y := range p.OutH {
		for x := range p.OutW {
			for c := range p.Depth {
				values = values[:0]
				for i := range p.KernelH {
					for j := range p.KernelW {
						if pixel, inside := p.at(y, x, i, j); inside {
							values = append(values, src[pixel*p.Depth+c])
						}
					}
				}
				dst[(y*p.OutW+x)*p.Depth+c] = clamp(reduce(values), p.Lo, p.Hi)
			}
		}
	}
	return dst
}
