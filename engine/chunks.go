package engine

// A step is cut into chunks, for two reasons: threads share them, and none should be so long that the garbage collector
// has to wait for it, as a goroutine can't be interrupted in assembly.
const (
	// chunkMACs is the most that is done in one go: some 10 µs on a desktop, half a millisecond on the slowest board.
	chunkMACs = 1 << 20
	// shareMACs is how much work is worth another thread.
	shareMACs = 1 << 16
	// macsPerByte is what moving a byte costs, in MACs.
	macsPerByte = 8
)

// chunks is the number of equal chunks that work (in MACs) is cut into.
func (c *compiler) chunks(work int) int {
	n := (work + chunkMACs - 1) / chunkMACs
	if c.threads > 1 && work >= shareMACs {
		n = (n + c.threads - 1) / c.threads * c.threads
	}
	return max(n, 1)
}

// split cuts the product of pixels × in and in × out: along the pixels, in whole tiles, and where they are few along the
// output channels, in whole panels: each chunk along the pixels reads all weights again. It returns a chunk's size.
func (c *compiler) split(pixels, out, in, panel, tile int) (rows, columns int) {
	const leastRows = 64
	n := c.chunks(pixels * out * in)
	rows = (pixels + n - 1) / n
	columns = out
	if rows < leastRows {
		down := (pixels + leastRows - 1) / leastRows
		rows = (pixels + down - 1) / down
		across := (n + down - 1) / down
		panels := (out + panel - 1) / panel
		columns = min((panels+across-1)/across*panel, out)
	}
	tile = max(tile, 1)
	return min((rows+tile-1)/tile*tile, pixels), columns
}

// byRows adds a step whose work is cut along its rows.
func (c *compiler) byRows(rows, work int, run func(worker, y0, y1 int)) step {
	n := min(c.chunks(work), rows)
	each := (rows + n - 1) / n
	return step{(rows + each - 1) / each, func(worker, chunk int) {
		run(worker, chunk*each, min((chunk+1)*each, rows))
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
