"""The figures of a study's report, in the order of the page."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

from nvmsim.accuracy.executor import end_with_parent, leave_if_worker, no_interrupts
from nvmsim.report.drawing import Build, Drawing, draw
from nvmsim.report.study import (
    figure_boxes,
    figure_data,
    figure_fronts,
    figure_heat,
    figure_lifetime,
    figure_span,
    figure_use,
)  # fmt: skip
from nvmsim.report.study.panels import left_out, panels_of
from nvmsim.study.grid.outcome import StudyOutcome

WORTH_ROWS = 500  # starting processes takes some two seconds


class Figure(NamedTuple):
    """A figure of a study: how it is built, the CSV of its numbers, and what stands below it."""

    build: Build
    data: Callable[[StudyOutcome], str]
    caption: str


FIGURES = {
    "pareto-fronts": Figure(
        figure_fronts.build,
        figure_data.front_data,
        "A path joins what one scheme does from age to age; its markers grow with the age. Schemes of equal throughput "
        "stand side by side. Dark edge: surely Pareto-optimal at its age; hollow: undecided. Bars are 95 % intervals; "
        "the dashed line is float32's accuracy. Accuracy is logarithmic in the points lost.",
    ),
    "lifetime": Figure(
        figure_lifetime.build,
        figure_data.lifetime_data,
        "Points lost (above) and throughput (below) against age, with 95 % intervals. A cross marks where the mean "
        "drop passes the limit, between measured ages on the axis's own scale. Losses beyond 0.1 points "
        "are logarithmic.",
    ),
    "without-ecc": Figure(
        figure_span.build,
        figure_data.span_data,
        "The last measured age up to which the drop surely (95 %) stays within the limit, at it and at every age "
        "before. Pale: the interval holds the limit, so that more trials would tell.",
    ),
    "drops": Figure(
        figure_heat.build,
        figure_data.heat_data,
        "Mean points lost below float32. A frame: surely within the limit, and by an ECC that meets its "
        "UBER target. The scale of colour is logarithmic.",
    ),
    "trials": Figure(
        figure_boxes.build,
        figure_data.boxes_data,
        "Trials of each setting's answer, and below it of the next faster row. A box holds the middle half of the "
        "trials, whiskers reach the last trial within 1.5 box widths; crosses are outliers, dots are trials.",
    ),
    "bottlenecks": Figure(
        figure_use.build,
        figure_data.use_data,
        "How busy each resource is while weights are read at the last age measured. Blue: the resource that limits.",
    ),
}


def draw_study_figures(outcome: StudyOutcome, *, workers: int = 1) -> tuple[Drawing, ...]:
    """Return every figure that the outcome has data for, with PDF; the same outcome gives the same bytes.

    Up to ``workers`` processes draw where there are so many rows that it pays: a script that asks for more than one
    needs its ``if __name__ == "__main__"``, or else draws in its own process.
    """
    names, rows = figure_names(outcome), sum(len(setting.result.rows) for setting in outcome.measured)
    draw_one = partial(_drawn, outcome)
    if min(workers, len(names)) < 2 or rows < WORTH_ROWS:
        return tuple(map(draw_one, names))
    leave_if_worker()
    try:
        with no_interrupts():
            pool = ProcessPoolExecutor(min(workers, len(names)), get_context("spawn"), end_with_parent)
            drawings = [pool.submit(draw_one, name) for name in names]
        with pool:
            return tuple(drawing.result() for drawing in drawings)
    except (BrokenProcessPool, OSError):  # killed, out of memory, or a script without its guard
        return tuple(map(draw_one, names))


def _drawn(outcome: StudyOutcome, name: str) -> Drawing:
    return draw(name, outcome, FIGURES[name].build, publish=True)


def figure_names(outcome: StudyOutcome) -> tuple[str, ...]:
    """Return the names of the figures that the outcome has data for; curves over ages need two of them."""
    if not outcome.measured:
        return ()
    has = {
        "lifetime": any(len(panel.steps) > 1 for panel in panels_of(outcome)),
        "trials": bool(figure_boxes.boxed(outcome)),
        "bottlenecks": bool(figure_use.uses(outcome)),
    }
    has["without-ecc"] = has["lifetime"]
    return tuple(name for name in FIGURES if has.get(name, True))


def caption_of(name: str, outcome: StudyOutcome) -> str:
    """Return what stands below a figure, with what it leaves out for room and where that is."""
    return " ".join([FIGURES[name].caption, *_limits(name, outcome)])


def _limits(name: str, outcome: StudyOutcome) -> Iterator[str]:
    if name in ("pareto-fronts", "lifetime", "without-ecc", "drops") and (said := left_out(outcome)):
        yield said
    if name == "drops" and any(len(panel.steps) > figure_heat.MOST_AGES for panel in panels_of(outcome)):
        yield f"Of more than {figure_heat.MOST_AGES} ages as many are shown, evenly chosen; drops.csv has all."
    if name == "trials" and sum(setting.best is not None for setting in outcome.measured) > figure_boxes.MOST_SETTINGS:
        yield f"Shown are {figure_boxes.MOST_SETTINGS} settings, evenly chosen; results.json has the trials of all."
    if name == "bottlenecks" and len(figure_use.uses(outcome)) > figure_use.MOST_BARS:
        yield f"Shown are the first {figure_use.MOST_BARS} devices and modes; bottlenecks.csv has all."
