// Package config reads edge.yaml: strictly, with defaults, and with the line of everything that is wrong.
//
//	file ──Load──▶ Config ──Judge──▶ decision.Judge
//	                      ──GPIOLines──▶ gpio.Line, one for each LED
//
// A configuration is read once, at the start, and all that is wrong with it comes in one *Error. The rooms whose values
// it holds know nothing of files: they say which of their fields is wrong (decision.Place), and this room knows on which
// line of the file that field stands.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
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
	"edge/model"
)

// DefaultFile is read if no other file is named.
const DefaultFile = "/etc/edge/edge.yaml"

// maxFile keeps what parsing takes below some 30 MB: the parser spends 500 bytes on each two of a hostile file.
const maxFile = 64 << 10

// Config is what edge.yaml says; deploy/edge.yaml is the commented example. Flags go before the file, which goes before
// the defaults.
type Config struct {
	Model     string // empty: the embedded default
	Labels    string // empty: those in the model
	Camera    camera.Spec
	Capture   camera.Options
	Normalize *model.Normalization // nil: what the model says
	Fit       frame.Options
	Decision  decision.Config
	Lines     []*gpio.Line // of each LED of Decision; nil if the file names none
	Threads   int          // 0: as many as there are cores
	Kernels   string       // empty: the best set for this CPU
	LogLevel  slog.Level
	Record    Record
	Page      Page
	Teach     Teach

	text  []byte         // of the file
	file  string         // where it was read; empty for none
	lines map[string]int // line in the file of each value by its path, such as "leds[0].classes[1]"
}

// Record says what the recorder keeps; see package record.
type Record struct {
	Memory     int64  // bytes in the runtime directory, or in Dir; 0: nothing is recorded
	Dir        string // in the place of the runtime directory
	Disk       int64  // bytes in the state directory; 0: none
	DiskPerDay int64  // bytes that are written there on one day
}

// Page says where the page is served; see package page.
type Page struct {
	Listen       string // address and port; empty: nowhere
	Password     string // a hash, as edge password writes it: who has it may change things
	ViewPassword string // who has this one may look
	Lesson       string // a folder of pictures to teach from; empty: in the service's state directory
}

// Teach says how classes are taught at the camera; see package teach.
type Teach struct {
	Lesson  string // a folder with a folder of pictures for each class; empty: nothing is taught
	LED     string // the name of one that blinks while pictures are taken; empty: none
	Buttons []Button
}

// Button is a line that a person presses: to ground, unless Line.ActiveLow is false.
type Button struct {
	Line  gpio.Line
	Class string // while it is held, pictures of this class are taken
	Undo  bool   // held for a second, it forgets the last ones
}

// Name is what people call the button.
func (b *Button) Name() string {
	if b.Undo {
		return "undo"
	}
	return strconv.Quote(b.Class)
}

// Default returns the configuration that an empty file means.
func Default() *Config {
	return &Config{Record: Record{Memory: 16 << 20, DiskPerDay: 20 << 20}}
}

// The rules' defaults: calm LEDs for a network that is right most of the time.
const (
	defaultOn   = 0.6
	defaultHold = time.Second
	defaultSpan = time.Second // of smoothing

	defaultNotSureBelow = 0.3
)

// defaultOff is the lower threshold if only the upper one is given.
func defaultOff(on float32) float32 { return float32(float64(on) * 2 / 3) }

// Error lists everything that is wrong with a configuration, in the file's order.
type Error struct {
	File     string
	Problems []Problem
}

// Problem is one thing that is wrong in a file.
type Problem struct {
	Line int    // from 1; 0 if the file can't be read at all
	Path string // of the value, such as leds[0].on; empty for the file as a whole
	Text string
}

// Error returns a line for each problem, which begins with its place, such as "edge.yaml:12: ".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		if p.Line == 0 {
			lines[i] = "configuration: " + p.Text
			continue
		}
		lines[i] = fmt.Sprintf("%s:%d: %s", e.File, p.Line, p.Text)
	}
	return strings.Join(lines, "\n")
}

