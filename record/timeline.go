package record

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"edge/decision"
	"edge/internal/text"
)

// Timeline collects what a replay with other rules or another network gives: a table of what would have been different,
// and a drawing. Its Take is a Replay's Took.
type Timeline struct {
	Tracks      []Track
	Differences []Difference
	More        int // differences beyond those listed

	from, to time.Time
	open     map[string]*Difference
	unknown  int
}

// Track is one LED.
type Track struct {
	Name            string
	On, Off         float32
	WasLit, NowLit  time.Duration
	WasOn, NowOn    int // how often it lit up
	columns         []column
	was, now, known bool // at the moment before
	last            time.Time
}

// column is what happened in one part of the time.
type column struct {
	seen          bool
	score         float32 // the highest
	low, high     float32 // of what smoothing makes of it
	was, now, not bool    // lit as recorded, lit now, somewhere not the same
}

// Difference is a time in which an LED would have shown something else.
type Difference struct {
	LED      string
	From, To time.Time
	Moments  int
	Was, Now string
	Score    float32 // of the LED, now, at its beginning
	Class    int     // the top class then
}

const (
	mostColumns     = 4000
	mostDifferences = 1000
)

// NewTimeline makes a timeline of a recording for these rules.
func NewTimeline(r *Recording, rules *decision.Config) *Timeline {
	t := &Timeline{open: map[string]*Difference{}}
	for s := range r.Steps() {
		if t.from.IsZero() || s.Wall.Before(t.from) {
			t.from = s.Wall
		}
		if s.Wall.After(t.to) {
			t.to = s.Wall
		}
	}
	columns := min(max(int(t.to.Sub(t.from).Seconds()*20), 200), mostColumns)
	for i := range rules.LEDs {
		led := &rules.LEDs[i]
		track := Track{Name: led.Name, columns: make([]column, columns)}
		if len(led.Classes) > 0 {
			track.On, track.Off = led.On, led.Off
		}
		t.Tracks = append(t.Tracks, track)
	}
	return t
}

// Take takes a moment.
func (t *Timeline) Take(o Outcome) {
	if !o.Known {
		t.unknown++
	}
	for i := range t.Tracks {
		track := &t.Tracks[i]
		was, named := o.lightOf(track.Name)
		t.take(track, &o, i, was, named)
	}
}

// lightOf is what an LED of that name showed.
func (o *Outcome) lightOf(name string) (decision.Light, bool) {
	i := slices.IndexFunc(o.Header.Rules.LEDs, func(l decision.LED) bool { return l.Name == name })
	if i < 0 || i >= len(o.Was.Lights) {
		return decision.Dark, false
	}
	return o.Was.Lights[i], true
}

func (t *Timeline) take(track *Track, o *Outcome, i int, was decision.Light, named bool) {
	if !o.Known || i >= len(o.Now.Lights) {
		track.known = false
		t.close(track.Name)
		return
	}
	now := o.Now.Lights[i]
	wasLit, nowLit := was != decision.Dark, now != decision.Dark
	if track.known {
		passed := max(o.Wall.Sub(track.last), 0)
		if track.was {
			track.WasLit += passed
		}
		if track.now {
			track.NowLit += passed
		}
	}
	if wasLit && (!track.known || !track.was) {
		track.WasOn++
	}
	if nowLit && (!track.known || !track.now) {
		track.NowOn++
	}
	track.was, track.now, track.known, track.last = wasLit, nowLit, true, o.Wall

	c := &track.columns[t.column(o.Wall, len(track.columns))]
	if !c.seen {
		*c = column{seen: true, low: o.Smoothed[i], high: o.Smoothed[i]}
	}
	c.score = max(c.score, o.Scores[i])
	c.low, c.high = min(c.low, o.Smoothed[i]), max(c.high, o.Smoothed[i])
	c.was, c.now = c.was || wasLit, c.now || nowLit
	c.not = c.not || was != now

	if was == now || !named {
		t.close(track.Name)
		return
	}
	d := t.open[track.Name]
	if d != nil && (d.Was != was.String() || d.Now != now.String()) {
		t.close(track.Name)
		d = nil
	}
	if d == nil {
		d = &Difference{
			LED: track.Name, From: o.Wall, Was: was.String(), Now: now.String(), Score: o.Scores[i], Class: o.Top,
		}
		t.open[track.Name] = d
	}
	d.To = o.Wall
	d.Moments++
}

func (t *Timeline) column(at time.Time, n int) int {
	whole := t.to.Sub(t.from)
	if whole <= 0 {
		return 0
	}
	return min(max(int(float64(n)*float64(at.Sub(t.from))/float64(whole)), 0), n-1)
}

// close ends a difference.
func (t *Timeline) close(led string) {
	d := t.open[led]
	if d == nil {
		return
	}
	delete(t.open, led)
	if len(t.Differences) == mostDifferences {
		t.More++
		return
	}
	t.Differences = append(t.Differences, *d)
}

// Finish is called after the last moment.
func (t *Timeline) Finish() {
	for i := range t.Tracks {
		t.close(t.Tracks[i].Name)
	}
	slices.SortStableFunc(t.Differences, func(a, b Difference) int { return a.From.Compare(b.From) })
}

const clock = "15:04:05.000"

