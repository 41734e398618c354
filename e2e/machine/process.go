package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"

	"edge/e2e/wire"
)

// Process is one that was started in a guest.
type Process struct {
	guest *Guest
	id    int
	argv  []string
	done  chan struct{} // closed after exit is set

	mu             sync.Mutex // of what follows
	stdout, stderr bytes.Buffer
	exit           wire.Exit
}

// Command is a process to start.
type Command = wire.Command

// Exit is how a process ended; its zero value is a good end.
type Exit = wire.Exit

// Start starts a process.
func (g *Guest) Start(c Command) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lastID++
	p := &Process{guest: g, id: g.lastID, argv: c.Argv, done: make(chan struct{})}
	g.processes[p.id] = p
	g.log.add(fmt.Sprintf("%d", p.id), "$ "+strings.Join(c.Argv, " "))
	err := g.requests.Encode(wire.Request{ID: p.id, Start: &c})
	return p, err
}

// Run runs a process to its end and returns its standard output. It fails if the process does.
func (g *Guest) Run(ctx context.Context, argv ...string) (string, error) {
	p, err := g.Start(Command{Argv: argv})
	if err != nil {
		return "", err
	}
	exit, err := p.Wait(ctx)
	if err != nil {
		p.Signal(syscall.SIGKILL)
		return p.Stdout(), err
	}
	if exit != (Exit{}) {
		return p.Stdout(), fmt.Errorf("%s: %s\n%s", strings.Join(argv, " "), exitText(exit), p.Stderr())
	}
	return p.Stdout(), nil
}

// Wait waits for the process to end.
func (p *Process) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-p.done:
		return p.exit, nil
	case <-p.guest.exited:
		return Exit{}, errors.New("QEMU ended")
	case <-ctx.Done():
		return Exit{}, fmt.Errorf("%s: still running: %w", strings.Join(p.argv, " "), ctx.Err())
	}
}

// Running says whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the process; one that has ended takes it without an error.
func (p *Process) Signal(signal syscall.Signal) error {
	p.guest.mu.Lock()
	defer p.guest.mu.Unlock()
	p.guest.log.add(fmt.Sprintf("%d", p.id), "signal: "+signal.String())
	return p.guest.requests.Encode(wire.Request{ID: p.id, Signal: &signal})
}

// Stdout returns what the process has written to its standard output so far.
func (p *Process) Stdout() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdout.String()
}

// Stderr returns what the process has written to its standard error so far.
func (p *Process) Stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// receive takes the agent's events until the connection closes.
func (g *Guest) receive() {
	events := json.NewDecoder(g.agent)
	for {
		var e wire.Event
		if err := events.Decode(&e); err != nil {
			return
		}
		if e.Ready {
			close(g.ready)
			continue
		}
		g.mu.Lock()
		p := g.processes[e.ID]
		g.mu.Unlock()
		p.take(e)
	}
}

func (p *Process) take(e wire.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stdout.Write(e.Stdout)
	p.stderr.Write(e.Stderr)
	for _, text := range [][]byte{e.Stdout, e.Stderr} {
		for line := range bytes.Lines(text) {
			p.guest.log.add(fmt.Sprintf("%d", p.id), strings.TrimRight(string(line), "\r\n"))
		}
	}
	if e.Exit != nil {
		p.guest.log.add(fmt.Sprintf("%d", p.id), exitText(*e.Exit))
		p.exit = *e.Exit
		close(p.done)
	}
}

func exitText(e wire.Exit) string {
	switch {
	case e.Error != "":
		return "did not start: " + e.Error
	case e.Signal != 0:
		return "ended by signal: " + e.Signal.String()
	}
	return fmt.Sprintf("ended with status %d", e.Status)
}
