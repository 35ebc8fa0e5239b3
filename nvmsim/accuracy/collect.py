"""Measure tasks until their intervals are narrow enough, from the store where it knows and by workers where not.

Work goes in rounds: what every unfinished task wants next is measured, then all is looked at again. Decisions depend
on the rounds' results and their stored seconds alone, never on who was first; so a call that is repeated takes the
same decisions and finds everything there, and one that was killed goes on where it was.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from time import monotonic
from typing import TYPE_CHECKING

from nvmsim.accuracy.allocation import Limits, Plan, Step, affordable, decide, first_plan
from nvmsim.accuracy.estimate import Estimate, estimate_of, sample_of
from nvmsim.accuracy.executor import Executor, available_cores, make_executor
from nvmsim.accuracy.progress import Bar
from nvmsim.accuracy.records import TaskRows, Trial
from nvmsim.accuracy.spread import Spread
from nvmsim.accuracy.stats import TASK, TEST_SET, Sample
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task
from nvmsim.accuracy.workbench import Work
from nvmsim.defaults import PRECISION, TRIALS
from nvmsim.errors import InputError

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

# Given the estimates of a round by task id, says which tasks need no more trials.
Settled = Callable[[Mapping[str, Estimate]], Collection[str]]
FLUSH_S = 1.0
CHUNK_BLOCKS = 4


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what was measured already stored; the text says how to go on."""


@dataclass
class _Course:
    """How far one task is: its plan, what is known, and why it stopped ("" as long as it goes on).

    ``done`` is the last plan that was measured as a whole, ``estimated`` the last estimate with its plan.
    """

    task: Task
    plan: Plan | Spread
    rows: TaskRows | None = None
    reason: str = ""
    done: Plan | Spread | None = None
    estimated: tuple[Plan | Spread, Estimate] | None = None

    def missing(self) -> list[tuple[int, int]]:
        known = self.rows.blocks if self.rows else {}
        return [cell for cell in self._cells() if cell not in known]

    def seconds(self) -> float:
        return sum(self.rows.blocks[cell].seconds for cell in self._cells())

    def _cells(self) -> Iterator[tuple[int, int]]:
        return self.plan.pairs()


def collect(
    tasks: Sequence[Task],
    *,
    store: Store,
    sources: "Mapping[str, Card | Model]",
    trials: int = TRIALS,
    precision: float = PRECISION,
    target: str = TEST_SET,
    time_limit_s: float | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    backend: str = "auto",
    progress: bool = False,
    settled: Settled | None = None,
    more_time: bool = False,
) -> dict[str, Estimate]:
    """Return the estimate of every task, by task id, measuring only what ``store`` does not hold yet.

    ``sources`` maps a task's ``model`` to its card or model. A task stops at a half-width of ``precision`` (a fraction)
    or at ``trials`` trials; no step is begun that would bring the stored seconds of all these tasks above
    ``time_limit_s`` x ``workers`` (default: all cores, no limit), though the first 8 trials always run; with
    ``more_time`` what was stored before this call does not count. ``settled`` is asked after every round which tasks
    need no more, whatever their precision. ``scheduler`` is the address of a Dask scheduler whose workers do the work,
    or "local-cluster". ``progress`` draws a bar on stderr. Raises InputError on bad options, when the store cannot be
    written or the scheduler is lost, Interrupted on Ctrl-C.
    """
    workers = available_cores() if workers is None else workers
    _check(tasks, sources, trials=trials, precision=precision, target=target, limit=time_limit_s, workers=workers)
    limits = Limits(trials=trials, precision=precision, target=target)
    budget_s = None if time_limit_s is None else time_limit_s * workers
    campaign = _Campaign(tasks, limits, store, budget_s, settled)
    if more_time and budget_s is not None:
        campaign.budget_s += campaign.stored_s()
    lazy = _lazy_executor(store, sources, backend, workers=workers, scheduler=scheduler)
    with lazy as executor, closing(Bar(progress)) as bar:
        campaign.run(campaign.measurer(executor, bar))
    return campaign.estimates()


