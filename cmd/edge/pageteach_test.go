package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"edge/classifier"
	"edge/page"
	"edge/record"
	"edge/teach"
)

// TestPageTeaches teaches two classes through the page of a running program, which then knows them; also once another part of
// the picture counts. What can't be taught leaves the last network running.
func TestPageTeaches(t *testing.T) {
	dir := t.TempDir()
	now := filepath.Join(dir, "now.jpg")
	show := func(name string) {
		t.Helper()
		data, err := os.ReadFile("../../examples/" + name + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		write(t, now+".new", data)
		if err := os.Rename(now+".new", now); err != nil {
			t.Fatal(err)
		}
	}
	show("cat")
	settings := filepath.Join(dir, "edge.yaml")
	write(t, settings, []byte("leds: [{name: cat, classes: [cat], smoothing: none, hold: 0s}]\nteach: {lesson: door}\n"))
	url := pageProcess(t, settings, fmt.Sprintf("exec:while cat %s; do sleep 0.1; done", now))
	ask := func(method, path, body string, answer any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil || a.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d, %s, %v", method, path, a.StatusCode, text, err)
		}
		if answer != nil {
			if err := json.NewDecoder(bytes.NewReader(text)).Decode(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	within := func(what string, holds func(s *page.State, g *page.Teaching) bool) {
		t.Helper()
		var s page.State
		var g page.Teaching
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			s, g = page.State{}, page.Teaching{}
			ask(http.MethodGet, "/state", "", &s)
			ask(http.MethodGet, "/api/v1/teaching", "", &g)
			if holds(&s, &g) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("in vain: %s: %+v, %+v", what, s, g)
			}
		}
	}
	sees := func(label string, lit bool) func(*page.State, *page.Teaching) bool {
		return func(s *page.State, _ *page.Teaching) bool {
			return len(s.Top) > 0 && s.Top[0].Label == label && s.LEDs[0].Lit == lit
		}
	}
	collect := func(class string) {
		t.Helper()
		show(class)
		time.Sleep(500 * time.Millisecond) // the camera shows it
		ask(http.MethodPost, "/api/v1/lessons", fmt.Sprintf(`{"class":%q}`, class), nil)
		for range 2 {
			ask(http.MethodPost, "/api/v1/lessons/"+class+"/pictures", "", nil)
		}
	}
	within("nothing is known yet", sees("none", false))
	collect("cat")
	within("one class alone", func(_ *page.State, g *page.Teaching) bool { return strings.Contains(g.Trouble, "only one class") })
	collect("rocket")
	within("the second class", sees("rocket", false))
	show("cat")
	within("the first class", sees("cat", true))
	within("a score card", func(s *page.State, g *page.Teaching) bool {
		return g.Card != nil && g.Card.Pictures == 4 && !g.Busy && g.Trouble == "" && strings.HasSuffix(s.Model, taughtFile) && len(s.SHA256) == 64
	})

	// Why: a cat's frame looks like the cat's pictures.
	within("an event whose frame looks like a taught cat", func(*page.State, *page.Teaching) bool {
		var events []struct {
			Run     string
			Moment  uint64
			Picture bool
		}
		ask(http.MethodGet, "/api/v1/replay", "", &events)
		for _, e := range events {
			if !e.Picture {
				continue
			}
			var w teach.Why
			ask(http.MethodGet, fmt.Sprintf("/api/v1/replay/%s/%d/nearest", e.Run, e.Moment), "", &w)
			if w.Answer == "cat" && len(w.Nearest) == 4 && w.Nearest[0].Shows == "cat" && w.Nearest[0].Cosine > 0.9 && w.Nearest[3].Shows == "rocket" {
				return true
			}
		}
		return false
	})

	// Another part of the picture: what was taught of it is taught anew, and no swap undoes it.
	var before page.Teaching
	ask(http.MethodGet, "/api/v1/teaching", "", &before)
	ask(http.MethodPatch, "/api/v1/config", `{"set":[{"path":"camera.roi","value":"0.2,0.1,0.7,0.8"},{"path":"camera.rotate","value":"90"}]}`, nil)
	within("it is taught anew", func(_ *page.State, g *page.Teaching) bool {
		return g.Number >= before.Number+2 && !g.Busy && g.Card != nil && g.Trouble == ""
	})
	within("the cat is still known", sees("cat", true))
	var set struct {
		ROI    string
		Rotate int
	}
	if ask(http.MethodGet, "/api/v1/config", "", &set); set.ROI != "0.2,0.1,0.7,0.8" || set.Rotate != 90 {
		t.Errorf("%+v", set)
	}

	// A class that has lost its pictures.
	var l struct {
		Classes []struct {
			Name     string
			Pictures []string
		}
	}
	ask(http.MethodGet, "/api/v1/lessons", "", &l)
	for _, name := range l.Classes[0].Pictures {
		ask(http.MethodPatch, "/api/v1/lessons/cat/pictures/"+name, `{"class":"rocket"}`, nil)
	}
	within("one class is too few", func(_ *page.State, g *page.Teaching) bool { return strings.Contains(g.Trouble, "only one class") })
	within("the last network", sees("cat", true))

	// The recording of four networks and two parts of the picture is run again exactly; it says which network each moment is of.
	var s page.State
	ask(http.MethodGet, "/state", "", &s)
	if sum, err := classifier.Sum(filepath.Join(dir, "door", taughtFile)); err != nil || sum != s.SHA256 {
		t.Errorf("the network that runs is %s, the page says %s, %v", sum, s.SHA256, err)
	}
	if status, stdout, stderr := edge("replay", s.Recording); status != 0 || !strings.Contains(stdout, "cat dark → steady") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
	r, err := record.Read(s.Recording)
	if err != nil {
		t.Fatal(err)
	}
	networks := map[string]int{}
	for step := range r.Steps() {
		networks[step.Header.SHA256]++
	}
	if len(networks) < 3 || networks[""] == 0 || networks[s.SHA256] == 0 {
		t.Errorf("networks of the recording: %v", networks)
	}
}
