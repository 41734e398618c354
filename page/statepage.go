package page

import (
	"fmt"
	"html"
	"io"
	"time"
)

// writeStatePage writes a state for a person, without JavaScript.
func writeStatePage(w io.Writer, s *State) {
	text := html.EscapeString
	fmt.Fprintf(w, `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>edge: %s</title><link rel="stylesheet" href="/style.css"></head><body><main>
<h1>edge: %[1]s</h1>
<table><caption>LEDs</caption><tr><th scope="col">LED<th scope="col">shows<th scope="col">score<th scope="col">smoothed<th scope="col">on at<th scope="col">off below</tr>
`, text(s.State))
	for i := range s.LEDs {
		l := &s.LEDs[i]
		fmt.Fprintf(w, "<tr><th scope=\"row\">%s<td>%s<td>%.2f<td>%.2f", text(l.Name), text(l.Light), l.Score, l.Smoothed)
		if l.On > 0 {
			fmt.Fprintf(w, "<td>%.2f<td>%.2f</tr>\n", l.On, l.Off)
		} else {
			fmt.Fprint(w, "<td><td></tr>\n")
		}
	}
	fmt.Fprint(w, "</table>\n<table><caption>What is seen</caption>\n")
	for _, t := range s.Top {
		fmt.Fprintf(w, "<tr><th scope=\"row\">%s<td>%.2f</tr>\n", text(t.Label), t.Score)
	}
	fmt.Fprint(w, "</table>\n<table><caption>Last changes</caption>\n")
	for i := range s.Switches {
		c := &s.Switches[i]
		what := c.LED + " " + c.Light
		if c.LED == "" {
			what = c.State
		}
		fmt.Fprintf(w, "<tr><td><time datetime=\"%s\">%s</time><td>%s<td>%.2f</tr>\n",
			c.At.Format(time.RFC3339Nano), c.At.Format(time.DateTime), text(what), c.Score)
	}
	fmt.Fprint(w, "</table>\n<table><caption>The program</caption>\n")
	for _, row := range [][2]string{
		{"camera", s.Camera},
		{"frames a second", fmt.Sprintf("%.1f", s.FPS)},
		{"age of the newest frame", fmt.Sprintf("%.0f ms", s.Age*1000)},
		{"from frame to LED", fmt.Sprintf("%.1f ms", s.FrameToLED*1000)},
		{"frames seen, dropped, damaged", fmt.Sprintf("%d, %d, %d", s.Frames, s.Dropped, s.Damaged)},
		{"network", s.Model},
		{"version", s.Version},
	} {
		fmt.Fprintf(w, "<tr><th scope=\"row\">%s<td>%s</tr>\n", row[0], text(row[1]))
	}
	fmt.Fprint(w, "</table>\n<p>For machines: <a href=\"/metrics\">/metrics</a>; /state as JSON.</p></main></body></html>\n")
}
