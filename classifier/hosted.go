package classifier

import (
	"path/filepath"
	"strings"

	"edge/decision"
	"edge/defaultmodel"
	"edge/mobilenet"
	"edge/model"
)

// hostedLabels are the names of a network's classes if its file is named as, and has the form of, a hosted one; these
// have no labels inside, but are known to be for a background and then ImageNet's classes, as the embedded network.
func hostedLabels(file string, g *model.Graph) []string {
	h, ok := mobilenet.HostedNamed(strings.TrimSuffix(filepath.Base(file), ".tflite"))
	if !ok || h.Check(g) != nil {
		return nil
	}
	embedded, err := model.ReadTFLite(defaultmodel.TFLite)
	if err != nil {
		return nil // a test proves that it can be read
	}
	return append([]string{decision.Background}, embedded.Labels...)
}
