// Package page shows the program to people and machines over HTTP: the live picture, the scores, the LEDs and why they
// are lit; and takes new rules from them.
//
//	walk ──See──▶ Live ◀──copies── handlers, one goroutine a watcher ──▶ browsers
//	                └──a frame, when one is wanted──▶ encoder, one for all watchers
//	walk ◀──Settings.Change── handlers
//
// The walk never waits: it copies numbers under a lock that is only tried, and a frame when somebody asked for one. What is
// served is a few files in web/, without a framework and without anything from elsewhere.
//
// The files in the order in which to read them: page.go has the routes, guard.go says who may come in, password.go how a
// password is kept, live.go what the walk shows, state.go and metrics.go how that is written down, stream.go the pictures,
// why.go the recorder's events, lesson.go pictures to teach from, teaching.go what becomes of them.
package page

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"edge/config"
	"edge/frame"
)

//go:embed web
var web embed.FS

// Program is what the page is about.
type Program struct {
	Live     *Live
	Fixed    Fixed
	Changing func() Changing
	Input    frame.TensorSpec
	Settings Settings
	Record   string  // the recorder's folder; empty: nothing is recorded
	Lesson   string  // a folder of pictures to teach from; empty: none
	Teacher  Teacher // of that lesson; nil: its pictures are only collected
	Log      *slog.Logger
}

// Settings are the rules that hold, as the text of a configuration.
type Settings interface {
	// Get returns the text and what it says.
	Get() (text []byte, c *config.Config)
	// Change makes other values hold, and saves them if that is wanted. What is wrong with them is a *config.Error.
	Change(ctx context.Context, changes []config.Change, save bool) error
}

// Server serves the page.
type Server struct {
	program Program
	guard   *guard
	http    *http.Server
	pump    *pump
	library library
	lesson  lesson
	address string
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// The limits.
const (
	mostConnections = 64
	mostStreams     = 24 // /stream and /events
	mostHeader      = 8 << 10
	mostBody        = 64 << 10
	answerTime      = 10 * time.Second // for a whole answer, or for one part of a stream
)

// Serve serves the page on a listener until Close. It fails if the listener can be reached from other machines and there
// is no password.
func Serve(l net.Listener, c config.Page, p Program) (*Server, error) {
	g, err := newGuard(l.Addr(), c)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		lesson: lesson{dir: p.Lesson}, program: p, guard: g, stop: stop, pump: newPump(p.Live), address: l.Addr().String(),
		library: library{running: make(chan struct{}, 1)},
	}
	few := &limited{Listener: l, most: mostConnections}
	s.http = &http.Server{
		ConnContext:       few.context,
		ConnState:         few.state,
		Handler:           g.protect(s.routes()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       answerTime,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    mostHeader,
		ErrorLog:          slog.NewLogLogger(p.Log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	s.ended.Go(func() { s.pump.run(ctx) })
	s.ended.Go(func() {
		if err := s.http.Serve(few); !errors.Is(err, http.ErrServerClosed) {
			p.Log.Warn("the page has ended", "error", err)
		}
	})
	return s, nil
}

// Address returns the address on which it listens.
func (s *Server) Address() string { return s.address }

// Close ends all connections.
func (s *Server) Close() error {
	s.stop()
	err := s.http.Close()
	s.ended.Wait()
	return err
}

// routes are also written down in web/openapi.json; a test compares.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.file("index.html"))
	for _, name := range []string{"app.js", "style.css", "icon.svg", "openapi.json"} {
		mux.HandleFunc("GET /"+name, s.file(name))
	}
	mux.HandleFunc("GET /state", s.state)
	mux.HandleFunc("GET /events", s.streaming("text/event-stream", s.events))
	mux.HandleFunc("GET /stream", s.streaming("multipart/x-mixed-replace; boundary="+boundary, s.stream))
	mux.HandleFunc("GET /snapshot", s.snapshot)
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /api/v1/config", s.getConfig)
	mux.HandleFunc("PATCH /api/v1/config", s.patchConfig)
	mux.HandleFunc("GET /api/v1/history", s.history)
	mux.HandleFunc("GET /api/v1/replay", s.listEvents)
	mux.HandleFunc("GET /api/v1/replay/{run}/{moment}", s.showEvent)
	mux.HandleFunc("GET /api/v1/replay/{run}/{moment}/nearest", s.withTeacher(s.nearest))
	mux.HandleFunc("GET /api/v1/models", s.models)
	mux.HandleFunc("GET /api/v1/pictures/{run}/{moment}", s.picture)
	mux.HandleFunc("GET /api/v1/lessons", s.withLesson(s.listLesson))
	mux.HandleFunc("POST /api/v1/lessons", s.withLesson(s.addClass))
	mux.HandleFunc("POST /api/v1/lessons/{class}/pictures", s.withLesson(s.takePicture))
	mux.HandleFunc("GET /api/v1/lessons/{class}/pictures/{name}", s.withLesson(s.lessonPicture))
	mux.HandleFunc("PATCH /api/v1/lessons/{class}/pictures/{name}", s.withLesson(s.movePicture))
	mux.HandleFunc("GET /api/v1/teaching", s.withTeacher(s.teaching))
	mux.HandleFunc("POST /api/v1/teaching", s.withTeacher(s.teach))
	return mux
}

func (s *Server) file(name string) http.HandlerFunc {
	data, err := fs.ReadFile(web, path.Join("web", name))
	if err != nil {
		panic(err) // embedded: a test sees it
	}
	kind := mime.TypeByExtension(path.Ext(name))
	started := s.program.Fixed.Started
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		http.ServeContent(w, r, name, started, bytes.NewReader(data))
	}
}

func (s *Server) now() State { return s.program.Live.State(&s.program.Fixed, s.program.Changing()) }

// state is JSON for machines, and a page that needs no JavaScript for a browser that asks for one.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	state := s.now()
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		writeStatePage(w, &state)
		return
	}
	writeJSON(w, http.StatusOK, state)
}

