package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"edge/download"
	"edge/internal/files"
	"edge/mobilenet"
	"edge/model"
)

// maxFile is far above any network, in bytes.
const maxFile = 256 << 20

// Listed is a network of the catalogue, and the state of its file in a folder.
type Listed struct {
	Name       string           `json:"name"`
	Family     mobilenet.Family `json:"family"`
	Alpha      float64          `json:"alpha"`
	Resolution int              `json:"resolution"`
	Size       int64            `json:"size"` // bytes of the file; without a pin, of its weights and biases
	SHA256     string           `json:"sha256,omitempty"`
	MACs       int              `json:"macs"`
	Parameters int              `json:"parameters"`
	Top1       float64          `json:"top1"` // per cent, of the quantized network, as published
	Top5       float64          `json:"top5"`
	Source     string           `json:"source"` // of the accuracies
	Archive    string           `json:"archive"`
	State      FileState        `json:"state"`
}

// FileState says whether a file is there and has the bytes that it is pinned to.
type FileState string

// The states of a file.
const (
	Absent    FileState = "absent"
	Verified  FileState = "verified"
	Different FileState = "different" // it isn't the pinned file
	Unpinned  FileState = "unpinned"  // nothing is known to compare it with
)

// List returns the catalogue, and which of its networks are in a folder.
func List(dir string) ([]Listed, error) {
	p, err := readPins(dir)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, n := range All() {
		l, err := p.list(n, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (p *pins) list(n Network, dir string) (l Listed, err error) {
	b, err := n.Blueprint()
	if err != nil {
		return l, err
	}
	cost, accuracy := b.Cost(), n.Accuracy()
	pin, _, ok := p.of(n)
	if !ok {
		pin.Size = n.WeightBytes()
	}
	l = Listed{
		n.Name, n.Family, n.Alpha, n.Resolution, pin.Size, pin.SHA256, cost.MACs, cost.Parameters,
		accuracy.Quantized1, accuracy.Quantized5, accuracy.QuantizedSource, n.Archive, Unpinned,
	}
	data, err := files.Read(filepath.Join(dir, n.File()), maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.State = Absent
	case err != nil:
		return l, err
	case ok && download.PinOf(n.File(), data) == pin:
		l.State = Verified
	case ok:
		l.State = Different
	}
	return l, nil
}

// Known is a file that is, byte for byte, a known network.
type Known struct {
	Network
	Pin  download.Pin // of its bytes
	From string       // who knows them: edge, or a lock file
}

// Verify finds out which network of the catalogue a file is. It fails unless it is one of them byte for byte, under a
// name of its own or under the network's; the error says what the file is instead.
func Verify(file string) (Known, error) {
	data, err := files.Read(file, maxFile)
	if err != nil {
		return Known{}, err
	}
	p, err := readPins(filepath.Dir(file))
	if err != nil {
		return Known{}, err
	}
	content := download.PinOf(filepath.Base(file), data)
	n, from, known := p.withContent(content)
	byName, named := OfFile(file)
	switch {
	case known && (!named || byName.Name == n.Name):
		return Known{n, content, from}, nil
	case known:
		return Known{}, fmt.Errorf("%s: the name is wrong: it is %s (SHA-256 %s)", file, n.Name, content.SHA256)
	case !named:
		return Known{}, fmt.Errorf("%s: %s; SHA-256 %s is none of the catalogue's", file, describe(data, nil), content.SHA256)
	}
	if pin, from, ok := p.of(byName); ok {
		return Known{}, mismatch(file, content, pin, from)
	}
	return Known{}, fmt.Errorf("%s: %s; not verified, since nobody has pinned its SHA-256 yet: edge model get %s compares it "+
		"with the server's and pins it (it is %s)", file, describe(data, &byName), byName.Name, content.SHA256)
}

// describe says what a file of unknown origin is: whether it is a network, and the one that its name says.
func describe(data []byte, named *Network) string {
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
	shape := func(t *model.Tensor) string { // as 1×96×96×3
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", "×")
	}
	return fmt.Sprintf("a sound network, %v %s to %v %s", in.Type, shape(in), out.Type, shape(out))
}
