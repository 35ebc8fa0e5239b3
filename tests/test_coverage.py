"""Do 95 % intervals cover? By simulation, the stop rule included, on normal, skewed and collapsing accuracies."""

import numpy as np
import pytest
from scipy.stats import binomtest

from nvmsim.accuracy.allocation import Limits, Step, decide, first_plan
from nvmsim.accuracy.stats import Sample, accuracy_interval, margins, paired_difference, t_half_width

RUNS = 20_000
FLAWLESS, CHANCE = 0.97, 0.1


def normal(rng, shape):
    return 0.95 + 0.01 * rng.standard_normal(shape)


def skewed(rng, shape, *, median, spread):
    return 0.99 - np.minimum(median * np.exp(spread * rng.standard_normal(shape)), 0.99)


def collapsing(rng, shape, *, share):
    fine = FLAWLESS + 0.002 * rng.standard_normal(shape)
    return np.where(rng.random(shape) < share, CHANCE + 0.02 * rng.standard_normal(shape), fine)


def cases():
    yield pytest.param(normal, 0.95, id="normal")
    for median, spread in ((0.01, 1.0), (0.003, 1.5), (0.001, 2.0)):

        def draw(rng, shape, median=median, spread=spread):
            return skewed(rng, shape, median=median, spread=spread)

        truth = draw(np.random.default_rng(0), 4_000_000).mean()
        yield pytest.param(draw, truth, id=f"lognormal drop {median}, sigma {spread}")
    for share in (0.01, 0.02, 0.05, 0.10):

        def draw(rng, shape, share=share):
            return collapsing(rng, shape, share=share)

        yield pytest.param(draw, FLAWLESS * (1 - share) + CHANCE * share, id=f"{share:.0%} collapse")
    for share in (0.01, 0.02, 0.05, 0.10, 0.20):

        def draw(rng, shape, share=share):
            return np.where(rng.random(shape) < share, FLAWLESS, 0.0)

        yield pytest.param(draw, FLAWLESS * share, id=f"{share:.0%} survive, the rest give NaN")


def covered(draw, truth, *, cap, precision, plain_t=False) -> int:
    """Sample 8, 16, 32 ... trials until the interval is narrow enough; count the runs that cover at their stop."""
    values = draw(np.random.default_rng(cap), (RUNS, cap))
    running, hits, n = np.ones(RUNS, bool), 0, 8
    while running.any():
        seen = values[:, :n]
        t = t_half_width(seen)
        below, above = (t, t) if plain_t else margins(seen, t=t)
        low, high = np.clip(seen.mean(axis=1) - below, 0, 1), np.clip(seen.mean(axis=1) + above, 0, 1)
        stops = running & (((high - low) / 2 <= precision) | (n == cap))
        hits += np.count_nonzero(stops & (low <= truth) & (truth <= high))
        running &= ~stops
        n = min(2 * n, cap)
    return hits


@pytest.mark.parametrize(("draw", "truth"), list(cases()))
@pytest.mark.parametrize(("cap", "precision"), [(64, 0.005), (128, 0.02), (128, 0.1)])
def test_intervals_cover_more_than_94_percent(draw, truth, cap, precision):
    hits = covered(draw, truth, cap=cap, precision=precision)
    assert binomtest(hits, RUNS, 0.94, alternative="greater").pvalue < 1e-6, f"{hits / RUNS:.4f}"


def test_a_plain_t_interval_fails_the_same_test():
    for share, most in ((0.01, 0.12), (0.02, 0.2), (0.05, 0.4), (0.10, 0.6)):
        truth = FLAWLESS * (1 - share) + CHANCE * share
        hits = covered(
            lambda rng, shape, share=share: collapsing(rng, shape, share=share),
            truth, cap=64, precision=0.005, plain_t=True,
        )  # fmt: skip
        assert binomtest(hits, RUNS, most, alternative="less").pvalue < 1e-6, f"{share}: {hits / RUNS:.4f}"


class Population:
    """10,000 images that fall one by one as a trial's severity grows; some are wrong from the start."""

    def __init__(self) -> None:
        self.margins = np.random.default_rng(1).normal(2.0, 1.0, 10_000)
        severities = self.severities(np.random.default_rng(2), 1_000_000)
        self.truth = 1 - np.searchsorted(np.sort(self.margins), severities, side="right").mean() / 10_000

    def severities(self, rng, n):
        usual = 0.05 * np.exp(0.7 * rng.standard_normal(n))
        return np.where(rng.random(n) < 0.03, 6.0, usual)

    def measure(self, rng, trials) -> Sample:
        """Every trial on every block; the images come in a random order."""
        blocks = np.sort(rng.permutation(self.margins).reshape(20, 500), axis=1)
        severities = self.severities(rng, trials)
        counts = [500 - np.searchsorted(block, severities, side="right") for block in blocks]
        baseline = [500 - np.searchsorted(block, 0.0, side="right") for block in blocks]
        return Sample(np.transpose(counts), np.array(baseline), np.full(20, 500))


def run_to_the_stop(everything: Sample, limits: Limits) -> Sample:
    plan = first_plan(limits, exact=False)
    while isinstance(step := decide(everything.part(plan.trials, plan.blocks), limits), Step):
        plan = step.plan
    return everything.part(plan.trials, plan.blocks)


@pytest.mark.parametrize("precision", [0.02, 0.05])
def test_intervals_cover_when_only_some_images_were_seen(precision):
    population, rng, runs, hits, blocks = Population(), np.random.default_rng(5), 1000, 0, set()
    for _ in range(runs):
        seen = run_to_the_stop(population.measure(rng, 128), Limits(trials=128, precision=precision))
        found = accuracy_interval(seen)
        hits += found.low <= population.truth <= found.high
        blocks.add(seen.blocks)
    assert binomtest(hits, runs, 0.94, alternative="greater").pvalue < 1e-6, f"{hits / runs:.4f}"
    assert min(blocks) < 20  # else the image part was not at work


def test_paired_intervals_cover_when_either_side_collapses_alone():
    rng, runs, hits = np.random.default_rng(6), 3000, 0
    share, usual = {"a": 0.02, "b": 0.05}, {"a": 0.97, "b": 0.95}
    truth = sum(sign * (usual[s] * (1 - share[s]) + CHANCE * share[s]) for s, sign in (("a", 1), ("b", -1)))
    whole = np.array([9900]), np.array([10_000])
    for trials in rng.choice([8, 16, 32, 64], runs):
        common = 0.01 * rng.standard_normal(trials)
        sides = [np.where(rng.random(trials) < share[s], CHANCE, usual[s] + common) for s in ("a", "b")]
        a, b = (Sample(np.rint(10_000 * side[:, None]).astype(int), *whole) for side in sides)
        found = paired_difference(a, b)
        hits += found.low <= truth <= found.high
    assert binomtest(hits, runs, 0.94, alternative="greater").pvalue < 1e-6, f"{hits / runs:.4f}"
