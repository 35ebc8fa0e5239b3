"""R(x) as text, as CSV, and as a folder with its figure."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from nvmsim.accuracy.search import REASONS, trials_that_prove
from nvmsim.report.csv_text import csv_text
from nvmsim.report.figure_folder import write_figure
from nvmsim.report.formats import clean, percent
from nvmsim.report.table import render_json
from nvmsim.report.text_blocks import TextColumn, facts, tables, wrapped
from nvmsim.study.robustness import PAPER_TRIALS, RobustnessResult, RobustnessRow

NAME = "robustness"
_SIDES = {"=": "", ">": "> ", "<": "< "}


def rber(value: float | None) -> str:
    """Return a bit error rate at three digits, ``open`` for a side that has none.

    >>> rber(0.01274), rber(2.051e-05), rber(None)
    ('0.0127', '2.05e-05', 'open')
    """
    return "open" if value is None else f"{value:.3g}"


def rate_of(row: RobustnessRow) -> str:
    """Return R of a row, such as ``0.0127`` or ``> 0.3``."""
    return f"{_SIDES[row.relation]}{rber(row.rber)}"


def interval_of(row: RobustnessRow) -> str:
    """Return the interval of R, such as ``[0.0118, 0.0133]``."""
    return f"[{rber(row.low)}, {rber(row.high)}]"


def finding(result: RobustnessResult) -> str:
    """Return in one sentence up to which bit error rate the network keeps x of its accuracy."""
    best = sorted(result.rows, key=lambda row: -row.rber)
    said = ", ".join(f"{rate_of(row)} as {clean(row.scheme)}" for row in best)
    return f"{clean(result.model)} keeps {100 * result.x:g} % of its accuracy up to a bit error rate of {said}"


def render_table(result: RobustnessResult, width: int, *, report: str | None = None) -> str:
    """Return the answer, a row a scheme, and what it rests on, at most ``width`` letters wide.

    ``report`` says where the figure lies.
    """
    names = TextColumn.of(["", "scheme", *(clean(row.scheme) for row in result.rows)], text=True)
    rest = [TextColumn.of(lines, text=lines[1] == "stopped") for lines in _columns(result)]
    parts = [
        wrapped("", f"{finding(result)}.", width),
        *tables([names], rest, width),
        facts(_notes(result, report), width),
    ]
    return "\n\n".join(parts) + "\n"


def _columns(result: RobustnessResult) -> Iterator[list[str]]:
    rows = result.rows
    yield ["", f"R({result.x:g})", *map(rate_of, rows)]
    yield ["95 %", "interval", *map(interval_of, rows)]
    yield ["its", "width", *("-" if row.relative_width is None else _width(row.relative_width) for row in rows)]
    if result.grid:
        yield ["R on", "the grid", *map(_on_grid, rows)]
    yield ["trials", "a rate", *(f"{row.trials:,}" for row in rows)]
    yield ["images", "seen", *(f"{row.images:,}" for row in rows)]
    if result.paper_rates:
        yield ["the paper's", "way takes", *(f"{row.flat_images:,}" for row in rows)]
        yield ["times", "as many", *(f"{row.factor:.1f}" for row in rows)]
    yield ["", "stopped", *(row.reason for row in rows)]


def _width(relative: float) -> str:
    return "open" if relative == float("inf") else f"{100 * relative:.1f} %"


def _on_grid(row: RobustnessRow) -> str:
    ends = [rate for rate in (row.grid_low, row.grid_high) if rate is not None]
    found = "none" if row.grid_rber is None else f"{row.grid_rber:g}"
    return f"{found} [{', '.join(f'{rate:g}' for rate in ends)}]" if len(ends) == 2 and ends[0] != ends[1] else found


def _notes(result: RobustnessResult, report: str | None) -> list[tuple[str, str]]:
    model = (
        f"{clean(result.model)}, {result.n_weights:,} weights, float32 accuracy {percent(result.float32_accuracy)} %"
    )
    where = f"errors in {', '.join(map(clean, result.layers))} alone" if result.layers else "errors in all layers"
    said = [
        ("R", f"the rate at which the mean accuracy falls below {percent(result.target_accuracy)} %, {result.x:g} of "
              "float32's; each stored bit flips with it, and nothing is corrected"),
        ("network", f"{model}, chance {percent(result.chance)} %, range scope {result.range_scope}; {where}"),
        ("intervals", "95 %: rates at which the interval of the mean accuracy on this test set holds the target; it "
                      "allows for collapses not seen yet"),
    ]  # fmt: skip
    if result.paper_rates:
        said.append(("the paper", f"{PAPER_TRIALS} distorted models on all {result.test_images:,} images at each of "
                                  f"{len(result.paper_rates)} rates ({_rates(result)})"))  # fmt: skip
    said += [("stopped", f"{reason}: {REASONS[reason]}") for reason in dict.fromkeys(row.reason for row in result.rows)]
    said += [("note", text) for text in _cautions(result)]
    return [*said, ("report", report)] if report else said


def _rates(result: RobustnessResult) -> str:
    rates, which = result.paper_rates, "--grid" if result.grid else "its table's"
    return f"{which} {rates[0]:g} to {rates[-1]:g}"


def _cautions(result: RobustnessResult) -> Iterator[str]:
    needed = trials_that_prove(result.x)
    if open_below := [clean(row.scheme) for row in result.rows if row.low is None and row.trials < needed]:
        yield (
            f"{', '.join(open_below)}: open below, because fewer than {needed} trials, though all be fine, allow for "
            f"collapses that cost {100 * (1 - result.x):.3g} %"
        )
    for row in result.rows:
        if row.others:
            yield f"{clean(row.scheme)}: the mean crosses the target again at {', '.join(map(rber, row.others))}"


def render_csv(result: RobustnessResult) -> str:
    """Return one line a scheme at full precision; the curves are in the report's folder."""
    rows = [{key: value for key, value in asdict(row).items() if key != "curve"} for row in result.rows]
    return csv_text(list(rows[0]), [{**row, "others": " ".join(map(repr, row["others"]))} for row in rows])


def render_curves(result: RobustnessResult) -> str:
    """Return one line for each rate that a scheme was measured at: what the figure shows, at full precision."""
    points = [{"scheme": row.scheme, **asdict(point)} for row in result.rows for point in row.curve]
    return csv_text(list(points[0]), points)


def write_robustness(result: RobustnessResult, folder: str | Path) -> Path:
    """Write the figure, its curves and everything as JSON by :func:`write_figure`; return the SVG's path."""
    from nvmsim.report.figure_robustness import build

    return write_figure(
        NAME, folder, build=lambda: build(result), data=render_curves(result), everything=render_json(result)
    )
