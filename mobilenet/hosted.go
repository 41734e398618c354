package mobilenet

import (
	"fmt"
	"slices"

	"edge/model"
)

// Hosted is a quantized network that its authors offer for download: u8, for ImageNet's 1000 classes after a class 0 of
// everything else, the background.
type Hosted struct {
	Name       string // as of its file, without .tflite
	Archive    string // the URL of a .tgz with the file and, many times as large, the checkpoints of its training
	Family     Family
	Alpha      float64
	Resolution int

	// What the file must have, where it is known here: bytes, and SHA-256 in hexadecimal.
	Size   int64
	SHA256 string
}

// hostedClasses is ImageNet's and the background.
const hostedClasses = 1001

// The folders of the archives, from tensorflow/lite/g3doc/guide/hosted_models.md.
const (
	hostV1 = "https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_2018_08_02/"
	hostV2 = "https://storage.googleapis.com/download.tensorflow.org/models/tflite_11_05_08/"
)

// hostedSums are those of the files that have been seen: as the Coral project's test data has them, under these names.
var hostedSums = map[string]struct {
	size int64
	sum  string
}{
	"mobilenet_v1_0.75_192_quant": {2624144, "3e54bf7a788f7b0aba92820fb32e460d190570fc238a8ea7d1ebf2dc8e7d8c33"},
	"mobilenet_v1_0.5_160_quant":  {1364448, "eb2136bf4866bf4dae98277b0c29268995397a50979d52fcb3f81314e566dd81"},
	"mobilenet_v1_0.25_128_quant": {497200, "73f77532b1b02e3e49e151de7b04d00a6b48cd6f5dab9184bc24e5d97ce8c0a9"},
	"mobilenet_v2_1.0_224_quant":  {3577952, "51e8256b05665529f8836fe6e8eeed41b2fc75a900d8eebda338d70a6726f8da"},
}

// AllHosted returns the networks that can be had: V1 by α and resolution, then V2.
func AllHosted() []Hosted {
	var all []Hosted
	for _, a := range Published() {
		if a.Quantized1 == 0 {
			continue
		}
		b := Blueprint{Family: a.Family, Alpha: a.Alpha, Resolution: a.Resolution}
		name := "mobilenet_" + b.Name() + "_quant"
		folder := hostV1
		if a.Family == FamilyV2 {
			folder = hostV2
		}
		known := hostedSums[name]
		all = append(all, Hosted{name, folder + name + ".tgz", a.Family, a.Alpha, a.Resolution, known.size, known.sum})
	}
	return all
}

// HostedNamed returns the network of that name.
func HostedNamed(name string) (h Hosted, ok bool) {
	all := AllHosted()
	i := slices.IndexFunc(all, func(h Hosted) bool { return h.Name == name })
	if i < 0 {
		return Hosted{}, false
	}
	return all[i], true
}

// File is the name of the network's file.
func (h Hosted) File() string { return h.Name + ".tflite" }

// Accuracy is what its authors published about it.
func (h Hosted) Accuracy() Accuracy {
	all := Published()
	return all[slices.IndexFunc(all, func(a Accuracy) bool {
		return a.Family == h.Family && a.Alpha == h.Alpha && a.Resolution == h.Resolution
	})]
}

// Blueprint returns its layers.
func (h Hosted) Blueprint() (*Blueprint, error) {
	return New(h.Family, h.Alpha, h.Resolution, hostedClasses)
}

// WeightBytes is what its weights, of 8 bits, and biases, of 32, take: all of the file but some KB.
func (h Hosted) WeightBytes() int64 {
	b, err := h.Blueprint()
	if err != nil {
		return 0
	}
	n := 0
	for _, l := range b.Layers {
		if p := l.Cost().Parameters; p > 0 {
			n += p + 3*l.Out
		}
	}
	return int64(n)
}

// Check returns an error unless a graph that was read from a file has this network's input, classes and number of
// parameters, and so its α and β. What the parameters are, only a checksum can tell.
func (h Hosted) Check(g *model.Graph) error {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return fmt.Errorf("a network with %d inputs and %d outputs isn't %s", len(g.Inputs), len(g.Outputs), h.Name)
	}
	in, out := &g.Tensors[g.Inputs[0]], &g.Tensors[g.Outputs[0]]
	if in.Type != model.Uint8 || !slices.Equal(in.Shape, []int{1, h.Resolution, h.Resolution, 3}) {
		return fmt.Errorf("a network for %v %v isn't %s, which is for u8 [1 %d %d 3]",
			in.Type, in.Shape, h.Name, h.Resolution, h.Resolution)
	}
	if out.Type != model.Uint8 || model.Elements(out.Shape) != hostedClasses {
		return fmt.Errorf("a network with results %v %v isn't %s, which has %d classes", out.Type, out.Shape, h.Name, hostedClasses)
	}
	b, err := h.Blueprint()
	if err != nil {
		return err
	}
	if want, got := b.Cost().Parameters, parameters(g); got != want {
		return fmt.Errorf("a network with %d parameters isn't %s, which has %d", got, h.Name, want)
	}
	return nil
}

// parameters counts a graph's weights and biases.
func parameters(g *model.Graph) int {
	sum := 0
	for _, n := range g.Nodes {
		switch n.Op.(type) {
		case model.Conv2D, model.DepthwiseConv2D, model.FullyConnected:
			for _, i := range n.Inputs[1:] {
				if i >= 0 {
					sum += model.Elements(g.Tensors[i].Shape)
				}
			}
		}
	}
	return sum
}
