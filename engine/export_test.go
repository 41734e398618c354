package engine

import (
	"edge/model"
)

// CompileFused is Compile with another FuseFrom: 1 to fuse whatever can be.
func CompileFused(g *model.Graph, o Options, fuseFrom int) (*Net, error) {
	return compile(g, o, fuseFrom)
}
