"""What is measured and kept: a task's facts, a trial's bits, a block's count."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class BlockCount(NamedTuple):
    """Images classified right among the ``images`` of one block, and the seconds that it took."""

    correct: int
    images: int
    seconds: float


@dataclass(frozen=True)
class TaskFacts:
    """What compiling a task tells; ``change_bound`` is an upper limit of P(a trial changes any weight)."""

    id: str
    text: str
    images: int
    blocks: int
    weights: int
    change_bound: float


@dataclass(frozen=True)
class TrialCounts:
    """The bits of one trial.

    ``raw_flips`` of the ``raw_bits`` read from the pages were wrong (in mode ecc these include the spare bytes), after
    correction ``residual_flips`` of the model's ``data_bits``; ``nulled`` weights, ``failed_codewords``.
    """

    raw_flips: int = 0
    raw_bits: int = 0
    residual_flips: int = 0
    data_bits: int = 0
    nulled: int = 0
    failed_codewords: int = 0


@dataclass(frozen=True)
class Trial:
    """One trial of a task on some blocks of images."""

    facts: TaskFacts
    trial: int
    counts: TrialCounts
    blocks: Mapping[int, BlockCount]


@dataclass(frozen=True)
class TaskRows:
    """All that a store holds about one task: counts by trial, and by (trial, block)."""

    facts: TaskFacts
    trials: dict[int, TrialCounts] = field(default_factory=dict)
    blocks: dict[tuple[int, int], BlockCount] = field(default_factory=dict)
