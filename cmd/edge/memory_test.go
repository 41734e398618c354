package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// runMeasured runs a command line and writes what Linux says of this process into a file.
func runMeasured(file string) {
	status := Main(context.Background(), os.Args[1:], streams{strings.NewReader(""), os.Stdout, os.Stderr})
	said, err := os.ReadFile("/proc/self/status")
	if err == nil {
		err = os.WriteFile(file, said, 0o600)
	}
	if err != nil {
		panic(err)
	}
	os.Exit(status)
}

// resident is the most memory that a process had which ran a command line, in bytes. Its output counts only if it panics.
func resident(t *testing.T, args ...string) int64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "status")
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "EDGE_TEST_MEASURED="+file)
	out, _ := cmd.CombinedOutput() // most are refused
	said, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("edge %q: %v\n%.2000s", args, err, out)
	}
	_, after, _ := strings.Cut(string(said), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatalf("edge %q: %v in %s", args, err, said)
	}
	return kilobytes << 10
}

// inputsOf writes the byte slices of a file of Go's fuzzing corpora into files of their own.
func inputsOf(t *testing.T, name string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		quoted, isBytes := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
		if !isBytes {
			continue
		}
		input, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		names = append(names, filepath.Join(t.TempDir(), "input"))
		write(t, names[len(names)-1], []byte(input))
	}
	return names
}

// TestMemoryPromise holds that no file takes more than 64 MiB of memory beyond its own size, whatever a command takes it for. Package
// frame has the same of pictures.
func TestMemoryPromise(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short, which goes with the race detector: that takes memory of its own")
	}
	const most = 64 << 20
	var names []string
	for _, root := range []string{"../..", "../../../shared/cases"} {
		_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
			case e.IsDir() && (strings.HasPrefix(e.Name(), ".") && path != root || e.Name() == "golden"): // golden files are tiny
				return fs.SkipDir
			case !e.Type().IsRegular():
			case strings.Contains(path, "testdata/fuzz"):
				names = append(names, inputsOf(t, path)...)
			case strings.Contains(path, "testdata") || strings.Contains(path, "shared/cases"):
				names = append(names, path)
			}
			return nil
		})
	}
	before := resident(t, "version")
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"inspect", name}, {"check-config", name}, {"replay", name}} {
			if beyond := resident(t, args...) - before - info.Size(); beyond > most {
				t.Errorf("edge %q: %d MiB beyond the file's %d", args, beyond>>20, info.Size()>>20)
			}
		}
	}
	t.Logf("%d files, each taken for a network, a configuration and a recording", len(names))
}
