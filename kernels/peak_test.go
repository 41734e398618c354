package kernels

import (
	"testing"
	"time"
)

func TestPeak(t *testing.T) {
	for _, set := range Available() {
		if peak := set.Peak(time.Millisecond); !(peak > 0) {
			t.Errorf("%s: %g GMAC/s", set.Name, peak)
		}
	}
}