def collected(
    tasks: Sequence[Task],
    *,
    store: Store,
    trials: int = TRIALS,
    precision: float = PRECISION,
    target: str = TEST_SET,
    settled: Settled | None = None,
) -> dict[str, Estimate]:
    """Return what `collect` would from what ``store`` holds, by task id; nothing is measured.

    A task that would go on has the reason "open", one whose first trials are not there is left out.
    """
    campaign = _Campaign(tasks, Limits(trials=trials, precision=precision, target=target), store, None, settled)
    campaign.run(campaign.look)
    return campaign.estimates()


def measure(
    wanted: Sequence[tuple[Task, Plan]],
    *,
    store: Store,
    sources: "Mapping[str, Card | Model]",
    time_limit_s: float | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    backend: str = "auto",
    progress: bool = False,
) -> bool:
    """Measure the whole rectangle of every task, in the order given, where ``store`` does not hold it yet.

    For studies whose trials and images are given, such as the paper's 40 models on the full test set. A task may be
    listed again with a wider rectangle, which then adds what is new. Ends after ``time_limit_s`` seconds (None: when
    all is done) and tells whether everything is there now. Other arguments and errors are those of :func:`collect`;
    what was measured before an interrupt is kept.
    """
    end = None if time_limit_s is None else monotonic() + time_limit_s
    works = [work for task, cells in _lacking(wanted, store) for work in _works(task, cells)]
    workers = available_cores() if workers is None else workers
    lazy = _lazy_executor(store, sources, backend, workers=workers, scheduler=scheduler)
    with lazy as executor, closing(Bar(progress)) as bar:
        return _run(works, store, executor=executor, bar=bar, end=end)


def _lacking(wanted: Sequence[tuple[Task, Plan]], store: Store) -> Iterator[tuple[Task, list[tuple[int, int]]]]:
    """Yield each task with the cells of its rectangle that neither the store nor an earlier rectangle has."""
    known: dict[str, set[tuple[int, int]]] = {}
    for task, plan in wanted:
        if task.id not in known:
            rows = store.rows(task.id)
            known[task.id] = set(rows.blocks) if rows else set()
        cells = [cell for cell in plan.pairs() if cell not in known[task.id]]
        known[task.id].update(cells)
        yield task, cells


@contextmanager
def measuring(
    store: Store,
    sources: "Mapping[str, Card | Model]",
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    backend: str = "auto",
    progress: bool = False,
) -> Iterator[Callable[..., list[TaskRows]]]:
    """Give ``measure(wanted, ahead)`` for work whose next round depends on the last; workers wait between the rounds.

    It measures every (task, plan) of ``wanted`` where ``store`` lacks it and returns the tasks' rows; ``ahead`` guesses
    how many blocks later rounds will want. Arguments and errors are those of :func:`collect`.
    """
    workers = available_cores() if workers is None else workers
    lazy = _lazy_executor(store, sources, backend, workers=workers, scheduler=scheduler)
    with lazy as executor, closing(Bar(progress)) as bar:

        def rows(wanted: Sequence[tuple[Task, Plan | Spread]], ahead: int = 0) -> list[TaskRows]:
            courses = [_Course(task, plan, store.rows(task.id)) for task, plan in wanted]
            _measure(courses, store, executor=executor, bar=bar, ahead=ahead)
            return [course.rows for course in courses]

        yield rows


