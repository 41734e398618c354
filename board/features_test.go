package board

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The kernel's own list of this processor's features has each of ours.
func TestFeatures(t *testing.T) {
	key := map[string]string{"amd64": "flags", "arm64": "Features", "arm": "Features"}[runtime.GOARCH]
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != key {
			continue
		}
		kernel := strings.Fields(value)
		for _, f := range Features() {
			if !slices.Contains(kernel, f) {
				t.Errorf("%s is not among the kernel's %s: %v", f, key, kernel)
			}
		}
		return
	}
	t.Skipf("/proc/cpuinfo has no %q of this architecture (an emulator shows its host's)", key)
}
