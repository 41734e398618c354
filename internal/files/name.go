package files

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName returns an error unless a word may be a file's or a folder's own name: 1 to 100 bytes of one line of text that
// lead nowhere else and aren't hidden.
func CheckName(name string) error {
	const most = 100
	switch {
	case name == "" || len(name) > most:
		return fmt.Errorf("%.40q: a name has 1 to %d letters", name, most)
	case strings.HasPrefix(name, "."):
		return fmt.Errorf("%.40q: a name that begins with a dot is hidden", name)
	case strings.Contains(name, "/"):
		return fmt.Errorf("%.40q: a name has no slash", name)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("%.40q: a name is one line of text, in UTF-8", name)
	}
	return nil
}