// WriteTable writes what would have been different, for a person. class names classes.
func (t *Timeline) WriteTable(w io.Writer, class func(int) string) error {
	fmt.Fprintf(w, "%s to %s", t.from.Format(time.DateOnly+" "+clock), t.to.Format(clock))
	if t.unknown > 0 {
		fmt.Fprintf(w, "; %d moments can't be compared: their frames weren't kept, or what was before them is missing", t.unknown)
	}
	fmt.Fprint(w, "\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "LED\twas lit\twent on\twould be lit\twould go on\t\n")
	for _, track := range t.Tracks {
		fmt.Fprintf(table, "%s\t%v\t%d\t%v\t%d\t\n", text.Clean(track.Name), round(track.WasLit), track.WasOn, round(track.NowLit), track.NowOn)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(t.Differences) == 0 {
		_, err := fmt.Fprint(w, "\nNothing would have been different.\n")
		return err
	}
	fmt.Fprintf(w, "\nDifferent (%d):\n", len(t.Differences)+t.More)
	for _, d := range t.Differences {
		fmt.Fprintf(w, "  %s – %s  %s: was %s, would be %s", d.From.Format(clock), d.To.Format(clock), text.Clean(d.LED), d.Was, d.Now)
		if d.Class >= 0 {
			fmt.Fprintf(w, "  (%.2f; seen: %s)", d.Score, class(d.Class))
		}
		fmt.Fprintln(w)
	}
	if t.More > 0 {
		fmt.Fprintf(w, "  … and %d more\n", t.More)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }

// WriteHTML draws the timeline as a page of its own, which needs nothing else.
func (t *Timeline) WriteHTML(w io.Writer, title string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s</title>
<style>
:root{color-scheme:light dark}body{font:16px/1.4 system-ui,sans-serif;margin:1rem}
section{overflow-x:auto;margin-block:1rem}svg{display:block}text{font-size:11px;fill:currentColor}
.score{fill:#8888;stroke:none}.mean{fill:#06c9;stroke:#06c}.limit{stroke:#c60;stroke-dasharray:4 3;fill:none}
.was{fill:#888}.now{fill:#06c}.not{fill:#d22}
@media(prefers-color-scheme:dark){.mean{fill:#6bf9;stroke:#6bf}.now{fill:#6bf}.not{fill:#f66}}
</style><h1>%[1]s</h1>
<p>Grey: each frame's score. Blue: what smoothing makes of it. Dashed: the thresholds. Below: when the LED was lit (grey),
when it would be lit (blue), and where they differ (red).</p>
`, html.EscapeString(title))
	for i := range t.Tracks {
		t.draw(&b, &t.Tracks[i])
	}
	if len(t.Differences) > 0 {
		b.WriteString("<table><caption>Differences</caption><tr><th>from<th>to<th>LED<th>was<th>would be</tr>\n")
		for _, d := range t.Differences {
			fmt.Fprintf(&b, "<tr><td>%s<td>%s<td>%s<td>%s<td>%s</tr>\n", d.From.Format(clock), d.To.Format(clock),
				html.EscapeString(d.LED), html.EscapeString(d.Was), html.EscapeString(d.Now))
		}
		b.WriteString("</table>\n")
	}
	b.WriteString("</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

const graphHeight = 120

// draw draws a track: a column a pixel.
func (t *Timeline) draw(b *strings.Builder, track *Track) {
	width := len(track.columns)
	name := html.EscapeString(track.Name)
	fmt.Fprintf(b, `<section tabindex="0" aria-label="%s"><h2>%[1]s</h2><svg width="%d" height="%d" role="img" aria-label="%[1]s: was lit %v, would be lit %v">`,
		name, width, graphHeight+50, round(track.WasLit), round(track.NowLit))
	var score, mean, was, now, not strings.Builder
	y := func(v float32) int { return int(math.Round(graphHeight * (1 - float64(min(max(v, 0), 1))))) }
	for x := range track.columns {
		c := &track.columns[x]
		if !c.seen {
			continue
		}
		fmt.Fprintf(&score, "M%d %dv%dh1v%dz", x, graphHeight, y(c.score)-graphHeight, graphHeight-y(c.score))
		fmt.Fprintf(&mean, "M%d %dV%d", x, y(c.low)+1, y(c.high))
	}
	bar := func(p *strings.Builder, top, height int, lit func(*column) bool) {
		for x := 0; x < width; x++ {
			from := x
			for x < width && track.columns[x].seen && lit(&track.columns[x]) {
				x++
			}
			if x > from {
				fmt.Fprintf(p, "M%d %dv%dh%dv%dz", from, top, height, x-from, -height)
			}
		}
	}
	bar(&was, graphHeight+6, 8, func(c *column) bool { return c.was })
	bar(&now, graphHeight+16, 8, func(c *column) bool { return c.now })
	bar(&not, graphHeight+26, 4, func(c *column) bool { return c.not })
	fmt.Fprintf(b, `<path class="score" d="%s"/><path class="mean" d="%s"/>`, &score, &mean)
	if track.On > 0 {
		fmt.Fprintf(b, `<path class="limit" d="M0 %dH%d M0 %dH%[2]d"/>`, y(track.On), width, y(track.Off))
	}
	fmt.Fprintf(b, `<path class="was" d="%s"/><path class="now" d="%s"/><path class="not" d="%s"/>`, &was, &now, &not)
	for x := 0; x < width; x += 200 {
		at := t.from.Add(time.Duration(float64(t.to.Sub(t.from)) * float64(x) / float64(width)))
		fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`, x, graphHeight+44, at.Format("15:04:05.0"))
	}
	b.WriteString("</svg></section>\n")
}
