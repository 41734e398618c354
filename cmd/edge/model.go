package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"edge/classifier"
	"edge/download"
	"edge/internal/files"
	"edge/mobilenet"
	"edge/model"
)

// runModel knows the officially hosted networks: list shows them, get downloads one, verify checks a file.
func runModel(ctx context.Context, args []string, std streams) error {
	f := newFlags("model", std)
	dir := f.String("dir", ".", "list, get: the folder of the models")
	mirror := f.String("mirror", "", "get: fetch from this `URL` of a folder with the same archives; it may be plain http\n"+
		"if the network's SHA-256 is known")
	asJSON := f.Bool("json", false, "list: print JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	verb, rest := f.Arg(0), f.Args()[min(1, f.NArg()):]
	for flag, verbs := range map[string][]string{"dir": {"list", "get"}, "mirror": {"get"}, "json": {"list"}} {
		if f.Changed(flag) && !slices.Contains(verbs, verb) {
			return configErrorf("edge model %s: --%s is for %s alone", verb, flag, strings.Join(verbs, " and "))
		}
	}
	switch {
	case verb == "list" && len(rest) == 0:
		return listModels(*dir, *asJSON, std.out)
	case verb == "get" && len(rest) == 1:
		g, err := newGetter(rest[0], *dir, *mirror, std)
		if err != nil {
			return err
		}
		return g.get(ctx)
	case verb == "verify" && len(rest) == 1:
		return verifyModel(rest[0], std.out)
	}
	return configErrorf("edge model: list, get NAME, or verify FILE (--help shows the flags)")
}

// lockFile is beside the models and pins those whose SHA-256 edge doesn't know.
const lockFile = "edge-models.lock"

// maxLockFile is far above a thousand lines.
const maxLockFile = 1 << 20

// pins are which bytes the catalogue's files must have: those that edge knows and those that a folder's lock file has.
type pins struct {
	file    string // the lock file
	learned []download.Pin
}

// readPins reads a folder's lock file, if there is one.
func readPins(dir string) (*pins, error) {
	p := &pins{file: filepath.Join(dir, lockFile)}
	data, err := files.Read(p.file, maxLockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		p.learned, err = download.ParsePins(p.file, data)
	}
	if err != nil {
		return nil, err
	}
	for _, pin := range p.learned {
		h, ok := mobilenet.HostedNamed(strings.TrimSuffix(pin.Name, ".tflite"))
		if ok && h.SHA256 != "" && pin != pinned(h) {
			return nil, fmt.Errorf("%s: %s is pinned as %s, but edge knows it as %s: remove the line",
				p.file, pin.Name, pin.SHA256, h.SHA256)
		}
	}
	return p, nil
}

// pinned is what edge itself knows of a network.
func pinned(h mobilenet.Hosted) download.Pin {
	return download.Pin{Name: h.File(), Size: h.Size, SHA256: h.SHA256}
}

// of returns the pin of a network, and who says so.
func (p *pins) of(h mobilenet.Hosted) (pin download.Pin, from string, ok bool) {
	if h.SHA256 != "" {
		return pinned(h), "edge", true
	}
	i := slices.IndexFunc(p.learned, func(pin download.Pin) bool { return pin.Name == h.File() })
	if i < 0 {
		return download.Pin{}, "", false
	}
	return p.learned[i], p.file, true
}

// withContent finds the network that has these bytes.
func (p *pins) withContent(content download.Pin) (h mobilenet.Hosted, from string, ok bool) {
	for _, h := range mobilenet.AllHosted() {
		if pin, from, ok := p.of(h); ok && pin.SHA256 == content.SHA256 {
			return h, from, true
		}
	}
	return mobilenet.Hosted{}, "", false
}

// listed is a network that edge model list --json prints.
type listed struct {
	Name       string           `json:"name"`
	Family     mobilenet.Family `json:"family"`
	Alpha      float64          `json:"alpha"`
	Resolution int              `json:"resolution"`
	Size       int64            `json:"size"` // bytes of the file; without a pin what its weights and biases take
	SHA256     string           `json:"sha256,omitempty"`
	MACs       int              `json:"macs"`
	Parameters int              `json:"parameters"`
	Top1       float64          `json:"top1"` // per cent, of the quantized network, as published
	Top5       float64          `json:"top5"`
	Source     string           `json:"source"` // of the accuracies
	Archive    string           `json:"archive"`
	State      fileState        `json:"state"`
}

// fileState is how a file stands to its pin.
type fileState string

const (
	absent    fileState = "absent"
	verified  fileState = "verified"
	different fileState = "different" // it isn't the pinned file
	unpinned  fileState = "unpinned"  // nothing is known to compare it with
)

// listModels shows the catalogue, and which of it is in a folder.
func listModels(dir string, asJSON bool, out io.Writer) error {
	p, err := readPins(dir)
	if err != nil {
		return err
	}
	var all []listed
	for _, h := range mobilenet.AllHosted() {
		l, err := p.list(h, dir)
		if err != nil {
			return err
		}
		all = append(all, l)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(all)
	}
	return printModels(out, all)
}

func (p *pins) list(h mobilenet.Hosted, dir string) (l listed, err error) {
	b, err := h.Blueprint()
	if err != nil {
		return l, err
	}
	cost, accuracy := b.Cost(), h.Accuracy()
	pin, _, ok := p.of(h)
	if !ok {
		pin.Size = h.WeightBytes()
	}
	l = listed{
		h.Name, h.Family, h.Alpha, h.Resolution, pin.Size, pin.SHA256, cost.MACs, cost.Parameters,
		accuracy.Quantized1, accuracy.Quantized5, accuracy.QuantizedSource, h.Archive, unpinned,
	}
	data, err := files.Read(filepath.Join(dir, h.File()), classifier.MaxModelFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.State = absent
	case err != nil:
		return l, err
	case ok && download.PinOf(h.File(), data) == pin:
		l.State = verified
	case ok:
		l.State = different
	}
	return l, nil
}

func printModels(out io.Writer, all []listed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "α\tpixels\tMB\tMMACs\ttop-1 %\ttop-5 %\t  name")
	for _, l := range all {
		state := map[fileState]string{
			verified: ", here, verified", different: ", here, but DIFFERENT from its pin", unpinned: ", here, not verified",
		}[l.State]
		size := fmt.Sprintf("%.1f", float64(l.Size)/1e6)
		if l.SHA256 == "" {
			size = "~" + size
		}
		fmt.Fprintf(w, "%.2f\t%d\t%s\t%.1f\t%.1f\t%.1f\t  %s%s\n", l.Alpha, l.Resolution, size,
			float64(l.MACs)/1e6, l.Top1, l.Top5, l.Name, state)
	}
	fmt.Fprintln(w, "\nFor ImageNet, in 8 bits; accuracy as published. edge model get NAME downloads one.")
	return w.Flush()
}

