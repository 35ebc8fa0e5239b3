"""Read timing as it is asked for: by the command line and from Python."""

import json

import numpy as np
import pytest

from nvmsim.cli_timing import timing_report
from nvmsim.device.profile import load_device
from nvmsim.errors import InputError
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
