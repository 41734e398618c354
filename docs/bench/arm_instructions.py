#!/usr/bin/env python3
"""Instructions that one inference executes on emulated Arm cores: the difference of two `edge bench` runs.

  make build-arm64 && python3 docs/bench/arm_instructions.py PEERS MODEL.tflite... > docs/bench/arm_instructions.md

PEERS is the folder ../shared/peers/arm (its QEMU plugin counts; it measures the peers, too). Needs qemu-user and gcc.
The best peer's figures, in millions, were measured there with ai-edge-litert 2.3.0: the lower of XNNPACK and TensorFlow
Lite's own kernels.
"""
import os, re, subprocess, sys, tempfile

PEERS = {  # model: A53 and A72, A76
    "vww_96_int8": (3.62, 1.93), "mobilenet_v1_0.25_128_quant": (7.20, 4.99), "mobilenet_v1_0.5_160_quant": (32.1, 16.8),
    "mobilenet_v1_0.75_192_quant": (86.2, 40.1), "mobilenet_v1_1.0_224_quant_embedding_extractor": (184, 81.7),
    "mobilenet_v2_1.0_224_quant": (132, 71.2), "tf2_mobilenet_v2_1.0_224_ptq": (114, 49.6),
}
CPUS = {"cortex-a53": ("neon", 0), "cortex-a72": ("neon", 0), "cortex-a76": ("neon-dot", 1)}
FEW, MANY = 2, 10


def count(plugin, cpu, model, runs):
    r = subprocess.run(
        ["qemu-aarch64", "-plugin", plugin, "-d", "plugin", "-cpu", cpu, "bin/edge-arm64", "bench", "--model", model,
         "--runs", str(runs), "--warmup", "1", "--threads", "1"],
        capture_output=True, text=True, env=dict(os.environ, GOMAXPROCS="1", GOGC="off"))
    found = re.findall(r"total=(\d+)", r.stderr)
    if r.returncode or not found:
        sys.exit(f"{model} on {cpu} failed:\n{r.stdout}{r.stderr}")
    return int(found[-1])


folder, models = sys.argv[1], sys.argv[2:]
with tempfile.TemporaryDirectory() as d:
    plugin = d + "/insncount.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-w", "-o", plugin, folder + "/insncount.c"], check=True)
    print("# Instructions for one inference on Arm\n")
    print("Millions, counted by QEMU; the ratio is to the best peer. Made by `docs/bench/arm_instructions.py`, which says how.\n")
    print("| network | " + " | ".join(f"{c}, {s} | ratio" for c, (s, _) in CPUS.items()) + " |")
    print("| --- |" + " ---: | ---: |" * len(CPUS))
    for m in models:
        name = os.path.basename(m).removesuffix(".tflite")
        row = []
        for cpu, (_, column) in CPUS.items():
            n = (count(plugin, cpu, m, MANY) - count(plugin, cpu, m, FEW)) / (MANY - FEW) / 1e6
            peer = PEERS.get(name)
            row += [f"{n:.2f}", f"{n / peer[column]:.2f}" if peer else "–"]
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)
