"""The figures of a report, in the order of the page."""

from nvmsim.report import figure_boxes, figure_front, figure_page_read
from nvmsim.report.drawing import Drawing, draw
from nvmsim.study.tradeoff import Result

FIGURES = {
    "throughput-accuracy": figure_front.build,
    "accuracy-trials": figure_boxes.build,
    "page-read": figure_page_read.build,
}


def draw_figures(result: Result) -> tuple[Drawing, ...]:
    """Return every figure of the result, drawn; the same result gives the same bytes.

    A result without rows has no figures.
    """
    return tuple(draw(name, result, build) for name, build in FIGURES.items()) if result.rows else ()
