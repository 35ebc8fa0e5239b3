"""Intervals against independent statistics, and where the next trials go."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.accuracy.allocation import Limits, Plan, Step, affordable, decide, first_plan
from nvmsim.accuracy.stats import (
    TASK,
    Sample,
    accuracy_interval,
    image_margin,
    margin_below,
    paired_difference,
    stringer_bound,
    stringer_weights,
    t_half_width,
)

BASELINE, IMAGES = np.full(20, 495), np.full(20, 500)
LIMITS = Limits(trials=64, precision=0.005)


def sample(correct, **more) -> Sample:
    return Sample(np.asarray(correct), BASELINE, IMAGES, **more)


@pytest.mark.parametrize("trials", [1, 8, 64, 1000])
def test_stringer_weights_are_the_increments_of_clopper_pearson_limits(trials):
    limits = np.cumsum(stringer_weights(trials))
    for seen in {0, 1, trials // 2, trials}:
        exact = scipy.stats.binomtest(seen, trials).proportion_ci(confidence_level=0.95, method="exact").high
        assert limits[seen] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("collapsed", [0, 1, 3, 16])
def test_the_bound_of_total_losses_is_the_clopper_pearson_limit(collapsed):
    losses = np.repeat([1.0, 0.0], [collapsed, 16 - collapsed])
    exact = scipy.stats.binomtest(collapsed, 16).proportion_ci(confidence_level=0.95, method="exact").high
    assert stringer_bound(losses) == pytest.approx(exact, rel=1e-9)


def test_t_half_width_is_scipys():
    values = np.random.default_rng(2).normal(0.9, 0.02, 16)
    low, high = scipy.stats.t.interval(0.95, 15, values.mean(), scipy.stats.sem(values))
    assert t_half_width(values) == pytest.approx((high - low) / 2, rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_the_bound_lies_above_the_mean_and_within_the_range(losses):
    bound = stringer_bound(losses)
    assert np.mean(losses) - 1e-12 <= bound <= 1 + 1e-12


@given(
    st.integers(1, 12).flatmap(
        lambda trials: st.lists(st.lists(st.integers(0, 500), min_size=2, max_size=2), min_size=trials, max_size=trials)
    )
)
def test_an_interval_holds_its_mean_unless_clipped(rows):
    found = accuracy_interval(sample(rows))
    assert 0 <= found.low <= found.high <= 1
    assert found.low <= found.mean + 1e-12
    assert min(found.mean, 1) <= found.high + 1e-12


def test_equal_trials_are_not_certain():
    found = accuracy_interval(sample(np.full((64, 20), 490)))
    unseen = scipy.stats.binomtest(0, 64).proportion_ci(0.95, "exact").high
    assert found.low == pytest.approx(0.98 * (1 - unseen), abs=1e-9)


def test_a_task_that_cannot_change_is_certain_once_all_images_were_seen():
    assert accuracy_interval(sample(np.full((1, 20), 490), change_bound=0.0)).half_width == 0
    assert accuracy_interval(sample(np.full((1, 10), 490), change_bound=0.0)).half_width > 0


def test_a_closed_form_bound_narrows_the_unseen_part_to_itself():
    found = accuracy_interval(sample(np.full((8, 20), 490), change_bound=1e-3))
    assert found.mean - found.low == pytest.approx(0.98e-3, rel=1e-6)


def test_the_ratio_moves_the_mean_by_the_baselines_error_on_the_prefix():
    hard_first = Sample(np.full((8, 1), 400), np.r_[410, np.full(19, 500)], IMAGES)
    assert accuracy_interval(hard_first).mean == pytest.approx((410 + 19 * 500) / 10_000 * 400 / 410)


def test_the_image_part_vanishes_with_the_last_image_only_for_this_test_set():
    whole = sample(np.full((8, 20), 480))
    assert image_margin(whole, seen=10_000, lost=0.03) == 0
    assert image_margin(whole, seen=10_000, lost=0.03, target=TASK) > 0.001
    margins = [image_margin(whole, seen=seen, lost=0.03) for seen in (500, 1000, 5000)]
    assert margins == sorted(margins, reverse=True)


def test_paired_difference_is_narrower_than_its_parts_and_antisymmetric():
    noise = np.random.default_rng(3).integers(300, 490, (64, 1))
    a, b = sample(noise + 5), sample(noise)
    found, mirrored = paired_difference(a, b), paired_difference(b, a)
    assert found.mean == pytest.approx(0.01)
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low))
    parts = accuracy_interval(a).half_width + accuracy_interval(b).half_width
    assert found.half_width < parts


def test_paired_difference_allows_for_a_collapse_of_either_side_not_yet_seen():
    found = paired_difference(sample(np.full((64, 20), 490)), sample(np.full((64, 20), 480)))
    unseen = scipy.stats.binomtest(0, 64).proportion_ci(0.95, "exact").high
    assert found.low == pytest.approx(0.02 - unseen * 1.02, abs=1e-9)
    assert found.high == pytest.approx(0.02 + unseen * 0.98, abs=1e-9)


def test_paired_difference_fills_up_trials_that_never_change():
    safe, noisy = sample(np.full((8, 20), 495), change_bound=1e-12), sample(np.full((64, 1), 470))
    found = paired_difference(safe, noisy)
    assert found.mean == pytest.approx(0.05)
    assert found.low > 0.02  # a safe side cannot collapse


def test_the_lower_margin_uses_the_larger_of_both_bounds():
    values = np.r_[np.full(8, 0.0), np.full(8, 1.0)]
    t = t_half_width(values)
    assert margin_below(values, floor=0.0, t=t) >= t


def test_zero_variance_is_never_precise():
    assert decide(sample(np.full((8, 20), 495)), LIMITS) != "precision"


def test_more_trials_where_trials_differ_and_more_images_where_images_were_few():
    assert decide(sample(np.full((8, 1), 490)), LIMITS).plan == Plan(16, 1)
    at_the_cap = sample(np.full((4096, 1), 490))
    assert decide(at_the_cap, Limits(trials=4096, precision=1e-4)).plan == Plan(4096, 2)


def test_reasons_to_stop():
    assert decide(sample(np.full((64, 20), 495)), LIMITS) == "trials"
    assert decide(sample(np.full((1, 20), 495), change_bound=0.0), LIMITS) == "exact"
    assert decide(sample(np.full((8, 20), 495), change_bound=1e-20), LIMITS) == "bound"
    assert decide(sample(np.full((2048, 20), 495)), Limits(trials=4096, precision=0.005)) == "precision"


def test_a_task_that_next_to_never_changes_sees_every_image():
    assert decide(sample(np.full((8, 1), 495), change_bound=1e-20), LIMITS).plan == Plan(8, 20)


def test_the_cap_is_reached_though_it_is_no_power_of_two():
    limits = Limits(trials=100, precision=0.001)
    plan, seen = first_plan(limits, exact=False), []
    while isinstance(step := decide(sample(np.full((plan.trials, plan.blocks), 495)), limits), Step):
        plan = step.plan
        seen.append(plan.trials)
    assert plan.trials == 100
    assert set(seen) <= {16, 32, 64, 100}


def test_time_goes_to_the_most_rewarding_steps_that_fit():
    steps = {name: Step(Plan(16, 1), gain) for name, gain in (("a", 0.1), ("b", 0.3), ("c", 0.2))}
    assert affordable(steps, {"a": 1.0, "b": 4.0, "c": 1.0}, left_s=2.5) == ["c", "a"]
    assert affordable(steps, dict.fromkeys(steps, 3.0), left_s=2.5) == []


@pytest.mark.parametrize("correct", [0, 3, 400, 500])
@pytest.mark.parametrize("first", [480, 500])
def test_the_mean_lies_in_its_interval_and_in_0_to_1(correct, first):
    sample = Sample(np.full((8, 1), correct), np.r_[first, np.full(19, 498)], IMAGES)
    found = accuracy_interval(sample)
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.half_width > 0.05  # eight equal trials are no proof
