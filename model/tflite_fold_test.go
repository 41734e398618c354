package model

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	flatbuffers "github.com/google/flatbuffers/go"
)

// handmade writes files with operations that this package reads, but never writes.
type handmade struct {
	writer
	tensors, buffers, operators, codes []flatbuffers.UOffsetT
}

func newHandmade() *handmade {
	c := &handmade{writer: writer{flatbuffers.NewBuilder(1 << 10)}}
	c.StartObject(0)
	c.buffers = append(c.buffers, c.EndObject())
	return c
}

// tensor adds an activation (kind FLOAT32 without data) or integers.
func (c *handmade) tensor(kind Type, shape []int, data ...int) int {
	buffer := 0
	if data != nil {
		var b []byte
		for _, v := range data {
			if b = binary.LittleEndian.AppendUint32(b, uint32(int32(v))); kind == Int64 {
				b = binary.LittleEndian.AppendUint32(b, uint32(v>>31))
			}
		}
		bytes := c.CreateByteVector(b)
		c.StartObject(bufferSlots)
		c.offset(bufferData, bytes)
		c.buffers = append(c.buffers, c.EndObject())
		buffer = len(c.buffers) - 1
	}
	dims, name := c.int32s(shape), c.string("t")
	c.StartObject(tensorSlots)
	c.offset(tensorShape, dims)
	c.PrependInt8Slot(tensorType, map[Type]int8{Float32: 0, Int32: 2, Int64: 4}[kind], 0)
	c.PrependUint32Slot(tensorBuffer, uint32(buffer), 0)
	c.offset(tensorName, name)
	c.tensors = append(c.tensors, c.EndObject())
	return len(c.tensors) - 1
}

// node adds an operation with options of integers, by slot.
func (c *handmade) node(name string, optionsType int, options map[int]int32, out int, in ...int) {
	c.StartObject(10)
	for slot, v := range options {
		c.PrependInt32Slot(slot, v, 0)
	}
	o := c.EndObject()
	inputs, outputs := c.int32s(in), c.int32s([]int{out})
	c.StartObject(opCodeSlots)
	c.PrependInt8Slot(opCodeDeprecated, int8(slices.Index(tfliteOps, name)), 0)
	c.codes = append(c.codes, c.EndObject())
	c.StartObject(operatorSlots)
	c.PrependUint32Slot(operatorCode, uint32(len(c.codes)-1), 0)
	c.offset(operatorInputs, inputs)
	c.offset(operatorOutputs, outputs)
	c.PrependByteSlot(operatorOptionsType, byte(optionsType), 0)
	c.offset(operatorOptions, o)
	c.operators = append(c.operators, c.EndObject())
}

func (c *handmade) read(in, out int) (*Graph, error) {
	tensors, operators, codes, buffers := c.tables(c.tensors...), c.tables(c.operators...), c.tables(c.codes...), c.tables(c.buffers...)
	inputs, outputs := c.int32s([]int{in}), c.int32s([]int{out})
	c.StartObject(subgraphSlots)
	c.offset(subgraphTensors, tensors)
	c.offset(subgraphInputs, inputs)
	c.offset(subgraphOutputs, outputs)
	c.offset(subgraphOperators, operators)
	subgraphs := c.tables(c.EndObject())
	c.StartObject(modelSlots)
	c.PrependUint32Slot(modelVersion, tfliteVersion, 0)
	c.offset(modelOperatorCodes, codes)
	c.offset(modelSubgraphs, subgraphs)
	c.offset(modelBuffers, buffers)
	c.FinishWithFileIdentifier(c.EndObject(), []byte(tfliteIdentifier))
	return ReadTFLite(c.FinishedBytes())
}

// TestFoldsShapes: what Keras's Flatten and Reshape become if the batch isn't fixed is one reshape.
func TestFoldsShapes(t *testing.T) {
	for _, kind := range []Type{Int32, Int64} {
		for name, s := range map[string]struct {
			begin, end, stride int
			options            map[int]int32
			scalar             bool
		}{
			"element":   {0, 1, 1, map[int]int32{sliceShrinkMask: 1}, true},
			"range":     {0, 1, 1, nil, false},
			"negative":  {-4, -3, 1, map[int]int32{sliceShrinkMask: 1}, true},
			"to end":    {3, 0, 9, map[int]int32{sliceEndMask: 1}, false}, // 36: not 1
			"backwards": {0, 0, -1, map[int]int32{sliceEndMask: 1}, false},
		} {
			c := newHandmade()
			x, y := c.tensor(Float32, []int{1, 2, 3, 36}), c.tensor(Float32, []int{1, 216})
			shape, packed, rest := c.tensor(kind, []int{4}), c.tensor(kind, []int{2}), c.tensor(kind, nil, 216)
			batch := c.tensor(kind, []int{1})
			if s.scalar {
				batch = c.tensor(kind, nil)
			}
			one := func(v int) int { return c.tensor(Int32, []int{1}, v) }
			begin, end, stride := one(s.begin), one(s.end), one(s.stride)
			c.node("SHAPE", 55, nil, shape, x)
			c.node("STRIDED_SLICE", stridedSliceOptions, s.options, batch, shape, begin, end, stride)
			c.node("PACK", packOptions, nil, packed, batch, rest)
			c.node("RESHAPE", noOptions, nil, y, x, packed)
			g, err := c.read(x, y)
			if name == "to end" {
				if err == nil || !strings.Contains(err.Error(), "to [36 216], but its output is 1×216") {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%v, %s: %v", kind, name, err)
			}
			if len(g.Nodes) != 1 || len(g.Tensors) != 2 || OpName(g.Nodes[0].Op) != "Reshape" {
				t.Errorf("%v, %s: %d nodes, %d tensors", kind, name, len(g.Nodes), len(g.Tensors))
			}
		}
	}
}

// TestReadsAsReshape: what only moves dimensions of 1 moves no element.
func TestReadsAsReshape(t *testing.T) {
	for name, c := range map[string]struct {
		op      string
		in, out []int
		operand []int
		err     string
	}{
		"transpose":    {"TRANSPOSE", []int{1, 1, 1, 5}, []int{1, 5, 1, 1}, []int{0, 3, 1, 2}, ""},
		"in place":     {"TRANSPOSE", []int{1, 2, 3, 1}, []int{1, 1, 2, 3}, []int{0, 3, 1, 2}, ""},
		"pixels":       {"TRANSPOSE", []int{1, 2, 3, 4}, []int{1, 4, 2, 3}, []int{0, 3, 1, 2}, "moves pixels or channels"},
		"out of range": {"TRANSPOSE", []int{1, 5}, []int{1, 5}, []int{0, 2}, "dimension 2 of an input of 1×5"},
		"too short":    {"TRANSPOSE", []int{1, 5}, []int{1, 5}, []int{0}, "an order of 1 dimensions"},
		"expand":       {"EXPAND_DIMS", []int{1, 5}, []int{1, 1, 5}, []int{1}, ""},
	} {
		w := newHandmade()
		x, y, operand := w.tensor(Float32, c.in), w.tensor(Float32, c.out), w.tensor(Int32, []int{len(c.operand)}, c.operand...)
		w.node(c.op, noOptions, nil, y, x, operand)
		g, err := w.read(x, y)
		switch {
		case c.err == "" && (err != nil || OpName(g.Nodes[0].Op) != "Reshape"):
			t.Errorf("%s: %v", name, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}
