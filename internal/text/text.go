// Package text keeps control characters, which a terminal would obey, out of text that comes from files.
package text

import (
	"strings"
	"unicode"
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
