//go:build !purego

package kernels

import "testing"

// x86Sets are the sets for amd64, whether this machine can run them or not.
var x86Sets = map[string]*x86{"avx2": &avx2, "avx-vnni": &avxvnni, "avx512-vnni": &avx512vnni}

// TestDepthwiseCalls finds the largest call into assembly, and that all calls together compute the layer: for the layers
// of MobileNets, and for wide inputs. Kernels aren't run, but replaced.
func TestDepthwiseCalls(t *testing.T) {
	type shape struct{ width, channels, kernel, stride int }
	var shapes []shape
	layers := networkV2()
	for _, alpha := range []float64{0.25, 0.5, 0.75, 1, 1.4} {
		for resolution := 96; resolution <= 224; resolution += 32 {
			layers = append(layers, networkV1(alpha, resolution)...)
		}
	}
	for _, l := range layers {
		if l.kernel == 3 {
			shapes = append(shapes, shape{l.size * l.stride, l.in, l.kernel, l.stride})
		}
	}
	for _, kernel := range []int{3, 5} {
		for _, stride := range []int{1, 2} {
			for _, width := range []int{2048, 1 << 16} {
				for _, channels := range []int{1, 3, 8, 70} {
					shapes = append(shapes, shape{width, channels, kernel, stride})
				}
			}
			shapes = append(shapes, shape{2048, 1024, kernel, stride}, shape{7, 1 << 15, kernel, stride})
		}
	}
	d := roll(20)
	for name, s := range x86Sets {
		largest := 0
		for _, l := range shapes {
			a := d.depthwise(1, l.width, l.channels, 1, l.kernel, l.kernel, l.stride, l.stride)
			usual(&a)
			packed, ok := s.depthwise.pack(&a.DepthwiseLayer)
			if !ok {
				t.Fatalf("%s: %v isn't computed by a kernel", name, &a)
			}
			runs := packed.runs
			macs, want := 0, 0
			for i := range runs {
				width := runs[i].kind.width
				want += runs[i].blocks * width * a.OutW * l.kernel * l.kernel
				runs[i].kernel = func(r depthwiseRow) {
					call := r.blocks * width * r.outputs * l.kernel * l.kernel
					macs += call
					largest = max(largest, call)
				}
			}
			packed.run(DepthwiseCall{Src: a.Src, Dst: a.Dst, Scratch: make([]byte, packed.scratch()), Y1: 1})
			if macs != want {
				t.Errorf("%s: %v: calls compute %d MACs, want %d", name, &a, macs, want)
			}
		}
		t.Logf("%s: largest call: %d MACs", name, largest)
		if largest > 1<<19 { // 0.5 ms at 1 GMAC/s
			t.Errorf("%s: a call computes %d MACs", name, largest)
		}
	}
}

// usual makes multipliers such that requantization fits.
func usual(a *depthwiseCase) {
	for i := range a.Multipliers {
		a.Multipliers[i].Shift = -6
	}
}

// TestDepthwiseByKernels checks that kernels compute the odd cases too: few channels, weights of u8 networks with the
// largest distance from their zero point.
func TestDepthwiseByKernels(t *testing.T) {
	d := roll(21)
	for name, s := range x86Sets {
		for _, kernel := range []int{3, 5} {
			for _, stride := range []int{1, 2} {
				for channels := 1; channels <= 9; channels++ {
					a := d.depthwise(4, 9, channels, 1, kernel, kernel, stride, stride)
					a.WeightZero, a.Weights[0] = -128, 127 // 0 and 255 as u8
					usual(&a)
					if _, ok := s.depthwise.pack(&a.DepthwiseLayer); !ok {
						t.Errorf("%s: %v isn't computed by a kernel", name, &a)
					}
				}
			}
		}
	}
}

// TestPointwiseCalls finds the largest call into assembly of pointwise layers: a block of pixels for one panel.
func TestPointwiseCalls(t *testing.T) {
	d := roll(22)
	shapes := [][2]int{{27, 32}, {1280, 1001}, {4096, 1000}, {8192, 2048}}
	for _, l := range append(networkV2(), networkV1(1.4, 224)...) {
		if l.kernel == 1 {
			shapes = append(shapes, [2]int{l.in, l.out})
		}
	}
	for name, s := range x86Sets {
		largest := 0
		for _, shape := range shapes {
			a := d.pointwise(1, shape[0], shape[1])
			for i := range a.Multipliers {
				a.Multipliers[i].Shift = -8
			}
			layer, ok := s.pointwiseKernel(&a.PointwiseLayer).pack(s, &a.PointwiseLayer)
			if !ok {
				t.Fatalf("%s: %v isn't computed by a kernel", name, &a)
			}
			largest = max(largest, layer.block*layer.steps*layer.taps*layer.width)
		}
		t.Logf("%s: largest call: %d MACs", name, largest)
		if largest > 12<<20 { // 0.2 ms at 60 GMAC/s, AVX2's
			t.Errorf("%s: a call computes %d MACs", name, largest)
		}
	}
}
