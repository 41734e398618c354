#!/usr/bin/env python3
"""Draws GMAC/s over the α × β grid, and measures why it bends: `make growth` runs it.

`edge budget --json` times every published α and β of MobileNet V1 and V2 on one thread, and `edge bench --profile` the
steps of a small and a large one of each. growth.json gets the figures, growth.svg the picture, growth.md the tables
between its marks. With --draw nothing is measured; the picture and the tables are made from growth.json.
"""

import argparse
import datetime
import json
import math
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CORNERS = [("v1", 0.25, 128), ("v1", 1, 224), ("v2", 0.35, 96), ("v2", 1.4, 224)]
MARKS = "<!-- figures: made by growth.py -->\n", "<!-- end of figures -->\n"


def ask(edge, *args):
    return json.loads(subprocess.run([edge, *args], check=True, stdout=subprocess.PIPE).stdout)


def measure(edge):
    budget = ask(edge, "budget", "--json", "--threads", "1")
    corners = []
    with tempfile.TemporaryDirectory() as scratch:
        for family, alpha, resolution in CORNERS:
            model = os.path.join(scratch, "net.tflite")
            subprocess.run([edge, "blueprint", family, "--alpha", str(alpha), "--resolution", str(resolution), "--out",
                            model], check=True, stdout=subprocess.DEVNULL)
            corners.append(ask(edge, "bench", "--model", model, "--profile", "--peak", "--json", "--runs", "500")
                           | {"model": f"{family.upper()} {alpha:g}/{resolution}"})
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE).stdout.strip()
    with open("/proc/cpuinfo") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), os.uname().machine)
    return {"date": datetime.date.today().isoformat(), "cpu": cpu, "commit": commit, "kernels": budget["kernels"],
            "grid": [{k: n[k] for k in ["family", "alpha", "resolution", "macs", "weight_bytes", "p50_ms"]}
                     for n in budget["networks"]], "corners": corners}


def gmacs(n):
    return n["macs"] / n["p50_ms"] / 1e6


# The picture.

WIDTH, HEIGHT, TOP, BOTTOM, LEFT, GAP = 1080, 560, 70, 500, 60, 30
INKS = ["#7b3294", "#c2255c", "#e07b16", "#2f9e44", "#1f6fb4", "#333333"]


def picture(data):
    peak = max(c["peak_gmac_per_s"] for c in data["corners"])
    macs = [n["macs"] / 1e6 for n in data["grid"]]
    lowest, highest = math.log(min(macs) / 1.2), math.log(max(macs) * 1.6)
    top = 50 * math.ceil(1.02 * peak / 50)
    panel = (WIDTH - LEFT - GAP - 20) / 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           'font-size="13" fill="#222">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="24" font-size="17" font-weight="bold">GMAC/s over the width multiplier α and the '
           'resolution β</text>',
           f'<text x="{LEFT}" y="44" fill="#666">{data["cpu"]}, kernels {data["kernels"]}, one thread, median. '
           'A line is one α.</text>']

    def y(v):
        return BOTTOM - v / top * (BOTTOM - TOP)

    for column, family in enumerate(sorted({n["family"] for n in data["grid"]})):
        left = LEFT + column * (panel + GAP)

        def x(m, left=left):
            return left + (math.log(m) - lowest) / (highest - lowest) * panel

        for v in range(0, top + 1, 50):
            out.append(f'<path d="M{left:.0f} {y(v):.1f}h{panel:.0f}" stroke="#e4e4e4"/>')
            if column == 0:
                out.append(f'<text x="{left - 8:.0f}" y="{y(v) + 4:.1f}" text-anchor="end">{v}</text>')
        for m in [10, 20, 50, 100, 200, 500]:
            out.append(f'<path d="M{x(m):.1f} {TOP}V{BOTTOM}" stroke="#e4e4e4"/>'
                       f'<text x="{x(m):.1f}" y="{BOTTOM + 18}" text-anchor="middle">{m}</text>')
        out.append(f'<path d="M{left:.0f} {y(peak):.1f}h{panel:.0f}" stroke="#b03030" stroke-dasharray="6 4"/>'
                   f'<text x="{left + 6:.0f}" y="{y(peak) - 6:.1f}" fill="#b03030">peak of the pointwise kernel</text>'
                   f'<text x="{left + panel / 2:.0f}" y="{BOTTOM + 40}" text-anchor="middle">million MACs</text>'
                   f'<text x="{left + panel - 6:.0f}" y="{BOTTOM - 10}" text-anchor="end" font-size="15" '
                   f'font-weight="bold">MobileNet V{family[-1]}</text>')
        nets = [n for n in data["grid"] if n["family"] == family]
        sizes = ", ".join(str(r) for r in sorted({n["resolution"] for n in nets}))
        out.append(f'<text x="{left + panel - 6:.0f}" y="{BOTTOM - 32}" text-anchor="end" fill="#666">'
                   f'points: β = {sizes}</text>')
        for ink, alpha in zip(INKS, sorted({n["alpha"] for n in nets})):
            line = sorted((n for n in nets if n["alpha"] == alpha), key=lambda n: n["macs"])
            points = [(x(n["macs"] / 1e6), y(gmacs(n))) for n in line]
            out.append('<path d="M' + "L".join(f"{a:.1f} {b:.1f}" for a, b in points) +
                       f'" fill="none" stroke="{ink}" stroke-width="2"/>')
            out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{ink}"/>' for a, b in points]
            side = -1 if len(line) == 1 and alpha < max(n["alpha"] for n in nets) else 1  # of the last point
            a, b = points[-1]
            out.append(f'<text x="{a + 9 * side:.1f}" y="{b + 17:.1f}" text-anchor="{"start" if side > 0 else "end"}" '
                       f'fill="{ink}">α {alpha:g}</text>')
    out.append(f'<text x="16" y="{(TOP + BOTTOM) / 2}" text-anchor="middle" transform="rotate(-90 16 '
               f'{(TOP + BOTTOM) / 2})">GMAC/s</text></svg>')
    return "\n".join(out) + "\n"


