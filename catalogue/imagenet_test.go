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

// TestGroups checks groups against what everybody knows of ImageNet's order, and that networks with other orders have them.
func TestGroups(t *testing.T) {
	span := func(from, to int) (all []int) {
		for i := from; i <= to; i++ {
			all = append(all, i)
		}
		return all
	}
	plain := Groups(ImageNet())
	for name, want := range map[string][]int{
		"dog": span(151, 268), "cat": span(281, 285), "big cat": span(288, 293), "wolf": span(269, 272), "bear": span(294, 297),
		"bird": slices.Concat(span(7, 24), span(80, 100), span(127, 146)), "snake": span(52, 68), "butterfly": span(321, 326),
		"bus": {654, 779, 874}, "person": {981, 982, 983},
	} {
		if !slices.Equal(plain[name], want) {
			t.Errorf("%s: %v, want %v", name, plain[name], want)
		}
	}
	for _, class := range []int{404, 407, 555, 654, 817, 867} { // an airliner, an ambulance, …
		if !slices.Contains(plain["vehicle"], class) {
			t.Errorf("class %d, %s, is no vehicle", class, ImageNet()[class])
		}
	}
	for _, name := range GroupNames() {
		if name != strings.ToLower(name) || len(plain[name]) < 2 {
			t.Errorf("group %q: %v", name, plain[name])
		}
	}

	after := Groups(append([]string{"background"}, ImageNet()...))
	if !slices.Equal(after["cat"], span(282, 286)) || !slices.Equal(after["person"], []int{982, 983, 984}) {
		t.Errorf("after a background: %v, %v", after["cat"], after["person"])
	}
	own := Groups([]string{"pug", "daisy", "Tabby", "beagle", "dog", "crane", "thing"})
	if !slices.Equal(own["dog"], []int{0, 3, 4}) || !slices.Equal(own["cat"], []int{2}) || own["bird"] != nil || own["bus"] != nil {
		t.Errorf("a network of one's own: %v", own)
	}
	if got := Groups([]string{"a", "b"}); len(got) != 0 {
		t.Errorf("%v", got)
	}
	if got := Groups(nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
