package kernels

// activation is what a byte of an activation stands for.
type activation interface{ int8 | uint8 }

// Generic is the set written in Go, for any machine.
func Generic() *Set { return generic[uint8]("generic", false) }

func generic[T activation](name string, signed bool) *Set {
	return &Set{
		Name: name, Signed: signed,
		PreparePointwise: prepareGenericPointwise, Pointwise: genericPointwise[T],
		PrepareDepthwise: prepareGenericDepthwise, Depthwise: genericDepthwise[T],
		PrepareAdd: func(a *AddArgs) { a.nativeSum = nativeSum{} }, Add: genericAdd[T],
		AveragePool: genericAveragePool[T],
		MaxPool:     genericMaxPool[T],
	}
}

func (r *Requant) apply(n int, acc int32) byte {
	if r.Once {
		return byte(min(max(r.Zero+r.Multipliers[n].ApplyOnce(acc), r.Lo), r.Hi))
	}
	return byte(min(max(r.Zero+r.Multipliers[n].Apply(acc), r.Lo), r.Hi))
}

func prepareGenericPointwise(a *PointwiseArgs) {
	a.Panel = 4
	a.Scratch = 0
	a.bias = make([]int32, a.Out)
	// Σ (s − zs)(w − zw) = Σ s·w − zw·Σ s − zs·Σ (w − zw): the last sum is known now.
	for n := range a.Out {
		sum := int32(0)
		for _, w := range a.Weights[n*a.In : (n+1)*a.In] {
			sum += int32(w) - a.WeightZero
		}
		a.bias[n] = a.Bias[n] - a.SrcZero*sum
	}
	a.weights = make([]byte, len(a.Weights))
	for i, w := range a.Weights {
		a.weights[i] = byte(w)
	}
}

func genericPointwise[T activation](a *PointwiseArgs, _ []byte, p0, p1, n0, n1 int) {
	for p := p0; p < p1; p++ {
		src := a.Src[p*a.SrcStride:][:a.In]
		dst := a.Dst[p*a.DstStride:][:a.Out]
		sum := int32(0)
		if a.WeightZero != 0 {
			for _, s := range src {
				sum += int32(T(s))
			}
			sum *= a.WeightZero
		}
		n := n0
		for ; n+4 <= n1; n += 4 { // four channels share each load of an activation
			w0 := a.weights[n*a.In:][:len(src)]
			w1 := a.weights[(n+1)*a.In:][:len(src)]
			w2 := a.weights[(n+2)*a.In:][:len(src)]
			w3 := a.weights[(n+3)*a.In:][:len(src)]
			acc0, acc1, acc2, acc3 := a.bias[n]-sum, a.bias[n+1]-sum, a.bias[n+2]-sum, a.bias[n+3]-sum
			for k, b := range src {
				s := int32(T(b))
				acc0 += s * int32(int8(w0[k]))
				acc1 += s * int32(int8(w1[k]))
				acc2 += s * int32(int8(w2[k]))
				acc3 += s * int32(int8(w3[k]))
			}
			dst[n] = a.apply(n, acc0)
			dst[n+1] = a.apply(n+1, acc1)
			dst[n+2] = a.apply(n+2, acc2)
			dst[n+3] = a.apply(n+3, acc3)
		}
		for ; n < n1; n++ {
			acc := a.bias[n] - sum
			w := a.weights[n*a.In:][:len(src)]
			for k, b := range src {
				acc += int32(T(b)) * int32(int8(w[k]))
			}
			dst[n] = a.apply(n, acc)
		}
	}
}

func prepareGenericDepthwise(a *DepthwiseArgs) {
	a.Scratch = 0
	a.weights = make([]byte, len(a.Weights))
	for i, w := range a.Weights {
		a.weights[i] = byte(w)
	}
	a.bias = a.Bias
}

func genericDepthwise[T activation](a *DepthwiseArgs, _ []byte, y0, y1 int) {
	out := a.In * a.Multiplier
	for y := y0; y < y1; y++ {
		for x := range a.OutW {
			dst := a.Dst[(y*a.OutW+x)*out:][:out]
			top, left := y*a.StrideH-a.PadTop, x*a.StrideW-a.PadLeft
			i0, i1 := inside(top, a.KernelH, a.InH)
			j0, j1 := inside(left, a.KernelW, a.InW)
			for n := range dst {
				acc := a.bias[n]
				c := n / a.Multiplier
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						s := int32(T(a.Src[(i*a.InW+j)*a.In+c])) - a.SrcZero
						w := int32(int8(a.weights[((i-top)*a.KernelW+j-left)*out+n])) - a.WeightZero
						acc += s * w
					}
				}
				dst[n] = a.apply(n, acc)
			}
		}
	}
}

// AddShift is the precision, in bits, that an addition's inputs are scaled to before they are summed.
const AddShift = 20

func genericAdd[T activation](a *AddArgs, i0, i1 int) {
	x, y, dst := a.A[i0:i1], a.B[i0:i1], a.Dst[i0:i1]
	y, dst = y[:len(x)], dst[:len(x)]
	for i := range x {
		sum := a.AMul.Apply((int32(T(x[i]))-a.AZero)<<AddShift) + a.BMul.Apply((int32(T(y[i]))-a.BZero)<<AddShift)
		dst[i] = byte(min(max(a.Zero+a.Mul.Apply(sum), a.Lo), a.Hi))
	}
}

func genericAveragePool[T activation](a *PoolArgs, y0, y1 int) {
	for y := y0; y < y1; y++ {
		i0, i1 := inside(y*a.StrideH-a.PadTop, a.KernelH, a.InH)
		for x := range a.OutW {
			j0, j1 := inside(x*a.StrideW-a.PadLeft, a.KernelW, a.InW)
			dst := a.Dst[(y*a.OutW+x)*a.Depth:][:a.Depth]
			count := int32((i1 - i0) * (j1 - j0))
			for c := range dst {
				sum := int32(0)
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						sum += int32(T(a.Src[(i*a.InW+j)*a.Depth+c])) - a.Origin
					}
				}
				half := count / 2
				if sum < 0 {
					half = -half
				}
				dst[c] = byte(min(max((sum+half)/count+a.Origin, a.Lo), a.Hi))
			}
		}
	}
}

func genericMaxPool[T activation](a *PoolArgs, y0, y1 int) {
	for y := y0; y < y1; y++ {
		i0, i1 := inside(y*a.StrideH-a.PadTop, a.KernelH, a.InH)
		for x := range a.OutW {
			j0, j1 := inside(x*a.StrideW-a.PadLeft, a.KernelW, a.InW)
			dst := a.Dst[(y*a.OutW+x)*a.Depth:][:a.Depth]
			for c := range dst {
				top := a.Lo
				for i := i0; i < i1; i++ {
					for j := j0; j < j1; j++ {
						top = max(top, int32(T(a.Src[(i*a.InW+j)*a.Depth+c])))
					}
				}
				dst[c] = byte(min(top, a.Hi))
			}
		}
	}
}

// inside returns the part [from, to) of the window [at, at+kernel) that lies inside of [0, size).
func inside(at, kernel, size int) (from, to int) {
	return max(at, 0), min(at+kernel, size)
}

// GenericSigned is Generic for int8 activations.
func GenericSigned() *Set { return generic[int8]("generic-signed", true) }
