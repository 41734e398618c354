package lights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"edge/gpio"
)

// The keeper is a second process that holds the GPIO lines too, and lives longer than the first one:
//
//	edge run ──signs of life, while it runs──▶ keeper ──when they stop──▶ LEDs off
//	         ◀──────"I switched them off"────
//	         ── the end of the socket ───────▶         ── at once ──────▶ LEDs off
//
// A process that is killed can't switch its LEDs off, many GPIO drivers keep a line's level, and systemd takes a second or
// three to run another command. The end of a socket comes in milliseconds, whatever kills a process. And one that hangs
// doesn't know. The keeper does nothing but wait, so that hardly anything can go wrong with it; it ignores every signal
// that can be ignored, because systemd sends them to it as well.

// Patience is how long the loop may be silent before the LEDs are switched off. It speaks at least every second, and what
// a person is promised is 3 s; between the two there is room for a machine that is busy with other things.
const Patience = 2200 * time.Millisecond

// What the two tell each other, one byte at a time. Above farewell it is for how many tenths of a second the loop may be
// silent from now on.
const (
	farewell = 0 // from the first process: this is a planned end
	switched = 1 // from the keeper: the LEDs were switched off
)

// sign is the byte of a sign of life.
func sign(patience time.Duration) byte {
	return byte(min(max(patience/(100*time.Millisecond), 1), 255))
}

// keeper is the first process's end. Its methods are for the loop's goroutine alone.
type keeper struct {
	conn int // socket to the keeper; it doesn't block
	cmd  *exec.Cmd
	sign [1]byte
	note [1]byte
}

// startKeeper starts this program again as the keeper of lines. Its command line is name and their number. It expects signs of life
// from the first one on: opening a camera may take long, and the LEDs are dark meanwhile.
func startKeeper(name string, lines []*os.File, patience time.Duration) (*keeper, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("lights: the keeper's socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "keeper")
	defer theirs.Close()
	k := &keeper{conn: pair[0], sign: [1]byte{sign(patience)}}
	k.cmd = exec.Command("/proc/self/exe", name, strconv.Itoa(len(lines))) // also if the file has been replaced since
	k.cmd.Args[0] = "edge"
	k.cmd.ExtraFiles = append([]*os.File{theirs}, lines...)
	k.cmd.Stderr = os.Stderr
	k.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what a terminal sends to edge run isn't for the keeper
	if err := k.cmd.Start(); err != nil {
		unix.Close(k.conn)
		return nil, fmt.Errorf("lights: starting the process that switches the LEDs off if this one dies: %w", err)
	}
	return k, nil
}

// alive gives a sign of life. It reports whether the keeper has switched the LEDs off since the one before, and whether
// the keeper is gone. It doesn't wait and allocates nothing.
func (k *keeper) alive() (switchedOff, gone bool) {
	_, err := unix.Write(k.conn, k.sign[:])
	n, _ := unix.Read(k.conn, k.note[:])
	return n > 0, errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}

// close ends the keeper, which gives its lines back.
func (k *keeper) close() {
	_, _ = unix.Write(k.conn, []byte{farewell})
	unix.Close(k.conn)
	ended := make(chan struct{})
	go func() {
		_ = k.cmd.Wait() // how it ended doesn't matter: the LEDs are off
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Second): // it was stopped
		_ = k.cmd.Process.Kill()
		<-ended
	}
}

// Keep is the keeper's process, started by OpenGPIO. It returns when the LEDs are off and the first process is gone.
func Keep(args []string, log io.Writer) error {
	const conn = 3 // the first of ExtraFiles; the lines follow
	lines, err := strconv.ParseUint(strings.Join(args, " "), 10, 8)
	if err == nil {
		_, err = unix.GetsockoptInt(conn, unix.SOL_SOCKET, unix.SO_TYPE)
	}
	if err != nil {
		return fmt.Errorf("lights: edge run starts this command for itself: %w", err)
	}
	signal.Ignore()
	name := append([]byte("edge-keeper"), 0)
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0) // what ps and top show; else "exe"
	return keep(conn, log, func() error {
		var errs []error
		for i := range uintptr(lines) {
			errs = append(errs, gpio.OffInherited(conn+1+i))
		}
		return errors.Join(errs...)
	})
}

// keep switches off when the signs of life on a socket stop or end. It returns at the end.
func keep(conn int, log io.Writer, off func() error) error {
	patience := -1 // until the first sign of life; in milliseconds, −1 for ever
	for {
		ready := []unix.PollFd{{Fd: int32(conn), Events: unix.POLLIN}}
		switch n, err := unix.Poll(ready, patience); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return errors.Join(fmt.Errorf("lights: waiting for edge run: %w", err), off())
		case n == 0:
			err := off()
			fmt.Fprintf(log, "edge: no sign of life from edge run for %.1f s: its LEDs are off\n", float64(patience)/1000)
			if err != nil {
				fmt.Fprintln(log, "edge:", err)
			}
			_, _ = unix.Write(conn, []byte{switched})
			patience = -1
			continue
		}
		var signs [64]byte
		n, err := unix.Read(conn, signs[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0:
			err := off()
			fmt.Fprintln(log, "edge: edge run has died: its LEDs are off")
			return err
		case signs[n-1] == farewell:
			return off()
		default:
			patience = int(signs[n-1]) * 100
		}
	}
}
