"""Put real output into the documents: the README's table and figures, docs/benchmarks.md, and docs/paper.md.

Run on a machine that does nothing else: ``python tools/update_docs.py [result] [sensitivity] [robustness] [benchmarks]
[paper] [inference] [devices]``.
"""

import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURE = "throughput-accuracy.svg"
NO_GPU = "No GPU was at hand: GPU rows are **not measured**. They run where CuPy finds a device (`nvmsim bench gpu`)."


def nvmsim(*arguments: str) -> str:
    """Run one command of this checkout and return its standard output; progress goes to the terminal."""
    command = [sys.executable, "-m", "nvmsim.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def update_result() -> None:
    """Run the main job from nothing and show its table and front in the README."""
    with tempfile.TemporaryDirectory() as folder:
        table = nvmsim("run", "devices/tlc.yaml", "--out", folder).replace(folder, "nvmsim-results/...")
        (ROOT / "docs" / "images").mkdir(exist_ok=True)
        shutil.copy(Path(folder) / FIGURE, ROOT / "docs" / "images" / FIGURE)
    shown = f"```text\n{table.rstrip()}\n```\n\n![Throughput against accuracy](docs/images/{FIGURE})"
    readme = ROOT / "README.md"
    pattern = re.compile(r"(<!-- result: begin -->\n).*?(<!-- result: end -->)", re.S)
    readme.write_text(pattern.sub(lambda found: f"{found[1]}{shown}\n{found[2]}", readme.read_text()))


def update_benchmarks() -> None:
    """Run every benchmark once and write down what it printed, with the machine's name."""
    from nvmsim.bench import bench_text
    from nvmsim.bench.row import BenchRow

    rows = [BenchRow(**row) for row in json.loads(nvmsim("bench", "--format", "json"))]
    text = f"# Benchmarks\n\n`nvmsim bench` on {machine()}.\n\n```text\n{bench_text(rows)}\n```\n\n{NOTES}\n"
    page = ROOT / "docs" / "benchmarks.md"
    page.write_text(text + ROBUSTNESS + page.read_text().partition(ROBUSTNESS)[2])


def update_robustness() -> None:
    """Draw the robustness of the MNIST network, and set what it takes beside the paper's way."""
    from compare_robustness import STUDIES, comparison

    from nvmsim.study.paper.load import shipped_store

    with tempfile.TemporaryDirectory() as folder:
        schemes = "raw,nulling,hamming,sign-magnitude,fp16+range-check"
        nvmsim("robustness", "mnist-cnn", "--schemes", schemes, "--precision", "0.12", "--out", folder)
        shutil.copy(Path(folder) / "robustness.svg", ROOT / "docs" / "images")
        compared = {model: comparison(model, shipped_store(), Path(folder) / "trials.sqlite") for model in STUDIES}
    tables = [f"`{model}`, study `{STUDIES[model]}`:\n\n```text\n{one}\n```\n" for model, one in compared.items()]
    page = ROOT / "docs" / "benchmarks.md"
    shown = "\n".join((ROBUSTNESS + NOTES_ROBUSTNESS, *tables))
    page.write_text(page.read_text().partition(ROBUSTNESS)[0] + shown)


def update_sensitivity() -> None:
    """Draw the MNIST network's heat map from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        nvmsim("sensitivity", "mnist-cnn", "--out", folder)
        shutil.copy(Path(folder) / "sensitivity.svg", ROOT / "docs" / "images")


def update_paper() -> None:
    """Draw the paper's tables and figures from the shipped trials."""
    shutil.rmtree(ROOT / "docs" / "images" / "paper", ignore_errors=True)
    nvmsim("reproduce", "--sample", "0", "--out", "docs")


def update_inference() -> None:
    """Run the commands of docs/inference.md on the files it shows, and show what they print."""
    page = ROOT / "docs" / "inference.md"
    files = {name: content for content, name in re.findall(r"```yaml\n(# (\S+):.*?)```", page.read_text(), re.S)}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content)

        def shown(found: re.Match) -> str:
            words = shlex.split(found[2])[1:]
            printed = nvmsim(*(f"{folder}/{word}" if word in files else word for word in words))
            return f"{found[1]}{printed.rstrip()}\n```"

        page.write_text(re.sub(r"(```sh\n(.*?)\n```\n\n```text\n).*?```", shown, page.read_text(), flags=re.S))


def update_devices() -> None:
    """Draw every bundled device's life and write its bandwidths."""
    from nvmsim.device.load import device_names, load_device
    from nvmsim.report.devices_page import devices_page
    from nvmsim.report.drawing import draw_alone
    from nvmsim.report.figure_device import build

    pictures = ROOT / "docs" / "images" / "devices"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    for name in device_names():
        device = load_device(name)
        (pictures / f"{name}.svg").write_text(draw_alone(name, partial(build, device))[0])
    (ROOT / "docs" / "devices.md").write_text(devices_page(device_names(), pictures="images/devices"))


def machine() -> str:
    """Name this machine's processor, system and packages."""
    names = re.findall(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    from importlib.metadata import version

    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba", "torch"))
    return f"{len(names)} cores of {names[0]}, {platform.system()}, Python {platform.python_version()}, {packages}"


ROBUSTNESS = "\n## Robustness\n\n"
NOTES_ROBUSTNESS = """\
Images that `nvmsim robustness` pushes through a network for R(0.95), against the paper's way: 40 distorted models on
the whole test set at every rate of a grid (`tools/compare_robustness.py MODEL`): the paper's rates, or all of our
study's where the paper's do not enclose our R. Both sides' intervals come from one method, `nvmsim.accuracy.crossing`.
By our interval of the mean the paper's trials bound R from above only; Student's interval is closed, but does not cover
where trials collapse (docs/design.md). Ours is asked to be no wider than Student's. A scheme's last line predicts how
many full trials would give our width by our interval. Counts of images do not depend on the machine.
"""
NOTES = f"""\
Times are the shortest of several runs; rivals take turns with ours in one run. `numpy` is the fastest of three
vectorised samplers that flip in place (exponential gaps with `bitwise_xor.at`, gaps with a packed mask, binomial count
with sort); `dense` is float32 `rand < p` with packed bits. Ours also draws the spare bytes (13 % more bits) and returns
the record that undoes the trial. Into the large image two threads share the memory's bandwidth: at 1e-2 nearly every
cache line is read and written. Fewer than 200,000 events run on one thread whatever is asked.

`reuse`: whole trials (flips, decoding, network) with errors in one layer, started from the kept activations of the
clean layers before it, against the same trials from the images; the counts are equal. Before conv2 lies too little to
gain anything.

`page-reads`: the load of a 14 GB model, its steady state found and extended, against the same simulation of every page
in simpy (60,000 pages), in seconds of the processor. The cost is that of the period and does not grow with the model.
Where chance decides about retries there is no period: the run goes on until the 95 % interval's half-width is 0.3 %.

{NO_GPU}"""

if __name__ == "__main__":
    updates = {
        "result": update_result,
        "sensitivity": update_sensitivity,
        "robustness": update_robustness,
        "benchmarks": update_benchmarks,
        "paper": update_paper,
        "inference": update_inference,
        "devices": update_devices,
    }
    for name in sys.argv[1:] or updates:
        updates[name]()
