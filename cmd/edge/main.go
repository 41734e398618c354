// Command edge watches a camera, recognises what it sees with a quantized MobileNet, and switches LEDs.
//
// Each command has a file of its own. run.go puts together what loop.go walks through for every frame.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"edge/config"
	"edge/decision"
	"edge/internal/text"
	"edge/lights"
)

// command is one of the words that follow edge.
type command struct {
	name, usage, about string
	run                func(ctx context.Context, args []string, std streams) error
}

// streams are what a command reads from and writes to. What it writes is text without control characters, unless it asks
// for text.Raw: names in it come from files.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func commands() []command {
	return []command{
		{"run", "[FLAGS]", "watch a camera and switch LEDs", runRun},
		{"classify", "[FLAGS] FILE|DIR…", "say what is on pictures", runClassify},
		{"classes", "[--model M] [WORD]", "list or search the names of a network's classes", runClasses},
		{"invoke", "--model M --input IN --output OUT", "run a network on raw tensors", runInvoke},
		{"inspect", "FILE [--json]", "show a network's steps, memory and cost", runInspect},
		{"teach", "LESSON --out FILE [FLAGS] | add LESSON --class NAME [FLAGS]", "make a network for own classes from a folder of pictures", runTeach},
		{"quantize", "FLOAT --calibrate DIR --out FILE", "turn a float32 network into an int8 one", runQuantize},
		{"eval", "--images DIR [FLAGS]", "measure how often a network is right", runEval},
		{"model", "list | get NAME | verify FILE [FLAGS]", "list, download and check the official quantized MobileNets", runModel},
		{"budget", "[--fps N] [FLAGS]", "measure how fast this machine runs each MobileNet", runBudget},
		{"blueprint", "v1|v2|v3-large|v3-small|v3-…-minimalistic [FLAGS]", "show a MobileNet's layers, or write it with random weights", runBlueprint},
		{"bench", "--model M [FLAGS] | --report[=NAME]", "time a network, and each of its steps; or report what this board can do", runBench},
		{"cameras", "[--json]", "list the cameras, and why one can't be used", runCameras},
		{"doctor", "[--json]", "say what this machine has, and what is missing", runDoctor},
		{"check-config", "[FILE]", "check a configuration and say what it means", runCheckConfig},
		{"status", "[--watch] [--json]", "say what the service is doing now", runStatus},
		{"replay", "RECORDING [--config FILE] [--model FILE]", "run a recording again, with its own or other rules or another network", runReplay},
		{"record", "export RECORDING --out FOLDER", "take the pictures out of a recording, by class", runRecord},
		{"password", "", "hash a password for page: in the configuration", runPassword},
		{"off", "[--config FILE]", "switch the configured LEDs off", runOff},
		{"licences", "", "print the licences of all that is inside the program", runLicences},
		{"completion", "bash|zsh|fish", "print a script that lets a shell complete commands and flags", runCompletion},
		{"man", "", "write the manual page", runMan},
		{"version", "", "print the version", runVersion},
	}
}

// The exit statuses. 78 is EX_CONFIG of sysexits.h: a configuration that a restart won't mend.
const (
	statusFailed = 1
	statusConfig = 78
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	context.AfterFunc(ctx, stop) // a second signal ends a command that doesn't listen
	insist(ctx, os.Args[1:])
	status := Main(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(status)
}

// insist ends the process a while after a signal if its command doesn't: it may be waiting for a pipe at whose other end
// nobody reads or writes.
func insist(ctx context.Context, args []string) {
	patience := 2 * time.Second
	switch {
	case len(args) == 0 || args[0] == lights.KeeperCommand: // which outlives signals
		return
	case args[0] == "run": // which writes what it has recorded
		patience = 8 * time.Second
	}
	context.AfterFunc(ctx, func() { time.AfterFunc(patience, func() { os.Exit(statusFailed) }) })
}

// endSignals returns the signals that ask the process to end. One that was ignored at its start, as nohup does, stays
// ignored.
func endSignals() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}

// Main runs a command line (without the program's name) and returns the exit status: 0, 1 for a failure, 78 for a
// configuration or command line that a person must mend.
func Main(ctx context.Context, args []string, std streams) int {
	std.out, std.err = text.NewWriter(std.out), text.NewWriter(std.err)
	if len(args) == 0 {
		usage(std.err)
		return statusConfig
	}
	err := runCommand(ctx, args[0], args[1:], std)
	switch {
	case err == nil || errors.Is(err, pflag.ErrHelp):
		return 0
	case isConfigError(err):
		fmt.Fprintln(std.err, err)
		return statusConfig
	case errors.Is(err, errUnusable):
		return statusConfig
	case !errors.Is(err, errReported):
		fmt.Fprintln(std.err, "edge:", err)
	}
	return statusFailed
}

// runCommand runs the command of that name.
func runCommand(ctx context.Context, name string, args []string, std streams) error {
	switch name {
	case "help", "-h", "--help":
		if len(args) > 0 {
			return helpFor(ctx, args, std)
		}
		usage(std.out)
		return nil
	case "--version":
		name = "version"
	case lights.KeeperCommand: // started by edge run; not listed
		return lights.Keep(args, std.err)
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return unknownCommand(name)
	}
	return all[i].run(ctx, args, std)
}

