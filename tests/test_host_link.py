"""Host links by their closed forms, what their keys demand of each other, and queue depth by Little's law."""

import ast
import inspect
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvmsim.cli_devices import show_device
from nvmsim.cli_timing import timing_report
from nvmsim.device import cross_host, host_link
from nvmsim.device.host_link import link_gb_s, queue_gb_s
from nvmsim.device.profile import Host, load_device
from nvmsim.device.resolve import plain
from nvmsim.errors import InputError
from nvmsim.timing.bounds import bounds_mb_s
from nvmsim.timing.causes import speed_causes
from nvmsim.timing.read_path import read_timing

SKP = 1 - 4 / 1538
QUEUE = "queue_depth: {}, request_bytes: {}, latency_us: {}"


def host(text):
    return load_device("tlc", [f"host={{{text}}}"]).host


@pytest.mark.parametrize("module", [host_link, cross_host])
def test_every_number_in_the_code_is_told_with_its_source(module):
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    numbers = {node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) in (int, float)}
    told = {float(text) for text in re.findall(r"\d+(?:\.\d+)?", module.__doc__)}
    assert numbers - {0, 1, -1, 1000} <= told  # indices and units
    assert "[V]" in module.__doc__ or "Assumptions" in module.__doc__


@pytest.mark.parametrize(
    ("text", "gb_s"),
    [
        ("link: pcie, generation: 1, lanes: 1", 2.5 / 8 * 0.8 * SKP * 256 / (256 + 24 + 8)),
        ("link: pcie, generation: 3, lanes: 16, max_payload_bytes: 512", 16 * 128 / 130 * SKP * 512 / (512 + 24 + 8)),
        ("link: pcie, generation: 4, lanes: 4, dllp_bytes_per_packet: 0", 8 * 128 / 130 * SKP * 256 / (256 + 24)),
        ("link: pcie, generation: 5, lanes: 4", 16 * 128 / 130 * SKP * 256 / 288),
        ("link: pcie, generation: 6, lanes: 8, max_payload_bytes: 128", 64 * 236 / 256 * 128 / (128 + 16)),
        ("link: cxl, generation: 5, lanes: 8", 32 * 128 / 130 * SKP * 64 / 68 * 8 / 9),
        ("link: on-package, bandwidth_gb_s: 1600", 1600),
        ("bandwidth_gb_s: 7", 7),
        ("bandwidth_gb_s: null", None),
    ],
)
def test_a_link_has_its_closed_form(text, gb_s):
    assert link_gb_s(host(text)) == (None if gb_s is None else pytest.approx(gb_s, rel=1e-12))


def test_cxl_slots_packed_one_by_one():
    """Slot 0 of a flit heads two lines, unless four slots of data are due; each line is four slots of data."""
    due = lines = 0
    flits = 9_000
    for _ in range(flits):
        if due >= 4:
            due -= 4
        else:
            due, lines = due + 8 - 3, lines + 2
    data_bytes, wire_bytes = 64 * lines, 68 * flits
    assert data_bytes / wire_bytes == pytest.approx(64 / 68 * 8 / 9, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "link: pcie, bandwidth_gb_s: 7, generation: 4, lanes: 4",
            "bandwidth_gb_s: 7.0: must be absent or null",
        ),
        ("link: pcie, lanes: 4", "host.generation: missing: must be given for link pcie"),
        ("link: pcie, generation: 7, lanes: 4", "generation: 7: must be one of 1, 2, 3, 4, 5, 6 or null"),
        ("link: pcie, generation: 4, lanes: 3", "lanes: 3: must be one of 1, 2, 4, 8, 16 or null"),
        ("link: pcie, generation: 6, lanes: 4, dllp_bytes_per_packet: 8", "must be absent in FLIT mode"),
        ("link: cxl, generation: 6, lanes: 8", "generation: 6: must be from 3 to 5 for link cxl"),
        ("link: cxl, generation: 5, lanes: 8, max_payload_bytes: 256", "must be absent or null beside link cxl"),
        ("link: on-package", "bandwidth_gb_s: missing: must be given for link on-package"),
        ("link: usb", "host.link: 'usb': must be one of pcie, cxl, on-package or null"),
        ("lanes: 4", "lanes: 4: must be absent or null without host.link"),
        ("queue_depth: 32", "host.latency_us: missing: queue_depth, request_bytes, latency_us belong together"),
        ("queue_depth: true", "queue_depth: true: must be a whole number"),
    ],
)
def test_wrong_links_are_refused(text, said):
    with pytest.raises(InputError) as caught:
        host(text)
    assert any(said in problem for problem in caught.value.problems), caught.value.problems


