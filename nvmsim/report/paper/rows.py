"""The tables that set the paper beside what was measured, as cells of text for the terminal and for Markdown."""

from collections.abc import Mapping, Sequence

from nvmsim.accuracy.crossing import EQUAL, Crossing
from nvmsim.report.formats import points
from nvmsim.study.paper.distortion import DistortionOutcome, Width
from nvmsim.study.paper.outcome import CurveOutcome, PointOutcome, Robustness
from nvmsim.study.paper.reproduce import AccuracyOutcome
from nvmsim.study.paper.summary import SummaryOutcome

NONE = "-"
NOT_MEASURED = "not measured"
Rows = list[tuple[str, ...]]
_R_HEADING = ("paper", "ours, listed rates", "between rates", "t-interval", "95 % interval", "verdict")


def point_rows(outcome: AccuracyOutcome) -> Rows:
    """Return heading and rows of accuracy against RBER."""
    heading = ("curve", "RBER", "paper", "ours", "95 % interval", "points", "verdict", "trials x images")
    rows = [heading]
    for curve in outcome.curves:
        rows += [_point(curve, point) for point in curve.points] if curve.measured else _unmeasured(curve)
    return rows


def _unmeasured(curve: CurveOutcome) -> Rows:
    rest = (NOT_MEASURED, NONE, NONE, NONE, NONE)
    if curve.curve.paper and curve.curve.paper.accuracy:
        return [
            (curve.curve.name, f"{rber:g}", _all_digits(paper), *rest) for rber, paper in curve.curve.paper.accuracy
        ]
    return [(curve.curve.name, f"{curve.curve.rber[0]:g} to {curve.curve.rber[-1]:g}", NONE, *rest)]


def _all_digits(accuracy: float) -> str:
    """Return a value of the paper's tables with all its digits: most have four decimals, some five."""
    return max(f"{accuracy:.4f}", repr(accuracy), key=len)


def _point(curve: CurveOutcome, point: PointOutcome) -> tuple[str, ...]:
    paper = NONE if point.paper is None else _all_digits(point.paper)
    if point.estimate is None:
        return (curve.curve.name, f"{point.rber:g}", paper, NOT_MEASURED, NONE, NONE, NONE, NONE)
    found = point.estimate
    return (
        curve.curve.name,
        f"{point.rber:g}",
        paper,
        f"{found.mean:.4f}",
        f"[{found.low:.4f}, {found.high:.4f}]",
        NONE if point.difference is None else f"{100 * point.difference:+.2f}",
        point.verdict or NONE,
        f"{found.trials} x {found.images:,}",
    )


def robustness_rows(outcome: AccuracyOutcome) -> Rows:
    """Return heading and rows of R(0.95), a row a measured curve; no rows where no curve has errors."""
    heading = ("R(0.95)", *_R_HEADING)
    rows = []
    for curve in outcome.curves:
        stated = curve.curve.paper.robustness if curve.curve.paper else None
        if curve.robustness or stated:
            rows.append((curve.curve.name, NONE if stated is None else f"{stated[0]:g}", *_found(curve.robustness)))
    return [heading, *rows] if rows else []


def scope_rows(outcome: AccuracyOutcome) -> Rows:
    """Return heading and rows of R(0.95) with a column a range scope; no rows where a study has one scope only."""
    scopes = list(dict.fromkeys(curve.curve.range_scope for curve in outcome.curves))
    if len(scopes) < 2:
        return []
    rows: dict[tuple[str, ...], dict[str, CurveOutcome]] = {}
    for curve in outcome.curves:
        rows.setdefault(_stored_as(curve), {})[curve.curve.range_scope] = curve
    heading = ("network", "errors in", "encoding", "paper", *(f"range: {scope}" for scope in scopes))
    return [
        heading,
        *((*key, _stated(found), *(_between(found.get(s)) for s in scopes)) for key, found in rows.items()),
    ]


def _stored_as(curve: CurveOutcome) -> tuple[str, ...]:
    spec = curve.curve
    return spec.model, ", ".join(spec.layers) or "all layers", spec.encoding


def _stated(found: Mapping[str, CurveOutcome]) -> str:
    stated = [curve.curve.paper.robustness for curve in found.values() if curve.curve.paper]
    return f"{stated[0][0]:g}" if stated and stated[0] else NONE


def _between(curve: CurveOutcome | None) -> str:
    if curve is None or curve.robustness is None:
        return NOT_MEASURED
    return f"{rate_text(curve.robustness.narrow)} {limits_text(curve.robustness.narrow)}"


