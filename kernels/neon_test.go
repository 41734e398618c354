package kernels

import (
	"fmt"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// macro is a line of neon_arm64.h: #define NAME(args) WORD $(encoding) // syntax
type macro struct {
	name, encoding, syntax string
	args                   []string
}

var macroLine = regexp.MustCompile(`^#define (\w+)\(([^)]*)\) +WORD \$(\(.*\)) // (.*)$`)

func readMacros(t *testing.T) []macro {
	text, err := os.ReadFile("neon_arm64.h")
	if err != nil {
		t.Fatal(err)
	}
	var macros []macro
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#define") {
			continue
		}
		m := macroLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			t.Fatalf("not a macro as TestEncodings reads it: %s", line)
		}
		macros = append(macros, macro{m[1], m[3], m[4], strings.Split(m[2], ", ")})
	}
	return macros
}

// expand returns the word that the assembler emits for these arguments, and what it must mean.
func (m *macro) expand(t *testing.T, values []int) (word uint32, meaning string) {
	t.Helper()
	encoding, meaning := m.encoding, m.syntax
	for i, arg := range m.args {
		value := strconv.Itoa(values[i])
		encoding = strings.ReplaceAll(encoding, "("+arg+")", value)
		meaning = strings.ReplaceAll(meaning, "v"+arg+".", "v"+value+".")
		meaning = strings.ReplaceAll(meaning, "["+arg+"]", "["+value+"]")
		meaning = regexp.MustCompile(`\b([xd])`+arg+`\b`).ReplaceAllString(meaning, "${1}"+value)
	}
	// The assembler's shifts bind tighter than |, as Go's do.
	v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, encoding)
	if err != nil {
		t.Fatalf("%s: %s: %v", m.name, encoding, err)
	}
	w, ok := constant.Uint64Val(v.Value)
	if !ok || w > 1<<32-1 {
		t.Fatalf("%s: %s isn't a word", m.name, encoding)
	}
	return uint32(w), meaning
}

// decode returns the instruction in the header's syntax.
func decode(word uint32) string {
	rd, rn, rm := word&31, word>>5&31, word>>16&31
	switch { // what arm64asm doesn't know
	case word&0xffe0fc00 == 0x4e809400: // C7.2.267, SDOT (vector)
		return fmt.Sprintf("sdot v%d.4s, v%d.16b, v%d.16b", rd, rn, rm)
	case word&0xffc0f400 == 0x4f80e000: // C7.2.266, SDOT (by element)
		return fmt.Sprintf("sdot v%d.4s, v%d.16b, v%d.4b[%d]", rd, rn, rm, word>>21&1|word>>10&2)
	case word&0xffe0fc00 == 0x4e80a400: // C7.2.256, SMMLA (vector)
		return fmt.Sprintf("smmla v%d.4s, v%d.16b, v%d.16b", rd, rn, rm)
	}
	inst, err := arm64asm.Decode([]byte{byte(word), byte(word >> 8), byte(word >> 16), byte(word >> 24)})
	if err != nil {
		return err.Error()
	}
	return arm64asm.GNUSyntax(inst)
}

// check returns what is wrong with a macro, or "".
func (m *macro) check(t *testing.T) string {
	for k := range 32 {
		values := make([]int, len(m.args))
		for i, arg := range m.args {
			values[i] = (k + 7*i) % 32
			switch arg {
			case "i": // a lane
				values[i] = k % 4
			case "x", "b": // 31 means something else
				values[i] = k % 31
			}
		}
		word, want := m.expand(t, values)
		if got := decode(word); got != want {
			return fmt.Sprintf("%s%v = %08x decodes as %q, want %q", m.name, values, word, got, want)
		}
	}
	return ""
}

func TestEncodings(t *testing.T) {
	macros := readMacros(t)
	for _, m := range macros {
		if wrong := m.check(t); wrong != "" {
			t.Error(wrong)
		}
		// The name must say the instruction, and the test must notice one flipped bit anywhere.
		if stem, _, _ := strings.Cut(strings.ToLower(m.name), "_"); !strings.HasPrefix(m.syntax, stem+" ") {
			t.Errorf("%s is named otherwise than %q", m.name, m.syntax)
		}
		for bit := range 32 {
			planted := m
			planted.encoding = fmt.Sprintf("(%s ^ 1<<%d)", m.encoding, bit)
			if planted.check(t) == "" {
				t.Errorf("%s: bit %d flipped, and nothing noticed", m.name, bit)
			}
		}
	}
	if len(macros) < 30 {
		t.Errorf("%d macros read", len(macros))
	}
}
