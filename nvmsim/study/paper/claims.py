"""Sentences of the paper that say which curve is better, each decided by a test on our curves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import binomtest, levene

from nvmsim.accuracy.crossing import EQUAL
from nvmsim.accuracy.quartiles import box
from nvmsim.accuracy.stats import t_half_width
from nvmsim.study.paper.agreement import AGREE, DIFFER, UNDECIDED
from nvmsim.study.paper.outcome import CurveOutcome, PointOutcome
from nvmsim.study.paper.spec import Claim

LEAST_TRIALS = 8  # fewer decide no sentence
_LEAST_SPREAD = 3  # trials that a spread takes
_SIGNIFICANT = 0.05
_NOTHING_SHARED = "the curves have no rate in common that was measured"
Curves = Sequence[CurveOutcome]
Pair = tuple[PointOutcome, PointOutcome]


@dataclass(frozen=True)
class ClaimOutcome:
    """A claim of the paper, whether our curves agree with it, and what they show."""

    claim: Claim
    verdict: str
    shown: str


def claim_outcome(claim: Claim, curves: Mapping[str, CurveOutcome]) -> ClaimOutcome:
    """Decide a claim on the curves that it names."""
    chosen = [curves[name] for name in claim.curves]
    if missing := [curve.curve.name for curve in chosen if not curve.measured]:
        return ClaimOutcome(claim, UNDECIDED, f"not measured: {', '.join(missing)}")
    verdict, shown = TESTS[claim.test](chosen)
    return ClaimOutcome(claim, verdict if _least_trials(chosen) >= LEAST_TRIALS else UNDECIDED, shown)


def _least_trials(curves: Curves) -> int:
    tried = [point.estimate.trials for curve in curves for point in curve.measured if not point.point.task.exact]
    return min(tried, default=0)


def _falling_robustness(curves: Curves) -> tuple[str, str]:
    return _in_order([(curve, 1.0) for curve in reversed(curves)], "R(0.95)", reverse=True)


def _rising_errors(curves: Curves) -> tuple[str, str]:
    return _in_order([(curve, _exposed_bits(curve)) for curve in curves], "bit errors at R(0.95)", reverse=False)


def _exposed_bits(curve: CurveOutcome) -> float:
    return curve.measured[-1].estimate.counts[0].data_bits


def _in_order(scaled: Sequence[tuple[CurveOutcome, float]], what: str, *, reverse: bool) -> tuple[str, str]:
    """Tell whether R x scale rises along the curves: disjoint t-intervals decide a step, others leave it open."""
    alike = len({(curve.curve.model, curve.curve.images) for curve, _ in scaled}) == 1
    spans = [(curve.curve.name, _span(curve, scale, alike)) for curve, scale in scaled]
    steps = [_rises(low, high) for (_, low), (_, high) in pairwise(spans)]
    verdict = DIFFER if False in steps else UNDECIDED if None in steps else AGREE
    listed = [f"{name} {_shown(span)}" for name, span in (reversed(spans) if reverse else spans)]
    return verdict, f"{what}: {', '.join(listed)}"


Span = tuple[float, float, float, str]  # low, R, high, relation


def _span(curve: CurveOutcome, scale: float, alike: bool) -> Span:
    """Return R x scale; where all curves see the same images, the choice of these cannot part them."""
    found = curve.robustness.on_images if alike else curve.robustness.narrow
    low = found.low if found.low is not None else 0.0
    high = found.high if found.high is not None else np.inf
    return low * scale, found.rate * scale, high * scale, found.relation


def _rises(a: Span, b: Span) -> bool | None:
    if a[2] < b[0]:
        return True
    return False if b[2] < a[0] else None


def _shown(span: Span) -> str:
    relation = "" if span[3] == EQUAL else f"{span[3]} "
    return f"{relation}{span[1]:.3g} [{span[0]:.3g}, {span[2]:.3g}]"


def _shared(a: CurveOutcome, b: CurveOutcome) -> list[Pair]:
    """Return the points of both curves at the rates above 0 that both have."""
    others = {point.rber: point for point in b.measured}
    return [(point, others[point.rber]) for point in a.measured if point.rber and point.rber in others]


def _higher_accuracy(curves: Curves) -> tuple[str, str]:
    first, second = curves
    pairs = _shared(first, second)
    if not pairs:
        return UNDECIDED, _NOTHING_SHARED
    gains = [_paired([pair]) for pair in pairs]
    over_all, half_all = _paired(pairs)
    rates = [a.rber for a, _ in pairs]
    listed = [f"{100 * gain:+.2f} ± {100 * half:.2f} at {r:g}" for r, (gain, half) in zip(rates, gains, strict=True)]
    verdict = UNDECIDED if abs(over_all) <= half_all else AGREE if over_all > 0 else DIFFER
    names = f"{first.curve.name} less {second.curve.name}, points"
    return verdict, f"{names}: {100 * over_all:+.2f} ± {100 * half_all:.2f} over all, {', '.join(listed)}"


def _paired(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return the mean difference over the pairs' rates, with the t half-width over the trials that all have.

    Trials of one number share their flips at all rates, so each gives one difference, the mean over the rates.
    """
    trials = min(point.estimate.trials for pair in pairs for point in pair)
    differences = [a.estimate.sample.accuracies[:trials] - b.estimate.sample.accuracies[:trials] for a, b in pairs]
    each = np.mean(differences, axis=0)
    return float(each.mean()), float(t_half_width(each))


