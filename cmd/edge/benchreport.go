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

// benchReport measures the board and writes what it found. What was measured before an interruption is kept.
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
	data, err := createNew(name+".json", std.out)
	if err != nil {
		return err
	}
	defer data.Discard()
	table, err := createNew(name+".md", std.out)
	if err != nil {
		return err
	}
	defer table.Discard()

	adviseGovernor(std.err)
	progress := progressLine(std.err)
	r, err := report.Measure(ctx, versionLine(), func(row report.Row, done, total int) {
		text := fmt.Sprintf("%d of %d: %s, threads %d, %.2f ms", done, total, row.Network, row.Threads, row.P50)
		if row.After.Celsius != 0 {
			text += fmt.Sprintf(", %.0f °C", row.After.Celsius)
		}
		if remarks := row.Remarks(); remarks != "" {
			text += " (" + remarks + ")"
		}
		progress(text, done == total)
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
	encoder := json.NewEncoder(data)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if _, err := io.WriteString(table, r.Table()); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := errors.Join(data.Commit(), table.Commit()); err != nil {
		return fmt.Errorf("output: %w", err)
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

// createNew begins a file that mustn't exist yet: no measurement is lost to another.
func createNew(name string, stdout io.Writer) (*files.Whole, error) {
	if _, err := os.Lstat(name); err == nil {
		return nil, configErrorf("edge bench: %s exists: move it away, or give another name, --report=NAME", name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, configErrorf("edge bench: %v", err)
	}
	w, err := files.Create(name, stdout)
	if err != nil {
		return nil, configErrorf("edge bench: %v: go to a folder that can be written, or name one, --report=FOLDER/NAME", err)
	}
	return w, nil
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
