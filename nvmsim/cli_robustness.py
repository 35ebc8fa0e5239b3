"""``nvmsim robustness``: options become a question, its answer a table and a folder with a figure."""

import argparse
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from nvmsim.defaults import RESULTS
from nvmsim.errors import InputError
from nvmsim.report.robustness import render_csv, render_table, write_robustness
from nvmsim.report.table import render_json
from nvmsim.study.robustness import RobustnessResult, robustness


def robustness_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim robustness`` with its options; returns what stdout gets, and writes the figure's folder."""
    result = robustness(
        options.model,
        x=options.x,
        schemes=_parts(options.schemes),
        range_scope=options.range_scope,
        layers=_parts(options.layers),
        grid=_rates(_parts(options.grid)),
        precision=options.precision,
        trials=options.trials,
        time_limit_s=options.time_limit,
        seed=options.seed,
        backend=options.backend,
        workers=options.workers,
        store=Path(options.store or (Path(options.out) if options.out else RESULTS) / "trials.sqlite"),
        progress=True,
    )
    result = replace(result, command=shlex.join(["nvmsim", *options.typed]))
    folder = Path(options.out) if options.out else RESULTS / _folder_name(result)
    return _printed(result, options.format, write_robustness(result, folder))


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text is not None else []


def _rates(parts: list[str]) -> list[float]:
    rates, problems = [], []
    for part in parts:
        try:
            rates.append(float(part))
        except ValueError:
            problems.append(f"--grid: {part!r}: must be bit error rates, such as 0.001,0.002")
    if problems:
        raise InputError(problems)
    return rates


def _folder_name(result: RobustnessResult) -> str:
    """Name a folder of its own for each question, so that no figure replaces another question's."""
    rows = [(row.encoding, [asdict(point) for point in row.curve]) for row in result.rows]
    asked = json.dumps([result.x, result.range_scope, result.layers, result.grid, result.seed, result.settings, rows])
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return re.sub(r"[^\w.]+", "-", f"robustness-{result.model}") + f"-{digest}"


def _printed(result: RobustnessResult, form: str, picture: Path) -> str:
    if form == "json":
        return render_json(result)
    if form == "csv":
        return render_csv(result)
    width = shutil.get_terminal_size((150, 24)).columns
    return render_table(result, width, report=str(picture))
