package page

import (
	"net/http"

	"edge/teach"
)

// Teacher teaches the pictures of the lesson to the network that runs, beside the walk.
type Teacher interface {
	// Teach asks for the lesson to be taught anew, and returns at once. Several requests in a row are one.
	Teach()
	// Teaching says how it goes.
	Teaching() Teaching
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
