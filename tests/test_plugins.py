"""A user's own parts: registered from Python, or found by their entry points as an installed package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_device import install, write_profile

from nvmsim import plugins
from nvmsim.errors import InputError

EXAMPLES = Path(__file__).parent / "examples"
TENFOLD = "{model: tenfold, fresh_rber: 1.0e-5, rated_pe_cycles: 3000}"
PYTHON = """
import sys
sys.path.insert(0, {examples!r})
import own_encoding, own_error_model, own_protection
import nvmsim
if __name__ == "__main__":
    schemes = ["fixed-point", "binary+top-bit-vote"]
    result = nvmsim.run({profile!r}, schemes=schemes, trials=8, workers=2, time_limit_s=20)
    for row in result.rows:
        print(row.encoding, row.mode, row.rber_in, row.trials)
"""


def environment(*folders):
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def test_parts_registered_from_python_reach_the_workers(tmp_path):
    profile = write_profile(tmp_path, TENFOLD)
    program = tmp_path / "program.py"
    program.write_text(PYTHON.format(examples=str(EXAMPLES), profile=str(profile)))
    answer = subprocess.run([sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()]
    assert [line[0] for line in lines] == ["fixed-point:8"] * 2 + ["binary:16+top-bit-vote"] * 2
    assert all(float(line[2]) == pytest.approx(1e-4, rel=0.1) for line in lines)


def test_parts_are_found_by_their_entry_points(tmp_path):
    install(tmp_path, EXAMPLES / "own_encoding.py", kind="encoding", name="fixed-point", attribute="FixedPoint")
    install(tmp_path, EXAMPLES / "own_protection.py", kind="protection", name="top-bit-vote", attribute="TopBitVote")
    install(tmp_path, EXAMPLES / "own_error_model.py", kind="error_model", name="tenfold", attribute="Tenfold")
    command = ["run", str(write_profile(tmp_path, TENFOLD)), "--schemes", "fixed-point+top-bit-vote"]
    command += ["--trials", "8", "--out", "out", "--format", "json"]
    answer = subprocess.run(
        [sys.executable, "-m", "nvmsim.cli", *command],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    rows = json.loads(answer.stdout)["rows"]
    assert [row["encoding"] for row in rows] == ["fixed-point:8+top-bit-vote"] * 2


def test_a_taken_name_is_refused_and_an_unknown_one_lists_the_known():
    with pytest.raises(InputError, match="taken"):
        plugins.register("encoding", "binary", object)
    with pytest.raises(InputError, match="binary"):
        plugins.lookup("encoding", "no such encoding")
    with pytest.raises(InputError, match="kind"):
        plugins.register("decoding", "mine", object)


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_every_built_in_loads_by_its_entry_point(kind):
    built_in = [point for point in plugins.entry_points(group=f"nvmsim.{kind}") if point.value.startswith("nvmsim.")]
    assert built_in
    assert all(callable(plugins.lookup(kind, point.name)) for point in built_in)
