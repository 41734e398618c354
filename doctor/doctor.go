// Package doctor says what this machine has, and what `edge run` lacks here, each with its remedy.
//
// Examine looks at everything once, in the order in which a picture passes through it: board, memory, heat and power,
// configuration, camera, network, LEDs, groups, service. It only looks: it takes no line and opens no camera, so that it
// may be asked while the service runs.
package doctor

import (
	"slices"

	"edge/board"
	"edge/classifier"
	"edge/config"
	"edge/kernels"
)

// Finding is one line of the doctor's report.
type Finding struct {
	Check string `json:"check"` // what was looked at: "camera"
	State State  `json:"state"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// State is how a check went.
type State string

// The states.
const (
	Good    State = "ok"
	Warning State = "warning" // works, but not as well as it could
	Missing State = "missing" // `edge run` fails, or its LEDs stay dark
)

func fine(check, text string) Finding      { return Finding{check, Good, text, ""} }
func warn(check, text, fix string) Finding { return Finding{check, Warning, text, fix} }
func fail(check, text, fix string) Finding { return Finding{check, Missing, text, fix} }

// Healthy says whether nothing is missing.
func Healthy(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.State == Missing })
}

// Examine looks at everything once, in the order in which a picture passes through it. open opens the network of a
// configuration, as edge run does.
func Examine(configFile string, open func(*config.Config) (*classifier.Classifier, error)) []Finding {
	root := board.Host()
	machine, health := board.Detect(root), board.ReadHealth(root)
	settings, err := config.Load(configFile)

	findings := []Finding{
		checkBoard(machine),
		checkProcessor(machine, board.Features(), kernels.Available()),
		checkMemory(machine, health),
	}
	findings = append(findings, checkHealth(health)...)
	findings = append(findings, checkConfig(configFile, err))
	if settings == nil {
		settings = config.Default()
	}
	findings = append(findings, checkCamera(settings.Camera)...)
	findings = append(findings, checkNetwork(settings, open))
	findings = append(findings, checkLEDs(machine, settings)...)
	findings = append(findings, checkGroups(currentUser())...)
	return append(findings, checkService(showService()))
}
