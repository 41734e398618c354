//go:build linux

// Command webcam is a USB camera in an emulated board. It speaks to the board's kernel over USB/IP (module vhci_hcd), so the
// driver is uvcvideo, that of all USB cameras.
//
//	webcam PORT NAME SERIAL WIDTHxHEIGHT FOLDER
//
// It plugs itself in at a port from 0 and says that it gives MJPEG of that size. What it gives are the files in FOLDER, byte for
// byte, whatever they hold: one after another by name, ten a second, again and again. The folder is read before each, so a link
// will do that leads elsewhere later. Without a file the camera is silent. A file whose name ends in ".error" is flagged as one.
// It prints a line when the host starts the stream and when it stops it.
//
// Killed, it is unplugged; stopped (SIGSTOP), it answers nothing any more, and the host's calls wait.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	fmt.Fprintln(os.Stderr, "webcam:", run(os.Args[1:]))
	os.Exit(1)
}

// run is the camera for as long as the host is there, and returns why it ended.
func run(args []string) error {
	if len(args) != 5 {
		return errors.New("usage: webcam PORT NAME SERIAL WIDTHxHEIGHT FOLDER")
	}
	port, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	var width, height int
	if _, err := fmt.Sscanf(args[3], "%dx%d", &width, &height); err != nil {
		return fmt.Errorf("%s is not a size", args[3])
	}
	c := newCamera(args[1], args[2], width, height)
	host, err := plugIn(port)
	if err != nil {
		return err
	}
	c.host = host
	go func() { // ends with the process
		fmt.Fprintln(os.Stderr, "webcam:", c.show(args[4]))
		os.Exit(1)
	}()
	return c.serve()
}

// show gives the folder's files to the host for as long as it takes them.
func (c *camera) show(folder string) error {
	const interval = 100 * time.Millisecond
	for number := 0; ; number++ {
		next := time.Now().Add(interval)
		entries, err := os.ReadDir(folder + "/") // behind a link
		if err == nil && len(entries) > 0 {
			name := entries[number%len(entries)].Name()
			var picture []byte
			if picture, err = os.ReadFile(filepath.Join(folder, name)); err == nil {
				err = c.give(picture, strings.HasSuffix(name, ".error"))
			}
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // the link may just be moving on
			return err
		}
		time.Sleep(time.Until(next))
	}
}
