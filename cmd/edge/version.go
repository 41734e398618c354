package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"edge/classifier"
)

// version is set by the Makefile.
var version = "development"

func runVersion(_ context.Context, args []string, std streams) error {
	f := newFlags("version", std)
	if err := parseFlags(f, args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.out, versionLine())
	return err
}

// versionLine says which program this is, and which kernels it can run here.
func versionLine() string {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	return fmt.Sprintf("edge %s%s, %s %s/%s, kernels %s", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.ReplaceAll(classifier.KernelNames(), ",", ""))
}
