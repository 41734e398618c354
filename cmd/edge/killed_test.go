package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestInvokeKilled kills an inference that waits for its input: nothing is left of its output.
func TestInvokeKilled(t *testing.T) {
	dir := t.TempDir()
	if fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY, 0o600); err != nil {
		t.Skip("no files without names here (O_TMPFILE): ", err)
	} else {
		unix.Close(fd)
	}
	cmd := exec.Command(os.Args[0], "invoke", "--model", colourModel(t), "--input", "-", "--output", filepath.Join(dir, "out"))
	cmd.Env = append(os.Environ(), "EDGE_TEST_IS_PROGRAM=1")
	pipe, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // it was killed
	defer cmd.Process.Kill()
	if _, err := pipe.Write(make([]byte, 1<<20)); err != nil { // more than the pipe holds: the command has begun to read
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !writes(t, cmd.Process.Pid, dir); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it has no output open")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// writes reports whether a process has a file open that lies in a directory.
func writes(t *testing.T, pid int, dir string) bool {
	t.Helper()
	links, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "fd", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir+"/") {
			return true
		}
	}
	return false
}

// TestSignalEndsWaiting asks commands to end that wait for a pipe at whose other end nobody is.
func TestSignalEndsWaiting(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	net := colourModel(t)
	for _, args := range [][]string{
		{"invoke", "--model", net, "--input", fifo, "--output", "-"},
		{"invoke", "--model", net, "--input", "-", "--output", filepath.Join(dir, "out")},
		{"blueprint", "v1", "--out", "-"}, // writes more than a pipe holds
		{"password"},
		{"run", "--model", net, "--camera", "-", "--leds", "none"},
	} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), "EDGE_TEST_IS_PROGRAM=1")
			in, out, err := os.Pipe() // never written to or read by others
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			defer out.Close()
			cmd.Stdin = in
			if args[0] == "blueprint" {
				cmd.Stdin, cmd.Stdout = nil, out
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			time.Sleep(2 * time.Second) // until it waits; it may not have come so far, and must end all the same
			if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-ended:
			case <-time.After(10 * time.Second):
				t.Error("it runs on after SIGTERM")
			}
		})
	}
}
