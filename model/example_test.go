package model_test

import (
	"fmt"

	"edge/model"
)

// A graph of one node, written to a .tflite file and read back.
func ExampleReadTFLite() {
	quant := []model.Quant{{Scale: 0.1, ZeroPoint: 128}}
	g := &model.Graph{
		Name: "clip",
		Tensors: []model.Tensor{
			{Name: "x", Type: model.Uint8, Shape: []int{1, 8}, Quant: quant},
			{Name: "y", Type: model.Uint8, Shape: []int{1, 8}, Quant: quant},
		},
		Nodes:   []model.Node{{Op: model.Rectifier{Activation: model.Relu6}, Inputs: []int{0}, Outputs: []int{1}}},
		Inputs:  []int{0},
		Outputs: []int{1},
	}
	file, err := g.WriteTFLite()
	if err != nil {
		panic(err)
	}
	back, err := model.ReadTFLite(file)
	if err != nil {
		panic(err)
	}
	for _, n := range back.Nodes {
		y := back.Tensors[n.Outputs[0]]
		fmt.Println(model.TFLiteName(n.Op), "→", y.Name, y.Type, y.Shape)
	}

	back.Tensors[1].Shape = []int{1, 7}
	fmt.Println(back.Check())
	// Output:
	// RELU6 → y u8 [1 8]
	// model: node 0 (Rectifier → y): its output is 1×8, but the file says 1×7
}
