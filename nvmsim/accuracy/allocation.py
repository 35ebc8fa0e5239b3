"""Where the next trials or images go, and when a task has had enough: asked at doublings only.

Looking after every trial and stopping at the first narrow interval would cover less than it claims; at doublings the
loss is negligible (the tests show it by simulation).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from nvmsim.accuracy.stats import NEVER, TEST_SET, Sample, accuracy_interval

FIRST_TRIALS = 8
WORTHWHILE = 0.1  # at the cap of trials, more images must narrow the interval by a tenth
REASONS = {
    "precision": "the interval is as narrow as asked",
    "trials": "the largest number of trials was reached",
    "time": "the time was used up",
    "exact": "nothing can change, and every image was seen",
    "bound": "the closed form says that trials next to never change anything",
    "settled": "it is known well enough for what the study wants to decide",
    "open": "more was wanted: the study was stopped before, and goes on when it is run again",
}


@dataclass(frozen=True)
class Plan:
    """A rectangle of measurements: the first ``trials`` trials on the first ``blocks`` blocks of images."""

    trials: int
    blocks: int

    @property
    def cells(self) -> int:
        """Measurements of one trial on one block each."""
        return self.trials * self.blocks

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Every (trial, block) of it."""
        return product(range(self.trials), range(self.blocks))


@dataclass(frozen=True)
class Limits:
    """How far a task may go: at most ``trials`` trials, down to the half-width ``precision`` (a fraction)."""

    trials: int
    precision: float
    target: str = TEST_SET


@dataclass(frozen=True)
class Step:
    """The next plan of a task and by how much it should narrow the interval's half-width."""

    plan: Plan
    gain: float


def first_plan(limits: Limits, *, exact: bool) -> Plan:
    """Return what to begin with; an ``exact`` task is one where every trial is the same.

    >>> first_plan(Limits(trials=64, precision=0.005), exact=False)
    Plan(trials=8, blocks=1)
    """
    return Plan(1 if exact else min(FIRST_TRIALS, limits.trials), 1)


def decide(sample: Sample, limits: Limits) -> Step | str:
    """Return the next step of a task that has measured ``sample``, or the reason (of REASONS) to stop.

    >>> import numpy as np
    >>> sample = Sample(np.full((8, 1), 490), np.full(20, 495), np.full(20, 500))
    >>> decide(sample, Limits(trials=64, precision=0.005)).plan
    Plan(trials=16, blocks=1)
    >>> decide(sample, Limits(trials=64, precision=0.5))
    'precision'
    """
    every_block = len(sample.images)
    if sample.change_bound <= NEVER and sample.blocks < every_block:
        return Step(Plan(sample.trials, every_block), _half_width(sample, limits))
    if sample.change_bound == 0:
        return "exact"
    now = _half_width(sample, limits)
    if now <= limits.precision:
        return "precision" if sample.change_bound == 1 else "bound"
    steps = [Step(plan, now - _half_width(sample, limits, plan)) for plan in _wider(sample, limits)]
    worth = [step for step in steps if sample.trials < limits.trials or step.gain >= WORTHWHILE * now]
    return max(worth, key=lambda step: step.gain / (step.plan.cells - sample.correct.size), default="trials")


def _wider(sample: Sample, limits: Limits) -> list[Plan]:
    trials, blocks, every_block = sample.trials, sample.blocks, len(sample.images)
    plans = []
    if trials < limits.trials:
        plans.append(Plan(min(2 * trials, limits.trials), blocks))
    if blocks < every_block:
        plans.append(Plan(trials, min(2 * blocks, every_block)))
    return plans


def _half_width(sample: Sample, limits: Limits, plan: Plan | None = None) -> float:
    shape = None if plan is None else (plan.trials, plan.blocks)
    return accuracy_interval(sample, target=limits.target, as_if=shape).half_width


def affordable(steps: Mapping[str, Step], costs: Mapping[str, float], *, left_s: float) -> list[str]:
    """Return the tasks whose next steps fit into ``left_s`` seconds, the most rewarding first; ``costs`` in seconds.

    >>> affordable({"a": Step(Plan(16, 1), 0.1), "b": Step(Plan(16, 1), 0.2)}, {"a": 6.0, "b": 6.0}, left_s=10.0)
    ['b']
    """
    chosen: list[str] = []
    for key in sorted(steps, key=lambda key: (-steps[key].gain / (costs[key] + 1e-9), key)):
        if costs[key] <= left_s:
            chosen.append(key)
            left_s -= costs[key]
    return chosen