class _Campaign:
    def __init__(
        self,
        tasks: Sequence[Task],
        limits: Limits,
        store: Store,
        budget_s: float | None,
        settled: Settled | None,
    ) -> None:
        self.limits, self.store, self.budget_s, self.settled = limits, store, budget_s, settled
        self.courses = {task.id: _Course(task, first_plan(limits, exact=task.exact)) for task in tasks}
        self.baselines = {task.baseline.id: _Course(task.baseline, Plan(1, 1)) for task in tasks}
        self.baselines = {key: self.courses.get(key, course) for key, course in self.baselines.items()}
        self.all = list({id(course): course for course in (*self.baselines.values(), *self.courses.values())}.values())
        for course in self.all:
            course.rows = store.rows(course.task.id)

    def run(self, measure: Callable[[Sequence[_Course]], None]) -> None:
        baselines = list(self.baselines.values())
        measure(baselines)  # a block of each, which tells how many there are
        for course in baselines:
            course.plan = self._whole(course) if course.done else course.plan
        measure(self.all)  # whole baselines lead it, so that a row is known from its own first look on
        while self._widen():
            measure(self.all)

    def measurer(self, executor: Callable[[], Executor], bar: Bar) -> Callable[[Sequence[_Course]], None]:
        """Return what measures all that the courses' plans want."""

        def measure(courses: Sequence[_Course]) -> None:
            bar.name("accuracy" if all(course.done for course in self.all) else "first look")
            _measure(courses, self.store, executor=executor, bar=bar, ahead=self._ahead(courses))
            for course in courses:
                course.done = course.plan

        return measure

    def look(self, courses: Sequence[_Course]) -> None:
        """Take what is stored in place of measuring: a task that wants more stays where it was."""
        for course in courses:
            if course.missing():
                course.plan, course.reason = course.done or course.plan, "open"
            else:
                course.done = course.plan

    def _widen(self) -> bool:
        """Ask every unfinished task for its next step and grant those that fit in time; tell whether there are any."""
        steps: dict[str, Step] = {}
        known = self._known()
        idle = self.settled({key: self.estimate(key) for key in known}) if self.settled and known else ()
        for key in known:
            course = self.courses[key]
            if course.reason in ("", "time", "settled"):
                verdict = decide(self.estimate(key).sample, self.limits)
                waits = "settled" if key in idle else "time"
                course.reason = verdict if isinstance(verdict, str) else waits
                if isinstance(verdict, Step) and key not in idle:
                    steps[key] = verdict
        granted = list(steps) if self.budget_s is None else affordable(steps, self._costs(steps), left_s=self._left_s())
        for key in granted:
            self.courses[key].plan, self.courses[key].reason = steps[key].plan, ""
        return bool(granted)

    def _known(self) -> list[str]:
        """Return the tasks that have an estimate: what is done of them, beside the whole baseline."""
        return [
            key
            for key, course in self.courses.items()
            if course.done and self.baselines[course.task.baseline.id].done == self._whole(course)
        ]

    def _whole(self, course: _Course) -> Plan:
        return Plan(1, course.rows.facts.blocks)

    def stored_s(self) -> float:
        """Return the seconds of all that is stored of these tasks."""
        return sum(count.seconds for course in self.all if course.rows for count in course.rows.blocks.values())

    def _left_s(self) -> float:
        return self.budget_s - sum(course.seconds() for course in self.all)

    def _costs(self, steps: Mapping[str, Step]) -> dict[str, float]:
        plans = {key: self.courses[key].plan for key in steps}
        rates = {key: self.courses[key].seconds() / plans[key].cells for key in steps}
        return {key: rates[key] * (step.plan.cells - plans[key].cells) for key, step in steps.items()}

    def _sample(self, course: _Course) -> Sample:
        return sample_of(course.rows, self.baselines[course.task.baseline.id].rows, plan=course.plan)

    def estimate(self, key: str) -> Estimate:
        course = self.courses[key]
        reason = course.reason or "open"
        if course.estimated is None or course.estimated[0] != course.plan:
            found = estimate_of(course.rows, self._sample(course), reason=reason, target=self.limits.target)
            course.estimated = course.plan, found
        found = course.estimated[1]
        return found if found.reason == reason else replace(found, reason=reason)

    def estimates(self) -> dict[str, Estimate]:
        return {key: self.estimate(key) for key in self._known()}

    def _ahead(self, courses: Sequence[_Course]) -> int:
        """Return how many blocks the first look still wants beside these, then a guess: up to the cap of trials."""
        mine = {id(course) for course in courses}
        if not all(course.done for course in self.all):
            return sum(len(course.missing()) for course in self.all if not (course.done or id(course) in mine))
        going = [course for course in self.courses.values() if not (course.reason or course.task.exact)]
        return sum((self.limits.trials - course.plan.trials) * course.plan.blocks for course in going)


