"""The simulation against a second way of working out the same semantics, on random devices of every shape."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from read_reference import bandwidth_mb_s, described, described_costs, read_times
from retry_reference import equal_costs, time_with_retries

from nvmsim.device.profile import load_device
from nvmsim.timing.path import ReadPath
from nvmsim.timing.read_path import read_timing
from nvmsim.timing.system import ReadCost, ReadSystem, read_system

times = st.integers(1_000, 200_000_000)
ENDLESS = 10**6  # groups of buffer: never full


@st.composite
def systems(draw):
    """Draw a whole path, times in odd numbers of femtoseconds so that hardly any two events meet."""
    cache_read = draw(st.booleans())
    return ReadSystem(
        channels=draw(st.integers(1, 4)),
        dies_per_channel=draw(st.integers(1, 4)),
        planes=draw(st.integers(1, 4)),
        read_fs=tuple(draw(st.lists(times, min_size=1, max_size=4))),
        command_fs=draw(st.integers(1_001, 5_000_000)),
        transfer_fs=draw(st.integers(1_003, 60_000_000)),
        cache_read=cache_read,
        before_data_fs=0 if cache_read else draw(st.integers(0, 30_000_001)),
        command_first=draw(st.booleans()),
        page_bytes=4096,
        engines=draw(st.integers(0, 5)),
        decode_fs=draw(st.integers(1_007, 40_000_000)),
        decode_latency_fs=draw(st.integers(0, 90_000_000)),
        host_fs=draw(st.one_of(st.just(0), st.integers(1_009, 20_000_000))),
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(systems(), st.integers(1, 300))
def test_a_model_takes_exactly_as_long(system, pages):
    assert ReadPath(system, pages, credit_groups=ENDLESS).run() == read_times(system, pages)[-1]


@st.composite
def devices(draw):
    """Draw a device and a mode: any geometry, unequal page types, bus rates that are no whole nanoseconds a byte."""
    reads = draw(st.lists(st.sampled_from([3, 25.7, 37, 46, 59, 85, 127]), min_size=3, max_size=3))
    keys = {
        "geometry.channels": draw(st.integers(1, 6)),
        "geometry.dies_per_channel": draw(st.integers(1, 5)),
        "geometry.planes_per_die": draw(st.integers(1, 4)),
        "page.spare_bytes": draw(st.sampled_from([2208, 3001])),
        "page.metadata_bytes": draw(st.sampled_from([0, 16])),
        "timing.read_us": dict(zip(("lsb", "csb", "msb"), reads, strict=True)),
        "timing.bus_mt_s": draw(st.sampled_from([166, 333.33, 400, 800, 1200, 1600, 3600])),
        "timing.command_us": draw(st.sampled_from([0.02, 0.29, 0.3, 2.24])),
        "timing.cache_read": draw(st.booleans()),
        "timing.arbitration": draw(st.sampled_from(["fair", "data_out_first"])),
        "host.bandwidth_gb_s": draw(st.sampled_from(["null", 1.1, 3.5, 14])),
        "ecc.engines": draw(st.integers(1, 8)),
        "ecc.decode_bandwidth_gb_s": draw(st.sampled_from([0.7, 1.3, 4])),
    }
    chosen = [f"{key}={str(value).lower().replace(chr(39), '')}" for key, value in keys.items()]
    return load_device("tlc", chosen), draw(st.sampled_from(["ecc", "bypass", "reclaim"]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(devices())
def test_the_profile_is_reduced_to_the_same_numbers(drawn):
    device, mode = drawn
    system, expected = read_system(device, mode), vars(described(device, mode))
    assert {key: list(value) if isinstance(value := getattr(system, key), tuple) else value for key in expected} == (
        expected
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(devices())
def test_the_steady_bandwidth_is_that_of_a_long_run(drawn):
    """Within 0.5 %, which the reference's own end effects need; most agree to 1e-6."""
    device, mode = drawn
    assume(device.geometry.dies * device.geometry.planes_per_die <= 64)
    expected = bandwidth_mb_s(described(device, mode), warm_turns=12, turns=24)
    assert read_timing(device, mode).read_bandwidth_mb_s == pytest.approx(expected, rel=5e-3)


