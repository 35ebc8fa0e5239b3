"""``nvmsim robustness``: options become a question, its answer a table and a folder with a figure."""

import argparse
import shlex
from dataclasses import asdict, replace

from nvmsim.cli_answer import folder_of, listed, printed, store_of
from nvmsim.errors import InputError
from nvmsim.report.robustness import render_csv, render_table, write_robustness
from nvmsim.report.table import render_json
from nvmsim.study.robustness import RobustnessResult, robustness


def robustness_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim robustness`` with its options; returns what stdout gets, and writes the figure's folder."""
    result = robustness(
        options.model,
        x=options.x,
        schemes=listed(options.schemes),
        range_scope=options.range_scope,
        layers=listed(options.layers),
        grid=_rates(listed(options.grid)),
        precision=options.precision,
        trials=options.trials,
        time_limit_s=options.time_limit,
        seed=options.seed,
        backend=options.backend,
        workers=options.workers,
        store=store_of(options),
        progress=True,
    )
    result = replace(result, command=shlex.join(["nvmsim", *options.typed]))
    picture = write_robustness(result, folder_of(options, f"robustness-{result.model}", asked=_asked(result)))
    return printed(
        options.format,
        as_table=lambda width: render_table(result, width, report=str(picture)),
        as_csv=lambda: render_csv(result),
        as_json=lambda: render_json(result),
    )


def _asked(result: RobustnessResult) -> list[object]:
    rows = [(row.encoding, [asdict(point) for point in row.curve]) for row in result.rows]
    return [result.x, result.range_scope, result.layers, result.grid, result.seed, result.settings, rows]


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
