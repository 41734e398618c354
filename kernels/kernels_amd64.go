//go:build !purego

package kernels

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/gen

// x86 is what the sets for amd64 differ in.
type x86 struct {
	narrow, wide, wider *pointwiseKernel // panels of up to 16, 32, 48 channels
	chained             *pointwiseKernel // for weights that are small enough; or nil
	sums                func(pixelSums)  // of four pixels or more; nil where widen is used
	addFloat            func(addPart)    // of whole blocks of addBlock elements
	addInteger          func(addPart)    // of whole vectors, or of any number where it is masked
	addBlock            int
	masked              bool              // kernels take any number of channels or elements
	widen               func(widenPixels) // where a step is two channels
	depthwise           depthwiseTable
}

type nativePacked struct {
	pointwise pointwiseLayer
	depthwise depthwiseLayer
}

func native() []*Set {
	var sets []*Set
	f := cpu.X86
	if f.HasAVX2 && f.HasFMA {
		sets = append(sets, avx2.set("avx2"))
	}
	if f.HasAVX2 && f.HasFMA && f.HasAVXVNNI {
		sets = append(sets, avxVNNI.set("avx-vnni"))
	}
	if f.HasAVX512F && f.HasAVX512BW && f.HasAVX512DQ && f.HasAVX512VL && f.HasAVX512VNNI {
		sets = append(sets, avx512.set("avx512-vnni"))
	}
	return sets
}

func (s *x86) set(name string) *Set {
	set := Generic()
	set.Name = name
	set.PreparePointwise, set.Pointwise = s.preparePointwise, s.pointwise
	set.PrepareDepthwise, set.Depthwise = s.prepareDepthwise, s.runDepthwise
	set.PrepareAdd, set.Add = s.prepareAdd, s.runAdd
	set.AveragePool = averagePoolAVX2
	return set
}

func (s *x86) preparePointwise(a *PointwiseArgs) {
	switch {
	case s.chained != nil && s.chained.saves(a):
		s.chained.prepare(a)
	case a.Out <= s.narrow.width:
		s.narrow.prepare(a)
	case a.Out%s.wider.width == 0:
		s.wider.prepare(a)
	default:
		s.wide.prepare(a)
	}
}
