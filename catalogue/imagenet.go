package catalogue

import (
	_ "embed"
	"strings"

	"edge/decision"
	"edge/model"
)

// imagenet is a line for each class, by index: its WordNet synset, a tab, and its names. LICENSE-NOTICE.md says where they
// come from.
//
//go:embed imagenet.txt
var imagenet string

// ImageNet returns the names of ImageNet's 1000 classes, in the usual order and wording: those of WordNet, synonyms
// separated by commas ("tench, Tinca tinca"). Two pairs of classes share a name: crane, the bird and the machine, and maillot.
func ImageNet() []string {
	var names []string
	for line := range strings.Lines(imagenet) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		names = append(names, name)
	}
	return names
}

// Labels returns the names of a network's classes if its file has the name and the form of a hosted one, else nil. Hosted
// files have no labels inside, but are known to have a background and then ImageNet's classes.
func Labels(file string, g *model.Graph) []string {
	n, ok := OfFile(file)
	if !ok || n.Check(g) != nil {
		return nil
	}
	return append([]string{decision.Background}, ImageNet()...)
}
