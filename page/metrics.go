package page

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// writeMetrics writes the counts in Prometheus' text format, version 0.0.4. By hand: it is a page of code, and the client
// library would make the program 2.4 MB larger.
func (l *Live) writeMetrics(w io.Writer, s *State, targetFPS float64, lesson []lessonClass) error {
	var b strings.Builder
	m := metrics{&b}
	m.one("edge_build_info", "gauge", "The program.", 1, label{"version", s.Version})
	m.one("edge_model_info", "gauge", "The network.", 1, label{"model", s.Model}, label{"sha256", s.SHA256})
	m.one("edge_camera_up", "gauge", "Whether frames come.", truth(s.CameraUp))
	m.one("edge_camera_restarts_total", "counter", "How often the camera was lost, and tried again.", float64(s.Losses))
	m.head("edge_frames_total", "counter", "Frames, by what became of them.")
	for _, r := range []struct {
		result string
		count  uint64
	}{{"seen", s.Frames}, {"dropped", s.Dropped}, {"damaged", s.Damaged}} {
		m.line("edge_frames_total", float64(r.count), label{"result", r.result})
	}
	m.histogram("edge_inference_duration_seconds", "What the network took.", &l.inferred)
	m.histogram("edge_frame_to_led_seconds", "From a frame's capture until the LEDs were set.", &l.lit)
	m.head("edge_led_on", "gauge", "Whether an LED is lit.")
	for i := range s.LEDs {
		m.line("edge_led_on", truth(s.LEDs[i].Lit), label{"led", s.LEDs[i].Name})
	}
	m.head("edge_led_switches_total", "counter", "How often an LED changed.")
	for i := range s.LEDs {
		m.line("edge_led_switches_total", float64(s.LEDs[i].Switches), label{"led", s.LEDs[i].Name})
	}
	m.head("edge_led_score", "gauge", "The score of an LED's classes in the newest frame.")
	for i := range s.LEDs {
		m.line("edge_led_score", float64(s.LEDs[i].Score), label{"led", s.LEDs[i].Name})
	}
	m.one("edge_unknown_frames_total", "counter", "Frames of which the network wasn't sure.", float64(l.unsure.Load()))
	m.one("edge_fps", "gauge", "Frames a second, about the last ten.", s.FPS)
	if targetFPS > 0 {
		m.one("edge_target_fps", "gauge", "Frames a second that are wanted of the camera.", targetFPS)
	}
	if len(lesson) > 0 {
		m.head("edge_lesson_pictures", "gauge", "Pictures to teach from.")
	}
	for i := range lesson {
		m.line("edge_lesson_pictures", float64(len(lesson[i].Pictures)), label{"class", lesson[i].Name})
	}
	if s.Temperature != 0 {
		m.one("edge_temperature_celsius", "gauge", "Of the processor.", s.Temperature)
		m.one("edge_throttled", "gauge", "Whether the board runs slower than it could.", truth(s.Throttled != ""))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func truth(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

type label struct{ name, value string }

// metrics writes lines of the text format.
type metrics struct{ b *strings.Builder }

func (m metrics) head(name, kind, help string) {
	fmt.Fprintf(m.b, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", name, help, kind)
}

func (m metrics) one(name, kind, help string, value float64, labels ...label) {
	m.head(name, kind, help)
	m.line(name, value, labels...)
}

func (m metrics) line(name string, value float64, labels ...label) {
	m.b.WriteString(name)
	for i, l := range labels {
		m.b.WriteByte("{,"[min(i, 1)])
		m.b.WriteString(l.name)
		m.b.WriteString(`="`)
		m.b.WriteString(escapeLabel.Replace(l.value))
		m.b.WriteByte('"')
	}
	if len(labels) > 0 {
		m.b.WriteByte('}')
	}
	m.b.WriteByte(' ')
	m.b.WriteString(strconv.FormatFloat(value, 'g', -1, 64))
	m.b.WriteByte('\n')
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m metrics) histogram(name, help string, h *histogram) {
	m.head(name, "histogram", help)
	var n uint64
	for i, bound := range bounds {
		n += h.counts[i].Load()
		m.line(name+"_bucket", float64(n), label{"le", strconv.FormatFloat(bound, 'g', -1, 64)})
	}
	n += h.counts[len(bounds)].Load()
	m.line(name+"_bucket", float64(n), label{"le", "+Inf"})
	m.line(name+"_sum", float64(h.nanos.Load())/1e9)
	m.line(name+"_count", float64(n))
}
