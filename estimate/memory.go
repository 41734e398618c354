package estimate

import "edge/kernels"

// Core is a processor core with what it sees of caches and memory.
type Core struct {
	Name    string // as package board calls it
	Kernels string // the kernel set that was modelled
	MHz     int    // of the board that it is known from
	InOrder bool

	Panel                  int     // output channels that the pointwise kernel computes at once
	L1, L2, L3             int     // bytes; with a third level, the second is each core's own, else the last is that of all cores
	L2Stream, L3Stream     float64 // bytes a cycle that one core reads and writes there
	Shared                 float64 // how many cores can stream from the last cache without slowing each other down
	MemoryGBs              float64 // gigabytes a second that one core reads and writes in memory, or all together
	costs                  map[string][]float64
	Board, StreamsMeasured string // what the figures are of, and where they come from
}

// Cores are the cores that were modelled.
//
// Sizes of caches: Raspberry Pi's documentation, "Processors". Streams: see each. What isn't measured is assumed, and
// says so. Of no board is it known how many cores the last cache serves at once: half of the four are assumed.
var Cores = []Core{
	{
		Name: "Cortex-A53", Kernels: "neon", MHz: 1400, InOrder: true, Board: "Pi 3 B+", costs: costsA53,
		Panel: 4, L1: 32 << 10, L2: 512 << 10, L2Stream: 8, Shared: 2, MemoryGBs: 2.46,
		StreamsMeasured: "memory: sbc-bench on a Pi 3 B+, memcpy 1230 MB/s, read and written (github.com/ThomasKaiser/sbc-bench, Results.md); " +
			"second level: assumed, half of the 16 bytes a cycle of the interface (Cortex-A53 TRM)",
	},
	{
		Name: "Cortex-A72", Kernels: "neon", MHz: 1500, Board: "Pi 4", costs: costsA72,
		Panel: 4, L1: 32 << 10, L2: 1 << 20, L2Stream: 16, Shared: 2, MemoryGBs: 5.5,
		StreamsMeasured: "memory: STREAM's copy on a Pi 4, 5527 MB/s (sci-pi.org.uk/bench/stream.html); second level: assumed",
	},
	{
		Name: "Cortex-A76", Kernels: "neon-dot", MHz: 2400, Board: "Pi 5", costs: costsA76,
		Panel: 8, L1: 64 << 10, L2: 512 << 10, L3: 2 << 20, L2Stream: 29, L3Stream: 14, Shared: 2, MemoryGBs: 7.4,
		StreamsMeasured: "caches: ASCT on Graviton2's Neoverse N1, 73.4 and 35.9 GB/s at 2.5 GHz (learn.arm.com, memory-subsystem); " +
			"memory: assumed, the share of its bus's 17.1 GB/s that a Pi 4 reaches of 12.8",
	},
}

// Meeting is how many milliseconds threads lose to each other after a step beside that. 0.7 µs were measured on x86
// (ARCHITECTURE.md, "Threads"), where a core sees another's write in about 50 ns; Graviton2's Neoverse N1 takes 47, too
// (github.com/nviennot/core-to-core-latency). Of the boards' cores nothing is published.
const Meeting = 1e-3

// Memory estimates the cycles of moving a step's bytes between the caches, for a network with resident bytes of
// activations and weights, until the busiest thread has its part.
//
// Everything that doesn't fit into the first-level cache is read and written in a stream, from where it fits:
//
//	activations   were written by the step before: they are in the last cache that holds this step's input and output
//	between       the layers of a fused step lies a band for each thread: in the last cache that holds all of them
//	weights       were last used an inference ago: they are in the last cache that holds the whole network. Every
//	              thread reads all of them, except of a fully connected layer, but only one fetches them from memory
//	again         a pointwise layer reads all weights for each block of activations, and a block that doesn't fit
//	              into the first-level cache for each panel of 4 or 8 outputs; a depthwise one some rows for more than
//	              one row of its output; from the cache that holds them by then
func (c *Core) Memory(s Step, resident int) float64 {
	last := len(s.Layers) - 1
	live, between := s.Layers[0].input()+s.Layers[last].output(), 0
	for i, l := range s.Layers {
		if l.Kind == "add" {
			live += l.output() // the other input
		}
		if i < last {
			between += l.output()
		}
	}
	part := func(bytes int) int { return int(float64(bytes) * s.Share) }
	cycles := 0.0
	if part(live) > c.L1 { // else they are still where the step before wrote them
		cycles += c.move(s.Threads, part(live), live, part(live), live)
	}
	if s.Between > c.L1 {
		cycles += c.move(s.Threads, 2*part(between), 2*between, s.Between, s.Threads*s.Between)
	}
	bands := 1
	if s.Between > 0 {
		bands = (part(between) + s.Between - 1) / s.Between
	}
	for _, l := range s.Layers {
		if l.Kind == "add" {
			continue
		}
		if l.Kind == "depthwise" {
			if rows := l.Window * l.Size * l.Stride * l.In; rows > c.L1 { // a row leaves the cache before it is needed again
				again := l.input() * (l.Window - l.Stride) / l.Stride
				cycles += c.move(s.Threads, part(again), again, rows, s.Threads*rows)
			}
			continue
		}
		weights := l.In * l.Out
		if l.Kind == "fully connected" {
			weights = part(weights)
		}
		cycles += c.move(s.Threads, weights, l.In*l.Out, resident, resident)
		pixels := part(l.Size * l.Size * l.In) // bytes; of a conv, its patches
		size := min(kernels.ArmBlock(l.In, l.Out), pixels)
		if weights+size > c.L1 {
			blocks := max((pixels+size-1)/size, bands)
			cycles += c.move(s.Threads, (blocks-1)*weights, (blocks-1)*weights, weights, weights)
		}
		if size > c.L1 {
			panels := (l.Out + c.Panel - 1) / c.Panel
			cycles += c.move(s.Threads, (panels-1)*pixels, (panels-1)*pixels*s.Threads, size, s.Threads*size)
		}
	}
	return cycles
}

// input and output are the bytes of a layer's activations.
func (l Layer) input() int {
	bytes := l.InPixels * l.In
	if l.Kind == "conv" {
		bytes /= l.Window * l.Window // In is a patch, which is gathered in the first-level cache
	}
	return bytes
}

func (l Layer) output() int { return l.Size * l.Size * l.Out }

// move returns the cycles that a thread takes to move bytes, of together different ones that all threads move, if what
// it works on until it needs them again has own bytes, and what all threads work on has all.
func (c *Core) move(threads, bytes, together, own, all int) float64 {
	shared := max(float64(threads)/c.Shared, 1)
	switch {
	case c.L3 > 0 && own <= c.L2:
		return float64(bytes) / c.L2Stream
	case c.L3 == 0 && all <= c.L2:
		return float64(bytes) / c.L2Stream * shared
	case c.L3 > 0 && all <= c.L2+c.L3:
		return float64(bytes) / c.L3Stream * shared
	}
	return float64(together) / (c.MemoryGBs * 1e3 / float64(c.MHz))
}
