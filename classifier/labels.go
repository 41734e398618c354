package classifier

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"edge/decision"
	"edge/internal/files"
	"edge/internal/text"
)

// maxLabelsFile is far above the 40 KB of a thousand long names.
const maxLabelsFile = 1 << 20

// Labels returns the names of a network's classes: those in the file, or without a file the model's own, or none at all.
// Their number must be that of the classes.
func Labels(file string, fromModel []string, classes int) ([]string, error) {
	if file == "" {
		return fromModel, checkLabels("the labels inside the model", fromModel, classes)
	}
	labels, err := loadLabels(file)
	if err != nil {
		return nil, err
	}
	return labels, checkLabels(file, labels, classes)
}

// checkLabels checks labels that come from somewhere for a network with so many classes. It never shifts any: whoever
// numbers classes from 1 and whoever has a class 'background' look alike, and one off means wrong names forever.
func checkLabels(from string, labels []string, classes int) error {
	for i, label := range labels {
		if !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
			return fmt.Errorf("%s: the label of class %d is no clean text: %.40q", from, i, label)
		}
	}
	if len(labels) == 0 || len(labels) == classes {
		return nil
	}
	advice := "they belong to another network"
	isBackground := func(label string) bool { return strings.EqualFold(label, decision.Background) }
	switch {
	case len(labels)+1 == classes && !slices.ContainsFunc(labels, isBackground):
		advice = fmt.Sprintf("such a network's class 0 is most often %q: if so, put it before the first label", decision.Background)
	case len(labels) == classes+1 && isBackground(labels[0]):
		advice = fmt.Sprintf("this network has no class %q: take the first label away", decision.Background)
	}
	return fmt.Errorf("%s: %d labels for a network with %d classes: %s", from, len(labels), classes, advice)
}

// loadLabels reads a file of labels.
func loadLabels(name string) ([]string, error) {
	data, err := files.Read(name, maxLabelsFile)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	return parseLabels(name, data)
}

// parseLabels reads labels, one a line, either all bare or all with their index before them:
//
//	background          0  background
//	tench               1  tench
//	goldfish            2  goldfish
//
// They have indices if the first line has the index 0. Line ends may be CRLF; a byte order mark and empty lines at the
// end don't matter. An empty line elsewhere is an error, since skipping it would shift all that follow.
func parseLabels(name string, data []byte) ([]string, error) {
	if i := text.FirstBad(data); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		return nil, fmt.Errorf("%s:%d: not a text in UTF-8, or one with control characters", name, line)
	}
	whole := strings.TrimPrefix(string(data), "\ufeff")
	whole = strings.TrimRightFunc(whole, unicode.IsSpace)
	if whole == "" {
		return nil, fmt.Errorf("%s:1: no labels", name)
	}
	labels := strings.Split(whole, "\n")
	first, _, indexed := cutIndex(labels[0])
	indexed = indexed && first == 0
	for i, line := range labels {
		label := strings.TrimSpace(line)
		if label == "" {
			return nil, fmt.Errorf("%s:%d: an empty line: it would shift the labels after it", name, i+1)
		}
		if indexed {
			index, rest, ok := cutIndex(line)
			if !ok || index != i {
				return nil, fmt.Errorf("%s:%d: expected class %d and its label, since the first line begins with 0; found %.40q",
					name, i+1, i, label)
			}
			label = rest
		}
		if strings.ContainsFunc(label, unicode.IsControl) { // the line ends of old Macs, or a tab
			return nil, fmt.Errorf("%s:%d: control characters in %.40q", name, i+1, label)
		}
		labels[i] = label
	}
	return labels, nil
}

// cutIndex splits "  12 name" or "12: name".
func cutIndex(line string) (index int, label string, ok bool) {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t:")
	if end < 0 {
		return 0, "", false
	}
	index, err := strconv.Atoi(line[:end])
	label = strings.TrimSpace(strings.TrimPrefix(line[end:], ":"))
	return index, label, err == nil && index >= 0 && label != ""
}
