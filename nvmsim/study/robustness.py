"""R(x) of a network under several schemes: the highest bit error rate at which it keeps x of its accuracy.

The measure is the paper's (Section III.A), behind the paper's channel: every stored bit flips alone, nothing is
corrected. What the paper's own way would take stands beside what was spent: 40 distorted models on the whole test set
at every rate of a grid.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from nvmsim import defaults
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.crossing import EQUAL
from nvmsim.accuracy.executor import available_cores
from nvmsim.accuracy.robustness import Robustness, find_robustness
from nvmsim.accuracy.store import Store
from nvmsim.errors import InputError
from nvmsim.study.model import open_model
from nvmsim.study.question import common_problems
from nvmsim.study.scheme import Scheme, parse_schemes, unplaced_problems
from nvmsim.study.versions import versions
from nvmsim.suggest import or_near

PAPER_TRIALS = 40
PAPER_RATES = {  # by data set: Table II, Table IV, Tables VI and VII
    "mnist": tuple(k / 1000 for k in range(1, 15)),
    "cifar-10": (1e-5, 2e-5, 3e-5, 4e-5),
    "imdb": tuple(k / 1000 for k in range(1, 18)),
}


@dataclass(frozen=True, kw_only=True)
class RobustnessQuestion:
    """Everything that decides the answer; see `robustness` for its parts."""

    model: Any
    schemes: tuple[Scheme, ...]
    x: float
    range_scope: str
    layers: tuple[str, ...]
    grid: tuple[float, ...]
    precision: float
    trials: int
    time_limit_s: float | None
    seed: int
    backend: str
    workers: int

    @property
    def rates(self) -> tuple[float, ...]:
        """The grid, or the paper's for this data set; empty if there is none."""
        return self.grid or PAPER_RATES.get(getattr(self.model, "dataset", ""), ())


@dataclass(frozen=True)
class CurvePoint:
    """The mean accuracy at one bit error rate, with its 95 % interval, from ``trials`` trials."""

    rber: float
    trials: int
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class RobustnessRow:
    """R(x) of a scheme: ``relation`` ("=", ">" or "<") ``rber``, with 95 % limits, None where a side stays open.

    ``grid_rber`` is the largest rate of the grid up to R (the paper's R(x)), None where there is none or no grid; its
    limits come from those of R. ``images`` were pushed through the network; ``flat_images`` is what 40 trials on the
    whole test set at every rate of the grid take, and ``factor`` how many times as many that is.
    ``others`` are later crossings. ``reason`` is a key of `nvmsim.accuracy.search.REASONS`.
    """

    scheme: str
    encoding: str
    relation: str
    rber: float
    low: float | None
    high: float | None
    relative_width: float | None
    grid_rber: float | None
    grid_low: float | None
    grid_high: float | None
    trials: int
    images: int
    flat_images: int | None
    factor: float | None
    reason: str
    others: tuple[float, ...]
    seconds: float
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, kw_only=True)
class RobustnessResult:
    """The answer: a row a scheme, and what it rests on; accuracies are fractions."""

    model: str
    n_weights: int
    range_scope: str
    layers: tuple[str, ...]
    x: float
    float32_accuracy: float
    target_accuracy: float
    chance: float
    test_images: int
    grid: tuple[float, ...]
    paper_rates: tuple[float, ...]
    rows: tuple[RobustnessRow, ...]
    settings: dict[str, object]
    seed: int
    versions: dict[str, str]
    elapsed_s: float
    command: str = field(default="")


def robustness(
    model: Any = defaults.MODEL,
    *,
    x: float = defaults.X,
    schemes: Sequence[str] = defaults.ROBUSTNESS_SCHEMES,
    range_scope: str = defaults.RANGE_SCOPE,
    layers: Sequence[str] = (),
    grid: Sequence[float] = (),
    precision: float = defaults.ROBUSTNESS_PRECISION,
    trials: int = defaults.ROBUSTNESS_TRIALS,
    time_limit_s: float | None = None,
    seed: int = 0,
    backend: str = "auto",
    workers: int | None = None,
    store: str | Path = defaults.RESULTS / "trials.sqlite",
    progress: bool = False,
) -> RobustnessResult:
    """Return R(x) of a network under each scheme: up to which bit error rate its mean accuracy keeps x of its own.

    ``model`` is a card's name or path, or a `Model`. Errors meet the words of ``layers`` (none named: all). The search
    stops at an interval of the relative width ``precision`` (0.1: a tenth of R), at ``trials`` trials a rate, or
    after ``time_limit_s`` seconds; with ``grid`` each row also has the largest of these rates that R reaches.
    Trials are kept in ``store`` and never measured twice. Raises InputError with every problem.
    """
    question = ask_robustness(
        open_model(model),
        schemes=tuple(schemes.split(",") if isinstance(schemes, str) else schemes),
        x=x,
        range_scope=range_scope,
        layers=tuple(layers.split(",") if isinstance(layers, str) else layers),
        grid=tuple(grid),
        precision=precision,
        trials=trials,
        time_limit_s=time_limit_s,
        seed=seed,
        backend=backend,
        workers=workers,
    )
    with Store(Path(store)) as opened:
        return answer_robustness(question, opened, progress=progress)


