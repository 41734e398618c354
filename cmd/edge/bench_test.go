package main

import (
	"strings"
	"testing"
)

// TestBenchPeak shows that the profile's steps are compared with the peak, and that a network without a file has a name.
func TestBenchPeak(t *testing.T) {
	status, stdout, stderr := edge("bench", "--runs", "1", "--warmup", "0", "--peak", "--profile")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %q", status, stderr)
	}
	for _, words := range []string{"peak of ", ", one thread: ", "\nEfficientNet-Lite0, ", " 1 threads: min "} {
		if !strings.Contains(stdout, words) {
			t.Errorf("%q isn't in\n%s", words, stdout)
		}
	}
	b := benchmark{Steps: []benchStep{{GMACs: 1}, {GMACs: 6}}}
	b.comparePeak(8)
	if b.Peak != 8 || b.Steps[0].OfPeak != 0.125 || b.Steps[1].OfPeak != 0.75 {
		t.Errorf("%+v", b)
	}
}
