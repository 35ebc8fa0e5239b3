"""The counts behind estimates, row by row."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.store import Store


class TrialBlock(NamedTuple):
    """A row of the export: one block of images of one trial, with the bits of the trial."""

    task_id: str
    trial: int
    block: int
    images: int
    correct: int
    raw_flips: int
    residual_flips: int
    nulled: int
    failed_codewords: int


def trial_blocks(store: Store, estimates: Sequence[Estimate]) -> list[TrialBlock]:
    """Return every count that ``estimates`` rest on, in their order, then by trial and block."""
    return [row for estimate in estimates for row in _blocks_of(store, estimate)]


def _blocks_of(store: Store, estimate: Estimate) -> Iterator[TrialBlock]:
    rows = store.rows(estimate.task_id)
    for trial, counts in enumerate(estimate.counts):
        bits = (counts.raw_flips, counts.residual_flips, counts.nulled, counts.failed_codewords)
        for block in range(estimate.sample.blocks):
            count = rows.blocks[trial, block]
            yield TrialBlock(estimate.task_id, trial, block, count.images, count.correct, *bits)
