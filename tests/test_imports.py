"""Imports run one way, and the heavy packages stay where they belong."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import nvmsim

PACKAGE = Path(nvmsim.__file__).parent
HEAVY = ("torch", "cupy", "numba", "matplotlib", "dask", "distributed")
ALLOWED_HOME = {
    "cupy": {"inject/gpu.py"},
    "simpy": {"timing/"},
    "matplotlib": {"report/"},
    "distributed": {"accuracy/dask_"},
    "cloudpickle": {"accuracy/dask_"},
}
LOW = ("device", "encoding", "inject")
LAYERS = {
    "inject": set(),
    "encoding": set(),
    "device": {"encoding", "inject"},
    "zoo": {"inject"},
    "timing": {"device", "inject", "encoding"},
    "accuracy": {"device", "encoding", "inject", "zoo"},
    "study": {"accuracy", "timing", "device", "encoding", "inject", "zoo"},
    "report": {"study", "accuracy", "timing", "device", "encoding", "inject", "zoo"},
}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Yield every absolute module name that a file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_place_allows(path):
    place = path.relative_to(PACKAGE).as_posix()
    for name in imported(path):
        top = name.split(".")[0]
        home = ALLOWED_HOME.get(top)
        assert home is None or any(place.startswith(start) for start in home), f"{place} imports {name}"
        assert not (place.split("/")[0] in LOW and top == "torch"), f"{place} imports {name}"


@pytest.mark.parametrize("layer", sorted(LAYERS))
def test_imports_run_one_way(layer):
    for path in (PACKAGE / layer).rglob("*.py"):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "nvmsim" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
                assert parts[1] in LAYERS[layer] | {layer}, f"{path} imports {name}"


@pytest.mark.parametrize("command", ["import nvmsim", "import nvmsim.cli as c; c.build_parser().format_help()"])
def test_starting_up_loads_nothing_heavy(command):
    check = f"{command}; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