// problemsIn is all that is wrong in a file, as an *Error; nil for none.
func problemsIn(file string, problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{file, problems}
}

// Join makes one *Error of several, with each problem once; nil if there are none. Other errors aren't its.
func Join(errs ...error) error {
	file := ""
	var problems []Problem
	for _, err := range errs {
		if e, ok := errors.AsType[*Error](err); ok {
			file = e.File
			for _, p := range e.Problems {
				if !slices.Contains(problems, p) {
					problems = append(problems, p)
				}
			}
		}
	}
	return problemsIn(file, problems)
}

// Load reads a configuration file, as Parse does. Its errors are of type *Error; if the file can't be read, nothing comes
// beside one.
func Load(name string) (*Config, error) {
	data, err := files.Read(name, maxFile)
	if err != nil {
		text := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			text += ": start from the commented example, deploy/edge.yaml, or name another file"
		}
		return nil, &Error{name, []Problem{{Text: text}}}
	}
	return Parse(name, data)
}

// Parse reads the text of a configuration file called name. Relative paths in it start at its directory. Its errors are
// of type *Error; beside one comes what could be read nevertheless, so that more can be found wrong with it at once.
func Parse(name string, text []byte) (*Config, error) {
	c := Default()
	c.file, c.text = name, text
	r := &yamlReader{lines: map[string]int{}}
	r.document(text, c.read)
	c.lines = r.lines
	err := problemsIn(name, slices.Concat(r.problems, c.placed(c.Decision.Check()), c.wiredTwice(), c.checkTeach()))
	c.Model, c.Labels, c.Record.Dir = c.relative(c.Model), c.relative(c.Labels), c.relative(c.Record.Dir)
	c.Page.Lesson, c.Teach.Lesson = c.relative(c.Page.Lesson), c.relative(c.Teach.Lesson)
	return c, err
}

func (c *Config) relative(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.file), path)
}

// Text returns the text of the file, byte for byte.
func (c *Config) Text() []byte { return c.text }

// File returns the name of the file that was read; empty for none.
func (c *Config) File() string { return c.file }

// Judge makes the judge of the network's output. What is wrong with the rules, such as a class that the network doesn't
// have, is an *Error.
func (c *Config) Judge(o decision.Output) (*decision.Judge, error) {
	j, err := decision.NewJudge(c.Decision, o)
	var problems decision.Problems
	if !errors.As(err, &problems) {
		return j, err
	}
	return nil, problemsIn(c.file, c.placed(problems))
}

// GPIOLines are the LEDs' lines. It is an *Error if an LED has none.
func (c *Config) GPIOLines() ([]gpio.Line, error) {
	var missing []Problem
	lines := make([]gpio.Line, len(c.Lines))
	for i, line := range c.Lines {
		if line == nil {
			const text = "led %q: no line: say where it is connected, such as line: GPIO17 or line: pin 11"
			at := decision.Place{LED: i}
			missing = append(missing, Problem{c.line(at), pathOf(at), fmt.Sprintf(text, c.Decision.LEDs[i].Name)})
			continue
		}
		lines[i] = *line
	}
	return lines, problemsIn(c.file, missing)
}

// Wire is what is connected to a line: an LED or a button.
type Wire struct {
	What string     // led "cat", button "open"
	Line *gpio.Line // nil if the file names none
	path string     // of the line in the file
}

// Wires are those of the LEDs, then those of the buttons.
func (c *Config) Wires() []Wire {
	var wires []Wire
	for i, line := range c.Lines {
		wires = append(wires, Wire{fmt.Sprintf("led %q", c.Decision.LEDs[i].Name), line, fmt.Sprintf("leds[%d].line", i)})
	}
	for i := range c.Teach.Buttons {
		b := &c.Teach.Buttons[i]
		wires = append(wires, Wire{"button " + b.Name(), &b.Line, fmt.Sprintf("teach.buttons[%d].line", i)})
	}
	return wires
}

