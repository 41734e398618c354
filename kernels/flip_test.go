package kernels

import "testing"

func TestFlip(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 1023, 1024, 1025, 5000} {
		src, dst := make([]byte, n), make([]byte, n+1)
		for i := range src {
			src[i] = byte(i * 7)
		}
		dst[n] = 42
		Flip(dst[:n], src)
		for i := range src {
			if dst[i] != src[i]^0x80 || src[i] != byte(i*7) {
				t.Fatalf("%d bytes: byte %d is %d, of %d", n, i, dst[i], src[i])
			}
		}
		if dst[n] != 42 {
			t.Fatalf("%d bytes: wrote behind the end", n)
		}
		Flip(src, src)
		if string(src) != string(dst[:n]) {
			t.Fatalf("%d bytes: not the same in place", n)
		}
		if allocations := testing.AllocsPerRun(10, func() { Flip(src, src) }); allocations != 0 {
			t.Fatalf("%v allocations", allocations)
		}
	}
}

func BenchmarkFlip(b *testing.B) {
	data := make([]byte, 224*224*3)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		Flip(data, data)
	}
}
