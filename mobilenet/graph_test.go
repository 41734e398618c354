package mobilenet

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"edge/engine"
	"edge/model"
)

// networks are small ones of either family, odd sizes and channels among them.
func networks(t testing.TB) []*Blueprint {
	return []*Blueprint{
		blueprint(t, FamilyV1, 0.25, 128, 1001),
		blueprint(t, FamilyV1, 0.4, 75, 10),
		blueprint(t, FamilyV2, 0.35, 96, 1000),
		blueprint(t, FamilyV2, 0.6, 61, 3),
		blueprint(t, FamilyV2, 1.3, 32, 100),
		blueprint(t, FamilyV3Large, 0.35, 96, 1000),
		blueprint(t, FamilyV3Small, 0.75, 75, 100),
		blueprint(t, FamilyV3SmallMinimalistic, 0.5, 64, 400),
		blueprint(t, FamilyV3LargeMinimalistic, 0.3, 33, 7),
		blueprint(t, FamilyV1, 1, 1, 1),
	}
}

// Each step of the engine must cost what the blueprint says.
func TestGraphCost(t *testing.T) {
	for _, b := range append(networks(t), blueprint(t, FamilyV2, 1, 224, 1000), blueprint(t, FamilyV3Large, 1, 224, 1000)) {
		net := compile(t, b.Graph(1))
		var sum Cost
		for _, s := range net.Steps() {
			sum.MACs += s.MACs
			sum.Parameters += s.Parameters
		}
		if sum != b.Cost() {
			t.Errorf("%s: the engine counts %+v, the blueprint %+v", b.Name(), sum, b.Cost())
		}
	}
}

func TestGraphIsDeterministic(t *testing.T) {
	b := blueprint(t, FamilyV2, 0.35, 96, 10)
	one, same, other := tflite(t, b.Graph(1)), tflite(t, b.Graph(1)), tflite(t, b.Graph(2))
	if !bytes.Equal(one, same) || bytes.Equal(one, other) {
		t.Error("the same seed must give the same network, another seed another one")
	}
}

// A random network is good for timing and comparing only if every layer has something to say: many values, few of them
// clipped, others for other pictures.
func TestGraphIsAlive(t *testing.T) {
	for _, b := range networks(t)[:8] {
		g := b.Graph(7)
		var outputs []int
		for _, n := range g.Nodes[:len(g.Nodes)-2] { // all but Reshape and Softmax
			outputs = append(outputs, n.Outputs[0])
		}
		g.Outputs = append(outputs, g.Outputs[0])
		net := compile(t, g)
		const pictures = 4
		results := make([][][]byte, pictures)
		for p := range pictures {
			paint(net.Input(), b.Resolution, p)
			net.Run()
			for _, o := range net.Outputs() {
				results[p] = append(results[p], bytes.Clone(o.Data))
			}
		}
		for i, o := range net.Outputs()[:len(outputs)] {
			name := b.Name() + " " + g.Tensors[outputs[i]].Name
			first, second := results[0][i], results[1][i]
			seen := map[byte]bool{}
			highest, different := 0, 0
			for k, v := range first {
				seen[v] = true
				if v == 127 {
					highest++
				}
				if v != second[k] {
					different++
				}
			}
			if len(first) >= 512 && len(seen) < 32 {
				t.Errorf("%s has only %d values", name, len(seen))
			}
			if len(first) >= 512 && highest*10 > len(first) {
				t.Errorf("%s: %d of %d values are clipped", name, highest, len(first))
			}
			if different*3 < len(first) {
				t.Errorf("%s: only %d of %d values differ between two pictures", name, different, len(first))
			}
			if mean, deviation := moments(o); len(first) >= 512 && (deviation < 0.2 || math.Abs(mean) > 3) {
				t.Errorf("%s: mean %.2f, deviation %.2f", name, mean, deviation)
			}
		}
		for p := range pictures {
			last := len(outputs)
			for q := range p {
				if bytes.Equal(results[p][last], results[q][last]) {
					t.Errorf("%s: pictures %d and %d give the same probabilities", b.Name(), p, q)
				}
			}
		}
	}
}

// paint draws stripes of different directions, colours and widths.
func paint(data []byte, size, picture int) {
	for i := range data {
		y, x, c := i/3/size, i/3%size, i%3
		phase := float64(x*(picture+1)+y*(3-picture))/(6+3*float64(picture)) + float64(c*picture)
		data[i] = byte(int8(100 * math.Sin(phase)))
	}
}

func moments(o engine.Tensor) (mean, deviation float64) {
	sum, squares := 0., 0.
	for _, v := range o.Data {
		x := float64(o.Quant.Real(int32(int8(v))))
		sum += x
		squares += x * x
	}
	n := float64(len(o.Data))
	mean = sum / n
	return mean, math.Sqrt(squares/n - mean*mean)
}

// The file must mean the same to TensorFlow Lite's reference kernels.
func TestGraphInTheReference(t *testing.T) {
	python := os.Getenv("EDGE_REFERENCE_PYTHON")
	if python == "" {
		python = "../.cache/reference/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("TensorFlow Lite isn't installed here: make reference")
	}
	dir := t.TempDir()
	for i, b := range networks(t) {
		g := b.Graph(uint64(i))
		file := filepath.Join(dir, b.Name())
		var in, want bytes.Buffer
		data := tflite(t, g)
		read, err := model.ReadTFLite(data)
		if err != nil {
			t.Fatal(err)
		}
		net := compile(t, read)
		for p := range 3 {
			paint(net.Input(), b.Resolution, p)
			in.Write(net.Input())
			net.Run()
			want.Write(net.Output())
		}
		write(t, file, data)
		write(t, file+".in", in.Bytes())
		script := "../engine/testdata/reference.py"
		if output, err := exec.Command(python, script, file, file+".out", file+".in").CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", b.Name(), err, output)
		}
		got, err := os.ReadFile(file + ".out")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: the reference gives other bytes", b.Name())
		}
	}
}

func compile(t testing.TB, g *model.Graph) *engine.Net {
	t.Helper()
	net, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func tflite(t testing.TB, g *model.Graph) []byte {
	t.Helper()
	data, err := g.WriteTFLite()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func ExampleV2() {
	b, _ := V2(0.35, 96, 1000)
	cost := b.Cost()
	fmt.Printf("%s: %d layers, %d MACs, %d parameters\n", b.Name(), len(b.Layers), cost.MACs, cost.Parameters)
	for _, l := range b.Layers[:5] {
		fmt.Printf("%-17s %d×%d×%d\n", l.Name, l.Size, l.Size, l.Out)
	}
	// Output:
	// v2_0.35_96: 64 layers, 11934128 MACs, 1670088 parameters
	// stem              48×48×16
	// block1/depthwise  48×48×16
	// block1/project    48×48×8
	// block2/expand     48×48×48
	// block2/depthwise  24×24×48
}
