"""Which tasks of a study still matter: those whose intervals leave open what it wants to decide.

Two questions may be decided in each setting: which rows are on the Pareto front of throughput and accuracy, and which
is the fastest row that loses at most so many points. A row whose answer no further trial can turn is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.store import Store
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import BEST, FRONT, Sampling
from nvmsim.study.rows import difference_of, rows_of
from nvmsim.study.tradeoff import Difference, Row, as_fast


@dataclass(frozen=True)
class Settling:
    """Says after each round which tasks need no more trials: the ``settled`` of `nvmsim.accuracy.collect.collect`."""

    asked: Sequence[Asked]
    sampling: Sampling
    store: Store

    def __call__(self, estimates: Mapping[str, Estimate]) -> set[str]:
        """Return the ids of the tasks whose answers are known in every setting that has them."""
        if not self.sampling.decide:
            return set()
        open_tasks: set[str] = set()
        for one in self.asked:
            cases = [case for case in one.cases if case.task.id in estimates]
            rows = rows_of(one.question, cases, estimates=estimates, store=self.store)
            open_tasks |= open_rows(rows, difference_of(rows, estimates), self.sampling)
        return set(estimates) - open_tasks


def open_rows(rows: Sequence[Row], difference: Difference, sampling: Sampling) -> set[str]:
    """Return the task ids of the rows of one setting that more trials may still decide."""
    found: set[str] = set()
    if BEST in sampling.decide:
        found |= {row.task_id for row in undecided_for_best(rows, sampling.max_drop_points)}
    if FRONT in sampling.decide:
        found |= _undecided_for_front(rows, difference, sampling.precision)
    return found


def undecided_for_best(rows: Sequence[Row], max_drop_points: float) -> list[Row]:
    """Return the rows that may be the fastest within ``max_drop_points``, though it is not known whether they fit.

    A row as slow as one that surely fits cannot be: it would not be faster.
    """
    candidates = [row for row in rows if not row.fails_uber]
    sure = [row for row in candidates if row.drop_high <= max_drop_points]
    return [
        row
        for row in candidates
        if row.drop_low <= max_drop_points < row.drop_high and not any(as_fast(other, row) for other in sure)
    ]


def _undecided_for_front(rows: Sequence[Row], difference: Difference, precision: float) -> set[str]:
    """Return both rows of each pair of which one may dominate the other, unless they differ by less than can matter.

    A difference known to within ``precision`` on both sides is as well known as was asked for.
    """
    found: set[str] = set()
    for row in rows:
        for rival in rows:
            if rival is row or not as_fast(rival, row):
                continue
            low, high = difference(rival, row)
            if low <= 0 < high and high - low > 2 * precision:
                found |= {row.task_id, rival.task_id}
    return found
