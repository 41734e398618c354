package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/jpeg"
	"net/http"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/teach"
)

func TestLesson(t *testing.T) {
	w := newWalk(t, "")
	p := w.program("")
	p.Lesson = filepath.Join(t.TempDir(), "lesson")
	url := serve(t, config.Page{}, p) + "/api/v1/lessons"
	w.watch(100)
	ask := func(method, path, body string, want int) (answer taught) {
		t.Helper()
		status, _, text := request(t, method, url+path, body)
		if status != want {
			t.Fatalf("%s %s: %d, %s", method, path, status, text)
		}
		if status == http.StatusOK {
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatal(err)
			}
		}
		return answer
	}
	if l := ask(http.MethodGet, "", "", 200); len(l.Classes) != 0 {
		t.Errorf("%+v", l)
	}
	ask(http.MethodPost, "", `{"class":"Katze ä"}`, 200)
	ask(http.MethodPost, "", `{"class":"none"}`, 200)
	for range 2 {
		ask(http.MethodPost, "/none/pictures", "", 200)
	}
	l := ask(http.MethodPost, "/Katze%20%C3%A4/pictures", "", 200)
	if len(l.Classes) != 2 || l.Classes[0].Name != "Katze ä" || len(l.Classes[0].Pictures) != 1 || len(l.Classes[1].Pictures) != 2 {
		t.Fatalf("%+v", l)
	}
	name := l.Classes[1].Pictures[0]
	file, err := os.Open(filepath.Join(p.Lesson, "none", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if img, err := jpeg.Decode(file); err != nil || img.Bounds().Dx() != 64 {
		t.Error(err)
	}
	if status, header, _ := get(t, url+"/none/pictures/"+name); status != http.StatusOK || header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d", status)
	}
	if l = ask(http.MethodPatch, "/none/pictures/"+name, `{"class":""}`, 200); len(l.Classes[1].Pictures) != 1 {
		t.Errorf("%+v", l)
	}
	if l = ask(http.MethodPatch, "/.deleted/pictures/"+name, `{"class":"Katze ä"}`, 200); len(l.Classes[0].Pictures) != 2 {
		t.Errorf("%+v", l)
	}
	if _, _, text := get(t, strings.TrimSuffix(url, "/api/v1/lessons")+"/metrics"); !strings.Contains(text, `edge_lesson_pictures{class="Katze ä"} 2`) {
		t.Error(text)
	}
	outside := filepath.Join(filepath.Dir(p.Lesson), "20250101-1.jpg")
	if err := os.WriteFile(outside, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "", `{"class":"../up"}`},
		{http.MethodPost, "", `{"class":".deleted"}`},
		{http.MethodPost, "", `{"class":""}`},
		{http.MethodPost, "", `{"class":"` + strings.Repeat("x", 101) + `"}`},
		{http.MethodPost, "", `{"class":"a/b"}`},
		{http.MethodPost, "", `{"class":"two\nlines"}`},
		{http.MethodPost, "", `{"class":" spaces "}`},
		{http.MethodPost, "", `{"class":"None"}`}, // rules don't tell it from none
		{http.MethodPost, "/nobody/pictures", ""},
		{http.MethodPost, "/%2e%2e/pictures", ""},
		{http.MethodPatch, "/%2e%2e/pictures/20250101-1.jpg", `{"class":"none"}`},
		{http.MethodPatch, "/none/pictures/%2e%2e%2f%2e%2e%2f20250101-1.jpg", `{"class":"none"}`},
		{http.MethodPatch, "/none/pictures/" + name, `{"class":".."}`},
		{http.MethodPatch, "/none/pictures/20250101-9.jpg", `{"class":""}`},
		{http.MethodGet, "/%2e%2e/pictures/20250101-1.jpg", ""},
	} {
		if status, _, text := request(t, c.method, url+c.path, c.body); status < 400 {
			t.Errorf("%s %s %s: %d, %s", c.method, c.path, c.body, status, text)
		}
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "precious" {
		t.Errorf("a file outside: %q, %v", data, err)
	}
	entries, err := os.ReadDir(p.Lesson)
	if err != nil || len(entries) != 3 { // two classes and .deleted
		t.Errorf("%v, %v", entries, err)
	}

	p.Lesson = ""
	if status, _, text := get(t, serve(t, config.Page{}, p)+"/api/v1/lessons"); status != http.StatusNotFound || !strings.Contains(text, "lesson") {
		t.Errorf("%d, %s", status, text)
	}
}

// TestTakenAtOnce asks for forty pictures at once: each answer that says so has kept one of its own, as good as those of the
// buttons, and the others say that they haven't.
func TestTakenAtOnce(t *testing.T) {
	w := newWalk(t, "")
	p := w.program("")
	p.Lesson = t.TempDir()
	url := serve(t, config.Page{}, p) + "/api/v1/lessons"
	w.watch(100)
	if status, _, text := request(t, http.MethodPost, url, `{"class":"cat"}`); status != http.StatusOK {
		t.Fatal(status, text)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	named := map[string]bool{}
	kept, refused := 0, 0
	for range 40 {
		all.Go(func() {
			status, header, text := request(t, http.MethodPost, url+"/cat/pictures", "")
			var answer taught
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case http.StatusOK:
				if err := json.Unmarshal([]byte(text), &answer); err != nil {
					t.Error(err)
				}
				kept++
				named[answer.Picture] = true
			case http.StatusServiceUnavailable:
				if refused++; header.Get("Retry-After") == "" || !strings.Contains(text, "try again") {
					t.Errorf("%v, %s", header, text)
				}
			default:
				t.Errorf("%d, %s", status, text)
			}
		})
	}
	all.Wait()
	entries, err := os.ReadDir(filepath.Join(p.Lesson, "cat"))
	if err != nil || kept < 2 || len(named) != kept || len(entries) != kept {
		t.Errorf("%d requests kept a picture, and %d were refused: %d names, %d files, %v", kept, refused, len(named), len(entries), err)
	}
	f := frame.Frame{Pix: bytes.Repeat([]byte{100, 80, 120}, 64*48), Format: frame.RGB24, Width: 64, Height: 48, Stride: 3 * 64}
	want, err := new(frame.Encoder).Encode(f, frame.TaughtQuality)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(p.Lesson, "cat", entries[0].Name())); err != nil || !bytes.Equal(got, want) {
		t.Errorf("a picture of %d bytes; the buttons' would have %d, %v", len(got), len(want), err)
	}
}

