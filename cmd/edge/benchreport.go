package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"edge/board"
	"edge/internal/files"
	"edge/report"
)

// reportName stands for a name after the board and the day.
const reportName = "auto"

// benchReport measures the board and writes what it found, after each row anew: what was measured before an interruption,
// or before the board hung, is kept.
func benchReport(ctx context.Context, f *pflag.FlagSet, name string, std streams) error {
	if f.NArg() > 0 {
		return configErrorf("edge bench: unexpected %q: the report's name follows an equals sign, --report=%[1]s", f.Arg(0))
	}
	var others []string
	f.Visit(func(flag *pflag.Flag) {
		if flag.Name != "report" {
			others = append(others, "--"+flag.Name)
		}
	})
	if len(others) > 0 {
		return configErrorf("edge bench: %s: --report follows a fixed protocol, so that boards can be compared, and takes no other flag",
			strings.Join(others, " "))
	}
	machine := board.Detect(board.Host())
	if name == reportName {
		name = report.FileName(machine.Model, time.Now())
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".json"), ".md")
	for _, end := range []string{".json", ".md"} {
		if err := checkNew(name+end, std.out); err != nil {
			return err
		}
	}
	adviseGovernor(std.err)
	progress := progressLine(std.err)
	r, err := report.Measure(ctx, versionLine(), func(r *report.Report) error {
		if err := writeReport(name, r, std.out); err != nil {
			return fmt.Errorf("output: %w", err)
		}
		row, done := r.Rows[len(r.Rows)-1], len(r.Rows)
		text := fmt.Sprintf("%d of %d: %s, threads %d, %.2f ms", done, r.Expected, row.Network, row.Threads, row.P50)
		if row.After.Celsius != 0 {
			text += fmt.Sprintf(", %.0f °C", row.After.Celsius)
		}
		if remarks := row.Remarks(); remarks != "" {
			text += " (" + remarks + ")"
		}
		progress(text, done == r.Expected)
		return nil
	})
	if err != nil {
		return err
	}
	if r.Ended != "" && isTerminal(std.err) {
		fmt.Fprintln(std.err)
	}
	if len(r.Rows) == 0 {
		return fmt.Errorf("%s before the first network was measured: nothing has been written", r.Ended)
	}
	ended := ""
	if r.Ended != "" {
		ended = ": " + r.Ended
	}
	fmt.Fprintf(std.out, "%s.json and %[1]s.md hold %d of %d rows%s\n", name, len(r.Rows), r.Expected, ended)
	if ctx.Err() != nil {
		return errors.New("interrupted: what was measured until then is kept")
	}
	return nil
}

// checkNew fails if a file exists, as no measurement is to be lost to another, or if it can't be written.
func checkNew(name string, stdout io.Writer) error {
	if _, err := os.Lstat(name); err == nil {
		return configErrorf("edge bench: %s exists: move it away, or give another name, --report=NAME", name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return configErrorf("edge bench: %v", err)
	}
	w, err := files.Create(name, stdout)
	if err != nil {
		return configErrorf("edge bench: %v: go to a folder that can be written, or name one, --report=FOLDER/NAME", err)
	}
	w.Discard()
	return nil
}

// writeReport writes a report's two files in place of those of an earlier row.
func writeReport(name string, r *report.Report, stdout io.Writer) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	for _, part := range []struct{ end, text string }{{".json", string(data) + "\n"}, {".md", r.Table()}} {
		w, err := files.Create(name+part.end, stdout)
		if err != nil {
			return err
		}
		defer w.Discard()
		if _, err := w.WriteString(part.text); err != nil {
			return err
		}
		if err := w.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// adviseGovernor says how to keep the clock up, if it isn't.
func adviseGovernor(w io.Writer) {
	clocks := board.Clocks(board.Host())
	slow := slices.IndexFunc(clocks, func(c board.Clock) bool { return c.Governor != "" && c.Governor != "performance" })
	if slow >= 0 && strings.HasPrefix(runtime.GOARCH, "arm") {
		fmt.Fprintf(w, "The governor is %s. For steadier figures: echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor\n",
			clocks[slow].Governor)
	}
}
