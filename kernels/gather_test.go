package kernels

import (
	"bytes"
	"testing"
)

func TestPatches(t *testing.T) {
	d := roll(30)
	in, out := newGuarded(t, 1<<15), newGuarded(t, 1<<18)
	for i := range 2000 {
		rows, row, count := d.between(1, 5), d.between(1, 40), d.between(0, 12)
		if i%100 == 0 { // more than one call into assembly may copy
			rows, row, count = 3, d.between(8, 32), 1+(1<<17)/96
		}
		pitch, step := d.between(0, 60), d.between(0, 20)
		size := 0
		if count > 0 {
			size = (count-1)*step + (rows-1)*pitch + row
		}
		m := memory{random: d.Rand}
		src, dst := m.cut(in, size), m.cut(out, count*rows*row+d.IntN(rows*row))
		copy(src, d.activations(size))
		for i := range dst {
			dst[i] = canary
		}
		want := bytes.Repeat([]byte{canary}, len(dst))
		for i := range count * rows * row {
			patch, at := i/(rows*row), i%(rows*row)
			want[i] = src[patch*step+at/row*pitch+at%row]
		}
		patches(dst, src, rows, row, pitch, step)
		if !bytes.Equal(dst, want) {
			t.Fatalf("%d patches of %d×%d, pitch %d, step %d", count, rows, row, pitch, step)
		}
	}
}

func TestGather(t *testing.T) {
	d := roll(31)
	in, out := newGuarded(t, 1<<16), newGuarded(t, 1<<18)
	for range 3000 {
		w := Window{
			InH: d.between(1, 12), InW: d.between(1, 12), OutH: d.between(1, 8), OutW: d.between(1, 8),
			KernelH: d.between(1, 5), KernelW: d.between(1, 5), StrideH: d.between(1, 3), StrideW: d.between(1, 3),
		}
		w.PadTop, w.PadLeft = d.IntN(w.KernelH), d.IntN(w.KernelW)
		depth, zero := d.between(1, 6), byte(d.IntN(256))
		if d.IntN(10) == 0 {
			depth = d.between(100, 400) // more than is padded at a time
		}
		row, first := w.KernelW*depth, d.IntN(w.OutH*w.OutW)
		count := min(d.between(1, w.OutH*w.OutW-first), 1<<17/(w.KernelH*row))
		m := memory{random: d.Rand}
		src, dst := m.cut(in, w.InH*w.InW*depth), m.cut(out, count*w.KernelH*row)
		copy(src, d.activations(len(src)))
		var want []byte
		for p := first; p < first+count; p++ {
			for i := range w.KernelH * w.KernelW {
				y, x := p/w.OutW*w.StrideH-w.PadTop+i/w.KernelW, p%w.OutW*w.StrideW-w.PadLeft+i%w.KernelW
				if y < 0 || y >= w.InH || x < 0 || x >= w.InW {
					want = append(want, bytes.Repeat([]byte{zero}, depth)...)
				} else {
					want = append(want, src[(y*w.InW+x)*depth:][:depth]...)
				}
			}
		}
		if w.Gather(dst, src, depth, zero, first); !bytes.Equal(dst, want) {
			t.Fatalf("%d patches of %+v from %d on, depth %d", count, w, first, depth)
		}
	}
}
