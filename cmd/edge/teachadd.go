package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"edge/camera"
	"edge/frame"
	"edge/internal/files"
	"edge/teach"
)

// runTeachAdd takes pictures of a class from the camera.
func runTeachAdd(ctx context.Context, args []string, std streams) error {
	var source camera.Spec
	var o camera.Options
	f := newFlags("teach", std)
	class := f.String("class", "", "what the pictures show")
	f.Var(&flagValue[camera.Spec]{&source, camera.ParseSpec, "CAMERA"}, "camera", "as for edge run: auto, /dev/videoN, a name, pictures, exec:COMMAND")
	count := f.Int("count", 30, "how many pictures to take")
	every := f.Duration("every", 200*time.Millisecond, "time between two of them")
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case f.NArg() != 1:
		return configErrorf("edge teach add: name one lesson, a folder")
	case *class == "":
		return configErrorf("edge teach add: say what the pictures show: --class open")
	case *count < 1 || *count > teach.MaxPictures:
		return configErrorf("edge teach add: --count %d: from 1 to %d", *count, teach.MaxPictures)
	case *every < 0:
		return configErrorf("edge teach add: --every %v: not less than 0s", *every)
	}
	if err := files.CheckName(*class); err != nil {
		return configErrorf("edge teach add: --class %v", err)
	}
	store, err := teach.OpenStore(f.Arg(0))
	if err != nil {
		return configErrorf("%v", err)
	}
	if err := store.CheckClass(*class); err != nil {
		return configErrorf("%v", err)
	}
	if left := store.Left(); left < *count {
		return configErrorf("edge teach add: %s: room for %d more pictures only: remove some", f.Arg(0), left)
	}
	c, err := camera.Open(source, o)
	if err != nil {
		return err
	}
	defer c.Close()
	taken, err := takePictures(ctx, c, store, *class, *count, *every)
	total, bytes := store.Room()
	fmt.Fprintf(std.out, "%d of %d pictures of %s taken; %s has %d, %.1f MB\n", taken, *count, *class, f.Arg(0), total, float64(bytes)/1e6)
	if err == nil && taken < *count && ctx.Err() == nil {
		fmt.Fprintf(std.err, "edge: %v ended before that; --every 0s takes each picture of a folder or video\n", source)
	}
	return err
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
