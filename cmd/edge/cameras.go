package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"edge/camera"
)

// runCameras lists the cameras of this machine, and why one can't be used.
func runCameras(_ context.Context, args []string, std streams) error {
	f := newFlags("cameras", std)
	asJSON := f.Bool("json", false, "print one JSON object a line")
	if err := parseFlags(f, args); err != nil {
		return err
	}
	nodes, err := camera.List()
	if err != nil {
		return err
	}
	if *asJSON {
		return writeCamerasJSON(std.out, nodes)
	}
	return writeCameras(std.out, nodes)
}

func writeCamerasJSON(w io.Writer, nodes []camera.Node) error {
	for _, n := range nodes {
		if err := writeJSON(w, n, ""); err != nil {
			return err
		}
	}
	return nil
}

// writeCameras prints a paragraph for each node that can be used, and then a line for each that can't.
func writeCameras(w io.Writer, nodes []camera.Node) error {
	var b strings.Builder
	usable := 0
	for _, n := range nodes {
		if n.Usable {
			usable++
			writeCamera(&b, n)
		}
	}
	if usable < len(nodes) {
		b.WriteString("Not to be used:\n")
	}
	csi := false
	for _, n := range nodes {
		csi = csi || n.CSI
		if !n.Usable {
			fmt.Fprintf(&b, "  %-12s %s: %s\n", n.Path, n.Name, n.Why)
		}
	}
	if len(nodes) == 0 {
		b.WriteString("There is no /dev/video…: no camera is plugged in, or its driver isn't loaded.\n")
	}
	if usable == 0 && !csi {
		fmt.Fprintf(&b, "A camera on a Raspberry Pi's CSI connector: --camera \"%s\"\n", camera.CommandForCSI)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeCamera(b *strings.Builder, n camera.Node) {
	fmt.Fprintf(b, "%s  %s (%s, %s)\n", n.Path, n.Name, n.Driver, n.Bus)
	for _, link := range n.Links {
		fmt.Fprintf(b, "  %s\n", link)
	}
	if len(n.Holders) > 0 {
		fmt.Fprintf(b, "  also open in %s\n", strings.Trim(fmt.Sprint(n.Holders), "[]"))
	}
	var unreadable []string
	for _, f := range n.Formats {
		if !f.Readable {
			unreadable = append(unreadable, f.FourCC)
			continue
		}
		sizes := make([]string, len(f.Sizes))
		for i, s := range f.Sizes {
			sizes[i] = s.String()
		}
		fmt.Fprintf(b, "  %s  %s\n", f.FourCC, strings.Join(sizes, " "))
	}
	const most = 8 // names that say something to anyone
	if n := len(unreadable); n > most {
		fmt.Fprintf(b, "  and %d formats that edge can't read\n", n)
	} else if n > 0 {
		fmt.Fprintf(b, "  and %s, which edge can't read\n", strings.Join(unreadable, ", "))
	}
	b.WriteByte('\n')
}
