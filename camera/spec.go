package camera

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"edge/frame"
)

// Spec says where frames come from. ParseSpec makes it from what a person writes; the zero value is Auto.
type Spec struct {
	Kind Kind
	// Arg is what Kind says.
	Arg string
}

// Kind is a kind of source.
type Kind uint8

// The kinds of sources, and what a Spec's Arg is.
const (
	Auto    Kind = iota // the best V4L2 camera that can be used; Arg is empty
	Device              // a V4L2 camera by its path: /dev/video0, or a link to it
	Named               // a V4L2 camera by its name, or a part of it that no other camera's name has
	Files               // picture files: a directory, a file, or a pattern
	Stdin               // frames on standard input; Arg is empty
	Command             // frames that a shell command writes to its standard output
)

const commandPrefix = "exec:"

// ParseSpec reads what a person calls a camera. The first of these that fits counts:
//
//	auto                     Auto
//	-                        Stdin
//	exec:COMMAND             Command
//	1, video1                Device /dev/video1
//	/dev/…                   Device, there or not
//	a link to a device       Device
//	what exists              Files
//	*.jpg, a/b, a.png        Files: what can't be a camera's name
//	anything else            Named
//
// A URL is an error that says which command reads it.
func ParseSpec(text string) (Spec, error) {
	command, isCommand := strings.CutPrefix(text, commandPrefix)
	switch {
	case text == "":
		return Spec{}, errors.New(`none given: "auto", /dev/video0, a name, a directory, "-" or "exec:COMMAND"`)
	case text == "auto":
		return Spec{}, nil
	case text == "-":
		return Spec{Kind: Stdin}, nil
	case isCommand && strings.TrimSpace(command) == "":
		return Spec{}, errors.New("exec: without a command, for example " + CommandForCSI)
	case isCommand:
		return Spec{Command, command}, nil
	case url.MatchString(text):
		return Spec{}, fmt.Errorf("%s is a URL; ffmpeg can read it: write %q instead", text, commandForURL(text))
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(text, "video"), 10, 16); err == nil {
		return Spec{Device, fmt.Sprintf("/dev/video%d", n)}, nil
	}
	info, err := os.Stat(text)
	switch {
	case strings.HasPrefix(text, "/dev/") || err == nil && info.Mode()&os.ModeCharDevice != 0:
		return Spec{Device, text}, nil
	case err == nil || strings.ContainsAny(text, `/*?[`) || frame.PictureType(filepath.Base(text)) != "":
		return Spec{Files, text}, nil
	}
	return Spec{Named, text}, nil
}

// url matches what begins as a URL does. (RFC 3986, section 3.1.)
var url = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// commandForURL is a spec that reads a URL. The shell gets the URL in quotes: many have & and ? in them.
func commandForURL(url string) string {
	transport := ""
	if strings.HasPrefix(strings.ToLower(url), "rtsp") {
		transport = "-rtsp_transport tcp " // over UDP every lost packet damages pictures
	}
	return commandPrefix + "ffmpeg -nostdin -loglevel error " + transport +
		"-i '" + strings.ReplaceAll(url, "'", `'\''`) + "' -an -c:v mjpeg -q:v 3 -f mjpeg -"
}

// Check finds what is wrong with o for this source, whatever is plugged in: raw frames in a stream whose size or
// stride isn't said.
func (s Spec) Check(o Options) error {
	if s.Kind != Stdin && s.Kind != Command {
		return nil
	}
	_, err := newStream(s, o)
	return err
}

// Matches reports whether a node of this machine is, or may be, the camera that s means.
func (s Spec) Matches(n Node) bool {
	switch s.Kind {
	case Auto:
		return true
	case Device:
		path, err := filepath.EvalSymlinks(s.Arg)
		return s.Arg == n.Path || err == nil && path == n.Path
	case Named:
		return strings.Contains(strings.ToLower(n.Name), strings.ToLower(s.Arg))
	}
	return false
}

// String returns what ParseSpec takes.
func (s Spec) String() string {
	switch s.Kind {
	case Auto:
		return "auto"
	case Stdin:
		return "-"
	case Command:
		return commandPrefix + s.Arg
	}
	return s.Arg
}