func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	state := s.now()
	var lesson taught
	if s.lesson.dir != "" {
		s.lesson.mu.Lock()
		lesson, _ = s.lesson.list() // what can't be read isn't counted
		s.lesson.mu.Unlock()
	}
	_, c := s.program.Settings.Get()
	_ = s.program.Live.writeMetrics(w, &state, c.Capture.FPS, lesson.Classes)
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if state := s.now(); !state.CameraUp {
		http.Error(w, state.State, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *Server) history(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.program.Live.History())
}

// settings is what GET /api/v1/config answers.
type settings struct {
	File     string   `json:"file"`
	Text     string   `json:"text"`
	Fit      string   `json:"fit"`
	ROI      string   `json:"roi"`
	Rotate   int      `json:"rotate"`
	Mirror   bool     `json:"mirror"`
	Input    [2]int   `json:"input"` // width and height of the network's input
	LEDs     []ledSet `json:"leds"`
	MayWrite bool     `json:"may_write"`
}

type ledSet struct {
	Name      string  `json:"name"`
	Rule      bool    `json:"rule"` // it has classes
	On        float32 `json:"on"`
	Off       float32 `json:"off"`
	Smoothing string  `json:"smoothing"`
	Hold      string  `json:"hold"`
}

func (s *Server) getConfig(w http.ResponseWriter, r *http.Request) {
	text, c := s.program.Settings.Get()
	answer := settings{
		File: c.File(), Text: string(text), Fit: c.Fit.Fit.String(), ROI: c.Fit.ROI.String(), Rotate: c.Fit.Rotate,
		Mirror: c.Fit.Mirror, Input: [2]int{s.program.Input.Width, s.program.Input.Height}, LEDs: []ledSet{}, MayWrite: mayWrite(r),
	}
	for i := range c.Decision.LEDs {
		l := &c.Decision.LEDs[i]
		answer.LEDs = append(answer.LEDs, ledSet{
			l.Name, len(l.Classes) > 0, l.On, l.Off, l.Smoothing.String(), l.Hold.String(),
		})
	}
	if !mayWrite(r) {
		answer.Text = "" // it may have a password's hash
	}
	writeJSON(w, http.StatusOK, answer)
}

// changes is what PATCH /api/v1/config takes.
type changes struct {
	Set  []config.Change `json:"set"`
	Save bool            `json:"save"`
}

// patchConfig changes values in the text of the configuration. They hold at once, and are saved if that is wanted.
func (s *Server) patchConfig(w http.ResponseWriter, r *http.Request) {
	var asked changes
	body := http.MaxBytesReader(w, r.Body, mostBody)
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			refuse(w, http.StatusRequestEntityTooLarge, "", "more than 64 KiB")
			return
		}
		refuse(w, http.StatusBadRequest, "", err.Error())
		return
	}
	for _, c := range asked.Set {
		if !mayBeSet(c.Path) {
			refuse(w, http.StatusUnprocessableEntity, c.Path, "this can't be changed here: edit the file")
			return
		}
	}
	err := s.program.Settings.Change(r.Context(), asked.Set, asked.Save)
	var wrong *config.Error
	switch {
	case err == nil:
		s.getConfig(w, r)
	case errors.As(err, &wrong):
		answer := problems{}
		for _, p := range wrong.Problems {
			answer.Problems = append(answer.Problems, problem{p.Path, p.Text})
		}
		writeJSON(w, http.StatusUnprocessableEntity, answer)
	default:
		refuse(w, http.StatusConflict, "", err.Error())
	}
}

// mayBeSet says whether the page may change a value. A camera that is a command, or a password, is nothing for a page.
func mayBeSet(path string) bool {
	switch path {
	case "camera.roi", "camera.rotate", "camera.mirror", "camera.fit", "states.not_sure.below":
		return true
	}
	_, key, _ := strings.Cut(path, "].")
	switch key {
	case "on", "off", "smoothing", "hold":
		return strings.HasPrefix(path, "leds[")
	}
	return false
}

type problems struct {
	Problems []problem `json:"problems"`
}

// problem is what is wrong with a value, for the field that it was typed in.
type problem struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

func refuse(w http.ResponseWriter, status int, path, text string) {
	writeJSON(w, status, problems{[]problem{{path, text}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
