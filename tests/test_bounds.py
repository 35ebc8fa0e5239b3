"""Closed forms and simulation check one another."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nvmsim.device.profile import load_device
from nvmsim.timing.bounds import bounds_mb_s, convoy_mb_s, system_bounds
from nvmsim.timing.read_path import bandwidth_mb_s, read_timing
from nvmsim.timing.steady_state import steady_state
from nvmsim.timing.system import ReadSystem, femtoseconds

PAGES = st.sampled_from([512, 2048, 4096, 8192, 16384, 18592])
BUSES = st.sampled_from([166.0, 200.0, 333.33, 400.0, 800.0, 1200.0, 1600.0, 2400.0])
COMMANDS = st.sampled_from([0.1, 0.29, 0.3, 0.94, 2.24])


@st.composite
def systems(draw, spread=2.7, downstream=True):
    """Draw a read path; ``spread`` bounds the ratio of the page types' read times."""
    page, base = draw(PAGES), draw(st.floats(10, 120))
    reads = [base * factor for factor in draw(st.lists(st.floats(1, spread), min_size=1, max_size=4))]
    system = ReadSystem(
        channels=draw(st.integers(1, 4)),
        dies_per_channel=draw(st.integers(1, 6)),
        planes=draw(st.sampled_from([1, 2, 3, 4])),
        read_fs=tuple(femtoseconds(round(read_us, 1)) for read_us in reads),
        command_fs=femtoseconds(draw(COMMANDS)),
        transfer_fs=femtoseconds(page / draw(BUSES)),
        cache_read=draw(st.booleans()),
        command_first=draw(st.booleans()),
        page_bytes=page,
    )
    return replace(system, **_downstream(draw, page)) if downstream else system


def _downstream(draw, page):
    host, engines = draw(st.sampled_from([None, 500, 1000, 7000])), draw(st.sampled_from([0, 1, 3, 8]))
    return {
        "host_fs": femtoseconds(page / host) if host else 0,
        "engines": engines,
        "decode_fs": femtoseconds(page / draw(st.sampled_from([500, 1000, 4000]))) if engines else 0,
        "decode_latency_fs": femtoseconds(draw(st.sampled_from([0, 1, 8, 40]))) if engines else 0,
    }


@settings(max_examples=60, deadline=None, derandomize=True)
@given(systems())
def test_no_bound_is_ever_passed(system):
    assert bandwidth_mb_s(system) <= min(system_bounds(system).values()) * (
        1 + 1e-9 + steady_state(system).relative_error
    )


@settings(max_examples=80, deadline=None, derandomize=True)
@given(systems())
def test_the_ruling_resource_sets_the_bandwidth(system):
    system = replace(system, command_first=True)
    least, second, *_ = sorted(system_bounds(system).values())
    assume(second > 2 * least)
    assert bandwidth_mb_s(system) == pytest.approx(least, rel=5e-3)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(systems(downstream=False))
def test_the_convoy_has_a_closed_form(system):
    system = replace(system, command_first=False)
    assume(system.planes * system.transfer_fs >= system.command_fs)
    assume(min(system.read_fs) >= (system.dies_per_channel - 1) * system.command_fs)
    assert bandwidth_mb_s(system) == pytest.approx(convoy_mb_s(system), rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(systems(downstream=False))
def test_one_die_with_cache_read_has_a_closed_form(system):
    """The next command goes first, and then the transfer overlaps the next array read."""
    system = replace(system, dies_per_channel=1, cache_read=True, command_first=True)
    drain_fs = system.planes * system.transfer_fs
    turn_fs = sum(system.command_fs + max(read_fs, drain_fs) for read_fs in system.read_fs) / system.types
    expected = system.channels * system.planes * system.page_bytes / (turn_fs / 1e9)
    assert bandwidth_mb_s(system) == pytest.approx(expected, rel=1e-9)


RULED = {
    "die": ["timing.read_us=4000", "host.bandwidth_gb_s=null"],
    "bus": ["timing.bus_mt_s=50", "host.bandwidth_gb_s=null"],
    "ecc": ["ecc.engines=1", "ecc.decode_bandwidth_gb_s=0.5", "host.bandwidth_gb_s=null"],
    "host": ["host.bandwidth_gb_s=0.25"],
}


@pytest.mark.parametrize("resource", RULED)
@pytest.mark.parametrize("cache_read", ["true", "false"])
@pytest.mark.parametrize("arbitration", ["fair", "data_out_first"])
def test_each_resource_can_rule_a_device(resource, cache_read, arbitration):
    """At 5 % of the next bound even the convoy costs little; it is charged with all transfers of a bus."""
    settings_ = [*RULED[resource], f"timing.cache_read={cache_read}", f"timing.arbitration={arbitration}"]
    device = load_device("tlc", settings_)
    timing, bounds = read_timing(device, "ecc"), bounds_mb_s(device, "ecc")
    assert timing.bottleneck == resource == min(bounds, key=bounds.get)
    tolerance = {"fair": 5e-3, "data_out_first": 5e-2}[arbitration]
    assert timing.read_bandwidth_mb_s == pytest.approx(bounds[resource], rel=tolerance)
    assert timing.utilisation[resource] == pytest.approx(timing.read_bandwidth_mb_s / bounds[resource], rel=1e-6)


def test_retries_cost_a_command_a_read_and_a_transfer_each():
    system = ReadSystem(
        channels=1,
        dies_per_channel=1,
        planes=2,
        read_fs=(femtoseconds(50),),
        command_fs=femtoseconds(1),
        transfer_fs=femtoseconds(4),
        cache_read=False,
        command_first=True,
        page_bytes=8000,
        engines=8,
        decode_fs=femtoseconds(1),
        retries=((1.0, 1.0),),
    )
    group_us = (1 + 50 + 2 * 4) + 2 * 2 * (1 + 50 + 4)
    assert system_bounds(system)["die"] == pytest.approx(2 * 8000 / group_us, rel=1e-12)
    assert bandwidth_mb_s(system) == pytest.approx(2 * 8000 / group_us, rel=5e-3)


def test_random_retries_cost_their_mean_where_the_die_rules():
    system = ReadSystem(
        channels=2,
        dies_per_channel=1,
        planes=2,
        read_fs=(femtoseconds(50), femtoseconds(80)),
        command_fs=femtoseconds(0.3),
        transfer_fs=femtoseconds(4),
        cache_read=False,
        command_first=True,
        page_bytes=8000,
        engines=8,
        decode_fs=femtoseconds(1),
        retries=((0.3, 0.1), (0.6, 0.2)),
    )
    assert bandwidth_mb_s(system) == pytest.approx(system_bounds(system)["die"], rel=5e-3)
