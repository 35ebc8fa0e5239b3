"""A speed-up is the product of its causes, and each cause is where it belongs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nvmsim.device.layout import MODES
from nvmsim.device.profile import load_device
from nvmsim.timing.causes import speed_causes, weights_gb_s
from nvmsim.timing.read_path import read_timing


def causes(device, mode, *, failing=0.0, weight_bits=16):
    failures = np.full((3, device.ecc.retry.max + 1), failing)
    return speed_causes(device, mode, page_failures=failures, weight_bits=weight_bits), failures


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("weight_bits", [16, 17])
@pytest.mark.parametrize("failing", [0.0, 1.0])
def test_the_product_is_the_speed_up(mode, weight_bits, failing):
    device = load_device("tlc", ["ecc.retry.max=2"])
    split, failures = causes(device, mode, failing=failing, weight_bits=weight_bits)
    product = math.prod((split.bytes, split.decoder, split.retries, split.host))
    assert split.speedup == pytest.approx(product, rel=1e-12)
    fast, slow = (read_timing(device, m, page_failures=failures).read_bandwidth_mb_s for m in (mode, "ecc"))
    assert split.speedup == pytest.approx(fast / slow * 16 / weight_bits, rel=1e-12)


def test_a_bus_bound_device_gains_bytes_only():
    device = load_device("tlc", ["host.bandwidth_gb_s=null", "ecc.engines=64"])
    split, _ = causes(device, "reclaim")
    assert split.bytes == pytest.approx((16384 + 2208) / 16384, rel=1e-3)
    assert (split.decoder, split.retries, split.host) == pytest.approx((1, 1, 1))


def test_a_slow_decoder_is_the_decoders_fault():
    device = load_device("tlc", ["host.bandwidth_gb_s=null", "ecc.engines=1"])
    split, _ = causes(device, "bypass")
    assert split.decoder > 4
    assert (split.retries, split.host) == pytest.approx((1, 1))


def test_retries_are_told_from_the_decoder():
    device = load_device("tlc", ["host.bandwidth_gb_s=null", "ecc.engines=64", "ecc.retry.max=4"])
    split, _ = causes(device, "bypass", failing=1.0)
    assert split.retries > 3
    assert split.decoder == pytest.approx(1)


def test_a_slow_host_takes_the_gain_away():
    device = load_device("tlc", ["host.bandwidth_gb_s=0.5"])
    split, _ = causes(device, "bypass")
    assert split.speedup == pytest.approx(1, rel=1e-6)
    assert split.host == pytest.approx(1 / (split.bytes * split.decoder * split.retries), rel=1e-6)
    assert split.host < 0.95


def test_the_baseline_gains_nothing_and_wide_words_lose():
    device = load_device("tlc")
    split, _ = causes(device, "ecc", failing=0.0)
    assert (split.speedup, split.bytes, split.decoder, split.retries, split.host) == (1, 1, 1, 1, 1)
    wide, _ = causes(replace(device), "ecc", weight_bits=17)
    assert wide.speedup == pytest.approx(16 / 17)
    assert weights_gb_s(1700.0, 17) == pytest.approx(1.6)
