"""Which rows are worth having: against a brute force over every way the intervals can turn out."""

from dataclasses import replace
from itertools import product

import pytest
from example_result import difference, example, host_limited, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.study.tradeoff import fastest_within, mark_pareto, unpaired_difference

ROW = rows()[1]


def _dominated(b, gains, speeds):
    """Textbook dominance: some row is no worse in both and better in one."""
    others = [a for a in range(len(speeds)) if a != b]
    at_least = [a for a in others if speeds[a] >= speeds[b] and gains[a] >= 0]
    return any(speeds[a] > speeds[b] or gains[a] > 0 for a in at_least)


def _brute_force(b, speeds, bounds):
    """Ask about every outcome: each gain over row b may be anywhere in its interval."""
    choices = [
        [0] if a == b else sorted({bounds[a, b][0], sum(bounds[a, b]) / 2, bounds[a, b][1]}) for a in range(len(speeds))
    ]
    outcomes = {_dominated(b, gains, speeds) for gains in product(*choices)}
    return "undecided" if len(outcomes) == 2 else "no" if outcomes.pop() else "yes"


@st.composite
def problems(draw):
    count = draw(st.integers(1, 5))
    speeds = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    ends = st.integers(-2, 2)
    bounds = {}
    for a in range(count):
        for b in range(a):
            low, high = sorted((draw(ends), draw(ends)))
            bounds[a, b], bounds[b, a] = (low, high), (-high, -low)
    return speeds, bounds


@settings(max_examples=300, deadline=None)
@given(problems())
def test_the_marks_agree_with_every_outcome_of_the_intervals(problem):
    speeds, bounds = problem
    made = [replace(ROW, scheme=str(i), bandwidth_gb_s=float(speed)) for i, speed in enumerate(speeds)]
    marked = mark_pareto(made, lambda a, b: bounds[int(a.scheme), int(b.scheme)])
    assert [row.pareto for row in marked] == [_brute_force(b, speeds, bounds) for b in range(len(speeds))]


def test_paired_intervals_decide_what_unpaired_ones_cannot():
    made = rows()
    unpaired = {(row.scheme, row.mode): row.pareto for row in mark_pareto(made, unpaired_difference)}
    paired = {(row.scheme, row.mode): row.pareto for row in mark_pareto(made, difference)}
    assert unpaired["hamming+nulling", "bypass"] == "undecided"
    assert paired["hamming+nulling", "bypass"] == "no"


def test_the_unpaired_interval_holds_every_pair_of_values():
    a, b = rows()[1], rows()[3]
    low, high = unpaired_difference(a, b)
    ends = [x - y for x in (a.low, a.high) for y in (b.low, b.high)]
    assert (low, high) == (min(ends), max(ends))


def test_rounding_of_simulated_times_makes_no_row_faster():
    tied = host_limited().rows
    assert len({row.bandwidth_gb_s for row in tied}) == 2
    assert {row.scheme for row in tied if row.pareto == "yes"} == {"ecc"}


def test_the_fastest_harmless_row_is_surely_harmless_and_the_safest_of_its_speed():
    result = example()
    best = fastest_within(result.rows, max_drop_points=1.0)
    assert (best.scheme, best.mode) == ("nulling", "reclaim")
    harmless = [row for row in result.rows if row.drop_high <= 1.0]
    assert best.bandwidth_gb_s == max(row.bandwidth_gb_s for row in harmless)
    assert best.drop_high == min(row.drop_high for row in harmless if row.bandwidth_gb_s == best.bandwidth_gb_s)
    assert fastest_within(host_limited().rows, max_drop_points=1.0).mode == "ecc"


@pytest.mark.parametrize(("limit", "failing", "found"), [(0.06, False, "ecc"), (0.06, True, None), (-1.0, False, None)])
def test_an_ecc_row_that_fails_is_no_answer(limit, failing, found):
    ecc, *rest = rows()
    best = fastest_within((replace(ecc, fails_uber=failing), *rest), max_drop_points=limit)
    assert (best and best.scheme) == found
