#!/usr/bin/env python3
"""Measures edge and its peers on the same models, in turn, and writes a table: `make compare` runs it.

A round measures every (model, threads) once: edge with each kernel set, and each peer, some runs each. Rounds are
repeated until the time is up, so that a drift of the machine hits all alike. A figure is the least of all runs, or the
median of the rounds' medians; a ratio is the peer's over ours.

edge --kernels avx2 is compared with the peers when AVX-512 and VNNI are hidden from them, by cpuidmask.c, where it is.
LiteRT without XNNPACK isn't measured: on x86 it is never the faster.
"""

import argparse
import datetime
import glob
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ["vww_96_int8", "mobilenet_v1_0.25_128_quant", "mobilenet_v1_0.5_160_quant", "mobilenet_v1_0.75_192_quant",
              "mobilenet_v1_1.0_224_quant_embedding_extractor", "mobilenet_v2_1.0_224_quant", "tf2_mobilenet_v2_1.0_224_ptq"]
# The floor of each for the ratio with one thread: AVX-512 VNNI and AVX2.
FLOORS = dict(zip(MODELS, [(1.4, 1.4), (2.0, 1.4), (2.2, 1.4), (2.4, 1.3), (2.5, 1.5), (2.6, 1.5), (1.5, 1.5)]))
# Nobody publishes an int8 MobileNet V3, so edge writes one, with random weights: time doesn't depend on them.
V3 = "v3_large_1.0_224_int8"
FLOORS[V3] = (1.3, 1.3)
# The goal for the ratio to the strongest of all peers, with one thread and AVX-512 VNNI.
GOALS = {"mobilenet_v1_0.75_192_quant": 2.5, "mobilenet_v1_1.0_224_quant_embedding_extractor": 2.2, "tf2_mobilenet_v2_1.0_224_ptq": 1.8}
PEERS = {"litert": "LiteRT (XNNPACK)", "ort": "ONNX Runtime",
         "ort-s8": "ONNX Runtime, weights moved to int8", "openvino": "OpenVINO", "mnn": "MNN"}


# The process of a peer: reads "model threads runs", answers with the milliseconds of each run.


def serve():
    import numpy as np
    # MNN prints to standard output, so the answers get it for themselves.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    openers = {"litert": open_litert, "ort": open_ort, "ort-s8": open_ort, "openvino": open_openvino, "mnn": open_mnn}
    nets = {}
    for line in sys.stdin:
        peer, model, threads, runs = line.split()
        key = peer, model, threads
        try:
            if key not in nets:
                nets[key] = openers[peer](peer, model, int(threads), np)
            run = nets[key]
            run()
            times = []
            for _ in range(int(runs)):
                start = time.perf_counter_ns()
                run()
                times.append((time.perf_counter_ns() - start) / 1e6)
            answer = times
        except Exception as e:  # the table says so
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), file=answers, flush=True)


def noise(shape, dtype, np):
    rng = np.random.default_rng(1)
    if dtype == np.float32:
        return rng.random(shape, dtype=np.float32)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max + 1, shape).astype(dtype)


def open_litert(peer, model, threads, np):
    from ai_edge_litert.interpreter import Interpreter
    net = Interpreter(model, num_threads=threads)
    net.allocate_tensors()
    for d in net.get_input_details():
        net.set_tensor(d["index"], noise(d["shape"], d["dtype"], np))
    return net.invoke


def open_ort(peer, model, threads, np):
    import onnxruntime
    import toonnx
    with open(model, "rb") as f:
        converted = toonnx.convert(f.read(), signed_weights=peer == "ort-s8")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Without this its threads spin between runs, and slow down whoever is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(converted, options, providers=["CPUExecutionProvider"])
    feed = {i.name: noise(i.shape, np.float32 if "float" in i.type else np.uint8, np) for i in session.get_inputs()}
    return lambda: session.run(None, feed)


def open_openvino(peer, model, threads, np):
    """OpenVINO reads the .tflite file itself. Its runtime model says that it computes convolutions with uint8 weights in float32,
    and depthwise ones with int8 weights in bfloat16, where the processor has that."""
    import openvino
    core = openvino.Core()
    net = core.compile_model(core.read_model(model), "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"})
    request = net.create_infer_request()
    for i, port in enumerate(net.inputs):
        request.set_input_tensor(i, openvino.Tensor(noise(list(port.shape), port.get_element_type().to_dtype(), np)))
    return request.infer


