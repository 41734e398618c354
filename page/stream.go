package page

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"edge/config"
	"edge/frame"
	"edge/quant"
)

// pump makes pictures for all watchers, as long as there are any: one encoder, at a rate of its own, however many look
// and however slow they are.
type pump struct {
	live *Live
	wake chan struct{} // somebody looks again

	takers atomic.Int64  // wait for a picture that is good enough to teach from
	turn   chan struct{} // of the taker that gets the next one; holds one

	mu       sync.Mutex
	watchers int
	newest   *picture
	changed  chan struct{} // closed when there is a newer one
}

// picture is what all watchers are shown. It doesn't change.
type picture struct {
	jpeg       []byte
	at         time.Time
	width      int
	height     int
	sharpness  float64
	brightness float64
	taught     bool   // good enough to teach from
	err        string // why there is no picture of this frame
}

const (
	pictureInterval = 100 * time.Millisecond // between pictures that are the camera's own JPEG
	encodeInterval  = 200 * time.Millisecond // between pictures that are made here, on a machine that makes them fast
	timesWork       = 4                      // and on others so many times what one takes
	jpegQuality     = 75                     // unless somebody teaches
	niceness        = 10                     // of the thread that makes them: the system gives it a tenth of what others get
)

func newPump(l *Live) *pump {
	return &pump{live: l, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1), changed: make(chan struct{})}
}

// enter says that somebody looks; the returned function that they don't any more.
func (p *pump) enter() (leave func()) {
	p.mu.Lock()
	p.watchers++
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return func() {
		p.mu.Lock()
		p.watchers--
		p.mu.Unlock()
	}
}

// after returns a picture that isn't last, waiting for it if need be; nil at the end of ctx.
func (p *pump) after(ctx context.Context, last *picture) *picture {
	for {
		p.mu.Lock()
		newest, changed := p.newest, p.changed
		p.mu.Unlock()
		if newest != nil && newest != last && time.Since(newest.at) < 2*time.Second {
			return newest
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// take returns a picture to teach from, made of a frame to come. Whoever takes one at the same time gets another. It returns
// nil at the end of ctx.
func (p *pump) take(ctx context.Context) *picture {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil
	}
	p.takers.Add(1)
	defer p.takers.Add(-1)
	defer p.enter()()
	p.mu.Lock()
	last := p.newest
	p.mu.Unlock()
	for {
		if last = p.after(ctx, last); last == nil || last.taught {
			return last
		}
	}
}

// run makes pictures until ctx ends, on a thread of its own that the system runs only while the network leaves it a core: on a
// board whose cores are all the network's, a picture would else make a frame late.
func (p *pump) run(ctx context.Context) {
	runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine, and its priority with it
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, niceness)
	var c converter
	for {
		p.mu.Lock()
		idle := p.watchers == 0
		p.mu.Unlock()
		if idle {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			}
			continue
		}
		start := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second): // the camera is lost; perhaps nobody looks any more
			continue
		case f := <-p.live.nextPicture():
			came := time.Now()
			interval := pictureInterval
			if f.Format != frame.MJPEG {
				interval = encodeInterval
			}
			quality := jpegQuality
			if p.takers.Load() > 0 {
				quality = frame.TaughtQuality
			}
			made := c.convert(f, quality)
			interval = max(interval, timesWork*time.Since(came))
			p.live.giveBack(f)
			p.mu.Lock()
			p.newest = made
			close(p.changed)
			p.changed = make(chan struct{})
			p.mu.Unlock()
			select {
			case <-ctx.Done():
				return
			case <-time.After(interval - time.Since(start)):
			}
		}
	}
}

// converter makes pictures of frames, and measures them.
type converter struct {
	width, height int // of the frames
	encoder       frame.Encoder
	grey          *frame.Fitter
	luma          []byte
}

const (
	greyWidth  = 160
	greyHeight = 120
)

func (c *converter) convert(f *frame.Frame, quality int) *picture {
	p := &picture{at: time.Now(), width: f.Width, height: f.Height, taught: f.Format == frame.MJPEG || quality >= frame.TaughtQuality}
	if err := c.measure(f, p); err != nil {
		p.err = err.Error()
		return p
	}
	var err error
	if p.jpeg, err = c.encoder.Encode(*f, quality); err != nil {
		p.err = err.Error()
	}
	return p
}

