package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/pflag"

	"edge/board"
	"edge/camera"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
)

// runFlags are edge run's flags. Those that were given go before the configuration file.
type runFlags struct {
	*pflag.FlagSet
	networkFlags
	config  string
	camera  string
	size    size
	format  string
	fps     float64
	loop    bool
	leds    string
	verbose bool
	fit     frame.Options
}

func newRunFlags(std streams) *runFlags {
	f := &runFlags{FlagSet: newFlags("run", std)}
	f.StringVar(&f.config, "config", "", "configuration `FILE` (default: "+defaultConfigFile+" if it is there)")
	f.StringVar(&f.camera, "camera", "", "auto, /dev/videoN, /dev/v4l/by-id/…, a name, a directory or pictures, - or exec:COMMAND")
	f.Var(&flagValue[size]{&f.size, parseSize, "WxH"}, "size", "size of the frames, such as 640x480")
	f.StringVar(&f.format, "format", "", "format of the frames, such as yuyv, mjpeg or yuv420")
	f.Float64Var(&f.fps, "fps", 0, "frames a second")
	f.BoolVar(&f.loop, "loop", false, "begin again after the last picture")
	f.StringVar(&f.leds, "leds", "gpio", "gpio, terminal (draw them) or none")
	f.networkFlags.add(f.FlagSet)
	fitFlags(f.FlagSet, &f.fit)
	f.BoolVarP(&f.verbose, "verbose", "v", false, "log every frame")
	return f
}

// settings is the configuration file with the flags over it.
func (f *runFlags) settings() (*config, error) {
	c, err := f.file()
	if err != nil {
		return nil, err
	}
	for name, set := range map[string]func() error{
		"model":   func() error { c.Model = f.model; return nil },
		"labels":  func() error { c.Labels = f.labels; return nil },
		"threads": func() error { c.Threads = f.threads; return nil },
		"kernels": func() error { c.Kernels = f.kernels; return nil },
		"camera":  func() error { c.Camera = f.camera; return nil },
		"size":    func() error { c.Capture.Width, c.Capture.Height = f.size.width, f.size.height; return nil },
		"fps":     func() error { c.Capture.FPS = f.fps; return nil },
		"loop":    func() error { c.Capture.Loop = f.loop; return nil },
		"fit":     func() error { c.Fit.Fit = f.fit.Fit; return nil },
		"roi":     func() error { c.Fit.ROI = f.fit.ROI; return nil },
		"rotate":  func() error { c.Fit.Rotate = f.fit.Rotate; return nil },
		"mirror":  func() error { c.Fit.Mirror = f.fit.Mirror; return nil },
		"format": func() (err error) {
			c.Capture.Format, err = frame.ParseFormat(f.format)
			return err
		},
	} {
		if !f.Changed(name) {
			continue
		}
		if err := set(); err != nil {
			return nil, configErrorf("edge run: --%s: %v", name, err)
		}
	}
	if f.verbose {
		c.LogLevel = slog.LevelDebug
	}
	return c, nil
}

// file loads the configuration that was named, or the one in the usual place if there is one.
func (f *runFlags) file() (*config, error) {
	if f.config != "" {
		return loadConfig(f.config)
	}
	if _, err := os.Stat(defaultConfigFile); errors.Is(err, fs.ErrNotExist) {
		return defaultConfig(), nil
	}
	return loadConfig(defaultConfigFile)
}

func runRun(ctx context.Context, args []string, std streams) error {
	f := newRunFlags(std)
	if err := parse(f.FlagSet, args); err != nil {
		return err
	}
	c, err := f.settings()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: c.LogLevel}))

	n := networkFlags{c.Model, c.Labels, c.Kernels, c.Threads}
	net, err := n.openNetwork(c.Fit)
	if err != nil {
		return err
	}
	defer net.Close()
	judge, err := c.judge(net.output)
	if err != nil {
		return err
	}
	l := &loop{net: net, judge: judge, log: log, alive: watchdog()}
	if l.lights, l.caption, err = openLights(f.leds, c, net.output.Labels); err != nil {
		return err
	}
	// The first to open is the last to close: whatever happens from here on, also a panic, the LEDs go out.
	defer func() {
		if err := l.lights.Close(); err != nil {
			log.Error("switching the LEDs off", "error", err)
		}
	}()
	if l.camera, err = camera.Open(c.Camera, c.Capture); err != nil {
		return err
	}
	defer l.camera.Close()

	log.Info("ready", "camera", l.camera, "model", c.Model, "kernels", net.Kernels(), "threads", n.threads)
	notify(daemon.SdNotifyReady)
	err = l.walk(ctx)
	notify(daemon.SdNotifyStopping)
	l.summary()
	return err
}

// openLights takes the LEDs: on GPIO lines, on the terminal, or none.
func openLights(kind string, c *config, labels []string) (lights, func(string, decision.Verdict), error) {
	switch kind {
	case "gpio":
		lines, err := c.gpioLines()
		if err != nil {
			return nil, nil, err
		}
		leds, err := gpio.Open(headerOf(board.Detect(board.Host())), lines)
		if err != nil {
			return nil, nil, err
		}
		return &gpioLights{newPlayer(len(lines), leds.Set), leds}, nil, nil
	case "terminal":
		d := openDisplay(os.Stdout, c.ledNames())
		return d, func(picture string, v decision.Verdict) {
			if v.Top >= 0 {
				d.Caption(picture, className(labels, v.Top), v.Score)
			} else {
				d.Caption(picture, v.State.String(), 0)
			}
		}, nil
	case "none":
		return darkness{}, nil, nil
	}
	return nil, nil, configErrorf("edge run: --leds %s: choose gpio, terminal or none", kind)
}

// gpioLights plays on GPIO lines.
type gpioLights struct {
	*player
	leds *gpio.LEDs
}

// Close puts them out and gives the lines back.
func (g *gpioLights) Close() error { return errors.Join(g.player.Close(), g.leds.Close()) }

func headerOf(b board.Board) gpio.Header { return gpio.Header{Chip: b.GPIOChip, Pins: b.Header} }

// watchdog returns what tells systemd that the loop goes round: at most every half of the time that it grants.
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

// notify tells systemd, if that started this process. Nothing can be done where it doesn't listen.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// summary says how it went.
func (l *loop) summary() {
	counts := l.camera.Counts()
	var each time.Duration
	if l.seen > 0 {
		each = l.busy / time.Duration(l.seen)
	}
	l.log.Info("stopped", "frames", l.seen, "mean", each.Round(time.Microsecond),
		"dropped", counts.Dropped, "damaged", counts.Damaged+uint64(l.damaged))
}

// runOff switches the configured LEDs off: for a service that was killed, as many boards keep a line's level.
func runOff(_ context.Context, args []string, std streams) error {
	f := newFlags("off", std)
	file := f.String("config", defaultConfigFile, "configuration `FILE`")
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := loadConfig(*file)
	if err != nil {
		return err
	}
	lines, err := c.gpioLines()
	if err != nil {
		return err
	}
	return gpio.Off(headerOf(board.Detect(board.Host())), lines)
}
