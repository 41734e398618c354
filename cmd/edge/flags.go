package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"edge/classifier"
	"edge/config"
	"edge/defaultmodel"
	"edge/engine"
	"edge/frame"
	"edge/model"
)

// networkFlags choose a network and how it is run.
type networkFlags struct{ classifier.Options }

func (n *networkFlags) add(f *pflag.FlagSet) {
	n.addModel(f)
	n.addEngine(f)
	n.addLabels(f)
}

func (n *networkFlags) addLabels(f *pflag.FlagSet) {
	f.StringVarP(&n.Labels, "labels", "l", n.Labels, "names of the classes, a `FILE` with one a line (default: those in the model)")
}

func (n *networkFlags) addModel(f *pflag.FlagSet) {
	f.StringVarP(&n.Model, "model", "m", n.Model, "the network, a quantized .tflite `FILE` (default: the embedded "+defaultmodel.Name+")")
}

func (n *networkFlags) addEngine(f *pflag.FlagSet) {
	threads := "threads of one inference"
	if n.Threads == 0 { // else pflag names the default
		threads += " (default: one for each core, at most 4)"
	}
	f.IntVarP(&n.Threads, "threads", "t", n.Threads, threads)
	f.StringVar(&n.Kernels, "kernels", n.Kernels, "kernel set: "+classifier.KernelNames()+" (default: the fastest)")
}

// networkOf returns what a configuration says of the network.
func networkOf(c *config.Config) networkFlags {
	return networkFlags{classifier.Options{Model: c.Model, Labels: c.Labels, Kernels: c.Kernels, Threads: c.Threads, Fit: c.Fit, Normalize: c.Normalize}}
}

// addFit adds the flags that say how a picture becomes the network's input.
func (n *networkFlags) addFit(f *pflag.FlagSet) {
	fitFlags(f, &n.Fit)
	f.Func("normalize", "`HOW` a pixel p becomes what the network expects (default: as the model says, or as its input's range tells):\n"+
		model.NormalizationHelp, func(s string) error {
		normalize, err := model.ParseNormalization(s)
		n.Normalize = &normalize
		return err
	})
}

// fitFlags say how a picture becomes the network's input.
func fitFlags(f *pflag.FlagSet, o *frame.Options) {
	f.Var(&flagValue[frame.FitMode]{&o.Fit, frame.ParseFit, "MODE"}, "fit", "crop, stretch or letterbox a picture to the network's shape")
	f.Var(&flagValue[frame.ROI]{&o.ROI, frame.ParseROI, "X,Y,W,H"}, "roi", "look at this region only, in pixels or fractions")
	f.Var(&flagValue[int]{&o.Rotate, config.ParseRotation, "DEGREES"}, "rotate", "rotate by 90, 180 or 270 degrees clockwise")
	f.BoolVar(&o.Mirror, "mirror", o.Mirror, "exchange left and right")
}

// open reads and compiles a network that classifies pictures. A network that can't be used is a configuration error.
func (n *networkFlags) open() (*classifier.Classifier, error) {
	c, err := classifier.Open(n.Options)
	return c, misconfigured(err)
}

// warnOfPixels tells a person if what the network expects of pixels is a guess.
func warnOfPixels(w io.Writer, net *classifier.Classifier) {
	if warning := net.Pixels.Warning(); warning != "" {
		fmt.Fprintf(w, "edge: %s: %s\n", net.Name(), warning)
	}
}

// load reads and compiles a network that is run on raw tensors.
func (n *networkFlags) load() (*engine.Net, error) {
	g, err := classifier.ReadModel(n.Model)
	if err != nil {
		return nil, misconfigured(err)
	}
	return n.compile(g)
}

// compile makes a graph ready to run.
func (n *networkFlags) compile(g *model.Graph) (*engine.Net, error) {
	net, err := n.Compile(g)
	return net, misconfigured(err)
}

// misconfigured marks an error as one that a person must mend; nil stays nil.
func misconfigured(err error) error {
	if err == nil {
		return nil
	}
	return configErrorf("%v", err)
}

// flagValue is a flag of any type that has a parser.
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
