package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"edge/board"
	"edge/classifier"
	"edge/config"
	"edge/frame"
	"edge/gpio"
	"edge/internal/files"
	"edge/internal/text"
	"edge/page"
	"edge/teach"
)

// teacher takes pictures while a button is held, and teaches the network when it is let go, or when the page has changed the
// lesson. It has a goroutine of its own: the walk only leaves it copies of frames, and takes the new network between two of
// them.
//
//	button down ──▶ burst begins; the walk leaves a frame every takeEvery ──▶ a picture in the lesson, written whole
//	button up   ──▶ features of the new pictures, fit, network written whole ──▶ control.swap ──▶ the walk
//	undo, held  ──▶ the last burst is removed, and the same again
//	page: a picture more, less or elsewhere; another part of the picture counts ──▶ Teach ──▶ the same, once it is quiet
//
// It implements page.Teacher.
type teacher struct {
	buttons []config.Button
	pressed interface { // *gpio.Buttons; tests press others; nil if there are none
		Presses() <-chan gpio.Press
		Close() error
	}
	store    *teach.Store
	dir      string
	file     string // of the taught network
	backbone *teach.Backbone
	options  classifier.Options
	control  *control // knows which part of the picture counts
	log      *slog.Logger

	asked     chan struct{} // somebody else has changed the lesson; holds one
	recall    chan struct{} // somebody wants to know how good the lesson is; holds one
	questions chan question
	mu        sync.Mutex
	report    page.Teaching

	lesson *teach.Lesson // as it was taught last, for questions; nil: not since the start
	taught *teach.Taught

	led    int         // that blinks while pictures are taken; −1 for none
	taking atomic.Bool // a button is held
	wants  atomic.Bool // a frame, from the walk
	frames chan frame.Frame
	free   chan frame.Frame // the buffer, while nobody uses it

	ended  sync.WaitGroup
	cancel context.CancelFunc
}

// question is what the page asks of a frame.
type question struct {
	frame  frame.Frame
	fit    frame.Options
	answer chan<- answer // holds one
}

type answer struct {
	why *teach.Why
	err error
}

const (
	takeEvery   = 200 * time.Millisecond
	undoHeld    = time.Second // a button that undoes has to be held so long
	maxBurst    = 100         // pictures
	taughtFile  = ".taught.tflite"
	swapTimeout = 10 * time.Second
	teachingGC  = 10                     // percent of what is in use may be garbage while something is taught
	quiet       = 600 * time.Millisecond // since the page's last change; while a class is held there it takes a picture every 400 ms
)

// taughtModel is the file of the network that a configuration's lesson was taught; empty if it has no lesson.
func taughtModel(c *config.Config) string {
	if c.Teach.Lesson == "" {
		return ""
	}
	return filepath.Join(c.Teach.Lesson, taughtFile)
}

// openTaught opens the network that the lesson of a configuration has, and the backbone that it shares weights with; before
// anything was taught, one that says none of every picture. Rules may be about every class that the lesson or a button has,
// taught or not. The backbone is nil if it can't be opened, but what was taught can.
func openTaught(c *config.Config, o classifier.Options, log *slog.Logger) (*classifier.Classifier, *teach.Backbone, error) {
	classes := classesOf(c, log)
	o.Labels = "" // those of what is taught
	b, noBackbone := openBackbone(c, o)
	net, err := openShared(taughtModel(c), o, b)
	if err == nil {
		net.Output.Later = classes
		return net, b, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the taught network can't be used", "error", err)
	}
	if noBackbone != nil {
		return nil, nil, noBackbone
	}
	g, err := teach.Untaught(b, []string{teach.None})
	if err == nil {
		o.Donor = b.Donor()
		net, err = classifier.New(g, o)
	}
	if err != nil {
		b.Close()
		return nil, nil, misconfigured(err)
	}
	net.Output.Later = classes
	return net, b, nil
}

// openBackbone opens the network that a configuration's lesson is taught with.
func openBackbone(c *config.Config, o classifier.Options) (*teach.Backbone, error) {
	o.Model, o.Threads, o.Fit = c.Model, 1, c.Fit
	b, err := teach.OpenBackbone(o)
	if err != nil {
		return nil, configErrorf("%v", err)
	}
	return b, nil
}

// openShared opens a taught network, which shares the weights of b; that may be nil.
func openShared(file string, o classifier.Options, b *teach.Backbone) (*classifier.Classifier, error) {
	o.Model = file
	g, err := classifier.ReadModel(file)
	if err != nil {
		return nil, err
	}
	if b != nil {
		b.ShareData(g)
		o.Donor = b.Donor()
	}
	return classifier.New(g, o)
}

