"""Which tasks a study asks for, and how much of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nvmsim.accuracy.allocation import FIRST_TRIALS, Plan
from nvmsim.accuracy.bsc import bsc_task
from nvmsim.accuracy.task import Task
from nvmsim.defaults import BLOCK_IMAGES
from nvmsim.study.paper.spec import AccuracyStudy, Curve, Study

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

    Sources = Mapping[str, Card | Model]


@dataclass(frozen=True)
class Point:
    """One rate of one curve: its task, and the rectangle of trials and blocks that the study asks for."""

    curve: Curve
    rber: float
    task: Task
    plan: Plan


def points_of(curve: Curve, sources: "Sources") -> tuple[Point, ...]:
    """Return the points of a curve; ``sources`` must hold its network."""
    blocks = curve.images // BLOCK_IMAGES
    return tuple(_point(curve, rber, sources, blocks) for rber in curve.rber)


def _point(curve: Curve, rber: float, sources: "Sources", blocks: int) -> Point:
    task = bsc_task(
        sources[curve.model],
        curve.encoding,
        rber=rber,
        range_scope=curve.range_scope,
        rung_rber=curve.rung_rber if rber else None,
        layers=curve.layers,
        seed=curve.seed,
    )
    return Point(curve, rber, task, Plan(1 if task.exact else curve.trials, blocks))


def curves_of(studies: Iterable[Study]) -> tuple[Curve, ...]:
    """Return the curves of all studies that measure accuracy, in order."""
    return tuple(curve for study in studies if isinstance(study, AccuracyStudy) for curve in study.curves)


def measurements(points: Sequence[Point], *, blocks: Mapping[str, int]) -> list[tuple[Task, Plan]]:
    """Return what to measure for ``points``, in an order in which an interrupt leaves balanced tables.

    First every network without noise on its whole test set (``blocks`` says how many blocks, by model), then trials 0
    to 7 of every point, then 8 to 15, and so on.
    """
    baselines = {point.task.baseline: Plan(1, blocks[point.curve.model]) for point in points}
    most = max((point.plan.trials for point in points), default=0)
    rounds = [
        (point.task, Plan(min(stop, point.plan.trials), point.plan.blocks))
        for stop in range(FIRST_TRIALS, most + FIRST_TRIALS, FIRST_TRIALS)
        for point in points
    ]
    return [*baselines.items(), *rounds]
