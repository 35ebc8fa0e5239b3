"""Networks that exist as formulas: accuracies with a known R(0.95), as trials on one set of bit errors give them."""

import numpy as np

from nvmsim.accuracy.search import Aim, Found, Measured, Step, search
from nvmsim.accuracy.spread import Draws

UNDISTORTED, IMAGES = 0.9966, 500
TARGET = 0.95 * UNDISTORTED


class Curve:
    """A network whose mean accuracy is ``TARGET`` at ``rate``; equal trials of one instance share their luck.

    The loss of a usual trial grows as the rate to the ``power``, bent by ``bend``, and varies by ``spread`` times
    itself, normally or ("skewed") lognormally. With the chance ``share`` x (rate / R)^``growth`` a trial falls to
    ``floor``.
    """

    def __init__(
        self,
        seed,
        *,
        rate=0.0127,
        kind="normal",
        spread=0.4,
        power=3.4,
        bend=0.0,
        share=0.0,
        growth=1.0,
        floor=0.1,
    ):
        luck = np.random.default_rng(seed)
        self.usual, self.fate = luck.standard_normal(4096), luck.random(4096)
        self.seed, self.rate, self.kind, self.spread = seed, rate, kind, spread
        self.power, self.bend, self.share, self.growth, self.floor = power, bend, share, growth, floor
        self.loss_there = (UNDISTORTED - TARGET - share * (UNDISTORTED - floor)) / (1 - share)
        self.asked: list[Step] = []

    def draws(self, rate, trials) -> Draws:
        away = np.log(rate / self.rate)
        bent = self.bend * (away**2 / 2 if away > -1 else -away - 0.5)
        loss = self.loss_there * np.exp(self.power * away + bent)
        usual = self.usual[:trials]
        if self.kind == "normal":
            losses = loss * (1 + self.spread * np.clip(usual, -1 / self.spread, 1 / self.spread))
        else:
            sigma = np.sqrt(np.log1p(self.spread**2))
            losses = loss * np.exp(sigma * usual - sigma**2 / 2)
        falls = self.fate[:trials] < self.share * (rate / self.rate) ** self.growth
        accuracy = np.clip(np.where(falls, self.floor, UNDISTORTED - losses), 0.0, 1.0)
        seen = np.random.default_rng([self.seed, int(rate * 1e12)]).binomial(IMAGES, accuracy)
        return Draws(seen / IMAGES)

    def answer(self, step: Step) -> Measured:
        self.asked.append(step)
        return {rate: self.draws(rate, step.trials) for rate in step.rates}

    @property
    def trials(self) -> int:
        """How many trials were run: more of a rate, on the same events, add to those before."""
        most: dict[tuple, int] = {}
        for step in self.asked:
            for rate in step.rates:
                most[rate, step.rung_rber] = max(step.trials, most.get((rate, step.rung_rber), 0))
        return sum(most.values())


def find(curve: Curve, *, precision=0.1, trials=1024) -> Found:
    """Run a whole search on a curve."""
    course = search(Aim(TARGET, UNDISTORTED, precision, trials))
    step = next(course)
    while True:
        try:
            step = course.send(curve.answer(step))
        except StopIteration as stop:
            return stop.value
