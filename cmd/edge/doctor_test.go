package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"edge/doctor"
)

func TestWriteFindings(t *testing.T) {
	findings := []doctor.Finding{
		{Check: "board", State: doctor.Good, Text: "Raspberry Pi 5"},
		{Check: "power", State: doctor.Warning, Text: "under-voltage", Fix: "use a better supply"},
		{Check: "config", State: doctor.Missing, Text: "edge.yaml:1: a\nedge.yaml:2: b", Fix: "mend it"},
	}
	var out bytes.Buffer
	if err := writeFindings(&out, findings); err != nil {
		t.Fatal(err)
	}
	want := `✓ board     Raspberry Pi 5
! power     under-voltage
            → use a better supply
✗ config    edge.yaml:1: a
            edge.yaml:2: b
            → mend it
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}

	out.Reset()
	if err := writeFindingsJSON(&out, findings); err != nil {
		t.Fatal(err)
	}
	var report struct {
		OK       bool
		Findings []doctor.Finding
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.OK || len(report.Findings) != 3 || report.Findings[2].State != doctor.Missing || report.Findings[1].Fix == "" {
		t.Errorf("JSON: %s", out.String())
	}
	if !doctor.Healthy(findings[:2]) {
		t.Error("warnings alone are no failure")
	}
}

// On any machine: a report that names the configuration, and a failure because that isn't there.
func TestDoctor(t *testing.T) {
	var out, errs bytes.Buffer
	absent := filepath.Join(t.TempDir(), "edge.yaml")
	err := runDoctor(t.Context(), []string{"--config", absent}, streams{out: &out, err: &errs})
	if !errors.Is(err, errReported) || !strings.Contains(out.String(), "✗ config    "+absent) || errs.Len() != 0 {
		t.Errorf("error %v, output\n%s%s", err, out.String(), errs.String())
	}
	var failed *configError
	if err := runDoctor(t.Context(), []string{"here"}, streams{out: &out}); !errors.As(err, &failed) {
		t.Errorf("an argument: %v; want an error of the command line", err)
	}
}
