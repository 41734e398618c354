#!/usr/bin/env python3
"""Runs edge bench on a board over ssh and files the result: `make bench-board HOST=pi@…` runs it.

  board.py HOST EDGE [MODEL…]

Copies the program EDGE and the models (default: those of ../shared) to a folder of its own on HOST, lets edge bench
--report follow its protocol there (five minutes), measures every model with every kernel set and 1, 2, … threads up to
the board's cores, and each step of every model beside its estimate, asks edge doctor about the board, removes the folder,
and writes boards/NAME-DATE.json and .md beside this script. Needs nothing but ssh and tar on the board.
"""

import datetime
import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS = 50


def ssh(host, command, check=True, **options):
    done = subprocess.run(["ssh", host, command], capture_output=True, **options)
    if check and done.returncode:
        raise SystemExit(f"{host}: {command}\n{done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode()


def send(host, files):
    """Copies files to a new folder on host, whose name it returns."""
    with tempfile.TemporaryFile() as f:
        with tarfile.open(fileobj=f, mode="w") as tar:
            for name, path in files.items():
                tar.add(path, name)
        f.seek(0)
        return ssh(host, 'd=$(mktemp -d) && tar -C "$d" -xf - && echo "$d"', stdin=f).strip()


def measure(host, edge, folder, models):
    kernels = ssh(host, f"{edge} version").split("kernels", 1)[1].split()
    cores = int(ssh(host, "nproc"))
    results = []
    for model in models:
        for k in kernels:
            runs = 5 if k == "generic" else RUNS
            for threads in [1] if k == "generic" else range(1, min(cores, 4) + 1):
                out = ssh(host, f"{edge} bench --json --model {shlex.quote(folder + '/' + model)} --kernels {k} "
                                f"--threads {threads} --runs {runs} --warmup 3")
                results.append(json.loads(out) | {"model": model})
                print(f"{model} {k} {threads}: {results[-1]['min_ms']:.3f} ms", file=sys.stderr)
    return results


def profiles(host, edge, folder, models):
    """Each model's steps, by the fastest kernels, with one thread: their times, and estimates if the core was modelled."""
    found = []
    for model in models:
        out = ssh(host, f"{edge} bench --json --profile --model {shlex.quote(folder + '/' + model)} --runs {RUNS} --warmup 3")
        found.append(json.loads(out) | {"model": model})
    return found


def protocol(host, edge, folder):
    """What edge bench --report writes: its JSON and its table."""
    ssh(host, f"{edge} bench --report={shlex.quote(folder + '/report')}")
    return [ssh(host, f"cat {shlex.quote(folder + '/report' + end)}") for end in [".json", ".md"]]


def markdown(report, table):
    lines = [f"# {report['board']}", "",
             f"{report['date']}, {report['system']}; {report['edge']}. Milliseconds of one inference, made by "
             "`make bench-board`; everything else, with edge doctor's report, is in the .json beside.", "",
             "| model | kernels | threads | min | p50 | p99 | GMAC/s |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for b in report["results"]:
        lines.append(f"| {b['model']} | {b['kernels']} | {b['threads']} | {b['min_ms']:.3f} | {b['p50_ms']:.3f} | "
                     f"{b['p99_ms']:.3f} | {b['gmac_per_s']:.1f} |")
    if any("estimated_core" in b for b in report["profiles"]):
        lines += ["", "Steps with an estimate (docs/bench/cycles.md), by one thread: the sums, and the step that is furthest from its own.", "",
                  "| model | estimate for | measured | estimate | ratio | furthest: step | measured | estimate |",
                  "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: |"]
    for b in report["profiles"]:
        steps = [s for s in b.get("steps", []) if s.get("estimated_ms")]
        if not steps:
            continue
        ms, estimated = sum(s["ms"] for s in steps), sum(s["estimated_ms"] for s in steps)
        far = max(steps, key=lambda s: abs(s["ms"] - s["estimated_ms"]))
        lines.append(f"| {b['model']} | {b['estimated_core']} | {ms:.3f} | {estimated:.3f} | {ms / estimated:.2f} | "
                     f"{far['step']}, {far['kind']} | {far['ms']:.3f} | {far['estimated_ms']:.3f} |")
    return "\n".join(lines) + "\n\n" + re.sub("^#", "##", table)


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    host, program, *models = sys.argv[1:]
    models = models or sorted(m for m in glob.glob(os.path.join(HERE, "../../../shared/models/*.tflite")) if "float" not in m and "head" not in m)
    if not models:
        raise SystemExit("no models: give some: make bench-board HOST=… MODELS=net.tflite")
    names = {os.path.basename(m): m for m in models}
    folder = send(host, names | {"edge": program})
    edge = shlex.quote(folder + "/edge")
    try:
        doctor = ssh(host, f"{edge} doctor --json", check=False)  # a finding of its is no reason to stop
        board = ssh(host, "tr -d '\\0' </proc/device-tree/model 2>/dev/null || uname -m").strip()
        report = {"board": board, "date": datetime.date.today().isoformat(), "system": ssh(host, "uname -srm").strip(),
                  "edge": ssh(host, f"{edge} version").strip(), "command": "make bench-board",
                  "doctor": json.loads(doctor) if doctor.strip() else None,
                  "results": measure(host, edge, folder, names), "profiles": profiles(host, edge, folder, names)}
        print("edge bench --report: five minutes", file=sys.stderr)
        written, table = protocol(host, edge, folder)
        report["protocol"] = json.loads(written)
    finally:
        ssh(host, f"rm -rf {shlex.quote(folder)}", check=False)
    out = os.path.join(HERE, "boards")
    os.makedirs(out, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", board.lower()).strip("-")
    path = os.path.join(out, f"{name}-{report['date']}")
    with open(path + ".json", "w") as f:
        json.dump(report, f, indent=1)
        f.write("\n")
    with open(path + ".md", "w") as f:
        f.write(markdown(report, table))
    print(path + ".md")


if __name__ == "__main__":
    main()
