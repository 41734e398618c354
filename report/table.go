package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"edge/board"
)

// Figures that a board didn't reach by itself are marked: from these parts on.
const (
	fullClock = 0.97 // of what the hardware can do
	steady    = 1.25 // the 95th percentile over the least
)

// Remarks says why a row's figures may not be what the board can do; nothing if they are.
func (r *Row) Remarks() string {
	var list []string
	note := func(format string, values ...any) {
		if s := fmt.Sprintf(format, values...); len(list) == 0 || list[len(list)-1] != s {
			list = append(list, s)
		}
	}
	for _, s := range []State{r.Before, r.After} {
		if s.Slowed {
			note("%s", s.Throttled)
		}
	}
	if c := r.After.Celsius; c >= board.Hot {
		note("%.0f °C", c)
	}
	if c := board.Fastest(r.After.Clocks); float64(c.MHz) < fullClock*float64(c.Most) {
		note("%d of %d MHz", c.MHz, c.Most)
	}
	if r.P95 > steady*r.Min {
		note("unsteady")
	}
	return strings.Join(list, "; ")
}

// Table returns the report for people, in Markdown.
func (r *Report) Table() string {
	var b strings.Builder
	line := func(format string, values ...any) { fmt.Fprintf(&b, format+"\n", values...) }
	m := r.Machine
	line("# %s", orUnknown(m.Model))
	line("")
	line("%s, %d cores, %.1f GB; %s. %s, kernels %s.", orUnknown(m.CPU), m.Cores, float64(m.Memory)/1e9, m.System, r.Edge, r.Kernels)
	line("Made by `edge bench --report` on %s, in %.0f s. Milliseconds of one inference, without a picture; GMAC/s at the median.", r.Date, r.Seconds)
	line("Estimate: what a model of the core says (docs/bench/cycles.md), without the small steps that it doesn't know.")
	line("Cold: no cache holds anything of the network. The last row repeats the first.")
	if governors := r.governors(); governors != "" {
		line("Governor: %s.", governors)
	}
	if r.Ended != "" {
		line("")
		line("**Not all was measured: %s. Here are %d of %d rows.**", r.Ended, len(r.Rows), r.Expected)
	}
	line("")
	line("| network | threads | min | p50 | p95 | cold | first | estimate | GMAC/s | MHz | °C | remarks |")
	line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
	for i := range r.Rows {
		row := &r.Rows[i]
		cold, celsius, mhz, model := "–", "–", "–", "–"
		if row.Model > 0 {
			model = fmt.Sprintf("%.2f", row.Model)
		}
		if row.Cold > 0 {
			cold = fmt.Sprintf("%.2f", row.Cold)
		}
		if row.After.Celsius != 0 {
			celsius = fmt.Sprintf("%.0f", row.After.Celsius)
		}
		if c := board.Fastest(row.After.Clocks); c.MHz > 0 {
			mhz = fmt.Sprint(c.MHz)
		}
		line("| %s | %d | %.2f | %.2f | %.2f | %s | %.2f | %s | %.2f | %s | %s | %s |", row.Network, row.Threads,
			row.Min, row.P50, row.P95, cold, row.First, model, row.GMACs, mhz, celsius, row.Remarks())
	}
	return b.String()
}

// governors lists who decided on the clocks, each once.
func (r *Report) governors() string {
	var list []string
	for _, row := range r.Rows {
		for _, c := range row.After.Clocks {
			if c.Governor != "" && !slices.Contains(list, c.Governor) {
				list = append(list, c.Governor)
			}
		}
	}
	return strings.Join(list, " ")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// FileName proposes what a report's files are called, without extension: after the board and the day.
func FileName(model string, day time.Time) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(model), "-"), "-")
	if name == "" {
		name = "board"
	}
	return "edge-bench-" + name + "-" + day.UTC().Format(time.DateOnly)
}
