// Package classifier is a network with its two ends and a name: pictures go in, the scores of classes come out.
//
//	frame ──Fitter──▶ input tensor ──engine.Net──▶ output tensor ──decision.Scorer──▶ scores, one a class
//	        crop, resize, colour,                  one byte a class
//	        normalize, quantize
//
// Open does all that can fail: it reads the model file, checks it, packs its weights, finds out what it expects of pixels
// (see Pixels) and what its output means (see valuesOf), and gives its classes their names. Fit and Classify
// then allocate nothing.
//
// A model that isn't for pictures, or whose tensors a program wants raw, is read by ReadModel and compiled by
// Options.Compile instead.
package classifier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"runtime"
	"strings"

	"edge/catalogue"
	"edge/decision"
	"edge/defaultmodel"
	"edge/engine"
	"edge/frame"
	"edge/internal/files"
	"edge/kernels"
	"edge/model"
)

// Options choose a network, say how it is run, and how a picture becomes its input. The zero value is the embedded
// network with the fastest kernels.
type Options struct {
	Model   string // a quantized .tflite file; empty means the embedded network
	Labels  string // a file with the names of the classes; empty means those inside the model
	Kernels string // the name of a kernel set; empty means the fastest
	Threads int    // of one inference; 0 means one for each core, at most 4
	Fit     frame.Options

	// How pixels are normalized; nil means as the model says, or else as its input's quantization implies.
	Normalize *model.Normalization

	Donor engine.Donor // whose packed layers are taken over; the zero value for none
}

// Name is what people call the network: its file, or the name of the embedded one.
func (o Options) Name() string {
	if o.Model == "" {
		return defaultmodel.Name
	}
	return o.Model
}

// Classifier is a network that classifies pictures. Only one goroutine at a time may use it.
type Classifier struct {
	Net      *engine.Net
	Pixels   Pixels           // how pixels become the input's real numbers
	Input    frame.TensorSpec // what the network's input expects
	Output   decision.Output  // what the bytes of the network's output mean, and the names of the classes
	name     string
	fitter   *frame.Fitter
	scorer   *decision.Scorer
	familiar *familiarity // nil for a network that edge teach didn't make
}

// Open reads, checks and compiles a network that classifies pictures. Each of its errors is about what Options name, so
// that trying again doesn't help.
func Open(o Options) (*Classifier, error) {
	g, err := ReadModel(o.Model)
	if err != nil {
		return nil, err
	}
	return New(g, o)
}

// New is Open for a network that was read already, or made; o.Model is its name. It may change g.
func New(g *model.Graph, o Options) (*Classifier, error) {
	if len(g.Labels) == 0 {
		g.Labels = catalogue.Labels(o.Model, g)
	}
	UseQuantizedEnds(g)
	net, err := o.Compile(g)
	if err != nil {
		return nil, err
	}
	c, err := withEnds(net, g, o)
	if err != nil {
		net.Close()
	}
	return c, err
}

// withEnds is a compiled network with what makes its input, and what reads its output.
func withEnds(net *engine.Net, g *model.Graph, o Options) (*Classifier, error) {
	in, out := net.Inputs(), net.Outputs()[0]
	if len(in) != 1 || len(in[0].Shape) != 4 || in[0].Shape[0] != 1 ||
		in[0].Type == model.Float32 || out.Type == model.Float32 {
		return nil, fmt.Errorf("%s: this network doesn't take one quantized picture and give quantized classes: "+
			"edge invoke runs it on raw tensors", o.Name())
	}
	pixels := PixelsOf(in[0], g.Normalization, o.Normalize)
	input := InputSpec(in[0], pixels)
	fitter, err := frame.NewFitter(input, o.Fit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name(), err)
	}
	classes := model.Elements(out.Shape)
	labels, err := Labels(o.Labels, g.Labels, classes)
	if err != nil {
		return nil, err
	}
	output := decision.Output{
		Classes: classes, Labels: labels,
		Signed: out.Type == model.Int8, Scale: out.Quant.Scale, ZeroPoint: out.Quant.ZeroPoint,
		Groups: catalogue.Groups(labels),
	}
	least, most := output.Range()
	output.Values = valuesOf(g, least, most)
	if _, ok := lastOp(g).(model.Softmax); ok && classes == 1 && g.Lesson == nil {
		return nil, fmt.Errorf("%s: a softmax over one class: its score is always 100 %%; end the network in a sigmoid, or in two "+
			"classes", o.Name())
	}
	familiar, err := newFamiliarity(net, g, &output)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name(), err)
	}
	scorer, err := decision.NewScorer(output)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name(), err)
	}
	return &Classifier{net, pixels, input, output, o.Name(), fitter, scorer, familiar}, nil
}