// classesOf are the classes that the lesson of a configuration has or may yet get: those that a button teaches; and if the
// page may teach, those that rules name.
func classesOf(c *config.Config, log *slog.Logger) []string {
	classes, err := teach.Classes(c.Teach.Lesson)
	if err != nil {
		log.Warn("nothing can be taught before this is mended", "error", err)
	}
	add := func(name string) {
		same := func(class string) bool { return strings.EqualFold(class, name) }
		if files.CheckName(name) == nil && !strings.ContainsAny(name, "*?") && !slices.ContainsFunc(classes, same) {
			classes = append(classes, name)
		}
	}
	for _, b := range c.Teach.Buttons {
		add(b.Class)
	}
	if c.Page.Listen == "" && len(c.Teach.Buttons) > 0 {
		return classes
	}
	for i := range c.Decision.LEDs {
		for _, class := range c.Decision.LEDs[i].Classes {
			add(class.Name)
		}
	}
	return classes
}

// openTeacher takes the buttons, and teaches what the page asks for; nil if there is nobody to teach. The backbone is
// openTaught's, and the teacher's from now on.
func openTeacher(c *config.Config, paged bool, n classifier.Options, b *teach.Backbone, control *control, log *slog.Logger) (*teacher, error) {
	if c.Teach.Lesson == "" || len(c.Teach.Buttons) == 0 && !paged {
		b.Close()
		return nil, nil
	}
	store, err := teach.OpenStore(c.Teach.Lesson)
	if err != nil {
		b.Close()
		return nil, configErrorf("%v", err)
	}
	if b == nil {
		if b, err = openBackbone(c, n); err != nil {
			return nil, err
		}
	}
	t := &teacher{
		buttons: c.Teach.Buttons, store: store, dir: c.Teach.Lesson, file: taughtModel(c),
		backbone: b, options: n, control: control, log: log,
		led: slices.Index(c.LEDNames(), c.Teach.LED),
	}
	if len(c.Teach.Buttons) > 0 {
		lines := make([]gpio.Line, len(c.Teach.Buttons))
		for i, b := range c.Teach.Buttons {
			lines[i] = b.Line
		}
		if t.pressed, err = gpio.OpenButtons(headerOf(board.Detect(board.Host())), lines); err != nil {
			b.Close()
			return nil, err
		}
	}
	t.start()
	switch pictures, _ := store.Room(); {
	case pictures > 0 && !control.runs(t.file):
		log.Info("the lesson is taught now, as no network of it can be used")
		t.Teach()
	case teach.Stale(t.dir, b, c.Fit): // what was tried on the page and not saved doesn't hold any more
		t.Teach()
	}
	return t, nil
}

// start begins the teacher's goroutine.
func (t *teacher) start() {
	t.asked, t.recall, t.questions = make(chan struct{}, 1), make(chan struct{}, 1), make(chan question)
	t.frames, t.free = make(chan frame.Frame, 1), make(chan frame.Frame, 1)
	t.free <- frame.Frame{}
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	t.ended.Go(func() { t.work(ctx) })
}

// Teach implements page.Teacher. It doesn't wait.
func (t *teacher) Teach() {
	if t == nil {
		return
	}
	ask(t.asked)
}

// ask leaves a request in a channel that holds one.
func ask(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Teaching implements page.Teacher. The first time after a start it makes the teacher look at the lesson, for its card.
func (t *teacher) Teaching() page.Teaching {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.report.Number == 0 {
		ask(t.recall)
	}
	return t.report
}

// Why implements page.Teacher.
func (t *teacher) Why(ctx context.Context, f frame.Frame, fit frame.Options) (*teach.Why, error) {
	found := make(chan answer, 1)
	select {
	case t.questions <- question{f, fit, found}:
	case <-ctx.Done():
		return nil, errors.New("the lesson is being taught: ask again")
	}
	select {
	case a := <-found:
		return a.why, a.err
	case <-ctx.Done():
		return nil, errors.New("the lesson is being looked at: ask again")
	}
}

// explain answers a question.
func (t *teacher) explain(ctx context.Context, q question) (*teach.Why, error) {
	if t.taught == nil {
		t.learn(ctx, true)
	}
	if t.taught == nil {
		return nil, errors.New("nothing has been taught yet")
	}
	return t.taught.WhyFrame(t.lesson, t.backbone, q.frame, q.fit)
}

// say changes what the page hears of the teaching.
func (t *teacher) say(change func(r *page.Teaching)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.report)
	t.report.Number++
}

// see leaves the teacher a copy of a frame, if it wants one. It never waits.
func (t *teacher) see(f *frame.Frame) {
	if t == nil || !t.wants.Load() {
		return
	}
	select {
	case c := <-t.free:
		pix := append(c.Pix[:0], f.Pix...)
		c = *f
		c.Pix = pix
		t.wants.Store(false)
		t.frames <- c
	default:
	}
}

