package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"edge/camera"
	"edge/decision"
	"edge/frame"
)

// loop is the walk of a picture from the camera to the LED.
type loop struct {
	camera camera.Camera
	net    *network
	judge  *decision.Judge
	lights lights
	log    *slog.Logger

	alive   func()                                   // feeds the watchdog; called here and nowhere else
	caption func(picture string, v decision.Verdict) // tells --leds terminal what comes; may be nil

	lost     bool
	lastGood time.Time // of the last frame that could be used
	damaged  int       // frames that couldn't be used
	seen     int       // frames that could
	busy     time.Duration
}

// walk takes frames until there are no more, ctx ends or something fails that a restart may mend.
func (l *loop) walk(ctx context.Context) error {
	l.lastGood = time.Now()
	if err := l.show("", l.judge.Starting()); err != nil {
		return err
	}
	for f, err := range l.camera.Frames(ctx) {
		l.alive()
		if err == nil {
			err = l.see(f)
		}
		switch {
		case err == nil:
		case errors.Is(err, camera.ErrLost):
			err = l.withoutFrames(err)
		case errors.Is(err, frame.ErrDamaged):
			err = l.withoutThisFrame(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// see is what happens to a frame. f is borrowed until it returns.
func (l *loop) see(f frame.Frame) error {
	start := time.Now()
	if err := l.net.fit.Fit(l.net.Input(), f); err != nil {
		return err
	}
	l.net.Run()
	verdict := l.judge.Observe(l.net.Output(), f.At)
	err := l.show(f.Name, verdict)
	l.foundCamera()
	l.lastGood = start
	l.seen++
	l.busy += time.Since(start)
	return err
}

// show sets the LEDs. Only changes are worth a line in the log, as logs wear out the card.
func (l *loop) show(picture string, v decision.Verdict) error {
	if v.Changed {
		l.log.Info("changed", "state", v.State, "lights", lightsText(v.Lights), "class", l.className(v.Top), "score", v.Score)
	} else if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("frame", "picture", picture, "class", l.className(v.Top), "score", v.Score)
	}
	if l.caption != nil {
		l.caption(picture, v)
	}
	return l.lights.Set(v.Lights)
}

// withoutFrames shows that the camera is lost. What was seen before doesn't count any more.
func (l *loop) withoutFrames(err error) error {
	if !l.lost {
		l.lost = true
		l.log.Warn("camera lost", "error", err)
	}
	return l.show("", l.judge.Lost(time.Now()))
}

func (l *loop) foundCamera() {
	if l.lost {
		l.lost = false
		l.log.Info("camera is back", "camera", l.camera)
	}
}

// damagedTooLong is when a camera whose frames are all damaged counts as lost.
const damagedTooLong = 3 * time.Second

// withoutThisFrame leaves a damaged frame out. The first frames of many cameras are damaged, and then one in a while.
func (l *loop) withoutThisFrame(err error) error {
	l.damaged++
	l.log.Debug("damaged frame", "error", err)
	if time.Since(l.lastGood) > damagedTooLong {
		return l.withoutFrames(err)
	}
	return nil
}

func (l *loop) className(class int) string {
	if class < 0 {
		return ""
	}
	return className(l.net.output.Labels, class)
}

// lightsText writes lights for the log: one character each.
func lightsText(lights []decision.Light) string {
	text := make([]rune, len(lights))
	for i, light := range lights {
		switch {
		case light.On == 0:
			text[i] = '○'
		case light.Off == 0:
			text[i] = '●'
		default:
			text[i] = '◐'
		}
	}
	return string(text)
}
