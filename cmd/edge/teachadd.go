package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"edge/camera"
	"edge/frame"
	"edge/internal/files"
	"edge/teach"
)

// teachAddFlags are the flags of edge teach add. edge teach --help shows them, too.
type teachAddFlags struct {
	*pflag.FlagSet
	class  string
	source camera.Spec
	count  int
	every  time.Duration
}

func newTeachAddFlags(std streams) *teachAddFlags {
	f := &teachAddFlags{FlagSet: newFlags("teach", std)}
	f.StringVar(&f.class, "class", "", "what the pictures show, a `NAME`")
	f.Var(&flagValue[camera.Spec]{&f.source, camera.ParseSpec, "CAMERA"}, "camera", "as for edge run: auto, /dev/videoN, a name, pictures, exec:COMMAND")
	f.IntVar(&f.count, "count", 30, "how many pictures to take")
	f.DurationVar(&f.every, "every", 200*time.Millisecond, "time between two of them")
	f.Usage = func() {
		showFlags(std, f.FlagSet, "edge teach add LESSON --class NAME [FLAGS]: take pictures of a class with the camera")
	}
	return f
}

// runTeachAdd takes pictures of a class from the camera. Fewer than were asked for are kept, and an error.
func runTeachAdd(ctx context.Context, args []string, std streams) error {
	f := newTeachAddFlags(std)
	if err := parse(f.FlagSet, args); err != nil {
		return err
	}
	switch {
	case f.NArg() != 1:
		return configErrorf("edge teach add: name one lesson, a folder")
	case f.class == "":
		return configErrorf("edge teach add: say what the pictures show: --class open")
	case f.count < 1 || f.count > teach.MaxPictures:
		return configErrorf("edge teach add: --count %d: from 1 to %d", f.count, teach.MaxPictures)
	case f.every < 0:
		return configErrorf("edge teach add: --every %v: not less than 0s", f.every)
	}
	if err := files.CheckName(f.class); err != nil {
		return configErrorf("edge teach add: --class %v", err)
	}
	store, err := teach.OpenStore(f.Arg(0))
	if err != nil {
		return configErrorf("%v", err)
	}
	if err := store.CheckClass(f.class); err != nil {
		return configErrorf("%v", err)
	}
	if left := store.Left(); left < f.count {
		return configErrorf("edge teach add: %s: room for %d more pictures only: remove some", f.Arg(0), left)
	}
	c, err := camera.Open(f.source, camera.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	taken, err := takePictures(ctx, c, store, f.class, f.count, f.every)
	total, bytes := store.Room()
	fmt.Fprintf(std.out, "%d of %d pictures of %s taken; %s has %d, %.1f MB\n", taken, f.count, f.class, f.Arg(0), total, float64(bytes)/1e6)
	kept := fmt.Sprintf("%d of %d pictures were taken and are kept", taken, f.count)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", kept, err)
	case taken == f.count:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %s", kept)
	}
	return fmt.Errorf("%s: %v ended before that; --every 0s takes each picture of a folder or video", kept, f.source)
}

// takePictures adds so many frames to a lesson, as one burst.
func takePictures(ctx context.Context, c camera.Camera, store *teach.Store, class string, count int, every time.Duration) (taken int, err error) {
	store.Begin()
	next := time.Now()
	for f, err := range c.Frames(ctx) {
		switch {
		case errors.Is(err, camera.ErrNotYet) || errors.Is(err, frame.ErrDamaged):
			continue
		case err != nil:
			return taken, err
		case time.Now().Before(next):
			continue
		}
		if _, err := store.Add(class, f); err != nil {
			return taken, err
		}
		next = time.Now().Add(every)
		if taken++; taken == count {
			break
		}
	}
	return taken, nil
}
