package download

import (
	"slices"
	"strings"
	"testing"
)

// abc is the SHA-256 of "abc" (FIPS 180-4, example B.1).
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

func TestPinOf(t *testing.T) {
	if got, want := PinOf("f", []byte("abc")), (Pin{"f", 3, abc}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestParsePins(t *testing.T) {
	for text, want := range map[string][]Pin{
		"":                  nil,
		"# nothing\n\n  \n": nil,
		"a.tflite 3 " + abc: {{"a.tflite", 3, abc}},
		"a 3 " + abc + "\r\n#\nb 0 " + strings.ToUpper(abc) + "\n": {{"a", 3, abc}, {"b", 0, abc}},
	} {
		got, err := ParsePins("f", []byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		again, err := ParsePins("f", FormatPins(got))
		if err != nil || !slices.Equal(again, want) {
			t.Errorf("%q, written and read: %v, %v", text, again, err)
		}
	}
	for text, want := range map[string]string{
		"a 3":                                   "f:1: ",
		"\n# x\na b " + abc:                     "f:3: ",
		"a 3 " + abc + " more":                  "f:1: ",
		"a -3 " + abc:                           "f:1: ",
		"a 3 " + abc[1:]:                        "f:1: ",
		"a 3 " + abc + "00":                     "f:1: ",
		"a 3 x" + abc[1:]:                       "f:1: ",
		"../a 3 " + abc:                         "f:1: ",
		"a\x1b[2J 3 " + abc:                     `\x1b`,
		strings.Repeat("a", 101) + " 3 " + abc:  "f:1: ",
		"a 3 " + abc + "\nb 3 " + abc + "\na 4": "f:3: ",
		"a 3 " + abc + "\na 3 " + abc:           "f:2: a is there twice",
		"a 99999999999999999999 " + abc:         "f:1: ",
		"TFL3\x00\x00":                          "f:1: ",
	} {
		if pins, err := ParsePins("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || pins != nil {
			t.Errorf("%q: %v, %v", text, pins, err)
		}
	}
	var many []Pin
	for i := range maxPins + 1 {
		many = append(many, Pin{"n" + strings.Repeat("i", i%50) + string(rune('a'+i/50)), 1, abc})
	}
	if _, err := ParsePins("f", FormatPins(many)); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("many: %v", err)
	}
}

func FuzzParsePins(f *testing.F) {
	f.Add("a 3 " + abc + "\n# comment\nb.tflite 4 " + abc)
	f.Add("\xff 3 " + abc)
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := ParsePins("f", []byte(text))
		if err != nil {
			return
		}
		slices.SortFunc(pins, func(a, b Pin) int { return strings.Compare(a.Name, b.Name) })
		again, err := ParsePins("f", FormatPins(pins))
		if err != nil || !slices.Equal(again, pins) {
			t.Errorf("%v written and read is %v, %v", pins, again, err)
		}
	})
}
