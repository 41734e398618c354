package camera

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"edge/frame"
)

// files gives frames from picture files.
type files struct {
	counters
	name  string
	paths []string
	pause time.Duration // from one picture to the next, 0: none
	loop  bool
}

const longestPause = 366 * 24 * 60 * 60 // seconds; a longer one might not be a time.Duration any more

func newFiles(name string, paths []string, o Options) *files {
	f := &files{name: name, paths: slices.Clone(paths), loop: o.Loop}
	if o.FPS > 0 {
		f.pause = time.Duration(float64(time.Second) * min(1/o.FPS, longestPause))
	}
	return f
}

// openPattern returns the pictures in a directory, or the files whose path matches a pattern ("door/*.jpg").
func openPattern(spec string, o Options) (Camera, error) {
	var paths []string
	info, err := os.Stat(spec)
	switch {
	case err == nil && info.IsDir():
		if paths, err = picturesIn(spec); err != nil {
			return nil, fmt.Errorf("camera: %w", err)
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("camera: %s: no picture in it (%s); other kinds, such as a phone's HEIC, must be converted",
				spec, strings.Join(frame.PictureSuffixes, ", "))
		}
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("camera: %s: neither a file nor a directory; a pipe can be read with --camera - <%[1]s", spec)
	case err == nil:
		paths = []string{spec}
	default:
		if paths, err = filepath.Glob(spec); err != nil {
			return nil, fmt.Errorf("camera: %s: %w", spec, err)
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("camera: %s: no such file or directory", spec)
		}
	}
	slices.SortFunc(paths, compareNatural)
	return newFiles(spec, paths, o), nil
}

// picturesIn returns the paths of the pictures directly in a directory.
func picturesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if !e.IsDir() && frame.PictureType(e.Name()) != "" {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// compareNatural orders as people do: numbers by their value, so that cat9.jpg comes before cat10.jpg.
func compareNatural(a, b string) int {
	whole := strings.Compare(a, b)
	for a != "" && b != "" {
		na, restA := leadingNumber(a)
		nb, restB := leadingNumber(b)
		if na != "" && nb != "" {
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = restA, restB
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole) // whole: 01 and 1 are still two names
}

// leadingNumber splits off the digits that s begins with, without leading zeros ("0" for nothing but zeros).
func leadingNumber(s string) (number, rest string) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 0 {
		return "", s
	}
	number = strings.TrimLeft(s[:n-1], "0") + s[n-1:n]
	return number, s[n:]
}

// Frames implements Camera.
func (f *files) Frames(ctx context.Context) iter.Seq2[frame.Frame, error] {
	return func(yield func(frame.Frame, error) bool) {
		next := time.Now()
		for seq := uint32(0); ctx.Err() == nil; {
			before := f.delivered.Load()
			for _, path := range f.paths {
				if !wait(ctx, next, yield) {
					return
				}
				next = time.Now().Add(f.pause)
				picture, more, err := f.read(ctx, path, yield)
				if !more {
					return
				}
				picture.Seq = seq
				seq++
				if !yield(picture, err) {
					return
				}
			}
			if !f.loop {
				return
			}
			if f.delivered.Load() == before {
				yield(frame.Frame{}, fmt.Errorf("camera: %s: no picture in it can be read", f.name))
				return
			}
		}
	}
}

// wait waits until it is time for a picture, and yields ErrNotYet meanwhile; false at the end of the sequence.
func wait(ctx context.Context, due time.Time, yield func(frame.Frame, error) bool) bool {
	for {
		left := time.Until(due)
		if left <= waitInterval {
			return sleep(ctx, left)
		}
		if !sleep(ctx, waitInterval) || !yield(frame.Frame{}, ErrNotYet) {
			return false
		}
	}
}

// read decodes one picture file, and yields ErrNotYet every second meanwhile: a large photograph takes seconds on a small
// board. Its errors are frame.ErrDamaged. There is no more at the end of the sequence.
func (f *files) read(ctx context.Context, path string, yield func(frame.Frame, error) bool,
) (picture frame.Frame, more bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	type result struct {
		frame.Frame
		err error
	}
	done := make(chan result, 1)
	reading.Go(func() {
		picture, err := frame.ReadFile(ctx, path)
		done <- result{picture, err}
	})
	tick := time.NewTicker(waitInterval)
	defer tick.Stop()
	for {
		select {
		case r := <-done:
			switch {
			case ctx.Err() != nil:
				return frame.Frame{}, false, nil
			case r.err != nil:
				f.damaged.Add(1)
				return frame.Frame{}, true, damaged(r.err)
			}
			f.delivered.Add(1)
			r.At = time.Now()
			return r.Frame, true, nil
		case <-tick.C:
			if !yield(frame.Frame{}, ErrNotYet) {
				return frame.Frame{}, false, nil
			}
		}
	}
}

// damaged makes what is wrong with a picture file, which says where and what, a frame.ErrDamaged.
func damaged(err error) error {
	if errors.Is(err, frame.ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: %w", err, frame.ErrDamaged)
}

// String implements Camera.
func (f *files) String() string { return f.name }

// Close implements Camera.
func (f *files) Close() error { return nil }
