"""The finding that each figure shows, as its title."""

from collections.abc import Callable

from nvmsim.accuracy.crossing import EQUAL
from nvmsim.accuracy.quartiles import box
from nvmsim.report.formats import number
from nvmsim.report.paper.rows import rate_text
from nvmsim.study.paper.outcome import CurveOutcome, PointOutcome
from nvmsim.study.paper.reproduce import AccuracyOutcome
from nvmsim.study.paper.spec import Curve
from nvmsim.study.paper.summary import SummaryOutcome


def accuracy_title(outcome: AccuracyOutcome) -> str:
    """Return R(0.95) of each curve beside the paper's, or of the curves that fall first and last."""
    known = [curve for curve in outcome.curves if curve.robustness]
    stated = [curve for curve in known if curve.robustness.paper]
    if stated and len(stated) <= 3:
        said = [f"{c.curve.name} {rate_text(c.robustness.narrow)} ({_paper(c)})" for c in stated]
        return f"{_start(outcome)}: R(0.95) of {', '.join(said)}"
    scopes = scope_effects(outcome)
    return f"{_start(outcome)}: {scopes or _first_and_last(known)}"


def scope_effects(outcome: AccuracyOutcome) -> str:
    """Return by how much the scope of ranges and the encoding each change R(0.95), a network after the other.

    Layers that meet errors alone count as a network of their own. Empty where a study has one scope only.
    """
    known = [curve for curve in outcome.curves if curve.robustness]
    said = []
    for part in dict.fromkeys((curve.curve.model, curve.curve.layers) for curve in known):
        own = [curve for curve in known if (curve.curve.model, curve.curve.layers) == part]
        if len({curve.curve.range_scope for curve in own}) > 1:
            by_scope = f"the scope changes R(0.95) {_spread(own, lambda curve: curve.encoding)} times"
            encodings = len({curve.curve.encoding for curve in own}) > 1
            by_encoding = f", the encoding {_spread(own, lambda curve: curve.range_scope)}" if encodings else ""
            said.append(f"on {' '.join((part[0], *part[1]))} {by_scope}{by_encoding}")
    return "; ".join(said)


def _spread(curves: list[CurveOutcome], group: Callable[[Curve], str]) -> str:
    """Return the largest quotient of two R(0.95) within a group."""
    groups: dict[str, list[float]] = {}
    for curve in curves:
        groups.setdefault(group(curve.curve), []).append(curve.robustness.narrow.rate)
    return number(max(max(rates) / min(rates) for rates in groups.values()), digits=2)


def _start(outcome: AccuracyOutcome) -> str:
    return outcome.study.title


def _paper(curve: CurveOutcome) -> str:
    return f"the paper: {curve.robustness.paper[0]:g}"


def _first_and_last(known: list[CurveOutcome]) -> str:
    ranked = sorted(known, key=lambda curve: curve.robustness.narrow.rate)
    first, last = ranked[0], ranked[-1]
    if len({(c.robustness.narrow.rate, c.robustness.narrow.relation) for c in known}) == 1:
        return f"R(0.95) of all curves {rate_text(first.robustness.narrow)}"
    return (
        f"{first.curve.name} falls first, R(0.95) {rate_text(first.robustness.narrow)}, {last.curve.name} last, "
        f"{rate_text(last.robustness.narrow)}"
    )


def errors_title(outcome: AccuracyOutcome) -> str:
    """Return how many bit errors the least and the most tolerant curve stand at 95 % of the accuracy."""
    stood = {
        c.curve.name: c.robustness for c in outcome.curves if c.robustness and c.robustness.narrow.relation == EQUAL
    }
    bits = {c.curve.name: c.measured[-1].estimate.counts[0].data_bits for c in outcome.curves if c.measured}
    errors = {name: found.narrow.rate * bits[name] for name, found in stood.items()}
    if len(errors) < 2:
        return f"{_start(outcome)}: accuracy against the number of bit errors"
    least, most = min(errors, key=errors.get), max(errors, key=errors.get)
    return (
        f"{_start(outcome)}: 95 % of the accuracy stands {errors[least]:,.0f} bit errors in {least} and "
        f"{errors[most]:,.0f} in {most}"
    )


def boxes_title(curve: CurveOutcome, points: list[PointOutcome]) -> str:
    """Return how the spread of the trials grows along a curve."""
    spans = [box(point.estimate.accuracies) for point in points]
    first, last = (100 * (found.high - found.low) for found in (spans[0], spans[-1]))
    outliers = sum(len(found.outliers) for found in spans)
    return (
        f"{curve.curve.model}, {curve.curve.name}: half of the models lie within {first:.2f} points at "
        f"{points[0].rber:g} and {last:.2f} at {points[-1].rber:g}; {outliers} outliers"
    )


def summary_title(outcome: SummaryOutcome) -> str:
    """Return by how much nulling raises R(0.95), network by network, beside the paper's factor."""
    said = [
        f"{entry.row.name} {number(entry.gain, digits=2)}x (the paper "
        f"{number(entry.row.paper_nulling / entry.row.paper_without, digits=2)}x)"
        for entry in outcome.entries
        if entry.gain is not None
    ]
    return f"Nulling changes R(0.95): {', '.join(said)}" if said else "R(0.95) without and with nulling"
