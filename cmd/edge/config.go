package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"edge/camera"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
	"edge/internal/files"
)

// defaultConfigFile is read where no other file is named.
const defaultConfigFile = "/etc/edge/edge.yaml"

// maxConfigFile keeps what parsing takes below some 30 MB: the parser spends 500 bytes on each two of a hostile file.
const maxConfigFile = 64 << 10

// config is what edge.yaml says; deploy/edge.yaml is the commented example. Flags go before the file, which goes before
// the defaults.
type config struct {
	Model    string // empty: the embedded default
	Labels   string // empty: those in the model
	Camera   camera.Spec
	Capture  camera.Options
	Fit      frame.Options
	Decision decision.Config
	Lines    []*gpio.Line // of each LED of Decision; nil where the file names none
	Threads  int          // 0: as many as there are cores
	Kernels  string       // empty: the best set for this CPU
	LogLevel slog.Level

	file  string         // where it was read, for error messages; empty for none
	lines map[string]int // line in the file of each value by its path, such as "leds[0].classes[1]"
}

// defaultConfig is what holds where nothing is said.
func defaultConfig() *config {
	return &config{}
}

// The rules' defaults: calm LEDs for a network that is right most of the time.
const (
	defaultOn   = 0.6
	defaultHold = time.Second
	defaultSpan = time.Second // of smoothing

	defaultNotSureBelow = 0.3
)

// defaultOff is the lower threshold where only the upper one is given.
func defaultOff(on float32) float32 { return float32(float64(on) * 2 / 3) }

// configError is a configuration that can't be used: the process ends with status 78 and isn't restarted. Each problem
// is a line of its own and begins with its place, such as "edge.yaml:12: ".
type configError struct{ problems []string }

func (e *configError) Error() string { return strings.Join(e.problems, "\n") }

// problem is one thing that is wrong in a file, and the line, from 1.
type problem struct {
	line int
	text string
}

// problemsIn is all that is wrong in a file, in its order, as a *configError; nil for none.
func problemsIn(file string, problems []problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b problem) int { return a.line - b.line })
	e := &configError{}
	for _, p := range problems {
		e.problems = append(e.problems, fmt.Sprintf("%s:%d: %s", file, p.line, p.text))
	}
	return e
}

// configErrorf is a configError of one problem.
func configErrorf(format string, args ...any) error {
	return &configError{[]string{fmt.Sprintf(format, args...)}}
}

// loadConfig reads a configuration file. Its errors are of type *configError and list everything that is wrong.
func loadConfig(name string) (*config, error) {
	data, err := files.Read(name, maxConfigFile)
	if err != nil {
		return nil, configErrorf("configuration: %v", err)
	}
	return parseConfig(name, data)
}

// parseConfig reads the text of a configuration file called name. Relative paths in it start at its directory.
func parseConfig(name string, text []byte) (*config, error) {
	c := defaultConfig()
	c.file = name
	r := &yamlReader{lines: map[string]int{}}
	r.document(text, c.read)
	c.lines = r.lines
	if err := problemsIn(name, append(r.problems, c.placed(c.Decision.Check())...)); err != nil {
		return nil, err
	}
	c.Model, c.Labels = c.relative(c.Model), c.relative(c.Labels)
	return c, nil
}

func (c *config) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.file), path)
}

// judge makes the judge of the network's output. An error of the rules is a *configError.
func (c *config) judge(o decision.Output) (*decision.Judge, error) {
	j, err := decision.NewJudge(c.Decision, o)
	var problems decision.Problems
	if !errors.As(err, &problems) {
		return j, err
	}
	return nil, problemsIn(c.file, c.placed(problems))
}

