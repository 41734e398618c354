package config

import (
	"strings"
	"testing"
)

const led = "leds:\n- name: cat\n"

// slips are those that people make; wanted is the line of the slip and a sentence that says how to mend it.
var slips = []struct{ name, file, want string }{
	{"no-break space", led + "  line:\u00a0GPIO17\n  classes: [1]\n", "f:3: column 8: a no-break space (U+00A0)"},
	{"no-break space after a key", led + "  line\u00a0: GPIO17\n", "f:3: column 7: a no-break space (U+00A0)"},
	{"no-break space in the indentation", led + "\u00a0 classes: 1\n", "f:3: column 1: a no-break space"},
	{"no-break space after a dash", "leds:\n-\u00a0name: a\n", "f:2: column 2: a no-break space"},
	{"no-break space in a class", led + "  classes: [tabby\u00a0cat]\n", "f:3: column 18: a no-break space"},
	{"zero-width space", led + "  classes: tabby\u200b\n", "f:3: column 17: a zero-width space (U+200B)"},
	{"ideographic space", led + "  classes: \u3000tabby\n", "f:3: column 12: an ideographic space (U+3000)"},
	{"en space", led + "  classes:\u20021\n", "f:3: column 11: a special blank (U+2002)"},
	{"byte order mark in the middle", led + "\ufeff  classes: 1\n", "f:3: column 1: a byte order mark (U+FEFF)"},
	{"line separator", "model: a\u2028threads: 2\n", "f:1: column 9: a line separator (U+2028)"},
	{"after CRLF", "# a\r\nmodel:\u00a0x\r\n", "f:2: column 7: a no-break space"},
	{"typographic quotes", led + "  classes: [“tabby cat”]\n", "f:3: column 13: “ is a typographic quote"},
	{"typographic single quotes", "leds:\n- name: ‘cat’\n  classes: 1\n", "f:2: column 9: ‘ is a typographic quote"},

	{"tab", "camera:\n\tsource: auto\n", "f:2: a tab: YAML wants blanks"},
	{"tab before a list", "leds:\n\t- name: cat\n", "f:2: a tab:"},
	{"tab after a dash", "leds:\n-\tname: cat\n  classes: 1\n", "f:2: a tab:"},
	{"tab below a value", led + "\tclasses: [1]\n", "f:3: a tab:"},
	{"blanks and a tab", led + "  \tclasses: [1]\n", "f:3: a tab:"},
	{"tab before a class", led + "  classes:\n\t- 1\n", "f:4: a tab:"},

	{"no colon, first line", "model net.tflite\nthreads: 2\n", `f:1: a colon is missing: write "model: net.tflite"`},
	{"no colon, in the middle", "threads: 2\nmodel net.tflite\nlabels: x\n", `f:2: a colon is missing: write "model: net.tflite"`},
	{"no colon, last line", "threads: 2\nmodel net.tflite\n", `f:2: a colon is missing`},
	{"no colon, alone", "model net.tflite\n", `f:1: a colon is missing: write "model: net.tflite"`},
	{"no colon after a dash", "leds:\n- name cat\n  classes: [1]\n", `f:2: a colon is missing: write "name: cat"`},
	{"no colon before a list", led + "  classes [1]\n", `f:3: a colon is missing: write "classes: [1]"`},
	{"no colon before an indented part", "camera\n  source: auto\n", `f:1: a colon is missing: write "camera: "`},
	{"no colon, a comment between", "camera\n# mine\n\n  source: auto\n", `f:1: a colon is missing`},
	{"no blank", "leds:\n- name:cat\n  classes: [1]\n", `f:2: a blank is missing after the colon: write "name: cat"`},
	{"no blank, in the middle", led + "  on:0.5\n  classes: [1]\n", `f:3: a blank is missing after the colon: write "on: 0.5"`},
	{"no blank, alone", "model:net.tflite\n", `f:1: a blank is missing after the colon: write "model: net.tflite"`},
	{"no blank between braces", "leds:\n- {name:cat, classes: 1}\n", `f:2: leds[0]: unknown key "name:cat": a blank is missing after the colon`},
	{"no blank after a dash", "leds:\n-name: cat\n classes: 1\n", ""},
	{"no blank after a dash, indented", "leds:\n  -name: cat\n", `f:2: leds: a blank is missing after the dash: write "- name"`},

	{"*", led + "  classes: *terrier\n", `f:3: a text that begins with * needs quotes: "*terrier"`},
	{"* in a list", led + "  classes: [a, *dog*, b]\n", `f:3: a text that begins with * needs quotes: "*dog*"`},
	{"* below", led + "  classes:\n  - *tabby cat*\n", `f:4: a text that begins with * needs quotes: "*tabby cat*"`},
	{"* alone", led + "  classes: *\n", `f:3: a text that begins with * needs quotes: "*"`},
	{"* and a comment", led + "  classes: *cat # all\n", `f:3: a text that begins with * needs quotes: "*cat"`},
	{"&", "leds:\n- name: & x\n", `f:2: a text that begins with & needs quotes: "& x"`},
	{"%", "leds:\n- name: %cat\n", `f:2: a text that begins with % needs quotes: "%cat"`},
	{"% first", "%cat\n", `f:1: a text that begins with % needs quotes`},
	{"@", "leds:\n- name: @cat\n", `f:2: a text that begins with @ needs quotes: "@cat"`},
	{"`", "leds:\n- name: `cat`\n", "f:2: a text that begins with ` needs quotes: \"`cat`\""},
	{"!", "leds:\n- name: !cat\n", `f:2: leds[0].name: tags ("!cat") aren't read here: a text that begins with ! needs quotes`},
	{">", "model: >x\n", `f:1: a text that begins with > needs quotes: ">x"`},

	{"open double quote", "leds:\n- name: \"cat\n  classes: 1\n", "f:2: column 9: this quote isn't closed"},
	{"open single quote", "leds:\n- name: 'cat\n  classes: 1\n", "f:2: column 9: this quote isn't closed"},
	{"quote in quotes", "leds:\n- name: 'it's'\n  classes: 1\n", "f:2: column 13: nothing may follow a closing quote"},
	{"backslash", `model: "C:\q"` + "\n", "f:1: a backslash in double quotes begins an escape"},
	{"open bracket", "model: a\nleds: [1\ncamera: b\n", "f:2: column 7: this [ isn't closed: ] is missing"},
	{"open bracket at the end", "model: a\nleds: [1", "f:2: column 7: this [ isn't closed: ] is missing"},
	{"open brace", "leds:\n- {name: a, classes: 1\n- {name: b}\n", "f:2: column 3: this { isn't closed: } is missing"},
	{"open brace in brackets", "leds: [{name: a]\n", "f:1: column 8: this { isn't closed"},
	{"closing bracket", "leds: ]\n", "f:1: column 7: a ] that nothing opens"},
	{"two commas", "leds: [a,, b]\n", "f:1: column 10: a comma with nothing before it"},

	{"two colons", "model: a: b\n", "f:1: column 9: a text with a colon and a blank in it needs quotes"},
	{"two colons between braces", "camera: {source: exec:a b: c}\n", "f:1: column 26: a text with a colon and a blank"},
	{"too deep", "camera:\n  source: auto\n   size: 1x1\n", "f:3: this line is indented deeper than the one above"},
	{"not deep enough", "camera:\n  source: auto\n size: 1x1\n", "f:3: this line's indentation fits none of the lines above"},
	{"list not deep enough", "leds:\n  - name: a\n - name: b\n", "f:3: this line's indentation fits none"},
	{"list beside a key", "leds: - name: a\n", "f:1: a list begins on a line of its own"},
	{"key below a list", "- a\nb: c\n", `f:2: the lines above are a list: begin this one with "- "`},
}

