package main

import (
	"time"

	"edge/classifier"
	"edge/decision"
	"edge/frame"
	"edge/page"
	"edge/record"
)

// witnesses are shown each moment of the walk: the recorder, and whoever looks at the page or asks for the status. Each
// takes a copy and makes nobody wait.
type witnesses struct {
	recorder *record.Recorder // nil: nothing is recorded
	live     *page.Live       // nil: nobody can look
	teacher  *teacher         // nil: nothing is taught
	started  time.Time
	input    []byte // of the network, kept for the recorder
}

// moment is what they are shown. All of it is borrowed until see returns.
type moment struct {
	kind    record.Kind
	frame   frame.Frame // of a record.Frame
	output  []byte
	verdict decision.Verdict
	judge   *decision.Judge
	ran     time.Duration // what the network took
}

// fitted keeps the network's input before Run uses it up. If the camera sends JPEG, that is recorded instead.
func (w *witnesses) fitted(f *frame.Frame, input []byte) {
	w.input = w.input[:0]
	if w.recorder != nil && f.Format != frame.MJPEG {
		w.input = append(w.input, input...)
	}
}

// see shows a moment to every witness.
func (w *witnesses) see(m *moment) {
	if m.kind == record.Frame {
		w.teacher.see(&m.frame)
	}
	if w.recorder == nil && w.live == nil {
		return
	}
	now := time.Now()
	at := m.frame.At
	if m.kind != record.Frame {
		at = now
	}
	if w.live != nil {
		w.live.See(page.Seen{Frame: m.frame, Output: m.output, Verdict: m.verdict, Judge: m.judge, Ran: m.ran, At: now})
	}
	if w.recorder != nil {
		w.recorder.See(record.Seen{
			Kind: m.kind, At: at, Frame: m.frame, Input: w.input, Output: m.output, Verdict: m.verdict, Judge: m.judge,
		}, w.started)
	}
}

// change is a request to the walk, prepared by whoever asks so that it can't fail.
type change struct {
	judge  *decision.Judge
	fitter *frame.Fitter          // nil if net is another
	net    *classifier.Classifier // nil: the same
	header record.Header
	done   chan<- struct{} // closed when the change is in force
}

// obey applies a change between two frames.
func (l *loop) obey(c change) {
	c.judge.Resume(l.judge)
	l.judge = c.judge
	if c.net != nil {
		before := l.net
		l.net = c.net
		l.net.Net.OnStep(l.alive)
		before.Close()
	} else {
		l.net.SetFitter(c.fitter)
	}
	if w := &l.witnesses; w.recorder != nil {
		w.recorder.SetHeader(c.header, c.judge)
	}
	if w := &l.witnesses; w.live != nil {
		w.live.SetRules(c.header.Rules)
		w.live.SetNetwork(page.Network{Name: l.net.Name(), SHA256: c.header.SHA256, Output: l.net.Output})
	}
	close(c.done)
}