// gpioLines are the LEDs' lines. Each LED must have one.
func (c *config) gpioLines() ([]gpio.Line, error) {
	var missing []decision.Problem
	lines := make([]gpio.Line, len(c.Lines))
	for i, line := range c.Lines {
		if line == nil {
			const text = "led %q: no line: say where it is connected, such as line: GPIO17 or line: pin 11"
			missing = append(missing, decision.Problem{
				Path: fmt.Sprintf("leds[%d]", i), Text: fmt.Sprintf(text, c.Decision.LEDs[i].Name),
			})
			continue
		}
		lines[i] = *line
	}
	return lines, problemsIn(c.file, c.placed(missing))
}

// ledNames are the LEDs' names.
func (c *config) ledNames() []string {
	names := make([]string, len(c.Decision.LEDs))
	for i, l := range c.Decision.LEDs {
		names[i] = l.Name
	}
	return names
}

// placed finds the lines of problems: those of their paths, or of what encloses them where the file doesn't say them.
func (c *config) placed(found []decision.Problem) []problem {
	problems := make([]problem, len(found))
	for i, p := range found {
		problems[i] = problem{1, p.Text}
		for path := p.Path; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
			if line := c.lines[path]; line > 0 {
				problems[i].line = line
				break
			}
		}
	}
	return problems
}

// read reads the whole file.
func (c *config) read(r *yamlReader, n *node) {
	r.mapping(n, fields{
		"model":     text(&c.Model),
		"labels":    text(&c.Labels),
		"camera":    c.readCamera,
		"leds":      c.readLEDs,
		"states":    c.readStates,
		"threads":   whole(&c.Threads, 0, 64),
		"kernels":   text(&c.Kernels),
		"log_level": parsed(&c.LogLevel, parseLogLevel),
	})
}

func (c *config) readCamera(r *yamlReader, n *node) {
	r.mapping(n, fields{
		"source": parsed(&c.Camera, camera.ParseSpec),
		"size": func(r *yamlReader, n *node) {
			var s size
			parsed(&s, parseSize)(r, n)
			c.Capture.Width, c.Capture.Height = s.width, s.height
		},
		"fps":    number(&c.Capture.FPS, 0, 1000),
		"format": parsed(&c.Capture.Format, frame.ParseFormat),
		"stride": whole(&c.Capture.Stride, 0, 1<<20),
		"fit":    parsed(&c.Fit.Fit, frame.ParseFit),
		"roi":    parsed(&c.Fit.ROI, frame.ParseROI),
		"rotate": parsed(&c.Fit.Rotate, parseRotation),
		"mirror": boolean(&c.Fit.Mirror),
	})
}

func (c *config) readLEDs(r *yamlReader, n *node) {
	r.list(n, func(r *yamlReader, n *node) {
		led := decision.LED{
			On:        defaultOn,
			Off:       -1,
			Smoothing: decision.Smoothing{Span: defaultSpan},
			Hold:      defaultHold,
		}
		var line *gpio.Line
		activeLow := false
		r.mapping(n, fields{
			"name": text(&led.Name),
			"line": func(r *yamlReader, n *node) {
				line = new(gpio.Line)
				parsed(line, gpio.ParseLine)(r, n)
			},
			"active_low": boolean(&activeLow),
			"classes":    classes(&led.Classes),
			"on":         score(&led.On),
			"off":        score(&led.Off),
			"smoothing":  parsed(&led.Smoothing, decision.ParseSmoothing),
			"hold":       duration(&led.Hold),
			"blink":      blink(&led.Light),
		})
		if line != nil {
			line.ActiveLow = activeLow
			c.refuseTwice(r, n, *line)
		}
		if led.Off < 0 {
			led.Off = defaultOff(led.On)
		}
		c.Decision.LEDs = append(c.Decision.LEDs, led)
		c.Lines = append(c.Lines, line)
	})
}

// refuseTwice finds lines that are the same by name. That a pin and a name are the same line only the board knows.
func (c *config) refuseTwice(r *yamlReader, n *node, line gpio.Line) {
	for i, other := range c.Lines {
		if other != nil && line.String() != "" && other.String() == line.String() {
			path := n.path + ".line"
			r.problems = append(r.problems, problem{
				r.lines[path], fmt.Sprintf("%s: %v is the line of led %q already", path, line, c.Decision.LEDs[i].Name),
			})
		}
	}
}

