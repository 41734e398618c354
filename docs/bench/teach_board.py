#!/usr/bin/env python3
"""What teaching at the camera costs: the tables of teach_board.md. Linux with ffmpeg; instructions want gcc and qemu-user, too.

  python3 docs/bench/teach_board.py lesson PICTURES FOLDER     makes one: crops and mirror images of ../shared/teach
  python3 docs/bench/teach_board.py memory EDGE [LESSON]       MB of `edge run`, before and after it teaches
  python3 docs/bench/teach_board.py instructions LESSON        millions, of each stage, on an emulated Cortex-A53
"""
import glob, os, re, shutil, subprocess, sys, tempfile, time, urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
CLASSES = {"ants": "insects/ants", "banana": "fruit/fresh_banana", "can": "rubbish/can"}
VIEWS = ["null", "hflip", "crop=iw*0.8:ih*0.8:0:0", "crop=iw*0.8:ih*0.8,hflip", "crop=iw*0.7:ih*0.7:iw*0.3:ih*0.3"]
STAGES = ["read", "fit", "write", "open"]  # of BenchmarkAgain


def lesson(pictures, folder):
    for k, (name, source) in enumerate(CLASSES.items()):
        os.makedirs(os.path.join(folder, name))
        source = os.path.join(ROOT, "../shared/teach", source)
        count, most = (int(pictures) + 2 - k) // 3, len(glob.glob(source + "/*.jpg"))
        for view in range((count + most - 1) // most):
            subprocess.run(["ffmpeg", "-v", "error", "-pattern_type", "glob", "-i", source + "/*.jpg", "-vf", VIEWS[view] + ",scale=320:240",
                            "-frames:v", str(min(most, count - view * most)), "-q:v", "4", f"{folder}/{name}/{view}-%03d.jpg"], check=True)


def megabytes(pid, *fields):
    with open(f"/proc/{pid}/status") as f:
        text = f.read()
    return " | ".join("%.1f" % (int(re.search(field + r":\s+(\d+)", text)[1]) / 1024) for field in fields)


def memory(edge, folder=None):
    print("| pictures | VmHWM before | VmRSS before | VmHWM after | VmRSS after | seconds |\n|" + " ---: |" * 6)
    pictures = " ".join(os.path.join(ROOT, "examples", n + ".jpg") for n in ["cat", "clock", "rocket"])
    with tempfile.TemporaryDirectory() as d:
        config, log, port = d + "/edge.yaml", d + "/log", 20000 + os.getpid() % 20000
        with open(config, "w") as f:
            f.write("teach: {lesson: lesson}\n" if folder else "{}\n")
        if folder:
            shutil.copytree(folder, d + "/lesson")
        for k in range(3):  # the first time no features are kept, then all but one picture's
            with open(log, "w") as out:
                run = subprocess.Popen(
                    [os.path.realpath(edge), "run", "--config", config, "--leds", "none", f"--page=127.0.0.1:{port}",
                     "--camera", f"exec:while cat {pictures}; do sleep 0.1; done"],
                    stdout=out, stderr=out, env=dict(os.environ, RUNTIME_DIRECTORY=d))
            try:
                time.sleep(5)
                if run.poll() is not None:
                    sys.exit(open(log).read())
                before = megabytes(run.pid, "VmHWM", "VmRSS")
                if not folder:
                    print(f"| – | {before} | – | – | – |", flush=True)
                    continue
                source = sorted(glob.glob(d + "/lesson/*/*.jpg"))[k]
                subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-vf", "scale=240:180", f"{d}/lesson/can/new{k}.jpg"], check=True)
                start = time.monotonic()
                urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/teaching", method="POST"))
                while not (taught := re.search(r"msg=taught pictures=(\d+)", open(log).read())):
                    if run.poll() is not None or time.monotonic() > start + 600:
                        sys.exit(open(log).read())
                    time.sleep(0.1)
                seconds = time.monotonic() - start
                time.sleep(3)
                print(f"| {taught[1]} | {before} | {megabytes(run.pid, 'VmHWM', 'VmRSS')} | {seconds:.1f} |", flush=True)
            finally:
                run.terminate()
                run.wait()


def instructions(folder):
    with tempfile.TemporaryDirectory() as d:
        test, plugin = d + "/teach.test", d + "/insncount.so"
        subprocess.run(["go", "test", "-c", "-o", test, "./teach"], check=True, cwd=ROOT,
                       env=dict(os.environ, GOARCH="arm64", CGO_ENABLED="0"))
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-w", "-o", plugin,
                        os.path.join(ROOT, "../shared/peers/arm/insncount.c")], check=True)
        done = subprocess.run(
            ["qemu-aarch64", "-plugin", plugin, "-d", "plugin", "-cpu", "cortex-a53", test, "-test.run", "^$", "-test.bench",
             "Again", "-test.benchtime", "2x", "-test.timeout", "1h", "-lesson", os.path.realpath(folder)],
            capture_output=True, text=True, cwd=ROOT + "/teach", env=dict(os.environ, GOMAXPROCS="1"))
        at = [int(n) / 1e6 for n in re.findall(r"total=(\d+)", done.stderr)]
        if done.returncode or len(at) < len(STAGES) + 2:
            sys.exit(done.stdout + done.stderr)
        at = at[-2 - len(STAGES):-1]  # of the last teaching; then the program ends
        for stage, a, b in zip(STAGES, at, at[1:]):
            print(f"{stage} {b - a:.0f}", end="  ")
        print(f"together {at[-1] - at[0]:.0f}")


if __name__ == "__main__":
    commands = {"lesson": lesson, "memory": memory, "instructions": instructions}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
