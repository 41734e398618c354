package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"edge/board"
	"edge/classifier"
	"edge/config"
	"edge/internal/files"
	"edge/page"
	"edge/record"
)

// watchers are the recorder, the page and the status file of a run.
type watchers struct {
	control  *control
	live     *page.Live
	recorder *record.Recorder // nil: nothing is recorded
	folder   string           // the recorder's
	failure  error            // why nothing is recorded
	teacher  *teacher         // nil: nothing is taught
	server   *page.Server     // nil: no page
	fixed    page.Fixed
	log      *slog.Logger

	stop  context.CancelFunc // of the status file
	ended sync.WaitGroup

	mu     sync.Mutex
	health board.Health
	read   time.Time // when health was
}

// openWatchers starts recording if there is a folder for it, and opens the page if one is wanted. Both are shown what
// the walk l sees.
func openWatchers(l *loop, c *config.Config, parse func([]byte) (*config.Config, error)) (*watchers, error) {
	started := time.Now()
	sum, err := sumOf(c, l.net)
	if err != nil {
		return nil, misconfigured(err)
	}
	header := record.Header{
		Program: version, Kernels: l.net.Net.Kernels(), Started: started, Model: l.net.Name(), SHA256: sum,
		Input: l.net.Input, Output: l.net.Output, Fit: c.Fit, Rules: c.Decision, Config: withoutPasswords(c.Text()),
	}
	changes := make(chan change)
	w := &watchers{
		live: page.NewLive(c.Decision, page.Network{Name: l.net.Name(), SHA256: sum, Output: l.net.Output}), log: l.log, stop: func() {},
		fixed: page.Fixed{
			Version: version, Kernels: l.net.Net.Kernels(), Started: started,
		},
		control: &control{
			parse: parse, output: l.net.Output, input: l.net.Input, changes: changes, text: c.Text(), file: c.Text(), config: c, header: header,
		},
	}
	if o := recorderOptions(c.Record); o.Dir != "" && o.Bytes > 0 {
		if w.recorder, err = record.Open(o, header, l.judge); err != nil {
			l.log.Warn("nothing is recorded", "error", err) // no reason to keep the LEDs dark
			w.failure = err
		} else {
			w.folder = o.Dir
		}
	}
	if err := w.openPage(c, l); err != nil {
		return nil, errors.Join(err, w.close())
	}
	l.changes = changes
	l.witnesses = witnesses{recorder: w.recorder, live: w.live, teacher: w.teacher, started: started}
	if dir := runtimeDirectory(); dir != "" {
		ctx, stop := context.WithCancel(context.Background())
		w.stop = stop
		w.ended.Go(func() { w.keepStatus(ctx, l, filepath.Join(dir, statusFile)) })
	}
	return w, nil
}

// sumOf returns the checksum of the file that holds a configuration's network; empty if that was made in memory, because
// nothing has been taught yet.
func sumOf(c *config.Config, net *classifier.Classifier) (string, error) {
	switch file := taughtModel(c); file {
	case "":
		return classifier.Sum(c.Model)
	case net.Name():
		return classifier.Sum(file)
	}
	return "", nil
}

// withoutPasswords returns a configuration's text without its passwords, for a recording: people may pass that on.
func withoutPasswords(text []byte) string {
	return string(regexp.MustCompile(`(password["']?\s*:\s*)[^\s,}]+|pbkdf2-sha256\$[^\s,}"']+`).ReplaceAll(text, []byte("${1}…")))
}

// recorderOptions says where a recording goes: into the runtime directory, which is in memory, unless another is named.
func recorderOptions(c config.Record) record.Options {
	o := record.Options{Dir: c.Dir, Bytes: c.Memory, ArchiveBytes: c.Disk, ArchivePerDay: c.DiskPerDay}
	if dir := runtimeDirectory(); o.Dir == "" && dir != "" {
		o.Dir = filepath.Join(dir, "record")
	}
	if state := stateDirectory(); o.ArchiveBytes > 0 && state != "" {
		o.Archive = filepath.Join(state, "record")
	}
	return o
}

