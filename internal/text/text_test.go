package text

import "testing"

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
