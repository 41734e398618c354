package teach

import (
	"math/rand/v2"
	"testing"
)

// TestDot compares the products of this machine's instructions with those of Go, also of the extremes.
func TestDot(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for length := range 200 {
		a, b := make([]int8, length), make([]int8, length)
		for round := range 4 {
			for i := range a {
				a[i], b[i] = int8(rng.Uint32()), int8(rng.Uint32())
				if round == 3 {
					a[i], b[i] = -128, -128
				}
			}
			want := int32(0)
			for i := range a {
				want += int32(a[i]) * int32(b[i])
			}
			if got := dot8(a, b); got != want {
				t.Fatalf("length %d: %d, want %d", length, got, want)
			}
			if got := dot8Generic(a, b); got != want {
				t.Fatalf("length %d, Go: %d, want %d", length, got, want)
			}
		}
	}
}