// lessonFolder returns the folder for pictures to teach from: the buttons' if there are some.
func lessonFolder(c *config.Config) string {
	if state := stateDirectory(); c.Teach.Lesson == "" && c.Page.Lesson == "" && state != "" {
		return filepath.Join(state, "lesson")
	}
	return cmp.Or(c.Teach.Lesson, c.Page.Lesson)
}

// stateDirectory returns the one that systemd made for this unit, or an empty name.
func stateDirectory() string {
	first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":")
	return first
}

// openPage opens the page, if one is wanted, and before it the teacher, whom it may ask.
func (w *watchers) openPage(c *config.Config, l *loop) error {
	listener, err := listen(c.Page)
	if err != nil {
		return err
	}
	w.teacher, err = openTeacher(c, listener != nil, l.network, l.backbone, w.control, w.log)
	if l.backbone = nil; listener == nil {
		return err
	}
	if err != nil {
		listener.Close()
		return err
	}
	w.control.teacher = w.teacher
	p := page.Program{
		Live: w.live, Fixed: w.fixed, Changing: func() page.Changing { return w.changing(l) }, Input: l.net.Input,
		Settings: w.control, Record: w.folder, Lesson: lessonFolder(c), Log: w.log,
	}
	if w.teacher != nil {
		p.Teacher = w.teacher
	}
	if w.server, err = page.Serve(listener, c.Page, p); err != nil {
		listener.Close()
		return configErrorf("%v", err)
	}
	w.log.Info("page", "address", "http://"+listener.Addr().String())
	return nil
}

// listen takes the socket that systemd has opened (edge.socket), or opens one; neither if none is wanted. With systemd's
// socket, the service itself needs no network.
func listen(c config.Page) (net.Listener, error) {
	given, err := activation.Listeners()
	if err != nil {
		return nil, err
	}
	if len(given) > 0 && given[0] != nil {
		return given[0], nil
	}
	if c.Listen == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return l, nil
}

// changing returns the part of the state that the walk doesn't show.
func (w *watchers) changing(l *loop) page.Changing {
	counts := l.counts()
	c := page.Changing{
		Camera:  l.camera.String(),
		Dropped: counts.Dropped, Damaged: counts.Damaged, Recording: w.folder, Unsaved: w.control.Unsaved(),
	}
	if w.failure != nil {
		c.Trouble = fmt.Sprintf("nothing is recorded: %v", w.failure)
	}
	if w.recorder != nil {
		if err := w.recorder.Err(); err != nil {
			c.Trouble = err.Error()
		} else if n := w.recorder.Missed(); n > 0 {
			c.Trouble = fmt.Sprintf("%d moments weren't recorded: the recorder was behind", n)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.read) > 2*time.Second {
		w.read, w.health = time.Now(), board.ReadHealth(board.Host())
	}
	c.Temperature = w.health.Celsius
	if now := w.health.Throttled.Now(); now != 0 {
		c.Throttled = now.String()
	}
	return c
}

// close ends what openWatchers began.
func (w *watchers) close() error {
	w.stop()
	w.ended.Wait()
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	errs = append(errs, w.teacher.close())
	if w.recorder != nil {
		errs = append(errs, w.recorder.Close())
	}
	return errors.Join(errs...)
}

const statusInterval = time.Second

// keepStatus writes the state to a file for edge status, which can read it even if the walk hangs. The runtime directory
// is in memory, so no card wears out.
func (w *watchers) keepStatus(ctx context.Context, l *loop, name string) {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for first := true; ; first = false {
		text, err := json.Marshal(w.live.State(&w.fixed, w.changing(l)))
		if err == nil {
			err = files.Write(name, text)
		}
		if err == nil && first {
			err = os.Chmod(name, 0o644) // no secret, and reading it shouldn't take root
		}
		if err != nil && first {
			w.log.Warn("edge status won't know anything", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
