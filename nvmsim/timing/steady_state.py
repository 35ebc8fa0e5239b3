"""The endless run behind a short one: its exact period, or a mean with a stated error."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.stats import t as student_t

from nvmsim.timing.path import ReadPath
from nvmsim.timing.state import state
from nvmsim.timing.system import ReadSystem
from nvmsim.timing.tally import Tally

WANTED_ERROR = 3e-3  # relative half-width of the 95 % interval at which a random run ends
CONSTANT = 1e-9  # and a run without chance whose period is long, but whose throughput no longer varies
BATCHES = 16
FIRST_CHECK_PAGES = 1 << 13
SEARCHED_PAGES = 1 << 15  # beyond these, a run without chance ends like a random one
MOST_PAGES = 1 << 19


@dataclass(frozen=True)
class SteadyState:
    """What happens per ``time_fs`` in the long run, over ``channels`` channels simulated.

    ``elapsed_fs`` is the simulated time itself; ``time_fs`` differs from it by the luck of random retries. ``sums``
    is in the order of ``Tally.NAMES``. ``rounds`` is the period in groups a die, 0 where none was found; by then no
    die had started more than ``reached_rounds`` groups. ``relative_error`` bounds the bandwidth's error: 0 for a
    period, else the half-width of a 95 % interval.
    """

    time_fs: float
    elapsed_fs: float
    sums: tuple[float, ...]
    channels: int
    rounds: int
    reached_rounds: int
    relative_error: float

    def __getitem__(self, name: str) -> float:
        return self.sums[Tally.NAMES.index(name)]

    @property
    def pages_per_fs(self) -> float:
        """Return the throughput of the channels simulated."""
        return self["delivered"] / self.time_fs


@dataclass(frozen=True)
class _Milestone:
    time_fs: int
    sums: tuple[int, ...]
    group: int


def smallest(system: ReadSystem) -> ReadSystem:
    """Return the smallest system whose run tells that of the whole: one channel where none can feel another.

    Channels meet at the decoders and at the host link alone. Without either they are equal and independent.
    """
    return replace(system, channels=1) if not system.engines and not system.delivery_fs else system


@lru_cache(maxsize=256)
def steady_state(system: ReadSystem) -> SteadyState:
    """Run a system until its state recurs, or until the mean is known well enough.

    A state that recurs recurs for ever, so one period tells all. Where chance decides about retries there is no
    period: then the run goes on in doublings until the 95 % interval's half-width is 0.3 % or ``MOST_PAGES`` pages
    are read, and the half-width is stated.
    """
    path, seen, history = ReadPath(smallest(system)), {}, []
    check_pages = FIRST_CHECK_PAGES
    while True:
        history.append(_Milestone(path.run_to_milestone(), path.sums(), path.dies[0].group))
        if not system.random and path.tally.delivered <= SEARCHED_PAGES:
            first = seen.setdefault(state(path), len(history) - 1)
            if first < len(history) - 1:
                return _periodic(path, len(history) - 1 - first, history[-1].group - history[first].group)
        if path.tally.delivered >= check_pages and len(history) > 4 * BATCHES:
            estimate = _batch_means(path, history)
            if estimate.relative_error <= _wanted_error(system, check_pages) or check_pages >= MOST_PAGES:
                return estimate
            check_pages *= 2


def _wanted_error(system: ReadSystem, pages: int) -> float:
    return WANTED_ERROR if system.random or pages >= SEARCHED_PAGES else CONSTANT


def _periodic(path: ReadPath, milestones: int, rounds: int) -> SteadyState:
    """Measure one period of a path whose state has recurred, once no page waits since before it did."""
    reached = max(die.group for die in path.dies)
    for _ in range(milestones * -(-path.system.credit_groups // rounds)):
        path.run_to_milestone()
    first_fs, first = path.clock.now, path.sums()
    for _ in range(milestones):
        path.run_to_milestone()
    return SteadyState(
        time_fs=path.clock.now - first_fs,
        elapsed_fs=path.clock.now - first_fs,
        sums=tuple(b - a for a, b in zip(first, path.sums(), strict=True)),
        channels=path.system.channels,
        rounds=rounds,
        reached_rounds=reached,
        relative_error=0.0,
    )


def _batch_means(path: ReadPath, history: list[_Milestone]) -> SteadyState:
    """Estimate from the later half of a run in batches; its first half may still be filling buffers.

    The mean number of retries is known, so the time a batch took is corrected for the retries it happened to
    draw (a control variate, its weight by least squares).
    """
    edges = np.linspace(len(history) // 2, len(history) - 1, BATCHES + 1).astype(int)
    times = np.diff([float(history[edge].time_fs) for edge in edges])
    sums = np.diff([history[edge].sums for edge in edges], axis=0).astype(np.float64)
    pages, retries = (sums[:, Tally.NAMES.index(name)] for name in ("delivered", "retries"))
    excess = retries - np.mean(path.system.extra_reads) * pages
    rate = times.sum() / pages.sum()
    weight = excess @ (times - rate * pages) / max(excess @ excess, 1.0)
    corrected = times - weight * excess
    spread = corrected - corrected.sum() / pages.sum() * pages
    deviation = np.sqrt(spread @ spread / (BATCHES - 2) * BATCHES)
    return SteadyState(
        time_fs=float(corrected.sum()),
        elapsed_fs=float(times.sum()),
        sums=tuple(map(float, sums.sum(axis=0))),
        channels=path.system.channels,
        rounds=0,
        reached_rounds=max(die.group for die in path.dies),
        relative_error=float(student_t.ppf(0.975, BATCHES - 2) * deviation / corrected.sum()),
    )
