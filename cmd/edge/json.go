package main

import (
	"bytes"
	"encoding/json"
	"io"

	"edge/internal/text"
)

// writeJSON prints a value as JSON, in one line if indent is empty. Characters of names that a terminal would obey are
// escaped.
func writeJSON(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(text.EscapeJSON(b.Bytes()))
	return err
}
