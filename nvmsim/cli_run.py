"""``nvmsim run``: options become a question, its answer a table and a folder."""

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nvmsim.accuracy.store import Store
from nvmsim.cli_answer import folder_of, listed, printed, store_of
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError
from nvmsim.report.files import write_report
from nvmsim.report.table import render_csv, render_json, render_table
from nvmsim.study.question import Effort, Question, ask, choose_condition
from nvmsim.study.run import answer
from nvmsim.study.scheme import parse_placement, placed
from nvmsim.zoo.card import load_card

_BESIDE = ("page_sigma", "per_read_fraction", "stuck", "retries", "protected", "blocks", "first_layers")
_LATER = ("device_seed", "reads_per_inference", *_BESIDE)


def run_command(options: argparse.Namespace) -> str:
    """Answer ``nvmsim run`` with its options; returns what stdout gets, and writes the report's folder."""
    question = _question(options)
    with Store(store_of(options)) as opened:
        result, trials = answer(question, opened, progress=True)
    result = replace(result, command=shlex.join(["nvmsim", *options.typed]))
    for warning in result.warnings:
        print(f"nvmsim: warning: {warning}", file=sys.stderr)
    page = write_report(result, _folder(options, question), trials)
    return printed(
        options.format,
        as_table=lambda width: render_table(result, width, report=str(page)),
        as_csv=lambda: render_csv(result),
        as_json=lambda: render_json(result),
    )


def _folder(options: argparse.Namespace, question: Question) -> Path:
    age = "rber" if question.rber_given is not None else question.condition.name
    asked = {**_told(question), "rates": _told(question.rates), "model": question.model.weights_sha256}
    asked["schemes"] = [_told(scheme) for scheme in question.schemes]
    return folder_of(options, f"{question.device.name}-{age}-{question.model.name}", asked=asked)


def _told(thing: Any) -> dict[str, Any]:
    """Return a dataclass as data, less what came later and is not used, so that folders keep their names."""
    return {key: value for key, value in asdict(thing).items() if value or key not in _LATER}


def _question(options: argparse.Namespace) -> Question:
    problems: list[str] = []
    device = _loaded(problems, load_device, options.device, options.set)
    model = _loaded(problems, load_card, options.model)
    if problems:
        raise InputError(problems)
    condition = choose_condition(
        device,
        options.condition,
        rber=options.rber,
        pe_cycles=options.pe_cycles,
        retention_days=options.retention_days,
        reads_per_page=options.reads,
        temperature_c=options.temperature,
    )
    return ask(
        device,
        model,
        condition=condition,
        rber=options.rber,
        schemes=_schemes(options),
        range_scope=options.range_scope,
        effort=Effort(
            trials=options.trials,
            precision=options.precision,
            time_limit_s=options.time_limit,
            target=options.target.replace("-", " "),
        ),
        seed=options.seed,
        device_seed=options.device_seed,
        reads_per_inference=options.reads_per_inference,
        backend=options.backend,
        workers=options.workers,
    )


def _schemes(options: argparse.Namespace) -> list[str]:
    names, placements, problems = options.schemes.split(","), listed(options.placement), []
    for placement in placements:
        _loaded(problems, parse_placement, placement)
    if problems:
        raise InputError([f"--placement: {problem}" for problem in problems])
    return placed(names, placements) if placements else names


def _loaded(problems: list[str], load: Callable[..., Any], *where: Any) -> Any:
    try:
        return load(*where)
    except InputError as error:
        problems += error.problems
        return None
