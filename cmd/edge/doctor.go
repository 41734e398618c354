package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"edge/board"
	"edge/config"
	"edge/kernels"
)

// runDoctor says what this machine has and what `edge run` lacks, each with its fix. It fails when something is
// missing; warnings don't count.
func runDoctor(_ context.Context, args []string, std streams) error {
	f := newFlags("doctor", std)
	configFile := f.String("config", config.DefaultFile, "the configuration to check, a `FILE`")
	asJSON := f.Bool("json", false, "write one JSON object")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	findings := examine(*configFile)
	write := writeFindings
	if *asJSON {
		write = writeFindingsJSON
	}
	if err := write(std.out, findings); err != nil {
		return err
	}
	if !healthy(findings) {
		return errReported
	}
	return nil
}

// finding is one line of the doctor's report.
type finding struct {
	Check string `json:"check"` // what was looked at: "camera"
	State state  `json:"state"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// state is how a check went.
type state string

const (
	good    state = "ok"
	warning state = "warning" // works, but not as well as it could
	missing state = "missing" // `edge run` fails, or its LEDs stay dark
)

func fine(check, text string) finding      { return finding{check, good, text, ""} }
func warn(check, text, fix string) finding { return finding{check, warning, text, fix} }
func fail(check, text, fix string) finding { return finding{check, missing, text, fix} }

func healthy(findings []finding) bool {
	return !slices.ContainsFunc(findings, func(f finding) bool { return f.State == missing })
}

// writeFindings writes the report for people: a line for each finding, and its fix on the next.
func writeFindings(w io.Writer, findings []finding) error {
	marks := map[state]string{good: "✓", warning: "!", missing: "✗"}
	const margin = "\n            "
	var b strings.Builder
	for _, f := range findings {
		text := f.Text
		if f.Fix != "" {
			text += "\n→ " + f.Fix
		}
		fmt.Fprintf(&b, "%s %-9s %s\n", marks[f.State], f.Check, strings.ReplaceAll(text, "\n", margin))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFindingsJSON writes the report for programs.
func writeFindingsJSON(w io.Writer, findings []finding) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		OK       bool      `json:"ok"`
		Findings []finding `json:"findings"`
	}{healthy(findings), findings})
}

// examine looks at everything once, in the order in which a picture passes through it.
func examine(configFile string) []finding {
	root := board.Host()
	machine, health := board.Detect(root), board.ReadHealth(root)
	settings, err := config.Load(configFile)

	findings := []finding{
		checkBoard(machine),
		checkProcessor(machine, board.Features(), kernels.Available()),
		checkMemory(machine, health),
	}
	findings = append(findings, checkHealth(health)...)
	findings = append(findings, checkConfig(configFile, err))
	if settings == nil {
		settings = config.Default()
	}
	findings = append(findings, checkCamera(settings.Camera)...)
	findings = append(findings, checkNetwork(settings))
	findings = append(findings, checkLEDs(machine, settings)...)
	findings = append(findings, checkGroups(currentUser())...)
	return append(findings, checkService(showService()))
}