// TestSameName moves pictures that have the same name in two classes, as 1.jpg: none is lost.
func TestSameName(t *testing.T) {
	p := newWalk(t, "").program("")
	p.Lesson = t.TempDir()
	url := serve(t, config.Page{}, p) + "/api/v1/lessons/"
	const odd = `a?b#c %2e & "<i>", ü`
	for _, class := range []string{"cat", odd} {
		dir := filepath.Join(p.Lesson, class)
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(filepath.Join(dir, "1.jpg"), []byte(class), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	move := func(from, name, to string) string {
		t.Helper()
		body, err := json.Marshal(classOf{to})
		if err != nil {
			t.Fatal(err)
		}
		status, _, text := request(t, http.MethodPatch, url+neturl.PathEscape(from)+"/pictures/"+name, string(body))
		var answer taught
		if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK {
			t.Fatal(status, text, err)
		}
		return answer.Picture
	}
	first := move("cat", "1.jpg", "")
	second := move(odd, "1.jpg", "")
	if first == second {
		t.Fatalf("both are %s", first)
	}
	first = move(deleted, first, "cat")
	if again := move("cat", first, "cat"); again != first {
		t.Errorf("%s has become %s where it was", first, again)
	}
	if err := os.Rename(filepath.Join(p.Lesson, deleted, second), filepath.Join(p.Lesson, odd, first)); err != nil {
		t.Fatal(err)
	}
	second = move(odd, first, "cat") // which has one of this name
	for _, want := range []struct{ name, text string }{{first, "cat"}, {second, odd}} {
		if _, _, text := get(t, url+"cat/pictures/"+want.name); text != want.text {
			t.Errorf("%s is %q, want %q", want.name, text, want.text)
		}
	}
}

// TestLessonBounds holds that a lesson can't fill a disk: neither with what it has, nor with what was deleted.
func TestLessonBounds(t *testing.T) {
	l := lesson{dir: t.TempDir()}
	if err := l.add("cat"); err != nil {
		t.Fatal(err)
	}
	for i := range mostDeleted + 5 {
		at := time.Date(2025, 1, 1, 0, 0, mostDeleted-i, 0, time.UTC) // names that say nothing of when they are deleted
		name, err := l.keep("cat", []byte("picture"), at)
		if err == nil {
			name, err = l.move(name, "cat", deleted)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == mostDeleted+4 {
			if _, err := l.move(name, deleted, "cat"); err != nil {
				t.Errorf("the last one can't come back: %v", err)
			}
		}
	}
	if entries, err := os.ReadDir(filepath.Join(l.dir, deleted)); err != nil || len(entries) != mostDeleted-1 {
		t.Errorf("%d are deleted, %v", len(entries), err)
	}
	large, err := os.Create(filepath.Join(l.dir, "cat", "large.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(large.Truncate(teach.MaxBytes), large.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.keep("cat", []byte("picture"), time.Now()); err == nil || !strings.Contains(err.Error(), "full: 2 pictures, 512 MiB") {
		t.Errorf("%v", err)
	}
}

// TestTaughtAnew holds that the page shows the classes of the network that was taught last, and the buttons' pictures.
func TestTaughtAnew(t *testing.T) {
	w := newWalk(t, "")
	p := w.program("")
	w.see(100)
	w.live.SetNetwork(Network{"door", "def", decision.Output{Classes: 2, Scale: 1. / 256, Labels: []string{"open", "shut"}}})
	if top := w.live.State(&p.Fixed, Changing{}).Top; len(top) != 0 {
		t.Errorf("the last network's scores under other names: %+v", top)
	}
	w.live.See(Seen{
		Frame: frame.Frame{At: time.Now()}, Output: []byte{20, 200}, Verdict: w.judge.Observe([]byte{1, 2, 3}, time.Now()), Judge: w.judge,
		At: time.Now(),
	})
	if top := w.live.State(&p.Fixed, Changing{}).Top; len(top) != 2 || top[0].Label != "shut" {
		t.Errorf("%+v", top)
	}
	if s := w.live.State(&p.Fixed, Changing{}); s.Model != "door" || s.SHA256 != "def" {
		t.Errorf("the last network's name: %s, %s", s.Model, s.SHA256)
	}
	for _, name := range []string{"burst-00001-001.jpg", "20251125-232959-123456.jpg", "from my phone.JPG", "a.png"} {
		if !isPictureName(name) {
			t.Errorf("%q is no picture", name)
		}
	}
	for _, name := range []string{"", ".jpg", "..", "../x.jpg", "/x.jpg", "a/b.jpg", ".edge-features", ".taught.tflite", "x.svg", "x.html", "x"} {
		if isPictureName(name) {
			t.Errorf("%q is a picture", name)
		}
	}
}
