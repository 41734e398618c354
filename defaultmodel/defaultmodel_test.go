package defaultmodel_test

import (
	"os/exec"
	"slices"
	"testing"

	"edge/catalogue"
	"edge/defaultmodel"
	"edge/engine"
	"edge/model"
)

// TestWhole checks that the embedded network runs, and that it needs nothing beside it.
func TestWhole(t *testing.T) {
	g, err := model.ReadTFLite(defaultmodel.TFLite)
	if err != nil {
		t.Fatal(err)
	}
	in, out := g.Tensors[g.Inputs[0]], g.Tensors[g.Outputs[0]]
	if in.Type != model.Int8 || !slices.Equal(in.Shape, []int{1, 224, 224, 3}) || in.Quant[0].Scale != 1./128 {
		t.Errorf("input: %v %v %v", in.Type, in.Shape, in.Quant)
	}
	if n := g.Normalization; n == nil || n.Mean[0] != 127 || n.Std[0] != 128 {
		t.Errorf("normalization: %+v", n)
	}
	if model.Elements(out.Shape) != 1000 || !slices.Equal(g.Labels, catalogue.ImageNet()) {
		t.Errorf("%d labels for an output of %v", len(g.Labels), out.Shape)
	}
	if len(defaultmodel.TFLite) > 6_500_000 {
		t.Errorf("%d bytes: too large to embed", len(defaultmodel.TFLite))
	}
	net, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	net.Run()
}

// TestCheckpoint runs the tests of the script that reads PyTorch's checkpoints, with damaged and hostile ones.
func TestCheckpoint(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 isn't installed here")
	}
	if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 10))").Run() != nil {
		t.Skip("python3 is older than 3.10")
	}
	if output, err := exec.Command(python, "-W", "ignore", "checkpoint_test.py").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
