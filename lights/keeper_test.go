package lights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"edge/decision"
)

// kept is a keeper in a goroutine, and what it did.
type kept struct {
	t     *testing.T
	conn  int
	off   chan struct{}
	ended chan error
	log   strings.Builder
}

func newKept(t *testing.T) *kept {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	k := &kept{t: t, conn: pair[0], off: make(chan struct{}, 10), ended: make(chan error, 1)}
	go func() {
		k.ended <- keep(pair[1], &k.log, func() error { k.off <- struct{}{}; return nil })
		unix.Close(pair[1])
	}()
	return k
}

func (k *kept) send(b byte) {
	if _, err := unix.Write(k.conn, []byte{b}); err != nil {
		k.t.Fatal(err)
	}
}

// switched waits until the keeper has switched off.
func (k *kept) switched(why string) {
	k.t.Helper()
	select {
	case <-k.off:
	case <-time.After(10 * time.Second):
		k.t.Fatalf("not switched off: %s", why)
	}
}

func (k *kept) isOver() {
	k.t.Helper()
	select {
	case err := <-k.ended:
		if err != nil {
			k.t.Error(err)
		}
	case <-time.After(10 * time.Second):
		k.t.Fatal("the keeper goes on")
	}
}

func TestKeeper(t *testing.T) {
	t.Run("death", func(t *testing.T) {
		k := newKept(t)
		k.send(sign(time.Hour))
		unix.Close(k.conn)
		k.switched("the other end is gone")
		k.isOver()
		if !strings.Contains(k.log.String(), "has died") {
			t.Errorf("log: %q", k.log.String())
		}
	})
	t.Run("death before the first sign", func(t *testing.T) {
		k := newKept(t)
		unix.Close(k.conn)
		k.switched("the other end is gone")
		k.isOver()
	})
	t.Run("farewell", func(t *testing.T) {
		k := newKept(t)
		k.send(sign(time.Hour))
		k.send(farewell)
		unix.Close(k.conn)
		k.switched("a planned end")
		k.isOver()
		if k.log.Len() > 0 {
			t.Errorf("log: %q", k.log.String())
		}
	})
	t.Run("silence", func(t *testing.T) {
		k := newKept(t)
		for range 2 { // the second time after it was heard again
			k.send(sign(200 * time.Millisecond))
			k.switched("silence")
			var note [1]byte
			if n, err := unix.Read(k.conn, note[:]); n != 1 || err != nil || note[0] != switched {
				t.Errorf("it tells %d bytes, %v, %v", n, note, err)
			}
		}
		select {
		case <-k.off:
			t.Error("switched off again without a sign of life between")
		case <-time.After(500 * time.Millisecond):
		}
		unix.Close(k.conn)
		k.switched("death after silence")
		k.isOver()
	})
}

// TestKeeperProcess kills a process that has a keeper, and all that the keeper can be sent but SIGKILL before.
func TestKeeperProcess(t *testing.T) {
	if os.Getenv("EDGE_KEEPER_MARK") != "" {
		t.Skip("this is a child")
	}
	mark := t.TempDir() + "/mark"
	child := exec.Command("/proc/self/exe", "hold")
	child.Env = append(os.Environ(), "EDGE_KEEPER_MARK="+mark)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	var pid [16]byte
	n, err := out.Read(pid[:]) // the keeper's, when it ignores signals
	if err != nil {
		t.Fatal(err)
	}
	keeper := atoi(t, string(pid[:n]))
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGABRT, syscall.SIGQUIT, syscall.SIGPIPE} {
		if err := syscall.Kill(keeper, s); err != nil {
			t.Fatalf("the keeper is gone before %v: %v", s, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("switched off while the process lives")
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("the keeper didn't switch off")
		}
	}
	_ = child.Wait()
}

// TestKeeperKilled kills the keeper alone. The lights say so, which ends edge run (TestWalkEndsWithItsLights) with the LEDs
// off, so that systemd starts both again.
func TestKeeperKilled(t *testing.T) {
	t.Setenv("EDGE_KEEPER_MARK", t.TempDir()+"/mark")
	k, err := startKeeper("keep", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	lit := make(chan bool, 100)
	g := &GPIO{keeper: k, player: newPlayer(1, func(on []bool) error { lit <- on[0]; return nil }, time.Hour)}
	steady := []decision.Light{decision.Steady}
	if err := g.Set(steady); err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); err == nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatal("nobody notices that the keeper is gone")
		}
		g.Alive()
		err = g.Set(steady)
	}
	if !strings.Contains(err.Error(), "has died itself") {
		t.Error(err)
	}
	if err := g.player.Close(); err != nil {
		t.Error(err)
	}
	k.close()
	close(lit)
	last := true
	for on := range lit {
		last = on
	}
	if last {
		t.Error("the LED is still on")
	}
}

// TestPlayerFallsSilent is about a loop that hangs while the process lives: blinking ends, too, and all comes back.
func TestPlayerFallsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &ledLog{start: time.Now()}
		p := newPlayer(2, log.show, 250*ms)
		shown := []decision.Light{decision.Steady, {On: 100 * ms, Off: 100 * ms}}
		for range 3 {
			p.alive(false)
			if err := p.Set(shown); err != nil {
				t.Fatal(err)
			}
			time.Sleep(50 * ms)
		}
		time.Sleep(time.Second)
		log.check(t, "0 ○○", "0 ●●", "100 ●○", "200 ●●", "300 ●○", "350 ○○")

		log.lines = nil
		p.alive(false) // at 1150
		log.check(t, "1150 ●○")
		p.alive(true) // somebody else switched off
		log.check(t, "1150 ●○", "1150 ●○")
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if last := log.lines[len(log.lines)-1]; !slices.Contains([]string{"1150 ○○"}, last) {
			t.Errorf("at the end: %s", last)
		}
	})
}

func TestSign(t *testing.T) {
	for patience, want := range map[time.Duration]byte{0: 1, Patience: 22, time.Hour: 255} {
		if got := sign(patience); got != want {
			t.Errorf("sign(%v) = %d, want %d", patience, got, want)
		}
	}
}

func TestKeepByHand(t *testing.T) {
	for _, args := range [][]string{nil, {"x"}, {"1", "2"}, {"-1"}} {
		if err := Keep(args, nil); err == nil || errors.Is(err, unix.EBADF) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMain is also the process that TestKeeperProcess kills, and that one's keeper.
func TestMain(m *testing.M) {
	mark := os.Getenv("EDGE_KEEPER_MARK")
	switch {
	case mark == "":
	case os.Args[1] == "hold":
		k, err := startKeeper("keep", nil, time.Hour)
		if err != nil {
			panic(err)
		}
		for k.note[0] != 7 { // the keeper's sign that it ignores signals
			k.alive()
			time.Sleep(ms)
		}
		fmt.Print(k.cmd.Process.Pid)
		time.Sleep(time.Hour)
	case os.Args[1] == "keep":
		signal.Ignore()
		_, _ = unix.Write(3, []byte{7})
		_ = keep(3, io.Discard, func() error { return os.WriteFile(mark, nil, 0o600) })
		os.Exit(0)
	}
	os.Exit(m.Run())
}
