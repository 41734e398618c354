package teach

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"edge/classifier"
	"edge/defaultmodel"
	"edge/engine"
	"edge/frame"
	"edge/internal/files"
	"edge/model"
)

// Backbone is a network that was trained on something else, cut where its features are. Only one goroutine at a time may use
// it.
type Backbone struct {
	Name string // of its file, or of the embedded network
	Sum  string // SHA-256 of its file, in hexadecimal digits

	graph  *model.Graph // whole, as it was read
	layers []layer
	size   int              // of all layers' features together
	part   *model.Graph     // that computes them
	net    *engine.Net      // compiled from part
	spec   frame.TensorSpec // of its input
	fitter *frame.Fitter
}

// layer is a tensor of the backbone whose mean over all pixels is a feature for each of its channels.
type layer struct {
	tensor   int    // in the backbone's graph; of opinion, the logits
	name     string // for people
	channels int
	at       int // where its features begin among those of all layers
	unsigned bool
}

// The layers, in this order. A backbone has the first, and of the others what its design offers.
//
//	                    features of
//	pooled              what the backbone's own classes are told apart by: objects
//	opinion             what the backbone takes a picture for: √ of its probabilities (a softmax with β = ½, up to a
//	                    factor that unit length takes away). Very good if what is taught resembles those classes.
//	texture 1, 2, 3     depthwise layers at the last resolution, the first, the second and the last: textures, states
const (
	pooled = iota
	opinion
	textures
)

// maxBackbone is far above any MobileNet, in bytes.
const maxBackbone = classifier.MaxModelFile

// OpenBackbone opens the network that o names, or the embedded one: any quantized network that takes a picture and pools
// over its pixels. Errors name the file.
func OpenBackbone(o classifier.Options) (*Backbone, error) {
	data := defaultmodel.TFLite
	if o.Model != "" {
		var err error
		if data, err = files.Read(o.Model, maxBackbone); err != nil {
			return nil, fmt.Errorf("teach: backbone: %w", err)
		}
	}
	g, err := model.ReadTFLite(data)
	if err != nil {
		return nil, fmt.Errorf("teach: backbone: %s: %w", o.Name(), err)
	}
	if err := noFloatEnds(g); err != nil {
		return nil, fmt.Errorf("teach: backbone: %s: %w", o.Name(), err)
	}
	sum := sha256.Sum256(data)
	b := &Backbone{Name: o.Name(), Sum: hex.EncodeToString(sum[:]), graph: g}
	if err := b.findLayers(); err != nil {
		return nil, fmt.Errorf("teach: backbone: %s: %w", o.Name(), err)
	}
	if b.part, err = b.cut(); err != nil {
		return nil, fmt.Errorf("teach: backbone: %s: %w", o.Name(), err)
	}
	if b.net, err = o.Compile(b.part); err != nil {
		return nil, fmt.Errorf("teach: backbone: %w", err)
	}
	in := b.net.Inputs()
	if len(in) != 1 || len(in[0].Shape) != 4 || in[0].Type == model.Float32 {
		b.net.Close()
		return nil, fmt.Errorf("teach: backbone: %s: it doesn't take one picture", o.Name())
	}
	pixels := classifier.PixelsOf(in[0], g.Normalization, o.Normalize)
	if pixels.From == classifier.Given { // what is taught is to remember
		g.Normalization = &pixels.Normalization
	}
	b.spec = classifier.InputSpec(in[0], pixels)
	if b.fitter, err = frame.NewFitter(b.spec, o.Fit); err != nil {
		b.net.Close()
		return nil, fmt.Errorf("teach: backbone: %s: %w", o.Name(), err)
	}
	return b, nil
}

// noFloatEnds removes conversions from and to float32 at the network's ends.
func noFloatEnds(g *model.Graph) error {
	classifier.UseQuantizedEnds(g)
	if len(g.Inputs) != 1 {
		return fmt.Errorf("%d inputs: a picture is one", len(g.Inputs))
	}
	return nil
}

// SetFit changes which part of a picture the features are made of, and how it is turned and fitted.
func (b *Backbone) SetFit(o frame.Options) error {
	f, err := frame.NewFitter(b.spec, o)
	if err != nil {
		return fmt.Errorf("teach: backbone: %s: %w", b.Name, err)
	}
	b.fitter = f
	return nil
}

// Donor is for networks that were taught with the backbone: they share its weights.
func (b *Backbone) Donor() engine.Donor { return engine.Donor{Net: b.net, Graph: b.part} }

// ShareData makes a graph that was taught with the backbone, and read from a file, hold the backbone's constants in place of
// its copies, as Donor wants it.
func (b *Backbone) ShareData(g *model.Graph) { g.ShareData(b.graph) }

// Close ends the network's threads; of nil, nothing.
func (b *Backbone) Close() {
	if b != nil {
		b.net.Close()
	}
}

