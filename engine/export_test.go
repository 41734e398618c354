package engine

import (
	"edge/kernels"
	"edge/model"
)

// CompileFused is Compile with another FuseFrom: 1 to fuse whatever can be.
func CompileFused(g *model.Graph, set *kernels.Set, threads, fuseFrom int) (*Net, error) {
	return compile(g, Options{set, threads}, fuseFrom)
}
