"""Makes docs/networks.md: which networks of keras.applications, torchvision and timm edge reads, and which it refuses.

    go build ./cmd/edge && python3 docs/networks.py --work DIR [--pictures DIR] [--cases DIR] > docs/networks.md

--work is a folder for two virtual environments, made at the first call (PyTorch and TensorFlow: 8 GB), and for the files.
All weights are random, so this shows what is read and computed, not how well it classifies. Every float network goes
through `edge quantize`; every int8 file is then run by edge and by TensorFlow Lite's reference kernels on the same random
input, and their outputs are compared byte for byte.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

PACKAGES = {
    "torch": ["torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime"],
    "keras": ["tensorflow-cpu"],
}
TORCHVISION = """mobilenet_v2 mobilenet_v3_small mobilenet_v3_large mnasnet0_5 squeezenet1_1 resnet18 shufflenet_v2_x0_5
efficientnet_b0 regnet_x_400mf""".split()
TIMM = """mobilenetv1_100 mobilenetv2_100 mobilenetv3_small_050 mobilenetv3_large_100 tf_mobilenetv3_small_minimal_100
mobilenet_edgetpu_v2_s mobilenetv4_conv_small efficientnet_lite0 tf_efficientnet_lite0 efficientnet_es mnasnet_100 fbnetc_100
ghostnet_100 mixnet_s lcnet_050 tinynet_e rexnet_100 repvgg_a0 mobilevit_xxs""".split()
KERAS = ["MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Small minimalistic", "EfficientNetB0", "NASNetMobile"]
SIZE = 128  # pixels


def settle_batch_normalizations(torch, model):
    """Gives them the statistics of some random inputs: else nothing of it is left after fifty layers."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for m in norms:
        m.momentum = None
        m.reset_running_stats()
    model.eval()
    for m in norms:
        m.train()
    with torch.no_grad():
        model(torch.randn(4, 3, SIZE, SIZE))
    model.eval()


def make_torch(folder):
    import timm
    import torch
    import torchvision

    torch.manual_seed(0)
    torch.set_num_threads(2)
    print(json.dumps({"versions": f"PyTorch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"}))
    x = torch.randn(1, 3, SIZE, SIZE)
    for library, names in (("torchvision", TORCHVISION), ("timm", TIMM)):
        for name in names:
            file = folder / f"{library}.{name}.onnx"
            try:
                if library == "timm":
                    model = timm.create_model(name, pretrained=False, num_classes=20)
                else:
                    more = {"aux_logits": False} if name == "googlenet" else {}
                    model = getattr(torchvision.models, name)(weights=None, num_classes=20, **more)
                settle_batch_normalizations(torch, model)
                if not file.exists():
                    torch.onnx.export(model, x, str(file), dynamo=False)
                found = dict(library=library, name=name, kind="ONNX", file=str(file))
            except Exception as e:  # the table says so
                found = dict(library=library, name=name, kind="ONNX", failed=repr(e)[:120])
            print(json.dumps(found), flush=True)


def make_keras(folder):
    import numpy as np
    import tensorflow as tf

    print(json.dumps({"versions": f"TensorFlow {tf.__version__}, Keras {tf.keras.__version__}"}))
    for name in KERAS:
        tf.keras.utils.set_random_seed(0)
        base, _, minimal = name.partition(" ")
        more = {"minimalistic": True} if minimal else {}
        model = getattr(tf.keras.applications, base)(input_shape=(SIZE, SIZE, 3), weights=None, classes=20, **more)
        for layer in model.layers:  # else nothing of the input is left after fifty layers
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                layer.beta.assign(np.random.default_rng(0).normal(0, 0.3, layer.beta.shape))
        pixels = np.random.default_rng(0).uniform(-1, 1, (8, SIZE, SIZE, 3)).astype(np.float32)
        for kind in ("float", "float16", "dynamic range", "int8"):
            file = folder / f"keras.{name.replace(' ', '_')}.{kind.replace(' ', '_')}.tflite"
            found = dict(library="keras.applications", name=name, kind=f".tflite, {kind}", file=str(file))
            try:
                if not file.exists():
                    c = tf.lite.TFLiteConverter.from_keras_model(model)
                    if kind != "float":
                        c.optimizations = [tf.lite.Optimize.DEFAULT]
                    if kind == "float16":
                        c.target_spec.supported_types = [tf.float16]
                    if kind == "int8":
                        c.representative_dataset = lambda: ([p[None]] for p in pixels)
                        c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                        c.inference_input_type = c.inference_output_type = tf.int8
                    file.write_bytes(c.convert())
            except Exception as e:
                found = dict(library="keras.applications", name=name, kind=f".tflite, {kind}", failed=repr(e)[:120])
            print(json.dumps(found), flush=True)


def reference(jobs):
    """Runs int8 files on the reference kernels: a line of JSON for each, from standard input; answers each with a line."""
    import numpy as np
    import tensorflow as tf

    for line in jobs:
        job = json.loads(line)
        print(run_reference(np, tf, job), flush=True)


