"""A quantized .tflite file as ONNX, for ONNX Runtime: integer operators throughout, no conversion to float32 between.

Activations are uint8, the kind that ONNX Runtime has its fastest kernels for: an int8 network is the same network with
activations and zero points moved up by 128. Weights stay as they are, or with signed_weights uint8 ones move down by 128
to int8, which ONNX Runtime computes faster. Nothing is rounded anew: what differs from TensorFlow Lite is ONNX Runtime's
own arithmetic.
"""

import numpy as np
import tflite
from onnx import TensorProto, helper, numpy_helper

TYPES = {getattr(tflite.TensorType, n): d for n, d in
         {"UINT8": np.uint8, "INT8": np.int8, "INT32": np.int32, "FLOAT32": np.float32}.items()}
OPERATORS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if not k.startswith("_")}


class Converter:
    def __init__(self, data, signed_weights):
        self.signed_weights = signed_weights
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes, self.constants = [], {}

    def tensor(self, i):
        return self.graph.Tensors(i)

    def quant(self, i):
        """Scales and zero point of a tensor, in uint8."""
        t = self.tensor(i)
        q = t.Quantization()
        return q.ScaleAsNumpy(), int(q.ZeroPointAsNumpy()[0]) + (128 if t.Type() == tflite.TensorType.INT8 else 0)

    def values(self, i):
        t = self.tensor(i)
        raw = self.model.Buffers(t.Buffer()).DataAsNumpy()
        return np.frombuffer(raw.tobytes(), TYPES[t.Type()]).reshape(t.ShapeAsNumpy())

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def scale(self, i):
        """The operands (name, scale, zero point) of a quantized activation, or of a constant in its place."""
        scale, zero = self.quant(i)
        name = f"t{i}"
        if self.model.Buffers(self.tensor(i).Buffer()).DataLength():
            values = self.values(i)
            if values.dtype == np.int8:
                values = (values.astype(np.int16) + 128).astype(np.uint8)
            name = self.constant(values.transpose(0, 3, 1, 2) if values.ndim == 4 else values)
        return [name, self.constant(np.float32(scale[0])), self.constant(np.uint8(zero))]

    def add(self, op, inputs, output, domain="", **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))

    def output(self, i, activation):
        """The name to write activation i to. Its clamp follows where the range of uint8 doesn't imply it."""
        scale, zero = self.quant(i)
        least = {0: 0, 1: zero, 3: zero}[activation]
        most = min(255, zero + round(6 / scale[0])) if activation == 3 else 255
        if (least, most) == (0, 255):
            return f"t{i}"
        self.late = ("Clip", [f"t{i}_raw", self.constant(np.uint8(least)), self.constant(np.uint8(most))], f"t{i}")
        return f"t{i}_raw"

    def convolution(self, op, ins, out, depthwise):
        o = (tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)()
        o.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
        w = self.values(ins[1])
        kernel, strides = w.shape[1:3], (o.StrideH(), o.StrideW())
        weights = w.transpose(3, 0, 1, 2) if depthwise else w.transpose(0, 3, 1, 2)
        attributes = {"group": w.shape[3] // o.DepthMultiplier()} if depthwise else {}
        self.add("QLinearConv",
                 self.scale(ins[0]) + self.weights(weights, ins[1]) + self.scale(out)[1:] + [self.constant(self.values(ins[2]))],
                 self.output(out, o.FusedActivationFunction()), kernel_shape=kernel, strides=strides,
                 pads=self.pads(o.Padding(), ins[0], kernel, strides), **attributes)

    def weights(self, w, i):
        scale = self.tensor(i).Quantization().ScaleAsNumpy()
        zero = self.tensor(i).Quantization().ZeroPointAsNumpy()
        if w.dtype == np.uint8 and self.signed_weights:
            w, zero = (w.astype(np.int16) - 128).astype(np.int8), zero - 128
        if len(scale) == 1:
            scale, zero = scale[0], zero[0]
        return [self.constant(w), self.constant(np.asarray(scale, np.float32)), self.constant(np.asarray(zero, w.dtype))]

    def pads(self, padding, i, kernel, strides):
        if padding == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        before, after = [], []
        for size, k, s in zip(self.tensor(i).ShapeAsNumpy()[1:3], kernel, strides):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            before.append(int(total // 2))
            after.append(int(total - total // 2))
        return before + after

    def node(self, op):
        name = OPERATORS[self.model.OperatorCodes(op.OpcodeIndex()).BuiltinCode()]
        ins, out = [int(i) for i in op.InputsAsNumpy()], int(op.OutputsAsNumpy()[0])
        self.late = None
        if name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self.convolution(op, ins, out, name != "CONV_2D")
        elif name in ("ADD", "MUL"):
            o = (tflite.AddOptions if name == "ADD" else tflite.MulOptions)()
            o.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
            self.add("QLinear" + name.title(), self.scale(ins[0]) + self.scale(ins[1]) + self.scale(out)[1:],
                     self.output(out, o.FusedActivationFunction()), "com.microsoft")
        elif name == "HARD_SWISH":  # in float32: ONNX Runtime has no integer one
            self.add("DequantizeLinear", self.scale(ins[0]), f"t{ins[0]}_f32_{out}")
            self.add("HardSwish", [f"t{ins[0]}_f32_{out}"], f"t{out}_f32")
            self.add("QuantizeLinear", [f"t{out}_f32"] + self.scale(out)[1:], f"t{out}")
        elif name == "MEAN":
            self.global_average(ins[0], out)
        elif name == "AVERAGE_POOL_2D":
            o = tflite.Pool2DOptions()
            o.Init(op.BuiltinOptions().Bytes, op.BuiltinOptions().Pos)
            if [o.FilterHeight(), o.FilterWidth()] != list(self.tensor(ins[0]).ShapeAsNumpy()[1:3]):
                raise ValueError("an average pool over less than the whole picture")
            self.global_average(ins[0], out)
        elif name == "FULLY_CONNECTED":
            flat = f"t{ins[0]}"
            if len(self.shape(ins[0])) == 4:
                flat += "_flat"
                self.add("Flatten", [f"t{ins[0]}"], flat)
            w = self.weights(self.values(ins[1]), ins[1])
            # The scale of the bias is the product of the other two, in QGemm as in TensorFlow Lite.
            self.add("QGemm", [flat] + self.scale(ins[0])[1:] + w + [self.constant(self.values(ins[2]))] + self.scale(out)[1:],
                     f"t{out}", "com.microsoft", transB=1)
        elif name in ("RESHAPE", "SQUEEZE"):
            shape = self.constant(np.asarray(self.shape(out), np.int64))
            self.add("Reshape", [f"t{ins[0]}", shape], f"t{out}")
        elif name == "SOFTMAX":
            self.add("QLinearSoftmax", self.scale(ins[0]) + self.scale(out)[1:], f"t{out}", "com.microsoft", axis=-1, opset=13)
        elif name == "QUANTIZE" and self.tensor(ins[0]).Type() == tflite.TensorType.FLOAT32:
            self.add("QuantizeLinear", [f"t{ins[0]}"] + self.scale(out)[1:], f"t{out}")
        elif name == "QUANTIZE" and np.array_equal(self.quant(ins[0])[0], self.quant(out)[0]) \
                and self.quant(ins[0])[1] == self.quant(out)[1]:
            self.add("Identity", [f"t{ins[0]}"], f"t{out}")
        elif name == "DEQUANTIZE":
            self.add("DequantizeLinear", self.scale(ins[0]), f"t{out}")
        else:
            raise ValueError(f"operator {name} isn't converted")
        if self.late:
            self.add(*self.late)

    def global_average(self, i, out):
        pooled = f"t{out}" if len(self.shape(out)) == 4 else f"t{out}_4d"
        self.add("QLinearGlobalAveragePool", self.scale(i) + self.scale(out)[1:], pooled, "com.microsoft", channels_last=0)
        if pooled != f"t{out}":
            self.add("Flatten", [pooled], f"t{out}")

    def shape(self, i):
        s = [int(v) for v in self.tensor(i).ShapeAsNumpy()]
        return [s[0], s[3], s[1], s[2]] if len(s) == 4 else s

    def convert(self):
        for i in range(self.graph.OperatorsLength()):
            self.node(self.graph.Operators(i))

        def value(i):
            kind = TensorProto.FLOAT if self.tensor(i).Type() == tflite.TensorType.FLOAT32 else TensorProto.UINT8
            return helper.make_tensor_value_info(f"t{i}", kind, self.shape(i))

        graph = helper.make_graph(self.nodes, "net", [value(i) for i in self.graph.InputsAsNumpy()],
                                  [value(i) for i in self.graph.OutputsAsNumpy()], list(self.constants.values()))
        return helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])


def convert(data, signed_weights=False):
    return Converter(data, signed_weights).convert().SerializeToString()
