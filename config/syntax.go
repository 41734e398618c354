package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// What a YAML parser says of a slip of the fingers is seldom what a person needs: it stumbles a line later, and speaks of
// tokens and simple keys. This file says what the slip was, on its own line.

// lineEnd is what YAML takes for the end of a line.
var lineEnd = regexp.MustCompile("\r\n|\n|\r")

// lookalikes finds characters that look like YAML's own but aren't: special blanks, and typographic quotes around a
// text. What stands in plain quotes or in a comment is left alone.
//
// A parser takes them for letters. Nobody sees the difference on the screen, and they come with each text that is copied
// from a web page or out of a word processor.
func lookalikes(data []byte) []Problem {
	var problems []Problem
	quote := rune(0)           // the quote that is open
	start, skip := true, false // at the start of a text; after a backslash in double quotes
	before := '\n'
	line, column := 1, 0
	comment := false
	for i, c := range string(data) {
		column++
		switch {
		case c == '\n' || c == '\r' && !strings.HasPrefix(string(data[i+1:min(i+2, len(data))]), "\n"):
			line, column, comment = line+1, 0, false
			start = true
		case comment || skip:
			skip = false
		case quote != 0:
			doubled := c == '\'' && strings.HasPrefix(string(data[i+1:min(i+2, len(data))]), "'")
			skip = quote == '"' && c == '\\' || quote == '\'' && doubled
			if c == quote && !skip {
				quote = 0
			}
		case c == '#' && (before == ' ' || before == '\t' || before == '\n' || before == '\r'):
			comment = true
		case start && (c == '"' || c == '\''):
			quote = c
		case start && strings.ContainsRune("“”„‟«»‘’‚‛", c):
			problems = append(problems, Problem{Line: line, Text: fmt.Sprintf(
				`column %d: %c is a typographic quote, which YAML takes for a letter: write " or '`, column, c)})
		case i > 0 && oddBlank(c):
			problems = append(problems, Problem{Line: line, Text: fmt.Sprintf(
				"column %d: %s, which looks like a blank but isn't one to YAML: type a plain blank over it", column, nameOf(c))})
		}
		start = c == '\n' || c == '\r' || start && (c == ' ' || c == '\t') ||
			quote == 0 && (strings.ContainsRune("[{,", c) || c == ' ' && strings.ContainsRune(":-?", before))
		before = c
	}
	return problems
}

// oddBlank says whether a character is blank or invisible, but no blank of YAML's.
func oddBlank(c rune) bool {
	const softHyphen = 0xad
	return c != ' ' && (unicode.In(c, unicode.Zs, unicode.Zl, unicode.Zp, unicode.Cf) || c == softHyphen)
}

func nameOf(c rune) string {
	names := map[rune]string{
		0xa0: "a no-break space", 0x202f: "a narrow no-break space", 0x3000: "an ideographic space", 0x200b: "a zero-width space",
		0xfeff: "a byte order mark", 0x2028: "a line separator", 0x2029: "a paragraph separator", 0xad: "a soft hyphen",
	}
	name := names[c]
	if name == "" {
		name = "a special blank"
	}
	return fmt.Sprintf("%s (U+%04X)", name, c)
}

// slip is where the parser stumbled.
type slip struct {
	lines   []string // of the file
	message string   // the parser's
	line    int      // from 1; it may be the one after the last
	column  int      // from 1
	from    int      // the line where what it was reading begins; 0 if it doesn't say
	fromCol int
}

// syntax says what is wrong where the parser stumbled, and how to mend it.
func syntax(data []byte, e *yaml.LoadError) Problem {
	s := slip{
		lineEnd.Split(string(data), -1), e.Message, max(e.Mark.Line, 1), max(e.Mark.Column, 1), e.ContextMark.Line, e.ContextMark.Column,
	}
	at, reading := s.at(s.line, s.column), e.ContextMsg
	says := func(text string) bool { return strings.Contains(e.Message, text) }
	switch {
	case says("tab character"), says("cannot start any token") && strings.HasPrefix(at, "\t"):
		return s.problem(s.line, "a tab: YAML wants blanks at the beginning of a line and after a dash")
	case says("unknown anchor"), says("cannot start any token"), says("unknown directive"),
		strings.HasSuffix(reading, "an alias"), strings.HasSuffix(reading, "an anchor"),
		strings.HasSuffix(reading, "a block scalar"):
		if s.from > 0 {
			s.line, s.column = s.from, s.fromCol
		}
		return s.needsQuotes()
	case strings.HasSuffix(reading, "a quoted scalar") && says("end of stream"):
		return s.problem(s.from, "column %d: this quote isn't closed", s.fromCol)
	case strings.HasSuffix(reading, "a quoted scalar") && says("escape"):
		return s.problem(s.line, `a backslash in double quotes begins an escape: write the text in single quotes`)
	case strings.Contains(reading, "flow") && says("expected ','"):
		return s.flow()
	case says("expected ':'") && s.from > 0:
		return s.problem(s.from, "%s", colonSlip(s.text(s.from)))
	case says("mapping values are not allowed"):
		return s.colon()
	case says("block sequence entries are not allowed"):
		return s.problem(s.line, `a list begins on a line of its own: put what begins with "- " on the next line`)
	case says("did not find expected"):
		return s.unexpected()
	}
	return s.problem(s.line, "YAML: %s", e.Message)
}

