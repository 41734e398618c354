package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"edge/decision"
	"edge/defaultmodel"
	"edge/engine"
	"edge/frame"
	"edge/internal/files"
	"edge/kernels"
	"edge/model"
)

// networkFlags choose a network and how it is run.
type networkFlags struct {
	model, labels, kernels string
	threads                int
}

func (n *networkFlags) add(f *pflag.FlagSet) {
	f.StringVar(&n.model, "model", n.model, "the network, a quantized .tflite `FILE` (default: the embedded "+defaultmodel.Name+")")
	n.addEngine(f)
	f.StringVar(&n.labels, "labels", n.labels, "names of the classes, a `FILE` with one a line (default: those in the model)")
}

func (n *networkFlags) addEngine(f *pflag.FlagSet) {
	f.IntVar(&n.threads, "threads", n.threads, "threads of one inference (default: one for each core, at most 4)")
	f.StringVar(&n.kernels, "kernels", n.kernels, "kernel set: "+kernelNames()+" (default: the fastest)")
}

// fitFlags say how a picture becomes the network's input.
func fitFlags(f *pflag.FlagSet, o *frame.Options) {
	f.Var(&flagValue[frame.FitMode]{&o.Fit, frame.ParseFit, "MODE"}, "fit", "crop, stretch or letterbox a picture to the network's shape")
	f.Var(&flagValue[frame.ROI]{&o.ROI, frame.ParseROI, "X,Y,W,H"}, "roi", "look at this region only, in pixels or fractions")
	f.Var(&flagValue[int]{&o.Rotate, parseRotation, "DEGREES"}, "rotate", "rotate by 90, 180 or 270 degrees clockwise")
	f.BoolVar(&o.Mirror, "mirror", o.Mirror, "exchange left and right")
}

// flagValue makes a flag of any type that has a parser.
type flagValue[T any] struct {
	to    *T
	parse func(string) (T, error)
	kind  string
}

func (v *flagValue[T]) String() string { return fmt.Sprint(*v.to) }
func (v *flagValue[T]) Type() string   { return v.kind }
func (v *flagValue[T]) Set(s string) (err error) {
	*v.to, err = v.parse(s)
	return err
}

// network is a compiled model, with what is needed to show it pictures and to understand its answers.
type network struct {
	*engine.Net
	fit    *frame.Fitter
	output decision.Output
	scorer *decision.Scorer
}

// openNetwork reads, compiles and checks a model that classifies pictures. Its errors are of type *configError.
func (n *networkFlags) openNetwork(o frame.Options) (*network, error) {
	g, err := readModel(n.model)
	if err != nil {
		return nil, err
	}
	if len(g.Labels) == 0 {
		g.Labels = hostedLabels(n.model, g)
	}
	useQuantizedEnds(g)
	net, err := n.compile(g)
	if err != nil {
		return nil, err
	}
	opened, err := n.forPictures(g, net, o)
	if err != nil {
		net.Close()
	}
	return opened, err
}

// forPictures is the network with its two ends: pictures go in, the scores of classes come out.
func (n *networkFlags) forPictures(g *model.Graph, net *engine.Net, o frame.Options) (*network, error) {
	in, out := net.Inputs(), net.Outputs()[0]
	if len(in) != 1 || len(in[0].Shape) != 4 || in[0].Shape[0] != 1 ||
		in[0].Type == model.Float32 || out.Type == model.Float32 {
		return nil, configErrorf("%s: this network doesn't take one quantized picture and give quantized classes: "+
			"edge invoke runs it on raw tensors", n.model)
	}
	fit, err := frame.NewFitter(tensorSpec(in[0], g.Normalization), o)
	if err != nil {
		return nil, configErrorf("%s: %v", n.model, err)
	}
	classes := model.Elements(out.Shape)
	labels, err := labelsFor(n.labels, g.Labels, classes)
	if err != nil {
		return nil, err
	}
	output := decision.Output{
		Classes: classes, Labels: labels,
		Signed: out.Type == model.Int8, Scale: out.Quant.Scale, ZeroPoint: out.Quant.ZeroPoint,
		Softmax: !endsInProbabilities(g),
	}
	scorer, err := decision.NewScorer(output)
	if err != nil {
		return nil, configErrorf("%s: %v", n.model, err)
	}
	return &network{net, fit, output, scorer}, nil
}

