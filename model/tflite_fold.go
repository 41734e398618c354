package model

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A converter that doesn't know the batch's size writes how to compute a shape:
//
//	activation ─ SHAPE ─ STRIDED_SLICE ─┐
//	                          constant ─┴ PACK ─ shape ▶ RESHAPE
//
// With the batch of 1 that a file's tensors have, all of it is known when the file is read.

// fold computes an operation whose result is known now, and reports whether it is one. It makes no node: its output becomes
// a constant.
func (o *operator) fold(name string) (folded bool, err error) {
	if len(o.inputs) == 0 || o.inputs[0] < 0 || len(o.outputs) != 1 || o.outputs[0] < 0 {
		return false, nil
	}
	x, y := &o.g.Tensors[o.inputs[0]], &o.g.Tensors[o.outputs[0]]
	if o.float && name == "DEQUANTIZE" && x.Data != nil && y.Data == nil && y.Type == Float32 {
		from := *x
		if err := o.dequantize(&from); err != nil {
			return false, err
		}
		y.Data, y.Quant, y.Axis = from.Data, from.Quant, from.Axis
		return true, nil
	}
	integers := y.Type == Int32 || y.Type == Int64
	var v []int
	switch {
	case !integers || y.Data != nil:
		return false, nil
	case name == "SHAPE":
		if _, err := elements(x.Shape, maxActivationBytes); err != nil {
			return false, fmt.Errorf("%s: %w", o.g.tensorPlace(o.inputs[0]), err)
		}
		v = x.Shape
	case name == "PACK":
		v, err = o.packed()
	case name == "STRIDED_SLICE" && x.Data != nil:
		v, err = o.slicedIntegers()
	default:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(v) != Elements(y.Shape) {
		return false, fmt.Errorf("it has %d elements, but the file says %s", len(v), shapeString(y.Shape))
	}
	y.Data = make([]byte, 0, len(v)*y.Type.Size())
	for _, i := range v {
		if y.Type == Int64 {
			y.Data = binary.LittleEndian.AppendUint64(y.Data, uint64(int64(i)))
		} else {
			y.Data = binary.LittleEndian.AppendUint32(y.Data, uint32(int32(min(max(i, math.MinInt32), math.MaxInt32))))
		}
	}
	return true, o.err
}

// packed puts single integers side by side.
func (o *operator) packed() (v []int, err error) {
	if axis := o.options.int32(packAxis, 0); axis != 0 && axis != -1 || len(o.inputs) > maxRank {
		return nil, fmt.Errorf("%d tensors along axis %d: only single numbers can be put together", len(o.inputs), axis)
	}
	for _, i := range o.inputs {
		one, err := o.integers(i, "number")
		if err != nil {
			return nil, err
		}
		if len(one) != 1 {
			return nil, fmt.Errorf("%s: only single numbers can be put together", o.g.tensorPlace(i))
		}
		v = append(v, one[0])
	}
	return v, nil
}

func (o *operator) slicedIntegers() ([]int, error) {
	from, err := o.integers(o.inputs[0], "numbers")
	if err != nil {
		return nil, err
	}
	ranges, err := o.sliced([]int{len(from)})
	if err != nil {
		return nil, err
	}
	var v []int
	for i := range ranges[0].size {
		v = append(v, from[ranges[0].begin+i*ranges[0].stride])
	}
	return v, nil
}

// sliceRange is what a slice takes along one dimension.
type sliceRange struct {
	begin, size, stride int
	shrink              bool // the dimension goes
}

// sliced resolves the operands and masks of a STRIDED_SLICE of a tensor of shape x. Bits of the masks stand for
// dimensions: begin or end there is that of the dimension.
func (o *operator) sliced(x []int) ([]sliceRange, error) {
	if len(o.inputs) != 4 {
		return nil, fmt.Errorf("it has %d inputs, not 4", len(o.inputs))
	}
	var operands [3][]int
	for k, what := range []string{"begins", "ends", "strides"} {
		var err error
		if operands[k], err = o.integers(o.inputs[1+k], what); err != nil {
			return nil, err
		}
	}
	begins, ends, strides := operands[0], operands[1], operands[2]
	if len(begins) > len(x) || len(ends) != len(begins) || len(strides) != len(begins) {
		return nil, fmt.Errorf("%d begins, %d ends and %d strides of an input of %s", len(begins), len(ends), len(strides),
			shapeString(x))
	}
	if o.options.int32(sliceEllipsisMask, 0) != 0 || o.options.int32(sliceNewAxisMask, 0) != 0 {
		return nil, fmt.Errorf("a slice with an ellipsis or a new axis isn't supported: slice every dimension")
	}
	has := func(slot, dimension int) bool { return o.options.int32(slot, 0)>>dimension&1 != 0 }
	ranges := make([]sliceRange, len(x))
	for i, d := range x {
		if d < 1 {
			return nil, fmt.Errorf("an input of %s", shapeString(x))
		}
		ranges[i] = sliceRange{0, d, 1, false}
		if i >= len(begins) {
			continue
		}
		stride := strides[i]
		if stride == 0 || stride > maxActivationBytes || stride < -maxActivationBytes {
			return nil, fmt.Errorf("a stride of %d", stride)
		}
		lo, hi := 0, d // where begin and end may be, in the direction of the stride
		if stride < 0 {
			lo, hi = -1, d-1
		}
		at := func(v, none int, mask bool) int {
			if mask {
				return none
			}
			if v < 0 {
				v += d
			}
			return min(max(v, lo), hi)
		}
		first, last := lo, hi
		if stride < 0 {
			first, last = hi, lo
		}
		begin, end := at(begins[i], first, has(sliceBeginMask, i)), at(ends[i], last, has(sliceEndMask, i))
		if has(sliceShrinkMask, i) {
			ranges[i] = sliceRange{begin, 1, 1, true}
			if begin < 0 || begin >= d {
				return nil, fmt.Errorf("element %d of dimension %d of %s", begins[i], i, shapeString(x))
			}
			continue
		}
		size := (end - begin + stride - sign(stride)) / stride
		if size < 1 {
			return nil, fmt.Errorf("nothing is left of dimension %d of %s", i, shapeString(x))
		}
		ranges[i] = sliceRange{begin, size, stride, false}
	}
	return ranges, nil
}

func sign(x int) int {
	if x < 0 {
		return -1
	}
	return 1
}
