package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/internal/files"
	"edge/internal/text"
	"edge/record"
)

// runReplay runs a recording again. With its own rules and network, every change of an LED must come out at its frame;
// with others it says what would have been different.
func runReplay(ctx context.Context, args []string, std streams) error {
	var n networkFlags
	f := newFlags("replay", std)
	file := f.String("config", "", "run it with the rules of this configuration `FILE`")
	n.add(f)
	drawing := f.String("html", "", "draw what would have been different: an HTML `FILE`")
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return configErrorf("edge replay: name one recording: a file, or a folder of them such as /run/edge/record")
	}
	r, err := record.Read(f.Arg(0))
	if err != nil {
		return misconfigured(err)
	}
	for _, damage := range r.Damaged {
		fmt.Fprintln(std.err, "edge:", damage)
	}
	first := firstHeader(r)
	if first == nil {
		return configErrorf("%s: nothing was recorded", f.Arg(0))
	}
	again := &rerun{ctx: ctx, recording: r, fitters: map[*record.Header]*frame.Fitter{}}
	if *file != "" {
		if again.rules, err = config.Load(*file); err != nil {
			return err
		}
	}
	if *drawing != "" {
		if err := refuseOver(*drawing, f.Arg(0), *file, n.Model, n.Labels); err != nil {
			return err
		}
	}
	if err := again.open(n.Options, first); err != nil {
		return misconfigured(err)
	}
	defer again.close()
	if again.rules == nil && (again.network == nil || again.sum == first.SHA256) {
		if *drawing != "" {
			return configErrorf("edge replay: --html draws what would have been different: name other rules (--config) or another network (--model)")
		}
		return again.asItWas(std.out)
	}
	return again.whatIf(std.out, *drawing)
}

func firstHeader(r *record.Recording) *record.Header {
	for step := range r.Steps() {
		return step.Header
	}
	return nil
}

// rerun is one run of a recording.
type rerun struct {
	ctx       context.Context
	recording *record.Recording
	rules     *config.Config         // nil: the recording's own
	network   *classifier.Classifier // nil: it isn't here
	sum       string                 // of the network's file

	fitters map[*record.Header]*frame.Fitter
	pixels  *frame.Fitter // of a tensor's pixels, for another network
}

// open finds the network: the named one, else that of the rules, else the recording's own if it is here.
func (a *rerun) open(o classifier.Options, h *record.Header) (err error) {
	switch {
	case a.rules != nil:
		given := networkOf(a.rules).Options
		given.Model, given.Labels = cmp.Or(o.Model, taughtModel(a.rules), given.Model), cmp.Or(o.Labels, given.Labels)
		given.Kernels, given.Threads = cmp.Or(o.Kernels, given.Kernels), cmp.Or(o.Threads, given.Threads)
		o = given
	case o.Model == "":
		var here bool
		if o.Model, here = findModel(h); !here {
			return nil
		}
	}
	if a.sum, err = classifier.Sum(o.Model); err != nil {
		return err
	}
	if a.network, err = classifier.Open(o); err != nil {
		return err
	}
	a.pixels, err = frame.NewFitter(a.network.Input, frame.Options{Fit: frame.Stretch})
	return err
}

// input returns what the network is to get of a header's frames: what it got then, normalization and part of the picture, if
// that is the same network and there are no other rules.
func (a *rerun) input(h *record.Header) (frame.TensorSpec, frame.Options) {
	switch {
	case a.rules != nil:
		return a.network.Input, a.rules.Fit
	case a.sum == h.SHA256:
		return h.Input, h.Fit
	}
	return a.network.Input, h.Fit
}

// differs reports whether the recorded outputs of a header don't count: they are those of another network, or of other pixels.
func (a *rerun) differs(h *record.Header) bool {
	input, fit := a.input(h)
	return a.sum != h.SHA256 || a.network.Output.Classes != h.Output.Classes || input != h.Input || fit != h.Fit
}

// findModel finds the network of a recording by its checksum: the embedded one, or the file that the recording names.
func findModel(h *record.Header) (file string, here bool) {
	for _, file := range []string{"", h.Model} {
		if sum, err := classifier.Sum(file); err == nil && sum == h.SHA256 {
			return file, true
		}
	}
	return "", false
}

func (a *rerun) close() {
	if a.network != nil {
		a.network.Close()
	}
}

// classify runs the network on a picture.
func (a *rerun) classify(h *record.Header, p *record.Picture) ([]byte, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, errors.New("interrupted")
	}
	input := a.network.Net.Input()
	if p.Format == 0 && !a.differs(h) { // what the network got
		if len(p.Data) != len(input) {
			return nil, fmt.Errorf("a tensor of %d bytes: the network takes %d", len(p.Data), len(input))
		}
		copy(input, p.Data)
		return a.network.Run(), nil
	}
	f, ok := p.Frame(h)
	if !ok {
		return nil, errors.New("a picture that doesn't fit the recording's network")
	}
	fitter := a.pixels
	if p.Format != 0 {
		var err error
		if fitter, err = a.fitterFor(h); err != nil {
			return nil, err
		}
	}
	if err := fitter.Fit(input, f); err != nil {
		return nil, err
	}
	return a.network.Run(), nil
}

// fitterFor returns what turns a camera's frame into the network's input.
func (a *rerun) fitterFor(h *record.Header) (*frame.Fitter, error) {
	if f := a.fitters[h]; f != nil {
		return f, nil
	}
	f, err := frame.NewFitter(a.input(h))
	a.fitters[h] = f
	return f, err
}