def test_naming_a_link_takes_the_old_bandwidth_away_whatever_the_order(tmp_path):
    keys = ["host.lanes=4", "host.generation=4", "host.link=pcie"]
    assert load_device("tlc", keys).host == load_device("tlc", keys[::-1]).host == Host(None, "pcie", 4, 4, 256, 8.0)
    path = tmp_path / "mine.yaml"
    path.write_text("extends: tlc\nhost: {link: pcie, generation: 4, lanes: 4, source: my sheet}\n")
    device = load_device(path)
    assert device.host.bandwidth_gb_s is None and device.source("host.lanes") == "my sheet"
    assert device.source("host.max_payload_bytes").startswith("assumption")


def test_a_linked_profile_is_shown_with_its_derivation_and_loads_again(tmp_path):
    keys = ["host={link: pcie, generation: 4, lanes: 4, queue_depth: 8, request_bytes: 4096, latency_us: 100}"]
    path = tmp_path / "again.yaml"
    shown = json.loads(show_device("tlc", keys, fmt="json"))
    path.write_text(json.dumps(shown["profile"]))
    assert plain(load_device(path)) == plain(load_device("tlc", keys))
    assert shown["host"] == {"link_gb_s": pytest.approx(6.9835, rel=1e-4), "queue_gb_s": pytest.approx(0.32768)}
    for text in (show_device("tlc", keys), timing_report("tlc", keys)):
        assert "host link pcie 4.0 x4: 6.983 GB/s = 8 GB/s (4 lanes of 16 GT/s) x 0.9846" in " ".join(text.split())
        assert "queue depth: 0.3277 GB/s = 8 requests x 4096 bytes / 100 us" in text
    assert json.loads(timing_report("tlc", keys, fmt="json"))["host"] == shown["host"]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    depth=st.integers(1, 256),
    request=st.sampled_from([512, 4096, 16384, 131072]),
    latency=st.sampled_from([40.0, 100.0, 333.3, 1000.0]),
    mode=st.sampled_from(["ecc", "bypass", "reclaim"]),
)
def test_throughput_is_the_least_of_memory_link_and_littles_law(depth, request, latency, mode):
    text = QUEUE.format(depth, request, latency)
    device = load_device("tlc", [f"host={{link: pcie, generation: 4, lanes: 4, {text}}}"])
    free = read_timing(load_device("tlc", ["host.bandwidth_gb_s=null"]), mode).read_bandwidth_mb_s
    cap_mb_s = depth * request / latency
    timing = read_timing(device, mode)
    link_mb_s = 1000 * link_gb_s(device.host)
    assert timing.read_bandwidth_mb_s == pytest.approx(min(free, link_mb_s, cap_mb_s), rel=5e-3)
    assert queue_gb_s(device.host) == pytest.approx(cap_mb_s / 1000)
    assert bounds_mb_s(device, mode)["queue depth"] == pytest.approx(cap_mb_s, rel=1e-6)
    assert (timing.bottleneck == "queue depth") == (cap_mb_s < min(free, link_mb_s))


def test_the_table_names_the_queue_depth_as_the_bottleneck():
    table = timing_report("tlc", ["host={" + QUEUE.format(4, 4096, 100) + "}"]).splitlines()
    assert table[0].split()[-2:] == ["queue", "depth"]
    assert all("queue depth" in row and row.split()[1] == "163.8" for row in table[1:4])
    assert "queue depth" not in timing_report("tlc")


def test_what_the_queue_takes_from_a_speed_up_is_the_hosts():
    device = load_device("tlc", ["host={" + QUEUE.format(4, 4096, 100) + "}"])
    split = speed_causes(device, "bypass", page_failures=None, weight_bits=16)
    assert split.speedup == pytest.approx(1, rel=1e-6)
    assert split.host == pytest.approx(1 / (split.bytes * split.decoder * split.retries), rel=1e-6)


def test_another_link_keeps_the_queue(tmp_path):
    path = tmp_path / "q.yaml"
    queue = "queue_depth: 8, request_bytes: 131072, latency_us: 100"
    path.write_text(
        f"extends: tlc\nhost: {{bandwidth_gb_s: 7, {queue}, source: a sheet}}\n"
        "variants: {fast: {host: {link: pcie, generation: 5, lanes: 4, source: another sheet}}}\n"
    )
    for device in (load_device(f"{path}@fast"), load_device(path, ["host={link: pcie, generation: 5, lanes: 4}"])):
        assert device.host.link == "pcie"
    fast = load_device(f"{path}@fast")
    assert (fast.host.queue_depth, fast.host.latency_us, fast.host.bandwidth_gb_s) == (8, 100, None)
