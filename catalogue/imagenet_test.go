package catalogue

import (
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// TestImageNet compares the names with the labels that others give with their networks.
func TestImageNet(t *testing.T) {
	names := ImageNet()
	if len(names) != 1000 || names[0] != "tench, Tinca tinca" || names[282] != "tiger cat" ||
		names[999] != "toilet tissue, toilet paper, bathroom tissue" {
		t.Fatalf("%d names: %q", len(names), names[:3])
	}
	for class, name := range names {
		if name == "" || strings.ContainsFunc(name, unicode.IsControl) {
			t.Errorf("class %d is %q", class, name)
		}
	}
	data, err := os.ReadFile("../../shared/models/imagenet_labels.txt")
	if err != nil {
		t.Skipf("the rest skipped without ../shared: %v", err)
	}
	var theirs []string
	for line := range strings.Lines(string(data)) {
		theirs = append(theirs, strings.TrimLeft(strings.TrimSpace(line), "0123456789 "))
	}
	if !slices.Equal(theirs[1:], names) {
		t.Errorf("%d labels that differ", len(theirs))
	}
}
