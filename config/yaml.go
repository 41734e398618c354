package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"edge/decision"
	"edge/internal/text"
)

// yamlReader reads a YAML document strictly, and collects all that is wrong with it instead of stopping at the first.
//
// It walks the nodes that the YAML library parses, with one reading for each value that may stand there. What a
// configuration doesn't need is refused: aliases, tags, several documents.
type yamlReader struct {
	problems []Problem
	lines    map[string]int // line of each value by its path
}

// node is a value in the document, and the path to it: "leds[0].classes[1]".
type node struct {
	*yaml.Node
	path string
}

// reading reads the value at a node, and adds a problem if it can't.
type reading = func(*yamlReader, *node)

// fields are the keys that a mapping may have.
type fields map[string]reading

func (r *yamlReader) add(n *node, format string, args ...any) {
	r.problems = append(r.problems, Problem{n.Line, n.path, fmt.Sprintf(format, args...)})
}

// document parses the text and reads its one document. No document at all is fine: it says nothing.
func (r *yamlReader) document(data []byte, read reading) {
	if i := text.FirstBad(data); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		what := "not a text in UTF-8, or one with control characters"
		if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
			what = "a text in UTF-16: save it as UTF-8"
		}
		r.problems = append(r.problems, Problem{Line: line, Text: what})
		return
	}
	if r.problems = lookalikes(data); len(r.problems) > 0 {
		return // the rest is what comes of them
	}
	var documents []yaml.Node
	err := yaml.Load(data, &documents, yaml.WithAllDocuments())
	var stumbled *yaml.LoadError
	switch {
	case errors.As(err, &stumbled):
		r.problems = append(r.problems, syntax(data, stumbled))
	case err != nil:
		r.problems = append(r.problems, Problem{Line: 1, Text: "YAML: " + err.Error()})
	case len(documents) > 1:
		r.add(&node{&documents[1], ""}, "a second document (after ---): a configuration is one")
	case len(documents) == 1 && len(documents[0].Content) == 1:
		read(r, &node{documents[0].Content[0], ""})
	}
}

// mapping reads the values of a mapping's keys. Nothing at all, as when all lines of a section are commented out, is
// an empty mapping.
func (r *yamlReader) mapping(n *node, f fields) {
	if !r.plain(n) || n.isNothing() {
		return
	}
	if i := strings.IndexAny(n.Value, " :"); i > 0 && n.Kind == yaml.ScalarNode && f[n.Value[:i]] != nil {
		r.add(n, "%s%s", n.prefix(), colonSlip(n.Value))
		return
	}
	if n.Kind != yaml.MappingNode {
		r.expected(n, `a mapping (lines of "key: value")`)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := &node{key, n.path}
		read, known := f[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0:
			r.add(at, "%sa key must be a word", n.prefix())
		case seen[key.Value] > 0:
			r.add(at, "%s%.40q again: it is on line %d already", n.prefix(), key.Value, seen[key.Value])
		case !known:
			r.add(at, "%sunknown key %.40q%s", n.prefix(), key.Value, suggest(key.Value, f))
		default:
			child := &node{value, strings.TrimPrefix(n.path+"."+key.Value, ".")}
			r.lines[child.path] = key.Line
			read(r, child)
		}
		if key.Kind == yaml.ScalarNode && seen[key.Value] == 0 {
			seen[key.Value] = key.Line
		}
	}
}

// suggest says what may be meant by a wrong key: a known one that is spelled like it, or else all that there are.
func suggest(key string, f fields) string {
	if word, _, found := strings.Cut(key, ":"); found && f[word] != nil {
		return ": " + colonSlip(key)
	}
	known := slices.Sorted(maps.Keys(f))
	if near := decision.Nearest(strings.ReplaceAll(key, "-", "_"), known); len(near) > 0 {
		return fmt.Sprintf(": did you mean %q?", near[0])
	}
	return ": there are " + strings.Join(known, ", ")
}

// list reads each value of a list.
func (r *yamlReader) list(n *node, read reading) {
	if !r.plain(n) || n.isNothing() {
		return
	}
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && strings.HasPrefix(n.Content[0].Value, "-") {
		r.add(n, "%sa blank is missing after the dash: write %.60q", n.prefix(), "- "+n.Content[0].Value[1:])
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.expected(n, `a list (lines that begin with "- ")`)
		return
	}
	for i, value := range n.Content {
		child := &node{value, fmt.Sprintf("%s[%d]", n.path, i)}
		r.lines[child.path] = value.Line
		read(r, child)
	}
}

