package kernels

// ArmFuseFrom is FuseFrom of Arm's sets: a board's second-level cache has 512 KB or 1 MB, often for four cores.
const ArmFuseFrom = 256 << 10

// ArmBlock returns how many bytes of a pointwise layer's activations Arm's kernels work on, panel after panel, before the
// next block: as many as stay in the first-level cache. If the weights don't fit into half of a second-level cache, the
// block is larger, to read them less often.
//
// It is here, and not beside the kernels, because package estimate counts with it on every machine; so does tools/cycles
// with ArmFuseFrom.
func ArmBlock(in, out int) int {
	const weightsLarge = 128 << 10
	if in*out > weightsLarge {
		return 64 << 10
	}
	return 16 << 10
}