func (c *config) readStates(r *yamlReader, n *node) {
	d := &c.Decision
	show := func(s *decision.Show) reading {
		return func(r *yamlReader, n *node) {
			r.mapping(n, fields{"leds": texts(&s.LEDs), "blink": blink(&s.Light)})
		}
	}
	r.mapping(n, fields{
		"starting":    show(&d.Starting),
		"camera_lost": show(&d.CameraLost),
		"not_sure": func(r *yamlReader, n *node) {
			d.NotSure = decision.NotSure{
				Below:     defaultNotSureBelow,
				Smoothing: decision.Smoothing{Span: defaultSpan},
				Hold:      defaultHold,
			}
			r.mapping(n, fields{
				"leds":      texts(&d.NotSure.LEDs),
				"blink":     blink(&d.NotSure.Light),
				"below":     score(&d.NotSure.Below),
				"smoothing": parsed(&d.NotSure.Smoothing, decision.ParseSmoothing),
				"hold":      duration(&d.NotSure.Hold),
			})
		},
	})
}

// classes reads one class or a list: a number is an index, anything else a name or a pattern.
func classes(dst *[]decision.Class) reading {
	return func(r *yamlReader, n *node) {
		*dst = nil
		r.oneOrMore(n, func(r *yamlReader, n *node) {
			var c decision.Class
			if n.isWhole() {
				whole(&c.Index, 0, 1<<31-1)(r, n)
			} else {
				text(&c.Name)(r, n)
			}
			*dst = append(*dst, c)
		})
	}
}

// blink reads {on: 200ms, off: 800ms}.
func blink(dst *decision.Light) reading {
	return func(r *yamlReader, n *node) {
		var l decision.Light
		before := len(r.problems)
		r.mapping(n, fields{"on": duration(&l.On), "off": duration(&l.Off)})
		if len(r.problems) == before && (l.On == 0 || l.Off == 0) {
			r.add(n, "%s: say how long it's on and how long off: {on: 200ms, off: 800ms}; without blink it's steady", n.path)
		}
		*dst = l
	}
}

// score reads a number from 0 to 1.
func score(dst *float32) reading {
	return func(r *yamlReader, n *node) {
		v := float64(*dst)
		number(&v, 0, 1)(r, n)
		*dst = float32(v)
	}
}

// size is of a frame, in pixels.
type size struct{ width, height int }

// String is what parseSize reads.
func (s size) String() string {
	if s == (size{}) {
		return ""
	}
	return fmt.Sprintf("%dx%d", s.width, s.height)
}

// parseSize reads "640x480".
func parseSize(s string) (size, error) {
	w, h, _ := strings.Cut(strings.ToLower(s), "x")
	width, errW := strconv.Atoi(strings.TrimSpace(w))
	height, errH := strconv.Atoi(strings.TrimSpace(h))
	const most = 16384
	if errW != nil || errH != nil || min(width, height) < 1 || max(width, height) > most {
		return size{}, fmt.Errorf("size %.40q: want WIDTHxHEIGHT in pixels, such as 640x480", s)
	}
	return size{width, height}, nil
}

// parseRotation reads degrees clockwise.
func parseRotation(s string) (int, error) {
	degrees, err := strconv.Atoi(s)
	if err != nil || !slices.Contains([]int{0, 90, 180, 270}, degrees) {
		return 0, fmt.Errorf("rotate %.40q: choose 0, 90, 180 or 270", s)
	}
	return degrees, nil
}

// parseLogLevel reads "debug", "info", "warn" or "error".
func parseLogLevel(s string) (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(s, level.String()) {
			return level, nil
		}
	}
	return 0, fmt.Errorf("log level %.40q: choose debug, info, warn or error", s)
}
