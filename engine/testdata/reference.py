#!/usr/bin/env python3
"""What TensorFlow Lite's reference kernels make of raw tensors: the truth that the engine is compared with.

  reference.py [--tensor NAME] MODEL OUT IN...

reads raw tensors one after another from the files IN, one file for each input of the network, and writes the raw
outputs one after another to OUT: all outputs of the network, or the tensor of that name.
Needs ai-edge-litert and numpy in the versions of requirements.txt (`make reference` installs them).
"""
import argparse
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

p = argparse.ArgumentParser()
p.add_argument("--tensor")
p.add_argument("model")
p.add_argument("out")
p.add_argument("inputs", nargs="+")
a = p.parse_args()

net = Interpreter(a.model, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                  experimental_preserve_all_tensors=a.tensor is not None)
net.allocate_tensors()
details = net.get_input_details()
if len(details) != len(a.inputs):
    raise SystemExit(f"{a.model} has {len(details)} inputs, {len(a.inputs)} files given")
data = [np.fromfile(f, d["dtype"]).reshape(-1, *d["shape"]) for f, d in zip(a.inputs, details)]
outputs = [d["index"] for d in net.get_output_details()]
if a.tensor is not None:
    outputs = [next(d["index"] for d in net.get_tensor_details() if d["name"] == a.tensor)]
with open(a.out, "wb") as f:
    for row in zip(*data):
        for d, x in zip(details, row):
            net.set_tensor(d["index"], x)
        net.invoke()
        for i in outputs:
            f.write(net.get_tensor(i).tobytes())
