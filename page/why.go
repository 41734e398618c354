package page

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strconv"
	"sync"
	"time"

	"edge/decision"
	"edge/frame"
	"edge/record"
)

// happening is an event of the recorder, in a list.
type happening struct {
	Run     string    `json:"run"`    // when its run began, Unix nanoseconds: with the moment, its name
	Moment  uint64    `json:"moment"` // counts the moments of the run
	At      time.Time `json:"at"`
	Why     string    `json:"why"`
	LED     string    `json:"led,omitempty"`
	Picture bool      `json:"picture"`
}

// story is an event with what was before and after it.
type story struct {
	happening
	Text    string  `json:"text"` // what happened, in words
	LEDs    []LED   `json:"leds"` // at the moment of the event
	Top     []Top   `json:"top"`
	Moments []point `json:"moments"`
}

// point is a moment of a story.
type point struct {
	Moment   uint64    `json:"moment"`
	At       time.Time `json:"at"`
	Scores   []float32 `json:"scores"`
	Smoothed []float32 `json:"smoothed"`
	Lit      []bool    `json:"lit"`
	Picture  bool      `json:"picture"`
}

const (
	mostHappenings = 200
	storyBefore    = 5 * time.Second
	storyAfter     = 3 * time.Second
	mostPoints     = 2000
	mostRecording  = 32 << 20 // bytes of it that are looked through
)

// library reads the recording, one reader at a time, and remembers it for a moment.
type library struct {
	running chan struct{} // one replay at a time: it takes a core for a while; holds one

	mu   sync.Mutex
	read *record.Recording
	at   time.Time
}

func (l *library) recording(dir string) (*record.Recording, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.read != nil && time.Since(l.at) < 2*time.Second {
		return l.read, nil
	}
	r, err := record.ReadNewest(dir, mostRecording)
	if err != nil {
		return nil, err
	}
	l.read, l.at = r, time.Now()
	time.AfterFunc(10*time.Second, l.forget)
	return r, nil
}

// forget gives the memory back when nobody has asked for a while.
func (l *library) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= 9*time.Second {
		l.read = nil
	}
}

// recording answers for itself if there is none.
func (s *Server) recording(w http.ResponseWriter) *record.Recording {
	if s.program.Record == "" {
		refuse(w, http.StatusNotFound, "", "nothing is recorded: see record: in the configuration")
		return nil
	}
	r, err := s.library.recording(s.program.Record)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "", err.Error())
		return nil
	}
	return r
}

func runOf(h *record.Header) string { return strconv.FormatInt(h.Started.UnixNano(), 10) }

func happeningOf(r *record.Recording, e *record.Happening) happening {
	h := happening{
		Run: runOf(e.Header), Moment: e.Number, At: e.At, Why: e.Why.String(), Picture: r.Picture(e.Header, e.Number) != nil,
	}
	if leds := e.Header.Rules.LEDs; e.Why == record.NearMiss && e.LED < len(leds) {
		h.LED = leds[e.LED].Name
	}
	return h
}

// listEvents lists what the recorder found worth keeping, the newest first.
func (s *Server) listEvents(w http.ResponseWriter, _ *http.Request) {
	r := s.recording(w)
	if r == nil {
		return
	}
	list := []happening{}
	for i := len(r.Events) - 1; i >= 0 && len(list) < mostHappenings; i-- {
		list = append(list, happeningOf(r, &r.Events[i]))
	}
	writeJSON(w, http.StatusOK, list)
}

// place reads which moment of which run is asked for, and finds the run's header.
func place(r *record.Recording, req *http.Request) (h *record.Header, moment uint64, ok bool) {
	moment, err := strconv.ParseUint(req.PathValue("moment"), 10, 63)
	if err != nil {
		return nil, 0, false
	}
	for i := range r.Events {
		if runOf(r.Events[i].Header) == req.PathValue("run") {
			return r.Events[i].Header, moment, true
		}
	}
	return nil, 0, false
}

const gone = "the recorder doesn't have this any more"

// eventOf finds the event that is asked for, nil if it isn't there.
func eventOf(r *record.Recording, req *http.Request) *record.Happening {
	h, moment, ok := place(r, req)
	for i := range r.Events {
		if e := &r.Events[i]; ok && e.Header.Started.Equal(h.Started) && e.Number == moment {
			return e
		}
	}
	return nil
}

