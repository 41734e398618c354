// Package text keeps control characters, which a terminal would obey, out of text that comes from files.
package text

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// FirstBad returns where a text first isn't UTF-8, or has a control character other than a tab or a line end; -1 if it is
// clean throughout.
func FirstBad(text []byte) int {
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && n == 1 || unicode.IsControl(c) && !strings.ContainsRune("\t\n\r", c) {
			return i
		}
		i += n
	}
	return -1
}

// Clean returns the text without characters that steer a terminal: each that can't be printed, and each byte that isn't
// UTF-8, becomes a question mark or U+FFFD.
func Clean(s string) string { return string(Append(nil, s)) }

// Append adds the clean text to b.
func Append(b []byte, s string) []byte {
	for _, c := range s {
		b = AppendRune(b, c)
	}
	return b
}

// AppendRune adds one character to b, a question mark if it can't be printed.
func AppendRune(b []byte, c rune) []byte {
	if !unicode.IsPrint(c) {
		c = '?'
	}
	return utf8.AppendRune(b, c)
}

// shown reports whether a character does no more than fill its place: it is printable, a space, a tab or a line end.
func shown(c rune) bool {
	return unicode.IsPrint(c) || unicode.Is(unicode.Zs, c) || c == '\n' || c == '\t'
}

// Writer passes text on without characters that steer a terminal, whatever it was made of. Lines and tabs remain.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte // of a character that isn't complete yet
}

// NewWriter returns a Writer in front of w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Raw returns what is behind a Writer, for bytes that are no text, or are meant to steer a terminal. Another writer is
// returned as it is.
func Raw(w io.Writer) io.Writer {
	if text, ok := w.(*Writer); ok {
		return text.w
	}
	return w
}

// Write implements io.Writer.
func (t *Writer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, clean := append(t.rest, p...), make([]byte, 0, len(p)+utf8.UTFMax)
	for len(b) > 0 && utf8.FullRune(b) {
		c, n := utf8.DecodeRune(b)
		if b = b[n:]; !shown(c) {
			c = '?'
		}
		clean = utf8.AppendRune(clean, c)
	}
	t.rest = append(t.rest[:0], b...)
	if _, err := t.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// EscapeJSON writes, in a JSON text, the characters that a Writer would replace as escapes: they mean the same.
func EscapeJSON(json []byte) []byte {
	escaped := make([]byte, 0, len(json))
	for _, c := range string(json) {
		switch {
		case shown(c):
			escaped = utf8.AppendRune(escaped, c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			escaped = fmt.Appendf(escaped, `\u%04x\u%04x`, high, low)
		default:
			escaped = fmt.Appendf(escaped, `\u%04x`, c)
		}
	}
	return escaped
}
