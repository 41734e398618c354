package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"edge/classifier"
	"edge/config"
	"edge/decision"
	"edge/frame"
	"edge/internal/files"
	"edge/record"
)

// control changes the rules while the loop runs: a new threshold, another part of the picture. It implements
// page.Settings.
type control struct {
	parse   func(text []byte) (*config.Config, error) // as at the start, with the command line's flags
	output  decision.Output
	input   frame.TensorSpec
	changes chan<- change
	teacher *teacher // nil: nothing is taught

	changing sync.Mutex // one change at a time; only whoever holds it writes what is below

	mu      sync.Mutex // never held for long: the page's state waits for it
	text    []byte
	file    []byte // what the configuration's file says, as far as is known here
	config  *config.Config
	header  record.Header
	unsaved bool
}

// Get implements page.Settings.
func (c *control) Get() ([]byte, *config.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text, c.config
}

// Unsaved reports whether the settings in force differ from the file's.
func (c *control) Unsaved() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unsaved
}

// takesTooLong is how long a walk may take to get to its next frame, or to see that there is none.
const takesTooLong = 5 * time.Second

// Change implements page.Settings. Everything is checked before the walk is asked.
func (c *control) Change(ctx context.Context, changes []config.Change, save bool) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	text, err := config.Edit(c.text, changes)
	if err != nil {
		return err
	}
	next, err := c.parse(text)
	if err != nil {
		return err
	}
	if !slices.Equal(next.LEDNames(), c.config.LEDNames()) {
		return errors.New("other LEDs need a restart")
	}
	judge, err := next.Judge(c.output)
	if err != nil {
		return err
	}
	fitter, err := frame.NewFitter(c.input, next.Fit)
	if err != nil {
		return &config.Error{Problems: []config.Problem{{Path: "camera.roi", Text: err.Error()}}}
	}
	header := c.header
	header.Rules, header.Fit, header.Config = next.Decision, next.Fit, withoutPasswords(text)
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(ctx, takesTooLong)
	defer cancel()
	select {
	case c.changes <- change{judge: judge, fitter: fitter, header: header, done: done}:
	case <-ctx.Done():
		return errors.New("the camera gives no frame: try again")
	}
	<-done // at once: the walk has taken it
	if next.Fit != c.config.Fit {
		c.teacher.Teach() // what the pictures of the lesson show is something else now
	}
	c.mu.Lock()
	c.text, c.config, c.header, c.unsaved = text, next, header, true
	c.mu.Unlock()
	if !save {
		return nil
	}
	err = saveConfig(next.File(), c.file, text)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		err = fmt.Errorf("%w (docs/page.md says where a service can save)", err)
	}
	if err != nil {
		return fmt.Errorf("it holds until a restart, but can't be saved: %w", err)
	}
	c.mu.Lock()
	c.file, c.unsaved = text, false
	c.mu.Unlock()
	return nil
}

// goodSuffix ends the name of the copy of the previous configuration.
const goodSuffix = ".good"

// saveConfig writes a configuration, and keeps the previous one beside it, which must be the known one: what somebody else
// has written meanwhile isn't lost.
func saveConfig(name string, known, text []byte) error {
	if name == "" {
		return errors.New("there is no configuration file: name one with --config")
	}
	const most = 64 << 10
	before, err := files.Read(name, most)
	if err != nil {
		return err
	}
	if !bytes.Equal(before, known) {
		return fmt.Errorf("%s has been changed since edge read it: restart edge to take it, or change it there", name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if err := files.Write(name+goodSuffix, before); err != nil {
		return err
	}
	if err := os.Chmod(name+goodSuffix, info.Mode().Perm()); err != nil { // it may have a password's hash
		return err
	}
	return files.Write(name, text)
}

// runs reports whether a network of this name runs.
func (c *control) runs(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.header.Model == name
}

// swap gives the walk another network, which it closes in the end. If the rules don't fit that, everything stays as it was,
// and the network is the caller's.
func (c *control) swap(ctx context.Context, net *classifier.Classifier) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	net.Output.Later = c.output.Later
	judge, err := c.config.Judge(net.Output)
	if err != nil {
		return err
	}
	fitter, err := frame.NewFitter(net.Input, c.config.Fit) // it may have changed while the network was taught
	if err != nil {
		return err
	}
	net.SetFitter(fitter)
	sum, err := sumOf(c.config, net)
	if err != nil {
		return err
	}
	header := c.header
	header.Model, header.SHA256, header.Output, header.Input = net.Name(), sum, net.Output, net.Input
	done := make(chan struct{})
	select {
	case c.changes <- change{judge: judge, net: net, header: header, done: done}:
	case <-ctx.Done():
		return errors.New("the camera gives no frame")
	}
	<-done // at once: the walk has taken it
	c.mu.Lock()
	c.output, c.input, c.header = net.Output, net.Input, header
	c.mu.Unlock()
	return nil
}
