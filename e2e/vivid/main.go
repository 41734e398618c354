//go:build linux

// Command vivid works the kernel's virtual video driver in an emulated board.
//
//	vivid feed WIDTHxHEIGHT FOURCC FILE   loop the output into the camera, and show FILE's bytes there until killed or
//	                                      unplugged; SIGHUP reads FILE again
//	vivid grab WIDTHxHEIGHT FOURCC FILE   take one picture from the camera
//	vivid controls DEVICE                 list the device's controls
//	vivid set DEVICE NAME=VALUE…          set controls
//
// The camera is /dev/video0 and the output /dev/video1; the module is loaded with node_types=0x101. In the picture
// that the camera gives, each byte is as in FILE.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

const (
	cameraPath = "/dev/video0"
	outputPath = "/dev/video1"
)

// Numbers that vivid gives its connectors.
const (
	hdmiInput  = 3
	hdmiOutput = 1
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vivid:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "feed":
		return feed(args[1], args[2], args[3])
	case len(args) == 4 && args[0] == "grab":
		return grab(args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "controls":
		return listControls(args[1])
	case len(args) >= 3 && args[0] == "set":
		return setControls(args[1], args[2:])
	}
	return errors.New("usage: vivid feed|grab WIDTHxHEIGHT FOURCC FILE, controls DEVICE, set DEVICE NAME=VALUE…")
}

func feed(size, fourcc, file string) error {
	width, height, err := parse(size, fourcc)
	if err != nil {
		return err
	}
	if err := connect(width, height); err != nil {
		return err
	}
	output, err := open(outputPath)
	if err != nil {
		return err
	}
	defer output.close()
	pixels, err := output.setFormat(typeOutput, width, height, fourcc)
	if err != nil {
		return err
	}
	return show(output, pixels, file)
}

func grab(size, fourcc, file string) error {
	width, height, err := parse(size, fourcc)
	if err != nil {
		return err
	}
	camera, err := open(cameraPath)
	if err != nil {
		return err
	}
	defer camera.close()
	bytes, err := camera.setFormat(typeCapture, width, height, fourcc)
	if err != nil {
		return err
	}
	picture, err := camera.read(bytes)
	if err != nil {
		return err
	}
	return os.WriteFile(file, picture, 0o644)
}

func parse(size, fourcc string) (width, height int, err error) {
	if _, err := fmt.Sscanf(size, "%dx%d", &width, &height); err != nil || len(fourcc) != 4 {
		return 0, 0, fmt.Errorf("%s %s is not a size and a format", size, fourcc)
	}
	return width, height, nil
}

// connect loops the output's HDMI connector into the camera's.
func connect(width, height int) error {
	camera, err := open(cameraPath)
	if err != nil {
		return err
	}
	defer camera.close()
	output, err := open(outputPath)
	if err != nil {
		return err
	}
	defer output.close()
	if err := camera.setInput(hdmiInput); err != nil {
		return err
	}
	if err := output.setOutput(hdmiOutput); err != nil {
		return err
	}
	for _, d := range []*device{camera, output} {
		if err := d.setTimings(width, height); err != nil {
			return err
		}
	}
	// Text in the picture off; then the loop.
	for _, control := range []string{"osd_text_mode=2", "loop_video=1"} {
		if err := camera.set(control); err != nil {
			return err
		}
	}
	return nil
}

// show streams the file's bytes as one picture again and again.
func show(output *device, size int, file string) error {
	picture, err := readPicture(file, size)
	if err != nil {
		return err
	}
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	buffers, err := output.mapBuffers(4)
	if err != nil {
		return err
	}
	for i := range buffers {
		copy(buffers[i], picture)
		if err := output.queue(i, size); err != nil {
			return err
		}
	}
	if err := output.streamOn(); err != nil {
		return err
	}
	fmt.Println("showing", file)
	stale := make([]bool, len(buffers)) // hold the picture before the last signal
	for {
		select {
		case <-again:
			if picture, err = readPicture(file, size); err != nil {
				return err
			}
			for i := range stale {
				stale[i] = true
			}
			fmt.Println("showing", file)
		default:
		}
		i, err := output.dequeue()
		if err != nil {
			return err
		}
		if stale[i] {
			copy(buffers[i], picture)
			stale[i] = false
		}
		if err := output.queue(i, size); err != nil {
			return err
		}
	}
}

func readPicture(file string, size int) ([]byte, error) {
	picture, err := os.ReadFile(file)
	if err == nil && len(picture) != size {
		err = fmt.Errorf("%s has %d bytes; the output takes %d", file, len(picture), size)
	}
	return picture, err
}

func listControls(path string) error {
	d, err := open(path)
	if err != nil {
		return err
	}
	defer d.close()
	for _, c := range d.controls() {
		fmt.Printf("%-36s %d…%d\n", c.name(), c.Minimum, c.Maximum)
	}
	return nil
}

func setControls(path string, settings []string) error {
	d, err := open(path)
	if err != nil {
		return err
	}
	defer d.close()
	for _, setting := range settings {
		if err := d.set(setting); err != nil {
			return err
		}
	}
	return nil
}

// set sets one control by NAME=VALUE, the name written as v4l2-ctl writes it.
func (d *device) set(setting string) error {
	name, text, _ := strings.Cut(setting, "=")
	value, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("%s: %w", setting, err)
	}
	for _, c := range d.controls() {
		if c.name() == name {
			return d.setControl(c.ID, value)
		}
	}
	return fmt.Errorf("%s: no control %s", d.path, name)
}
