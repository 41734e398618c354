#!/usr/bin/env python3
"""Measures what edge costs while it waits, and what a busy core does to it: `make idle` runs it. Linux alone.

Waiting: the CPU time of `edge run` on one photograph a second (/proc/PID/stat). A busy core: `edge bench` with one
thread and two, in turn, on cores 0 and 1, while another process computes on core 1 without an end.
"""

import argparse
import contextlib
import glob
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from cold import network

HERE = os.path.dirname(os.path.abspath(__file__))


def cpu_time(pid):
    """Milliseconds of all threads, in the program and in the kernel, since the process began."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return 1e3 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(*command, **options):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
        if process.poll() is not None:
            raise SystemExit(f"{' '.join(command)}: ended with status {process.returncode}")
    finally:
        process.terminate()
        process.wait()


def waiting(edge, model, picture, seconds):
    print("| `edge run --fps`, `--threads` | CPU ms in a second |\n| --- | ---: |")
    for fps in ["0.001", "1"]:
        for threads in ["1", "2"]:
            with running(edge, "run", "--model", model, "--camera", picture, "--fps", fps, "--loop", "--leds", "none",
                         "--threads", threads) as process:
                time.sleep(2)
                before, start = cpu_time(process.pid), time.monotonic()
                time.sleep(seconds)
                spent = (cpu_time(process.pid) - before) / (time.monotonic() - start)
            print(f"| {fps}, {threads} | {spent:.1f} |", flush=True)


def bench(edge, model, threads):
    done = subprocess.run([edge, "bench", "--json", "--model", model, "--threads", threads, "--runs", "300"],
                          stdout=subprocess.PIPE, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {0, 1}))
    return json.loads(done.stdout)


def busy_core(edge, model, rounds):
    got = {"1": [], "2": []}
    with running(sys.executable, "-c", "while True: pass", preexec_fn=lambda: os.sched_setaffinity(0, {1})):
        for _ in range(rounds):
            for threads, figures in got.items():
                figures.append(bench(edge, model, threads))
    print("\n| `edge bench`, core 1 busy | ms, min | p50 | p95 |\n| --- | ---: | ---: | ---: |")
    for threads, figures in got.items():
        least = min(f["min_ms"] for f in figures)
        p50, p95 = (statistics.median(f[k] for f in figures) for k in ["p50_ms", "p95_ms"])
        print(f"| `--threads {threads}` | {least:.2f} | {p50:.2f} | {p95:.2f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--edge", default=os.path.join(HERE, "../../edge"), help="the program")
    p.add_argument("--seconds", type=float, default=8, help="how long to look at each kind of waiting")
    p.add_argument("--rounds", type=int, default=8, help="turns of each number of threads")
    p.add_argument("--model", help="default: V2 1.0/224 of ../shared, or one with random weights")
    a = p.parse_args()
    picture = sorted(glob.glob(os.path.join(HERE, "../../examples/*.jpg")))[0]
    edge = os.path.realpath(a.edge)
    with tempfile.TemporaryDirectory() as scratch:
        model = a.model or network(edge, scratch)
        waiting(edge, model, picture, a.seconds)
        busy_core(edge, model, a.rounds)


if __name__ == "__main__":
    main()
