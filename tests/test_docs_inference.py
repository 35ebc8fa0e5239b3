"""docs/inference.md shows what its commands print."""

import re
import shlex
from pathlib import Path

import pytest

from nvmsim.cli import main

PAGE = (Path(__file__).parent.parent / "docs" / "inference.md").read_text()
FILES = re.findall(r"```yaml\n(# (\S+):.*?)```", PAGE, re.S)
SHOWN = re.findall(r"```sh\n(.*?)\n```\n\n```text\n(.*?)\n```", PAGE, re.S)


def test_the_page_has_a_network_for_flash_of_both_kinds():
    assert [shlex.split(command)[:3] for command, _ in SHOWN[:2]] == [
        ["nvmsim", "inference", "hbf"],
        ["nvmsim", "inference", "tlc"],
    ]
    assert [name for _, name in FILES] == ["llama-2-7b.yaml"]


@pytest.mark.parametrize(("command", "text"), SHOWN)
def test_a_command_prints_what_is_shown(command, text, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for content, name in FILES:
        Path(name).write_text(content)
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.rstrip("\n") == text
