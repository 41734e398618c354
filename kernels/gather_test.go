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
