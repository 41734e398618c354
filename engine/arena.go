package engine

import "slices"

// The arena holds every activation. A tensor needs its place only from the step that writes it to the last that reads
// it (its live range), so tensors that are never alive together can share a place:
//
//	step     0    1    2    3
//	input    ████
//	conv     ░░░░ ████                    bytes of the arena, from left to right, one row a step:
//	dw            ░░░░ ████               0 |input |conv      |
//	pw                 ░░░░ ████          1 |dw    |conv      |
//	                                      2 |dw    |pw   |
//
// Finding the smallest arena is a packing problem that is hard in general. Placing tensors one by one, the largest
// first, each at the lowest place that is free throughout its live range, gives the least possible for all MobileNets.

// span is a tensor's live range, in steps, both ends included, and its size and place in the arena, in bytes.
type span struct {
	first, last int
	size, at    int
}

// alignment of tensors in the arena: a cache line, which is also the widest vector.
const alignment = 64

// place sets at in each span and returns the size of the arena.
func place(spans []span) int {
	orders := []func(a, b *span) int{
		func(a, b *span) int { return b.size - a.size },
		func(a, b *span) int { return (b.last-b.first)*b.size - (a.last-a.first)*a.size },
		func(a, b *span) int { return a.first - b.first },
	}
	best := -1
	var found []int
	for _, order := range orders {
		size := placeInOrder(spans, order)
		if best < 0 || size < best {
			best = size
			found = found[:0]
			for i := range spans {
				found = append(found, spans[i].at)
			}
		}
	}
	for i := range spans {
		spans[i].at = found[i]
	}
	return max(best, 0)
}

func placeInOrder(spans []span, order func(a, b *span) int) int {
	sorted := make([]*span, len(spans))
	for i := range spans {
		sorted[i] = &spans[i]
	}
	slices.SortStableFunc(sorted, order)
	var placed []*span // by place
	end := 0
	for _, s := range sorted {
		s.at = 0
		for _, p := range placed { // the lowest gap that is large enough
			if p.last < s.first || s.last < p.first {
				continue
			}
			if s.at+s.size <= p.at {
				break
			}
			s.at = max(s.at, p.at+p.size)
		}
		end = max(end, s.at+s.size)
		i, _ := slices.BinarySearchFunc(placed, s, func(a, b *span) int { return a.at - b.at })
		placed = slices.Insert(placed, i, s)
	}
	return end
}

// lowerBound is the largest sum of sizes that are alive at one step.
func lowerBound(spans []span, steps int) int {
	change := make([]int, steps+1)
	for _, s := range spans {
		change[s.first] += s.size
		change[s.last+1] -= s.size
	}
	sum, top := 0, 0
	for _, c := range change {
		sum += c
		top = max(top, sum)
	}
	return top
}
