package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"edge/config"
	"edge/frame"
	"edge/teach"
)

// patient is a teacher that counts how often it is asked.
type patient struct {
	mu    sync.Mutex
	asked uint64
}

func (p *patient) Teach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
}

func (p *patient) Teaching() Teaching {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Teaching{Number: p.asked, Trouble: "only one class", Card: &teach.Card{
		Lesson: "door", Classes: []teach.ClassCard{{Name: "open", Pictures: 3}}, Confusion: [][]int{{3}}, Worst: []teach.Mistake{{File: "a.jpg"}},
		Duplicates: [][]string{}, Twins: [][]string{}, Growth: []teach.Growth{}, Unreadable: []string{}, Warnings: []string{}, Advice: "10 more",
	}}
}

func (p *patient) Why(_ context.Context, f frame.Frame, fit frame.Options) (*teach.Why, error) {
	if f.Width != 8 || fit.Fit != frame.Stretch {
		return nil, errors.New("another frame")
	}
	return &teach.Why{
		Answer: "cat", Class: "cat", Classes: []string{"cat"}, Scores: []float64{1}, Familiarto: []float64{0.8},
		Nearest: []teach.Near{{File: "lesson/cat/a.jpg", Shows: "cat", Cosine: 0.9}},
	}, nil
}

// TestTeaching holds that each change of the lesson asks for it to be taught, nothing else does, and who may only look can't.
func TestTeaching(t *testing.T) {
	w := newWalk(t, "")
	p := w.program("")
	teacher := new(patient)
	p.Lesson, p.Teacher = filepath.Join(t.TempDir(), "lesson"), teacher
	url := serve(t, config.Page{}, p) + "/api/v1"
	w.watch(100)
	asked := func(want uint64, method, path, body string) string {
		t.Helper()
		status, _, text := request(t, method, url+path, body)
		if n := teacher.Teaching().Number; status != http.StatusOK || n != want {
			t.Fatalf("%s %s: %d, %s; asked %d times, want %d", method, path, status, text, n, want)
		}
		return text
	}
	asked(0, http.MethodPost, "/lessons", `{"class":"open"}`)
	asked(0, http.MethodPost, "/lessons", `{"class":"shut"}`)
	var l taught
	if err := json.Unmarshal([]byte(asked(1, http.MethodPost, "/lessons/open/pictures", "")), &l); err != nil {
		t.Fatal(err)
	}
	name := l.Classes[0].Pictures[0]
	asked(2, http.MethodPatch, "/lessons/open/pictures/"+name, `{"class":"shut"}`)
	asked(3, http.MethodPatch, "/lessons/shut/pictures/"+name, `{"class":""}`)
	asked(4, http.MethodPatch, "/lessons/.deleted/pictures/"+name, `{"class":"open"}`)
	asked(4, http.MethodGet, "/lessons", "")
	if text := asked(4, http.MethodGet, "/teaching", ""); !strings.Contains(text, "only one class") || !strings.Contains(text, "10 more") {
		t.Error(text)
	}
	asked(5, http.MethodPost, "/teaching", "")
	if status, _, _ := request(t, http.MethodPatch, url+"/lessons/open/pictures/20250101-1.jpg", `{"class":"shut"}`); status != http.StatusNotFound || teacher.Teaching().Number != 5 {
		t.Errorf("%d: what has failed is taught", status)
	}

	looking := serve(t, config.Page{ViewPassword: hashed(t, "look at it all")}, p) + "/api/v1"
	as := func(method, path string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, looking+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("anybody", "look at it all")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if status := as(http.MethodGet, "/teaching"); status != http.StatusOK {
		t.Errorf("looking: %d", status)
	}
	for _, path := range []string{"/teaching", "/lessons/open/pictures"} {
		if status := as(http.MethodPost, path); status != http.StatusForbidden || teacher.Teaching().Number != 5 {
			t.Errorf("changing %s: %d", path, status)
		}
	}

	p.Teacher = nil
	if status, _, text := get(t, serve(t, config.Page{}, p)+"/api/v1/teaching"); status != http.StatusNotFound || !strings.Contains(text, "teach: {lesson") {
		t.Errorf("%d, %s", status, text)
	}
}
