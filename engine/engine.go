// Package engine compiles a quantized network into a flat list of steps over one arena, and runs it.
//
//	net, err := engine.Compile(graph, engine.Options{})
//	copy(net.Input(), picture) // in the network's own type and quantization
//	net.Run()
//	scores := net.Output()
//
// Compile does, once, all that can fail. Run can't fail and allocates nothing. The result is, byte for byte, that of
// TensorFlow Lite's reference kernels, for every kernel set and every number of threads.
//
// # Compiling
//
// First every activation gets its place (arena.go): tensors that are never alive together share bytes. Then each node
// becomes a step, a closure that knows its slices and its packed weights (node.go maps each operation to the code that
// compiles it):
//
//	convolutions, fully connected      conv.go: a matrix product; of patches, if the window is larger than a pixel
//	depthwise convolutions             depthwise.go
//	several of these, if what lies     fuse.go: row by row, without a place for what lies between
//	between them is large
//	functions of one value             functions.go, table.go: a table of 256 bytes
//	arithmetic of two tensors          arithmetic.go: a kernel, or a table of all pairs of bytes
//	pooling, mean, maximum             pool.go, mean.go
//	softmax                            softmax.go: the exponentials of 256 differences
//	pad, slice, concatenate            pad.go, concat.go: copies
//	reshape, squeeze                   nothing: two names for one place
//
// # The set's activations
//
// x86's instructions want activations unsigned, Arm's signed; a kernel set says which (kernels.Set.Signed). A network of
// the other type is moved by 128: inputs and outputs have their sign bit flipped, and everything between follows from
// zero points, which are moved, too.
//
// # Threads
//
// A step is cut into chunks, which the caller of Run and the workers share (chunks.go, threads.go). A Net belongs to one
// goroutine at a time; Close ends its workers.
package engine

import (
	"strings"

	"edge/kernels"
	"edge/model"
	"edge/quant"
)

// Options say how to run a network. The zero value means the fastest kernels and one thread.
type Options struct {
	Kernels *kernels.Set
	Threads int
	Donor   Donor // whose packed layers are taken over; the zero value for none
}

// Net is a network that is ready to run. It belongs to one goroutine at a time.
type Net struct {
	inputs, outputs []Tensor
	steps           []step
	infos           []StepInfo
	arena           []byte
	lowerBound      int
	weights         int
	packed          map[int]packed // by the tensor that a layer writes: for those that take them over
	kernels         string
	team            *team
}

// Tensor is an input or an output of a network. Data lies in the arena, in the network's own type.
type Tensor struct {
	Name  string
	Type  model.Type
	Shape []int
	Quant quant.Params // the zero value if the type is Float32
	Data  []byte
}

// StepInfo says what one step does, for people and for package estimate.
type StepInfo struct {
	Kind       string         // "pointwise", "depthwise", …; "fused" for several layers in one
	Window     kernels.Window // of a convolution that sees more than a pixel, or of a pooling; else the zero value
	Layers     []StepInfo     // of a fused step, in order; only a step itself has From, To and Share
	Between    int            // of a fused step: the bytes that lie between its layers at a time, for each thread
	Share      float64        // of the step's work, what the busiest thread gets
	Name       string         // of the tensor it writes
	In, Out    []int
	From, To   int // the bytes of the arena that it writes
	MACs       int
	Parameters int
	Quant      quant.Params // of the output, in the network's own type
	Type       model.Type   // of the output
	Kernel     string       // the set that runs it, with an instruction if the set chose one; or "go"
}

// String says what the step does: "pointwise", "depthwise 3×3/2", or that of each layer of a fused step.
func (s StepInfo) String() string {
	switch {
	case len(s.Layers) > 0:
		var all []string
		for _, l := range s.Layers {
			all = append(all, l.String())
		}
		return strings.Join(all, " → ")
	case s.Window == kernels.Window{}:
		return s.Kind
	}
	return s.Kind + " " + sizes(s.Window)
}

// step computes one layer, in chunks that may run at the same time and in any order.
type step struct {
	chunks int
	units  int // equal parts of the work that the chunks share out, such as rows; 0 if it is one
	run    func(worker, chunk int)
	begin  func(worker int) // if it isn't nil: called before the first chunk that a worker runs of the step, in each run
}

// ready prepares a worker for the step's chunks.
func (s *step) ready(worker int) {
	if s.begin != nil {
		s.begin(worker)
	}
}

// Compile prepares a network to be run. It checks all that could fail, and its errors name the step: ErrFloat for a
// network in float32, ErrMemory for one that needs too much memory.
func Compile(g *model.Graph, o Options) (*Net, error) {
	if o.Kernels == nil {
		o.Kernels = kernels.Best()
	}
	return compile(g, o, o.Kernels.FuseFrom)
}

// compile is Compile with fuseFrom in place of that of the kernel set.
func compile(g *model.Graph, o Options, fuseFrom int) (*Net, error) {
	c := &compiler{graph: g, set: o.Kernels, threads: max(o.Threads, 1), donor: o.Donor, packed: map[int]packed{}}
	if err := c.check(); err != nil {
		return nil, err
	}
	c.findChains(fuseFrom)
	if err := c.planMemory(); err != nil {
		return nil, err
	}
	for i := 0; i < len(g.Nodes); i += c.chains[i] {
		add := c.node
		if c.chains[i] > 1 {
			add = c.chain
		}
		if err := add(i); err != nil {
			return nil, err
		}
	}
	return c.finish(), nil
}

// Inputs and Outputs return the network's tensors, in its order. Write the inputs' data before each Run, which uses it
// up; the outputs' data is valid until the next Run.
func (n *Net) Inputs() []Tensor { return n.inputs }

// Outputs returns the network's outputs; see Inputs.
func (n *Net) Outputs() []Tensor { return n.outputs }

// Input returns the first input's data.
func (n *Net) Input() []byte { return n.inputs[0].Data }

// Output returns the first output's data.
func (n *Net) Output() []byte { return n.outputs[0].Data }

// Run computes the outputs from the inputs.
func (n *Net) Run() { n.team.run() }

// OnStep makes each Run call f after every step, on Run's goroutine, as a sign of life in a computation that takes
// seconds on a slow machine. f must return at once.
func (n *Net) OnStep(f func()) { n.team.onStep = f }

// Close ends the network's threads, if it has several. The network must not be run again.
func (n *Net) Close() { n.team.close() }

// Steps returns what Run does, in order.
func (n *Net) Steps() []StepInfo { return n.infos }

// RunStep runs one step alone, on the calling goroutine: for profiles. Steps must run in order.
func (n *Net) RunStep(i int) {
	n.steps[i].runAll()
}

// Memory returns the size of the arena, the least that any arena for this order of steps could have (the largest sum of
// activations that are alive at one step), and the size of the packed weights without a donor's, in bytes.
func (n *Net) Memory() (arena, lowerBound, weights int) { return len(n.arena), n.lowerBound, n.weights }

// Kernels returns the name of the kernel set.
func (n *Net) Kernels() string { return n.kernels }
