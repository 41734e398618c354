#!/usr/bin/env python3
"""Measures a cold process: `edge classify` on one photograph, from start to exit, in a new process each time.

`make cold` runs it. Wall clock around spawn and wait4; memory is wait4's ru_maxrss, the most that was resident.
"""

import argparse
import glob
import os
import statistics
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "../../../shared")
MODEL = os.path.join(SHARED, "models/mobilenet_v2_1.0_224_quant.tflite")


def cold(command):
    """Milliseconds and MB of one process."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(pid, 0)
    took = 1e3 * (time.perf_counter() - start)
    if status:
        raise SystemExit(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
    return took, usage.ru_maxrss / 1e3


def network(edge, scratch):
    """MobileNet V2 1.0/224: that of ../shared, or one with random weights, made in a folder."""
    if os.path.exists(MODEL):
        return MODEL
    random = os.path.join(scratch, "mobilenet_v2_1.0_224_random.tflite")
    subprocess.run([edge, "blueprint", "v2", "--out", random], check=True, stdout=subprocess.DEVNULL)
    return random


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--edge", default=os.path.join(HERE, "../../edge"), help="the program")
    p.add_argument("--runs", type=int, default=40, help="processes of each kind")
    p.add_argument("--model", help="default: V2 1.0/224 of ../shared, or one with random weights")
    p.add_argument("--picture", help="default: the first photograph of ../shared, or of examples/")
    a = p.parse_args()
    edge = os.path.realpath(a.edge)
    with tempfile.TemporaryDirectory() as scratch:
        model = a.model or network(edge, scratch)
        pictures = [a.picture] if a.picture else sorted(glob.glob(os.path.join(SHARED, "images/*.jpg"))) or sorted(
            glob.glob(os.path.join(HERE, "../../examples/*.jpg")))
        report(edge, model, pictures[0], a.runs)


def report(edge, model, picture, runs):
    kinds = {name: [edge, "classify", "--model", model, *flags, picture]
             for name, flags in [("default threads", []), ("`--threads 1`", ["--threads", "1"])]}
    got = {name: [] for name in kinds}
    for command in kinds.values():
        cold(command)  # the files are in the page cache from here on
    for _ in range(runs):
        for name, command in kinds.items():
            got[name].append(cold(command))
    print(f"{os.path.basename(model)}, {os.path.basename(picture)}, {runs} processes each\n")
    print("| edge | ms, min | median | 90th percentile | MB, most |\n| --- | ---: | ---: | ---: | ---: |")
    for name, figures in got.items():
        times = sorted(t for t, _ in figures)
        print(f"| {name} | {times[0]:.1f} | {statistics.median(times):.1f} | {times[int(0.9 * len(times))]:.1f} | "
              f"{max(m for _, m in figures):.1f} |")


if __name__ == "__main__":
    main()
