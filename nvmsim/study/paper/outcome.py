"""What a store says about a study's curves, beside what the paper says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.crossing import Crossing, crossing, losing_rates
from nvmsim.accuracy.estimate import Estimate, estimate_of, sample_of
from nvmsim.accuracy.records import TaskRows
from nvmsim.accuracy.stats import t_half_width
from nvmsim.accuracy.store import Store
from nvmsim.study.paper.agreement import around, compare, compare_robustness, own_margin, tolerance
from nvmsim.study.paper.points import Point, points_of
from nvmsim.study.paper.sources import Networks
from nvmsim.study.paper.spec import Curve

KEPT = 0.95  # R(0.95), the paper's default


@dataclass(frozen=True)
class PointOutcome:
    """One rate: the paper's accuracy (None: not given), ours (None: not measured), and the ``verdict`` ("": none)."""

    point: Point
    paper: float | None
    estimate: Estimate | None
    verdict: str

    @property
    def rber(self) -> float:
        """The flip probability of a stored bit."""
        return self.point.rber

    @property
    def difference(self) -> float | None:
        """Ours less the paper's, a fraction."""
        return None if self.paper is None or self.estimate is None else self.estimate.mean - self.paper

    @property
    def bit_errors(self) -> float:
        """Mean number of stored bits that a trial flips."""
        return sum(counts.residual_flips for counts in self.estimate.counts) / self.estimate.trials

    @property
    def whole_test_set(self) -> bool:
        """Whether every trial saw all test images, so that trials may be drawn as a box."""
        return self.estimate is not None and self.estimate.sample.blocks == len(self.estimate.sample.images)


@dataclass(frozen=True)
class Robustness:
    """R(0.95) of a curve: where its mean falls below ``target``, 0.95 x the accuracy of float32.

    ``wide`` has the limits of intervals that allow for collapses not seen, ``narrow`` those of t-intervals, and
    ``on_images`` those over trials alone, for comparing curves on the same images. ``paper`` is the paper's R and its
    next rate (None: not given).
    """

    target: float
    wide: Crossing
    narrow: Crossing
    on_images: Crossing
    paper: tuple[float, float] | None
    verdict: str


@dataclass(frozen=True)
class CurveOutcome:
    """A curve's points; ``float32`` is our network's own accuracy, and ``missing`` says why there is none."""

    curve: Curve
    points: tuple[PointOutcome, ...]
    float32: float | None
    robustness: Robustness | None
    missing: str = ""

    @property
    def measured(self) -> tuple[PointOutcome, ...]:
        """The points that were measured."""
        return tuple(point for point in self.points if point.estimate is not None)


class Rows:
    """The rows of a store by task, each read once."""

    def __init__(self, store: Store) -> None:
        self._store, self._known = store, {}

    def of(self, task_id: str) -> TaskRows | None:
        """Return what is known of a task, None if nothing is."""
        if task_id not in self._known:
            self._known[task_id] = self._store.rows(task_id)
        return self._known[task_id]


def curve_outcome(curve: Curve, rows: Rows, networks: Networks) -> CurveOutcome:
    """Return what is stored of a curve beside the paper's values."""
    if curve.model not in networks.sources:
        return CurveOutcome(curve, (), None, None, networks.missing.get(curve.model, "its network is not here"))
    quoted = dict(curve.paper.accuracy) if curve.paper else {}
    points = tuple(_point(point, rows, quoted) for point in points_of(curve, networks.sources))
    found = [point.estimate for point in points if point.estimate is not None]
    if not found:
        return CurveOutcome(curve, points, None, None, "none of its trials is stored")
    return CurveOutcome(curve, points, found[0].baseline_accuracy, _robustness(curve, points))


def _point(point: Point, rows: Rows, quoted: Mapping[float, float]) -> PointOutcome:
    estimate = stored_estimate(point, rows)
    paper = quoted.get(point.rber)
    verdict = "" if paper is None or estimate is None else compare(paper, estimate.sample)
    return PointOutcome(point, paper, estimate, verdict)


def stored_estimate(point: Point, rows: Rows) -> Estimate | None:
    """Return the accuracy that the stored trials give, up to as many as the study asks for; None without any."""
    baseline, own = rows.of(point.task.baseline.id), rows.of(point.task.id)
    if own is None or baseline is None or len(_blocks(baseline, 0)) < baseline.facts.blocks:
        return None
    wanted = set(range(point.plan.blocks))
    trials = next(trial for trial in count() if trial == point.plan.trials or not wanted <= _blocks(own, trial))
    if not trials:
        return None
    return estimate_of(own, sample_of(own, baseline, plan=Plan(trials, point.plan.blocks)), reason="trials")


def _blocks(rows: TaskRows, trial: int) -> set[int]:
    return {block for block in range(rows.facts.blocks) if (trial, block) in rows.blocks}


def _robustness(curve: Curve, points: Sequence[PointOutcome]) -> Robustness | None:
    known = [
        (p.rber, p.estimate) for p in points if p.rber and p.estimate and math.isfinite(own_margin(p.estimate.sample))
    ]
    if not known:
        return None
    undistorted = known[0][1].baseline_accuracy
    samples = [(rber, estimate.sample) for rber, estimate in known]
    by_t = [(rber, around(sample, own_margin(sample))) for rber, sample in samples]
    bends = losing_rates(by_t, undistorted)
    between = partial(crossing, target=KEPT * undistorted, undistorted=undistorted, bends=bends)
    narrow = between(by_t)
    on_images = between([(rber, around(sample, float(t_half_width(sample.accuracies)))) for rber, sample in samples])
    widened = between([(rber, around(sample, tolerance(sample))) for rber, sample in samples])
    paper = curve.paper.robustness if curve.paper else None
    verdict = compare_robustness(paper, widened) if paper else ""
    return Robustness(KEPT * undistorted, between(known), narrow, on_images, paper, verdict)
