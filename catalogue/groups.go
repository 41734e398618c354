package catalogue

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"edge/decision"
)

// groups is a line for each group of ImageNet's classes that people mean: its name, a tab, and the indices of its classes,
// as "151-268 273". LICENSE-NOTICE.md says where they come from.
//
//go:embed groups.txt
var groups string

// Groups returns groups of a network's classes that people name together, by a lower-case name, such as "dog" for the 118
// breeds of ImageNet. Classes are known by their labels, in whatever order: those of ImageNet, and the group's own name.
// Groups without a class are left out.
func Groups(labels []string) map[string][]int {
	known := classesOf(labels)
	found := map[string][]int{}
	for line := range strings.Lines(groups) {
		name, ranges, _ := strings.Cut(strings.TrimSpace(line), "\t")
		in := indices(ranges)
		for class, label := range labels {
			if known[class] >= 0 && in[known[class]] || strings.EqualFold(strings.TrimSpace(label), name) {
				found[name] = append(found[name], class)
			}
		}
	}
	return found
}

// indices reads "151-268 273".
func indices(text string) map[int]bool {
	set := map[int]bool{}
	for field := range strings.FieldsSeq(text) {
		first, last, isRange := strings.Cut(field, "-")
		if !isRange {
			last = first
		}
		from, _ := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		for i := from; i <= to; i++ {
			set[i] = true
		}
	}
	return set
}

// classesOf finds ImageNet's class for each label, -1 for none. Labels for all of ImageNet are known by their place,
// whatever they are called, if most have their class's name: two classes are cranes. Others are known by their names.
func classesOf(labels []string) []int {
	const none, several = -1, -2
	byName := map[string]int{}
	names := ImageNet()
	for class, label := range names {
		for _, name := range append(strings.Split(label, ","), label) {
			name = strings.ToLower(strings.TrimSpace(name))
			if before, ok := byName[name]; ok && before != class {
				class := several
				byName[name] = class
				continue
			}
			byName[name] = class
		}
	}
	first := 0
	if len(labels) > 0 && strings.EqualFold(strings.TrimSpace(labels[0]), decision.Background) {
		first = 1
	}
	classes := make([]int, len(labels))
	inPlace := 0
	for i, label := range labels {
		classes[i] = none
		for _, name := range append([]string{label}, strings.Split(label, ",")...) {
			if class, ok := byName[strings.ToLower(strings.TrimSpace(name))]; ok && class != several {
				classes[i] = class
				break
			}
		}
		if classes[i] == i-first {
			inPlace++
		}
	}
	if len(labels)-first == len(names) && inPlace > len(names)/2 {
		for i := range classes {
			classes[i] = max(i-first, none)
		}
	}
	return classes
}

// GroupNames returns the names of all groups, in their order.
func GroupNames() []string {
	var names []string
	for line := range strings.Lines(groups) {
		name, _, _ := strings.Cut(line, "\t")
		names = append(names, name)
	}
	return slices.Clip(names)
}
