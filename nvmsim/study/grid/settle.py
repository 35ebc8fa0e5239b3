"""Which tasks of a study still matter: those whose intervals leave open what it wants to decide.

Two questions may be decided in each setting: which rows are on the Pareto front of throughput and accuracy, and which
is the fastest row that loses at most so many points. A row whose answer no further trial can turn is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nvmsim.accuracy.estimate import Estimate
from nvmsim.accuracy.store import Store
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import BEST, FRONT, Sampling
from nvmsim.study.rows import Series, difference_of, unmarked_rows
from nvmsim.study.timings import ModeTiming
from nvmsim.study.tradeoff import Difference, Row, as_fast, dominates, may_fit, surely_fits


@dataclass(frozen=True)
class Settling:
    """Says after each round which tasks need no more trials: the ``settled`` of `nvmsim.accuracy.collect.collect`.

    ``known`` and ``speeds`` keep, by setting, what the last round found and how fast its rows are read.
    """

    asked: Sequence[Asked]
    sampling: Sampling
    store: Store
    known: dict[int, tuple[tuple, set[str]]] = field(default_factory=dict)
    speeds: dict[int, dict[Series, ModeTiming]] = field(default_factory=dict)

    def __call__(self, estimates: Mapping[str, Estimate]) -> set[str]:
        """Return the ids of the tasks whose answers are known in every setting that has them."""
        if not self.sampling.decide:
            return set()
        open_tasks: set[str] = set()
        for number, one in enumerate(self.asked):
            open_tasks |= self._open(number, one, estimates)
        return set(estimates) - open_tasks

    def _open(self, number: int, one: Asked, estimates: Mapping[str, Estimate]) -> set[str]:
        """Return the open tasks of a setting, as the last round found where nothing of it was measured since."""
        cases = [case for case in one.cases if case.task.id in estimates]
        seen = tuple((case.task.id, estimates[case.task.id].sample.correct.shape) for case in cases)
        if self.known.get(number, (None,))[0] != seen:
            speeds = self.speeds.setdefault(number, {})
            rows = unmarked_rows(one.question, cases, estimates=estimates, store=self.store, speeds=speeds)
            self.known[number] = seen, open_rows(rows, difference_of(rows, estimates), self.sampling)
        return self.known[number][1]


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
    sure = [row for row in rows if surely_fits(row, max_drop_points)]
    unsure = [row for row in rows if may_fit(row, max_drop_points)]
    return [row for row in unsure if not any(as_fast(other, row) for other in sure)]


def _undecided_for_front(rows: Sequence[Row], difference: Difference, precision: float) -> set[str]:
    """Return both rows of each pair of which one may dominate the other, unless they differ by less than can matter.

    A difference known to within ``precision`` on both sides is as well known as was asked for. Rows that a third one
    surely dominates are off the front, whichever of them is better.
    """
    pairs = [(a, b, *difference(a, b)) for b in rows for a in rows if a is not b and as_fast(a, b)]
    gone = {id(b) for a, b, low, _ in pairs if dominates(not as_fast(b, a), low)}
    return {
        row.task_id
        for a, b, low, high in pairs
        if low <= 0 < high and high - low > 2 * precision and not {id(a), id(b)} & gone
        for row in (a, b)
    }
