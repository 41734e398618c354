package engine

import (
	"fmt"
	"math"
	"slices"
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
	shares, whole := make([]int, threads), 0
	for chunk := range s.chunks {
		chunkSize, macs = 0, 0
		s.run(0, chunk)
		shares[chunk*threads/s.chunks] += chunkSize
		whole += chunkSize
		if least := 2 * max(tile, 1) * panel; macs > 3*max(chunkMACs, least*in) {
			t.Errorf("%s: chunk %d of %d has %d MACs", name, chunk, s.chunks, macs)
		}
	}
	for i, n := range done {
		if n != 1 {
			t.Fatalf("%s: pixel %d, channel %d is computed %d times", name, i/out, i%out, n)
		}
	}
	// Panels and tiles that aren't full make what a thread gets differ from what it counts as.
	if most, told := float64(slices.Max(shares)), s.share(threads)*float64(whole); math.Abs(most-told) > float64(max(tile, 1)*panel) {
		t.Errorf("%s: a thread gets %v of %d elements, %v by its share", name, most, whole, told)
	}
	if rows := max(tile, 1); pixels >= threads*rows && s.chunks >= threads {
		for of, size := range shares {
			if fair := (pixels + rows - 1) / rows * rows * out / threads; size > fair*9/8+rows*panel {
				t.Errorf("%s: thread %d gets %d elements, %d would be fair", name, of, size, fair)
			}
		}
	}
}

// TestShare: seven rows are two for the busiest of four threads; what isn't cut is the caller's.
func TestShare(t *testing.T) {
	c := compiler{threads: 4}
	for _, k := range []struct {
		rows, work int
		want       float64
	}{{7, 1 << 20, 2. / 7}, {8, 1 << 20, 0.25}, {3, 1 << 20, 1. / 3}, {7, 1, 1}, {28, 1 << 27, 0.25}, {1, 1 << 20, 1}} {
		s := c.byRows(k.rows, k.work, nil)
		if got := s.share(4); got != k.want {
			t.Errorf("%d rows, %d MACs: %v, want %v", k.rows, k.work, got, k.want)
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
