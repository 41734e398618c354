package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"

	"edge/board"
	"edge/camera"
	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
	"edge/internal/text"
	"edge/lights"
	"edge/teach"
)

// runFlags are edge run's flags. Those that a configuration file can also set write straight into the configuration.
type runFlags struct {
	*pflag.FlagSet
	networkFlags
	file    string // the configuration
	leds    string
	verbose bool
}

func newRunFlags(c *config.Config, std streams) *runFlags {
	f := &runFlags{FlagSet: newFlags("run", std), networkFlags: networkOf(c)}
	f.StringVar(&f.file, "config", "", "configuration `FILE` (default: "+config.DefaultFile+" if it is there)")
	f.Var(&flagValue[camera.Spec]{&c.Camera, camera.ParseSpec, "CAMERA"}, "camera",
		"auto, N or /dev/videoN, /dev/v4l/by-id/…, a name, a directory or pictures, - or exec:COMMAND")
	f.Func("size", "size of the frames, `WxH`, such as 640x480", func(s string) (err error) {
		c.Capture.Width, c.Capture.Height, err = config.ParseSize(s)
		return err
	})
	f.Func("format", "`FORMAT` of the frames, such as yuyv, mjpeg or yuv420", func(s string) (err error) {
		c.Capture.Format, err = frame.ParseFormat(s)
		return err
	})
	f.IntVar(&c.Capture.Stride, "stride", c.Capture.Stride, "bytes `N` of a row of raw frames, if rows are padded")
	f.Var(&flagValue[float64]{&c.Capture.FPS, parseFPS, "N"}, "fps", "frames a second")
	f.BoolVar(&c.Capture.Loop, "loop", c.Capture.Loop, "begin again after the last picture")
	f.leds = "gpio"
	f.Var(&flagValue[string]{&f.leds, parseLEDs, "WHERE"}, "leds", "gpio, terminal (draw them) or none")
	f.networkFlags.add(f.FlagSet)
	f.addFit(f.FlagSet)
	f.StringVar(&c.Record.Dir, "record", c.Record.Dir, "keep what is seen and decided in this `FOLDER` (default: the service's runtime directory)")
	f.Var(&flagValue[string]{&c.Page.Listen, config.ParseListen, "ADDRESS"}, "page", "show a page at an address and port (alone: at "+defaultListen+")")
	f.Lookup("page").NoOptDefVal = defaultListen
	f.BoolVarP(&f.verbose, "verbose", "v", false, "log every frame")
	return f
}

// defaultListen is the page's address if --page is given without one: only this machine can reach it.
const defaultListen = "127.0.0.1:8080"

// into writes the network's flags into the configuration; the other flags do that themselves.
func (f *runFlags) into(c *config.Config) {
	c.Model, c.Labels, c.Kernels, c.Threads, c.Fit, c.Normalize = f.Model, f.Labels, f.Kernels, f.Threads, f.Fit, f.Normalize
}

// parseText parses another text of the configuration, under the same command line.
func (f *runFlags) parseText(text []byte, args []string, std streams) (*config.Config, error) {
	c, err := config.Parse(f.file, text)
	if err != nil {
		return nil, err
	}
	again := newRunFlags(c, std)
	if err := parseFlags(again.FlagSet, args); err != nil {
		return nil, err
	}
	again.into(c)
	return c, nil
}

func parseFPS(s string) (float64, error) {
	fps, err := strconv.ParseFloat(s, 64)
	if err != nil || !(fps >= 0 && fps <= 1000) {
		return 0, errors.New("want a number from 0 to 1000")
	}
	return fps, nil
}

// ledKinds are what --leds takes.
var ledKinds = []string{"gpio", "terminal", "none"}

func parseLEDs(s string) (string, error) {
	if !slices.Contains(ledKinds, s) {
		return "", errors.New("choose gpio, terminal or none")
	}
	return s, nil
}

