//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"edge/e2e/wire"
)

// server starts processes and tells the host what they write and how they end.
type server struct {
	mu        sync.Mutex // of what follows
	events    *json.Encoder
	processes map[int]*os.Process // by the host's ID
}

func serve(pattern string) error {
	path, err := waitFor(pattern)
	if err != nil {
		return err
	}
	port, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	makeRaw(port)
	os.Setenv("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	os.Setenv("HOME", "/")
	s := &server{events: json.NewEncoder(port), processes: map[int]*os.Process{}}
	s.send(wire.Event{Ready: true})
	requests := json.NewDecoder(port)
	for {
		var r wire.Request
		if err := requests.Decode(&r); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		switch {
		case r.Start != nil:
			s.start(r.ID, r.Start)
		case r.Signal != nil:
			s.signal(r.ID, *r.Signal)
		}
	}
}

func (s *server) start(id int, command *wire.Command) {
	cmd := exec.Command(command.Argv[0], command.Argv[1:]...)
	cmd.Env = append(os.Environ(), command.Env...)
	if command.User != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: command.User, Gid: command.User}}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.exit(id, wire.Exit{Status: -1, Error: err.Error()})
		return
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.exit(id, wire.Exit{Status: -1, Error: err.Error()})
		return
	}
	if err := cmd.Start(); err != nil {
		s.exit(id, wire.Exit{Status: -1, Error: err.Error()})
		return
	}
	s.mu.Lock()
	s.processes[id] = cmd.Process
	s.mu.Unlock()
	go func() { // ends with the process
		var pipes sync.WaitGroup
		pipes.Go(func() { s.forward(stdout, func(b []byte) wire.Event { return wire.Event{ID: id, Stdout: b} }) })
		pipes.Go(func() { s.forward(stderr, func(b []byte) wire.Event { return wire.Event{ID: id, Stderr: b} }) })
		pipes.Wait()
		s.exit(id, exitOf(cmd.Wait()))
	}()
}

func (s *server) forward(from io.Reader, event func([]byte) wire.Event) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			s.send(event(buf[:n]))
		}
		if err != nil {
			return
		}
	}
}

func exitOf(err error) wire.Exit {
	var failed *exec.ExitError
	switch {
	case err == nil:
		return wire.Exit{}
	case errors.As(err, &failed):
		exit := wire.Exit{Status: failed.ExitCode()}
		if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			exit.Signal = status.Signal()
		}
		return exit
	}
	return wire.Exit{Status: -1, Error: err.Error()}
}

func (s *server) exit(id int, exit wire.Exit) {
	s.mu.Lock()
	delete(s.processes, id)
	s.mu.Unlock()
	s.send(wire.Event{ID: id, Exit: &exit})
}

func (s *server) signal(id int, signal syscall.Signal) {
	s.mu.Lock()
	process := s.processes[id]
	s.mu.Unlock()
	if process != nil {
		process.Signal(signal) // it may have ended; its exit is on the way
	}
}

func (s *server) send(e wire.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.events.Encode(e); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

// makeRaw stops a serial line from echoing and from changing bytes. What isn't a terminal needs nothing.
func makeRaw(port *os.File) {
	fd := int(port.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