// wiredTwice finds lines that are the same by name. That a pin and a name are the same line only the board knows.
func (c *Config) wiredTwice() []Problem {
	var problems []Problem
	wires := c.Wires()
	for i, w := range wires {
		for _, other := range wires[:i] {
			if w.Line != nil && other.Line != nil && w.Line.String() != "" && w.Line.String() == other.Line.String() {
				problems = append(problems, Problem{c.lines[w.path], w.path, fmt.Sprintf("%s: %v is the line of %s already", w.path, w.Line, other.What)})
			}
		}
	}
	return problems
}

// PlaceLines finds the lines of all Wires, in their order, on the chips of a machine. It is an *Error if the machine can't
// have one, or if two are the same. A place is nil if the LED has no line, or one of a chip that isn't there now. If the chips
// are not this machine's but those of any board with such a header, elsewhere is true: then only what is said of pins is held
// against them.
func (c *Config) PlaceLines(chips []gpio.Chip, h gpio.Header, elsewhere bool) ([]*gpio.Place, error) {
	var problems []Problem
	wires := c.Wires()
	places := make([]*gpio.Place, len(wires))
	for i, w := range wires {
		if w.Line == nil {
			continue
		}
		place, err := gpio.Find(chips, h, *w.Line)
		switch {
		case err == nil:
		case errors.Is(err, gpio.ErrNoLine) && (!elsewhere || w.Line.Pin() > 0):
			problems = append(problems, Problem{c.lines[w.path], w.path, fmt.Sprintf("%s: %v", w.What, err)})
			continue
		default:
			continue
		}
		same := slices.IndexFunc(places, func(p *gpio.Place) bool { return p != nil && *p == place })
		if same >= 0 {
			problems = append(problems, Problem{c.lines[w.path], w.path, fmt.Sprintf("%s: %v and %v, of %s, are the same line: give each its own",
				w.What, w.Line, wires[same].Line, wires[same].What)})
			continue
		}
		places[i] = &place
	}
	return places, problemsIn(c.file, problems)
}

// LEDNames returns the LEDs' names.
func (c *Config) LEDNames() []string {
	names := make([]string, len(c.Decision.LEDs))
	for i, l := range c.Decision.LEDs {
		names[i] = l.Name
	}
	return names
}

// placed finds the lines of the rules' problems.
func (c *Config) placed(found []decision.Problem) []Problem {
	problems := make([]Problem, len(found))
	for i, p := range found {
		problems[i] = Problem{c.line(p.Place), pathOf(p.Place), p.Text}
	}
	return problems
}

// line is the line of a place, or of what encloses it if the file doesn't say it.
func (c *Config) line(at decision.Place) int {
	for path := pathOf(at); path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		if line := c.lines[path]; line > 0 {
			return line
		}
	}
	return 1
}

// pathOf is how the file's keys lead to a place.
func pathOf(at decision.Place) string {
	path := fmt.Sprintf("leds[%d]", at.LED)
	switch at.State {
	case decision.Starting:
		path = "states.starting"
	case decision.CameraLost:
		path = "states.camera_lost"
	case decision.Unsure:
		path = "states.not_sure"
	}
	switch at.Field {
	case decision.FieldName:
		path += ".name"
	case decision.FieldClasses:
		path += fmt.Sprintf(".classes[%d]", at.Index)
	case decision.FieldOn:
		path += ".on"
	case decision.FieldOff:
		path += ".off"
	case decision.FieldSmoothing:
		path += ".smoothing"
	case decision.FieldHold:
		path += ".hold"
	case decision.FieldLight:
		path += ".blink"
	case decision.FieldLEDs:
		path += fmt.Sprintf(".leds[%d]", at.Index)
	case decision.FieldBelow:
		path += ".below"
	}
	return path
}

// read reads the whole file.
func (c *Config) read(r *yamlReader, n *node) {
	var none decision.Show
	r.mapping(n, fields{
		"model":   oneText(&c.Model),
		"labels":  oneText(&c.Labels),
		"camera":  c.readCamera,
		"leds":    c.readLEDs,
		"states":  func(r *yamlReader, n *node) { c.readStates(r, n, &none) },
		"threads": whole(&c.Threads, 0, 64),
		"kernels": oneText(&c.Kernels),
		"normalize": func(r *yamlReader, n *node) {
			c.Normalize = new(model.Normalization)
			parsed(c.Normalize, model.ParseNormalization)(r, n)
		},
		"log_level": parsed(&c.LogLevel, parseLogLevel),
		"record":    c.readRecord,
		"page":      c.readPage,
		"teach":     c.readTeach,
	})
	c.ruleForNone(r, none)
}

