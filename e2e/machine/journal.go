package machine

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
)

// journal collects lines with the time since the start and where they came from.
type journal struct {
	start time.Time

	mu    sync.Mutex
	lines strings.Builder
}

func newJournal() *journal { return &journal{start: time.Now()} }

func (j *journal) add(source, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fmt.Fprintf(&j.lines, "%7.2f %-7s %s\n", time.Since(j.start).Seconds(), source, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.String()
}

// writer returns one that adds whole lines.
func (j *journal) writer(source string) *lineWriter { return &lineWriter{journal: j, source: source} }

type lineWriter struct {
	journal *journal
	source  string
	rest    []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.rest = append(w.rest, b...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		w.journal.add(w.source, strings.TrimRight(string(line), "\r"))
		w.rest = rest
	}
}
