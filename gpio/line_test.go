package gpio

import (
	"strings"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		text string
		want Line
	}{
		{"GPIO17", Line{name: "GPIO17"}},
		{" gpio17 ", Line{name: "gpio17"}},
		{"SDA1", Line{name: "SDA1"}},
		{"P8_10", Line{name: "P8_10"}},
		{"PIN_11", Line{name: "PIN_11"}},
		{"pin 11", Line{pin: 11}},
		{"pin11", Line{pin: 11}},
		{"Pin  40", Line{pin: 40}},
		{"pinctrl-bcm2835:17", Line{chip: "pinctrl-bcm2835", offset: 17}},
		{"pinctrl-rp1: 0", Line{chip: "pinctrl-rp1"}},
		{"pinctrl-rp1:GPIO17", Line{chip: "pinctrl-rp1", name: "GPIO17"}},
		{"9030000.pl061:3", Line{chip: "9030000.pl061", offset: 3}},
		{"usb:hub:3", Line{chip: "usb:hub", offset: 3}},
	} {
		got, err := ParseLine(c.text)
		if err != nil || got != c.want {
			t.Errorf("ParseLine(%q) = %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
}

func TestParseLineErrors(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "empty"},
		{"  ", "empty"},
		{"17", "GPIO17"},
		{"17", "pin 17"},
		{"-3", "two lines"},
		{"pin 0", "counted from 1"},
		{":17", "label before the colon is missing"},
		{"pinctrl-rp1:", "line's name is missing"},
		{"GPIO\x0017", "not printable"},
		{"GPIO17é", "not printable"},
		{strings.Repeat("x", 32), "longer than 31"},
		{strings.Repeat("x", 32) + ":1", "longer than 31"},
	} {
		_, err := ParseLine(c.text)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseLine(%q): error %v; want one that says %q", c.text, err, c.says)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for _, s := range []string{"GPIO17", "pin 11", "pinctrl-rp1:17", "a:b", "pin", "pin 99999", "a: pin 3", ":", "17"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLine(text)
		if err != nil {
			return
		}
		again, err := ParseLine(l.String())
		if err != nil || again != l {
			t.Errorf("ParseLine(%q) = %+v, which is written %q and read back as %+v, %v", text, l, l, again, err)
		}
		if _, err := Find(piChips(), piHeader(), l); err != nil && !strings.Contains(err.Error(), l.String()) {
			t.Errorf("Find(%q): %v", text, err)
		}
	})
}
