"""Which rates and trials to measure next, to find where the mean accuracy falls through a target.

First the decade: a few trials a rate, up or down from 1e-3, then halving. Then near the crossing: all rates share one
set of bit errors and have equal numbers of trials, which grow until the interval is as narrow as asked. A search is a
generator: it yields steps and is sent what they gave, so that it depends on results alone and knows no store.
"""

import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

from nvmsim.accuracy.crossing import ABOVE, EQUAL, Crossing, crossing
from nvmsim.accuracy.spread import Draws
from nvmsim.accuracy.stats import ALPHA
from nvmsim.inject.sampler import rung_for

DECADES = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 0.3)
START = DECADES.index(1e-3)
NARROW = 1.8  # ratio of the two rates that the first part ends with: a quarter of a decade
SCOUTS, FIRST, GROWTH = 8, 16, 4  # trials a rate: of the first part, of the second at its start, and how fast they grow
SPAN = 0.25  # at most: the logarithm of the ratio of the two rates about the crossing
TIGHT = 1.2  # a pair up to so many times as wide is kept: new rates start from no trial
LONG, LONGEST = 0.3, 0.5  # of the logarithm of the ratio of neighbouring rates
MORE = 1.25  # times the trials, at least, before the search looks again whether to stop
SAFETY, BEYOND = 0.95, 1.15  # predictions are uncertain: a narrower interval is planned for, and rates further out
ROUNDS, MOST_RATES, TINY = 40, 8, 1e-12
REASONS = {
    "precision": "the interval is as narrow as asked",
    "trials": "the largest number of trials was reached",
    "time": "the time was used up",
    "edge": "the accuracy surely stays on one side of the target at all rates looked at",
    "rounds": f"the search has not settled after {ROUNDS} rounds",
}

Measured = Mapping[float, Draws]


@dataclass(frozen=True)
class Aim:
    """What is looked for: where the mean falls below ``target``, to a relative width of the rate's interval.

    ``undistorted`` is the accuracy without errors, ``trials`` the most that any rate may have.
    """

    target: float
    undistorted: float
    precision: float
    trials: int


@dataclass(frozen=True)
class Step:
    """Measure all ``rates`` with ``trials`` trials each, on events drawn for ``rung_rber`` (None: each rate's own).

    ``goal`` is how many trials a rate the search expects to need in the end.
    """

    rates: tuple[float, ...]
    trials: int
    rung_rber: float | None
    goal: int = 0

    @property
    def must(self) -> bool:
        """Whether it is taken however little time is left: without it there would be no answer."""
        return self.trials <= FIRST


@dataclass(frozen=True)
class Found:
    """The crossing as the last step has it, and why the search stopped: a key of REASONS."""

    crossing: Crossing
    trials: int
    reason: str


def search(aim: Aim) -> Generator[Step, Measured | None, Found]:
    """Yield steps, be sent their draws by rate, and return what was found.

    None in place of draws says that there is no time for the step: a smaller one follows, or the end.
    """
    low, high = yield from _bracket(aim)
    return (yield from _refine(aim, low, high))


def _bracket(aim: Aim) -> Generator[Step, Measured, tuple[float, float]]:
    """Return two rates at most `NARROW` apart with the crossing between them, or an end of the range twice."""
    place, ups = START, (yield from _is_above(aim, DECADES[START]))
    ahead = range(START + 1, len(DECADES)) if ups else range(START - 1, -1, -1)
    for place in ahead:
        if (yield from _is_above(aim, DECADES[place])) != ups:
            break
    else:
        return DECADES[place], DECADES[place]
    low, high = sorted((DECADES[place], DECADES[place - 1 if ups else place + 1]))
    while high / low > NARROW:
        middle = _rounded(math.sqrt(low * high))
        low, high = (middle, high) if (yield from _is_above(aim, middle)) else (low, middle)
    return low, high


def _is_above(aim: Aim, rate: float) -> Generator[Step, Measured, bool]:
    measured = yield Step((rate,), min(SCOUTS, aim.trials), None)
    return measured[rate].limits.mean >= aim.target


