package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"edge/kernels"
)

// version is set by the Makefile.
var version = "development"

func runVersion(_ context.Context, args []string, std streams) error {
	f := newFlags("version", std)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Fprintf(std.out, "edge %s%s, %s %s/%s, kernels", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, s := range kernels.Available() {
		fmt.Fprint(std.out, " ", s.Name)
	}
	fmt.Fprintln(std.out)
	return nil
}
