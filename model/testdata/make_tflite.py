"""Makes the float .tflite files in float/, with random weights, and beside each what TensorFlow Lite computes: NAME.f32
holds the input and then the output, little-endian float32. KIND is float, fp16 (weights of float16) or dynamic (weights of
int8, activations of float32).

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 && venv/bin/python make_tflite.py
"""
import pathlib

import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent / "float"
L = tf.keras.layers


def sequential(*layers, shape=(17, 16, 3)):
    return tf.keras.Sequential([tf.keras.Input(shape), *layers])


def normalized():
    """Normalization inside, batch normalizations that can't be folded, PReLU, cropping."""
    return sequential(L.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.09, 0.16]), L.Cropping2D(((1, 0), (0, 0))),
                      L.Conv2D(16, 3, 2, "same", activation="relu"), L.BatchNormalization(),
                      L.DepthwiseConv2D(3, 1, "same"), L.PReLU(shared_axes=[1, 2]), L.BatchNormalization(),
                      L.Conv2D(32, 3, 2, "same", activation="relu"),
                      L.GlobalAveragePooling2D(), L.Dense(40, "relu"), L.BatchNormalization(), L.Dense(5))


def gated():
    """Hard-swish, squeeze-and-excite, swish, groups, a flattened image."""
    x = i = tf.keras.Input((16, 16, 3))
    x = L.Activation("hard_silu")(L.Conv2D(16, 3, 2, "same")(x))
    g = L.Conv2D(8, 1, activation="relu")(L.GlobalAveragePooling2D(keepdims=True)(x))
    x = L.Multiply()([x, L.Conv2D(16, 1, activation="hard_sigmoid")(g)])
    x = L.Activation("swish")(L.Conv2D(32, 3, 2, "same", groups=4)(x))
    x = L.Dense(4, "softmax")(L.Flatten()(x))
    return tf.keras.Model(i, x)


def randomized(model):
    rng = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, (L.BatchNormalization, L.PReLU)):
            layer.set_weights([rng.uniform(0.3, 1.2, w.shape) for w in layer.get_weights()])
    return model


HERE.mkdir(exist_ok=True)
for make in (normalized, gated):
    tf.keras.utils.set_random_seed(1)
    model = randomized(make())
    for kind in ("float", "fp16", "dynamic"):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if kind != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        data = converter.convert()
        (HERE / f"{make.__name__}_{kind}.tflite").write_bytes(data)
        interpreter = tf.lite.Interpreter(
            model_content=data, experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        x, y = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        given = np.random.default_rng(2).uniform(0, 1, x["shape"]).astype(np.float32)
        interpreter.set_tensor(x["index"], given)
        interpreter.invoke()
        result = interpreter.get_tensor(y["index"])
        (HERE / f"{make.__name__}_{kind}.f32").write_bytes(given.tobytes() + result.astype(np.float32).tobytes())
        print(make.__name__, kind, len(data), result.shape)
