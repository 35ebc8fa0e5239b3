"""Files read one after the other: times add up, and the causes of the speed-up multiply."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nvmsim.device.layout import PageLayout
from nvmsim.device.profile import load_device
from nvmsim.timing.causes import speed_causes
from nvmsim.timing.in_turn import FileRead, causes_in_turn, timing_in_turn
from nvmsim.timing.read_path import read_timing


def file_read(device, mode, weight_bits, *, failing=0.0, n_weights=10**6):
    failures = np.full((3, device.ecc.retry.max + 1), failing)
    timing = read_timing(device, mode, page_failures=failures, model_bytes=int(n_weights * weight_bits / 8))
    causes = speed_causes(device, mode, page_failures=failures, weight_bits=weight_bits)
    return FileRead(timing, causes, weight_bits, PageLayout.of(device, mode).usable_bits)


def product(causes):
    return math.prod((causes.bytes, causes.decoder, causes.retries, causes.host))


@pytest.mark.parametrize("settings", [[], ["ecc.engines=1"], ["host.bandwidth_gb_s=3"], ["host.bandwidth_gb_s=null"]])
@pytest.mark.parametrize("failing", [0.0, 1.0])
@pytest.mark.parametrize("bits", [(4, 12), (3, 14), (0.25, 15.75)])
def test_times_add_up_and_causes_multiply(settings, failing, bits):
    device = load_device("tlc", ["ecc.retry.max=2", *settings])
    first = file_read(device, "ecc", bits[0], failing=failing)
    second = file_read(device, "reclaim", bits[1], failing=failing)
    whole, causes = timing_in_turn([first, second]), causes_in_turn([first, second])
    seconds = sum(bits) / whole.read_bandwidth_mb_s
    assert seconds == pytest.approx(sum(file.weight_bits / file.timing.read_bandwidth_mb_s for file in (first, second)))
    assert whole.load_us == first.timing.load_us + second.timing.load_us
    pages = [file.weight_bits / file.page_bits for file in (first, second)]
    for stage, read_us in whole.page_read_us.items():
        each = [file.timing.page_read_us[stage] for file in (first, second)]
        assert read_us == pytest.approx(np.average(each, weights=pages))
    assert causes.speedup == pytest.approx(product(causes), rel=1e-12)
    baseline = file_read(device, "ecc", 16, failing=failing)
    assert causes.speedup == pytest.approx(16 / baseline.timing.read_bandwidth_mb_s / seconds, rel=1e-9)
    assert max(whole.utilisation.values()) <= 1


def test_one_file_is_that_file_and_two_alike_are_one():
    device = load_device("tlc", ["ecc.engines=2", "ecc.retry.max=2"])
    for mode in ("ecc", "bypass"):
        one = file_read(device, mode, 16, failing=1.0)
        assert timing_in_turn([one]) is one.timing
        assert causes_in_turn([one]) is one.causes
        halves = [file_read(device, mode, bits, failing=1.0) for bits in (5, 11)]
        timing, causes = timing_in_turn(halves), causes_in_turn(halves)
        assert timing.read_bandwidth_mb_s == pytest.approx(one.timing.read_bandwidth_mb_s)
        assert timing.utilisation == pytest.approx(one.timing.utilisation)
        assert timing.page_read_us == pytest.approx(one.timing.page_read_us)
        for name in ("speedup", "bytes", "decoder", "retries", "host"):
            assert getattr(causes, name) == pytest.approx(getattr(one.causes, name)), name


def test_the_more_is_bare_the_less_the_decoder_and_retries_cost():
    device = load_device("tlc", ["ecc.engines=1", "ecc.retry.max=2", "host.bandwidth_gb_s=null"])
    found = [
        causes_in_turn(
            [file_read(device, "ecc", bits, failing=1.0), file_read(device, "bypass", 16 - bits, failing=1.0)]
        )
        for bits in (15, 8, 1)
    ]
    assert 1 < found[0].decoder < found[1].decoder < found[2].decoder
    assert 1 < found[0].retries < found[1].retries < found[2].retries
    bare = file_read(device, "bypass", 16, failing=1.0).causes
    assert found[2].speedup < bare.speedup


def test_the_bottleneck_is_that_of_the_file_that_takes_longest():
    device = load_device("tlc", ["ecc.engines=1"])
    decoded, bare = file_read(device, "ecc", 4), file_read(device, "bypass", 12)
    assert (decoded.timing.bottleneck, bare.timing.bottleneck) == ("ecc", "bus")
    assert timing_in_turn([decoded, bare]).bottleneck == "ecc"  # a quarter of the bits, most of the time
    assert timing_in_turn([decoded._replace(weight_bits=0.1), bare]).bottleneck == "bus"
    unasked = bare._replace(timing=replace(bare.timing, load_us=None))
    assert timing_in_turn([decoded, unasked]).load_us is None


def test_the_error_of_the_bandwidth_is_weighed_by_time():
    device = load_device("tlc")
    first, second = (file_read(device, "bypass", bits) for bits in (4, 12))
    unsure = first._replace(timing=replace(first.timing, relative_error=0.02))
    assert timing_in_turn([unsure, second]).relative_error == pytest.approx(0.02 / 4)