// verifyModel says what a file is. It fails unless the file is, byte for byte, a network that is known.
func verifyModel(name string, out io.Writer) error {
	data, err := files.Read(name, classifier.MaxModelFile)
	if err != nil {
		return err
	}
	p, err := readPins(filepath.Dir(name))
	if err != nil {
		return err
	}
	content := download.PinOf(filepath.Base(name), data)
	h, from, known := p.withContent(content)
	byName, named := hostedAt(name)
	switch {
	case known && (!named || byName.Name == h.Name):
		_, err := fmt.Fprintf(out, "%s: verified, it is %s: %s bytes, SHA-256 %s, as %s knows it\n",
			name, h.Name, grouped(len(data)), content.SHA256, from)
		return err
	case known:
		return fmt.Errorf("%s: the name is wrong: it is %s (SHA-256 %s)", name, h.Name, content.SHA256)
	case !named:
		return fmt.Errorf("%s: %s; SHA-256 %s is none of the catalogue's", name, describeModel(data, nil), content.SHA256)
	}
	if pin, from, ok := p.of(byName); ok {
		return mismatch(name, content, pin, from)
	}
	return fmt.Errorf("%s: %s; not verified, since nobody has pinned its SHA-256 yet: edge model get %s compares it with "+
		"the server's and pins it (it is %s)", name, describeModel(data, &byName), byName.Name, content.SHA256)
}

// mismatch is the error for a file that isn't what it is pinned as.
func mismatch(file string, got, want download.Pin, from string) error {
	return fmt.Errorf("%s isn't what %s knows: it has %d bytes with SHA-256 %s, expected are %d with %s",
		file, from, got.Size, got.SHA256, want.Size, want.SHA256)
}

// hostedAt returns the network that a file's name says it is.
func hostedAt(file string) (mobilenet.Hosted, bool) {
	return mobilenet.HostedNamed(strings.TrimSuffix(filepath.Base(file), ".tflite"))
}

// describeModel says what a file of unknown origin is: whether it is a network, and the one that its name says.
func describeModel(data []byte, named *mobilenet.Hosted) string {
	g, err := model.ReadTFLite(data)
	if err != nil {
		return err.Error()
	}
	if named != nil {
		if err := named.Check(g); err != nil {
			return err.Error()
		}
		return "a sound network, of " + named.Name + "'s form"
	}
	in, out := &g.Tensors[g.Inputs[0]], &g.Tensors[g.Outputs[0]]
	return fmt.Sprintf("a sound network, %v %s to %v %s", in.Type, dims(in.Shape), out.Type, dims(out.Shape))
}
