"""Loads .tflite files with TensorFlow Lite's reference kernels, runs each on zeros, and prints a line for each output:
file, shape, type, scale, zero point."""
import os
import sys

import numpy as np
from ai_edge_litert import interpreter as tfl

for path in sys.argv[1:]:
    net = tfl.Interpreter(path, experimental_op_resolver_type=tfl.OpResolverType.BUILTIN_REF)
    net.allocate_tensors()
    for i in net.get_input_details():
        net.set_tensor(i["index"], np.zeros(i["shape"], i["dtype"]))
    net.invoke()
    for o in net.get_output_details():
        y = net.get_tensor(o["index"])
        scale, zero = o["quantization"]
        print(os.path.basename(path), "x".join(map(str, y.shape)), y.dtype, f"{scale:.6g}", zero)
