package kernels

import "slices"

// activation is what a byte of an activation stands for.
type activation interface{ int8 | uint8 }

// Generic is the set written in Go, for any machine.
func Generic() *Set { return generic[uint8]("generic", false) }

func generic[T activation](name string, signed bool) *Set {
	return &Set{
		Name: name, Signed: signed,
		PackPointwise:   packGenericPointwise[T],
		PackDepthwise:   packGenericDepthwise[T],
		PackAdd:         packGenericAdd[T],
		PackAveragePool: packGenericAveragePool[T],
		PackMaxPool:     packGenericMaxPool[T],
		PackTable:       packGenericTable,
		PackMultiply:    packGenericMultiply[T],
	}
}

func (r *Requant) apply(n int, acc int32) byte {
	if r.Once {
		return byte(min(max(r.Zero+r.Multipliers[n].ApplyOnce(acc), r.Lo), r.Hi))
	}
	return byte(min(max(r.Zero+r.Multipliers[n].Apply(acc), r.Lo), r.Hi))
}

// genericPointwise is a pointwise layer; weights are a copy, and Bias has what the activations' zero point adds.
type genericPointwise[T activation] struct{ PointwiseLayer }

func packGenericPointwise[T activation](l PointwiseLayer) *Pointwise {
	bias := make([]int32, l.Out)
	// Σ (s − zs)(w − zw) = Σ s·w − zw·Σ s − zs·Σ (w − zw): the last sum is known now.
	for n := range bias {
		sum := int32(0)
		for _, w := range l.Weights[n*l.In:][:l.In] {
			sum += int32(w) - l.WeightZero
		}
		bias[n] = l.Bias[n] - l.SrcZero*sum
	}
	l.Weights, l.Bias = slices.Clone(l.Weights), bias
	return &Pointwise{Panel: 4, run: (&genericPointwise[T]{l}).run}
}

func (l *genericPointwise[T]) run(c PointwiseCall) {
	for p := c.P0; p < c.P1; p++ {
		src := c.Src[p*l.SrcStride:][:l.In]
		dst := c.Dst[p*l.DstStride:][:l.Out]
		sum := int32(0)
		if l.WeightZero != 0 {
			for _, s := range src {
				sum += int32(T(s))
			}
			sum *= l.WeightZero
		}
		n := c.N0
		for ; n+4 <= c.N1; n += 4 { // four channels share each load of an activation
			w0 := l.Weights[n*l.In:][:len(src)]
			w1 := l.Weights[(n+1)*l.In:][:len(src)]
			w2 := l.Weights[(n+2)*l.In:][:len(src)]
			w3 := l.Weights[(n+3)*l.In:][:len(src)]
			acc0, acc1, acc2, acc3 := l.Bias[n]-sum, l.Bias[n+1]-sum, l.Bias[n+2]-sum, l.Bias[n+3]-sum
			for k, b := range src {
				s := int32(T(b))
				acc0 += s * int32(w0[k])
				acc1 += s * int32(w1[k])
				acc2 += s * int32(w2[k])
				acc3 += s * int32(w3[k])
			}
			dst[n] = l.apply(n, acc0)
			dst[n+1] = l.apply(n+1, acc1)
			dst[n+2] = l.apply(n+2, acc2)
			dst[n+3] = l.apply(n+3, acc3)
		}
		for ; n < c.N1; n++ {
			acc := l.Bias[n] - sum
			w := l.Weights[n*l.In:][:len(src)]
			for k, b := range src {
				acc += int32(T(b)) * int32(w[k])
			}
			dst[n] = l.apply(n, acc)
		}
	}
}

type genericDepthwise[T activation] struct{ DepthwiseLayer }

func packGenericDepthwise[T activation](l DepthwiseLayer) *Depthwise {
	l.Weights = slices.Clone(l.Weights)
	return &Depthwise{run: (&genericDepthwise[T]{l}).run}
}

