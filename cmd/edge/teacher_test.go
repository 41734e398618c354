package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/gpio"
	"edge/record"
	"edge/teach"
)

// fingers press buttons that no board has.
type fingers chan gpio.Press

func (f fingers) Presses() <-chan gpio.Press { return f }
func (f fingers) Close() error               { return nil }

// TestTeacher holds buttons while a walk shows it pictures: the network knows them, forgets them, and the walk never waits.
func TestTeacher(t *testing.T) {
	c := config.Default()
	c.Teach.Lesson = filepath.Join(t.TempDir(), "door")
	c.Teach.Buttons = []config.Button{{Class: "cat"}, {Class: "rocket"}, {Undo: true}, {Class: "clock"}}
	c.Decision.LEDs = []decision.LED{{Name: "any", On: 0.6, Off: 0.4, Classes: []decision.Class{
		decision.ClassName("cat"), decision.ClassName("clock"), // which this test never teaches
	}}}
	log := slog.New(slog.DiscardHandler)
	o := classifier.Options{Threads: 1}
	net, b, err := openTaught(c, o, log)
	if err != nil {
		t.Fatal(err)
	}
	store, err := teach.OpenStore(c.Teach.Lesson)
	if err != nil {
		t.Fatal(err)
	}
	changes := make(chan change)
	press := make(fingers)
	tr := &teacher{
		buttons: c.Teach.Buttons, pressed: press, store: store, dir: c.Teach.Lesson, file: filepath.Join(c.Teach.Lesson, taughtFile),
		backbone: b, options: o, control: &control{changes: changes, config: c, output: net.Output}, log: log, led: -1,
	}
	tr.start()

	var mu sync.Mutex // of what the walk sees and with what
	at, swaps := 0, 0
	var pictures []frame.Frame
	for _, name := range []string{"cat", "rocket", "clock"} {
		f, err := frame.ReadFile(t.Context(), "../../examples/"+name+".jpg")
		if err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, f)
	}
	answer := func(picture int) string {
		mu.Lock()
		defer mu.Unlock()
		scores, err := net.Classify(pictures[picture])
		if err != nil {
			t.Fatal(err)
		}
		best := 0
		for i, s := range scores {
			if s > scores[best] {
				best = i
			}
		}
		return net.Output.ClassName(best)
	}
	if got := answer(0); got != "none" {
		t.Errorf("before anything was taught, a cat is %q", got)
	}
	walk, stop := context.WithCancel(context.Background())
	var walked sync.WaitGroup
	walked.Go(func() {
		for walk.Err() == nil {
			select {
			case c := <-changes:
				mu.Lock()
				net.Close()
				net = c.net
				swaps++
				close(c.done)
				mu.Unlock()
			case <-time.After(20 * time.Millisecond):
				mu.Lock()
				tr.see(&pictures[at])
				mu.Unlock()
			}
		}
	})
	swapped := func(want int) {
		t.Helper()
		for range 200 {
			mu.Lock()
			n := swaps
			mu.Unlock()
			if n == want {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Fatalf("no new network after 10 s")
	}
	hold := func(button int) {
		mu.Lock()
		at = button
		mu.Unlock()
		press <- gpio.Press{Button: button, Down: true}
		time.Sleep(900 * time.Millisecond)
		press <- gpio.Press{Button: button}
	}
	hold(0) // one class alone can't be taught: the last network runs on
	hold(1)
	swapped(1)
	for picture, want := range []string{"cat", "rocket"} {
		if got := answer(picture); got != want {
			t.Errorf("picture %d is %q, want %q", picture, got, want)
		}
	}
	count, _ := store.Room()
	if count < 4 {
		t.Errorf("%d pictures were taken", count)
	}
	press <- gpio.Press{Button: 2, Down: true} // a short press forgets nothing
	press <- gpio.Press{Button: 2}
	hold(1)
	swapped(2)
	press <- gpio.Press{Button: 2, Down: true}
	swapped(3)
	press <- gpio.Press{Button: 2}
	stop()
	walked.Wait()
	if err := tr.close(); err != nil {
		t.Error(err)
	}
	net.Close()
	if s, err := teach.OpenStore(c.Teach.Lesson); err != nil {
		t.Error(err)
	} else if n, _ := s.Room(); n != count {
		t.Errorf("%d pictures after forgetting, want %d", n, count)
	}
	again, backbone, err := openTaught(c, o, log) // after a restart
	if err != nil || len(again.Output.Labels) != 3 {
		t.Fatalf("%v", err)
	}
	defer backbone.Close()
	whole, err := classifier.Open(classifier.Options{Model: taughtModel(c), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	_, _, own := again.Net.Memory()
	if _, _, all := whole.Net.Memory(); own*20 > all {
		t.Errorf("%d of %d bytes of weights aren't shared with the backbone", own, all)
	}
	for i, p := range pictures {
		got, err1 := again.Classify(p)
		want, err2 := whole.Classify(p)
		if err1 != nil || err2 != nil || !slices.Equal(got, want) {
			t.Errorf("picture %d: %v with shared weights, %v without; %v, %v", i, got, want, err1, err2)
		}
	}
	if _, err := c.Judge(again.Output); err != nil {
		t.Errorf("a class that isn't taught yet keeps the program from starting: %v", err)
	}
	again.Close()
}

// TestTeachesAtStart finds a lesson's pictures whole, but its network missing or damaged: it is taught anew, unasked.
func TestTeachesAtStart(t *testing.T) {
	c := config.Default()
	c.Teach.Lesson = t.TempDir()
	for _, class := range []string{"cat", "rocket"} {
		data, err := os.ReadFile("../../examples/" + class + ".jpg")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(c.Teach.Lesson, class), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(c.Teach.Lesson, class, "1.jpg"), data)
	}
	o := classifier.Options{Threads: 1}
	for _, state := range []string{"missing", "damaged", "whole"} {
		var said bytes.Buffer
		log := slog.New(slog.NewTextHandler(&said, nil))
		if state == "damaged" {
			if err := os.Truncate(taughtModel(c), 100_000); err != nil {
				t.Fatal(err)
			}
		}
		net, b, err := openTaught(c, o, log)
		if err != nil {
			t.Fatal(err)
		}
		changes := make(chan change)
		control := &control{changes: changes, config: c, output: net.Output, header: record.Header{Model: net.Name()}}
		tr, err := openTeacher(c, true, o, b, control, log)
		if err != nil {
			t.Fatal(err)
		}
		wait := 20 * time.Second
		if state == "whole" {
			wait = 2 * quiet
		}
		select {
		case taught := <-changes:
			close(taught.done)
			if labels := taught.net.Output.Labels; state == "whole" || !slices.Equal(labels, []string{"cat", "rocket", "none"}) {
				t.Errorf("%s: %v was taught", state, labels)
			}
			taught.net.Close()
		case <-time.After(wait):
			if state != "whole" {
				t.Errorf("%s: nothing was taught", state)
			}
		}
		if err := tr.close(); err != nil {
			t.Error(err)
		}
		net.Close()
		if state != "whole" && !strings.Contains(said.String(), "is taught now") || strings.Contains(said.String(), "network can't be used") != (state == "damaged") {
			t.Errorf("%s: the log says %s", state, &said)
		}
	}
}