// asItWas runs a recording with its own rules, prints each change, and fails unless all come out as recorded.
func (a *rerun) asItWas(w io.Writer) error {
	replay := record.Replay{}
	var last record.Shown
	replay.Took = func(o record.Outcome) {
		if o.Now.Equal(last) {
			return
		}
		printEdges(w, &o, last)
		last = record.Shown{State: o.Now.State, Lights: append([]decision.Light{}, o.Now.Lights...)}
	}
	if a.network != nil {
		replay.Classify = func(h *record.Header, p *record.Picture) ([]byte, error) {
			if a.differs(h) { // of an earlier run in the same folder
				return nil, nil
			}
			return a.classify(h, p)
		}
	}
	t, err := replay.Run(a.recording)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d moments, %d of them known from the beginning on; %d of %d changes came out at their frame with the same lights\n",
		t.Moments, t.Known, t.Same, t.Edges)
	if a.network == nil {
		fmt.Fprintln(w, "the network isn't here, so its outputs are taken as recorded; name it with --model")
	} else {
		fmt.Fprintf(w, "%d of %d pictures gave the recorded bytes\n", t.Outputs, t.Pictures)
	}
	if t.Gaps > 0 {
		fmt.Fprintf(w, "at %d places moments are missing\n", t.Gaps)
	}
	if t.Same != t.Edges || t.Others > 0 || t.Outputs != t.Pictures {
		return fmt.Errorf("replay: it came out otherwise at %d moments", max(t.Others, t.Pictures-t.Outputs))
	}
	return nil
}

// printEdges prints what changed at a moment.
func printEdges(w io.Writer, o *record.Outcome, last record.Shown) {
	h := o.Header
	seen := ""
	if o.Top >= 0 {
		seen = fmt.Sprintf("  %.2f %s", o.Score, text.Clean(h.Output.ClassName(o.Top)))
	}
	line := func(what string) {
		fmt.Fprintf(w, "%s  #%d  %s%s\n", o.Wall.Local().Format("2006-01-02 15:04:05.000"), o.Moment.Number, what, seen)
	}
	if o.Now.State != last.State {
		line(o.Now.State.String())
	}
	for i, light := range o.Now.Lights {
		before := decision.Dark
		if i < len(last.Lights) {
			before = last.Lights[i]
		}
		if light != before && i < len(h.Rules.LEDs) {
			line(fmt.Sprintf("%s %v → %v", text.Clean(h.Rules.LEDs[i].Name), before, light))
		}
	}
}

// whatIf runs a recording with other rules or another network, and says what would have been different.
func (a *rerun) whatIf(w io.Writer, drawing string) error {
	rules := &firstHeader(a.recording).Rules
	if a.rules != nil {
		rules = &a.rules.Decision
	}
	timeline := record.NewTimeline(a.recording, rules)
	only := false
	replay := record.Replay{Took: timeline.Take, Only: a.differs}
	replay.Judge = func(h *record.Header) (*decision.Judge, error) {
		only = only || a.differs(h)
		switch {
		case a.rules != nil:
			return a.rules.Judge(a.network.Output)
		case a.differs(h):
			return decision.NewJudge(h.Rules, a.network.Output)
		}
		return decision.NewJudge(h.Rules, h.Output)
	}
	replay.Classify = func(h *record.Header, p *record.Picture) ([]byte, error) {
		if !a.differs(h) {
			return nil, nil
		}
		return a.classify(h, p)
	}
	t, err := replay.Run(a.recording)
	if err != nil {
		if _, wrong := errors.AsType[decision.Problems](err); wrong {
			err = misconfigured(fmt.Errorf("the recording's rules don't fit this network (--config names others): %w", err))
		}
		return err
	}
	timeline.Finish()
	if only {
		fmt.Fprintf(w, "another network, or another part of the picture: only the %d moments whose frames were kept count\n", t.Pictures)
	}
	if err := timeline.WriteTable(w, func(class int) string { return text.Clean(a.network.Output.ClassName(class)) }); err != nil {
		return err
	}
	if drawing == "" {
		return nil
	}
	out, err := files.Create(drawing, w)
	if err != nil {
		return misconfigured(err)
	}
	defer out.Discard()
	if err := timeline.WriteHTML(out, "What would have been different"); err != nil {
		return err
	}
	return out.Commit()
}

// runRecord works on a recording. So far it has one verb: export.
func runRecord(ctx context.Context, args []string, std streams) error {
	f := newFlags("record", std)
	to := f.String("out", "", "the `FOLDER` that gets a folder of pictures for each class")
	if err := parse(f, args); err != nil {
		return err
	}
	if f.NArg() != 2 || f.Arg(0) != "export" || *to == "" {
		return configErrorf("edge record: export RECORDING --out FOLDER (--help says more)")
	}
	r, err := record.Read(f.Arg(1))
	if err != nil {
		return misconfigured(err)
	}
	n, err := exportPictures(ctx, r, *to)
	if errors.Is(err, fs.ErrPermission) {
		err = misconfigured(err)
	}
	if err == nil {
		_, err = fmt.Fprintf(std.out, "%d pictures in %s; what the network took them for may be wrong: look through them before you teach\n", n, *to)
	}
	return err
}

// stamp names pictures by their time.
func stamp(t time.Time, number uint64) string {
	return fmt.Sprintf("%s-%d", t.UTC().Format("20060102-150405.000"), number)
}
