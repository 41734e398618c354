// Command guest boots an emulated board with a real Linux kernel, runs one command in it, and ends with that command's
// status.
//
//	go run ./e2e/guest [--board virt|rpi3] [--systemd] [--file HOST[:GUEST]]… [--log] -- COMMAND [ARGUMENT…]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"edge/e2e/image"
	"edge/e2e/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		status = 125
	}
	os.Exit(status)
}

func run(ctx context.Context) (status int, err error) {
	var files []machine.File
	board := flag.String("board", "virt", "`board`: virt (PL061, 8 lines) or rpi3 (Raspberry Pi 3 B, 54 lines)")
	systemd := flag.Bool("systemd", false, "boot Debian with systemd, else only busybox's commands")
	log := flag.Bool("log", false, "print the kernel's console too")
	flag.Func("file", "copy a `HOST[:GUEST]` file; a name without a folder lands in /bin", func(text string) error {
		host, guest, found := strings.Cut(text, ":")
		if !found {
			guest = "/bin/" + filepath.Base(host)
		}
		files = append(files, machine.File{Path: guest, Host: host})
		return nil
	})
	flag.Parse()
	if flag.NArg() == 0 {
		return 0, fmt.Errorf("no command; see go doc edge/e2e/guest")
	}
	config := machine.Config{Systemd: *systemd, Modules: append(machine.USBCameras, machine.Vivid), Files: files}
	if *board == "rpi3" {
		config.Board = machine.RPi3
	}
	temp, err := os.MkdirTemp("", "edge-guest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(temp)
	for _, name := range []string{"agent", "vivid", "webcam"} {
		program := filepath.Join(temp, name)
		if err := build(ctx, program, "edge/e2e/"+name); err != nil {
			return 0, err
		}
		config.Files = append(config.Files, machine.File{Path: "/usr/local/bin/" + name, Host: program})
	}
	config.Agent = filepath.Join(temp, "agent")
	if config.Images, err = image.Prepare(ctx); err != nil {
		return 0, err
	}
	start := time.Now()
	guest, err := machine.Boot(ctx, config)
	if err != nil {
		return 0, err
	}
	defer guest.Close()
	fmt.Fprintf(os.Stderr, "guest: booted in %.1f s\n", time.Since(start).Seconds())
	if *log {
		defer func() { fmt.Fprint(os.Stderr, guest.Log()) }()
	}
	process, err := guest.Start(machine.Command{Argv: flag.Args()})
	if err != nil {
		return 0, err
	}
	return follow(ctx, process)
}

// follow prints what the process writes until it ends.
func follow(ctx context.Context, p *machine.Process) (status int, err error) {
	out, errs := 0, 0
	flush := func() {
		text := p.Stdout()
		io.WriteString(os.Stdout, text[out:])
		out = len(text)
		text = p.Stderr()
		io.WriteString(os.Stderr, text[errs:])
		errs = len(text)
	}
	defer flush()
	for p.Running() {
		flush()
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	exit, err := p.Wait(ctx)
	if exit.Error != "" {
		return 0, fmt.Errorf("%s", exit.Error)
	}
	if exit.Signal != 0 {
		return 128 + int(exit.Signal), err
	}
	return exit.Status, err
}

func build(ctx context.Context, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
