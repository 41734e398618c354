package config

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Change is a new value for a place in a configuration's text.
type Change struct {
	Path  string `json:"path"`  // such as camera.roi or leds[0].on
	Value string `json:"value"` // as a person would write it
}

// Edit returns the text of a configuration with some values changed. All else stays as it is, to the byte: comments, order,
// how it is indented. A value that isn't there is added to the mapping where it belongs. It doesn't check what the values
// mean: Parse does. Errors are of type *Error.
func Edit(text []byte, changes []Change) ([]byte, error) {
	for _, c := range changes {
		edited, err := edit(text, c)
		if err != nil {
			return nil, &Error{Problems: []Problem{{Path: c.Path, Text: fmt.Sprintf("%s: %v", c.Path, err)}}}
		}
		text = edited
	}
	return text, nil
}

var errByHand = errors.New("the file writes this in a way that can't be changed here: edit it by hand")

func edit(text []byte, c Change) ([]byte, error) {
	if strings.ContainsFunc(c.Value, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return nil, errors.New("a value of one line, please")
	}
	keys, err := splitPath(c.Path)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Load(text, &document); err != nil || len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return appendTop(text, keys, c.Value)
	}
	e := editor{text: text}
	at := document.Content[0]
	for i, key := range keys {
		last := i == len(keys)-1
		next := child(at, key)
		switch {
		case next == nil && last:
			return e.insert(at, key, c.Value)
		case next == nil && i == 0:
			return appendTop(text, keys, c.Value)
		case next == nil:
			return nil, errors.New("there is no such place in the file")
		case last:
			return e.replace(next, c.Value)
		case next.Kind == yaml.ScalarNode && next.Tag == "!!null" && next.Value == "":
			return e.below(at, key, strings.Join(keys[i+1:], ".")+": "+scalar(c.Value, false))
		}
		at = next
	}
	return nil, errByHand
}

// splitPath splits "leds[0].on" into leds, [0] and on.
func splitPath(path string) ([]string, error) {
	if !regexp.MustCompile(`^[a-z_]+(\[[0-9]{1,4}\]|\.[a-z_]+)+$`).MatchString(path) {
		return nil, errors.New("this is no place in a configuration")
	}
	return strings.Split(strings.ReplaceAll(path, "[", ".["), "."), nil
}

// child is the value of a mapping's key, or of a sequence's index; nil for none.
func child(n *yaml.Node, key string) *yaml.Node {
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case n.Kind == yaml.SequenceNode && strings.HasPrefix(key, "["):
		if i, err := strconv.Atoi(strings.Trim(key, "[]")); err == nil && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}

// appendTop adds a section at the end.
func appendTop(text []byte, keys []string, value string) ([]byte, error) {
	if len(keys) != 2 || strings.HasPrefix(keys[1], "[") {
		return nil, errByHand
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(bytes.Clone(text), '\n')
	}
	return fmt.Appendf(bytes.Clone(text), "%s:\n  %s: %s\n", keys[0], keys[1], scalar(value, false)), nil
}

// scalar writes a value as YAML: plain if that is sure to be read as it is meant, else in quotes.
func scalar(value string, inFlow bool) string {
	plain := regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 .,_+/-]*[A-Za-z0-9])?$`)
	if plain.MatchString(value) && (!inFlow || !strings.Contains(value, ",")) {
		return value
	}
	return strconv.Quote(value)
}

// editor changes a text at places that the parser has found.
type editor struct{ text []byte }

// offset of a line and a column, both from 1, the column in characters.
func (e *editor) offset(line, column int) (int, error) {
	at := 0
	for ; line > 1; line-- {
		end := bytes.IndexByte(e.text[at:], '\n')
		if end < 0 {
			return 0, errByHand
		}
		at += end + 1
	}
	for ; column > 1; column-- {
		_, n := utf8.DecodeRune(e.text[at:])
		at += n
	}
	if at > len(e.text) {
		return 0, errByHand
	}
	return at, nil
}

// span is where a scalar of one line lies.
func (e *editor) span(n *yaml.Node) (from, to int, err error) {
	if n.Kind != yaml.ScalarNode || n.Anchor != "" || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle|yaml.TaggedStyle) != 0 {
		return 0, 0, errByHand
	}
	if from, err = e.offset(n.Line, n.Column); err != nil {
		return 0, 0, err
	}
	rest := e.text[from:]
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0:
		if !bytes.HasPrefix(rest, []byte(n.Value)) {
			return 0, 0, errByHand
		}
		return from, from + len(n.Value), nil
	case rest[0] == '"':
		for i := 1; i < len(rest) && rest[i] != '\n'; i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return from, from + i + 1, nil
			}
		}
	case rest[0] == '\'':
		for i := 1; i < len(rest) && rest[i] != '\n'; i++ {
			if rest[i] == '\'' && i+1 < len(rest) && rest[i+1] == '\'' {
				i++
			} else if rest[i] == '\'' {
				return from, from + i + 1, nil
			}
		}
	}
	return 0, 0, errByHand
}

func (e *editor) put(from, to int, value string) []byte {
	return append(append(bytes.Clone(e.text[:from]), value...), e.text[to:]...)
}

// replace changes a scalar's value.
func (e *editor) replace(n *yaml.Node, value string) ([]byte, error) {
	from, to, err := e.span(n)
	if err != nil {
		return nil, err
	}
	if from == to { // "key:" and nothing
		return nil, errByHand
	}
	// Within braces a comma ends a value; outside, quotes don't harm.
	return e.put(from, to, scalar(value, true)), nil
}

// insert adds a key to a mapping, as the second one of a block, as the first one within braces.
func (e *editor) insert(n *yaml.Node, key, value string) ([]byte, error) {
	if n.Kind != yaml.MappingNode {
		return nil, errByHand
	}
	if n.Style&yaml.FlowStyle != 0 {
		at, err := e.offset(n.Line, n.Column)
		if err != nil || at >= len(e.text) || e.text[at] != '{' {
			return nil, errByHand
		}
		more := ", "
		if len(n.Content) == 0 {
			more = ""
		}
		return e.put(at+1, at+1, key+": "+scalar(value, true)+more), nil
	}
	if len(n.Content) < 2 {
		return nil, errByHand
	}
	first := n.Content[0]
	at, err := e.offset(lastLine(n.Content[1])+1, 1)
	if err != nil { // the text's last line has no end
		e.text = append(bytes.Clone(e.text), '\n')
		at = len(e.text)
	}
	if style := n.Content[1].Style; style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return nil, errByHand
	}
	return e.put(at, at, strings.Repeat(" ", first.Column-1)+key+": "+scalar(value, false)+"\n"), nil
}

// below adds a line below "key:" that has no value.
func (e *editor) below(n *yaml.Node, key, line string) ([]byte, error) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Value == key && n.Style&yaml.FlowStyle == 0 {
			at, err := e.offset(k.Line+1, 1)
			if err != nil {
				e.text = append(bytes.Clone(e.text), '\n')
				at = len(e.text)
			}
			return e.put(at, at, strings.Repeat(" ", k.Column+1)+line+"\n"), nil
		}
	}
	return nil, errByHand
}

// lastLine is the last line on which anything of a value begins.
func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, c := range n.Content {
		line = max(line, lastLine(c))
	}
	return line
}
