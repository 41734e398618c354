// Command gen writes licences.txt: the licences and notices of what cmd/edge links on any processor, as their modules carry
// them, and those that this repository names itself.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// own are the files of this repository, in the order in which they are printed.
var own = []struct{ about, file string }{
	{"edge", "LICENSE"},
	{"the network inside the program", "defaultmodel/LICENSE-NOTICE.md"},
	{"the names of its classes, and their groups", "catalogue/LICENSE-NOTICE.md"},
}

var isLicence = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents)([.-].*)?$`)

func main() {
	log.SetFlags(0)
	log.SetPrefix("licences: ")
	var text strings.Builder
	for _, o := range own {
		add(&text, o.about, filepath.Join("..", o.file))
	}
	goroot := strings.TrimSpace(run("env", "GOROOT"))
	addFolder(&text, "Go's runtime and standard library", goroot)
	for _, m := range modules() {
		addFolder(&text, m.name, m.folder)
	}
	if err := os.WriteFile("licences.txt", []byte(text.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

// module is one that is linked in.
type module struct{ name, folder string }

// modules are those of the packages that cmd/edge needs on some processor.
func modules() []module {
	var all []module
	for _, arch := range []string{"amd64", "arm64", "arm"} {
		os.Setenv("GOOS", "linux")
		os.Setenv("GOARCH", arch)
		const format = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"
		for line := range strings.Lines(run("list", "-deps", "-f", format, "edge/cmd/edge")) {
			if name, folder, found := strings.Cut(strings.TrimSpace(line), "\t"); found {
				all = append(all, module{name, folder})
			}
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(all)
}

func run(args ...string) string {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		log.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// addFolder adds each licence in a module's folder; there must be one.
func addFolder(text *strings.Builder, about, folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		log.Fatal(err)
	}
	found := false
	for _, e := range entries {
		if !e.IsDir() && isLicence.MatchString(e.Name()) {
			found = true
			add(text, about+", "+e.Name(), filepath.Join(folder, e.Name()))
		}
	}
	if !found {
		log.Fatalf("%s has no licence in %s: find out by hand what it is", about, folder)
	}
}

func add(text *strings.Builder, about, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	rule := strings.Repeat("=", 80)
	fmt.Fprintf(text, "%s\n%s\n%s\n\n%s\n\n", rule, about, rule, strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n")))
}
