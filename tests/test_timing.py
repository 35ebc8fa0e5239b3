"""The simulated read path against event times worked out by hand, an independent scheduler, and brute force."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read_reference import schedule
from scipy.stats import binomtest

from nvmsim.device.profile import load_device
from nvmsim.timing.attempts import Attempts
from nvmsim.timing.load import full_load_us, load_us
from nvmsim.timing.path import ReadPath
from nvmsim.timing.read_path import bandwidth_mb_s, read_timing
from nvmsim.timing.steady_state import steady_state
from nvmsim.timing.system import FS_PER_US, ReadSystem, femtoseconds, read_system

ONE_DIE = ReadSystem(
    channels=1,
    dies_per_channel=1,
    planes=1,
    read_fs=(10 * FS_PER_US,),
    command_fs=FS_PER_US,
    transfer_fs=4 * FS_PER_US,
    cache_read=False,
    command_first=True,
    page_bytes=4000,
)
TWO_DIES = replace(ONE_DIE, dies_per_channel=2)


def trace(system, pages):
    """Return (start us, end us, what, die) of every grant of the first bus while ``pages`` pages are read."""
    path = ReadPath(system, pages)
    path.buses[0].log = []
    path.run()
    return [(start / FS_PER_US, end / FS_PER_US, what, die) for start, end, what, die in path.buses[0].log]


def test_one_die_by_hand():
    assert trace(ONE_DIE, 2) == [(0, 1, "command", 0), (11, 15, "data", 0), (15, 16, "command", 0), (26, 30, "data", 0)]


def test_one_die_with_cache_read_by_hand():
    assert trace(replace(ONE_DIE, cache_read=True), 3) == [
        (0, 1, "command", 0),
        (11, 12, "command", 0),  # the first group moved to the cache register at 11: the next command goes first
        (12, 16, "data", 0),
        (22, 23, "command", 0),
        (23, 27, "data", 0),
        (33, 37, "data", 0),
    ]


def test_a_finished_sense_waits_for_the_cache_register():
    slow_bus = replace(ONE_DIE, cache_read=True, transfer_fs=20 * FS_PER_US)
    assert trace(slow_bus, 3) == [
        (0, 1, "command", 0),
        (11, 12, "command", 0),
        (12, 32, "data", 0),  # the second sense is over at 22 and waits
        (32, 33, "command", 0),
        (33, 53, "data", 0),
        (53, 73, "data", 0),
    ]


def test_two_dies_fair_by_hand():
    assert trace(TWO_DIES, 4) == [
        (0, 1, "command", 0),
        (1, 2, "command", 1),
        (11, 15, "data", 0),
        (15, 16, "command", 0),  # asked for at 15, goes before the data of die 1 that wait since 12
        (16, 20, "data", 1),
        (20, 21, "command", 1),
        (26, 30, "data", 0),
        (31, 35, "data", 1),
    ]


def test_two_dies_data_out_first_by_hand():
    assert trace(replace(TWO_DIES, command_first=False), 4) == [
        (0, 1, "command", 0),
        (1, 2, "command", 1),
        (11, 15, "data", 0),
        (15, 19, "data", 1),
        (19, 20, "command", 0),
        (20, 21, "command", 1),
        (30, 34, "data", 0),
        (34, 38, "data", 1),
    ]


@pytest.mark.parametrize(
    ("command_first", "commands_us", "planes_us"),
    [(True, [0, 11, 25], [(21, 25), (26, 30)]), (False, [0, 27], [(19, 23), (23, 27)])],
)
def test_a_command_between_two_planes(command_first, commands_us, planes_us):
    """Fair: die 0 asks for its third command at 22 and gets the bus at 25, between the planes of die 1."""
    system = replace(TWO_DIES, planes=2, cache_read=True, command_first=command_first)
    grants = trace(system, 12)
    commands = [start for start, _, what, die in grants if (what, die) == ("command", 0)]
    planes = [(start, end) for start, end, what, die in grants if (what, die) == ("data", 1)]
    assert commands[: len(commands_us)] == commands_us
    assert planes[:2] == planes_us


def test_data_out_first_makes_a_convoy():
    """All dies sense together and then drain: no array read overlaps a transfer of another die."""
    system = replace(ONE_DIE, dies_per_channel=4, command_first=False)
    assert bandwidth_mb_s(system) == pytest.approx(4 * 4000 / (1 + 10 + 4 * 4), rel=1e-12)
    assert bandwidth_mb_s(replace(system, command_first=True)) == pytest.approx(4 * 4000 / (4 * (1 + 4)), rel=1e-12)


def test_the_bus_is_free_during_the_array_read():
    long_read = replace(ONE_DIE, read_fs=(1000 * FS_PER_US,))
    two = bandwidth_mb_s(replace(long_read, dies_per_channel=2))
    assert two == pytest.approx(2 * bandwidth_mb_s(long_read), rel=1e-12)


def test_every_plane_is_transferred_and_the_command_sent_once():
    system = replace(ONE_DIE, planes=4)
    assert bandwidth_mb_s(system) == pytest.approx(4 * 4000 / (1 + 10 + 4 * 4), rel=1e-12)


def test_rates_are_not_rounded_to_nanoseconds():
    device = load_device("tlc", ["timing.bus_mt_s=333.33", "geometry.channels=1", "host.bandwidth_gb_s=null"])
    group_us = device.timing.command_us + 4 * 16384 / 333.33
    assert read_timing(device, "bypass").read_bandwidth_mb_s == pytest.approx(4 * 16384 / group_us, rel=1e-9)


@pytest.mark.parametrize(
    ("mode", "bus_bytes", "weight_bytes"),
    [("ecc", 16384 + 2208, 16384), ("bypass", 16384, 16384), ("reclaim", 16384 + 2208 - 8, 16384 + 2208 - 8)],
)
@pytest.mark.parametrize("code", ["ldpc", "none"])
def test_what_crosses_the_bus(mode, bus_bytes, weight_bytes, code):
    settings_ = ["geometry.channels=1", "host.bandwidth_gb_s=null", "page.metadata_bytes=8"]
    device = load_device("tlc", settings_)
    device = replace(device, ecc=replace(device.ecc, code=code))
    group_us = device.timing.command_us + 4 * bus_bytes / device.timing.bus_mt_s
    timing = read_timing(device, mode)
    assert timing.read_bandwidth_mb_s == pytest.approx(4 * weight_bytes / group_us, rel=1e-9)
    assert timing.bottleneck == "bus"
    assert (timing.utilisation["ecc"] > 0) == (mode == "ecc" and code == "ldpc")


times = st.integers(1_000, 200_000_000)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    dies=st.integers(1, 5),
    planes=st.integers(1, 4),
    reads=st.lists(times, min_size=1, max_size=4),
    command=st.integers(1_001, 5_000_000),
    transfer=st.integers(1_003, 60_000_000),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_grants_equal_an_independent_scheduler(dies, planes, reads, command, transfer, flags):
    system = ReadSystem(1, dies, planes, tuple(reads), command, transfer, *flags, page_bytes=4096)
    path = ReadPath(system, 7 * dies * planes)
    path.buses[0].log = []
    path.run()
    assert path.buses[0].log == schedule(system, [[planes] * 7] * dies)


def channel_like(**changes):
    """Return a system with unequal reads, planes, spare bytes on the bus, decoders and a host link."""
    base = ReadSystem(
        channels=4,
        dies_per_channel=2,
        planes=2,
        read_fs=(37 * FS_PER_US, 46 * FS_PER_US, 37 * FS_PER_US),
        command_fs=femtoseconds(0.3),
        transfer_fs=femtoseconds(18592 / 1600),
        cache_read=True,
        command_first=True,
        page_bytes=16384,
        engines=4,
        decode_fs=femtoseconds(16384 / 2000),
        decode_latency_fs=8 * FS_PER_US,
        host_fs=femtoseconds(16384 / 7000),
    )
    return replace(base, **changes)


FREE = {"engines": 0, "decode_fs": 0, "decode_latency_fs": 0, "host_fs": 0}
SYSTEMS = {
    "bus": channel_like(),
    "host": channel_like(host_fs=femtoseconds(16384 / 2500)),
    "decoders": channel_like(engines=1),
    "no cache read": channel_like(cache_read=False),
    "independent channels": channel_like(**FREE),
    "convoy": channel_like(**FREE, command_first=False, cache_read=False),
    "every page read twice": channel_like(retries=((1.0,), (1.0,), (1.0,))),
    "one page type read three times": channel_like(retries=((0.0, 0.0), (1.0, 1.0), (0.0, 0.0))),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_extension_equals_the_long_run(name):
    system = SYSTEMS[name]
    for pages in (9_001, 20_003):  # a last group that is not full, a last round without all channels
        assert load_us(system, pages) == pytest.approx(full_load_us(system, pages), rel=1e-6), pages


@pytest.mark.parametrize("name", SYSTEMS)
def test_steady_bandwidth_equals_the_long_run(name):
    system = SYSTEMS[name]
    short, long = 4_800, 12_000  # whole turns of three types, 16 pages a round
    slope = (long - short) * system.page_bytes / (full_load_us(system, long) - full_load_us(system, short))
    assert bandwidth_mb_s(system) == pytest.approx(slope, rel=1e-4)
    assert steady_state(system).relative_error == 0


@pytest.mark.parametrize("pages", [1, 2, 15, 16, 17, 100])
def test_short_models_are_simulated_whole(pages):
    system = SYSTEMS["independent channels"]
    assert load_us(system, pages) == full_load_us(system, pages)


def test_one_page_from_idle_by_hand():
    device = load_device("tlc")
    timing, ecc = device.timing, device.ecc
    expected = timing.command_us + timing.read_us[0] + (16384 + 2208) / timing.bus_mt_s + ecc.decode_latency_us
    expected += 16384 / (1000 * ecc.decode_bandwidth_gb_s) + 16384 / (1000 * device.host.bandwidth_gb_s)
    assert read_timing(device, "ecc", model_bytes=1).load_us == pytest.approx(expected, rel=1e-9)
    assert read_timing(device, "ecc", model_bytes=0).load_us == 0
    assert read_timing(device, "ecc").load_us is None


def test_a_model_of_14_gb_loads_at_the_steady_bandwidth():
    timing = read_timing(load_device("tlc"), "ecc", model_bytes=14 * 10**9)
    assert 14e9 / timing.load_us == pytest.approx(timing.read_bandwidth_mb_s, rel=1e-3)


@pytest.mark.parametrize("name", ["bus", "no cache read", "every page read twice"])
def test_the_buffer_does_not_bind_where_nothing_behind_it_is_full(name):
    system = SYSTEMS[name]
    twice = ReadPath(system, 3_000, credit_groups=4 * system.credit_groups).run()
    assert ReadPath(system, 3_000).run() == twice


@pytest.mark.parametrize(("name", "resource"), [("host", "host_fs"), ("decoders", "decode_fs")])
def test_the_buffer_is_finite(name, resource):
    """A bus before a full station waits for it: it moves no more than the station takes."""
    system = SYSTEMS[name]
    steady = steady_state(system)
    assert steady["transfers"] == pytest.approx(steady["delivered"], rel=1e-9)
    servers = {"host": 1, "decoders": system.engines}[name]
    assert steady["delivered"] * getattr(system, resource) == pytest.approx(servers * steady.time_fs, rel=1e-9)


def test_channels_without_decoder_and_host_are_the_same_alone_and_together():
    system = SYSTEMS["independent channels"]
    together = ReadPath(system, 4 * 600).run()
    assert together == ReadPath(replace(system, channels=1), 600).run()
    far_host = replace(system, host_fs=1)
    assert bandwidth_mb_s(far_host) == pytest.approx(bandwidth_mb_s(system), rel=1e-9)


def test_a_retry_by_hand():
    """Decode 2 us, latency 3 us: page 0 fails at 20 and is read again once the die has sent its next page."""
    system = replace(ONE_DIE, engines=1, decode_fs=2 * FS_PER_US, decode_latency_fs=3 * FS_PER_US, retries=((1.0,),))
    assert trace(system, 2) == [
        (0, 1, "command", 0),
        (11, 15, "data", 0),  # page 0 fails at 15 + 2 + 3
        (15, 16, "command", 0),
        (26, 30, "data", 0),  # page 1 fails at 35
        (30, 31, "command", 0),
        (41, 45, "data", 0),  # page 0 again
        (45, 46, "command", 0),
        (56, 60, "data", 0),  # page 1 again
    ]
    assert full_load_us(system, 2) == 65


def test_a_retry_reads_one_plane():
    system = replace(ONE_DIE, planes=2, engines=1, decode_fs=FS_PER_US, retries=((1.0,),))
    transfers = [what for _, _, what, _ in trace(system, 2)]
    assert transfers == ["command", "data", "data", "command", "data", "command", "data"]


def retried(probability):
    return channel_like(channels=1, retries=((probability,) * 2,) * 3)


@pytest.mark.parametrize("probability", [0.3, 0.6])
def test_share_of_retried_pages(probability):
    """Exact two-sided test at 1e-6, which refuses a rate 2 % off."""
    fails, groups = Attempts(retried(probability)), 100_000
    again = sum(n > 0 for group in range(groups) for die in range(2) for n in fails(die, group))
    assert binomtest(again, 4 * groups, probability).pvalue > 1e-6
    assert binomtest(again, 4 * groups, 1.02 * probability).pvalue < 1e-6


def test_failures_nest():
    low, high = Attempts(retried(0.1)), Attempts(retried(0.4))
    pairs = [(low(die, group), high(die, group)) for die in range(2) for group in range(500)]
    assert all(a <= b for few, many in pairs for a, b in zip(few, many, strict=True))
    assert any(a < b for few, many in pairs for a, b in zip(few, many, strict=True))


def test_random_retries_agree_with_a_long_run_and_are_reproducible():
    system = channel_like(retries=((0.3, 0.1), (0.5, 0.2), (0.1, 0.0)))
    steady = steady_state(system)
    assert 0 < steady.relative_error <= 3e-3
    slope = 36_000 * system.page_bytes / (full_load_us(system, 48_000) - full_load_us(system, 12_000))
    assert bandwidth_mb_s(system) == pytest.approx(slope, rel=1e-2)
    steady_state.cache_clear()
    assert steady_state(system) == steady


def test_failures_too_rare_or_too_sure_are_not_drawn():
    device = load_device("tlc")
    attempts = device.ecc.retry.max + 1
    failures = np.full((3, attempts), 1e-9)
    failures[1] = 1 - 1e-9
    system = read_system(device, "ecc", failures)
    assert not system.random
    assert system.extra_reads == (0, attempts - 1, 0)
    assert read_system(device, "bypass", failures).retries == ()


def test_where_a_page_reads_time_goes():
    device = load_device("tlc", ["geometry.channels=1", "geometry.dies_per_channel=1", "timing.cache_read=false"])
    stages = read_timing(device, "ecc").page_read_us
    transfer = (16384 + 2208) / device.timing.bus_mt_s
    assert stages["command"] == pytest.approx(device.timing.command_us)
    assert stages["sense"] == pytest.approx(np.mean(device.timing.read_us))
    assert stages["transfer"] == pytest.approx(transfer)
    assert stages["bus_wait"] == pytest.approx(1.5 * transfer)  # the planes of a group go out one after another
    assert stages["decode"] == pytest.approx(16384 / (1000 * device.ecc.decode_bandwidth_gb_s) + 8)
    assert stages["die_wait"] == stages["decode_wait"] == stages["host_wait"] == 0


def test_stages_add_up_to_a_page_in_flight():
    """Little's law: pages between command and host = throughput x mean time of a page over all its stages."""
    device = load_device("tlc", ["host.bandwidth_gb_s=2.5"])
    timing, system = read_timing(device, "ecc"), read_system(device, "ecc")
    path, page_fs = ReadPath(system), 0
    for _ in range(60):
        path.run_to_milestone()
    begin_fs = path.clock.now
    for _ in range(20_000):
        in_flight, since_fs = (
            sum(system.credit_groups * system.planes - die.credits for die in path.dies),
            path.clock.now,
        )
        path.clock.step()
        page_fs += in_flight * (path.clock.now - since_fs)
    expected = timing.read_bandwidth_mb_s / system.page_bytes * sum(timing.page_read_us.values())
    assert page_fs / (path.clock.now - begin_fs) == pytest.approx(expected, rel=5e-3)
