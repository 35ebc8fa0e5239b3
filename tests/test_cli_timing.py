"""Read timing as it is asked for: by the command line and from Python."""

import json

import numpy as np
import pytest

from nvmsim.cli_timing import timing_report
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError
from nvmsim.timing.decisive import decisive_keys
from nvmsim.timing.read_path import read_timing


def test_the_command_line_prints_every_mode():
    report = json.loads(timing_report("tlc", ["host.bandwidth_gb_s=null"], condition="fresh", fmt="json"))
    assert report["device"] == "tlc"
    for mode in ("ecc", "bypass", "reclaim"):
        assert report[mode]["read_bandwidth_mb_s"] > 0
        assert report[mode]["bottleneck"] == max(report[mode]["utilisation"], key=report[mode]["utilisation"].get)
        assert all(0 <= share <= 1 + 1e-12 for share in report[mode]["utilisation"].values())
    table = timing_report("tlc", ["host.bandwidth_gb_s=null"], condition="fresh").splitlines()
    assert [line.split()[0] for line in table[1:4]] == ["ecc", "bypass", "reclaim"]
    assert f"{report['ecc']['read_bandwidth_mb_s']:.1f}" in table[1]


def test_bad_requests_are_refused():
    device = load_device("tlc")
    with pytest.raises(InputError, match="mode: 'raw'"):
        read_timing(device, "raw")
    with pytest.raises(InputError, match="page_failures"):
        read_timing(device, "ecc", page_failures=np.zeros((2, 2)))
    with pytest.raises(InputError, match="condition"):
        timing_report("tlc", condition="stale")


def test_no_resource_is_busy_more_than_all_the_time_with_random_retries():
    device = load_device("tlc", ["ecc.engines=2", "host.bandwidth_gb_s=null"])
    timing = read_timing(device, "ecc", page_failures=np.array([[0.3, 0.01, 0.0, 0.0]] * 3))
    assert timing.bottleneck == "ecc"
    assert timing.utilisation["ecc"] == pytest.approx(1.0, abs=2e-3)
    assert max(timing.utilisation.values()) <= 1.0


def test_a_die_without_cache_read_waits_for_its_bus():
    """One die a bus whose array takes no time is the bus; where it takes some, the bus's rate still decides."""
    settings = ["timing.cache_read=false", "geometry.dies_per_channel=1"]
    assert read_timing(load_device("reram", [*settings, "timing.read_us=0", *LINK]), "bypass").bottleneck == "bus"
    device = load_device("reram", [*settings, *LINK])
    assert read_timing(device, "bypass").bottleneck == "die"
    assert {"timing.bus_mt_s", "timing.command_us"} <= set(decisive_keys(device, "die"))
    assert "timing.bus_mt_s" not in decisive_keys(load_device("reram"), "die")
    assert "; a die's work counts its data out" in timing_report("reram", [*settings, *LINK])
    assert "data out" not in timing_report("reram")


LINK = ["host.bandwidth_gb_s=null", "timing.output_latency_us=null"]


def test_slow_parts_keep_their_digits():
    slow = ["timing.read_us=0.1", "timing.bus_mt_s=0.004", "geometry={channels: 1, dies_per_channel: 1}"]
    found = json.loads(timing_report("reram", slow, fmt="json"))["bypass"]["read_bandwidth_mb_s"]
    assert f" {found:.4g} " in timing_report("reram", slow) and found < 0.01
