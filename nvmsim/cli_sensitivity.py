"""``nvmsim sensitivity``: options become a study, its answer a table and a folder with a heat map."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace

from nvmsim.cli_answer import folder_of, listed, printed, store_of
from nvmsim.errors import InputError
from nvmsim.report.sensitivity import render_csv, render_table, write_sensitivity
from nvmsim.report.table import render_json
from nvmsim.study.sensitivity import sensitivity


def sensitivity_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim sensitivity`` with its options; returns what stdout gets, and writes the heat map's folder."""
    result = sensitivity(
        options.model,
        rber=options.rber,
        scheme=options.scheme,
        range_scope=options.range_scope,
        layers=listed(options.layers),
        bits=_positions(listed(options.bits)),
        trials=options.trials,
        images=options.images,
        seed=options.seed,
        backend=options.backend,
        workers=options.workers,
        store=store_of(options),
        progress=True,
    )
    result = replace(result, command=shlex.join(["nvmsim", *options.typed]))
    asked = [[cell.task_id, cell.trials, cell.images] for cell in result.cells]
    folder = folder_of(options, f"sensitivity-{result.model}-{result.scheme}", asked=asked)
    picture = write_sensitivity(result, folder)
    return printed(
        options.format,
        as_table=lambda width: render_table(result, width, report=str(picture)),
        as_csv=lambda: render_csv(result),
        as_json=lambda: render_json(result),
    )


def _positions(parts: Sequence[str]) -> list[int]:
    wrong = [part for part in parts if not (part.isascii() and part.isdigit())]
    if wrong:
        raise InputError([f"--bits: {part!r}: must be whole numbers from 0, such as 15,14" for part in wrong])
    return [int(part) for part in parts]