# The tables.

KINDS = ["stem", "depthwise", "pointwise", "classifier", "add", "rest"]


def kind_of(step):
    kind, pixels = step["kind"], math.prod(step["out"][:-1])
    if kind.startswith("conv"):
        return "stem"
    if kind == "pointwise" and pixels == 1:
        return "classifier"
    return kind.split()[0] if kind.split()[0] in KINDS else "rest"


def table(head, rows):
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] + ["---:"] * (len(head) - 1), *rows]]
    return "\n".join(lines) + "\n"


def by_kind(corner):
    """Milliseconds, millions of MACs and number of the steps of each kind."""
    sums = {k: [0, 0, 0] for k in KINDS}
    for s in corner["steps"]:
        for i, v in enumerate([s["ms"], s["ms"] * s["gmac_per_s"], 1]):
            sums[kind_of(s)][i] += v
    return sums


def tables(data):
    shares, depths, rows = [], [], []
    buckets = [(1, 16), (17, 32), (33, 64), (65, 128), (129, 256), (257, 512), (513, 4096)]
    for c in data["corners"]:
        sums = by_kind(c)
        ms, macs = sum(v[0] for v in sums.values()), sum(v[1] for v in sums.values())
        shares.append([c["model"]] + [
            f"{100 * t / ms:.0f} % / {100 * m / macs:.0f} %" + (f" / {m / t:.0f}" if m else "") if n else "–"
            for t, m, n in sums.values()])
        steps, row = c["steps"], [c["model"]]
        for low, high in buckets:
            chosen = [s for before, s in zip(steps, steps[1:])
                      if kind_of(s) == "pointwise" and low <= before["out"][-1] <= high]
            t, m = sum(s["ms"] for s in chosen), sum(s["ms"] * s["gmac_per_s"] for s in chosen)
            row.append(f"{m / t:.0f}" if chosen else "–")
        depths.append(row)
        short = [s for s in steps if s["ms"] < 0.002]
        classifier = next(s for s in steps if kind_of(s) == "classifier")
        rows.append([c["model"], f"{c['p50_ms']:.3f}", f"{c['gmac_per_s']:.0f}", str(len(steps)), str(len(short)),
                     f"{1e3 * sorted(s['ms'] for s in steps)[len(steps) // 2]:.1f}", f"{c['weight_bytes'] / 1e6:.2f}",
                     f"{classifier['gmac_per_s']:.0f}"])
    grid = []
    for family in sorted({n["family"] for n in data["grid"]}):
        nets = {(n["alpha"], n["resolution"]): n for n in data["grid"] if n["family"] == family}
        sizes = sorted({r for _, r in nets})
        grid.append(table([f"V{family[-1]}, α"] + [f"β {r}" for r in sizes], [
            [f"{a:g}"] + [f"{gmacs(nets[a, r]):.0f}" if (a, r) in nets else "–" for r in sizes]
            for a in sorted({a for a, _ in nets})]))
    peak = max(c["peak_gmac_per_s"] for c in data["corners"])
    return (f"{data['date']}, {data['cpu']}, {data['kernels']}, one thread, commit {data['commit']}; the peak "
            f"(`edge bench --peak`) is {peak:.0f} GMAC/s.\n\nGMAC/s at the median:\n\n" + "\n".join(grid) +
            "\nThe corners, a step at a time (`edge bench --profile`):\n\n" +
            table(["network", "ms", "GMAC/s", "steps", "below 2 µs", "median step, µs", "MB weights", "classifier, GB/s"], rows) +
            "\nShare of the time / of the MACs / GMAC/s, by kind of step:\n\n" + table(["network"] + KINDS, shares) +
            "\nGMAC/s of the pointwise steps by K, the number of input channels:\n\n" +
            table(["network"] + [f"{a}–{b}" if b < 4096 else f"{a} and more" for a, b in buckets], depths))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--edge", default=os.path.join(HERE, "../../edge"), help="the program")
    p.add_argument("--draw", action="store_true", help="measure nothing")
    a = p.parse_args()
    if not a.draw:
        data = measure(os.path.realpath(a.edge))
        with open(os.path.join(HERE, "growth.json"), "w") as f:
            json.dump(data, f, indent=1)
            f.write("\n")
    with open(os.path.join(HERE, "growth.json")) as f:
        data = json.load(f)
    with open(os.path.join(HERE, "growth.svg"), "w") as f:
        f.write(picture(data))
    with open(os.path.join(HERE, "growth.md")) as f:
        before, rest = f.read().split(MARKS[0])
    with open(os.path.join(HERE, "growth.md"), "w") as f:
        f.write(before + MARKS[0] + "\n" + tables(data) + "\n" + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    main()
