package estimate

// Core is a processor core with what it sees of caches and memory.
type Core struct {
	Name    string // as package board calls it
	Kernels string // the kernel set that was modelled
	MHz     int    // of the board that it is known from
	InOrder bool

	Panel                  int     // output channels that the pointwise kernel computes at once
	L1, L2, L3             int     // bytes, all of them: the other cores rest
	L2Stream, L3Stream     float64 // bytes a cycle that one core reads and writes there
	MemoryGBs              float64 // gigabytes a second that one core reads and writes in memory
	costs                  map[string][]float64
	Board, StreamsMeasured string // what the figures are of, and where they come from
}

// Cores are the cores that were modelled.
//
// Sizes of caches: Raspberry Pi's documentation, "Processors". Streams: see each. What isn't measured is assumed, and
// says so.
var Cores = []Core{
	{
		Name: "Cortex-A53", Kernels: "neon", MHz: 1400, InOrder: true, Board: "Pi 3 B+", costs: costsA53,
		Panel: 4, L1: 32 << 10, L2: 512 << 10, L2Stream: 8, MemoryGBs: 2.46,
		StreamsMeasured: "memory: sbc-bench on a Pi 3 B+, memcpy 1230 MB/s, read and written (github.com/ThomasKaiser/sbc-bench, Results.md); " +
			"second level: assumed, half of the 16 bytes a cycle of the interface (Cortex-A53 TRM)",
	},
	{
		Name: "Cortex-A72", Kernels: "neon", MHz: 1500, Board: "Pi 4", costs: costsA72,
		Panel: 4, L1: 32 << 10, L2: 1 << 20, L2Stream: 16, MemoryGBs: 5.5,
		StreamsMeasured: "memory: STREAM's copy on a Pi 4, 5527 MB/s (sci-pi.org.uk/bench/stream.html); second level: assumed",
	},
	{
		Name: "Cortex-A76", Kernels: "neon-dot", MHz: 2400, Board: "Pi 5", costs: costsA76,
		Panel: 8, L1: 64 << 10, L2: 512 << 10, L3: 2 << 20, L2Stream: 29, L3Stream: 14, MemoryGBs: 7.4,
		StreamsMeasured: "caches: ASCT on Graviton2's Neoverse N1, 73.4 and 35.9 GB/s at 2.5 GHz (learn.arm.com, memory-subsystem); " +
			"memory: assumed, the share of its bus's 17.1 GB/s that a Pi 4 reaches of 12.8",
	},
}

// The kernels' blocks of activations: what kernels/pointwise_arm64.go calls blockBytes, blockBytesLarge, weightsLarge.
const (
	block, largeBlock = 16 << 10, 64 << 10
	largeWeights      = 128 << 10
)

// Memory estimates the cycles of moving a layer's bytes between the caches, for a network with resident bytes of
// activations and weights.
//
// Everything that doesn't fit into the first-level cache is read and written in a stream, from where it fits:
//
//	activations   were written by the step before: they are in the last cache that holds this layer's input and output
//	weights       were last used an inference ago: they are in the last cache that holds the whole network
//	again         a pointwise layer reads all weights for each block of activations, and a block that doesn't fit
//	              into the first-level cache for each panel of 4 or 8 outputs; from the cache that holds them by then
func (c *Core) Memory(l Layer, resident int) float64 {
	pixels := l.Size * l.Size
	in, out := l.InPixels*l.In, pixels*l.Out
	switch l.Kind {
	case "conv":
		in = pixels * l.In // patches are gathered in the first-level cache
	case "add":
		in *= 2
	}
	live := in + out
	cycles := 0.0
	if live > c.L1 { // else they are still where the step before wrote them
		cycles += float64(live) / c.stream(live)
	}
	if l.Kind == "depthwise" {
		if rows := l.Window * l.Size * l.Stride * l.In; rows > c.L1 { // a row leaves the cache before it is needed again
			cycles += float64(in*(l.Window-l.Stride)/l.Stride) / c.stream(rows)
		}
		return cycles
	}
	if l.Kind == "add" {
		return cycles
	}
	weights := l.In * l.Out
	cycles += float64(weights) / c.stream(resident)
	size := block
	if weights > largeWeights {
		size = largeBlock
	}
	size = min(size, pixels*l.In)
	blocks := (pixels*l.In + size - 1) / size
	if weights+size > c.L1 {
		cycles += float64((blocks-1)*weights) / c.stream(weights)
	}
	if panels := (l.Out + c.Panel - 1) / c.Panel; size > c.L1 {
		cycles += float64((panels-1)*pixels*l.In) / c.stream(size)
	}
	return cycles
}

// stream returns the bytes a cycle that are read and written of a working set.
func (c *Core) stream(bytes int) float64 {
	switch {
	case bytes <= c.L2:
		return c.L2Stream
	case bytes <= c.L2+c.L3:
		return c.L3Stream
	}
	return c.MemoryGBs * 1e3 / float64(c.MHz)
}