def open_mnn(peer, model, threads, np):
    """MNN runs a conversion of the .tflite file. Its converter ends the process on networks with uint8 weights, and the
    script that wraps it reports every use to its makers: so its core is called, in a process of its own."""
    import MNN
    with tempfile.TemporaryDirectory() as folder:
        converted = os.path.join(folder, "net.mnn")
        words = ["mnnconvert", "-f", "TFLITE", "--modelFile", model, "--MNNModel", converted, "--bizCode", "edge"]
        done = subprocess.run([sys.executable, "-c", f"import _tools; _tools.mnnconvert({words!r})"], capture_output=True)
        if not os.path.exists(converted):
            raise RuntimeError(f"MNN's converter doesn't take this network (status {done.returncode})")
        net = MNN.Interpreter(converted)
    session = net.createSession({"backend": "CPU", "numThread": threads, "precision": "low"})
    return lambda net=net: net.runSession(session)  # on the zeros that its input holds


class Peer:
    def __init__(self, mask):
        self.env = dict(os.environ, LD_PRELOAD=mask) if mask else os.environ
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, __file__, "--serve"], env=self.env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def measure(self, peer, model, threads, runs):
        print(peer, model, threads, runs, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:  # the others go on without it
            status = self.process.wait()
            self.start()
            return {"error": f"its process ended with status {status}"}
        answer = json.loads(line)
        if isinstance(answer, dict):
            return answer
        return {"min": min(answer), "median": statistics.median(answer)}

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure_edge(edge, model, threads, runs, kernels):
    done = subprocess.run([edge, "bench", "--json", "--model", model, "--threads", str(threads), "--kernels", kernels,
                           "--runs", str(runs), "--warmup", "3"], capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip()}
    b = json.loads(done.stdout)
    return {"min": b["min_ms"], "median": b["p50_ms"]}


def kernel_sets(edge):
    words = subprocess.run([edge, "version"], capture_output=True, text=True, check=True).stdout.split()
    return [w for w in words[words.index("kernels") + 1:] if w != "generic"]


def compute(a, models, sets, mask):
    """All figures: {(who, model, threads): {"min": …, "median": …, "rounds": n}}"""
    peers = {"": Peer(None)}
    if mask:
        peers["avx2"] = Peer(mask)
    seen, failed = {}, {}
    end, rounds = time.monotonic() + a.seconds, 0
    while rounds < 3 or time.monotonic() < end:
        for model in models:
            for threads in a.threads:
                jobs = [(f"edge {k}", lambda runs, k=k: measure_edge(a.edge, model, threads, runs, k)) for k in sets]
                for hidden, peer in peers.items():
                    jobs += [(f"{p} {hidden}".strip(), lambda runs, p=p, peer=peer: peer.measure(p, model, threads, runs))
                             for p in PEERS]
                turn = rounds % len(jobs)
                for who, job in jobs[turn:] + jobs[:turn]:
                    key = who, os.path.basename(model), threads
                    if key in failed and key not in seen:
                        continue
                    # Short turns: a machine that others use is free for some milliseconds at a time.
                    least = seen[key][0]["min"] if key in seen else 5
                    got = job(max(5, min(100, int(a.turn / least))))
                    if "error" in got:
                        failed[key] = got["error"]
                        continue
                    seen.setdefault(key, []).append(got)
        failed = {key: why for key, why in failed.items() if key not in seen}
        rounds += 1
        print(f"round {rounds}", file=sys.stderr)
    for p in peers.values():
        p.end()
    figures = {key: {"min": min(g["min"] for g in got), "median": statistics.median(g["median"] for g in got)}
               for key, got in seen.items()}
    return figures, failed, rounds


def exact(who, model):
    """Whether a peer's sums are right: on AVX2, ONNX Runtime and oneDNN, which OpenVINO calls, add products of int8 weights
    with saturation, and MNN isn't known not to."""
    peer, _, hidden = who.partition(" ")
    signed = peer == "ort-s8" or "int8" in model or "ptq" in model
    return not (peer != "litert" and hidden == "avx2" and signed)


def table(figures, models, threads, kernels, hidden, among, statistic, name, floors):
    """Floors are by model; name is what their column is called."""
    peers = [f"{p} {hidden}".strip() for p in among]
    lines = ["| model | " + " | ".join(PEERS[p] for p in among) + f" | edge | ratio |" + (f" {name} |" if floors else ""),
             "| --- |" + " ---: |" * (len(among) + 2 + bool(floors))]
    for model in models:
        ours = figures.get((f"edge {kernels}", model, threads))
        cells, best = [], None
        for who in peers:
            got = figures.get((who, model, threads))
            if got is None:
                cells.append("–")
            elif not exact(who, model):
                cells.append(f"({got[statistic]:.3f})")
            else:
                cells.append(f"{got[statistic]:.3f}")
                best = min(best or got[statistic], got[statistic])
        if ours:
            cells.append(f"{ours[statistic]:.3f}")
            cells.append(f"**{best / ours[statistic]:.2f}**" if best else "–")
        else:
            cells += ["–", "–"]
        if floors:
            cells.append(str(floors.get(model.removesuffix(".tflite"), "–")))
        lines.append(f"| {model.removesuffix('.tflite')} | " + " | ".join(cells) + " |")
    return lines


def document(a, figures, failed, rounds, models, sets, mask, about):
    names = [os.path.basename(m) for m in models]
    lines = ["# edge and its peers", "",
             f"Milliseconds of one inference. {about['date']}, {about['cpu']}, {about['cores']} cores, {about['system']}; "
             f"{about['edge']}, commit {about['commit']}; " + ", ".join(f"{k} {v}" for k, v in about["versions"].items()) + f". {rounds} rounds, in turn; "
             "made by `make compare`, raw figures in the .json beside. The load of "
             f"the machine was {about['load']}: where it is above 1, others computed meanwhile, and two threads and all medians "
             "say more about them than about anybody's kernels.", "",
             "The ratio is the time of the fastest peer that adds exactly over edge's. In brackets: sums that saturate (where "
             "there is no VNNI, ONNX Runtime and OpenVINO multiply int8 weights by VPMADDUBSW; of MNN it isn't known). edge alone gives the bytes of TensorFlow "
             "Lite's reference kernels. LiteRT and OpenVINO read the same .tflite file (OpenVINO computes uint8 weights in "
             "float32, and depthwise layers in bfloat16, where the processor has that), MNN its own conversion of those "
             "with int8 weights; ONNX Runtime a conversion by toonnx.py, once with the weights "
             "as they are, once with uint8 ones moved to int8, which reaches its VNNI kernels. That takes "
             "a conversion of one's own, so ratios are given to LiteRT and ONNX Runtime as it is, and to all. The floors are for one thread and the former, "
             "the goals for one thread and all peers. After waiting for a worker without a core edge computes alone for a while, so on a busy machine "
             "its figure for two threads may be that for one.", ""]
    plain, all_of_them = ["litert", "ort"], list(PEERS)
    for kernels, hidden, column in [("avx512-vnni", "", 1), ("avx2", "avx2", 2)]:
        if kernels not in sets or hidden and not mask:
            continue
        for threads in a.threads:
            for statistic in ["min", "median"]:
                note = ", AVX-512 and VNNI hidden from the peers" if hidden else ""
                lines += [f"## {kernels}, {threads} thread{'s' * (threads > 1)}, {statistic}{note}", ""]
                floors = {m: f[column - 1] for m, f in FLOORS.items()}
                lines += table(figures, names, threads, kernels, hidden, plain, statistic, "floor", floors) + [""]
        lines += [f"### {kernels}, all peers, min", ""]
        for threads in a.threads:
            lines += [f"{threads} thread{'s' * (threads > 1)}:", ""]
            goals = GOALS if threads == 1 and not hidden else {}
            lines += table(figures, names, threads, kernels, hidden, all_of_them, "min", "goal", goals) + [""]
    lines += ["## edge's kernel sets, min", "", "| model | threads | " + " | ".join(sets) + " |", "| --- |" + " ---: |" * (len(sets) + 1)]
    for model in names:
        for threads in a.threads:
            got = [figures.get((f"edge {k}", model, threads)) for k in sets]
            lines.append(f"| {model.removesuffix('.tflite')} | {threads} | " + " | ".join(f"{g['min']:.3f}" if g else "–" for g in got) + " |")
    if failed:
        lines += ["", "Not measured:", ""]
        lines += [f"- {who}, {model}, {t} threads: {why.splitlines()[0][:200]}" for (who, model, t), why in sorted(failed.items())]
    if not mask:
        lines += ["", "AVX2 isn't compared: ../shared/peers/cpuidmask.c, which hides AVX-512 from the peers, isn't here, or this processor can't hide it."]
    return "\n".join(lines) + "\n"


def build_mask(cache):
    """cpuidmask.c compiled, or None where it is missing or doesn't work."""
    source = os.path.join(HERE, "../../../shared/peers/cpuidmask.c")
    if platform.machine() != "x86_64" or not os.path.exists(source):
        return None
    mask = os.path.join(cache, "cpuidmask.so")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", mask, source], check=True)
    check = subprocess.run(["true"], env=dict(os.environ, LD_PRELOAD=mask), capture_output=True)
    return mask if check.returncode == 0 and not check.stderr else None


def machine(edge):
    cpu = platform.machine()
    with open("/proc/cpuinfo") as f:
        fields = dict(reversed([[w.strip() for w in l.split(":", 1)] for l in f if ":" in l]))
    cpu = fields.get("model name", cpu)
    if "model" in fields:
        cpu += f" (family {fields.get('cpu family')}, model {fields['model']})"
    return {"date": datetime.date.today().isoformat(), "cpu": cpu, "cores": os.cpu_count(), "system": platform.system() + " " + platform.release(),
            "edge": subprocess.run([edge, "version"], capture_output=True, text=True).stdout.strip(),
            "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip(),
            "versions": {p: importlib.metadata.version(p) for p in ["ai-edge-litert", "onnxruntime", "openvino", "MNN", "numpy"]},
            "command": "make compare"}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--edge", default="./edge", help="the program")
    p.add_argument("--seconds", type=float, default=300, help="how long to measure")
    p.add_argument("--turn", type=float, default=60, help="milliseconds that one turn of one competitor takes")
    p.add_argument("--threads", type=lambda s: [int(t) for t in s.split(",")], default=[1, 2])
    p.add_argument("--out", default=os.path.join(HERE, "compare"), help="where to write: OUT.md and OUT.json")
    p.add_argument("models", nargs="*", help="default: the models of ../shared, or those in .cache/blueprints")
    a = p.parse_args()
    if a.serve:
        return serve()
    models = a.models
    if not models:
        shared = os.path.join(HERE, "../../../shared/models")
        models = [m for m in (os.path.join(shared, n + ".tflite") for n in MODELS) if os.path.exists(m)]
    if not models:
        models = sorted(glob.glob(os.path.join(HERE, "../../.cache/blueprints/*.tflite")))
    if not models:
        raise SystemExit("no models: ../shared/models isn't here, and .cache/blueprints is empty; give FILES, or make some by edge blueprint")
    cache = os.path.dirname(os.path.dirname(sys.executable))
    if not a.models:
        models.append(os.path.join(cache, V3 + ".tflite"))
        subprocess.run([a.edge, "blueprint", "v3-large", "--out", models[-1]], check=True, stdout=subprocess.DEVNULL)
    models = [os.path.realpath(m) for m in models]
    mask, sets = build_mask(cache), kernel_sets(a.edge)
    about = machine(a.edge)
    figures, failed, rounds = compute(a, models, sets, mask)
    about["load"] = "{:.1f}, {:.1f}, {:.1f}".format(*os.getloadavg())
    with open(a.out + ".json", "w") as f:
        json.dump(about | {"rounds": rounds, "masked": bool(mask),
                           "figures": [{"who": w, "model": m, "threads": t} | g for (w, m, t), g in sorted(figures.items())],
                           "runs_per_turn": f"{a.turn:g} ms, 5 to 100 runs", "failed": [{"who": w, "model": m, "threads": t, "why": e} for (w, m, t), e in sorted(failed.items())]},
                  f, indent=1)
        f.write("\n")
    text = document(a, figures, failed, rounds, models, sets, mask, about)
    with open(a.out + ".md", "w") as f:
        f.write(text)
    print(text)


if __name__ == "__main__":
    main()
