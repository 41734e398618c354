package engine_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"edge/engine"
	"edge/frame"
	"edge/kernels"
	"edge/model"
)

// The promise: the same bytes as TensorFlow Lite's reference kernels, for every kernel set and number of threads.
//
// testdata/golden holds small graphs with inputs and what the reference made of them; `make goldens` makes them anew.
// TestRealModels asks the reference itself, where it is installed (`make reference`) and ../shared is there.

var (
	update = flag.Bool("update", false, "make the goldens anew: needs the reference (make reference)")
	graphs = flag.String("graphs", "", "make only the goldens whose name matches this anew")
)

const goldens = "testdata/golden"

// sets are all kernel sets, and Go's for signed activations, which no machine would choose by itself.
func sets() []*kernels.Set { return append(kernels.Available(), kernels.GenericSigned()) }

func TestGoldens(t *testing.T) {
	if *update {
		makeGoldens(t)
	}
	files, err := filepath.Glob(filepath.Join(goldens, "*.tflite"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens in %s (%v)", goldens, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".tflite")
		t.Run(filepath.Base(name), func(t *testing.T) {
			g := readGraph(t, file)
			var inputs [][]byte
			for i := range g.Inputs {
				inputs = append(inputs, readFile(t, fmt.Sprintf("%s.in%d", name, i)))
			}
			compare(t, g, inputs, readFile(t, name+".out"))
		})
	}
}

// compare runs g on inputs, with all sets and numbers of threads.
func compare(t *testing.T, g *model.Graph, inputs [][]byte, want []byte) {
	t.Helper()
	for _, set := range sets() {
		for threads := 1; threads <= 4; threads++ {
			if different, first := run(t, g, engine.Options{Kernels: set, Threads: threads}, inputs, want); different > 0 {
				t.Errorf("%s, %d threads: %d of %d bytes differ, the first is %d", set.Name, threads, different, len(want), first)
			}
		}
	}
}

// run returns how many bytes of the outputs, one after another, aren't those of want, and where the first is.
func run(t *testing.T, g *model.Graph, o engine.Options, inputs [][]byte, want []byte) (different, first int) {
	t.Helper()
	net, err := engine.Compile(g, o)
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	return runNet(t, net, inputs, want)
}

func runNet(t *testing.T, net *engine.Net, inputs [][]byte, want []byte) (different, first int) {
	t.Helper()
	at := 0
	for n := 0; n*len(net.Inputs()[0].Data) < len(inputs[0]); n++ {
		for i, in := range net.Inputs() {
			copy(in.Data, inputs[i][n*len(in.Data):])
		}
		net.Run()
		for _, out := range net.Outputs() {
			for _, b := range out.Data {
				if at >= len(want) || b != want[at] {
					if different == 0 {
						first = at
					}
					different++
				}
				at++
			}
		}
	}
	if at != len(want) {
		t.Errorf("%d bytes came out, %d were expected", at, len(want))
	}
	return different, first
}

// reference runs TensorFlow Lite's reference kernels. tensor, if not empty, is what to return in place of the outputs.
func reference(t *testing.T, modelFile, tensor string, inputs [][]byte) []byte {
	t.Helper()
	python := os.Getenv("EDGE_REFERENCE_PYTHON")
	if python == "" {
		python = "../.cache/reference/bin/python"
	}
	if _, err := os.Stat(python); err != nil {
		t.Skip("TensorFlow Lite isn't installed here: make reference")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	args := []string{"testdata/reference.py"}
	if tensor != "" {
		args = append(args, "--tensor", tensor)
	}
	args = append(args, modelFile, out)
	for i, in := range inputs {
		name := filepath.Join(dir, fmt.Sprint("in", i))
		if err := os.WriteFile(name, in, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	if output, err := exec.Command(python, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", modelFile, err, output)
	}
	return readFile(t, out)
}

func makeGoldens(t *testing.T) {
	if *graphs == "" {
		os.RemoveAll(goldens)
	}
	if err := os.MkdirAll(goldens, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, g := range smallGraphs() {
		if *graphs != "" && !regexp.MustCompile(*graphs).MatchString(g.Name) {
			continue
		}
		name := filepath.Join(goldens, g.Name)
		data, err := g.WriteTFLite()
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		write := func(ext string, data []byte) {
			if err := os.WriteFile(name+ext, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write(".tflite", data)
		var inputs [][]byte
		for i, in := range g.Inputs {
			inputs = append(inputs, randomInput(&g.Tensors[in], uint64(i)))
			write(fmt.Sprint(".in", i), inputs[i])
		}
		write(".out", reference(t, name+".tflite", "", inputs))
	}
}

// randomInput makes a few tensors' worth of values: noise, the least, the greatest, and noise of a narrow range.
func randomInput(tensor *model.Tensor, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 7))
	n := model.Elements(tensor.Shape)
	if tensor.Type == model.Float32 {
		var data []byte
		for range 2 * n {
			bits := math.Float32bits(float32(rng.NormFloat64()) * 2)
			data = append(data, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
		return data
	}
	data := make([]byte, 4*n)
	for i := range n {
		data[i] = byte(rng.IntN(256))
		data[n+i] = byte(tensor.Quant[0].ZeroPoint)
		data[2*n+i] = []byte{0, 255, 127, 128}[rng.IntN(4)]
		data[3*n+i] = byte(100 + rng.IntN(30))
	}
	return data
}

const sharedModels, sharedImages = "../../shared/models", "../../shared/images"

var photographs = flag.Int("photographs", 4, "how many photographs TestRealModels shows to each model")

// TestRealModels compares whole MobileNets on photographs, at the outputs and at the logits.
func TestRealModels(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(sharedModels, "*.tflite"))
	if len(files) == 0 {
		t.Skip("../shared/models isn't there")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".tflite"), func(t *testing.T) {
			g := readGraph(t, file)
			if g.Tensors[g.Outputs[0]].Type == model.Float32 {
				t.Skip("a float network: it is quantized before it runs")
			}
			count := *photographs
			if testing.Short() {
				count = 2
			}
			var inputs [][]byte
			for _, in := range g.Inputs {
				inputs = append(inputs, pictures(t, &g.Tensors[in], count))
			}
			want := reference(t, file, "", inputs)
			logits, name := withLogits(g)
			wantLogits := []byte(nil)
			if name != "" {
				wantLogits = reference(t, file, name, inputs)
			}
			for _, set := range sets() {
				inputs, want, wantLogits := inputs, want, wantLogits
				threads := []int{1, 2, 3, 4}
				if strings.HasPrefix(set.Name, "generic") { // slow; TestGoldens has them with all numbers of threads
					threads = threads[1:2]
				}
				if set.Name == "generic-signed" {
					inputs, want, wantLogits = firstOf(inputs, count), want[:len(want)/count], wantLogits[:len(wantLogits)/count]
				}
				for _, n := range threads {
					o := engine.Options{Kernels: set, Threads: n}
					if different, first := run(t, g, o, inputs, want); different > 0 {
						t.Errorf("%s, %d threads: %d of %d bytes differ, the first is %d", set.Name, n, different, len(want), first)
					}
				}
				if name != "" {
					o := engine.Options{Kernels: set, Threads: 2}
					if different, first := run(t, logits, o, inputs, wantLogits); different > 0 {
						t.Errorf("%s, logits: %d of %d bytes differ, the first is %d", set.Name, different, len(wantLogits), first)
					}
				}
			}
			t.Logf("compared %d bytes of outputs, %d of logits", len(want), len(wantLogits))
		})
	}
}

// firstOf is the first of count tensors in each of inputs.
func firstOf(inputs [][]byte, count int) [][]byte {
	var first [][]byte
	for _, in := range inputs {
		first = append(first, in[:len(in)/count])
	}
	return first
}

// withLogits is the same network, cut off before its softmax; name is that tensor's, empty where there is none.
func withLogits(g *model.Graph) (cut *model.Graph, name string) {
	for i, n := range g.Nodes {
		if _, ok := n.Op.(model.Softmax); ok {
			c := *g
			c.Nodes, c.Outputs = g.Nodes[:i], []int{n.Inputs[0]}
			return &c, g.Tensors[n.Inputs[0]].Name
		}
	}
	return nil, ""
}

// pictures makes inputs of photographs, or of noise for a network that doesn't take pictures.
func pictures(t *testing.T, in *model.Tensor, count int) []byte {
	t.Helper()
	if len(in.Shape) != 4 || in.Shape[3] != 3 {
		rng := rand.New(rand.NewPCG(1, 2))
		data := make([]byte, count*model.Elements(in.Shape))
		for i := range data {
			data[i] = byte(rng.IntN(256))
		}
		return data
	}
	spec := frame.TensorSpec{
		Width: in.Shape[2], Height: in.Shape[1], Channels: 3, Signed: in.Type == model.Int8, Quant: in.Quant[0],
	}
	for i := range spec.Mean {
		spec.Mean[i], spec.Std[i] = 127.5, 127.5
	}
	fit, err := frame.NewFitter(spec, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(sharedImages, "*.jpg"))
	if len(files) < count {
		t.Skipf("../shared/images has %d photographs, %d are needed", len(files), count)
	}
	var all bytes.Buffer
	tensor := make([]byte, model.Elements(in.Shape))
	for i := range count {
		file := files[i*len(files)/count]
		picture, err := frame.Decode(t.Context(), readFile(t, file), file)
		if err != nil {
			t.Fatal(err)
		}
		if err := fit.Fit(tensor, picture); err != nil {
			t.Fatal(err)
		}
		all.Write(tensor)
	}
	return all.Bytes()
}

func readGraph(t testing.TB, file string) *model.Graph {
	t.Helper()
	g, err := model.ReadTFLite(readFile(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
