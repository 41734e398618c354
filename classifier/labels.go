package classifier

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
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

// checkLabels checks labels from a file or a model for a network with that many classes. It never shifts any: whoever
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
	case classes == 1 && len(labels) == 2:
		advice = fmt.Sprintf("its one score is most often that of the second: if so, give a file with %q alone", labels[1])
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

// parseLabels reads labels, one a line, either all bare or all with their index before them, in any order:
//
//	background          0  background      1: tench
//	tench               1  tench           0: background
//	goldfish            2  goldfish        2: goldfish
//
// or as JSON: a list of names, or an object that says the index of each name or the name of each index, as Keras writes
// them. Indices count from 0 and leave none out; whatever else they do is an error, since it would mean wrong names. They
// are indices if most lines begin with a number, or the first one with 0: one index forgotten doesn't make names of the
// others. Line ends may be CRLF; a byte order mark and empty lines at the end don't matter. An empty line between bare
// labels is an error, since skipping it would shift all that follow.
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
	if labels, ok, err := parseJSONLabels(whole); ok {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return labels, nil
	}
	lines := strings.Split(whole, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
		if strings.ContainsFunc(strings.Replace(lines[i], "\t", " ", 1), unicode.IsControl) { // the line ends of old Macs
			return nil, fmt.Errorf("%s:%d: control characters in %.40q", name, i+1, lines[i])
		}
	}
	first, _, _ := cutIndex(lines[0])
	numbered, bare := 0, 0
	for _, line := range lines {
		if _, _, ok := cutIndex(line); ok {
			numbered++
		} else if line != "" {
			bare++
		}
	}
	if lines[0] != "" && (first == 0 || numbered > bare) {
		return placeNumbered(name, lines)
	}
	for i, line := range lines {
		switch {
		case line == "":
			return nil, fmt.Errorf("%s:%d: an empty line: it would shift the labels after it", name, i+1)
		case strings.Contains(line, "\t"):
			return nil, fmt.Errorf("%s:%d: a tab in %.40q", name, i+1, line)
		}
	}
	return lines, nil
}

// placeNumbered puts labels in the order of the indices before them.
func placeNumbered(name string, lines []string) ([]string, error) {
	type place struct {
		line  int
		label string
	}
	places := map[int]place{}
	least, most := math.MaxInt, 0
	for i, line := range lines {
		if line == "" {
			continue
		}
		index, label, ok := cutIndex(line)
		before, twice := places[index]
		switch {
		case !ok:
			return nil, fmt.Errorf("%s:%d: expected the index of a class and its label, as other lines have them; found %.40q",
				name, i+1, line)
		case strings.Contains(label, "\t"):
			return nil, fmt.Errorf("%s:%d: a tab in %.40q", name, i+1, label)
		case twice:
			return nil, fmt.Errorf("%s:%d: class %d has its label in line %d already", name, i+1, index, before.line)
		}
		places[index] = place{i + 1, label}
		least, most = min(least, index), max(most, index)
	}
	labels := make([]string, len(places))
	for class := range labels {
		p, ok := places[class]
		switch {
		case !ok && least > 0:
			return nil, fmt.Errorf("%s:%d: the numbers begin with %d, but the first class of a network is 0: number the labels "+
				"from 0; or if the numbers belong to the names, put the index before each: 0 %d %s",
				name, places[least].line, least, least, places[least].label)
		case !ok:
			return nil, fmt.Errorf("%s:%d: there is a class %d, but no class %d", name, places[most].line, most, class)
		}
		labels[class] = p.label
	}
	return labels, nil
}

// cutIndex splits "  12 name", "12: name" or "12,name". Without an index it is -1.
func cutIndex(line string) (index int, label string, ok bool) {
	line = strings.TrimSpace(line)
	end := strings.IndexAny(line, " \t:,;=")
	if end < 0 {
		return -1, "", false
	}
	index, err := strconv.Atoi(line[:end]) // with ErrRange the greatest int, which leaves a gap
	if err != nil && !errors.Is(err, strconv.ErrRange) || index < 0 {
		return -1, "", false
	}
	label = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line[end:]), ":,;="))
	return index, label, label != ""
}

// parseJSONLabels reads labels in JSON, or as Python prints them; ok is false if the text is neither.
//
//	["cat", "dog"]          {"cat": 0, "dog": 1}          {"0": "cat", "1": "dog"}          {"0": ["n02123045", "cat"], …}
func parseJSONLabels(s string) (labels []string, ok bool, err error) {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		if strings.Contains(s, `"`) || json.Unmarshal([]byte(fromPython(s)), &v) != nil {
			return nil, false, nil
		}
	}
	if object, is := v.(map[string]any); is { // the list may be one of several things
		for _, key := range []string{"labels", "classes", "class_names", "names", "id2label"} {
			if inner, has := object[key]; has && !isNumber(inner) {
				v = inner
				break
			}
		}
	}
	switch v := v.(type) {
	case []any:
		for i, name := range v {
			label, is := name.(string)
			if !is {
				return nil, true, fmt.Errorf("JSON: class %d isn't a name", i)
			}
			labels = append(labels, label)
		}
	case map[string]any:
		labels, err = labelsByIndex(v)
	default:
		return nil, false, nil
	}
	switch {
	case err != nil:
	case len(labels) == 0:
		err = errors.New("JSON: no labels")
	case slices.ContainsFunc(labels, func(label string) bool {
		return strings.TrimSpace(label) == "" || strings.ContainsFunc(label, unicode.IsControl)
	}):
		err = errors.New("JSON: a label is empty, or has control characters")
	}
	return labels, true, err
}

// labelsByIndex reads an object that says the index of each name, or the name of each index.
func labelsByIndex(object map[string]any) ([]string, error) {
	labels := make([]string, len(object))
	seen := make([]bool, len(object))
	for key, value := range object {
		label, number := key, value
		if !isNumber(value) {
			if list, is := value.([]any); is && len(list) > 0 { // Keras' imagenet_class_index.json: synset and name
				value = list[len(list)-1]
			}
			name, is := value.(string)
			index, err := strconv.ParseFloat(key, 64)
			if !is || err != nil {
				return nil, fmt.Errorf("JSON: %.40q: neither the index of a name nor the name of an index", key)
			}
			label, number = name, index
		}
		index := int(min(max(number.(float64), -1), float64(len(object))))
		if float64(index) != number.(float64) || index < 0 || index >= len(object) || seen[index] {
			return nil, fmt.Errorf("JSON: %d labels have the indices 0 to %d, each once; %.40q has %v",
				len(object), len(object)-1, label, number)
		}
		labels[index], seen[index] = label, true
	}
	return labels, nil
}

func isNumber(v any) bool { _, is := v.(float64); return is }

// pythonKey is the number of an entry, as Python prints a dictionary.
var pythonKey = regexp.MustCompile(`([{,]\s*)([0-9]+)(\s*:)`)

// fromPython makes JSON of a list or a dictionary as Python prints it, if that has no names with apostrophes.
func fromPython(s string) string {
	return pythonKey.ReplaceAllString(strings.ReplaceAll(s, "'", `"`), `$1"$2"$3`)
}
