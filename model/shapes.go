package model

import (
	"fmt"
	"strconv"
	"strings"
)

// elements is Elements for a shape of unknown origin: no product above limit is computed.
func elements(shape []int, limit int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions: at most %d are supported", len(shape), maxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 1 {
			return 0, fmt.Errorf("a dimension of %d in %s: every one must be fixed and positive", d, shapeString(shape))
		}
		if d > limit/n {
			return 0, fmt.Errorf("%s is too large: at most %d elements are supported", shapeString(shape), limit)
		}
		n *= d
	}
	return n, nil
}

func shapeString(shape []int) string {
	switch {
	case len(shape) == 0:
		return "a scalar"
	case len(shape) > 2*maxRank:
		return fmt.Sprintf("%d dimensions", len(shape))
	}
	var b strings.Builder
	for i, d := range shape {
		if i > 0 {
			b.WriteString("×")
		}
		b.WriteString(strconv.Itoa(d))
	}
	return b.String()
}
