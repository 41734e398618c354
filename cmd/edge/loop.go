package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"edge/camera"
	"edge/classifier"
	"edge/decision"
	"edge/frame"
	"edge/lights"
	"edge/record"
	"edge/teach"
)

// loop walks each picture from the camera to the LEDs.
type loop struct {
	camera camera.Camera
	net    *classifier.Classifier
	judge  *decision.Judge
	lights lights.Lights
	log    *slog.Logger

	alive   func()                                   // feeds the watchdogs; called here, and by the network after each step
	caption func(picture string, v decision.Verdict) // tells --leds terminal what it shows next; nil for other lights

	network  classifier.Options // how networks are run
	backbone *teach.Backbone    // that net shares weights with, until the teacher takes it; nil: there is no lesson
	teaching []decision.Light   // the lights while pictures are taken

	witnesses witnesses
	changes   <-chan change // requested changes; taken between two frames

	lost         bool          // no usable frames come
	damagedSince time.Time     // when the damaged frames began; zero after a good one
	seen         int           // frames that led to a verdict
	unfit        atomic.Uint64 // frames that turned out to be damaged only here, as MJPEG does
	busy         time.Duration // spent on those that were seen
}

// walk takes frames until there are no more, ctx ends or something fails that a restart may mend.
func (l *loop) walk(ctx context.Context) error {
	l.alive() // from now on: until here all LEDs were dark
	if err := l.show(&moment{kind: record.Start, verdict: l.judge.Starting()}); err != nil {
		return err
	}
	for f, err := range l.camera.Frames(ctx) {
		l.alive()
		select {
		case c := <-l.changes:
			l.obey(c)
		default:
		}
		if err == nil {
			err = l.see(f)
		}
		switch {
		case errors.Is(err, camera.ErrLost):
			err = l.withoutCamera(err)
		case errors.Is(err, frame.ErrDamaged):
			err = l.withoutThisFrame(err)
		case errors.Is(err, camera.ErrNotYet):
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// see fits a frame, runs the network on it, judges the result and shows it. f is borrowed until see returns.
func (l *loop) see(f frame.Frame) error {
	start := time.Now()
	if err := l.net.Fit(f); err != nil {
		l.unfit.Add(1)
		return err
	}
	l.witnesses.fitted(&f, l.net.Net.Input())
	ready := time.Now()
	output := l.net.Run()
	ran := time.Since(ready)
	verdict := l.judge.Observe(output, f.At)
	l.withCamera()
	err := l.show(&moment{kind: record.Frame, frame: f, output: output, verdict: verdict, ran: ran})
	l.seen++
	l.busy += time.Since(start)
	return err
}

// show sets the LEDs, and then tells the witnesses. Only changes are worth a line in the log, as logs wear out the card.
func (l *loop) show(m *moment) error {
	picture, v := m.frame.Name, m.verdict
	if v.Changed {
		l.log.Info("changed", "state", v.State, "lights", lightsText(v.Lights), "class", l.className(v.Top), "score", v.Score)
	} else if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("frame", "picture", picture, "class", l.className(v.Top), "score", v.Score)
	}
	if l.caption != nil {
		l.caption(picture, v)
	}
	err := l.lights.Set(l.lightsOf(v.Lights))
	m.judge = l.judge
	l.witnesses.see(m)
	return err
}

// lightsOf are the lights, but that the one that shows it blinks while pictures are taken.
func (l *loop) lightsOf(lights []decision.Light) []decision.Light {
	t := l.witnesses.teacher
	if t == nil || t.led < 0 || t.led >= len(lights) || !t.taking.Load() {
		return lights
	}
	l.teaching = append(l.teaching[:0], lights...)
	l.teaching[t.led] = decision.Light{On: 100 * time.Millisecond, Off: 100 * time.Millisecond}
	return l.teaching
}

// withCamera clears the lost state after a good frame.
func (l *loop) withCamera() {
	l.damagedSince = time.Time{}
	if l.lost {
		l.lost = false
		l.log.Info("camera is back", "camera", l.camera)
	}
}

// withoutCamera shows that the camera is lost. What was seen before doesn't count any more.
func (l *loop) withoutCamera(why error) error {
	if !l.lost {
		l.lost = true
		l.log.Warn("camera lost", "error", why)
	}
	return l.show(&moment{kind: record.Lost, verdict: l.judge.Lost(time.Now())})
}

// damagedTooLong is how long a camera may give nothing but damaged frames before it counts as lost.
const damagedTooLong = 3 * time.Second

// withoutThisFrame skips a damaged frame. Many cameras damage their first frames, and another one now and then.
func (l *loop) withoutThisFrame(why error) error {
	l.log.Debug("damaged frame", "error", why)
	if l.damagedSince.IsZero() {
		l.damagedSince = time.Now()
	}
	if time.Since(l.damagedSince) < damagedTooLong {
		return nil
	}
	return l.withoutCamera(why)
}

// className returns a class's name, empty if no class was seen.
func (l *loop) className(class int) string {
	if class < 0 {
		return ""
	}
	return l.net.Output.ClassName(class)
}

// lightsText writes lights for the log: one character each.
func lightsText(shown []decision.Light) string {
	text := make([]rune, len(shown))
	for i, light := range shown {
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
