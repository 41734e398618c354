package model

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestREADMEListsOperations: people look there for what runs.
func TestREADMEListsOperations(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Skip(err)
	}
	words := strings.FieldsFunc(string(text), func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
	for _, name := range Operations() {
		if !slices.Contains(words, name) {
			t.Errorf("README.md doesn't list %s", name)
		}
	}
}

// TestRows: what every row must have, and where its operation stands in the schema.
func TestRows(t *testing.T) {
	for name, row := range operations {
		if !slices.Contains(tfliteOps, name) {
			t.Errorf("%s isn't in the schema", name)
		}
		if (row.read == nil) == (row.zero == nil) {
			t.Errorf("%s: either it is read, or it is what zero is", name)
		}
		if row.zero != nil && row.zero.op() != name {
			t.Errorf("%s: its zero is %s", name, row.zero.op())
		}
		if readAs := name == "EXPAND_DIMS" || name == "TRANSPOSE"; row.arithmetic == nil != readAs {
			t.Errorf("%s: nothing checks its arithmetic", name)
		}
	}
}