// ruleForNone turns states.none into what it is short for: classes: [none] of each of its LEDs. Problems with these rules
// are on its lines.
func (c *Config) ruleForNone(r *yamlReader, none decision.Show) {
	const state = "states.none"
	for k, name := range none.LEDs {
		at := fmt.Sprintf("%s.leds[%d]", state, k)
		add := func(format string, args ...any) {
			r.problems = append(r.problems, Problem{r.lines[at], at, fmt.Sprintf(format, args...)})
		}
		i := slices.Index(c.LEDNames(), name)
		switch {
		case name == "": // said already
			continue
		case i < 0:
			add("%s: there is no LED %q below leds:", at, name)
			continue
		case len(c.Decision.LEDs[i].Classes) > 0:
			add("%s: led %q has classes of its own, or is named here twice: write none among its classes, or give none an LED to itself", at, name)
			continue
		}
		led, path := &c.Decision.LEDs[i], fmt.Sprintf("leds[%d]", i)
		led.Classes = []decision.Class{decision.ClassName("none")}
		r.lines[path+".classes[0]"] = r.lines[at]
		if none.Light != (decision.Light{}) {
			led.Light = none.Light
			r.lines[path+".blink"] = r.lines[state+".blink"]
		}
	}
}

func (c *Config) readCamera(r *yamlReader, n *node) {
	if n.isText() {
		r.add(n, "camera: the camera's source goes on a line of its own, indented: source: %.200q", n.Value)
		return
	}
	r.mapping(n, fields{
		"source": parsed(&c.Camera, camera.ParseSpec),
		"size": func(r *yamlReader, n *node) {
			type size struct{ width, height int }
			var s size
			parsed(&s, func(text string) (size, error) {
				w, h, err := ParseSize(text)
				return size{w, h}, err
			})(r, n)
			c.Capture.Width, c.Capture.Height = s.width, s.height
		},
		"fps":    number(&c.Capture.FPS, 0, 1000),
		"format": parsed(&c.Capture.Format, frame.ParseFormat),
		"stride": whole(&c.Capture.Stride, 0, 1<<20),
		"fit":    parsed(&c.Fit.Fit, frame.ParseFit),
		"roi":    parsed(&c.Fit.ROI, frame.ParseROI),
		"rotate": parsed(&c.Fit.Rotate, ParseRotation),
		"mirror": boolean(&c.Fit.Mirror),
	})
}

func (c *Config) readRecord(r *yamlReader, n *node) {
	r.mapping(n, fields{
		"memory":       parsed(&c.Record.Memory, parseBytes),
		"dir":          oneText(&c.Record.Dir),
		"disk":         parsed(&c.Record.Disk, parseBytes),
		"disk_per_day": parsed(&c.Record.DiskPerDay, parseBytes),
	})
}

func (c *Config) readPage(r *yamlReader, n *node) {
	r.mapping(n, fields{
		"listen":        parsed(&c.Page.Listen, ParseListen),
		"password":      oneText(&c.Page.Password),
		"view_password": oneText(&c.Page.ViewPassword),
		"lesson":        oneText(&c.Page.Lesson),
	})
}

func (c *Config) readTeach(r *yamlReader, n *node) {
	r.mapping(n, fields{
		"lesson": oneText(&c.Teach.Lesson),
		"led":    oneText(&c.Teach.LED),
		"buttons": func(r *yamlReader, n *node) {
			r.list(n, func(r *yamlReader, n *node) {
				var b Button
				activeHigh := false
				r.mapping(n, fields{
					"line":        parsed(&b.Line, gpio.ParseLine),
					"active_high": boolean(&activeHigh),
					"class":       oneText(&b.Class),
					"undo":        boolean(&b.Undo),
				})
				b.Line.ActiveLow = !activeHigh
				if (b.Class == "") != b.Undo || b.Line.String() == "" {
					r.add(n, "%s: a button needs a line, and either a class or undo: true", n.path)
				}
				c.Teach.Buttons = append(c.Teach.Buttons, b)
			})
		},
	})
	if len(c.Teach.Buttons) > 0 && c.Teach.Lesson == "" {
		r.add(n, "%s: buttons need a lesson: a folder for the pictures", n.path)
	}
}

