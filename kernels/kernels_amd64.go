//go:build !purego

package kernels

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/gen

// x86 holds what the sets for amd64 differ in.
type x86 struct {
	narrow, wide, wider *pointwiseKernel // panels of up to 16, 32, 48 channels
	chained             *pointwiseKernel // for weights that are small enough; or nil
	sums                func(pixelSums)  // of four pixels or more; nil if widen is used
	addFloat            func(addPart)    // of whole blocks of addBlock elements
	addInteger          func(addPart)    // of whole vectors, or of any number if it is masked
	addBlock            int
	masked              bool              // kernels take any number of channels or elements
	widen               func(widenPixels) // if a step is two channels
	depthwise           depthwiseTable
}

func native() []candidate {
	f := cpu.X86
	hasAVX2 := f.HasAVX2 && f.HasFMA
	return []candidate{
		{avx2.set("avx2"), hasAVX2},
		{avxvnni.set("avx-vnni"), hasAVX2 && f.HasAVXVNNI},
		{
			avx512vnni.set("avx512-vnni"),
			f.HasAVX512F && f.HasAVX512BW && f.HasAVX512DQ && f.HasAVX512VL && f.HasAVX512VNNI,
		},
	}
}

func (s *x86) set(name string) *Set {
	set := Generic()
	set.Name = name
	set.PackPointwise, set.PackDepthwise, set.PackAdd = s.packPointwise, s.packDepthwise, s.packAdd
	set.PackAveragePool, set.PackTable, set.PackMultiply = packAveragePoolAVX2, s.packTable, s.packMultiply
	return set
}

func (s *x86) packPointwise(l PointwiseLayer) *Pointwise {
	k := s.pointwiseKernel(&l)
	packed, ok := k.pack(s, &l)
	if !ok {
		return packGenericPointwise[uint8](l)
	}
	return &Pointwise{Panel: k.width, Rows: k.rows, Scratch: packed.scratch(), By: k.by, run: packed.run}
}

// pointwiseKernel returns the kernels that cost the layer least.
func (s *x86) pointwiseKernel(l *PointwiseLayer) *pointwiseKernel {
	switch {
	case s.chained != nil && s.chained.saves(l):
		return s.chained
	case l.Out <= s.narrow.width:
		return s.narrow
	case l.Out%s.wider.width == 0:
		return s.wider
	default:
		return s.wide
	}
}