def run_reference(np, tf, job):
    try:
        i = tf.lite.Interpreter(job["model"], experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
        i.allocate_tensors()
        x, y = i.get_input_details()[0], i.get_output_details()[0]
        i.set_tensor(x["index"], np.fromfile(job["input"], x["dtype"]).reshape(x["shape"]))
        i.invoke()
        i.get_tensor(y["index"]).tofile(job["output"])
        return "done"
    except Exception as e:  # the table says so
        return "the reference fails: " + repr(e)[:80].replace("\n", " ")


class Kernels:
    """The reference kernels, in a process of their own, which starts anew if a file ends it."""

    def __init__(self, python):
        self.python, self.process = python, None

    def run(self, job):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([self.python, __file__, "--reference"], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self.process = None
            return "the reference ended before"
        answer = self.process.stdout.readline().strip()
        if not answer:
            self.process = None
        return answer or "the reference crashes"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace")


def brief(text, file):
    """The reason of a refusal, without the file's name and with what is to be done left out."""
    text = text.strip().splitlines()[-1].replace(file, "").replace(str(pathlib.Path(file).parent), "")
    text = re.sub(r"^(edge: )?(model: )?[: ]*", "", text)
    text = re.sub(r"\((\S+) [^)]*\)", r"(\1)", text)
    text = re.sub(r": (build the network|export the network|leave out|convert the network).*", "", text)
    return text.replace("|", "/")[:150]


def input_size(edge, file):
    """The bytes of a network's input, as `edge invoke` says them when it gets none."""
    found = re.search(r"(\d+)×(\d+)×(\d+)×(\d+)", run(edge, "inspect", file).stdout)
    size = 1
    for d in found.groups():
        size *= int(d)
    return size


def try_file(edge, kernels, file, pictures, work):
    """What the table says of a file: whether it is read, and whether edge and the reference give the same bytes."""
    int8 = str(work / "int8.tflite")
    agrees = "–"
    if file.endswith(".int8.tflite"):
        int8 = file
    else:
        done = run(edge, "quantize", file, "--calibrate", pictures, "--calibration-size", "8", "--normalize", "tf", "--out", int8)
        if done.returncode:
            return "refused: " + brief(done.stderr, file), "", ""
        agrees = re.search(r"(\d+ of \d+) calibration", done.stdout).group(1)
    x, got, want = (str(work / n) for n in ("in", "got", "want"))
    seen = run(edge, "inspect", int8)
    if seen.returncode:
        return "refused: " + brief(seen.stderr, file), "", ""
    rng_bytes = bytes((i * 2654435761 >> 13) & 255 for i in range(input_size(edge, int8)))
    pathlib.Path(x).write_bytes(rng_bytes)
    done = run(edge, "invoke", "--model", int8, "--input", x, "--output", got)
    if "ends within" in done.stderr:
        return "read", agrees, "float32 input: not compared"
    if done.returncode:
        return "refused: " + brief(done.stderr, file), "", ""
    answer = kernels.run(dict(model=int8, input=x, output=want))
    if answer != "done":
        return "read", agrees, answer
    same = pathlib.Path(got).read_bytes() == pathlib.Path(want).read_bytes()
    return "read", agrees, "same" if same else "OTHER BYTES"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--work", type=pathlib.Path)
    p.add_argument("--edge", default="./edge")
    p.add_argument("--pictures", default="examples")
    p.add_argument("--only", choices=list(PACKAGES), help="one of the two environments")
    p.add_argument("--cases", type=pathlib.Path, help="a folder of more .onnx and .tflite files")
    p.add_argument("--make", choices=list(PACKAGES), help=argparse.SUPPRESS)
    p.add_argument("--reference", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.reference:
        return reference(sys.stdin)
    if a.make:
        return {"torch": make_torch, "keras": make_keras}[a.make](a.work)
    if a.work is None:
        p.error("--work DIR is needed")
    files = a.work / "files"
    files.mkdir(parents=True, exist_ok=True)
    rows = []

    def tell(*row):
        rows.append(row)
        print("| " + " | ".join(row) + " |", flush=True)
        print(*row, file=sys.stderr)

    print(f"""# Networks that are read
Made by `docs/networks.py`. All weights are random; {SIZE} pixels. *Agrees* is how many of the calibration pictures get the same class
in int8 as in float32, which says little of networks that nobody has trained. *Bytes* compares edge with TensorFlow Lite's
reference kernels.

| | network | file | edge | agrees | bytes |
| --- | --- | --- | --- | --- | --- |""")
    versions = []
    pythons = {name: str(a.work / name / "bin" / "python") for name in PACKAGES}
    parts = [a.only] if a.only else list(PACKAGES)
    for name, packages in PACKAGES.items():
        if not pathlib.Path(pythons[name]).exists():
            subprocess.run([sys.executable, "-m", "venv", a.work / name], check=True)
            subprocess.run([pythons[name], "-m", "pip", "install", "-q", *packages], check=True, stdout=sys.stderr)
    kernels = Kernels(pythons["keras"])
    for name in parts:
        made = subprocess.Popen([pythons[name], __file__, "--make", name, "--work", files], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
        for line in made.stdout:
            if not line.startswith("{"):
                continue
            found = json.loads(line)
            if "versions" in found:
                versions.append(found["versions"])
                continue
            result = ("the exporter fails: " + found["failed"], "", "") if "failed" in found else try_file(
                a.edge, kernels, found["file"], a.pictures, a.work)
            tell(found["library"], found["name"], found["kind"], *result)
    if a.cases:
        for file in sorted([*a.cases.glob("*.onnx"), *a.cases.glob("*.tflite")]):
            target = a.work / "files" / (file.stem + (".int8.tflite" if "float" not in file.stem and file.suffix == ".tflite" else file.suffix))
            target.write_bytes(file.read_bytes())
            kind = "ONNX" if file.suffix == ".onnx" else ".tflite"
            tell("cases", file.stem, kind, *try_file(a.edge, kernels, str(target), a.pictures, a.work))
    if kernels.process:
        kernels.process.stdin.close()
    read = sum(r[3] == "read" for r in rows)
    print(f"\n{read} of {len(rows)} files are read; with {'; '.join(versions)}.")


if __name__ == "__main__":
    main()