func (l *genericDepthwise[T]) run(c DepthwiseCall) {
	out := l.In * l.Multiplier
	for y := c.Y0; y < c.Y1; y++ {
		for x := range l.OutW {
			dst := c.Dst[((y-c.DstY)*l.OutW+x)*out:][:out]
			top, left := y*l.StrideH-l.PadTop, x*l.StrideW-l.PadLeft
			i0, i1 := inside(top, l.KernelH, l.InH)
			j0, j1 := inside(left, l.KernelW, l.InW)
			for n := range dst {
				acc := l.Bias[n]
				from := n / l.Multiplier
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						s := int32(T(c.Src[((i-c.SrcY)*l.InW+j)*l.In+from])) - l.SrcZero
						w := int32(l.Weights[((i-top)*l.KernelW+j-left)*out+n]) - l.WeightZero
						acc += s * w
					}
				}
				dst[n] = l.apply(n, acc)
			}
		}
	}
}

func packGenericAdd[T activation](l AddLayer) *Add {
	return &Add{func(c AddCall) { genericAdd[T](&l, c) }}
}

func genericAdd[T activation](l *AddLayer, c AddCall) {
	b, dst := c.B[:len(c.A)], c.Dst[:len(c.A)]
	for i, a := range c.A {
		sum := l.AMul.Apply((int32(T(a))-l.AZero)<<AddShift) + l.BMul.Apply((int32(T(b[i]))-l.BZero)<<AddShift)
		dst[i] = byte(min(max(l.Zero+l.Mul.Apply(sum), l.Lo), l.Hi))
	}
}

func packGenericAveragePool[T activation](l PoolLayer) *Pool {
	return &Pool{func(c PoolCall) {
		l.eachWindow(c, func(dst []byte, i0, i1, j0, j1 int) {
			count := int32((i1 - i0) * (j1 - j0))
			for n := range dst {
				sum := int32(0)
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						sum += int32(T(c.Src[(i*l.InW+j)*l.Depth+n])) - l.Origin
					}
				}
				dst[n] = l.mean(sum, count)
			}
		})
	}}
}

func packGenericMaxPool[T activation](l PoolLayer) *Pool {
	return &Pool{func(c PoolCall) {
		l.eachWindow(c, func(dst []byte, i0, i1, j0, j1 int) {
			for n := range dst {
				top := l.Lo
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						top = max(top, int32(T(c.Src[(i*l.InW+j)*l.Depth+n])))
					}
				}
				dst[n] = byte(min(top, l.Hi))
			}
		})
	}}
}

// eachWindow calls f for each output pixel of a part with the pixels of the input that its window covers: rows [i0, i1),
// columns [j0, j1).
func (l *PoolLayer) eachWindow(c PoolCall, f func(dst []byte, i0, i1, j0, j1 int)) {
	for y := c.Y0; y < c.Y1; y++ {
		i0, i1 := inside(y*l.StrideH-l.PadTop, l.KernelH, l.InH)
		for x := range l.OutW {
			j0, j1 := inside(x*l.StrideW-l.PadLeft, l.KernelW, l.InW)
			f(c.Dst[(y*l.OutW+x)*l.Depth:][:l.Depth], i0, i1, j0, j1)
		}
	}
}

// mean is a window's average: sum is of its activations, less Origin each.
func (l *PoolLayer) mean(sum, count int32) byte {
	half := count / 2
	if sum < 0 {
		half = -half
	}
	return byte(min(max((sum+half)/count+l.Origin, l.Lo), l.Hi))
}

func packGenericTable(table *[256]byte) *Table {
	t := *table
	return &Table{func(c TableCall) { genericTable(&t, c) }}
}

func genericTable(table *[256]byte, c TableCall) {
	dst := c.Dst[:len(c.Src)]
	for i, b := range c.Src {
		dst[i] = table[b]
	}
}

func packGenericMultiply[T activation](l MultiplyLayer) *Multiply {
	return &Multiply{func(c MultiplyCall) {
		for at := 0; at < len(c.A); at += len(c.B) {
			a, dst := c.A[at:][:len(c.B)], c.Dst[at:][:len(c.B)]
			for i, b := range c.B {
				product := (int32(T(a[i])) - l.AZero) * (int32(T(b)) - l.BZero)
				dst[i] = byte(min(max(l.Zero+l.Mul.Apply(product), l.Lo), l.Hi))
			}
		}
	}}
}

// inside returns the part [from, to) of the window [at, at+kernel) that lies inside of [0, size).
func inside(at, kernel, size int) (from, to int) {
	return max(at, 0), min(at+kernel, size)
}

// GenericSigned is Generic for int8 activations.
func GenericSigned() *Set { return generic[int8]("generic-signed", true) }
