package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"edge/frame"
	"edge/internal/files"
	"edge/teach"
)

// lesson is a folder with a folder of pictures for each class, as edge teach reads it. The last pictures that were taken away
// lie in a folder .deleted, which it skips, so that they can come back.
type lesson struct {
	dir string // empty: there is none
	mu  sync.Mutex
}

const (
	mostClasses    = 250
	mostDeleted    = 100             // pictures that can come back
	takeTime       = 3 * time.Second // for a picture to come, and for those that were asked for before it
	deleted        = ".deleted"
	pictureEnding  = ".jpg"
	pictureMissing = "there is no such picture"
)

// lessonClass is a class of the lesson.
type lessonClass struct {
	Name     string   `json:"name"`
	Pictures []string `json:"pictures"` // their names, the newest first
}

// taught is what GET /api/v1/lessons answers.
type taught struct {
	Folder  string        `json:"folder"`
	Classes []lessonClass `json:"classes"`
	Picture string        `json:"picture,omitempty"` // the name of the one that was taken or moved
}

// isPictureName keeps to pictures in a class's own folder: no other file is shown or moved.
func isPictureName(name string) bool {
	return name != "" && name[0] != '.' && name == filepath.Base(name) && frame.PictureType(name) != ""
}

func (l *lesson) list() (taught, error) {
	t := taught{Folder: l.dir, Classes: []lessonClass{}}
	entries, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, err
	}
	for _, e := range entries {
		if !e.IsDir() || files.CheckName(e.Name()) != nil {
			continue
		}
		found, err := os.ReadDir(filepath.Join(l.dir, e.Name()))
		if err != nil {
			return t, err
		}
		c := lessonClass{e.Name(), []string{}}
		for _, f := range slices.Backward(found) {
			if f.Type().IsRegular() && isPictureName(f.Name()) {
				c.Pictures = append(c.Pictures, f.Name())
			}
		}
		t.Classes = append(t.Classes, c)
	}
	return t, nil
}

// add makes a class.
func (l *lesson) add(class string) error {
	if strings.TrimSpace(class) != class {
		return errors.New("a name without spaces around it, please")
	}
	s, err := teach.OpenStore(l.dir)
	if err == nil {
		err = s.CheckClass(class)
	}
	if err != nil {
		return err
	}
	t, err := l.list()
	if err != nil {
		return err
	}
	if len(t.Classes) >= mostClasses {
		return fmt.Errorf("at most %d classes", mostClasses)
	}
	return os.MkdirAll(filepath.Join(l.dir, class), 0o777)
}

// keep writes a picture of a class, and returns its name.
func (l *lesson) keep(class string, jpeg []byte, at time.Time) (string, error) {
	s, err := teach.OpenStore(l.dir)
	if err != nil {
		return "", err
	}
	if s.Left() == 0 {
		count, bytes := s.Room()
		return "", fmt.Errorf("the lesson is full: %d pictures, %d MiB; delete some", count, bytes>>20)
	}
	dir := filepath.Join(l.dir, class)
	name := free(dir, strings.ReplaceAll(at.UTC().Format("20060102-150405.000000"), ".", "-")+pictureEnding)
	return name, files.Write(filepath.Join(dir, name), jpeg)
}

// move brings a picture to another class, to .deleted, or back. It returns its name there: no other picture of the same
// name is lost.
func (l *lesson) move(name, from, to string) (string, error) {
	if from == to {
		_, err := os.Lstat(filepath.Join(l.dir, from, name))
		return name, err
	}
	target := filepath.Join(l.dir, to)
	if err := os.MkdirAll(target, 0o777); err != nil {
		return "", err
	}
	moved := free(target, name)
	file := filepath.Join(target, moved)
	if err := os.Rename(filepath.Join(l.dir, from, name), file); err != nil {
		return "", err
	}
	if to != deleted {
		return moved, nil
	}
	now := time.Now()
	return moved, errors.Join(os.Chtimes(file, now, now), forget(target))
}

// free returns a name like this one that nothing in a folder has.
func free(dir, name string) string {
	ending := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ending)
	for n := 2; ; n++ {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return name // if it can't be used, whoever writes says why
		}
		name = fmt.Sprintf("%s_%d%s", stem, n, ending)
	}
}

