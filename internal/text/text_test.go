package text

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestFirstBad(t *testing.T) {
	for s, want := range map[string]int{
		"": -1, "a\tb\r\n": -1, "Größe 猫": -1, "a\x1b[2J": 1, "a\x00": 1, "é\xff": 2, "\u0085": 0, "x\x7f": 1,
	} {
		if got := FirstBad([]byte(s)); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Käse 猫.jpg":     "Käse 猫.jpg",
		"\x1b[2Ja\r\nb":  "?[2Ja??b",
		"\u202egnp.exe":  "?gnp.exe",
		"a\u00a0b\u0085": "a?b?",
		"\xff":           "\ufffd",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWriter(t *testing.T) {
	var b strings.Builder
	w := NewWriter(&b)
	for _, part := range []string{"a\x1b[2J\tb\n", "K\xc3", "\xa4se\u00a0\u202e\u009b\r", "\xff\n"} { // ä in two parts
		if n, err := io.WriteString(w, part); n != len(part) || err != nil {
			t.Errorf("%q: %d, %v", part, n, err)
		}
	}
	if want := "a?[2J\tb\nKäse\u00a0???\ufffd\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	if Raw(w) != io.Writer(&b) || Raw(&b) != io.Writer(&b) {
		t.Error("Raw isn't what is behind")
	}
}

func TestEscapeJSON(t *testing.T) {
	for _, s := range []string{"ä\u00a0 \n", "\u009b\u202e\x7f", "\U000e0041 🐈"} {
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		escaped := EscapeJSON(plain)
		var back string
		if err := json.Unmarshal(escaped, &back); err != nil || back != s {
			t.Errorf("%s: %q, %v", escaped, back, err)
		}
		if strings.ContainsFunc(string(escaped), func(c rune) bool { return !shown(c) }) {
			t.Errorf("%q steers a terminal", escaped)
		}
	}
}
