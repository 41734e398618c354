package licences

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestEveryModule asks the go command what cmd/edge links, for each processor, and looks for each module at its version.
func TestEveryModule(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("skipped without the go command")
	}
	for _, arch := range []string{"amd64", "arm64", "arm"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "edge/cmd/edge")
		list.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch)
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		modules := 0
		for line := range strings.Lines(string(out)) {
			module := strings.TrimSpace(line)
			if module == "" {
				continue
			}
			modules++
			if !strings.Contains(Text, "\n"+module+", LICENSE") {
				t.Errorf("%s: no licence of %s: make generate", arch, module)
			}
		}
		if modules == 0 {
			t.Errorf("%s: no modules", arch)
		}
	}
}

// TestOwnParts looks for what isn't a module.
func TestOwnParts(t *testing.T) {
	for _, part := range []string{
		"Apache License\n                           Version 2.0", "Copyright 2009 The Go Authors", "EfficientNet-Lite0", "WordNet", "NOTICE",
	} {
		if !strings.Contains(Text, part) {
			t.Errorf("%q is missing", part)
		}
	}
}
