//go:build amd64

package kernels

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/x86/x86asm"
)

// TestVEX decodes the instructions that are given as bytes and compares them with the comments behind.
func TestVEX(t *testing.T) {
	bytes := regexp.MustCompile(`BYTE \$(0x[0-9a-f]+)`)
	for _, name := range []string{"pointwise_avxvnni_amd64.s", "depthwise_avxvnni_amd64.s"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		decoded := 0
		for line := range strings.Lines(string(text)) {
			var code []byte
			for _, match := range bytes.FindAllStringSubmatch(line, -1) {
				b, err := strconv.ParseUint(match[1], 0, 8)
				if err != nil {
					t.Fatal(err)
				}
				code = append(code, byte(b))
			}
			if code == nil {
				continue
			}
			_, comment, _ := strings.Cut(line, "// ")
			inst, err := x86asm.Decode(code, 64)
			if err != nil {
				t.Fatalf("%s: %x, %q: %v", name, code, comment, err)
			}
			if got := x86asm.GoSyntax(inst, 0, nil); got != strings.TrimSpace(comment) {
				t.Fatalf("%s: %x decodes as %q, want %q", name, code, got, comment)
			}
			decoded++
		}
		if decoded == 0 {
			t.Errorf("%s: no bytes", name)
		}
	}
}
