package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"edge/classifier"
	"edge/config"
	"edge/doctor"
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
	log := slog.New(slog.NewTextHandler(std.err, nil))
	findings := doctor.Examine(*configFile, func(c *config.Config) (*classifier.Classifier, error) {
		n := networkOf(c)
		net, backbone, err := n.openFor(c, log)
		backbone.Close()
		return net, err
	})
	write := writeFindings
	if *asJSON {
		write = writeFindingsJSON
	}
	if err := write(std.out, findings); err != nil {
		return err
	}
	if !doctor.Healthy(findings) {
		return errReported
	}
	return nil
}

// writeFindings writes the report for people: a line for each finding, and its fix on the next.
func writeFindings(w io.Writer, findings []doctor.Finding) error {
	marks := map[doctor.State]string{doctor.Good: "✓", doctor.Warning: "!", doctor.Missing: "✗"}
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
func writeFindingsJSON(w io.Writer, findings []doctor.Finding) error {
	return writeJSON(w, struct {
		OK       bool             `json:"ok"`
		Findings []doctor.Finding `json:"findings"`
	}{doctor.Healthy(findings), findings}, "  ")
}
