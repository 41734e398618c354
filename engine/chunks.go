package engine

// A step is cut into chunks, which threads share. A call into assembly keeps the garbage collector waiting; package
// kernels bounds how long that takes.
const (
	// chunkMACs is about the most that one chunk computes: 20 µs on a desktop, a few milliseconds on the slowest board. The
	// other threads wait that long for one that loses its core.
	chunkMACs = 1 << 22
	// shareMACs is how much work is worth another thread.
	shareMACs = 1 << 16
	// macsPerByte is what moving a byte costs, in MACs.
	macsPerByte = 32
)

// chunks returns the number of equal chunks that work (in MACs) is cut into: one, or a multiple of the threads.
func (c *compiler) chunks(work int) int {
	n := (work + chunkMACs - 1) / chunkMACs
	if work >= shareMACs {
		n = c.shared(n)
	}
	return max(n, 1)
}

// shared returns at least n chunks, the same number for each thread, but no more than a team can count.
func (c *compiler) shared(n int) int {
	each := (n + c.threads - 1) / c.threads
	return min(each, maxChunks/c.threads) * c.threads
}

// part is the i-th of n parts of a whole; they differ by at most one.
func part(i, n, whole int) (from, to int) { return i * whole / n, (i + 1) * whole / n }

// dealt returns which of a step's chunks a worker gets. If there is only one, it is the caller's, who is worker 0.
func dealt(worker, threads, chunks int) (first, end int) {
	return (worker*chunks + threads - 1) / threads, ((worker+1)*chunks + threads - 1) / threads
}

// share returns how much of the step's work the worker with most has, if each computes what is dealt to it.
func (s *step) share(threads int) float64 {
	if s.chunks < 2 {
		return 1
	}
	most := 0
	for w := range threads {
		first, end := dealt(w, threads, s.chunks)
		most = max(most, end*s.units/s.chunks-first*s.units/s.chunks)
	}
	return float64(most) / float64(s.units)
}

// byRows adds a step whose work is cut along its rows.
func (c *compiler) byRows(rows, work int, run func(worker, y0, y1 int)) step {
	n := min(c.chunks(work), rows)
	return step{chunks: n, units: rows, run: func(worker, chunk int) {
		y0, y1 := part(chunk, n, rows)
		run(worker, y0, y1)
	}}
}

// byTiles adds a step that computes a product of pixels × in and in × out, in tiles of tile pixels and panels of panel
// output channels. With tile 0, any number of pixels is as good as another.
//
// Each thread gets the pixels that it gets in the steps before and after. Tiles are shared out by the panel, because one
// tile is a large share if there are few. Its share is cut into chunks along the panels first: each chunk reads all the weights of its panels.
//
//	         panel 0 1 2 3
//	tile 0   │ 0 0 1 1 │  chunks 0 and 1: the first of two threads
//	     1   │ 0 0 1 1 │
//	     2   │ 0 0│3 3 │  chunks 2 and 3: the second
//	     3   │ 2 2 3 3 │
//	     4   │ 2 2 3 3 │
func (c *compiler) byTiles(pixels, in, out, tile, panel int, run func(worker, p0, p1, n0, n1 int)) step {
	const (
		leastPixels = 64 // of a chunk, else reading the weights takes longer than using them
		manyTiles   = 16 // of a thread: then whole ones are even enough
	)
	unit := max(tile, 1)
	tiles, panels := (pixels+unit-1)/unit, (out+panel-1)/panel
	block := func(worker, t0, t1, n0, n1 int) {
		if t0 < t1 && n0 < n1 {
			run(worker, t0*unit, min(t1*unit, pixels), n0*panel, min(n1*panel, out))
		}
	}
	n := c.chunks(pixels * in * out)
	if tiles < c.threads { // such as a fully connected layer: threads share the panels
		across := min(n, panels)
		down := min((n+across-1)/across, tiles)
		return step{chunks: across * down, units: panels * down, run: func(worker, chunk int) {
			t0, t1 := part(chunk%down, down, tiles)
			n0, n1 := part(chunk/down, across, panels)
			block(worker, t0, t1, n0, n1)
		}}
	}
	threads := min(c.threads, n)
	n /= threads
	share := tiles / threads
	across := min(n/min(max(share*unit/leastPixels, 1), n), panels)
	down := min((n+across-1)/across, share)
	n = down * across
	units := tiles * panels
	if share >= manyTiles {
		units = tiles
	}
	return step{chunks: threads * n, units: units, run: func(worker, chunk int) {
		of, chunk := chunk/n, chunk%n
		first, end := part(of, threads, tiles*panels)
		if share >= manyTiles {
			first, end = first/panels*panels, end/panels*panels
		}
		top, bottom := (first+panels-1)/panels, end/panels
		t0, t1 := part(chunk/across, down, bottom-top)
		n0, n1 := part(chunk%across, across, panels)
		block(worker, top+t0, top+t1, n0, n1)
		if chunk < across && first < top*panels {
			block(worker, top-1, top, max(n0, first%panels), n1)
		}
		if chunk >= n-across && bottom*panels < end {
			block(worker, bottom, bottom+1, n0, min(n1, end%panels))
		}
	}}
}

// needScratch returns the workers' scratch memory, which will hold at least size bytes each.
func (c *compiler) needScratch(size int) [][]byte {
	if c.workers == nil {
		c.workers = make([][]byte, c.threads)
	}
	c.scratch = max(c.scratch, size)
	return c.workers
}
