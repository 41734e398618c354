package ptq

import (
	"context"
	"fmt"

	"edge/engine"
	"edge/model"
)

// Agreement says how often an int8 network says the same as the float32 one.
type Agreement struct {
	Pictures int
	Same     int // pictures with the same class
	Classes  int // how many classes the float32 network gives all of them
}

// Agree runs both networks on the pictures: the float32 one in float32, the int8 one in the engine, as it will run. A
// network with one output has two classes: above the middle, and below.
func Agree(ctx context.Context, float, int8Graph *model.Graph, p *Pictures, o Options) (Agreement, error) {
	a, err := agree(ctx, float, int8Graph, p, o)
	if err != nil {
		return a, fmt.Errorf("compare: %w", err)
	}
	return a, nil
}

func agree(ctx context.Context, float, int8Graph *model.Graph, p *Pictures, o Options) (Agreement, error) {
	layers, err := layersOf(float)
	if err != nil {
		return Agreement{}, err
	}
	c := &calibration{graph: float, layers: layers, samples: p.Samples(*float.Normalization), options: o}
	var nets []*engine.Net
	for range workers(o.Threads, p.Count()) {
		e, err := newExecutor(float, layers)
		if err != nil {
			return Agreement{}, err
		}
		net, err := engine.Compile(int8Graph, engine.Options{Threads: 1})
		if err != nil {
			return Agreement{}, err
		}
		defer net.Close()
		c.executors, nets = append(c.executors, e), append(nets, net)
	}
	threshold := float32(0) // of a single output
	for _, n := range float.Nodes {
		if _, ok := n.Op.(model.Logistic); ok && n.Outputs[0] == float.Outputs[0] {
			threshold = 0.5
		}
	}
	classes := make([][2]int, len(nets)) // by float32, by int8
	visit := func(w int) error {
		e, net := c.executors[w], nets[w]
		q := net.Inputs()[0].Quant
		for i, v := range e.input() {
			net.Input()[i] = byte(q.Quantize(v, -128, 127))
		}
		for _, step := range e.steps {
			step()
		}
		net.Run()
		q = net.Outputs()[0].Quant
		scores := make([]float32, len(net.Output()))
		for i, b := range net.Output() {
			scores[i] = q.Real(int32(int8(b)))
		}
		classes[w] = [2]int{class(e.values[float.Outputs[0]], threshold), class(scores, threshold)}
		return nil
	}
	result := Agreement{Pictures: p.Count()}
	seen := map[int]bool{}
	merge := func(w int) {
		seen[classes[w][0]] = true
		if classes[w][0] == classes[w][1] {
			result.Same++
		}
	}
	err = c.each(ctx, "comparing with float32", p.Count(), visit, merge)
	result.Classes = len(seen)
	return result, err
}

// class is the index of the greatest score; for a single score, whether it is above the threshold.
func class(scores []float32, threshold float32) int {
	if len(scores) == 1 {
		if scores[0] > threshold {
			return 1
		}
		return 0
	}
	best := 0
	for i, v := range scores {
		if v > scores[best] {
			best = i
		}
	}
	return best
}