// configError says that a configuration, or something else that a person named, can't be used.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }

// configErrorf makes a configError.
func configErrorf(format string, args ...any) error {
	return &configError{fmt.Sprintf(format, args...)}
}

// isConfigError reports whether a person must mend err; a restart may mend any other.
func isConfigError(err error) bool {
	var named *configError
	var file *config.Error
	return errors.As(err, &named) || errors.As(err, &file)
}

// errReported stands for a failure that the command has already printed, errUnusable for one that a person must mend.
var (
	errReported = errors.New("failed")
	errUnusable = errors.New("can't be used")
)

func usage(w io.Writer) {
	fmt.Fprint(w, "edge watches a camera, recognises what it sees with a quantized MobileNet, and switches LEDs.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  edge %-13s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nedge help COMMAND shows a command's flags.\n")
}

// newFlags makes a command's flag set. Flags are written with dashes; underscores will do too.
func newFlags(name string, std streams) *pflag.FlagSet {
	f := pflag.NewFlagSet(name, pflag.ContinueOnError)
	f.SortFlags = false
	f.SetOutput(std.out)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		name = strings.ReplaceAll(name, "_", "-")
		return pflag.NormalizedName(cmp.Or(otherNames[name], name))
	})
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	f.Usage = func() {
		showFlags(std, f, fmt.Sprintf("%s: %s", strings.TrimSpace("edge "+name+" "+all[i].usage), all[i].about))
	}
	return f
}

// showFlags writes a flag set's flags below a heading. The documentation gets the flags themselves.
func showFlags(std streams, f *pflag.FlagSet, heading string) {
	if list, ok := std.out.(*flagList); ok {
		f.VisitAll(func(f *pflag.Flag) { list.flags = append(list.flags, f) })
		return
	}
	fmt.Fprintf(std.out, "%s\n\n%s", heading, f.FlagUsages())
}

// otherNames are those that other programs have for our flags: TensorFlow Lite's benchmark_model and label_image, Coral's
// examples, rpicam-apps.
var otherNames = map[string]string{
	"graph": "model", "model-path": "model", "model-file": "model", "tflite-model": "model",
	"label": "labels", "label-file": "labels", "labels-file": "labels", "label-path": "labels",
	"num-threads": "threads", "num-runs": "runs", "warmup-runs": "warmup",
	"topk": "top-k", "num-results": "top-k", "max-results": "top-k",
	"camera-id": "camera", "camera-idx": "camera", "rotation": "rotate", "framerate": "fps", "video-size": "size",
}

// meantBy are our flags for what other programs name by flags that only some of our commands lack, or that want another
// value here: they are suggested, not taken.
var meantBy = map[string]string{
	"o": "out", "output": "out", "output-file": "out",
	"k": "top-k", "n": "top-k", "c": "top-k", "top": "top-k", "count": "top-k",
	"mean": "normalize", "std": "normalize", "input-mean": "normalize", "input-std": "normalize",
	"i": "camera", "input": "camera", "source": "camera", "device": "camera", "video": "camera", "video-device": "camera",
	"width": "size", "height": "size", "resolution": "size", "config-file": "config",
	"images": "calibrate", "data": "calibrate", "dataset": "calibrate", "representative-dataset": "calibrate",
}

// takesFiles are the names that others have for the file that our command takes without a flag.
var takesFiles = map[string][]string{
	"check-config": {"c", "config", "config-file", "f", "file"},
	"classify":     {"i", "image", "images", "image-file", "input"},
	"inspect":      {"m", "model"},
	"quantize":     {"m", "model", "i", "input"},
}

// withDashes lets -model do for --model: one dash and a flag's whole name.
func withDashes(f *pflag.FlagSet, args []string) []string {
	args = slices.Clone(args)
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && strings.HasPrefix(arg, "-") && name[0] != '-' && f.Lookup(name) != nil {
			args[i] = "-" + arg
		}
	}
	return args
}

// parse reads a command line. A wrong flag is a configuration error: a restart won't mend it.
func parse(f *pflag.FlagSet, args []string) error {
	err := f.Parse(withDashes(f, args))
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
		var names []string
		f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		name := string(f.GetNormalizeFunc()(f, unknown.GetSpecifiedName()))
		if slices.Contains(takesFiles[f.Name()], name) {
			return configErrorf("edge %s: %v: name the file without a flag (--help shows the flags)", f.Name(), err)
		}
		if meant := meantBy[name]; f.Lookup(meant) != nil {
			return configErrorf("edge %s: %v: did you mean --%s? (--help shows the flags)", f.Name(), err, meant)
		}
		for _, near := range decision.Nearest(name, names) {
			return configErrorf("edge %s: %v: did you mean --%s? (--help shows the flags)", f.Name(), err, near)
		}
	}
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		return configErrorf("edge %s: %v (--help shows the flags)", f.Name(), err)
	}
	return err
}

// parseFlags is parse for a command that takes nothing but flags.
func parseFlags(f *pflag.FlagSet, args []string) error {
	err := parse(f, args)
	if err == nil && f.NArg() > 0 {
		return configErrorf("edge %s: unexpected %q (--help shows the flags)", f.Name(), f.Arg(0))
	}
	return err
}