@pytest.mark.parametrize(
    ("change", "value"),
    [("transfer_fs", 12_000_000), ("planes", 1), ("read_fs", (46 * 10**9,) * 3), ("command_fs", 0), ("engines", 1)],
)
def test_the_reference_tells_wrong_semantics_from_right_ones(change, value):
    device = load_device("tlc", ["geometry.channels=2", "host.bandwidth_gb_s=null", "timing.cache_read=false"])
    right = described(device, "ecc")
    wrong = SimpleNamespace(**{**vars(right), change: value})
    assert read_times(wrong, 99)[-1] != read_times(right, 99)[-1]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(systems(), st.integers(1, 60), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_model_with_pages_read_again_takes_exactly_as_long(drawn, pages, failures):
    """As many ECC engines as pages, so that only dies and buses are shared; every failure is certain."""
    failures = failures[: drawn.types]
    retries = tuple(tuple(1.0 if attempt < fails else 0.0 for attempt in range(3)) for fails in failures)
    system = replace(drawn, engines=60, host_fs=0, retries=retries)
    found = ReadPath(system, pages, credit_groups=ENDLESS).run()
    assert found == time_with_retries(system, pages, failures, equal_costs(system, 4))


@st.composite
def read_costs(draw, types, attempts):
    """Draw what each read takes, of each page type; the first senses and sends a page once."""
    small = st.integers(1, 4)
    return tuple(
        tuple(
            ReadCost(
                senses=draw(small) if attempt else 1,
                transfers=draw(small) if attempt else 1,
                decode_fs=draw(st.integers(1_007, 40_000_000)),
                latency_fs=draw(st.integers(0, 90_000_000)),
            )
            for attempt in range(attempts)
        )
        for _ in range(types)
    )


@settings(max_examples=150, deadline=None, derandomize=True)
@given(systems(), st.integers(1, 60), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.data())
def test_a_model_with_soft_reads_takes_exactly_as_long(drawn, pages, failures, data):
    """As above, and every read of a page has sensings, transfers and decoding times of its own."""
    failures = failures[: drawn.types]
    retries = tuple(tuple(1.0 if attempt < fails else 0.0 for attempt in range(3)) for fails in failures)
    costs = data.draw(read_costs(drawn.types, 4))
    system = replace(drawn, engines=60, host_fs=0, retries=retries, costs=costs)
    found = ReadPath(system, pages, credit_groups=ENDLESS).run()
    plain = [[(cost.senses, cost.transfers, cost.decode_fs + cost.latency_fs) for cost in row] for row in costs]
    assert found == time_with_retries(system, pages, failures, plain)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(systems(), st.integers(1, 300), st.data())
def test_a_model_whose_page_types_decode_unequally_takes_exactly_as_long(drawn, pages, data):
    """Few engines, which take the dies in turn, and a host link behind them."""
    system = replace(drawn, costs=data.draw(read_costs(drawn.types, 1)))
    decoding = [(cost.decode_fs, cost.latency_fs) for (cost,) in system.costs]
    assert ReadPath(system, pages, credit_groups=ENDLESS).run() == read_times(system, pages, decoding)[-1]


@st.composite
def soft_devices(draw):
    """Draw a device with soft reads, and the wrong bits of a codeword at each read."""
    growth = st.sampled_from([None, 0.0, 0.0465, 0.3])
    soft = {
        "max": draw(st.integers(1, 2)),
        "senses": draw(st.integers(1, 7)),
        "transfers": draw(st.integers(1, 3)),
        "limit_rber": 0.0135,
        "decode_latency_us": draw(st.sampled_from([None, 3.7])),
        "decode_bandwidth_gb_s": draw(st.sampled_from([None, 0.9])),
        "decode_growth_per_error": draw(growth),
    }
    limit = st.sampled_from([None, 1.0, 17.5])
    soft["decode_growth_limit"] = draw(limit) if soft["decode_growth_per_error"] else None
    keys = {"ecc.soft": soft, "ecc.decode_growth_per_error": draw(growth), "ecc.retry.max": draw(st.integers(0, 2))}
    keys["ecc.decode_growth_limit"] = draw(limit) if keys["ecc.decode_growth_per_error"] else None
    device = load_device("tlc", [f"{key}={json.dumps(value)}" for key, value in keys.items()])
    errors = st.integers(0, 300_000).map(lambda number: number / 1009)  # no time lies half way between two femtoseconds
    wrong = st.lists(errors, min_size=device.ecc.attempts, max_size=device.ecc.attempts)
    return device, draw(st.lists(wrong, min_size=3, max_size=3))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(soft_devices())
def test_a_profile_s_soft_reads_are_reduced_to_the_same_numbers(drawn):
    device, errors = drawn
    failures = [[1.0] * device.ecc.attempts] * 3
    system = read_system(device, "ecc", failures, codeword_errors=errors)
    found = [[system.cost(kind, read) for read in range(device.ecc.attempts)] for kind in range(3)]
    assert found == described_costs(device, errors)
