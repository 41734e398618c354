// Package text tells text that a person wrote from bytes that a terminal would obey.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FirstBad is where a text stops being UTF-8 without control characters other than tabs and line ends; -1 if it doesn't.
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

// Clean is the text without characters that steer a terminal: each that can't be printed, and each byte that isn't
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