def _measure(
    courses: Sequence[_Course], store: Store, *, executor: Callable[[], Executor], bar: Bar, ahead: int = 0
) -> None:
    """Measure what the plans want and the store lacks; ``ahead`` blocks may follow later."""
    wanting = [(course, course.missing()) for course in courses]
    works = [work for course, cells in wanting for work in _works(course.task, cells)]
    _run(works, store, executor=executor, bar=bar, ahead=ahead)
    for course, cells in wanting:
        if cells:
            course.rows = store.rows(course.task.id)


def _run(
    works: Sequence[Work],
    store: Store,
    *,
    executor: Callable[[], Executor],
    bar: Bar,
    ahead: int = 0,
    end: float | None = None,
) -> bool:
    """Run all works and store the results as they come, up to the time ``end``; tell whether all were run."""
    if not works:
        return True
    running = executor()
    store.begin_run(threads=1, workers=running.workers)
    bar.expect(sum(len(work.blocks) for work in works) + ahead)
    return _store_all(store, running.run(works), bar, end)


def _works(task: Task, cells: Sequence[tuple[int, int]]) -> Iterator[Work]:
    for trial, group in groupby(cells, key=lambda cell: cell[0]):
        blocks = [block for _, block in group]
        for start in range(0, len(blocks), CHUNK_BLOCKS):
            yield Work(task, trial, tuple(blocks[start : start + CHUNK_BLOCKS]))


def _store_all(store: Store, results: Iterator[Trial | None], bar: Bar, end: float | None) -> bool:
    pending: list[Trial] = []
    written = monotonic()
    try:
        while end is None or monotonic() < end:
            try:
                trial = next(results)
            except StopIteration:
                return True
            if trial is not None:
                pending.append(trial)
                bar.move(len(trial.blocks))
            if pending and monotonic() - written >= FLUSH_S:
                store.add(pending)
                pending, written = [], monotonic()
        return False
    finally:
        if pending:
            store.add(pending)


@contextmanager
def _lazy_executor(
    store: Store, sources: Mapping, backend: str, *, workers: int, scheduler: str | None
) -> Iterator[Callable[[], Executor]]:
    """Give what makes workers when they are first wanted; Ctrl-C may come at any time, also between two rounds."""
    made: list[Executor] = []

    def executor() -> Executor:
        if not made:
            made.append(make_executor(sources, backend, workers=workers, scheduler=scheduler))
        return made[0]

    try:
        try:
            yield executor
        finally:
            for running in made:
                running.close()
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; what was measured is in {store.path}: run again to go on") from None


def _check(
    tasks: Sequence[Task],
    sources: Mapping,
    *,
    trials: int,
    precision: float,
    target: str,
    limit: float | None,
    workers: int,
) -> None:
    checks = [
        (trials >= 1, f"trials: {trials}: must be at least 1"),
        (0 < precision < 1, f"precision: {precision}: must lie between 0 and 1 (a half-width: 0.005 is half a point)"),
        (target in (TEST_SET, TASK), f"target: {target!r}: must be {TEST_SET!r} or {TASK!r}"),
        (limit is None or limit > 0, f"time limit: {limit} s: must be positive"),
        (workers >= 1, f"workers: {workers}: must be at least 1"),
        *((name in sources, f"model {name!r}: no card or model was given for it") for name in {t.model for t in tasks}),
    ]
    if problems := [problem for fine, problem in checks if not fine]:
        raise InputError(problems)
