package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstPause = 500 * time.Millisecond // before a command is started again; doubled each time
	lastPause  = 30 * time.Second
	worked     = 30 * time.Second // a command that ran for this long is started again after the first pause
	hung       = 10 * time.Second // a command that writes nothing for this long is ended
	grace      = 2 * time.Second  // between asking a command to end and killing it
)

// openCommand returns the frames that a shell command writes to its standard output.
func openCommand(line string, o Options) (Camera, error) {
	s, err := newStream(Spec{Command, line}, o)
	if err != nil {
		return nil, err
	}
	s.feed = func(ctx context.Context, in *slot) error { return s.supervise(ctx, line, in) }
	return s, nil
}

// supervise keeps the command running until ctx ends. Its error is that of a command that can't be started at all.
func (s *stream) supervise(ctx context.Context, line string, in *slot) error {
	pause, ever := firstPause, 0
	for ctx.Err() == nil {
		began, frames := time.Now(), 0
		err := runCommand(ctx, line, max(hung, 2*s.patience), func(r io.Reader) (err error) {
			frames, err = s.pump(r, in)
			return err
		})
		if ever += frames; ever == 0 && isNoCommand(err) {
			return err
		}
		if frames > 0 && time.Since(began) >= worked {
			pause = firstPause
		}
		in.fail(err)
		if !sleep(ctx, pause) {
			break
		}
		pause = min(2*pause, lastPause)
	}
	return nil
}

// isNoCommand reports whether the shell found nothing that it could run, which trying again won't mend.
func isNoCommand(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.ExitCode() == 126 || exit.ExitCode() == 127)
}

// guarded runs the command $1 beside a watcher that kills their process group when this program ends in whatever way,
// even by SIGKILL: descriptor 3 is a pipe that only this program can write to. (Pdeathsig would reach only the shell, not
// what it starts, and would come when a thread ends.)
const guarded = `(read _ <&3; kill -9 0) >/dev/null 2>&1 & exec /bin/sh -c "$1" 3<&-`

// runCommand runs a shell command while read reads its output, and says why it ended. It ends a command that writes
// nothing for as long as silence. When it returns, nothing of the command's process group is left.
func runCommand(ctx context.Context, line string, silence time.Duration, read func(io.Reader) error) error {
	out, childOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	childAlive, alive, err := os.Pipe()
	if err != nil {
		_ = childOut.Close()
		return err
	}
	defer func() { _ = alive.Close() }()
	said := &tail{}
	cmd := exec.Command("/bin/sh", "-c", guarded, "sh", line) // without ctx: endGroup ends it, gently and all of it
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = childOut, said, []*os.File{childAlive}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // for a descendant that left the group and keeps standard error open
	err = cmd.Start()
	_, _ = childOut.Close(), childAlive.Close()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = out.Close() })
	readErr := read(deadlineReader{out, silence})
	stop()
	_ = out.Close() // a command that keeps writing gets SIGPIPE
	err = endGroup(cmd, errors.Is(readErr, io.EOF))

	switch {
	case !errors.Is(readErr, io.EOF):
		err = readErr // we ended it, for this reason
	case err == nil:
		err = errors.New("the command ended")
	}
	if lines := said.String(); lines != "" {
		err = fmt.Errorf("%w: %s", err, lines)
	}
	return err
}

// endGroup ends the command and whatever it started, and returns how the command ended by itself, if it is ending.
func endGroup(cmd *exec.Cmd, ending bool) error {
	group := -cmd.Process.Pid // it stays this group's as long as nobody has waited for the command
	if !ending || !exits(cmd, grace/4) {
		_ = unix.Kill(group, unix.SIGTERM)
		exits(cmd, grace)
	}
	_ = unix.Kill(group, unix.SIGKILL)
	return cmd.Wait()
}

// exits waits for d at most until the command has exited; it doesn't reap it.
func exits(cmd *exec.Cmd, d time.Duration) bool {
	for end := time.Now().Add(d); ; time.Sleep(5 * time.Millisecond) {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, cmd.Process.Pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
		if err == nil && info.Signo != 0 {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// deadlineReader reads from a command that may not be silent for longer than silence.
type deadlineReader struct {
	*os.File
	silence time.Duration
}

func (r deadlineReader) Read(p []byte) (int, error) {
	if err := r.SetReadDeadline(time.Now().Add(r.silence)); err != nil {
		return 0, err
	}
	n, err := r.File.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the command wrote nothing for %v", r.silence)
	}
	return n, err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

const tailSize = 512

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p[max(0, len(p)-tailSize):]...)
	t.end = append(t.end[:0], t.end[max(0, len(t.end)-tailSize):]...)
	return len(p), nil
}

// String returns the last lines joined into one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.FieldsFunc(string(bytes.ToValidUTF8(t.end, nil)), func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}