// maxModelFile is far above any MobileNet: the largest quantized one has 7 MB, in float32 28 MB.
const maxModelFile = 256 << 20

// readModel reads a model file, or the embedded network where there is no name. That a file can't be read is a mistake in
// the configuration.
func readModel(name string) (*model.Graph, error) {
	if name == "" {
		return model.ReadTFLite(defaultmodel.TFLite)
	}
	data, err := files.Read(name, maxModelFile)
	if err != nil {
		return nil, configErrorf("model: %v", err)
	}
	g, err := model.ReadTFLite(data)
	if err != nil {
		return nil, configErrorf("%s: %v", name, err)
	}
	return g, nil
}

// load reads and compiles a model that is run on raw tensors. Its errors are of type *configError.
func (n *networkFlags) load() (*engine.Net, error) {
	g, err := readModel(n.model)
	if err != nil {
		return nil, err
	}
	return n.compile(g)
}

// compile makes a network ready to run. Weights are copied, so the file's own bytes are garbage afterwards.
func (n *networkFlags) compile(g *model.Graph) (*engine.Net, error) {
	if n.threads < 0 || n.threads > maxThreads {
		return nil, configErrorf("%d threads: 1 to %d will do", n.threads, maxThreads)
	}
	o := engine.Options{Threads: n.threadCount()}
	if n.kernels != "" {
		if o.Kernels = kernels.ByName(n.kernels); o.Kernels == nil {
			return nil, configErrorf("kernel set %q: this machine has %s", n.kernels, kernelNames())
		}
	}
	net, err := engine.Compile(g, o)
	if err != nil {
		return nil, configErrorf("%s: %v", n.model, err)
	}
	return net, nil
}

const maxThreads = 64

// threadCount is how many threads an inference has. More than four don't make one so small any faster.
func (n *networkFlags) threadCount() int {
	if n.threads == 0 {
		return min(runtime.NumCPU(), 4)
	}
	return n.threads
}

func kernelNames() string {
	var names []string
	for _, s := range kernels.Available() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// useQuantizedEnds takes a conversion from float32 at the network's start and to float32 at its end away: pictures are
// bytes, and the scores are made from the quantized output.
func useQuantizedEnds(g *model.Graph) {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n model.Node) bool {
		switch n.Op.(type) {
		case model.Quantize:
			if len(g.Inputs) == 1 && n.Inputs[0] == g.Inputs[0] && g.Tensors[n.Inputs[0]].Type == model.Float32 {
				g.Inputs[0] = n.Outputs[0]
				return true
			}
		case model.Dequantize:
			if n.Outputs[0] == g.Outputs[0] {
				g.Outputs[0] = n.Inputs[0]
				return true
			}
		}
		return false
	})
}

// tensorSpec is what the network expects of a picture. A model that doesn't say how it wants pixels normalized takes
// them as they are: as bytes, or as bytes less 128.
func tensorSpec(in engine.Tensor, n *model.Normalization) frame.TensorSpec {
	s := frame.TensorSpec{
		Height: in.Shape[1], Width: in.Shape[2], Channels: in.Shape[3],
		Signed: in.Type == model.Int8, Quant: in.Quant,
	}
	if n != nil {
		s.Mean, s.Std = n.Mean, n.Std
		return s
	}
	zero := in.Quant.ZeroPoint
	if s.Signed {
		zero += 128
	}
	for i := range s.Mean {
		s.Mean[i], s.Std[i] = float32(zero), 1/in.Quant.Scale
	}
	return s
}

// endsInProbabilities tells whether the network's own last word is a softmax or a logistic function.
func endsInProbabilities(g *model.Graph) bool {
	last := g.Outputs[0]
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := &g.Nodes[i]
		if n.Outputs[0] != last {
			continue
		}
		switch n.Op.(type) {
		case model.Softmax, model.Logistic:
			return true
		case model.Quantize, model.Dequantize, model.Reshape, model.Squeeze:
			last = n.Inputs[0]
		default:
			return false
		}
	}
	return false
}
