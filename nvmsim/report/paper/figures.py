"""Every figure of a reproduction, by file name."""

from typing import Any, NamedTuple

from nvmsim.report.drawing import Build
from nvmsim.report.paper.boxes import boxes_of, build_boxes
from nvmsim.report.paper.curves import build_accuracy, build_errors
from nvmsim.report.paper.distortion import build_distortion
from nvmsim.report.paper.summary import build_summary
from nvmsim.study.paper.reproduce import AccuracyOutcome, Outcome
from nvmsim.study.paper.summary import SummaryOutcome

_CURVES = {"accuracy": build_accuracy, "errors": build_errors}


class Wanted(NamedTuple):
    """A figure to be drawn: its file name without ending, what it shows, and how it is built."""

    name: str
    shown: Any
    build: Build


def figures_of(outcome: Outcome) -> tuple[Wanted, ...]:
    """Return the figures of one study; none where nothing was measured."""
    name = outcome.study.name
    if isinstance(outcome, AccuracyOutcome):
        return _accuracy(outcome) if any(curve.robustness for curve in outcome.curves) else ()
    if isinstance(outcome, SummaryOutcome):
        return (Wanted(name, outcome, build_summary),)
    return (Wanted(name, outcome, build_distortion),)


def _accuracy(outcome: AccuracyOutcome) -> tuple[Wanted, ...]:
    study = outcome.study
    wanted = [Wanted(f"{study.name}-{kind}", outcome, _CURVES[kind]) for kind in study.figures if kind in _CURVES]
    shown = [curve for curve in outcome.curves if "boxes" in study.figures and curve.curve.name in study.boxes]
    for boxes in map(boxes_of, shown):
        if boxes.points:
            wanted.append(Wanted(f"{study.name}-boxes-{boxes.curve.curve.name.replace(' ', '-')}", boxes, build_boxes))
    return tuple(wanted)