// specOf is a picture of bytes as they are.
func specOf(width, height, channels int) frame.TensorSpec {
	return frame.TensorSpec{
		Width: width, Height: height, Channels: channels, Quant: quant.Params{Scale: 1}, Std: [3]float32{1, 1, 1},
	}
}

// measure finds how bright and how sharp a picture is: the mean of its luma, and the standard deviation of a Laplacian, over
// its middle, where no scaling takes the sharpness away.
func (c *converter) measure(f *frame.Frame, p *picture) error {
	if c.grey == nil || c.width != f.Width || c.height != f.Height {
		c.width, c.height = f.Width, f.Height
		w, h := min(greyWidth, max(f.Width, 1)), min(greyHeight, max(f.Height, 1))
		middle := frame.ROI{X: float64((f.Width - w) / 2), Y: float64((f.Height - h) / 2), Width: float64(w), Height: float64(h)}
		if w < 2 || h < 2 {
			middle = frame.ROI{}
		}
		var err error
		if c.grey, err = frame.NewFitter(specOf(w, h, 1), frame.Options{Fit: frame.Stretch, ROI: middle}); err != nil {
			return err
		}
		c.luma = make([]byte, w*h)
	}
	if err := c.grey.Fit(c.luma, *f); err != nil {
		return err
	}
	p.brightness, p.sharpness = brightnessAndSharpness(c.luma, min(greyWidth, f.Width))
	return nil
}

// streaming gives a handler a place among the streams, and the streams' own deadlines.
func (s *Server) streaming(kind string, serve func(http.ResponseWriter, *http.Request, func() error)) http.HandlerFunc {
	places := make(chan struct{}, mostStreams)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		if r.Method == http.MethodHead {
			return // what is never sent would never end
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", "5")
			http.Error(w, "too many watchers", http.StatusServiceUnavailable)
			return
		}
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(time.Time{}) // nothing more is read; a deadline would end the stream
		serve(w, r, func() error {               // each part has its own time
			if err := control.Flush(); err != nil {
				return err
			}
			return control.SetWriteDeadline(time.Now().Add(answerTime))
		})
	}
}

const boundary = "edge-frame"

// stream serves MJPEG, as cameras do.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, part func() error) {
	defer s.pump.enter()()
	var last *picture
	for {
		if last = s.pump.after(r.Context(), last); last == nil {
			return
		}
		if len(last.jpeg) == 0 {
			continue
		}
		_, err := fmt.Fprintf(w, "--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", boundary, len(last.jpeg))
		if err == nil {
			_, err = w.Write(last.jpeg)
		}
		if err == nil {
			_, err = w.Write([]byte("\r\n"))
		}
		if err != nil || part() != nil {
			return
		}
	}
}

// snapshot serves one picture.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	defer s.pump.enter()()
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	p := s.pump.after(ctx, nil)
	if p == nil || len(p.jpeg) == 0 {
		why := "no picture comes"
		if p != nil {
			why = p.err
		}
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, _ = w.Write(p.jpeg)
}

// liveEvent is what /events says.
type liveEvent struct {
	State
	Picture  *pictureInfo `json:"picture,omitempty"`
	Rules    uint64       `json:"rules"`    // counts their changes
	Teaching uint64       `json:"teaching"` // Teaching.Number: it is worth asking again if one of the two changes
}

type pictureInfo struct {
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	Sharpness  float64 `json:"sharpness"`
	Brightness float64 `json:"brightness"` // 0 to 255
	Trouble    string  `json:"trouble,omitempty"`
}

const eventInterval = 200 * time.Millisecond

// events serves the state five times a second, as server-sent events. A slow reader gets fewer: each is what holds when it
// is sent.
func (s *Server) events(w http.ResponseWriter, r *http.Request, part func() error) {
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	var rules uint64
	var seen *config.Config
	for {
		if _, c := s.program.Settings.Get(); c != seen {
			rules, seen = rules+1, c
		}
		e := liveEvent{State: s.now(), Rules: rules}
		if t := s.program.Teacher; t != nil {
			e.Teaching = t.Teaching().Number
		}
		s.pump.mu.Lock()
		p := s.pump.newest
		s.pump.mu.Unlock()
		if p != nil && time.Since(p.at) < 5*time.Second {
			e.Picture = &pictureInfo{p.width, p.height, p.sharpness, p.brightness, p.err}
		}
		text, err := json.Marshal(e)
		if err == nil {
			_, err = fmt.Fprintf(w, "data: %s\n\n", text)
		}
		if err != nil || part() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}