func TestSlips(t *testing.T) {
	for _, tt := range slips {
		_, err := Parse("f", []byte(tt.file))
		if tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.name, err, tt.want)
		} else if tt.want == "" && err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}

// TestNoSlips holds that what YAML allows, and what stands in quotes and comments, is left alone.
func TestNoSlips(t *testing.T) {
	for name, file := range map[string]string{
		"byte order mark":             "\ufeffmodel: x\n",
		"CRLF":                        "model: x\r\nthreads: 2\r\n",
		"CR":                          "model: x\rthreads: 2\r",
		"tabs between":                "leds:\n- name:\tcat\n  classes:\t[1]\n",
		"tab between braces":          "leds:\n- {name: cat,\n\tclasses: 1}\n",
		"blanks in quotes":            led + "  classes: \"tabby\u00a0cat\"\n",
		"blanks in single quotes":     led + "  classes: ['it''s\u00a0a cat', b]\n",
		"a quote after a backslash":   led + "  classes: \"a \\\"\u00a0cat\"\n",
		"a comment":                   "# no\u00a0break “quoted”\nmodel: x # “\u00a0”\n",
		"an apostrophe in a word":     led + "  classes: jack-o’-lantern\n",
		"quotes in the middle":        led + "  classes: the “cat”\n",
		"a colon without a blank":     "camera: {source: \"exec:a b:c\"}\n",
		"a hash in a word":            led + "  classes: a#b\n",
		"an apostrophe in plain text": led + "  classes: jack-o'-lantern\n",
	} {
		if _, err := Parse("f", []byte(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