// showEvent runs what was around an event again, and says why it happened.
func (s *Server) showEvent(w http.ResponseWriter, req *http.Request) {
	r := s.recording(w)
	if r == nil {
		return
	}
	event := eventOf(r, req)
	if event == nil {
		refuse(w, http.StatusNotFound, "", gone)
		return
	}
	h, moment := event.Header, event.Number
	select {
	case s.library.running <- struct{}{}:
		defer func() { <-s.library.running }()
	case <-time.After(answerTime / 2):
		refuse(w, http.StatusServiceUnavailable, "", "another event is being looked at: try again")
		return
	case <-req.Context().Done():
		return
	}
	told := story{happening: happeningOf(r, event), LEDs: []LED{}, Top: []Top{}, Moments: []point{}}
	var before []decision.Light
	replay := record.Replay{Took: func(o record.Outcome) {
		if !o.Header.Started.Equal(h.Started) {
			return
		}
		if o.Moment.Number == moment {
			told.explain(&o, event, before)
		}
		before = append(before[:0], o.Now.Lights...)
		if from := o.Wall.Sub(event.At); from < -storyBefore || from > storyAfter || len(told.Moments) == mostPoints {
			return
		}
		p := point{
			Moment: o.Moment.Number, At: o.Wall, Scores: append([]float32{}, o.Scores...), Smoothed: append([]float32{}, o.Smoothed...),
			Lit: make([]bool, len(o.Now.Lights)), Picture: r.Picture(h, o.Moment.Number) != nil,
		}
		for i, light := range o.Now.Lights {
			p.Lit[i] = light != decision.Dark
		}
		told.Moments = append(told.Moments, p)
	}}
	if _, err := replay.Run(r); err != nil {
		refuse(w, http.StatusServiceUnavailable, "", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, told)
}

// explain says in words what happened at a moment, before which the LEDs showed something else.
func (t *story) explain(o *record.Outcome, e *record.Happening, before []decision.Light) {
	rules := o.Header.Rules.LEDs
	for i := range rules {
		if i >= len(o.Scores) {
			break
		}
		led := LED{
			Name: rules[i].Name, Lit: o.Now.Lights[i] != decision.Dark, Light: o.Now.Lights[i].String(),
			Score: o.Scores[i], Smoothed: o.Smoothed[i],
		}
		if len(rules[i].Classes) > 0 {
			led.On, led.Off = rules[i].On, rules[i].Off
		}
		t.LEDs = append(t.LEDs, led)
	}
	if len(o.Output) == o.Header.Output.Classes {
		t.Top = topOf(o.Header.Output, o.Output)
	}
	switch e.Why {
	case record.Loss:
		t.Text = "The camera was lost: no frames came any more."
	case record.Unsure:
		t.Text = fmt.Sprintf("No class had a good score any more; the best was %.2f.", o.Score)
	case record.NearMiss:
		if e.LED < len(rules) {
			l := &rules[e.LED]
			t.Text = fmt.Sprintf("The score of %q passed a threshold and came back before the LED changed: "+
				"it goes on at %v and off below %v, with smoothing %v and a hold of %v.", l.Name, l.On, l.Off, l.Smoothing, l.Hold)
		}
	case record.Switch:
		for i := range t.LEDs {
			if i < len(before) && before[i] != o.Now.Lights[i] {
				t.Text += switched(&rules[i], &t.LEDs[i], before[i]) + " "
			}
		}
		t.Text += fmt.Sprintf("The state is %q.", o.Now.State)
	}
}

// switched says why an LED changed.
func switched(rule *decision.LED, led *LED, before decision.Light) string {
	text := fmt.Sprintf("%q was %v, now it is %v", led.Name, before, led.Light)
	smoothed := fmt.Sprintf("its score (%v) is %.2f", rule.Smoothing, led.Smoothed)
	switch {
	case len(rule.Classes) == 0:
		return text + ", as the state has it."
	case led.Lit && led.Smoothed >= rule.On:
		return fmt.Sprintf("%s: %s and reaches %v.", text, smoothed, rule.On)
	case !led.Lit && led.Smoothed < rule.Off:
		return fmt.Sprintf("%s: %s, below %v.", text, smoothed, rule.Off)
	}
	return text + "."
}

// picture serves a frame as the network got it: the camera's JPEG, or a PNG of the input tensor.
func (s *Server) picture(w http.ResponseWriter, req *http.Request) {
	r := s.recording(w)
	if r == nil {
		return
	}
	h, moment, ok := place(r, req)
	var p *record.Picture
	if ok {
		p = r.Picture(h, moment)
	}
	if p == nil {
		refuse(w, http.StatusNotFound, "", gone)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=3600")
	if p.Format == frame.MJPEG {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(frame.AppendJPEG(nil, p.Data))
		return
	}
	data, err := PNG(h, p)
	if err != nil {
		refuse(w, http.StatusNotFound, "", err.Error())
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(data)
}

// PNG makes a picture file of an input tensor.
func PNG(h *record.Header, p *record.Picture) ([]byte, error) {
	f, ok := p.Frame(h)
	if !ok {
		return nil, fmt.Errorf("page: the picture of moment %d isn't of this network", p.Number)
	}
	rect := image.Rect(0, 0, f.Width, f.Height)
	var img image.Image
	if f.Format == frame.GREY {
		img = &image.Gray{Pix: f.Pix, Stride: f.Width, Rect: rect}
	} else {
		rgba := image.NewNRGBA(rect)
		for i, j := 0, 0; i+2 < len(f.Pix); i, j = i+3, j+4 {
			rgba.Pix[j], rgba.Pix[j+1], rgba.Pix[j+2], rgba.Pix[j+3] = f.Pix[i], f.Pix[i+1], f.Pix[i+2], 255
		}
		img = rgba
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}