// work is the teacher's goroutine.
func (t *teacher) work(ctx context.Context) {
	held := -1                  // the button that takes pictures
	taken, released := 0, false // a press may be shorter than the time to the next frame: one picture is taken
	var next, undo, settled <-chan time.Time
	var presses <-chan gpio.Press
	if t.pressed != nil {
		presses = t.pressed.Presses()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.asked:
			settled = time.After(quiet)
		case <-settled:
			if settled = nil; held < 0 { // else the end of the burst teaches it all
				t.learn(ctx, false)
			}
		case <-t.recall:
			if t.taught == nil {
				t.learn(ctx, true)
			}
		case q := <-t.questions:
			why, err := t.explain(ctx, q)
			q.answer <- answer{why, err}
		case p := <-presses:
			b := t.buttons[p.Button]
			switch {
			case b.Undo && p.Down:
				undo = time.After(undoHeld)
			case b.Undo:
				undo = nil
			case p.Down && (held < 0 || released):
				held, taken, released = p.Button, 0, false
				t.store.Begin()
				t.taking.Store(true)
				t.wants.Store(true)
				t.log.Info("teaching", "class", b.Class, "room", t.store.Left())
			case !p.Down && held == p.Button:
				if released = taken == 0; !released {
					held, next = -1, nil
					t.finish(ctx)
				}
			}
		case <-undo:
			undo = nil
			n, err := t.store.Undo()
			if err != nil {
				t.log.Warn("the last burst can't be forgotten", "error", err)
			}
			t.log.Info("forgotten", "pictures", n)
			if n > 0 {
				t.learn(ctx, false)
			}
		case <-next:
			next = nil
			t.wants.Store(held >= 0)
		case f := <-t.frames:
			if held >= 0 && taken < maxBurst {
				if _, err := t.store.Add(t.buttons[held].Class, f); err != nil {
					t.log.Warn("a picture isn't kept", "error", err)
				} else {
					taken++
				}
			}
			t.free <- f
			if next = time.After(takeEvery); released && held >= 0 {
				held, next = -1, nil
				t.finish(ctx)
			}
		}
	}
}

// finish ends a burst.
func (t *teacher) finish(ctx context.Context) {
	t.taking.Store(false)
	t.wants.Store(false)
	t.learn(ctx, false)
}

// learn teaches the lesson anew. Whatever goes wrong, the last good network runs on. If it was taught already, to recall it
// changes nothing.
func (t *teacher) learn(ctx context.Context, recall bool) {
	// The walk allocates nothing, so that collecting garbage often costs little here, and keeps what teaching takes near what it
	// needs at a time.
	defer debug.FreeOSMemory()
	defer debug.SetGCPercent(debug.SetGCPercent(teachingGC))
	t.say(func(r *page.Teaching) { r.Busy, r.Trouble = true, "" })
	err := t.tryToLearn(ctx, recall)
	t.say(func(r *page.Teaching) {
		r.Busy, r.Done, r.Of = false, 0, 0
		if err != nil {
			r.Trouble = text.Clean(err.Error())
		} else {
			r.Card = t.taught.Card
		}
	})
	if err != nil && !recall {
		t.log.Warn("not taught: the last network runs on", "error", err)
	}
}

func (t *teacher) tryToLearn(ctx context.Context, recall bool) error {
	start := time.Now()
	_, c := t.control.Get()
	if err := t.backbone.SetFit(c.Fit); err != nil {
		return err
	}
	lesson, err := teach.Read(ctx, t.dir, t.backbone, c.Fit, func(done, of int, _ string) {
		t.say(func(r *page.Teaching) { r.Done, r.Of = done, of })
	})
	if lesson == nil {
		return err
	}
	lesson.DropEmpty()
	taught, err := teach.Teach(lesson, t.backbone, time.Now())
	if err != nil {
		return err
	}
	if recall && lesson.Computed == 0 && t.control.runs(t.file) {
		t.remember(lesson, taught)
		return nil
	}
	if err := taught.Write(t.file, nil); err != nil {
		return err
	}
	o := t.options
	o.Model, o.Fit, o.Labels, o.Donor = t.file, c.Fit, "", t.backbone.Donor()
	net, err := classifier.New(taught.Graph, o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, swapTimeout)
	defer cancel()
	if err := t.control.swap(ctx, net); err != nil {
		net.Close()
		return fmt.Errorf("taught, but the rules don't fit what was taught: %w", err)
	}
	t.remember(lesson, taught)
	t.log.Info("taught", "pictures", len(lesson.Pictures), "classes", fmt.Sprint(lesson.Classes),
		"right", fmt.Sprintf("%.0f %%", 100*taught.Card.Accuracy), "took", time.Since(start).Round(time.Millisecond))
	return nil
}

// remember keeps what is needed to explain what was taught, which doesn't include the network.
func (t *teacher) remember(l *teach.Lesson, taught *teach.Taught) {
	taught.Graph = nil
	t.lesson, t.taught = l, taught
}

// close ends the teacher. What it was about to take is lost; what it has written stays.
func (t *teacher) close() error {
	if t == nil {
		return nil
	}
	t.cancel()
	var err error
	if t.pressed != nil {
		err = t.pressed.Close()
	}
	t.ended.Wait()
	t.backbone.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}
