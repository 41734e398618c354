package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"edge/page"
)

// runPassword hashes a password for the configuration.
func runPassword(ctx context.Context, args []string, std streams) error {
	f := newFlags("password", std)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	if isTerminal(std.err) {
		fmt.Fprint(std.err, "password for the page: ")
	}
	password, err := readPassword(ctx, std.in)
	if err != nil {
		return err
	}
	text, err := page.HashPassword(password)
	if err != nil {
		return configErrorf("edge password: %v", err)
	}
	_, err = fmt.Fprintf(std.out, "page:\n  password: %s\n", text)
	return err
}

// readPassword reads a line; a terminal doesn't echo it, and does again at the end, also when ctx ends.
func readPassword(ctx context.Context, in io.Reader) (string, error) {
	if file, ok := in.(*os.File); ok {
		fd := int(file.Fd())
		if before, err := unix.IoctlGetTermios(fd, unix.TCGETS); err == nil {
			silent := *before
			silent.Lflag &^= unix.ECHO
			if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
				return "", err
			}
			defer func() {
				_ = unix.IoctlSetTermios(fd, unix.TCSETS, before)
				fmt.Fprintln(os.Stderr)
			}()
		}
	}
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(in, 1<<10)).ReadString('\n')
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			return "", r.err
		}
		return strings.TrimRight(r.line, "\r\n"), nil
	case <-ctx.Done():
		return "", errors.New("interrupted")
	}
}