// parseRun reads the command line twice: first to find the configuration file, then to override what that says.
func parseRun(args []string, std streams) (*runFlags, *config.Config, error) {
	c := config.Default()
	f := newRunFlags(c, std)
	if err := parseFlags(f.FlagSet, args); err != nil {
		return nil, nil, err
	}
	if f.file == "" {
		if _, err := os.Stat(config.DefaultFile); errors.Is(err, fs.ErrNotExist) {
			return f, c, nil
		}
		f.file = config.DefaultFile
	}
	c, err := config.Load(f.file)
	if err != nil {
		return nil, nil, err
	}
	f = newRunFlags(c, std)
	return f, c, parseFlags(f.FlagSet, args)
}

func runRun(ctx context.Context, args []string, std streams) error {
	f, c, err := parseRun(args, std)
	if err != nil {
		return err
	}
	if err := c.Camera.Check(c.Capture); err != nil {
		return configErrorf("%v", err)
	}
	watched := f.leds == "terminal" && isTerminal(std.out)
	switch {
	case f.verbose:
		c.LogLevel = slog.LevelDebug
	case watched: // the terminal shows what the log would say
		c.LogLevel = max(c.LogLevel, slog.LevelWarn)
	}
	log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: c.LogLevel}))

	net, backbone, err := f.openFor(c, log)
	if err != nil {
		return err
	}
	judge, err := c.Judge(net.Output)
	if err != nil {
		return err
	}
	if warning := net.Pixels.Warning(); warning != "" {
		log.Warn("pixels", "model", net.Name(), "warning", warning)
	}
	log.Info("network", "model", net.Name(), "kernels", net.Net.Kernels(), "threads", f.ThreadCount())
	if f.leds == "gpio" && len(c.Lines) == 0 {
		log.Warn("no LED is configured, none will be lit: name them under leds: in the configuration, or see --leds terminal")
	}
	moreThreads()
	defer holdSignals()()
	f.into(c)
	parse := func(text []byte) (*config.Config, error) { return f.parseText(text, args, std) }
	l := &loop{net: net, judge: judge, log: log, alive: watchdog(), network: f.Options, backbone: backbone}
	defer func() { // teaching exchanges them
		l.net.Close()
		l.backbone.Close()
	}()
	if err := l.openLights(f.leds, c, text.Raw(std.out)); err != nil {
		return err
	}
	err = l.watch(ctx, c, parse)
	if watched {
		fmt.Fprintf(std.out, "%d frames, %v each from frame to light\n", l.seen, l.mean())
	}
	return err
}

// moreThreads lets Go run one thread more than there are cores. The network's threads spin while they wait for each other; with
// only as many, what else wakes up has to wait for one of them, before the system can weigh their priorities. Measured
// in docs/bench/page.md.
func moreThreads() { runtime.GOMAXPROCS(runtime.NumCPU() + 1) }

// openFor opens the network of a configuration: what its lesson was taught, if it has one; see openTaught.
func (n *networkFlags) openFor(c *config.Config, log *slog.Logger) (*classifier.Classifier, *teach.Backbone, error) {
	if c.Teach.Lesson != "" {
		return openTaught(c, n.Options, log)
	}
	net, err := n.open()
	return net, nil, err
}

// watch opens the camera and walks its frames. When it ends, even in a panic, the LEDs are off.
func (l *loop) watch(ctx context.Context, c *config.Config, parse func([]byte) (*config.Config, error)) (err error) {
	defer func() { err = errors.Join(err, l.lights.Close()) }()
	// A service waits for its camera in the state "camera lost" instead of being restarted again and again; a person
	// is told at once.
	o := c.Capture
	o.Wait = os.Getenv("NOTIFY_SOCKET") != ""
	if l.camera, err = camera.Open(c.Camera, o); err != nil {
		return err
	}
	defer l.camera.Close()
	w, err := openWatchers(l, c, parse)
	if err != nil {
		return err
	}
	defer func() {
		incomplete := w.close()
		if incomplete != nil && ctx.Err() != nil { // a stop that was asked for is no failure for systemd, whatever the card does
			l.log.Warn("stopped, but not all was kept", "error", incomplete)
			return
		}
		err = errors.Join(err, incomplete)
	}()
	l.log.Info("ready", "camera", l.camera)
	notify(daemon.SdNotifyReady)
	l.net.Net.OnStep(l.alive) // a large network on a slow board computes for seconds
	err = l.walk(ctx)
	notify(daemon.SdNotifyStopping)
	l.summary()
	return err
}

