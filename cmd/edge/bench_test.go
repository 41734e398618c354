package main

import (
	"testing"

	"edge/kernels"
)

// A vectorized set is faster than plain Go, several times: the factor here allows for a busy machine.
func TestPeakOf(t *testing.T) {
	for _, set := range kernels.Available() {
		b := benchmark{Steps: []benchStep{{GMACs: 1}}}
		peak := peakOf(set)
		b.comparePeak(peak)
		if peak <= 0 || b.Peak != peak || b.Steps[0].OfPeak != 1/peak {
			t.Errorf("%s: peak %g, %g of it", set.Name, peak, b.Steps[0].OfPeak)
		}
		if set.Name != "generic" && peak < 2*peakOf(kernels.Generic()) {
			t.Errorf("%s: peak %g GMAC/s is less than twice that of plain Go", set.Name, peak)
		}
	}
}
