package page

import (
	"context"
	"net/http"

	"edge/frame"
	"edge/record"
	"edge/teach"
)

// Teacher teaches the pictures of the lesson to the network that runs, beside the walk.
type Teacher interface {
	// Teach asks for the lesson to be taught anew, and returns at once. Several requests in a row are one.
	Teach()
	// Teaching says how it goes.
	Teaching() Teaching
	// Why says which of the taught pictures a frame looks like, of which a part counts. It waits until ctx ends if it has to.
	Why(ctx context.Context, f frame.Frame, fit frame.Options) (*teach.Why, error)
}

// Teaching is how it goes with the lesson: what GET /api/v1/teaching answers.
type Teaching struct {
	Number  uint64      `json:"number"` // counts the changes of all this
	Busy    bool        `json:"busy"`   // it is being taught
	Done    int         `json:"done"`   // pictures that were looked at anew, of so many
	Of      int         `json:"of"`
	Trouble string      `json:"trouble,omitempty"` // why the last network runs on
	Card    *teach.Card `json:"card,omitempty"`    // of what was taught last
}

// withTeacher answers for itself if nobody teaches.
func (s *Server) withTeacher(serve func(t Teacher, w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	t := s.program.Teacher
	return func(w http.ResponseWriter, r *http.Request) {
		if t == nil {
			refuse(w, http.StatusNotFound, "", "pictures are only collected here: the network that runs is taught with teach: {lesson: FOLDER}")
			return
		}
		serve(t, w, r)
	}
}

func (s *Server) teaching(t Teacher, w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, t.Teaching())
}

// teach teaches the lesson anew though the page has changed nothing: pictures may have come another way.
func (s *Server) teach(t Teacher, w http.ResponseWriter, _ *http.Request) {
	t.Teach()
	writeJSON(w, http.StatusOK, t.Teaching())
}

// lessonChanged tells the teacher, if there is one.
func (s *Server) lessonChanged() {
	if s.program.Teacher != nil {
		s.program.Teacher.Teach()
	}
}

// nearest says which of the taught pictures the frame of an event looks like, as the lesson is taught now.
func (s *Server) nearest(t Teacher, w http.ResponseWriter, req *http.Request) {
	r := s.recording(w)
	if r == nil {
		return
	}
	var p *record.Picture
	event := eventOf(r, req)
	if event != nil {
		p = r.Picture(event.Header, event.Number)
	}
	if p == nil {
		refuse(w, http.StatusNotFound, "", gone)
		return
	}
	f, ok := p.Frame(event.Header)
	if !ok {
		refuse(w, http.StatusNotFound, "", "this picture isn't of its network")
		return
	}
	fit := event.Header.Fit
	if p.Format == 0 { // it is what counted already
		fit = frame.Options{Fit: frame.Stretch}
	}
	ctx, cancel := context.WithTimeout(req.Context(), answerTime/2)
	defer cancel()
	why, err := t.Why(ctx, f, fit)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, why)
}

// model is the network that runs, in a list of one.
type model struct {
	Name    string   `json:"name"`
	SHA256  string   `json:"sha256"`
	Kernels string   `json:"kernels"`
	Input   [2]int   `json:"input"` // width and height
	Classes int      `json:"classes"`
	Labels  []string `json:"labels"` // of the classes; none if it has none
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	n, in := s.program.Live.Network(), s.program.Input
	labels := append([]string{}, n.Output.Labels...)
	writeJSON(w, http.StatusOK, []model{{n.Name, n.SHA256, s.program.Fixed.Kernels, [2]int{in.Width, in.Height}, n.Output.Classes, labels}})
}