func (s *slip) problem(line int, format string, args ...any) Problem {
	return Problem{Line: min(line, len(s.lines)), Text: fmt.Sprintf(format, args...)}
}

// at is the rest of a line from a column on; empty behind the end.
func (s *slip) at(line, column int) string {
	if line < 1 || line > len(s.lines) {
		return ""
	}
	runes := []rune(s.lines[line-1])
	return string(runes[min(column-1, len(runes)):])
}

// text is a line without its indentation, the dashes of lists and a comment at its end.
func (s *slip) text(line int) string {
	text, _, _ := strings.Cut(s.at(line, 1), " #")
	text = strings.TrimSpace(text)
	for strings.HasPrefix(text, "- ") {
		text = strings.TrimSpace(text[2:])
	}
	return text
}

// needsQuotes is about a text whose first character has a meaning in YAML.
func (s *slip) needsQuotes() Problem {
	text := s.at(s.line, s.column)
	if i := strings.IndexAny(text, ",]}"); i > 0 {
		text = text[:i]
	}
	text, _, _ = strings.Cut(strings.TrimSpace(text), " #")
	if text == "" {
		return s.problem(s.line, "YAML: %s", s.message)
	}
	return s.problem(s.line, `a text that begins with %.1s needs quotes: %.60q`, text, text)
}

// flow is about what isn't as it must be between brackets.
func (s *slip) flow() Problem {
	open := s.at(s.from, s.fromCol)
	closing := map[string]string{"[": "]", "{": "}"}[open[:min(1, len(open))]]
	if s.from == s.line && strings.HasPrefix(s.at(s.line, s.column), ":") {
		return s.problem(s.line, "column %d: a text with a colon and a blank in it needs quotes", s.column)
	}
	return s.problem(s.from, "column %d: this %.1s isn't closed: %s is missing", s.fromCol, open, closing)
}

// colon is about a colon where none may be: a second one in its line, or the first one, because of the line above.
func (s *slip) colon() Problem {
	line := s.at(s.line, 1)
	first := strings.Index(line, ":")
	switch {
	case first < 0 || first >= len(line)-len(s.at(s.line, s.column)):
	case strings.HasPrefix(line[first:], ": "):
		return s.problem(s.line, "column %d: a text with a colon and a blank in it needs quotes", s.column)
	default:
		return s.problem(s.line, "%s", colonSlip(s.text(s.line)))
	}
	if above := s.above(); above > 0 {
		return s.problem(above, "%s", colonSlip(s.text(above)))
	}
	return s.problem(s.line, "this line is indented deeper than the one above, which has its value already: align the two")
}

// above is the line above, if that should be "key: value" and isn't; else 0.
func (s *slip) above() int {
	above := s.line - 1
	for above > 0 && (s.text(above) == "" || strings.HasPrefix(s.text(above), "#")) {
		above--
	}
	if text := s.text(above); strings.Contains(text, ": ") || strings.HasSuffix(text, ":") || strings.ContainsAny(text, `[]{}"'`) {
		return 0
	}
	return above
}

// unexpected is about what stands where a key, or a list's next entry, should begin.
func (s *slip) unexpected() Problem {
	rest := s.at(s.line, s.column)
	first := rest[:min(1, len(rest))]
	before := strings.TrimSpace(strings.TrimSuffix(s.at(s.line, 1), rest))
	switch {
	case strings.Contains("]}", first) && first != "":
		return s.problem(s.line, "column %d: a %s that nothing opens", s.column, first)
	case first == ",":
		return s.problem(s.line, "column %d: a comma with nothing before it", s.column)
	case strings.HasSuffix(before, `"`) || strings.HasSuffix(before, "'"):
		return s.problem(s.line, "column %d: nothing may follow a closing quote: put the whole text into quotes, of the other kind "+
			`if it has some itself ("it's")`, s.column)
	case strings.Contains(s.message, "'-' indicator"):
		return s.problem(s.line, `the lines above are a list: begin this one with "- ", or indent it otherwise`)
	}
	if above := s.above(); above > 0 {
		return s.problem(above, "%s", colonSlip(s.text(above)))
	}
	return s.problem(s.line, "this line's indentation fits none of the lines above: align it with its neighbours")
}

// colonSlip says what a line lacks that should be "key: value".
func colonSlip(text string) string {
	text = lineEnd.Split(text, 2)[0]
	write := func(key, value string) string {
		return strconv.Quote(fmt.Sprintf("%.40s: %.40s", key, strings.TrimSpace(value)))
	}
	if key, value, found := strings.Cut(text, ":"); found && value != "" && !strings.Contains(key, " ") {
		return "a blank is missing after the colon: write " + write(key, value)
	}
	key, value, _ := strings.Cut(text, " ")
	return "a colon is missing: write " + write(key, value)
}
