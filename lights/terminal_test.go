package lights

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"edge/decision"
)

// glass is a terminal of one line: it shows what was written last in each column.
type glass struct {
	mu      sync.Mutex
	columns []rune
	raw     bytes.Buffer
	fail    error
}

func (g *glass) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return 0, g.fail
	}
	g.raw.Write(b)
	at := 0
	for _, c := range string(b) {
		switch c {
		case '\r', '\n':
			at = 0
		default:
			if at == len(g.columns) {
				g.columns = append(g.columns, ' ')
			}
			g.columns[at] = c
			at++
		}
	}
	return len(b), nil
}

func (g *glass) check(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := strings.TrimRight(string(g.columns), " "); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g glass
		s := newScreen(&g, []string{"cat", "dog"}, func() int { return 60 }, false)
		g.check(t, "○ cat  ○ dog")
		s.Caption("", "starting", 0)
		g.check(t, "○ cat  ○ dog   starting")

		set := func(lights ...decision.Light) {
			t.Helper()
			if err := s.Set(lights); err != nil {
				t.Error(err)
			}
		}
		s.Caption("/photos/kitchen.jpg", "tabby, tabby cat", 0.934)
		set(decision.Steady, decision.Light{On: time.Second, Off: time.Second})
		g.check(t, "● cat  ● dog   0.93 tabby, tabby cat   kitchen.jpg")
		time.Sleep(1500 * time.Millisecond)
		g.check(t, "● cat  ○ dog   0.93 tabby, tabby cat   kitchen.jpg")
		s.Caption("", "beagle", 1)
		g.check(t, "● cat  ○ dog   1.00 beagle")
		s.Caption("\x1b[2J\n.jpg", "b\u202eeagle\x00", 1)
		g.check(t, "● cat  ○ dog   1.00 b?eagle?   ?[2J?.jpg")
		if strings.ContainsAny(g.raw.String(), "\x1b\n") {
			t.Errorf("control sequences without colour: %q", g.raw.String())
		}

		set(decision.Steady, decision.Dark)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		g.check(t, "○ cat  ○ dog   1.00 b?eagle?   ?[2J?.jpg")
		if n := strings.Count(g.raw.String(), "\n"); n != 1 {
			t.Errorf("%d line ends", n)
		}
	})
}

func TestScreenWidth(t *testing.T) {
	for width, want := range map[int]string{
		0:  "",
		1:  "",
		4:  "○ c",
		24: "○ cat  ○ dog   1.00 猫", // half a character won't do
		25: "○ cat  ○ dog   1.00 猫猫",
	} {
		synctest.Test(t, func(t *testing.T) {
			var g glass
			s := newScreen(&g, []string{"cat", "dog"}, func() int { return width }, false)
			s.Caption("", "猫猫猫猫", 1)
			g.check(t, want)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestScreenColour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g glass
		s := newScreen(&g, []string{"cat"}, func() int { return 60 }, true)
		_ = s.Set([]decision.Light{decision.Steady})
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		want := "\r\x1b[2m○\x1b[0m cat  \r\x1b[92m●\x1b[0m cat  \r\x1b[2m○\x1b[0m cat  \n"
		if got := g.raw.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestScreenErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &glass{fail: errors.New("broken pipe")}
		s := newScreen(g, []string{"cat"}, func() int { return 60 }, false)
		synctest.Wait()
		if err := s.Set([]decision.Light{decision.Steady}); err != g.fail {
			t.Error("Set:", err)
		}
		if err := s.Close(); err != g.fail {
			t.Error("Close:", err)
		}
	})
}

func TestJournal(t *testing.T) {
	var out bytes.Buffer
	j := newJournal(&out, []string{"cat", "dog"})
	dark := []decision.Light{decision.Dark, decision.Dark}
	lit := []decision.Light{decision.Steady, {On: time.Second, Off: 2 * time.Second}}
	for _, step := range []struct {
		picture, class string
		lights         []decision.Light
		want           string
	}{
		{"", "", dark, "cat dark  dog dark\n"},
		{"a.jpg", "tabby", dark, "a.jpg  0.50 tabby  cat dark  dog dark\n"},
		{"a.jpg", "lynx", dark, ""},
		{"a.jpg", "lynx", lit, "a.jpg  0.50 lynx  cat steady  dog blinks, 1s on, 2s off\n"},
		{"b\x1b.jpg", "", lit, "b?.jpg  cat steady  dog blinks, 1s on, 2s off\n"},
		{"", "tabby", lit, "0.50 tabby  cat steady  dog blinks, 1s on, 2s off\n"},
		{"", "lynx", lit, ""},
	} {
		out.Reset()
		j.Caption(step.picture, step.class, 0.5)
		if err := j.Set(step.lights); err != nil || out.String() != step.want {
			t.Errorf("%+v: %q, %v", step, out.String(), err)
		}
		if !utf8.Valid(out.Bytes()) {
			t.Error("not UTF-8")
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenDisplay(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d := OpenTerminal(w, []string{"cat"})
	if _, ok := d.(*journal); !ok {
		t.Errorf("%T on a pipe", d)
	}
	if err := errors.Join(d.Set([]decision.Light{decision.Dark}), d.Close(), w.Close()); err != nil {
		t.Error(err)
	}
}