// findLayers finds what to make features of.
func (b *Backbone) findLayers() error {
	g := b.graph
	pool := -1
	for i := range g.Nodes {
		if n := &g.Nodes[i]; isGlobalPool(g, n) {
			pool = i
		}
	}
	if pool < 0 {
		return fmt.Errorf("no pooling over all pixels in it: a backbone is a quantized network for pictures that ends in one, as a MobileNet does")
	}
	source := g.Nodes[pool].Inputs[0]
	b.add("pooled", source, channelsOf(g, source))
	if logits := logitsOf(g, g.Nodes[pool].Outputs[0]); logits >= 0 {
		b.add("opinion", logits, model.Elements(g.Tensors[logits].Shape))
	} else {
		b.layers = append(b.layers, layer{tensor: -1})
	}
	shape := g.Tensors[source].Shape
	var deep []int
	for i := range g.Nodes[:pool] {
		n := &g.Nodes[i]
		t := n.Outputs[0]
		if _, ok := n.Op.(model.DepthwiseConv2D); ok && t != source &&
			slices.Equal(g.Tensors[t].Shape[1:3], shape[1:3]) {
			deep = append(deep, t)
		}
	}
	if len(deep) > 3 {
		deep = []int{deep[0], deep[1], deep[len(deep)-1]}
	}
	for i, t := range deep {
		b.add(fmt.Sprintf("texture %d", i+1), t, channelsOf(g, t))
	}
	return nil
}

func (b *Backbone) add(name string, tensor, channels int) {
	b.layers = append(b.layers, layer{tensor, name, channels, b.size, b.graph.Tensors[tensor].Type == model.Uint8})
	b.size += channels
}

func channelsOf(g *model.Graph, t int) int { return g.Tensors[t].Shape[3] }

// isGlobalPool reports whether n turns all pixels of each channel into one value.
func isGlobalPool(g *model.Graph, n *model.Node) bool {
	in, out := g.Tensors[n.Inputs[0]].Shape, g.Tensors[n.Outputs[0]].Shape
	if len(in) != 4 || in[1]*in[2] < 2 || model.Elements(out) != in[3] {
		return false
	}
	switch n.Op.(type) {
	case model.Mean, model.AveragePool2D:
		return true
	}
	return false
}

// minOpinions is from how many classes on what the backbone takes a picture for says something of other things, too.
const minOpinions = 100

// logitsOf finds what the backbone's own classifier makes of the pooled features, before its softmax; −1 if there is none.
func logitsOf(g *model.Graph, pooled int) int {
	at, logits := pooled, -1
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Inputs[0] != at {
			continue
		}
		switch n.Op.(type) {
		case model.FullyConnected, model.Conv2D:
			logits = n.Outputs[0]
		case model.Reshape, model.Squeeze:
			if logits == at {
				logits = n.Outputs[0]
			}
		case model.HardSwish, model.Rectifier: // between the layers of MobileNetV3's classifier
		default:
			continue
		}
		at = n.Outputs[0]
	}
	if logits < 0 || model.Elements(g.Tensors[logits].Shape) < minOpinions {
		return -1
	}
	return logits
}

// cut returns the part of the network that ends in the layers: they are its outputs, in their order.
func (b *Backbone) cut() (*model.Graph, error) {
	g := newHead(b.graph)
	var outputs []int
	for i, l := range b.layers {
		switch {
		case l.tensor < 0:
		case i == opinion:
			outputs = append(outputs, g.softmax(l.tensor, 0.5, "opinion"))
		default:
			outputs = append(outputs, l.tensor)
		}
	}
	return g.finish(outputs)
}

// raw are the features of one picture: the mean of each channel over all pixels, less the zero point, in 1/64 of a
// quantization step. Unlike bytes they don't depend on what else was taught.
type raw []int16

const rawSteps = 64

// Features computes the features of a picture, in a new slice.
func (b *Backbone) features(f frame.Frame) (raw, error) {
	if err := b.fitter.Fit(b.net.Input(), f); err != nil {
		return nil, err
	}
	b.net.Run()
	return b.pool(), nil
}

// pool reads the features off the cut network's outputs.
func (b *Backbone) pool() raw {
	features := make(raw, b.size)
	outputs := b.net.Outputs()
	sums := make([]int32, 0, 2048)
	for i, l := range b.layers {
		if l.tensor < 0 {
			continue
		}
		o := outputs[0]
		outputs = outputs[1:]
		to := features[l.at : l.at+l.channels]
		flip := byte(0)
		if o.Type == model.Int8 {
			flip = 0x80
		}
		zero := o.Quant.ZeroPoint + int32(flip)
		if i == opinion {
			for c, q := range o.Data {
				to[c] = int16((int32(q^flip) - zero) * rawSteps)
			}
			continue
		}
		sums = append(sums[:0], make([]int32, l.channels)...)
		count := o.Shape[1] * o.Shape[2]
		for p := range count {
			for c, q := range o.Data[p*l.channels : (p+1)*l.channels] {
				sums[c] += int32(q ^ flip)
			}
		}
		for c, sum := range sums {
			to[c] = int16((int64(sum) - int64(zero)*int64(count)) * rawSteps / int64(count))
		}
	}
	return features
}

// ofFile computes the features of a picture file.
func (b *Backbone) ofFile(ctx context.Context, name string) (raw, error) {
	f, err := frame.ReadFile(ctx, name)
	if err != nil {
		return nil, err
	}
	features, err := b.features(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return features, nil
}