// forget removes what was deleted first, so that only so many can come back.
func forget(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= mostDeleted {
		return err
	}
	when := map[string]time.Time{}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			when[e.Name()] = info.ModTime()
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return when[a.Name()].Compare(when[b.Name()]) })
	var errs []error
	for _, e := range entries[:len(entries)-mostDeleted] {
		errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
	}
	return errors.Join(errs...)
}

// has says whether a class is there.
func (l *lesson) has(class string) bool {
	info, err := os.Lstat(filepath.Join(l.dir, class))
	return files.CheckName(class) == nil && err == nil && info.IsDir()
}

// withLesson answers for itself if there is no lesson, and else holds it until the handler returns.
func (s *Server) withLesson(serve func(l *lesson, w http.ResponseWriter, r *http.Request)) http.HandlerFunc {
	l := &s.lesson
	return func(w http.ResponseWriter, r *http.Request) {
		if l.dir == "" {
			refuse(w, http.StatusNotFound, "", "there is no folder for a lesson: name one with page: {lesson: FOLDER}")
			return
		}
		serve(l, w, r)
	}
}

func (s *Server) listLesson(l *lesson, w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	answerLesson(l, w, "")
}

// answerLesson answers with the lesson, and the name of a picture that has changed in it.
func answerLesson(l *lesson, w http.ResponseWriter, picture string) {
	t, err := l.list()
	if err != nil {
		refuse(w, http.StatusConflict, "", err.Error())
		return
	}
	t.Picture = picture
	writeJSON(w, http.StatusOK, t)
}

// classOf is what POST /api/v1/lessons and PATCH of a picture take.
type classOf struct {
	Class string `json:"class"`
}

func readClass(w http.ResponseWriter, r *http.Request) (string, bool) {
	var c classOf
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, "", err.Error())
		return "", false
	}
	return c.Class, true
}

func (s *Server) addClass(l *lesson, w http.ResponseWriter, r *http.Request) {
	class, ok := readClass(w, r)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.add(class); err != nil {
		refuse(w, http.StatusUnprocessableEntity, "class", err.Error())
		return
	}
	answerLesson(l, w, "")
}

// takePicture keeps a frame to come for a class. Each request gets one of its own, as long as there is time.
func (s *Server) takePicture(l *lesson, w http.ResponseWriter, r *http.Request) {
	class := r.PathValue("class")
	if !l.has(class) {
		refuse(w, http.StatusNotFound, "class", "there is no such class")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), takeTime)
	defer cancel()
	p := s.pump.take(ctx)
	if p == nil || len(p.jpeg) == 0 {
		why := "no picture comes, or others take too many: try again"
		if p != nil {
			why = p.err
		}
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, "", why)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name, err := l.keep(class, p.jpeg, p.at)
	if err != nil {
		refuse(w, http.StatusConflict, "", err.Error())
		return
	}
	s.lessonChanged()
	answerLesson(l, w, name)
}

func (s *Server) lessonPicture(l *lesson, w http.ResponseWriter, r *http.Request) {
	class, name := r.PathValue("class"), r.PathValue("name")
	if !l.has(class) || !isPictureName(name) {
		refuse(w, http.StatusNotFound, "", pictureMissing)
		return
	}
	const most = 16 << 20
	data, err := files.Read(filepath.Join(l.dir, class, name), most)
	if err != nil {
		refuse(w, http.StatusNotFound, "", pictureMissing)
		return
	}
	w.Header().Set("Content-Type", frame.PictureType(name))
	w.Header().Set("Cache-Control", "private, max-age=3600")
	_, _ = w.Write(data)
}

// movePicture moves a picture to another class, away (to none), or back from there.
func (s *Server) movePicture(l *lesson, w http.ResponseWriter, r *http.Request) {
	from, name := r.PathValue("class"), r.PathValue("name")
	to, ok := readClass(w, r)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if to == "" {
		to = deleted
	}
	if from != deleted && !l.has(from) || to != deleted && !l.has(to) || !isPictureName(name) {
		refuse(w, http.StatusNotFound, "", "there is no such picture or class")
		return
	}
	name, err := l.move(name, from, to)
	if err != nil {
		status := http.StatusConflict
		if errors.Is(err, fs.ErrNotExist) {
			status, err = http.StatusNotFound, errors.New(pictureMissing)
		}
		refuse(w, status, "", err.Error())
		return
	}
	s.lessonChanged()
	answerLesson(l, w, name)
}
