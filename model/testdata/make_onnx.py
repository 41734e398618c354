"""Makes the .onnx files in onnx/, with random weights, and beside each what onnxruntime computes: NAME.f32 holds the
input and then the output, little-endian float32, as the file has them (NCHW).

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 onnxruntime==1.32.0 && venv/bin/python make_onnx.py
"""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent / "onnx"


class Net:
    """Writes nodes one after the other, as the exporters do."""

    def __init__(self, name, shape, opset, *, raw=True, batch=1):
        self.name, self.opset, self.raw = name, opset, raw
        self.rng = np.random.default_rng(sum(map(ord, name)))
        self.nodes, self.weights = [], []
        self.shape, self.batch, self.channels = shape, batch, shape[1]
        self.last = "input"

    def op(self, kind, *inputs, outputs=None, **attributes):
        out = f"/{kind.lower()}_{len(self.nodes)}_output_0"
        names = outputs or [out]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"/{kind}_{len(self.nodes)}", **attributes))
        self.last = names[0]
        return self.last

    def const(self, value, dtype=np.float32, name="w"):
        value = np.asarray(value, dtype)
        full = f"{name}{len(self.weights)}"
        if self.raw:
            tensor = numpy_helper.from_array(value, full)
        else:
            kind = {np.float32: TensorProto.FLOAT, np.int64: TensorProto.INT64}[dtype]
            tensor = helper.make_tensor(full, kind, value.shape, value.flatten().tolist())
        self.weights.append(tensor)
        return full

    def random(self, *shape, scale=1.0, shift=0.0):
        return self.const(self.rng.standard_normal(shape) * scale + shift)

    def conv(self, out, kernel, stride=1, pads=None, group=1, bias=True, x=None, **attributes):
        w = self.random(out, self.channels // group, kernel, kernel, scale=1 / np.sqrt(kernel * kernel * self.channels / group))
        inputs = [x or self.last, w] + ([self.random(out, scale=0.3)] if bias else [])
        if pads is not None:
            attributes["pads"] = pads
        self.channels = out
        return self.op("Conv", *inputs, group=group, strides=[stride, stride], kernel_shape=[kernel, kernel], **attributes)

    def bn(self):
        c = self.channels
        inputs = [self.random(c, scale=0.2, shift=1), self.random(c, scale=0.2), self.random(c, scale=0.2),
                  self.const(self.rng.uniform(0.3, 2, c))]
        return self.op("BatchNormalization", self.last, *inputs, epsilon=1e-3, momentum=0.9)

    def relu6(self, constants=False):
        if constants:
            lo = self.op_const(np.float32(0))
            hi = self.op_const(np.float32(6))
            return lambda x: self.op("Clip", x, lo, hi)
        lo, hi = self.const(0.0), self.const(6.0)
        return lambda x: self.op("Clip", x, lo, hi)

    def op_const(self, value):
        last = self.last
        name = self.op("Constant", value=numpy_helper.from_array(np.asarray(value)))
        self.last = last
        return name

    def gemm(self, out, inputs, transposed=True, **attributes):
        w = self.random(*((out, inputs) if transposed else (inputs, out)), scale=0.3)
        return self.op("Gemm", self.last, w, self.random(out), transB=int(transposed), **attributes)

    def save(self, folder=HERE):
        x = helper.make_tensor_value_info("input", TensorProto.FLOAT, [self.batch, *self.shape[1:]])
        self.nodes[-1].output[0] = "output"
        y = helper.make_tensor_value_info("output", TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "main_graph", [x], [y], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8 if self.opset < 21 else 10)
        model = onnx.shape_inference.infer_shapes(model)
        onnx.checker.check_model(model)
        folder.mkdir(exist_ok=True)
        (folder / f"{self.name}.onnx").write_bytes(model.SerializeToString())
        given = self.rng.uniform(-2, 2, self.shape).astype(np.float32)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (result,) = session.run(None, {"input": given})
        (folder / f"{self.name}.f32").write_bytes(given.tobytes() + result.astype(np.float32).tobytes())
        print(self.name, given.shape, result.shape, float(np.abs(result).max()))
        return folder / f"{self.name}.onnx"


def v1():
    """V1 as PyTorch exports it in training mode: batch normalizations stand alone; even and odd sizes."""
    n = Net("v1_bn_opset11", (1, 3, 34, 33), 11)
    n.conv(8, 3, 2, [1, 1, 1, 1], bias=False), n.bn(), n.op("Relu", n.last)
    for out, stride in ((16, 1), (24, 2), (24, 2)):
        n.conv(n.channels, 3, stride, [1, 1, 1, 1], group=n.channels, bias=False), n.bn(), n.op("Relu", n.last)
        n.conv(out, 1, bias=False), n.bn(), n.op("Relu", n.last)
    n.op("GlobalAveragePool", n.last), n.op("Flatten", n.last, axis=1)
    n.gemm(10, 24)
    n.save()


def inverted_residual(n, out, stride, relu6, expand=4):
    x, c = n.last, n.channels
    relu6(n.conv(c * expand, 1, pads=[0, 0, 0, 0], dilations=[1, 1]))
    relu6(n.conv(c * expand, 3, stride, [1, 1, 1, 1], group=c * expand))
    n.conv(out, 1)
    if stride == 1 and out == c:
        n.op("Add", x, n.last)


def v2_13():
    """V2 as torchvision exports it: batch normalizations folded, Clip with Constants, a dynamic batch."""
    n = Net("v2_opset13", (1, 3, 32, 32), 13, batch="batch")
    relu6 = n.relu6(constants=True)
    relu6(n.conv(8, 3, 2, [1, 1, 1, 1]))
    for out, stride in ((8, 1), (12, 2), (12, 1)):
        inverted_residual(n, out, stride, relu6)
    relu6(n.conv(32, 1))
    n.op("ReduceMean", n.last, axes=[2, 3], keepdims=0)
    n.op("Dropout", n.last)
    n.gemm(10, 32)
    n.save()


def v2_18():
    """V2 as the newer exporter writes it: axes and bounds are inputs, Reshape instead of Flatten, names repeated."""
    n = Net("v2_opset18", (1, 3, 24, 24), 18)
    relu6 = n.relu6()
    relu6(n.conv(8, 3, 2, [1, 1, 1, 1]))
    for out, stride in ((8, 1), (12, 2)):
        inverted_residual(n, out, stride, relu6)
    n.op("Identity", n.last)
    n.op("ReduceMean", n.last, n.const([-1, -2], np.int64), keepdims=1)
    n.op("Reshape", n.last, n.const([1, 12], np.int64), allowzero=1)
    n.gemm(7, 12, alpha=0.5, beta=2.0, transposed=False)
    n.op("Softmax", n.last, axis=-1)
    n.save()


def keras():
    """As converters from TensorFlow write it: explicit Pad, auto_pad, MatMul and Add, numbers as float_data."""
    n = Net("keras_opset12", (1, 3, 25, 30), 12, raw=False)
    n.op("Pad", n.last, n.const([0, 0, 0, 0, 0, 0, 1, 1], np.int64), n.const(0.0), mode="constant")
    n.conv(6, 3, 2, auto_pad="VALID"), n.op("Relu", n.last)
    n.conv(12, 5, 2, group=6, auto_pad="SAME_UPPER"), n.op("Relu", n.last)
    n.conv(12, 4, 1, group=12, auto_pad="SAME_LOWER", bias=False)
    n.op("Add", n.last, n.random(1, 12, 1, 1))
    n.op("Clip", n.last, n.const(0.0))
    n.op("GlobalAveragePool", n.last)
    n.op("Reshape", n.last, n.const([0, -1], np.int64))
    n.op("MatMul", n.last, n.random(12, 9))
    n.op("Add", n.random(9), n.last)
    n.op("Softmax", n.last)
    n.save()


def odd():
    """What is left: normalization of the input, ReLU after Add, a flattened image, Pad with axes, −1…1."""
    n = Net("odd_opset20", (1, 3, 9, 7), 20)
    n.bn()
    x = n.conv(5, 3, 1, [1, 1, 1, 1])
    n.op("Add", x, x), n.op("Relu", n.last)
    n.op("Pad", n.last, n.const([2, 1, 0, 1], np.int64), "", n.const([-1, 2], np.int64))
    n.conv(4, 3, 2, [0, 1, 2, 0])
    lo = n.op_const(np.float32(-1))
    n.op("Clip", n.conv(4, 1), lo, n.const(1.0)), n.bn(), n.op("Relu", n.last)
    n.op("Flatten", n.last)
    shape = onnx.shape_inference.infer_shapes(helper.make_model(helper.make_graph(
        n.nodes, "g", [helper.make_tensor_value_info("input", TensorProto.FLOAT, n.shape)],
        [helper.make_tensor_value_info(n.last, TensorProto.FLOAT, None)], n.weights),
        opset_imports=[helper.make_opsetid("", 20)])).graph.output[0].type.tensor_type.shape.dim
    n.gemm(6, shape[1].dim_value)
    n.op("Relu", n.last)
    n.op("Reshape", n.last, n.const([1, 6, 1, 1], np.int64))
    n.channels = 6
    n.conv(3, 1)
    n.save()


def pools():
    """V1 with AvgPool2d(7) and its like, as many repositories write it."""
    n = Net("pools_opset17", (1, 3, 37, 29), 17)
    n.op("Relu", n.conv(5, 3, 1, [1, 1, 1, 1]))
    n.op("MaxPool", n.last, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n.op("AveragePool", n.last, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
    n.op("Relu", n.conv(6, 3, 1, [1, 1, 1, 1]))
    n.op("MaxPool", n.last, kernel_shape=[2, 2], strides=[2, 2])
    n.op("AveragePool", n.last, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=0)
    n.op("AveragePool", n.last, kernel_shape=[5, 4], strides=[5, 4])
    n.op("Flatten", n.last)
    n.gemm(4, 6)
    n.save()


def squeeze_excite(n, inner, gate):
    x, c = n.last, n.channels
    n.op("GlobalAveragePool", n.last)
    n.op("Relu", n.conv(inner, 1))
    n.op("Mul", gate(n.conv(c, 1)), x)


def v3():
    """V3 as torchvision exports it."""
    n = Net("v3_opset17", (1, 3, 32, 30), 17)
    swish = lambda x: n.op("HardSwish", x)
    gate = lambda x: n.op("HardSigmoid", x, alpha=0.16666667163372)
    swish(n.conv(8, 3, 2, [1, 1, 1, 1]))
    for out, stride, act in ((8, 1, lambda x: n.op("Relu", x)), (12, 2, swish), (12, 1, swish)):
        x, c = n.last, n.channels
        act(n.conv(3 * c, 1))
        act(n.conv(3 * c, 5, stride, [2, 2, 2, 2], group=3 * c))
        squeeze_excite(n, 8, gate)
        n.conv(out, 1)
        if stride == 1 and c == out:
            n.op("Add", n.last, x)
    swish(n.conv(24, 1))
    n.op("GlobalAveragePool", n.last), n.op("Flatten", n.last)
    swish(n.gemm(16, 24))
    n.gemm(5, 16)
    n.save()


def v3_11():
    """V3 before there was HardSwish: as PyTorch and as TensorFlow write it; the normalization is in the network."""
    n = Net("v3_opset11", (1, 3, 24, 24), 11)
    three, six, sixth = n.const(3.0), n.const(6.0), n.const(1 / 6)

    def relu6(x):
        return n.op("Clip", x, n.const(0.0), six)

    def torch(x):
        return n.op("Mul", x, n.op("Div", relu6(n.op("Add", x, three)), six))

    def tensorflow(x):
        return n.op("Mul", n.op("Mul", x, relu6(n.op("Add", three, x))), sixth)

    def gate(x):
        return n.op("Mul", relu6(n.op("Add", x, three)), sixth)
    n.op("Sub", n.last, n.random(1, 3, 1, 1)), n.op("Div", n.last, n.const(np.array([0.2, 0.3, 0.4]).reshape(1, 3, 1, 1)))
    torch(n.conv(8, 3, 2, [1, 1, 1, 1]))
    tensorflow(n.conv(8, 3, 1, [1, 1, 1, 1], group=8, bias=False))
    squeeze_excite(n, 4, gate)
    n.op("Mul", n.last, n.op("Sigmoid", n.last))
    n.op("ReduceMean", n.last, axes=[2, 3], keepdims=1)
    n.conv(6, 1)
    n.op("Squeeze", n.last, axes=[2, 3])
    n.save()


def functions():
    """What people build of other parts: branches, groups, all kinds of activations and pools."""
    n = Net("functions_opset16", (1, 3, 27, 26), 16)
    n.op("LeakyRelu", n.conv(8, 3, 1, [1, 1, 1, 1]), alpha=0.2)
    n.op("MaxPool", n.op("Relu", n.last), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    x = n.op("PRelu", n.conv(12, 3, 1, [1, 1, 1, 1], group=4), n.random(12, 1, 1, scale=0.3))
    a = n.op("Tanh", n.conv(4, 1, x=x))
    n.channels = 12
    b = n.op("Relu", n.conv(8, 1, x=x))
    n.op("Concat", a, b, axis=1)
    n.op("Mul", n.op("Sub", n.last, x), n.const(0.5))
    parts = [f"part{i}" for i in range(2)]
    n.op("Split", n.last, n.const([4, 8], np.int64), outputs=parts, axis=1)
    n.channels = 8
    n.op("Relu", n.conv(4, 3, 2, [1, 1, 1, 1], x=parts[1]))
    y = n.op("MaxPool", n.last, kernel_shape=[2, 2], strides=[1, 1], pads=[0, 1, 1, 0])
    z = n.op("Slice", parts[0], n.const([0, 0], np.int64), n.const([7, 7], np.int64), n.const([2, 3], np.int64))
    n.op("Add", y, z)
    n.op("Relu", n.last)
    n.op("Add", n.op("GlobalMaxPool", n.last), n.op("GlobalAveragePool", n.last))
    n.op("Transpose", n.op("Flatten", n.last), perm=[0, 1])
    n.gemm(3, 4)
    n.op("Sigmoid", n.last)
    n.save()


def nhwc():
    """As tf2onnx writes it: pictures are NHWC at both ends, and the normalization is inside."""
    n = Net("nhwc_opset15", (1, 3, 18, 20), 15)
    n.shape = (1, 18, 20, 3)
    n.op("Mul", n.last, n.const(0.5)), n.op("Sub", n.last, n.const(np.array([0.1, 0.2, 0.3])))
    n.op("Transpose", n.last, perm=[0, 3, 1, 2])
    n.op("Clip", n.conv(8, 3, 2, auto_pad="SAME_UPPER"), n.const(0.0), n.const(6.0))
    n.op("Transpose", n.last, perm=[0, 2, 3, 1])
    n.op("Mul", n.last, n.random(8)), n.op("Add", n.random(8), n.last), n.op("Relu", n.last)
    n.op("Reshape", n.last, n.const([1, 720], np.int64))
    n.op("MatMul", n.last, n.random(720, 4, scale=0.1)), n.op("Add", n.last, n.random(4))
    n.save()


def old():
    """Operator set 9: bounds, paddings and axes are attributes."""
    n = Net("old_opset9", (1, 3, 20, 21), 9)
    n.op("Pad", n.last, mode="constant", value=0.0, pads=[0, 0, 1, 1, 0, 0, 1, 1])
    n.op("Clip", n.conv(6, 3, 2), min=0.0, max=6.0)
    n.op("Slice", n.last, starts=[1], ends=[-1], axes=[2])
    n.bn(), n.op("Dropout", n.last, ratio=0.5)
    n.op("Unsqueeze", n.op("ReduceMean", n.op("Squeeze", n.last, axes=[0]), axes=[1, 2], keepdims=0), axes=[0])
    n.gemm(4, 6)
    n.op("Softmax", n.last)
    n.save()


def today():
    """Operator set 23."""
    n = Net("today_opset23", (1, 3, 16, 16), 23)
    n.op("HardSwish", n.conv(8, 3, 2, [1, 1, 1, 1]))
    n.op("ReduceMax", n.last, n.const([2, 3], np.int64), keepdims=0)
    n.gemm(4, 8)
    n.save()


def quantized():
    """What onnxruntime quantizes, in both ways in which it writes that, with one scale a tensor or one a channel."""
    import tempfile

    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    n = Net("v2", (1, 3, 20, 20), 17)
    relu6 = n.relu6()
    relu6(n.conv(8, 3, 2, [1, 1, 1, 1]))
    for out, stride in ((8, 1), (12, 2)):
        inverted_residual(n, out, stride, relu6)
    x = n.op("Relu", n.conv(16, 1))
    n.op("Concat", x, n.op("Relu", n.conv(8, 3, 1, [1, 1, 1, 1], x=x)), axis=1)
    n.op("GlobalAveragePool", n.last), n.op("Flatten", n.last)
    n.gemm(5, 24)

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.left = [np.random.default_rng(i).uniform(-2, 2, n.shape).astype(np.float32) for i in range(8)]

        def get_next(self):
            return {"input": self.left.pop()} if self.left else None

    s8, u8 = QuantType.QInt8, QuantType.QUInt8
    target = HERE.parent / "quantized"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = n.save(pathlib.Path(folder))
        for name, form, activation, weight, per_channel in (
            ("qdq_s8", QuantFormat.QDQ, s8, s8, True), ("qdq_u8", QuantFormat.QDQ, u8, s8, False),
            ("qoperator_s8", QuantFormat.QOperator, s8, s8, True), ("qoperator_u8", QuantFormat.QOperator, u8, s8, False),
        ):
            file = target / f"{name}.onnx"
            quantize_static(source, file, Reader(), quant_format=form, activation_type=activation, weight_type=weight,
                            per_channel=per_channel)
            given = np.random.default_rng(9).uniform(-2, 2, n.shape).astype(np.float32)
            (result,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"input": given})
            file.with_suffix(".f32").write_bytes(given.tobytes() + result.tobytes())
            print(name, result)


for make in (v1, v2_13, v2_18, keras, odd, pools, v3, v3_11, functions, nhwc, old, today, quantized):
    make()
