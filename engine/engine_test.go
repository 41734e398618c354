package engine_test

import (
	"path/filepath"
	"strings"
	"testing"

	"edge/engine"
	"edge/kernels"
	"edge/model"
)

func graphNamed(t testing.TB, name string) *model.Graph {
	t.Helper()
	for _, g := range smallGraphs() {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no graph %q", name)
	return nil
}

func TestRunAllocatesNothing(t *testing.T) {
	g := graphNamed(t, "s8-network")
	for _, set := range sets() {
		for _, threads := range []int{1, 3} {
			net, err := engine.Compile(g, engine.Options{Kernels: set, Threads: threads})
			if err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(50, net.Run); n != 0 {
				t.Errorf("%s, %d threads: %v allocations a run", set.Name, threads, n)
			}
			net.Close()
		}
	}
}

// Every graph's arena is small, and no two tensors that are alive together share a byte (else results would differ).
func TestArenaIsSmall(t *testing.T) {
	graphs := smallGraphs()
	files, _ := filepath.Glob(filepath.Join(sharedModels, "*.tflite"))
	for _, file := range files {
		if !strings.Contains(file, "float") {
			g := readGraph(t, file)
			g.Name = filepath.Base(file)
			graphs = append(graphs, g)
		}
	}
	for _, g := range graphs {
		net, err := engine.Compile(g, engine.Options{Kernels: kernels.Generic()})
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		arena, least, _ := net.Memory()
		if float64(arena) > 1.2*float64(least) {
			t.Errorf("%s: the arena has %d bytes, %.2f × the least", g.Name, arena, float64(arena)/float64(least))
		}
	}
}

// A network that is run again gives the same, also with other inputs in between and many threads.
func TestRunAgain(t *testing.T) {
	g := graphNamed(t, "u8-network")
	net, err := engine.Compile(g, engine.Options{Threads: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	inputs := randomInput(&g.Tensors[g.Inputs[0]], 3)
	size := len(net.Input())
	results := map[int]string{}
	for round := range 200 {
		i := round * 7 % 4
		copy(net.Input(), inputs[i*size:])
		net.Run()
		got := string(net.Output())
		if want, seen := results[i]; seen && got != want {
			t.Fatalf("round %d: input %d gives %x, before %x", round, i, got, want)
		}
		results[i] = got
	}
}

// Running step by step, as profiles do, is the same as running.
func TestRunStep(t *testing.T) {
	g := graphNamed(t, "s8-network")
	net, err := engine.Compile(g, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	input := randomInput(&g.Tensors[g.Inputs[0]], 3)[:len(net.Input())]
	copy(net.Input(), input)
	net.Run()
	want := string(net.Output())
	copy(net.Input(), input)
	for i := range net.Steps() {
		net.RunStep(i)
	}
	if got := string(net.Output()); got != want {
		t.Errorf("step by step %x, at once %x", got, want)
	}
}

// OnStep's function is called once for each step, however many threads there are.
func TestOnStep(t *testing.T) {
	for _, threads := range []int{1, 3} {
		net, err := engine.Compile(graphNamed(t, "s8-network"), engine.Options{Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		net.OnStep(func() { calls++ })
		const runs = 5
		for range runs {
			net.Run()
		}
		if want := runs * len(net.Steps()); calls != want {
			t.Errorf("%d threads: called %d times in %d runs, want %d", threads, calls, runs, want)
		}
		net.Close()
	}
}

// TestEveryOperation: whatever is read from a file is run, and among the graphs that the reference has seen.
func TestEveryOperation(t *testing.T) {
	missing := map[string]bool{}
	for _, name := range model.Operations() {
		missing[name] = name != "EXPAND_DIMS" && name != "TRANSPOSE" // they are read as RESHAPE
	}
	for _, g := range smallGraphs() {
		for _, n := range g.Nodes {
			missing[model.TFLiteName(n.Op)] = false
		}
	}
	for name, is := range missing {
		if is {
			t.Errorf("no graph in smallGraphs has %s", name)
		}
	}
}

// TestParameters: a layer without a bias has none to count.
func TestParameters(t *testing.T) {
	for _, biases := range []int{0, 5} {
		b := newBuilder("connected", model.Int8)
		g := b.output(b.fullyConnected(b.input(1, 7), 5, model.None, 60))
		if biases == 0 {
			g.Nodes[0].Inputs[2] = -1
		}
		net, err := engine.Compile(g, engine.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		parameters := 0
		for _, s := range net.Steps() {
			parameters += s.Parameters
		}
		if parameters != 7*5+biases {
			t.Errorf("%d parameters with %d biases", parameters, biases)
		}
		net.Close()
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(g *model.Graph)
		says  []string
	}{
		"float activations": {func(g *model.Graph) {
			for i := range g.Tensors {
				if t := &g.Tensors[i]; t.Data == nil {
					t.Type, t.Quant = model.Float32, nil
				}
			}
			g.Nodes = g.Nodes[len(g.Nodes)-1:]
			g.Inputs = g.Nodes[0].Inputs
		}, []string{"node 0 (Softmax", "float32", "edge quantize"}},
		"multiplier": {func(g *model.Graph) {
			for i := range g.Tensors {
				if q := g.Tensors[i].Quant; g.Tensors[i].Name == "t1" || i == g.Nodes[0].Outputs[0] {
					q[0].Scale = 1e-20
				}
			}
		}, []string{"node 0 (Conv2D", "scale 1e-20 is too small"}},
		"no nodes": {func(g *model.Graph) { g.Nodes = nil }, []string{"no operations"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := graphNamed(t, "s8-network")
			test.spoil(g)
			_, err := engine.Compile(g, engine.Options{})
			if err == nil {
				t.Fatal("compiled")
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%q doesn't say %q", err, says)
				}
			}
		})
	}
}
