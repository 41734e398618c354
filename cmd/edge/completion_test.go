package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestDocumentation holds that every command gives its flags, those of --help.
func TestDocumentation(t *testing.T) {
	for _, d := range documentation() {
		status, help, stderr := edge("help", d.name)
		if status != 0 || stderr != "" || !strings.HasPrefix(help, "edge "+d.name) {
			t.Errorf("edge help %s: status %d, %q", d.name, status, stderr)
		}
		if n := strings.Count(help, "--") - strings.Count(strings.SplitN(help, "\n", 2)[0], "--"); len(d.flags) > n {
			t.Errorf("%s has %d flags, its help shows %d", d.name, len(d.flags), n)
		}
		for _, f := range d.flags {
			if !strings.Contains(help, "--"+f.Name) {
				t.Errorf("%s: --%s isn't in the help", d.name, f.Name)
			}
		}
		if d.name == "teach" {
			for _, flag := range []string{"out", "class", "camera", "count", "every"} {
				if !slices.ContainsFunc(d.flags, func(f *pflag.Flag) bool { return f.Name == flag }) {
					t.Errorf("teach: --%s is missing", flag)
				}
			}
		}
		if d.name == "run" && len(d.flags) < 10 {
			t.Errorf("run has %d flags", len(d.flags))
		}
	}
}

// TestCompletion lets each shell that is installed read what is for it; bash completes as well.
func TestCompletion(t *testing.T) {
	for shell, want := range map[string]string{"bash": "--camera", "zsh": "--camera=[", "fish": "-l camera -r"} {
		status, script, stderr := edge("completion", shell)
		if status != 0 || stderr != "" || !strings.Contains(script, want) || !strings.Contains(script, "classify") {
			t.Errorf("%s: status %d, %s\n%s", shell, status, stderr, script)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s isn't installed: its script isn't read", shell)
			continue
		}
		check := exec.Command(path, "-n")
		check.Stdin = strings.NewReader(script)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s -n: %v\n%s", shell, err, out)
		}
		if shell != "bash" {
			continue
		}
		for line, want := range map[string]string{
			"edge cla": "classify classes", "edge run --cam": "--camera", "edge help ver": "version", "edge teach add door --cou": "--count",
			"edge run --leds ": "gpio terminal none", "edge run --leds te": "terminal", "edge run --fit = c": "crop", "edge run --fit =": "crop stretch letterbox",
			"edge model ": "list get verify", "edge completion z": "zsh", "edge record e": "export", "edge classify --rotate 1": "180",
		} {
			if strings.HasSuffix(line, " ") {
				line += "''"
			}
			complete := exec.Command(path, "-c", script+"\nCOMP_WORDS=("+line+"); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _edge; echo ${COMPREPLY[@]}")
			if out, err := complete.Output(); err != nil || strings.TrimSpace(string(out)) != want {
				t.Errorf("%q is completed to %q, %v; want %q", line, out, err, want)
			}
		}
	}
	if status, _, stderr := edge("completion", "csh"); status != statusConfig || !strings.Contains(stderr, "bash, zsh or fish") {
		t.Errorf("csh: %d, %s", status, stderr)
	}
}

func TestManPage(t *testing.T) {
	status, page, stderr := edge("man")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %s", status, stderr)
	}
	for _, c := range commands() {
		if !strings.Contains(page, ".SS edge "+strings.ReplaceAll(c.name, "-", `\-`)) {
			t.Errorf("%s is missing", c.name)
		}
	}
	path, err := exec.LookPath("man")
	if err != nil {
		t.Skip("man isn't installed: nobody has formatted the page")
	}
	format := exec.Command(path, "--warnings", "-E", "UTF-8", "-l", "-")
	format.Stdin = strings.NewReader(page)
	if out, err := format.CombinedOutput(); err != nil || !strings.Contains(string(out), "--camera") {
		t.Errorf("man: %v\n%s", err, out)
	}
}

func TestSuggestions(t *testing.T) {
	for typed, want := range map[string]string{"clasify": "did you mean classify", "chek-config": "check-config", "xyzzyfoo": "edge help lists them"} {
		for _, args := range [][]string{{typed}, {"help", typed}} {
			if status, _, stderr := edge(args...); status != statusConfig || !strings.Contains(stderr, want) {
				t.Errorf("edge %q: status %d, %q; want %q", args, status, stderr, want)
			}
		}
	}
}
