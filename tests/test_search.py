"""The search for R(x) on curves that are known: it finds R, its interval covers, and it says where there is no R."""

import numpy as np
import pytest
from scipy.stats import binomtest
from search_curves import TARGET, UNDISTORTED, Curve, find

from nvmsim.accuracy import spread
from nvmsim.accuracy.search import DECADES, FIRST, Aim, search, trials_that_prove
from nvmsim.accuracy.spread import Draws
from nvmsim.accuracy.stats import Sample, accuracy_interval

RUNS = 60
FAMILIES = {
    "normal": {},
    "skewed, as mnist-cnn": {"kind": "skewed", "spread": 0.66, "bend": 2.0},
    "very skewed": {"kind": "skewed", "spread": 1.2},
    "1 % collapse": {"share": 0.01},
    "2 % collapse": {"share": 0.02},
    "3 % collapse, twice as steep": {"share": 0.03, "growth": 2.0},
    "5 % collapse": {"share": 0.05},
    "10 % lose half": {"share": 0.10, "floor": 0.52},
    "1 % collapse at any rate": {"share": 0.01, "growth": 0.0},
    "4 % collapse at any rate": {"share": 0.04, "growth": 0.0},
}


def curves(family, runs):
    """Instances with R somewhere in a decade, so that grids of rates fall differently about it."""
    for seed in range(runs):
        rate = 0.0127 * 10 ** (np.random.default_rng([seed, 7]).random() - 0.5)
        yield Curve(seed, rate=rate, **FAMILIES[family])


def covers(found, rate) -> bool:
    """Whether the interval holds ``rate``; a side that is open holds everything."""
    return (found.low or 0.0) <= rate <= (found.high or 1.0)


def covered(precision, trials, runs=RUNS) -> dict[str, int]:
    """Count the runs of every family whose interval holds R when the search stops by itself."""
    return {
        family: sum(
            covers(find(curve, precision=precision, trials=trials).crossing, curve.rate)
            for curve in curves(family, runs)
        )
        for family in FAMILIES
    }


@pytest.mark.parametrize(("precision", "trials"), [(0.1, 512), (0.4, 1024)])
def test_intervals_cover_more_than_94_percent_when_the_search_stops(precision, trials):
    hits = covered(precision, trials)
    total = sum(hits.values())
    assert binomtest(total, RUNS * len(hits), 0.94, alternative="greater").pvalue < 1e-3, hits
    for family, count in hits.items():
        assert binomtest(count, RUNS, 0.94, alternative="less").pvalue > 1e-3, f"{family}: {count} of {RUNS}"


def test_a_plain_t_interval_fails_the_same_test(monkeypatch):
    monkeypatch.setattr(spread, "margins", lambda values, *, t, mass: (t, t))
    hits = sum(
        covers(find(curve, precision=0.2).crossing, curve.rate)
        for family in ("1 % collapse", "2 % collapse", "5 % collapse", "1 % collapse at any rate")
        for curve in curves(family, 40)
    )
    assert binomtest(hits, 160, 0.94, alternative="less").pvalue < 1e-6, hits


@pytest.mark.parametrize("rate", [3e-8, 2e-5, 1e-3, 0.0127, 0.21])
def test_r_is_found_wherever_it_lies_within_the_precision_asked_for(rate):
    curve = Curve(3, rate=rate, spread=0.1)
    found = find(curve, precision=0.15)
    assert (found.reason, found.crossing.relation) == ("precision", "=")
    assert found.crossing.relative_width <= 0.15
    assert found.crossing.rate == pytest.approx(rate, rel=0.02)
    assert covers(found.crossing, rate)


def test_near_the_crossing_all_rates_have_equal_trials_on_one_set_of_events():
    curve = Curve(1)
    found = find(curve)
    near = [step for step in curve.asked if step.rung_rber is not None]
    assert len({step.rung_rber for step in near}) == 1
    assert all(max(step.rates) <= step.rung_rber for step in near)
    assert near[-1].trials == found.trials
    assert [step.trials for step in near] == sorted(step.trials for step in near)


def test_a_narrower_interval_costs_more_and_ten_times_fewer_images_than_the_grid_suffice():
    flat = 40 * 20 * 14  # trials x blocks x rates of the paper's Table II
    costs = []
    for precision in (0.4, 0.2, 0.12):
        curve = Curve(5, kind="skewed", spread=0.66, bend=2.0)
        assert find(curve, precision=precision).reason == "precision"
        costs.append(curve.trials)
    assert costs == sorted(costs)
    assert costs[0] < flat / 12


class Level(Curve):
    """A network whose accuracy is the same at every rate."""

    def __init__(self, accuracy):
        super().__init__(0)
        self.accuracy = accuracy

    def draws(self, rate, trials):
        return Draws(np.full(trials, self.accuracy))


def test_an_accuracy_that_never_falls_is_followed_to_the_highest_rate_until_it_is_sure():
    curve = Level(UNDISTORTED)
    found = find(curve)
    assert (found.reason, found.crossing.relation, found.crossing.rate) == ("edge", ">", DECADES[-1])
    assert (found.crossing.low, found.crossing.high) == (DECADES[-1], None)
    assert found.trials >= trials_that_prove(0.95)


def test_an_accuracy_that_is_always_too_low_is_followed_to_the_lowest_rate():
    found = find(Level(0.8))
    assert (found.reason, found.crossing.relation, found.crossing.rate) == ("edge", "<", DECADES[0])
    assert (found.crossing.low, found.crossing.high) == (None, DECADES[0])


def test_so_few_trials_prove_no_r_from_below():
    few = trials_that_prove(0.95) - 1
    found = find(Curve(2), trials=few)
    assert (found.reason, found.trials, found.crossing.low) == ("trials", few, None)
    assert found.crossing.high is not None
    blocks = np.full(1, 10_000)
    for trials, proves in ((few, False), (few + 1, True)):
        sample = Sample(np.full((trials, 1), 10_000), blocks, blocks)
        assert (accuracy_interval(sample).low >= 0.95) == proves


def test_without_time_the_first_steps_still_give_an_answer():
    curve = Curve(4)
    course = search(Aim(TARGET, UNDISTORTED, 0.1, 1024))
    step = next(course)
    with pytest.raises(StopIteration) as stop:
        while True:
            step = course.send(curve.answer(step) if step.must else None)
    found = stop.value.value
    assert (found.reason, found.trials) == ("time", FIRST)
    assert found.crossing.rate == pytest.approx(curve.rate, rel=0.5)


def test_predictions_say_how_many_trials_are_still_to_come():
    curve = Curve(6)
    found = find(curve)
    later = [step for step in curve.asked if step.trials > FIRST]
    assert all(step.goal >= step.trials for step in later)
    assert later[0].goal == pytest.approx(found.trials, rel=0.8)
    assert later[-1].goal == found.trials
