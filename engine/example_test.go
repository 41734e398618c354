package engine_test

import (
	"fmt"

	"edge/engine"
	"edge/mobilenet"
)

// A small MobileNet with random weights sees a grey picture.
func ExampleCompile() {
	blueprint, err := mobilenet.V1(0.25, 32, 4)
	if err != nil {
		panic(err)
	}
	net, err := engine.Compile(blueprint.Graph(1), engine.Options{Threads: 1})
	if err != nil {
		panic(err)
	}
	defer net.Close()

	in, out := net.Inputs()[0], net.Outputs()[0]
	fmt.Println("in: ", in.Type, in.Shape, "real = q /", 1/in.Quant.Scale)
	fmt.Println("out:", out.Type, out.Shape, "real = (q + 128) /", 1/out.Quant.Scale)
	clear(net.Input()) // 0 stands for grey
	net.Run()
	sum := float32(0)
	for _, q := range net.Output() {
		sum += out.Quant.Real(int32(int8(q)))
	}
	fmt.Printf("four probabilities, about %.1f in sum\n", sum)
	layers := 0
	for _, step := range net.Steps() {
		if step.MACs > 0 && layers < 3 {
			fmt.Println(step, step.In, "→", step.Out)
			layers++
		}
	}
	// Output:
	// in:  s8 [1 32 32 3] real = q / 128
	// out: s8 [1 4] real = (q + 128) / 256
	// four probabilities, about 1.0 in sum
	// conv 3×3/2 [1 32 32 3] → [1 16 16 8]
	// depthwise 3×3/1 [1 16 16 8] → [1 16 16 8]
	// pointwise [1 16 16 8] → [1 16 16 16]
}
