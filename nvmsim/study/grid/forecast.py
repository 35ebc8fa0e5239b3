"""What a study will take before it is begun: tasks, flips, forward passes, hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from time import perf_counter

from nvmsim.accuracy.allocation import FIRST_TRIALS
from nvmsim.accuracy.stats import NEVER
from nvmsim.accuracy.store import Store
from nvmsim.defaults import BLOCK_IMAGES
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import Sampling
from nvmsim.study.rows import Case, stored_bits


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The tasks of one grid on one network: how many, what they flip, and what they take.

    ``flips_low`` and ``flips_high`` are the mean numbers of stored bits that a trial flips, in the task with fewest and
    most. ``images_low`` if every task stops at its first look, ``images_high`` if all go on to the largest number of
    trials on one block of images each; ``seconds_per_image`` of one core.
    """

    grid: str
    model: str
    settings: int
    tasks: int
    flips_low: float
    flips_high: float
    images_low: int
    images_high: int
    seconds_per_image: float

    def hours(self, workers: int) -> tuple[float, float]:
        """Return the hours that ``workers`` cores take, at least and at most."""
        each = self.seconds_per_image / workers / 3600
        return self.images_low * each, self.images_high * each


def forecasts(asked: Sequence[Asked], sampling: Sampling, store: Store) -> tuple[Forecast, ...]:
    """Return what each grid takes on each of its networks, a task that two grids share counted once."""
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault((one.point.grid, one.question.model.name), []).append(one)
    seen: set[str] = set()
    pace = {model: _seconds_per_image(members, store) for (_, model), members in groups.items()}
    return tuple(_forecast(key, members, sampling, seen, pace) for key, members in groups.items())


def _forecast(
    key: tuple[str, str], members: Sequence[Asked], sampling: Sampling, seen: set[str], pace: Mapping[str, float]
) -> Forecast:
    cases = {case.task.id: (case, one) for one in members for case in one.cases if case.task.id not in seen}
    seen.update(cases)
    flips = [_flips(case, one) for case, one in cases.values()]
    noisy = sum(count > NEVER for count in flips)
    first = min(FIRST_TRIALS, sampling.trials)
    return Forecast(
        grid=key[0],
        model=key[1],
        settings=len(members),
        tasks=len(cases),
        flips_low=min(flips, default=0.0),
        flips_high=max(flips, default=0.0),
        images_low=noisy * first * BLOCK_IMAGES,
        images_high=noisy * sampling.trials * BLOCK_IMAGES,
        seconds_per_image=pace[key[1]],
    )


def _flips(case: Case, one: Asked) -> float:
    """Return the mean number of stored bits that a trial flips, after correction by ECC: next to none."""
    return 0.0 if case.task.ecc else one.question.rates.mean * stored_bits(case, one.question.model.n_weights)


def _seconds_per_image(members: Sequence[Asked], store: Store) -> float:
    """Return the mean of the stored blocks of these tasks, else what one block takes now."""
    ids = list(dict.fromkeys(case.task.id for one in members for case in one.cases))[:20]
    known = [rows for rows in map(store.rows, ids) if rows is not None and len(rows.blocks) > 1]
    times = [count.seconds / count.images for rows in known for count in rows.blocks.values()]
    return fmean(times) if times else _measured(members[0])


def _measured(one: Asked) -> float:
    import numpy as np

    from nvmsim.zoo.classify import one_thread
    from nvmsim.zoo.network import Network

    network = Network(one.question.model)
    order = np.arange(network.n_images)
    with one_thread():
        network.correct(0, order)  # the first pass also allocates
        started = perf_counter()
        network.correct(0, order)
    return (perf_counter() - started) / network.block_images(0)