def _refine(aim: Aim, low: float, high: float) -> Generator[Step, Measured | None, Found]:
    step = Step(tuple(sorted({low, high})), min(FIRST, aim.trials), _rung(high))
    state = _State(aim, (yield step))
    for _ in range(ROUNDS):
        wish = state.decide()
        if isinstance(wish, str):
            return Found(state.crossing, state.trials, wish)
        rates, trials, goal = wish
        step = Step(rates, trials, max(step.rung_rber, _rung(rates[-1]) if rates[-1] > step.rung_rber else 0.0), goal)
        while (measured := (yield step)) is None:
            if step.trials // 2 <= state.trials:
                return Found(state.crossing, state.trials, "time")
            step = replace(step, trials=step.trials // 2)
        state = _State(aim, measured)
    return Found(state.crossing, state.trials, "rounds")


def _rung(highest: float) -> float:
    """Return a rung with room above the highest rate, so that rates further up share its events."""
    return rung_for(min(2 * highest, 0.5))


def _rounded(rate: float) -> float:
    return float(f"{rate:.4g}")


def stainless(trials: int, accuracy: float) -> float:
    """Return the lower limit that ``trials`` trials give if all have this accuracy: one may yet lose everything.

    >>> stainless(71, 1.0) < 0.95 < stainless(72, 1.0)
    True
    """
    return accuracy * (ALPHA / 2) ** (1 / trials)


def trials_that_prove(x: float) -> int:
    """Return the fewest trials that can show a mean of at least ``x`` of the undistorted accuracy: all without loss.

    >>> trials_that_prove(0.95)
    72
    """
    return math.ceil(math.log(ALPHA / 2) / math.log(x))


Wish = tuple[tuple[float, ...], int, int]  # rates, trials, and the trials that will be needed in the end


class _State:
    """What the last step gave, and what follows from it; all rates have ``trials`` trials."""

    def __init__(self, aim: Aim, measured: Measured) -> None:
        self.aim, self.measured, self.rates = aim, measured, tuple(sorted(measured))
        self.trials = len(measured[self.rates[0]].accuracies)
        limits = [(rate, draws.limits) for rate, draws in measured.items()]
        self.crossing = crossing(limits, target=aim.target, undistorted=aim.undistorted)
        self.span = min(SPAN, 2 * aim.precision)
        if self.crossing.relation == EQUAL:  # the mean falls below the target between these two
            self.high = next(rate for rate in self.rates if measured[rate].limits.mean < aim.target)
            self.low = max(rate for rate in self.rates if rate < self.high)

    def decide(self) -> Wish | str:
        """Return the next wish, or the reason to stop."""
        if self.crossing.relation != EQUAL:
            return self._move()
        tight = math.log(self.high / self.low) <= TIGHT * self.span
        if tight and self.crossing.relative_width <= self.aim.precision:
            return self._checked("precision")
        goal = next((n for n in self._counts() if self._width(n) <= SAFETY * self.aim.precision), self.aim.trials)
        if self.trials < goal or not tight:
            pair = (self.low, self.high) if tight and self._holds_ends(goal) else self._new_pair()
            return pair, max(self.trials, min(goal, GROWTH * self.trials)), goal
        if (wider := self._with_ends()) != self.rates:
            return wider, self.trials, goal
        if self.trials == self.aim.trials:
            return self._checked("trials")
        more = next(n for n in self._counts() if n > self.trials)
        return self._needed(), more, more

    def _move(self) -> Wish | str:
        """Look further out, the more so the longer nothing crosses, down or up to the ends of the range."""
        up = self.crossing.relation == ABOVE
        end = self.rates[-1] if up else self.rates[0]
        factor = math.exp(max(self.span, math.log(self.rates[-1] / self.rates[0])))
        if up and end < DECADES[-1]:
            return (*self.rates[-2:], min(_rounded(end * factor), DECADES[-1])), self.trials, self.trials
        if not up and end > DECADES[0]:
            return (max(_rounded(end / factor), DECADES[0]), *self.rates[:2]), self.trials, self.trials
        limits = self.measured[end].limits
        if limits.low >= self.aim.target or limits.high < self.aim.target:
            return "edge"
        if self.trials == self.aim.trials:
            return "trials"
        return (end,), min(GROWTH * self.trials, self.aim.trials), self.aim.trials

    def _counts(self) -> Iterator[int]:
        """Yield the numbers of trials worth trying, from the present one to the most allowed."""
        trials = self.trials
        yield trials
        while trials < self.aim.trials:
            trials = min(16 * -(-max(trials + 16, int(MORE * trials)) // 16), self.aim.trials)
            yield trials

    def _new_pair(self) -> tuple[float, float]:
        middle = self.crossing.rate
        return _rounded(middle * math.exp(-0.6 * self.span)), _rounded(middle * math.exp(0.4 * self.span))

    def _holds_ends(self, trials: int) -> bool:
        """Predict whether the pair would hold the interval of so many trials, or at least most of what it can hold."""
        below, above = self._distances(trials)
        lowest = self.crossing.rate * math.exp(-min(below, 0.4 * self.span))
        highest = self.crossing.rate * math.exp(min(above, 0.2 * self.span))
        return self.low <= lowest and highest <= self.high

    def _distances(self, trials: int) -> tuple[float, float]:
        """Predict how far the interval's ends would lie below and above the crossing, in the rate's logarithm.

        The loss is taken as a power of the rate, as between rates; below, it can fall by no more than all of it.
        """
        fall = self.measured[self.low].limits.mean - self.measured[self.high].limits.mean
        limits = self.measured[self.low].as_if(trials, mean=self.aim.target)
        loss = self.aim.undistorted - self.aim.target
        power = fall / math.log(self.high / self.low) / loss
        left = 1 - (self.aim.target - limits.low) / loss
        below = -math.log(left) / power if left > 0 else math.inf
        return below, math.log1p((limits.high - self.aim.target) / loss) / power

    def _width(self, trials: int) -> float:
        below, above = self._distances(trials)
        return math.inf if math.isinf(below) or above > 1 else math.expm1(above) - math.expm1(-below)

    def _checked(self, reason: str) -> Wish | str:
        """Return the reason to stop, or first a rate at the upper end where that lies within a long line.

        Accuracies fall ever faster, so that limits lie above the lines between rates: the true end lies further up.
        """
        end = self.crossing.high
        if end is None or len(self.rates) > MOST_RATES:
            return reason
        before = max(rate for rate in self.rates if rate <= end)
        behind = min((rate for rate in self.rates if rate > end), default=end)
        if math.log(behind / before) <= LONG or min(math.log(behind / end), math.log(end / before)) < LONG / 6:
            return reason
        return tuple(sorted((*self.rates, _rounded(end)))), self.trials, self.trials

    def _needed(self) -> tuple[float, ...]:
        """Return the rates from the one that is surely above the target to the one that is surely below."""
        target = self.aim.target
        sure = [rate for rate in self.rates if rate <= self.low and self.measured[rate].limits.low >= target]
        lost = [rate for rate in self.rates if rate >= self.high and self.measured[rate].limits.high < target]
        first, last = max(sure, default=self.rates[0]), min(lost, default=self.rates[-1])
        return tuple(rate for rate in self.rates if first <= rate <= last)

    def _with_ends(self) -> tuple[float, ...]:
        """Add a rate on each side where the interval is open and could end."""
        target, rates, (below, above) = self.aim.target, list(self.rates), self._distances(self.trials)
        here = self.measured[self.low].as_if(self.trials, mean=target)
        closes = stainless(self.trials, self.aim.undistorted) >= target
        if self.crossing.low is None and closes and rates[0] > DECADES[0] and len(rates) < MOST_RATES:
            left = (target - self.measured[rates[0]].limits.low) / max(target - here.low, TINY)
            step = _beyond(math.log(self.crossing.rate / rates[0]), wanted=below, left=left)
            rates.insert(0, max(_rounded(rates[0] * math.exp(-step)), DECADES[0]))
        if self.crossing.high is None and rates[-1] < DECADES[-1] and len(rates) < MOST_RATES:
            left = (self.measured[rates[-1]].limits.high - target) / max(here.high - target, TINY)
            step = _beyond(math.log(rates[-1] / self.crossing.rate), wanted=above, left=left)
            rates.append(min(_rounded(rates[-1] * math.exp(step)), DECADES[-1]))
        return tuple(rates)


def _beyond(now: float, *, wanted: float, left: float) -> float:
    """Return how far a new rate lies beyond the outermost, which is ``now`` from the crossing.

    It lies past the ``wanted`` distance, and past where a limit would end of whose margin the outermost rate still has
    the part ``left``; but no line between two rates gets too long.
    """
    meets = now / (1 - left) if left < 1 else math.inf
    return min(max(BEYOND * max(wanted, meets) - now, 0.03), LONGEST)
