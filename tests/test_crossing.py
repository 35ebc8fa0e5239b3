"""Where a curve falls through a target: closed forms, and what is said where it does not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvmsim.accuracy.crossing import crossing
from nvmsim.accuracy.stats import Interval
from nvmsim.errors import InputError

GRID = [0.001 * k for k in range(1, 15)]


def around(mean, margin) -> Interval:
    return Interval(mean, mean - margin, mean + margin)


def line(rate, *, middle=0.01, slope=0.1):
    """An accuracy that is linear in the logarithm of the rate and 0.95 at ``middle``."""
    return 0.95 - slope * math.log(rate / middle)


@pytest.mark.parametrize("middle", [0.0012, 0.004, 0.0055, 0.0137])
def test_a_curve_linear_in_log_rate_is_met_exactly_with_its_limits(middle):
    points = [(rate, around(line(rate, middle=middle), 0.002)) for rate in GRID]
    found = crossing(points, target=0.95)
    assert (found.relation, found.others) == ("=", ())
    assert found.rate == pytest.approx(middle, rel=1e-12)
    assert found.low == pytest.approx(middle * math.exp(-0.02), rel=1e-12)
    assert found.high == pytest.approx(middle * math.exp(0.02), rel=1e-12)
    assert found.relative_width == pytest.approx(2 * math.sinh(0.02), rel=1e-9)
    assert found.on_grid == max(rate for rate in GRID if rate <= middle)


@pytest.mark.parametrize("power", [1.0, 3.4])
def test_a_loss_that_is_a_power_of_the_rate_is_met_exactly_between_rates_far_apart(power):
    points = [(rate, around(0.99 - 0.0495 * (rate / 0.0127) ** power, 0.0)) for rate in (0.008, 0.02)]
    assert crossing(points, target=0.9405, undistorted=0.99).rate == pytest.approx(0.0127, rel=1e-9)
    assert crossing(points, target=0.9405).rate < 0.0127 * (0.995 if power == 1 else 0.95)


def test_where_nothing_is_lost_the_accuracy_itself_is_interpolated():
    points = [(0.01, around(1.0, 0.0)), (0.02, around(0.9, 0.0))]
    assert crossing(points, target=0.95, undistorted=0.99) == crossing(points, target=0.95)


def test_the_papers_table_gives_the_papers_figure():
    accuracy = (0.9952, 0.9945, 0.9937, 0.9924, 0.9906, 0.9885, 0.9847, 0.9816, 0.9754, 0.96952, 0.9576, 0.94875,
                0.9339, 0.9224)  # Table II  # fmt: skip
    points = [(rate, around(mean, 0.0)) for rate, mean in zip(GRID, accuracy, strict=True)]
    found = crossing(points[::-1], target=0.95 * 0.9961)
    assert found.on_grid == 0.012
    assert 0.012 < found.rate < 0.013


def test_a_curve_that_stays_above_or_below_is_said_to():
    high, low = ([(rate, around(mean, 0.01)) for rate in GRID] for mean in (0.99, 0.9))
    above, below = crossing(high, target=0.95), crossing(low, target=0.95)
    assert (above.relation, above.rate, above.low, above.high, above.on_grid) == (">", 0.014, 0.014, None, 0.014)
    assert (below.relation, below.rate, below.low, below.high, below.on_grid) == ("<", 0.001, None, 0.001, None)
    assert above.relative_width == below.relative_width == math.inf


def test_an_end_that_the_rates_do_not_bound_is_open():
    points = [(rate, around(line(rate), 0.4)) for rate in GRID]
    found = crossing(points, target=0.95)
    assert (found.relation, found.low, found.high) == ("=", None, None)
    assert found.rate == pytest.approx(0.01)
    doubtful = crossing([(rate, around(0.96, 0.02)) for rate in GRID], target=0.95)
    assert (doubtful.relation, doubtful.low, doubtful.high) == (">", None, None)


def test_a_rate_with_few_trials_between_others_opens_no_end():
    points = [(0.008, around(0.97, 0.01)), (0.009, around(0.965, 0.2)), (0.012, around(0.93, 0.01))]
    found = crossing(points, target=0.95)
    assert 0.008 < found.low < 0.009
    assert 0.009 < found.rate < found.high < 0.012


def test_the_first_crossing_is_reported_and_others_are_named():
    means = dict(zip(GRID, [0.99, 0.94, 0.96, 0.97, 0.93, *[0.8] * 9], strict=True))
    found = crossing([(rate, around(mean, 0.001)) for rate, mean in means.items()], target=0.95)
    assert 0.001 < found.rate < 0.002
    assert len(found.others) == 2
    assert 0.002 < found.others[0] < 0.003 < 0.004 < found.others[1] < 0.005
    assert found.on_grid == 0.004  # the paper's definition looks at the last


def test_a_mean_that_equals_the_target_is_enough():
    found = crossing([(0.01, around(0.95, 0.0)), (0.02, around(0.9, 0.0))], target=0.95)
    assert (found.rate, found.on_grid, found.low) == (0.01, 0.01, 0.01)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2)), min_size=1, max_size=12),
    st.floats(0.05, 0.95),
    st.sampled_from([None, 0.96, 1.1]),
)
def test_an_interval_holds_its_crossing_and_lies_among_the_rates(values, target, undistorted):
    points = [(1e-6 * 3.0**k, around(*value)) for k, value in enumerate(values)]
    found = crossing(points, target=target, undistorted=undistorted)
    rates = [rate for rate, _ in points]
    assert rates[0] <= found.rate <= rates[-1]
    for end in (found.low, found.high, *found.others):
        assert end is None or rates[0] * (1 - 1e-12) <= end <= rates[-1] * (1 + 1e-12)
    assert found.low is None or found.low <= found.rate * (1 + 1e-12)
    assert found.high is None or found.high >= found.rate * (1 - 1e-12)
    by_hand = [rate for rate, limits in points if limits.mean >= target]
    assert found.on_grid == (np.max(by_hand) if by_hand else None)


def test_rates_that_cannot_be_are_all_named():
    with pytest.raises(InputError) as caught:
        crossing([(rate, around(0.9, 0.1)) for rate in (0.0, -1.0, math.inf, 0.1, 0.1)], target=0.95)
    assert all(part in str(caught.value) for part in ("rate 0.0:", "rate -1.0:", "rate inf:", "rate 0.1: is given"))
    with pytest.raises(InputError, match="at least"):
        crossing([], target=0.95)
