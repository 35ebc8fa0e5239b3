"""Every count that a study rests on, one row a block of images of a trial: the same bytes from the same counts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.export import TrialBlock, trial_blocks
from nvmsim.accuracy.store import Store
from nvmsim.study.grid.questions import Asked

FLOAT32 = "float32_correct"  # images of the block that are right without any noise
COUNTS = (*TrialBlock._fields, FLOAT32)


def columns_of(axes: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the columns: the grid, the keys that vary, the row, and the counts."""
    return ("grid", *axes, "scheme", "mode", *COUNTS)


def counts_of(asked: Sequence[Asked], store: Store, *, estimates: Mapping[str, Estimate]) -> Iterator[dict[str, Any]]:
    """Yield the rows in the order of the study's file, then by trial and block."""
    for one in asked:
        for case in one.cases:
            if case.task.id in estimates:
                about = {"grid": one.point.grid, **one.point.varied, "scheme": case.scheme.name, "mode": case.mode}
                estimate = estimates[case.task.id]
                for count in trial_blocks(store, [estimate]):
                    yield about | count._asdict() | {FLOAT32: int(estimate.sample.baseline[count.block])}
