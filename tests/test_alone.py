"""A page read by itself: a closed form, and the simulation of a single page."""

import json
from dataclasses import replace

import pytest

from nvmsim.cli_timing import timing_report
from nvmsim.device.profile import device_names, load_device
from nvmsim.study.timings import _figures
from nvmsim.timing.alone import alone_us
from nvmsim.timing.bounds import bounds_mb_s
from nvmsim.timing.load import load_us
from nvmsim.timing.modes import decoding_at, mode_timings
from nvmsim.timing.system import read_system


@pytest.mark.parametrize("name", device_names())
@pytest.mark.parametrize("mode", ["ecc", "bypass", "reclaim"])
def test_it_is_the_time_to_load_one_page(name, mode):
    """A single page of the first type, simulated, at an age that has none read again."""
    device = load_device(name)
    age = device.condition("fresh")
    system = read_system(device, mode, **decoding_at(device, age))
    assert not system.retried
    latency_us = device.timing.output_latency_us or 0.0  # pipelined, so that the simulation does not know it
    assert alone_us(device, age)[mode]["lsb"] == pytest.approx(load_us(system, 1) + latency_us, rel=1e-9)


def test_by_hand():
    device = load_device("tlc", ["host.bandwidth_gb_s=null", "ecc.decode_latency_us=8", "ecc.decode_bandwidth_gb_s=2"])
    found = alone_us(device, device.condition("fresh"))
    assert found["bypass"]["csb"] == pytest.approx(0.3 + 46 + 16384 / 1600)
    assert found["ecc"]["csb"] == pytest.approx(0.3 + 46 + 18592 / 1600 + 8 + 16384 / 2000)


def test_cas_latency_is_in_a_page_s_time_and_in_no_bandwidth():
    """NVMain's RRAM: tCMD 1, tRCD 10 and tCAS 6 at 400 MHz, then 256 bytes at 6.4 GB/s; each read has its own."""
    device, without = load_device("reram"), load_device("reram", ["timing.output_latency_us=null"])
    age = device.condition("fresh")
    assert alone_us(device, age)["bypass"]["lsb"] == pytest.approx((1 + 10 + 6) / 400 + 256 / 6400)
    assert alone_us(without, age)["bypass"]["lsb"] == pytest.approx((1 + 10) / 400 + 256 / 6400)
    speeds = [mode_timings(one, age)["bypass"].read_bandwidth_mb_s for one in (device, without)]
    assert speeds[0] == speeds[1]
    twice = load_device("reram", ["ecc.retry={max: 1, rber_factor: 1.0}", "rber={model: constant, rber: 0.2}"])
    single = load_device("reram", ["rber={model: constant, rber: 0.2}"])
    both = [alone_us(one, one.condition())["ecc"]["lsb"] for one in (twice, single)]
    assert both[0] == pytest.approx(2 * both[1])


def test_without_cache_read_the_array_waits_for_cas_latency():
    """One bank with one register: 1 + 10 + 6 cycles at 400 MHz and 64 bytes at 6.4 GB/s, page after page."""
    settings = ["timing.cache_read=false", "geometry.dies_per_channel=1", "page={user_bytes: 64, spare_bytes: 8}"]
    device = load_device("reram", settings)
    page_us, channels = (1 + 10 + 6) / 400 + 64 / 6400, device.geometry.channels
    age = device.condition("fresh")
    assert alone_us(device, age)["bypass"]["lsb"] == pytest.approx(page_us)
    assert mode_timings(device, age)["bypass"].read_bandwidth_mb_s == pytest.approx(channels * 64 / page_us)
    assert bounds_mb_s(device, "bypass")["die"] == pytest.approx(channels * 64 / page_us)
    soft = ["ecc.retry=null", "rber={model: constant, rber: 0.04}", "timing.output_latency_us=10"]
    lone = [load_device("tlc@soft", [*soft, f"timing.cache_read={flag}"]) for flag in ("true", "false")]
    both = [alone_us(one, one.condition())["ecc"]["lsb"] for one in lone]
    assert both[0] == pytest.approx(both[1], rel=1e-12)  # once a read, however often it senses
    without = replace(device, timing=replace(device.timing, output_latency_us=None))
    assert _figures(device.timing) != _figures(without.timing)


def test_retries_and_soft_reads_are_in_it():
    """Where every hard read fails: two hard reads, then one that senses and sends more, the host link once."""
    device = load_device("tlc@soft", ["host.bandwidth_gb_s=14", "rber={model: constant, rber: 0.04}"])
    soft = device.ecc.soft
    hard_us = 0.3 + 37 + 18592 / 1600 + 8 + 16384 / 2000
    soft_us = 0.3 + soft.senses * 37 + soft.transfers * 18592 / 1600 + 8 + 16384 / 2000
    found = alone_us(device, device.condition())["ecc"]["lsb"]
    assert found == pytest.approx(2 * hard_us + soft_us + 16384 / 14000)


QUEUE = "host={{link: pcie, generation: 4, lanes: 4, queue_depth: 1, request_bytes: 4096, latency_us: {us}}}"


@pytest.mark.parametrize(("latency_us", "noted"), [(1, True), (119.5, True), (122, False), (200, False)])
def test_requests_faster_than_any_page_are_doubted(latency_us, noted):
    report = json.loads(timing_report("qlc", [QUEUE.format(us=latency_us)], fmt="json"))
    assert (
        any(
            note.startswith(f"host.latency_us: {latency_us:g}: a page read by itself takes") for note in report["notes"]
        )
        == noted
    )


def test_the_command_line_prints_it():
    report = timing_report("tlc")
    assert "One page read by itself, mean in us: ecc 66.28 / 75.28 / 66.28; bypass 48.71 / 57.71 / 48.71" in report
    assert json.loads(timing_report("slc", fmt="json"))["ecc"]["alone_us"].keys() == {"lsb"}
    assert "One page read by itself, mean in us: ecc" in timing_report("slc") and "(lsb)" not in timing_report("slc")