// checkTeach finds what is wrong with the names that teach: uses.
func (c *Config) checkTeach() []Problem {
	var problems []Problem
	if led := c.Teach.LED; led != "" && !slices.Contains(c.LEDNames(), led) {
		const path = "teach.led"
		problems = append(problems, Problem{c.lines[path], path, fmt.Sprintf("%s: there is no LED %q below leds:", path, led)})
	}
	for i, b := range c.Teach.Buttons {
		if b.Class == "" {
			continue
		}
		path := fmt.Sprintf("teach.buttons[%d].class", i)
		if err := files.CheckName(b.Class); err != nil {
			problems = append(problems, Problem{c.lines[path], path, fmt.Sprintf("%s: the pictures go into a folder of this name: %v", path, err)})
		}
		for _, other := range c.Teach.Buttons[:i] {
			if other.Class != b.Class && strings.EqualFold(other.Class, b.Class) {
				problems = append(problems, Problem{c.lines[path], path, fmt.Sprintf("%s: %q and %q differ in upper and lower case only: "+
					"spell both the same, or give one another name", path, b.Class, other.Class)})
			}
		}
	}
	return problems
}

// ParseListen reads an address and a port, such as 127.0.0.1:8080.
func ParseListen(s string) (string, error) {
	address, err := netip.ParseAddrPort(s)
	if err != nil || address.Port() == 0 {
		return "", fmt.Errorf("%.60q: want an address and a port, such as 127.0.0.1:8080, or 0.0.0.0:8080 for all of this machine's", s)
	}
	return s, nil
}

// parseBytes reads "16MB" or "off".
func parseBytes(s string) (int64, error) {
	if s == "off" || s == "0" {
		return 0, nil
	}
	number, isMB := strings.CutSuffix(s, "MB")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	const least, most = 1, 100_000
	if !isMB || err != nil || n < least || n > most {
		return 0, fmt.Errorf("%.40q: want a number of megabytes, such as 16MB, or off", s)
	}
	return int64(n) << 20, nil
}

func (c *Config) readLEDs(r *yamlReader, n *node) {
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
			"name": oneText(&led.Name),
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
		}
		if led.Off < 0 {
			led.Off = defaultOff(led.On)
		}
		c.Decision.LEDs = append(c.Decision.LEDs, led)
		c.Lines = append(c.Lines, line)
	})
}

// readStates reads what the states show. What none shows is a rule, and goes to none until all LEDs are known.
func (c *Config) readStates(r *yamlReader, n *node, none *decision.Show) {
	d := &c.Decision
	show := func(s *decision.Show) reading {
		return func(r *yamlReader, n *node) {
			r.mapping(n, fields{"leds": texts(&s.LEDs), "blink": blink(&s.Light)})
		}
	}
	r.mapping(n, fields{
		"starting":    show(&d.Starting),
		"camera_lost": show(&d.CameraLost),
		"none":        show(none),
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
				oneText(&c.Name)(r, n)
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

// ParseSize reads the size of a frame in pixels, such as "640x480".
func ParseSize(s string) (width, height int, err error) {
	w, h, _ := strings.Cut(strings.ToLower(s), "x")
	width, errW := strconv.Atoi(strings.TrimSpace(w))
	height, errH := strconv.Atoi(strings.TrimSpace(h))
	const most = 16384
	if errW != nil || errH != nil || min(width, height) < 1 || max(width, height) > most {
		return 0, 0, fmt.Errorf("size %.40q: want WIDTHxHEIGHT in pixels, such as 640x480", s)
	}
	return width, height, nil
}

// ParseRotation reads degrees clockwise.
func ParseRotation(s string) (int, error) {
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
