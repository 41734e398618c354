//go:build linux

// Command agent is the first process of an emulated board. It loads modules, continues on a root file system if there
// is one, and starts processes for the host, which talks to it over a serial port.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"edge/e2e/wire"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	case os.Getpid() == 1:
		err = boot()
	default:
		err = fmt.Errorf("usage: agent serve PORT, or as the first process")
	}
	fmt.Fprintln(os.Stderr, "agent:", err)
	os.Exit(1)
}

// boot prepares the machine. It doesn't return but for an error, after which the kernel panics, and the host sees it.
func boot() error {
	if err := mountAPIs(""); err != nil {
		return err
	}
	text, err := os.ReadFile(wire.BootFile)
	if err != nil {
		return err
	}
	var b wire.Boot
	if err := json.Unmarshal(text, &b); err != nil {
		return fmt.Errorf("%s: %w", wire.BootFile, err)
	}
	for _, m := range b.Modules {
		if err := load(m); err != nil {
			return err
		}
	}
	if b.Root != "" {
		return switchRoot(b.Root)
	}
	return reap(b.Port)
}

// reap serves in a child, because a first process has to collect everybody's children, which would take them from
// under os/exec.
func reap(port string) error {
	server := exec.Command("/proc/self/exe", "serve", port)
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	if err := server.Start(); err != nil {
		return err
	}
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("wait: %w", err)
		}
		if pid == server.Process.Pid {
			return fmt.Errorf("the server ended")
		}
	}
}