// Name is what people call the network: its file, or the name of the embedded one.
func (c *Classifier) Name() string { return c.name }

// Fit turns a frame into the network's input. It fails with frame.ErrDamaged, or if the region of interest reaches outside
// the frame.
func (c *Classifier) Fit(f frame.Frame) error { return c.fitter.Fit(c.Net.Input(), f) }

// SetFitter changes how a picture becomes the network's input. The fitter must come from frame.NewFitter(c.Input, …).
func (c *Classifier) SetFitter(f *frame.Fitter) { c.fitter = f }

// Run computes the scores of what was fitted, as bytes that Output describes: one a class. They are good until the next
// call. Those of a taught network say none if the picture shows nothing that was taught.
func (c *Classifier) Run() []byte {
	c.Net.Run()
	if c.familiar != nil {
		return c.familiar.judge()
	}
	return c.Net.Output()
}

// Classify returns the score of every class for a frame. The slice is good until the next call. Errors are those of Fit.
func (c *Classifier) Classify(f frame.Frame) ([]float32, error) {
	if err := c.Fit(f); err != nil {
		return nil, err
	}
	return c.scorer.Scores(c.Run()), nil
}

// ClassifyFile classifies a picture file as Classify does a frame. Errors name the file.
func (c *Classifier) ClassifyFile(ctx context.Context, name string) ([]float32, error) {
	f, err := frame.ReadFile(ctx, name)
	if err != nil {
		return nil, err
	}
	scores, err := c.Classify(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return scores, nil
}

// Close ends the network's threads. The network must not be run again.
func (c *Classifier) Close() { c.Net.Close() }

// MaxModelFile is far above any MobileNet, in bytes: the largest quantized one has 7 MB, in float32 28 MB.
const MaxModelFile = 256 << 20

// ReadModel reads a .tflite file, or the embedded network if there is no name. The graph is sound (model.Check).
func ReadModel(file string) (*model.Graph, error) {
	if file == "" {
		return model.ReadTFLite(defaultmodel.TFLite)
	}
	data, err := files.Read(file, MaxModelFile)
	if err != nil {
		if what := foreignFolder(file); what != "" {
			return nil, fmt.Errorf("model: %s: %s", file, what)
		}
		return nil, fmt.Errorf("model: %w", err)
	}
	g, err := model.ReadTFLite(data)
	if err != nil {
		isTFLite := len(data) >= 8 && string(data[4:8]) == "TFL3"
		if what := foreign(file, data); what != "" && !isTFLite {
			return nil, fmt.Errorf("%s: no .tflite file, but %s", file, what)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return g, nil
}

// Sum returns the SHA-256 of a model file, or of the embedded network if there is no name, as hexadecimal digits.
func Sum(file string) (string, error) {
	sum := sha256.New()
	if file == "" {
		sum.Write(defaultmodel.TFLite)
	} else if err := addFile(sum, file); err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func addFile(sum hash.Hash, name string) error {
	f, err := files.Open(name, MaxModelFile)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(sum, f)
	return err
}

const maxThreads = 64

// Compile makes a graph ready to run, with the kernels and threads of o; errors bear its name. Weights are copied, so the
// graph and the file's bytes may go.
func (o Options) Compile(g *model.Graph) (*engine.Net, error) {
	if o.Threads < 0 || o.Threads > maxThreads {
		return nil, fmt.Errorf("%d threads: 1 to %d will do", o.Threads, maxThreads)
	}
	how := engine.Options{Threads: o.ThreadCount(), Donor: o.Donor}
	if o.Kernels != "" {
		if how.Kernels = kernels.ByName(o.Kernels); how.Kernels == nil {
			return nil, fmt.Errorf("kernel set %q: this machine has %s", o.Kernels, KernelNames())
		}
	}
	net, err := engine.Compile(g, how)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Name(), err)
	}
	return net, nil
}

// ThreadCount returns how many threads an inference has. More than four don't make networks this small any faster.
func (o Options) ThreadCount() int {
	if o.Threads == 0 {
		return min(runtime.NumCPU(), 4)
	}
	return o.Threads
}

// KernelNames lists the kernel sets that this machine can run, for people.
func KernelNames() string {
	var names []string
	for _, s := range kernels.Available() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}
