"""Every command and program in the README runs, as a reader would paste it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
COMMANDS = [
    line.partition(" #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.S)
    for line in block.splitlines()
    if line.startswith("nvmsim ")
]
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.S)
SCRIPTS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One working folder, so that later commands find the trials of earlier ones, as a reader's would."""
    return tmp_path_factory.mktemp("reader")


def run(command, folder):
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)


def test_the_readme_has_the_commands_and_the_program():
    assert "nvmsim run devices/tlc.yaml" in COMMANDS
    assert len(COMMANDS) >= 10
    assert len(PROGRAMS) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command, folder):
    answer = run(shlex.split(command), folder)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip()
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs(program, folder):
    (folder / "program.py").write_text(program)
    answer = run([sys.executable, "program.py"], folder)
    assert answer.returncode == 0, answer.stderr
    assert len(answer.stdout.splitlines()) == 5
