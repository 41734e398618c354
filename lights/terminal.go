package lights

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"edge/decision"
	"edge/internal/text"
)

// Terminal shows LEDs to people without a board, and what the network sees.
type Terminal interface {
	Lights
	// Caption says what the next Set is about: the picture's name, empty for a camera's, and its top class with the
	// score; 0 is no score.
	Caption(picture, class string, score float32)
}

// OpenTerminal draws LEDs with these names on a terminal, and writes plain lines to anything else.
func OpenTerminal(out io.Writer, names []string) Terminal {
	f, isFile := out.(*os.File)
	if !isFile {
		return newJournal(out, names)
	}
	width := func() int {
		size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
		if err != nil {
			return 0
		}
		if size.Col == 0 {
			return 80 // a terminal that doesn't know, as on a serial line
		}
		return int(size.Col)
	}
	if width() == 0 {
		return newJournal(f, names)
	}
	colour := os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return newScreen(f, names, width, colour)
}

// caption is what Caption says.
type caption struct {
	picture, class string
	score          float32
}

// scored is the class after its score.
func (c *caption) scored() string {
	if c.score == 0 {
		return c.class
	}
	return fmt.Sprintf("%.2f %s", c.score, c.class)
}

// screen draws the LEDs and the caption on one line of a terminal, over and over.
//
//	● cat  ○ dog  ○ status   0.93 tabby, tabby cat   kitchen.jpg
type screen struct {
	player *Player // plays on draw
	out    io.Writer
	names  []string
	width  func() int // of the terminal; it may be changed at any time
	colour bool

	mu      sync.Mutex // draw is called by the player, Caption by the loop
	on      []bool
	caption caption
	line    []byte
	room    int  // how many columns are left on the line
	before  int  // how many columns the line before had
	closed  bool // Close has ended the line
}

func newScreen(out io.Writer, names []string, width func() int, colour bool) *screen {
	s := &screen{out: out, names: names, width: width, colour: colour, on: make([]bool, len(names))}
	s.player = NewPlayer(len(names), s.draw)
	return s
}

func (s *screen) Caption(picture, class string, score float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := (caption{picture, class, score}); c != s.caption {
		s.caption = c
		_ = s.write() // an error shows with the next change of an LED
	}
}

// Set shows the lights through the player.
func (s *screen) Set(lights []decision.Light) error { return s.player.Set(lights) }

func (s *screen) draw(on []bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	copy(s.on, on)
	return s.write()
}

// Close leaves the cursor on a line of its own.
func (s *screen) Close() error {
	err := s.player.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.closed {
		return err
	}
	s.closed = true
	_, err = io.WriteString(s.out, "\n")
	return err
}

// write draws over the line before. It needs no control sequences but colours, so that any terminal will do.
func (s *screen) write() error {
	s.line = append(s.line[:0], '\r')
	width := max(0, s.width()-1) // without the last column, after which some terminals begin a new line
	s.room = width
	for i, name := range s.names {
		s.light(s.on[i])
		s.text(" ")
		s.text(name)
		s.text("  ")
	}
	if s.caption.class != "" {
		s.text(" ")
		s.text(s.caption.scored())
	}
	if s.caption.picture != "" {
		s.text("   ")
		s.text(filepath.Base(s.caption.picture))
	}
	used := width - s.room
	for i := used; i < s.before; i++ {
		s.text(" ")
	}
	s.before = used
	_, err := s.out.Write(s.line)
	return err
}

func (s *screen) light(on bool) {
	mark, start := "○", "\x1b[2m" // faint
	if on {
		mark, start = "●", "\x1b[92m" // bright green
	}
	if !s.colour {
		s.text(mark)
		return
	}
	s.line = append(s.line, start...)
	s.text(mark)
	s.line = append(s.line, "\x1b[0m"...)
}

// text adds as much of the text as there is room for.
func (s *screen) text(what string) {
	for _, c := range what {
		columns := 1
		if c >= 0x1100 && c != '●' && c != '○' {
			columns = 2 // as East Asian scripts have; for others it's a column too many
		}
		if s.room < columns {
			s.room = 0
			return
		}
		s.line = text.AppendRune(s.line, c)
		s.room -= columns
	}
}

// journal writes a line for each picture, and for each change of the lights.
//
//	kitchen.jpg  0.93 tabby, tabby cat  cat steady  dog dark
type journal struct {
	out   io.Writer
	names []string

	caption caption
	picture string           // of the line before
	class   string           // of the line before
	lights  []decision.Light // of the line before; nil at the start
	line    []byte
}

func newJournal(out io.Writer, names []string) *journal { return &journal{out: out, names: names} }

func (j *journal) Caption(picture, class string, score float32) {
	j.caption = caption{picture, class, score}
}

func (j *journal) Set(lights []decision.Light) error {
	seen := len(j.names) == 0 && j.caption.class != j.class // without LEDs a camera has nothing else to tell
	if slices.Equal(lights, j.lights) && j.caption.picture == j.picture && !seen {
		return nil
	}
	j.lights = append(j.lights[:0], lights...)
	j.picture, j.class = j.caption.picture, j.caption.class
	j.line = j.line[:0]
	if j.picture != "" {
		j.line = text.Append(j.line, j.picture)
		j.line = append(j.line, "  "...)
	}
	if j.caption.class != "" {
		j.line = text.Append(j.line, j.caption.scored())
		j.line = append(j.line, "  "...)
	}
	for i, light := range lights {
		j.line = text.Append(j.line, j.names[i])
		j.line = fmt.Appendf(j.line, " %v  ", light)
	}
	j.line = append(bytes.TrimRight(j.line, " "), '\n')
	_, err := j.out.Write(j.line)
	return err
}

// Close has no LED to switch off.
func (j *journal) Close() error { return nil }