// holdSignals keeps signals from ending the process before the LEDs are off: an impatient second one, or SIGPIPE from a
// log or terminal that nobody reads any more. The first signal has already ended the context.
func holdSignals() (release func()) {
	held := make(chan os.Signal, 1)
	signal.Notify(held, append(endSignals(), syscall.SIGPIPE)...)
	return func() { signal.Stop(held) }
}

// openLights takes the LEDs: on GPIO lines, on the terminal, or none.
func (l *loop) openLights(where string, c *config.Config, out io.Writer) error {
	switch where {
	case "gpio":
		return l.openGPIO(c)
	case "terminal":
		t := lights.OpenTerminal(out, c.LEDNames())
		if len(c.Decision.LEDs) == 0 {
			l.log.Warn("no LED is configured, so only what is seen is drawn: leds: in the configuration says what lights")
		}
		l.lights = t
		l.caption = func(picture string, v decision.Verdict) {
			if v.Top >= 0 {
				t.Caption(picture, l.net.Output.ClassName(v.Top), v.Score)
			} else {
				t.Caption(picture, v.State.String(), 0)
			}
		}
	default:
		l.lights = lights.None{}
	}
	return nil
}

func (l *loop) openGPIO(c *config.Config) error {
	lines, err := c.GPIOLines()
	if err != nil {
		return err
	}
	chips, header, elsewhere := chipsHere()
	if _, err := c.PlaceLines(chips, header, elsewhere); err != nil {
		return err
	}
	if err := lights.KeepTaken(runtimeDirectory(), lines); err != nil { // before the first LED can be on
		l.log.Warn("after a crash only a sound configuration will tell which LEDs to switch off", "error", err)
	}
	g, err := lights.OpenGPIO(header, lines)
	if err != nil {
		return fmt.Errorf("%w (--leds terminal draws them instead)", err)
	}
	systemd := l.alive
	l.lights, l.alive = g, func() { systemd(); g.Alive() }
	return nil
}

func headerOf(b board.Board) gpio.Header { return gpio.Header{Chip: b.GPIOChip, Pins: b.Header} }

// watchdog returns a function that tells systemd that the loop still turns. It may be called on every turn; it notifies
// systemd at most four times in the interval that systemd grants.
func watchdog() func() {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval <= 0 {
		return func() {}
	}
	var last time.Time
	return func() {
		if now := time.Now(); now.Sub(last) > interval/4 {
			last = now
			notify(daemon.SdNotifyWatchdog)
		}
	}
}

// notify sends a state to systemd, if systemd started this process. Nothing can be done if it doesn't listen.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// summary logs how many frames were seen, dropped and damaged.
func (l *loop) summary() {
	counts := l.counts()
	l.log.Info("stopped", "frames", l.seen, "mean", l.mean(), "dropped", counts.Dropped, "damaged", counts.Damaged)
}

// counts are the camera's, with the frames that turned out to be damaged only when they were decoded. Any goroutine may ask.
func (l *loop) counts() camera.Counts {
	counts := l.camera.Counts()
	counts.Damaged += l.unfit.Load()
	return counts
}

// mean returns how long a frame took on average, from its arrival to the lights.
func (l *loop) mean() time.Duration {
	return (l.busy / time.Duration(max(l.seen, 1))).Round(time.Microsecond)
}