// oneOrMore reads a value, or each value of a list.
func (r *yamlReader) oneOrMore(n *node, read reading) {
	if n.Kind == yaml.ScalarNode && !n.isNothing() {
		r.lines[n.path+"[0]"] = n.Line
		read(r, n)
		return
	}
	r.list(n, read)
}

// scalar returns the text of a single value.
func (r *yamlReader) scalar(n *node, want string) (string, bool) {
	switch {
	case !r.plain(n):
		return "", false
	case n.Kind != yaml.ScalarNode || n.isNothing() || n.Value == "":
		r.expected(n, want)
		return "", false
	case strings.ContainsFunc(n.Value, unicode.IsControl):
		r.add(n, "%s: %.40q has control characters", n.path, n.Value)
		return "", false
	}
	return n.Value, true
}

// plain refuses what a configuration doesn't need.
func (r *yamlReader) plain(n *node) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.add(n, `%saliases aren't read here: write it out, or %.60q in quotes if it is a name`, n.prefix(), "*"+n.Value)
	case n.Style&yaml.TaggedStyle != 0:
		r.add(n, `%stags (%.40q) aren't read here: a text that begins with ! needs quotes`, n.prefix(), n.Tag)
	default:
		return true
	}
	return false
}

func (r *yamlReader) expected(n *node, want string) {
	found := "nothing"
	switch {
	case n.Kind == yaml.MappingNode:
		found = "a mapping"
	case n.Kind == yaml.SequenceNode:
		found = "a list"
	case !n.isNothing():
		found = fmt.Sprintf("%.40q", n.Value)
	}
	r.add(n, "%sexpected %s, found %s", n.prefix(), want, found)
}

func (n *node) isNothing() bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// isText says whether the value is a single one, such as a text or a number.
func (n *node) isText() bool { return n.Kind == yaml.ScalarNode && !n.isNothing() }

// isWhole says whether the value is a whole number, not a quoted one.
func (n *node) isWhole() bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!int" }

// prefix names the place of a problem, nothing for the whole document.
func (n *node) prefix() string {
	if n.path == "" {
		return ""
	}
	return n.path + ": "
}

// The readings of single values.

func oneText(dst *string) reading {
	return func(r *yamlReader, n *node) {
		if s, ok := r.scalar(n, "text"); ok {
			*dst = s
		}
	}
}

// texts reads one text or a list of them.
func texts(dst *[]string) reading {
	return func(r *yamlReader, n *node) {
		*dst = nil
		r.oneOrMore(n, func(r *yamlReader, n *node) {
			var s string
			oneText(&s)(r, n)
			*dst = append(*dst, s)
		})
	}
}

func boolean(dst *bool) reading {
	return func(r *yamlReader, n *node) {
		s, ok := r.scalar(n, "true or false")
		if ok && s != "true" && s != "false" {
			r.expected(n, "true or false")
			return
		}
		*dst = s == "true"
	}
}

func whole(dst *int, least, most int) reading {
	return func(r *yamlReader, n *node) {
		want := fmt.Sprintf("a whole number from %d to %d", least, most)
		s, ok := r.scalar(n, want)
		if !ok {
			return
		}
		v, err := strconv.Atoi(s)
		if err != nil || v < least || v > most {
			r.expected(n, want)
			return
		}
		*dst = v
	}
}

func number(dst *float64, least, most float64) reading {
	return func(r *yamlReader, n *node) {
		want := fmt.Sprintf("a number from %v to %v", least, most)
		s, ok := r.scalar(n, want)
		if !ok {
			return
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v >= least && v <= most) || math.IsInf(v, 0) {
			r.expected(n, want)
			return
		}
		*dst = v
	}
}

func duration(dst *time.Duration) reading {
	return func(r *yamlReader, n *node) {
		const want = "a time with its unit, such as 500ms or 2s"
		s, ok := r.scalar(n, want)
		if !ok {
			return
		}
		v, err := time.ParseDuration(s)
		if err != nil || v < 0 {
			r.expected(n, want)
			return
		}
		*dst = v
	}
}

// parsed reads what has a form of its own, the same as on the command line. The error must name what it is about.
func parsed[T any](dst *T, parse func(string) (T, error)) reading {
	return func(r *yamlReader, n *node) {
		s, ok := r.scalar(n, "text")
		if !ok {
			return
		}
		v, err := parse(s)
		if err != nil {
			r.add(n, "%s: %v", n.path, err)
			return
		}
		*dst = v
	}
}
