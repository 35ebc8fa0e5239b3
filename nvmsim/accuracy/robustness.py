"""R(x) of several schemes on one network: searches side by side, in rounds, from the store where it knows.

A search wants its next step when it has seen the last; what all searches want is measured together, so that workers
are busy. Decisions rest on counts and stored seconds alone: a call that is repeated or goes on takes the same ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from nvmsim.accuracy.allocation import Plan
from nvmsim.accuracy.collect import measuring
from nvmsim.accuracy.crossing import Crossing
from nvmsim.accuracy.executor import available_cores
from nvmsim.accuracy.records import TaskRows
from nvmsim.accuracy.search import Aim, Found, Measured, Step, search
from nvmsim.accuracy.spread import Draws, Spread, draws_of, undistorted_accuracy
from nvmsim.accuracy.stats import Interval
from nvmsim.accuracy.store import Store
from nvmsim.accuracy.task import Task

if TYPE_CHECKING:
    from nvmsim.zoo.card import Card
    from nvmsim.zoo.model import Model

MakeTask = Callable[[float, float | None], Task]  # from a rate and a rung (None: the rate's own)
Measure = Callable[..., list[TaskRows]]


class Measurement(NamedTuple):
    """The mean accuracy at one bit error rate, a fraction with its 95 % interval, from ``trials`` trials."""

    rber: float
    trials: int
    limits: Interval


@dataclass(frozen=True)
class Robustness:
    """Where the mean accuracy falls below ``target`` = x times ``undistorted`` (fractions), and what that rests on.

    ``trials`` is what every rate about the crossing had; ``measurements`` are all rates, each by its most trials.
    ``images`` went through the network, those of the undistorted one included; ``seconds`` is the workers' time.
    """

    target: float
    undistorted: float
    crossing: Crossing
    trials: int
    reason: str
    measurements: tuple[Measurement, ...]
    images: int
    test_images: int
    seconds: float


@dataclass
class _Course:
    """One search: its present step, and every task it has had measured with the trials."""

    make_task: MakeTask
    baseline: TaskRows
    aim: Aim
    found: Found | None = None
    spreads: dict[Task, Spread] = field(default_factory=dict)
    draws: dict[float, Draws] = field(default_factory=dict)
    rows: dict[Task, TaskRows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._search = search(self.aim)
        self.step: Step = next(self._search)

    def wanted(self) -> dict[Task, Spread]:
        """Return the tasks of the present step, each with its trials."""
        spread = Spread(self.step.trials, self.baseline.facts.blocks)
        return {self.make_task(rate, self.step.rung_rber): spread for rate in self.step.rates}

    def ahead(self) -> int:
        """Guess how many blocks later steps will want."""
        return max(self.step.goal - self.step.trials, 0) * len(self.step.rates)

    def take(self, rows: Mapping[Task, TaskRows]) -> None:
        """Go on with what the step gave."""
        wanted = self.wanted()
        measured = {}
        for rate, (task, spread) in zip(self.step.rates, wanted.items(), strict=True):
            self.rows[task] = rows[task]
            self.spreads[task] = max(spread, self.spreads.get(task, spread), key=lambda one: one.trials)
            measured[rate] = draws_of(rows[task], self.baseline, spread)
            if len(measured[rate].accuracies) >= len(getattr(self.draws.get(rate), "accuracies", ())):
                self.draws[rate] = measured[rate]
        self._send(measured)

    def refuse(self) -> None:
        """Say that there is no time for the step."""
        self._send(None)

    def _send(self, measured: Measured | None) -> None:
        try:
            self.step = self._search.send(measured)
        except StopIteration as stop:
            self.found = stop.value

    def seconds(self) -> float:
        """Return the workers' time of all it has had measured."""
        return sum(
            self.rows[task].blocks[pair].seconds for task, spread in self.spreads.items() for pair in spread.pairs()
        )

    def cost_s(self) -> float:
        """Predict the workers' time of the present step."""
        done = sum(spread.trials for spread in self.spreads.values())
        had = (self.spreads[task].trials if task in self.spreads else 0 for task in self.wanted())
        new = sum(max(self.step.trials - trials, 0) for trials in had)
        return new * self.seconds() / done if done else 0.0

    def result(self) -> Robustness:
        """Return what was found."""
        counts = self.baseline.blocks
        pairs = [pair for spread in self.spreads.values() for pair in spread.pairs()]
        everything = sum(count.images for count in counts.values())
        return Robustness(
            target=self.aim.target,
            undistorted=self.aim.undistorted,
            crossing=self.found.crossing,
            trials=self.found.trials,
            reason=self.found.reason,
            measurements=tuple(
                Measurement(rate, len(draws.accuracies), draws.limits) for rate, draws in sorted(self.draws.items())
            ),
            images=everything + sum(counts[0, block].images for _, block in pairs),
            test_images=everything,
            seconds=self.seconds(),
        )


def find_robustness(
    schemes: Mapping[str, MakeTask],
    *,
    x: float,
    store: Store,
    sources: "Mapping[str, Card | Model]",
    precision: float,
    trials: int,
    time_limit_s: float | None = None,
    workers: int | None = None,
    backend: str = "auto",
    progress: bool = False,
) -> dict[str, Robustness]:
    """Return R(x) of every scheme, by its name, measuring only what ``store`` does not hold yet.

    ``schemes`` say what task a rate and a rung make; all must be of one network and order of images. A search stops at
    a relative width of ``precision`` of the interval of R or at ``trials`` trials a rate; no step but the first few is
    begun that would bring the stored seconds of all searches above ``time_limit_s`` x ``workers`` (None: no limit).
    Raises InputError as :func:`~nvmsim.accuracy.collect.collect` does, Interrupted on Ctrl-C.
    """
    workers = available_cores() if workers is None else workers
    budget_s = None if time_limit_s is None else time_limit_s * workers
    with measuring(store, sources, workers=workers, backend=backend, progress=progress) as measure:
        baseline = _baseline(next(iter(schemes.values()))(0.0, None).baseline, measure)
        undistorted = undistorted_accuracy(baseline)
        aim = Aim(x * undistorted, undistorted, precision, trials)
        courses = {name: _Course(make_task, baseline, aim) for name, make_task in schemes.items()}
        while going := [course for course in courses.values() if course.found is None]:
            _round(going, measure, None if budget_s is None else budget_s - sum(c.seconds() for c in courses.values()))
    return {name: course.result() for name, course in courses.items()}


def _baseline(task: Task, measure: Measure) -> TaskRows:
    (first,) = measure([(task, Plan(1, 1))])
    (whole,) = measure([(task, Plan(1, first.facts.blocks))])
    return whole


def _round(going: Sequence[_Course], measure: Measure, left_s: float | None) -> None:
    """Measure the next step of every search, the cheapest first, or what there is time for."""
    taken: list[_Course] = []
    for course in sorted(going, key=_Course.cost_s):
        while left_s is not None and course.found is None and not course.step.must and course.cost_s() > left_s:
            course.refuse()
        if course.found is None:
            taken.append(course)
            left_s = None if left_s is None else left_s - course.cost_s()
    wanted: dict[Task, Spread] = {}
    for course in taken:
        for task, spread in course.wanted().items():
            wanted[task] = max(spread, wanted.get(task, spread), key=lambda one: one.trials)
    rows = dict(zip(wanted, measure(list(wanted.items()), sum(c.ahead() for c in taken)), strict=True))
    for course in taken:
        course.take(rows)
