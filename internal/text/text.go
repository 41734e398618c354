// Package text tells text that a person wrote from bytes that a terminal would obey.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FirstBad is where a text stops being UTF-8 without control characters other than tabs and line ends; -1 for nowhere.
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
