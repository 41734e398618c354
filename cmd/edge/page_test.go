package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"edge/page"
)

// pageProcess runs edge with a page, as a process of its own that gets the listener as systemd gives it, and returns the
// page's address.
func pageProcess(t *testing.T, config, pictures string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"`, program,
		"run", "--config", config, "--camera", pictures, "--leds", "none", "--loop", "--fps", "30")
	run.Env = append(os.Environ(), "EDGE_TEST_IS_PROGRAM=1", "RUNTIME_DIRECTORY="+t.TempDir())
	run.ExtraFiles = []*os.File{socket}
	var log bytes.Buffer
	run.Stdout, run.Stderr = &log, &log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		run.Process.Signal(syscall.SIGTERM)
		if err := run.Wait(); err != nil {
			t.Errorf("edge: %v\n%s", err, &log)
		}
	})
	url = "http://" + l.Addr().String()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(url + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return url
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the page isn't ready")
		}
	}
}

// TestPage changes a threshold on the page of a running program: the LED follows, the file is written, and the recording,
// with rules that changed on the way, is run again exactly.
func TestPage(t *testing.T) {
	config := runFiles(t, "leds:\n  - {name: r, classes: red, smoothing: none, hold: 0s, on: 1, off: 0.999} # much\n")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	// Scores of this network end below 1.
	text = bytes.Replace(text, []byte("on: 1, off: 0.999"), []byte("on: 0.996, off: 0.2"), 1)
	write(t, config, text)
	if err := os.Chmod(config, 0o600); err != nil { // it may have a password's hash
		t.Fatal(err)
	}
	url := pageProcess(t, config, pictureFolder(t, slices.Repeat([][]byte{pngOf(t, red)}, 3)...))
	state := func() (s page.State) {
		r, err := http.Get(url + "/state")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	patch := func(body string) (int, string) {
		r, err := http.NewRequest(http.MethodPatch, url+"/api/v1/config", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		words, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(words)
	}
	for i := range 6 {
		on := []string{"0.3", "0.996"}[i%2]
		if i%2 == 1 { // dark again: the camera sees something else meanwhile, so to speak
			if status, words := patch(`{"set":[{"path":"leds[0].off","value":"0.996"},{"path":"leds[0].on","value":"0.996"}]}`); status != http.StatusOK {
				t.Fatal(status, words)
			}
		} else if status, words := patch(`{"set":[{"path":"leds[0].on","value":"` + on + `"},{"path":"leds[0].off","value":"0.2"}]}`); status != http.StatusOK {
			t.Fatal(status, words)
		}
		time.Sleep(100 * time.Millisecond)
		if s := state(); fmt.Sprint(s.LEDs[0].On) != on || !s.Unsaved {
			t.Fatalf("%+v", s)
		}
	}
	if status, words := patch(`{"set":[{"path":"leds[0].on","value":"0.3"},{"path":"leds[0].off","value":"0.3"}],"save":true}`); status != http.StatusOK {
		t.Fatal(status, words)
	}
	time.Sleep(100 * time.Millisecond)
	s := state()
	if !s.LEDs[0].Lit || s.Unsaved || s.FPS <= 0 || s.Recording == "" {
		t.Errorf("%+v", s)
	}
	saved, err := os.ReadFile(config)
	if want := strings.Replace(string(text), "on: 0.996, off: 0.2", "on: 0.3, off: 0.3", 1); err != nil || string(saved) != want {
		t.Errorf("saved %q, want %q, %v", saved, want, err)
	}
	if kept, err := os.ReadFile(config + ".good"); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("%q, %v", kept, err)
	}
	if info, err := os.Stat(config + ".good"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	for i := range 8 { // two people at once: neither's change is lost
		hold, mirror := fmt.Sprint(i, "ms"), fmt.Sprint(i%2 == 0)
		var both sync.WaitGroup
		for _, set := range [][2]string{{"leds[0].hold", hold}, {"camera.mirror", mirror}} {
			both.Go(func() {
				if status, words := patch(fmt.Sprintf(`{"set":[{"path":%q,"value":%q}]}`, set[0], set[1])); status != http.StatusOK {
					t.Error(status, words)
				}
			})
		}
		both.Wait()
		if _, words := patch(`{"set":[]}`); !strings.Contains(words, `"mirror":`+mirror) || !strings.Contains(words, `"hold":"`+hold[:1]) {
			t.Errorf("mirror %s and hold %s: %s", mirror, hold, words)
		}
	}
	byHand := append(bytes.Clone(saved), "# by hand\n"...)
	write(t, config, byHand)
	if status, words := patch(`{"set":[{"path":"leds[0].hold","value":"1s"}],"save":true}`); status != http.StatusConflict || !strings.Contains(words, "changed since edge read it") {
		t.Error(status, words)
	}
	if now, err := os.ReadFile(config); err != nil || !bytes.Equal(now, byHand) {
		t.Errorf("what was written by hand is %q, %v", now, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) { // it's written once a second
		status, stdout, stderr := edge("status", "--dir", filepath.Dir(s.Recording))
		if status == 0 && strings.Contains(stdout, "watching") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d, %s%s", status, stdout, stderr)
		}
	}
	status, stdout, stderr := edge("replay", s.Recording)
	if status != 0 || !strings.Contains(stdout, "r dark → steady") {
		t.Errorf("status %d, %s%s", status, stdout, stderr)
	}
}
