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
