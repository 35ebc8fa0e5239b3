"""``nvmsim sensitivity``: options become a study, its answer a table and a folder with a heat map."""

import argparse
import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nvmsim.defaults import RESULTS
from nvmsim.errors import InputError
from nvmsim.report.sensitivity import render_csv, render_table, write_sensitivity
from nvmsim.report.table import render_json
from nvmsim.study.sensitivity import Sensitivity, sensitivity


def sensitivity_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim sensitivity`` with its options; returns what stdout gets, and writes the heat map's folder."""
    store = Path(options.store or (Path(options.out) if options.out else RESULTS) / "trials.sqlite")
    result = sensitivity(
        options.model,
        rber=options.rber,
        scheme=options.scheme,
        range_scope=options.range_scope,
        layers=_parts(options.layers),
        bits=_positions(_parts(options.bits)),
        trials=options.trials,
        images=options.images,
        seed=options.seed,
        backend=options.backend,
        workers=options.workers,
        store=store,
        progress=True,
    )
    result = replace(result, command=shlex.join(["nvmsim", *options.typed]))
    folder = Path(options.out) if options.out else RESULTS / _folder_name(result)
    return _printed(result, options.format, write_sensitivity(result, folder))


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text is not None else []


def _positions(parts: Sequence[str]) -> list[int]:
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong:
        raise InputError([f"--bits: {part!r}: must be whole numbers from 0, such as 15,14" for part in wrong])
    return [int(part) for part in parts]


def _folder_name(result: Sensitivity) -> str:
    """Name a folder of its own for each question, so that no heat map replaces another question's."""
    asked = json.dumps([[cell.task_id, cell.trials, cell.images] for cell in result.cells])
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return re.sub(r"[^\w.]+", "-", f"sensitivity-{result.model}-{result.scheme}") + f"-{digest}"


def _printed(result: Sensitivity, form: str, picture: Path) -> str:
    if form == "json":
        return render_json(result)
    if form == "csv":
        return render_csv(result)
    width = shutil.get_terminal_size((150, 24)).columns
    return render_table(result, width, report=str(picture))
