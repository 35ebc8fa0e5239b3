"""What a study will take before it is begun, or goes on: tasks, flips, forward passes, hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nvmsim.accuracy.allocation import FIRST_TRIALS
from nvmsim.accuracy.change_bound import change_bound
from nvmsim.accuracy.part import Part
from nvmsim.accuracy.stats import NEVER
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.workbench import Work, Workbench
from nvmsim.defaults import BLOCK_IMAGES
from nvmsim.device.ecc import make_ecc
from nvmsim.study.grid.questions import Asked
from nvmsim.study.grid.spec import Sampling
from nvmsim.study.rows import Case


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The tasks of one grid on one network: how many, what they flip, and what is left to do for them.

    ``flips_low`` and ``flips_high`` are the mean numbers of stored bits that a trial flips, in the task with fewest and
    most. ``images_low`` are to be pushed through the network if every task stops at its first look, ``images_high`` if
    all go on to the largest number of trials on one block of images each: both hold the whole test set once in float32
    and once for every way of storing that nothing disturbs, and leave out the ``images_stored`` already.
    ``seconds_per_image`` are those of one core.
    """

    grid: str
    model: str
    settings: int
    tasks: int
    flips_low: float
    flips_high: float
    images_low: int
    images_high: int
    images_stored: int
    seconds_per_image: float

    def hours(self, workers: int) -> tuple[float, float]:
        """Return the hours that ``workers`` cores take, at least and at most."""
        each = self.seconds_per_image / workers / 3600
        return self.images_low * each, self.images_high * each


class _Pace(NamedTuple):
    seconds_per_image: float
    test_images: int


def forecasts(asked: Sequence[Asked], sampling: Sampling, store: Store) -> tuple[Forecast, ...]:
    """Return what each grid takes on each of its networks, a task that two grids share counted once."""
    groups: dict[tuple[str, str], list[Asked]] = {}
    for one in asked:
        groups.setdefault((one.point.grid, one.question.model.name), []).append(one)
    pace = {model: _pace(members, store) for (_, model), members in groups.items()}
    passes = _Passes(sampling, store.images())
    return tuple(_forecast(key, members, passes, pace[key[1]]) for key, members in groups.items())


class _Passes:
    """Counts images that are not stored yet, each task and each undisturbed network once."""

    def __init__(self, sampling: Sampling, stored: Mapping[str, int]) -> None:
        self.trials, self.stored = sampling.trials, stored
        self.seen: set[object] = set()

    def fresh(self, key: object) -> bool:
        """Tell whether a key was not met before, and remember it."""
        fresh = key not in self.seen
        self.seen.add(key)
        return fresh

    def left(self, task: Task, images: int) -> int:
        return max(0, images - self.stored.get(task.id, 0))

    def disturbed(self, task: Task, test_images: int) -> tuple[int, int]:
        """Return the images left of a task that errors meet, at least and at most."""
        block = min(BLOCK_IMAGES, test_images)
        trials = min(FIRST_TRIALS, self.trials), self.trials
        return tuple(self.left(task, count * block) for count in trials)

    def clean(self, task: Task, test_images: int) -> int:
        """Return the images left of a task that nothing disturbs; one pass serves all that store the weights alike."""
        alike = (task.model, task.encoding, task.range_scope, task.order_seed)
        return self.left(task, test_images) if self.fresh(alike) else 0


def _forecast(key: tuple[str, str], members: Sequence[Asked], passes: _Passes, pace: _Pace) -> Forecast:
    cases = [(case, one) for one in members for case in one.cases if passes.fresh(case.task.id)]
    baselines = {case.task.baseline.id: case.task.baseline for case, _ in cases}
    images = [(passes.clean(task, pace.test_images),) * 2 for task in baselines.values()]
    flips = []
    for case, one in cases:
        clean = _change_bound(case) <= NEVER
        flips.append(0.0 if clean else _flips(case, one))
        whole = pace.test_images
        images.append((passes.clean(case.task, whole),) * 2 if clean else passes.disturbed(case.task, whole))
    return Forecast(
        grid=key[0],
        model=key[1],
        settings=len(members),
        tasks=len(cases),
        flips_low=min(flips, default=0.0),
        flips_high=max(flips, default=0.0),
        images_low=sum(low for low, _ in images),
        images_high=sum(high for _, high in images),
        images_stored=sum(passes.stored.get(case.task.id, 0) for case, _ in cases),
        seconds_per_image=pace.seconds_per_image,
    )


def _change_bound(case: Case) -> float:
    return min(1.0, sum(map(_part_bound, case.parts)))


def _part_bound(part: Part) -> float:
    ecc = None if part.task.ecc is None else make_ecc(part.task.ecc)
    return change_bound(part.task, ecc=ecc, pages=part.pages, bits=part.n_bits)


def _flips(case: Case, one: Asked) -> float:
    """Return the mean number of stored bits that a trial flips; of these ECC, where it fails, still mends the most."""
    return one.question.rates.mean * case.stored_bits


def _pace(members: Sequence[Asked], store: Store) -> _Pace:
    """Return the mean of the stored blocks of these tasks' disturbed networks, else what one block takes now."""
    found = {case.task.id: (_change_bound(case), case, one) for one in members for case in one.cases}
    disturbed = {key: one for key, one in found.items() if one[0] > NEVER}
    known = [rows for rows in map(store.rows, list(disturbed)[:20]) if rows is not None and len(rows.blocks) > 1]
    counts = [count for rows in known for count in rows.blocks.values()]
    if counts:
        seconds, images = sum(count.seconds for count in counts), sum(count.images for count in counts)
        return _Pace(seconds / images, known[0].facts.images)
    # The surest change: where errors are rare most trials change nothing, and take no pass.
    return _measured(*max(found.values(), key=lambda one: one[0])[1:])


def _measured(case: Case, one: Asked) -> _Pace:
    """Run a trial, with its flips and decoding; the first one also compiles and allocates."""
    from nvmsim.zoo.classify import one_thread

    model = one.question.model
    bench = Workbench({model.name: model}, one.question.backend)
    with one_thread():
        bench.run(Work(case.task, 0, (0,)))
        found = bench.run(Work(case.task, 1 - case.task.exact, (0,)))
    (count,) = found.blocks.values()
    return _Pace(count.seconds / count.images, found.facts.images)
