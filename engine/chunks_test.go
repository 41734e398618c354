package engine

import (
	"fmt"
	"testing"
)

// TestTilesCoverTheProduct counts how often each element of a product is computed, and how much each thread gets.
func TestTilesCoverTheProduct(t *testing.T) {
	const panel = 32
	for _, threads := range []int{1, 2, 3, 4, 7} {
		for _, pixels := range []int{1, 7, 48, 49, 196} {
			for _, out := range []int{1, 33, 160, 1001} {
				for _, in := range []int{3, 5000} {
					for _, tile := range []int{0, 7, 12} {
						name := fmt.Sprintf("%d threads, %d×%d×%d in tiles of %d", threads, pixels, in, out, tile)
						checkTiles(t, name, threads, pixels, in, out, tile, panel)
					}
				}
			}
		}
	}
}

func checkTiles(t *testing.T, name string, threads, pixels, in, out, tile, panel int) {
	t.Helper()
	c := compiler{threads: threads}
	done := make([]byte, pixels*out)
	var chunkSize, macs int
	s := c.byTiles(pixels, in, out, tile, panel, func(_, p0, p1, n0, n1 int) {
		if n0%panel != 0 || n1%panel != 0 && n1 != out || p0 >= p1 || n0 >= n1 {
			t.Fatalf("%s: a call for the pixels %d to %d, the channels %d to %d", name, p0, p1, n0, n1)
		}
		for p := p0; p < p1; p++ {
			for n := n0; n < n1; n++ {
				done[p*out+n]++
			}
		}
		rows := max(tile, 1) // those of the last tile cost as much as a whole one
		chunkSize += (p1 - p0 + rows - 1) / rows * rows * (n1 - n0)
		macs += (p1 - p0) * (n1 - n0) * in
	})
	shares := make([]int, threads)
	for chunk := range s.chunks {
		chunkSize, macs = 0, 0
		s.run(0, chunk)
		if s.chunks >= threads {
			shares[chunk*threads/s.chunks] += chunkSize
		}
		if least := 2 * max(tile, 1) * panel; macs > 3*max(chunkMACs, least*in) {
			t.Errorf("%s: chunk %d of %d has %d MACs", name, chunk, s.chunks, macs)
		}
	}
	for i, n := range done {
		if n != 1 {
			t.Fatalf("%s: pixel %d, channel %d is computed %d times", name, i/out, i%out, n)
		}
	}
	if rows := max(tile, 1); pixels >= threads*rows && s.chunks >= threads {
		for of, size := range shares {
			if fair := (pixels + rows - 1) / rows * rows * out / threads; size > fair*9/8+rows*panel {
				t.Errorf("%s: thread %d gets %d elements, %d would be fair", name, of, size, fair)
			}
		}
	}
}

// TestSharesAreTakenOnce lets an owner and a thief take turns.
func TestSharesAreTakenOnce(t *testing.T) {
	var s share
	for round := uint32(1); round < 1<<24+2; round = round*5 + 1 {
		taken := map[int]int{}
		for k := 0; ; k++ {
			chunk := s.take(round, 10, 20, k%3 == 0)
			if chunk < 0 {
				break
			}
			taken[chunk]++
		}
		for chunk := 10; chunk < 20; chunk++ {
			if taken[chunk] != 1 || len(taken) != 10 {
				t.Fatalf("round %d: taken %v", round, taken)
			}
		}
	}
}