def _smaller_spread(curves: Curves) -> tuple[str, str]:
    pairs = _shared(*curves)
    if not pairs:
        return UNDECIDED, _NOTHING_SHARED
    spread = [tuple(_deviation(point) for point in pair) for pair in pairs]
    chance = min(_equal_spread(*pair) for pair in pairs) * len(pairs)  # Bonferroni
    smaller = sum(a < b for a, b in spread)
    listed = [
        f"{100 * a:.2f} against {100 * b:.2f} at {p.rber:g}" for (p, _), (a, b) in zip(pairs, spread, strict=True)
    ]
    verdict = UNDECIDED if chance > _SIGNIFICANT else {len(pairs): AGREE, 0: DIFFER}.get(smaller, UNDECIDED)
    return verdict, f"standard deviation of a trial, points: {', '.join(listed)}"


def _equal_spread(a: PointOutcome, b: PointOutcome) -> float:
    """Return the chance of spreads so unlike if both were equal (Brown and Forsythe 1974); 1 for too few trials."""
    values = [point.estimate.sample.accuracies for point in (a, b)]
    if min(map(len, values)) < _LEAST_SPREAD or not any(np.ptp(part) for part in values):
        return 1.0
    return float(levene(*values, center="median").pvalue)


def _deviation(point: PointOutcome) -> float:
    values = point.estimate.sample.accuracies
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _fewer_outliers(curves: Curves) -> tuple[str, str]:
    pairs = _shared(*curves)
    if not pairs:
        return UNDECIDED, _NOTHING_SHARED
    common = [min(point.estimate.trials for point in pair) for pair in pairs]
    ours, theirs = (
        sum(len(box(pair[i].estimate.accuracies[:n]).outliers) for pair, n in zip(pairs, common, strict=True))
        for i in (0, 1)
    )
    trials = sum(common)
    chance = binomtest(ours, ours + theirs).pvalue if ours + theirs else 1.0
    verdict = UNDECIDED if chance > _SIGNIFICANT else AGREE if ours < theirs else DIFFER
    names = [curve.curve.name for curve in curves]
    return verdict, f"outliers among {trials} trials at shared rates: {names[0]} {ours}, {names[1]} {theirs}"


TESTS: dict[str, Callable[[Curves], tuple[str, str]]] = {
    "falling robustness": _falling_robustness,
    "rising errors": _rising_errors,
    "higher accuracy": _higher_accuracy,
    "smaller spread": _smaller_spread,
    "fewer outliers": _fewer_outliers,
}
