"""Mistakes seen in other SSD simulators: each right value worked out by hand, beside what the mistake would give.

The device has one bus, no cache read and no host link, so that every byte and every microsecond shows:
command 1 us, array read 50 us, 4 planes of 16384 + 2208 bytes.
"""

import numpy as np
import pytest
from scipy.stats import binom

from nvmsim.device.ecc import page_failures
from nvmsim.device.profile import load_device
from nvmsim.device.rber import Rates
from nvmsim.timing.read_path import read_timing
from nvmsim.timing.system import read_system

USER, SPARE, PLANES = 16384, 2208, 4
ONE_BUS = [
    "geometry={channels: 1, dies_per_channel: 1, planes_per_die: 4}",
    "timing={read_us: 50, command_us: 1, bus_mt_s: 400, cache_read: false, arbitration: fair}",
    "host.bandwidth_gb_s=null",
]


def speed(mode, *settings):
    return read_timing(load_device("tlc", [*ONE_BUS, *settings]), mode).read_bandwidth_mb_s


def by_hand(bus_bytes, *, mt_s=400.0, dies=1, read_us=50.0):
    """One group: command, array read, then the bytes of four planes; ``dies`` turns overlap."""
    return dies * PLANES * USER / (1 + read_us + PLANES * bus_bytes / mt_s)


@pytest.mark.parametrize("mt_s", [340, 400, 1200, 2400])
def test_a_bus_rate_is_not_rounded_to_whole_nanoseconds(mt_s):
    """Two bytes in whole nanoseconds make 500 MT/s of 400, and no time at all of 1200 and more."""
    rounded_us = int(1000 / mt_s) * USER / 1000
    mistake = PLANES * USER / (51 + PLANES * rounded_us)
    found = speed("bypass", f"timing.bus_mt_s={mt_s}")
    assert found == pytest.approx(by_hand(USER, mt_s=mt_s), rel=1e-9)
    assert abs(mistake / found - 1) > 1e-3


def test_the_bus_is_not_booked_during_the_array_read():
    """Two dies whose reads outlast the other's transfers lose nothing to each other."""
    found = speed("bypass", "timing.read_us=500", "geometry.dies_per_channel=2")
    assert found == pytest.approx(by_hand(USER, dies=2, read_us=500), rel=1e-9)
    assert found > 1.9 * by_hand(USER, read_us=500)  # what a booked bus gives


def test_each_plane_pays_for_its_own_transfer():
    found = speed("bypass")
    assert found == pytest.approx(by_hand(USER), rel=1e-9)
    assert found < 0.5 * PLANES * USER / (51 + USER / 400)  # what one transfer for all planes gives


def test_the_spare_bytes_cross_the_bus_with_ecc():
    found = speed("ecc", "ecc.engines=64", "ecc.decode_bandwidth_gb_s=100", "ecc.decode_latency_us=0")
    assert found == pytest.approx(by_hand(USER + SPARE), rel=1e-9)
    assert found < 0.95 * by_hand(USER)


def test_a_code_corrects_so_many_bits_a_codeword_not_a_page():
    """72 bits a KiB at 3e-3 stand 27.6 errors a codeword; a page of 16 has 442 and would never be read right."""
    code = "ecc={code: bch, codeword_bytes: 1024, parity_bytes: 126, t: 72, engines: 64}"
    device = load_device("tlc", [*ONE_BUS, code, "ecc.retry={max: 1, rber_factor: 1.0}"])
    rber = 3e-3
    failures = page_failures(device, Rates(((rber, rber),) * 3))
    page = -np.expm1(16 * np.log1p(-binom.sf(72, 8 * (1024 + 126), rber)))
    assert failures == pytest.approx(np.full((3, 2), page), rel=1e-6)
    assert binom.sf(72, 8 * (USER + SPARE), rber) > 1 - 1e-12  # the mistake: every page is read again
    assert read_system(device, "ecc", failures).extra_reads == (0.0,) * 3
    assert read_system(device, "ecc", np.ones((3, 2))).extra_reads == (1.0,) * 3


@pytest.mark.parametrize("cache_read", ["true", "false"])
def test_a_page_read_is_charged_the_time_of_its_own_type(cache_read):
    """30, 60 and 90 us in turn: the mean of the times, not the time of one type or of the slowest."""
    found = speed("bypass", "timing.read_us={lsb: 30, csb: 60, msb: 90}", f"timing.cache_read={cache_read}")
    drain = PLANES * USER / 400
    turn = [1 + max(read, drain) if cache_read == "true" else 1 + read + drain for read in (30, 60, 90)]
    assert found == pytest.approx(3 * PLANES * USER / sum(turn), rel=1e-9)
