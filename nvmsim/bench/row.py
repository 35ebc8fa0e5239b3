"""One line of a benchmark, and how lines are printed."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby


@dataclass(frozen=True)
class BenchRow:
    """One measured case: its figures by name (units in the names), the goal and whether it is met (None: no goal)."""

    benchmark: str
    case: str
    figures: Mapping[str, float | str]
    goal: str = ""
    met: bool | None = None


def best_seconds(work: Callable[[], object], *, seconds: float, rounds: int = 3) -> float:
    """Return the shortest of at least ``rounds`` runs of ``work``, run again until ``seconds`` have gone by.

    >>> best_seconds(lambda: None, seconds=0.001) < 0.001
    True
    """
    best, runs, start = math.inf, 0, time.perf_counter()
    while runs < rounds or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - before)
        runs += 1
    return best


def bench_text(rows: Sequence[BenchRow], style: str = "table") -> str:
    """Return ``rows`` as a table a benchmark ("table") or as JSON ("json").

    >>> print(bench_text([BenchRow("demo", "small", {"time_us": 3.0}, "< 5 us", True)]))
    demo   time_us  goal
    small  3        < 5 us: met
    """
    if style == "json":
        return json.dumps([asdict(row) for row in rows], indent=1)
    return "\n\n".join(_table(name, list(group)) for name, group in groupby(rows, lambda row: row.benchmark))


def _table(name: str, rows: list[BenchRow]) -> str:
    keys = list(dict.fromkeys(key for row in rows for key in row.figures))
    lines = [[name, *keys, "goal"]]
    lines += [[row.case, *(_cell(row.figures.get(key, "")) for key in keys), _verdict(row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def _verdict(row: BenchRow) -> str:
    return row.goal if row.met is None else f"{row.goal}: {'met' if row.met else 'MISSED'}"
