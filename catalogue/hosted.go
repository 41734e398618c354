// Package catalogue lists the quantized networks that their authors host: names, sizes, checksums and accuracies. It
// downloads and verifies them, and has the names of ImageNet's classes, which their files lack.
//
//	All, Named, OfFile   the networks (hosted.go)
//	Pins                 which bytes each must have: what edge knows, and what a folder's lock file has learned (pins.go)
//	Getter               downloads one, checks it, and pins it (get.go)
//	List, Verify         what is in a folder, what a file is (list.go)
//	ImageNet, Labels     names of classes (imagenet.go)
package catalogue

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"edge/mobilenet"
	"edge/model"
)

// Network is a quantized network that its authors offer for download. It is u8, and has ImageNet's 1000 classes after a
// class 0 for everything else, the background.
type Network struct {
	Name       string // of its file, without .tflite
	Archive    string // the URL of a .tgz with the file and the checkpoints of its training, which are many times larger
	Family     mobilenet.Family
	Alpha      float64
	Resolution int

	// What the file must have, if it is known here: bytes, and SHA-256 in hexadecimal.
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

// All returns all hosted networks: V1 by α and resolution, then V2.
func All() []Network {
	var all []Network
	for _, a := range mobilenet.Published() {
		if a.Quantized1 == 0 || a.Family != mobilenet.FamilyV1 && a.Family != mobilenet.FamilyV2 {
			continue
		}
		b := mobilenet.Blueprint{Family: a.Family, Alpha: a.Alpha, Resolution: a.Resolution}
		name := "mobilenet_" + b.Name() + "_quant"
		folder := hostV1
		if a.Family == mobilenet.FamilyV2 {
			folder = hostV2
		}
		known := hostedSums[name]
		all = append(all, Network{name, folder + name + ".tgz", a.Family, a.Alpha, a.Resolution, known.size, known.sum})
	}
	return all
}

// Named returns the network of that name.
func Named(name string) (n Network, ok bool) {
	all := All()
	i := slices.IndexFunc(all, func(n Network) bool { return n.Name == name })
	if i < 0 {
		return Network{}, false
	}
	return all[i], true
}

// OfFile returns the network that a file's name stands for.
func OfFile(file string) (Network, bool) {
	return Named(strings.TrimSuffix(filepath.Base(file), ".tflite"))
}

// File returns the name of the network's file.
func (n Network) File() string { return n.Name + ".tflite" }

// Accuracy returns the accuracy that its authors published.
func (n Network) Accuracy() mobilenet.Accuracy {
	all := mobilenet.Published()
	return all[slices.IndexFunc(all, func(a mobilenet.Accuracy) bool {
		return a.Family == n.Family && a.Alpha == n.Alpha && a.Resolution == n.Resolution
	})]
}

// Blueprint returns its layers.
func (n Network) Blueprint() (*mobilenet.Blueprint, error) {
	return mobilenet.New(n.Family, n.Alpha, n.Resolution, hostedClasses)
}

// WeightBytes returns how many bytes its 8-bit weights and 32-bit biases take: all of the file but a few KB.
func (n Network) WeightBytes() int64 {
	b, err := n.Blueprint()
	if err != nil {
		return 0
	}
	sum := 0
	for _, l := range b.Layers {
		if p := l.Cost().Parameters; p > 0 {
			sum += p + 3*l.Out
		}
	}
	return int64(sum)
}

// Check returns an error unless a graph that was read from a file has this network's input, classes and number of
// parameters, and so its α and β. What the parameters are, only a checksum can tell.
func (n Network) Check(g *model.Graph) error {
	if len(g.Inputs) != 1 || len(g.Outputs) != 1 {
		return fmt.Errorf("a network with %d inputs and %d outputs isn't %s", len(g.Inputs), len(g.Outputs), n.Name)
	}
	in, out := &g.Tensors[g.Inputs[0]], &g.Tensors[g.Outputs[0]]
	if in.Type != model.Uint8 || !slices.Equal(in.Shape, []int{1, n.Resolution, n.Resolution, 3}) {
		return fmt.Errorf("a network for %v %v isn't %s, which is for u8 [1 %d %d 3]",
			in.Type, in.Shape, n.Name, n.Resolution, n.Resolution)
	}
	if out.Type != model.Uint8 || model.Elements(out.Shape) != hostedClasses {
		return fmt.Errorf("a network with results %v %v isn't %s, which has %d classes", out.Type, out.Shape, n.Name, hostedClasses)
	}
	b, err := n.Blueprint()
	if err != nil {
		return err
	}
	if want, got := b.Cost().Parameters, parameters(g); got != want {
		return fmt.Errorf("a network with %d parameters isn't %s, which has %d", got, n.Name, want)
	}
	return nil
}

// parameters counts a graph's weights and biases.
func parameters(g *model.Graph) int {
	sum := 0
	for _, node := range g.Nodes {
		switch node.Op.(type) {
		case model.Conv2D, model.DepthwiseConv2D, model.FullyConnected:
			for _, i := range node.Inputs[1:] {
				if i >= 0 {
					sum += model.Elements(g.Tensors[i].Shape)
				}
			}
		}
	}
	return sum
}