def ask_robustness(
    model: Any,
    *,
    schemes: Sequence[str],
    x: float,
    range_scope: str,
    layers: tuple[str, ...],
    grid: tuple[float, ...],
    precision: float,
    trials: int,
    time_limit_s: float | None,
    seed: int,
    backend: str,
    workers: int | None,
) -> RobustnessQuestion:
    """Check a question as a whole; raises InputError with every problem."""
    known = list(dict.fromkeys(tensor.module for tensor in model.tensors))
    checks = {
        f"--x: {x}: must be above 0 and below 1": 0 < x < 1,
        f"--precision: {precision}: must be from 0.01 to 2 (0.1: an interval a tenth of R wide)": 0.01
        <= precision
        <= 2,
        f"--trials: {trials}: must be from 2 to 1000000": 2 <= trials <= 1_000_000,
        f"--time-limit: {time_limit_s}: must be above 0 seconds": time_limit_s is None or time_limit_s > 0,
    }
    problems = [problem for problem, holds in checks.items() if not holds]
    problems += common_problems(range_scope=range_scope, seed=seed, workers=workers)
    problems += [f"--layers: {name!r}: {or_near(name, known)}" for name in layers if name not in known]
    problems += [f"--grid: {rate}: must be above 0 and at most 0.5" for rate in grid if not 0 < rate <= 0.5]
    parsed: tuple[Scheme, ...] = ()
    try:
        parsed = parse_schemes(schemes)
    except InputError as error:
        problems += error.problems
    problems += [
        f"--schemes: {scheme.name!r}: R is of reads without ECC; leave it out" for scheme in parsed if scheme.ecc
    ]
    problems += unplaced_problems(parsed, "--schemes")
    if problems:
        raise InputError(problems)
    return RobustnessQuestion(
        model=model,
        schemes=parsed,
        x=x,
        range_scope=range_scope,
        layers=layers,
        grid=tuple(sorted(set(grid))),
        precision=precision,
        trials=trials,
        time_limit_s=time_limit_s,
        seed=seed,
        backend=backend,
        workers=workers or available_cores(),
    )


def answer_robustness(question: RobustnessQuestion, store: Store, *, progress: bool) -> RobustnessResult:
    """Answer a question from ``store``, measuring what is missing."""
    started, model = time.monotonic(), question.model
    chosen = {"range_scope": question.range_scope, "layers": question.layers, "seed": question.seed}
    found = find_robustness(
        {scheme.name: partial(_task, model, scheme.encoding, chosen) for scheme in question.schemes},
        x=question.x,
        store=store,
        sources={model.name: model},
        precision=question.precision,
        trials=question.trials,
        time_limit_s=question.time_limit_s,
        workers=question.workers,
        backend=question.backend,
        progress=progress,
    )
    first = next(iter(found.values()))
    return RobustnessResult(
        model=model.name,
        n_weights=model.n_weights,
        range_scope=question.range_scope,
        layers=question.layers,
        x=question.x,
        float32_accuracy=first.undistorted,
        target_accuracy=first.target,
        chance=1 / model.classes,
        test_images=first.test_images,
        grid=question.grid,
        paper_rates=question.rates,
        rows=tuple(_row(question, scheme, found[scheme.name]) for scheme in question.schemes),
        settings={
            "schemes": [scheme.name for scheme in question.schemes],
            "precision": question.precision,
            "trials": question.trials,
            "time_limit_s": question.time_limit_s,
            "workers": question.workers,
            "backend": question.backend,
        },
        seed=question.seed,
        versions=versions(),
        elapsed_s=time.monotonic() - started,
    )


def _task(model: Any, encoding: str, chosen: dict, rber: float, rung_rber: float | None) -> Any:
    return bsc_task(model, encoding, rber=rber, rung_rber=rung_rber, **chosen)


def _row(question: RobustnessQuestion, scheme: Scheme, found: Robustness) -> RobustnessRow:
    crossing, grid = found.crossing, question.grid
    flat = PAPER_TRIALS * found.test_images * len(question.rates) or None
    below = grid and crossing.relation != "<"
    return RobustnessRow(
        scheme=scheme.name,
        encoding=scheme.encoding,
        relation=crossing.relation,
        rber=crossing.rate,
        low=crossing.low,
        high=crossing.high,
        relative_width=crossing.relative_width if crossing.relation == EQUAL else None,
        grid_rber=_largest(grid, crossing.rate) if below else None,
        grid_low=_largest(grid, crossing.low),
        grid_high=_largest(grid, crossing.high),
        trials=found.trials,
        images=found.images,
        flat_images=flat,
        factor=None if flat is None else flat / found.images,
        reason=found.reason,
        others=crossing.others,
        seconds=found.seconds,
        curve=tuple(
            CurvePoint(one.rber, one.trials, one.limits.mean, one.limits.low, one.limits.high)
            for one in found.measurements
        ),
    )


def _largest(grid: Sequence[float], limit: float | None) -> float | None:
    """Return the largest rate of a grid up to ``limit``, None if there is none."""
    return None if limit is None else max((rate for rate in grid if rate <= limit), default=None)