def _found(found: Robustness | None) -> tuple[str, ...]:
    if found is None:
        return (NOT_MEASURED, NONE, NONE, NONE, NONE)
    grid = found.narrow.on_grid
    return (
        "below all" if grid is None else f"{grid:g}",
        rate_text(found.narrow),
        limits_text(found.narrow),
        limits_text(found.wide),
        found.verdict or NONE,
    )


def rate_text(found: Crossing) -> str:
    """Return where a mean falls below its target, such as ``0.0123`` or ``> 0.03``."""
    return f"{'' if found.relation == EQUAL else f'{found.relation} '}{found.rate:.3g}"


def limits_text(found: Crossing) -> str:
    """Return the limits of R; an open side shows as ``-``."""
    low, high = (NONE if limit is None else f"{limit:.3g}" for limit in (found.low, found.high))
    return f"[{low}, {high}]"


def claim_rows(outcome: AccuracyOutcome) -> Rows:
    """Return heading and rows of the paper's sentences; no rows where there are none."""
    heading = ("the paper says", "place", "verdict", "ours")
    rows = [(f'"{c.claim.says}"', c.claim.place, c.verdict, c.shown) for c in outcome.claims]
    return [heading, *rows] if rows else []


def summary_rows(outcome: SummaryOutcome) -> Rows:
    """Return heading and rows of Table VIII."""
    rows = [("network", "nulling", *_R_HEADING)]
    for entry in outcome.entries:
        row = entry.row
        for kind, paper, found in (
            ("without", row.paper_without, entry.without),
            ("with", row.paper_nulling, entry.nulling),
        ):
            rows.append((row.name, kind, f"{paper:g}", *_found(found)))
    return rows


def statement_rows(outcome: DistortionOutcome) -> Rows:
    """Return heading and rows of what Section V states."""
    heading = ("place", "statement", "paper", "ours", "verdict")
    return [heading, *((s.place, s.says, s.paper, s.ours, s.verdict) for s in outcome.statements)]


def width_rows(outcome: DistortionOutcome) -> Rows:
    """Return heading and rows of the distortions by word width."""
    heading = ("q", "binary", "Gray", "Hamming", "descending", "Harper's least", "bound", "Stirling", "mean: binary",
               "mean: Hamming", "how")  # fmt: skip
    return [heading, *map(_width, outcome.widths)]


def _width(width: Width) -> tuple[str, ...]:
    largest = (width.binary, width.gray, width.hamming, width.descending, width.harper, width.theorem, width.stirling)
    return (
        str(width.bits),
        *(f"{float(value):.4f}" for value in (*largest, width.binary_mean, width.hamming_mean)),
        "all words" if width.enumerated else "closed form",
    )


def move_rows(outcome: DistortionOutcome) -> Rows:
    """Return heading and rows of how far one flip moves real weights; no rows where no network was asked for."""
    heading = ("network", "encoding", "mean of a flip", "rms", "largest")
    rows = [
        (move.network, move.encoding, *(f"{value:.4f}" for value in (move.mean, move.rms, move.largest)))
        for move in outcome.moves
    ]
    return [heading, *rows] if rows else []


def missing_lines(curves: Sequence[CurveOutcome]) -> list[str]:
    """Return why curves were not measured, a line a reason."""
    reasons: dict[str, list[str]] = {}
    for curve in curves:
        if curve.missing:
            reasons.setdefault(curve.missing, []).append(curve.curve.name)
    return [f"{', '.join(names)}: not measured: {reason}" for reason, names in reasons.items()]


def tally(outcome: AccuracyOutcome) -> dict[str, int]:
    """Count the verdicts on accuracies, on R(0.95) and on sentences."""
    verdicts = [point.verdict for curve in outcome.curves for point in curve.points]
    verdicts += [curve.robustness.verdict for curve in outcome.curves if curve.robustness]
    verdicts += [claim.verdict for claim in outcome.claims]
    return {name: verdicts.count(name) for name in ("agree", "differ", "undecided")}


def largest_difference(outcome: AccuracyOutcome) -> str:
    """Return the largest difference from an accuracy of the paper, in points with its rate, or ``-``."""
    known = [point for curve in outcome.curves for point in curve.points if point.difference is not None]
    if not known:
        return NONE
    worst = max(known, key=lambda point: abs(point.difference))
    return f"{'+' if worst.difference > 0 else ''}{points(100 * worst.difference)} at {worst.rber:g}"
